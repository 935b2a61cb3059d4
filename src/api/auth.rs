//! Who asks: a key from the Authorization header, and what its role allows.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::address;
use crate::app::App;
use crate::error::{Error, Result};
use crate::snapshot::Key;
use crate::store::keys::Role;

/// The key that a request came with.
pub struct Caller(pub Arc<Key>);

impl Caller {
    /// Only this role and those above it.
    ///
    /// # Errors
    /// `Forbidden`, naming the role that it takes.
    pub fn at_least(&self, role: Role) -> Result<()> {
        if self.0.role >= role { Ok(()) } else { Err(Error::Forbidden(role.as_str())) }
    }

    /// May it go on with what takes long? Not once the key was ended or limited otherwise.
    pub fn may_go_on(&self, app: &App) -> bool {
        app.snapshot().holds(&self.0)
    }

    /// As if what it may not see were not there.
    ///
    /// # Errors
    /// `NotFound` where the key is limited to other PBXes.
    pub fn sees(&self, pbx_id: i64, what: &'static str) -> Result<()> {
        if self.0.sees(pbx_id) { Ok(()) } else { Err(Error::NotFound(what)) }
    }

    /// May it change what concerns this PBX, or with `None` all of them?
    ///
    /// # Errors
    /// `Limited` where it concerns all and the key does not, `NotFound` where it concerns another.
    pub fn touches(&self, pbx_id: Option<i64>, what: &'static str) -> Result<()> {
        match pbx_id {
            Some(id) => self.sees(id, what),
            None if self.0.pbx_ids.is_some() => Err(Error::Limited),
            None => Ok(()),
        }
    }
}

impl FromRequest for Caller {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).ok_or(Error::NoKey))
    }
}

fn caller(request: &HttpRequest) -> Option<Caller> {
    let app = request.app_data::<Data<App>>()?;
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let key = app.snapshot().key(secret(header)?)?.clone();
    app.note_use(key.id);
    Some(Caller(key))
}

/// `Bearer KEY`; and `Token token=KEY`, as Zammad's clients send it.
fn secret(header: &str) -> Option<&str> {
    let (scheme, rest) = header.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(rest.trim()),
        "token" => Some(rest.trim().strip_prefix("token=")?.trim_matches('"')),
        _ => None,
    }
}

/// Counts a refused key against its address. Whether there were too many.
pub fn guesses_too_often(request: &HttpRequest) -> bool {
    let guessed = request.headers().contains_key(header::AUTHORIZATION);
    guessed
        && request.app_data::<Data<App>>().is_some_and(|app| {
            let address = address::of(request, &app.config.serve.trusted_proxies);
            app.strangers.check_key(&address).is_err()
        })
}

/// Who guesses keys is answered 429 after a while. A good key never meets this: only refusals are counted.
pub async fn slow_down_guessing(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> std::result::Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let mut response = next.call(request).await?;
    if response.status() == StatusCode::UNAUTHORIZED && guesses_too_often(response.request()) {
        *response.response_mut().status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::secret;

    #[test]
    fn keys_come_as_bearer_or_as_zammads_clients_send_them() {
        for header in ["Bearer hsk_a", "bearer  hsk_a ", "Token token=hsk_a", "Token token=\"hsk_a\""] {
            assert_eq!(secret(header), Some("hsk_a"), "{header}");
        }
        for header in ["hsk_a", "Basic hsk_a", "Token hsk_a"] {
            assert_eq!(secret(header), None, "{header}");
        }
    }
}
