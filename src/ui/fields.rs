//! What a form sends: its fields by name, or a file.

use std::fmt::Display;
use std::pin::Pin;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::{FutureExt, stream};

use crate::error::{Error, Result};

/// The fields of a form. Those that a page of ours has are always there, blank where nothing was written.
pub struct Fields(Vec<(String, String)>);

impl FromRequest for Fields {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let form = web::Form::<Vec<(String, String)>>::from_request(request, payload);
        Box::pin(async move { Ok(Self(form.await?.into_inner())) })
    }
}

impl Fields {
    /// As it was written; blank where it is not there.
    pub fn text(&self, name: &str) -> String {
        self.all(name).next().unwrap_or_default().to_owned()
    }

    /// Trimmed, where something was written.
    pub fn filled(&self, name: &str) -> Option<String> {
        self.all(name).map(str::trim).find(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Each value of a field that can occur more than once.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Is the box ticked?
    pub fn ticked(&self, name: &str) -> bool {
        self.filled(name).is_some()
    }

    /// What it says, where something was written.
    ///
    /// # Errors
    /// 422 naming the field.
    pub fn read<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>> {
        let read = |text: String| text.parse().map_err(|e: T::Err| Error::field(name, e.to_string()));
        self.filled(name).map(read).transpose()
    }

    /// What it must say.
    ///
    /// # Errors
    /// 422 naming the field.
    pub fn need<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T> {
        self.read(name)?.ok_or_else(|| Error::field(name, "must not be blank"))
    }

    /// Lines, or parts between commas, that are not blank.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name);
        let parts = text.split(['\n', ',']).map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }
}

/// A file that a form sent in its field `file`, and the type that the browser gave it.
///
/// # Errors
/// Where there is none, or it is larger than `most` bytes.
pub async fn file(
    request: &HttpRequest,
    body: web::Payload,
    most: usize,
) -> Result<(Vec<u8>, Option<String>)> {
    const FRAME: usize = 16 * 1024; // what a form has beside the file
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default())
        .map_err(|e| Error::Malformed(format!("send the form with its file: {e}")))?;
    let body = body.to_bytes_limited(most + FRAME).await.map_err(|_| Error::TooLarge(most))?;
    let body = body.map_err(|e| Error::Malformed(format!("the body cannot be read: {e}")))?;
    let mut parts = multer::Multipart::new(stream::iter([Ok::<_, std::io::Error>(body)]), boundary);
    let wrong = |e: multer::Error| Error::Malformed(format!("broken form: {e}"));
    let find = async {
        while let Some(part) = parts.next_field().await.map_err(wrong)? {
            if part.name() == Some("file") {
                let media = part.content_type().map(ToString::to_string);
                return Ok((part.bytes().await.map_err(wrong)?.to_vec(), media));
            }
        }
        Err(Error::field("file", "choose a file"))
    };
    // all of the body is there, so nothing in it can be waited for
    let (file, media) = find.now_or_never().unwrap_or_else(|| Err(Error::field("file", "ends too early")))?;
    if file.is_empty() {
        return Err(Error::field("file", "choose a file that is not empty"));
    }
    Ok((file, media))
}
