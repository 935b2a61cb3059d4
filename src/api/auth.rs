//! Who asks: a key from the Authorization header or a browser's session, and what its role allows.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, ResponseError};

use crate::address;
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::session::{self, Session};
use crate::snapshot::Key;
use crate::store::keys::Role;

/// The key that a request came with, and the session where it came by one.
#[derive(Clone)]
pub struct Caller(pub Arc<Key>, pub Option<Arc<Session>>);

impl Caller {
    /// Only this role and those above it.
    ///
    /// # Errors
    /// `Forbidden`, naming the role that it takes.
    pub fn at_least(&self, role: Role) -> Result<()> {
        if self.0.role >= role { Ok(()) } else { Err(Error::Forbidden(role.as_str())) }
    }

    /// May it go on with what takes long? Not once the key or the session was ended or limited otherwise.
    pub fn may_go_on(&self, app: &App) -> bool {
        let now = app.snapshot();
        now.holds(&self.0) && self.1.as_ref().is_none_or(|session| now.holds_session(session, clock::now()))
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
        ready(caller(request))
    }
}

fn caller(request: &HttpRequest) -> Result<Caller> {
    let app = request.app_data::<Data<App>>().ok_or(Error::NoKey)?;
    if let Some(sent) = sent(request) {
        let key = app.snapshot().key(sent).ok_or(Error::NoKey)?.clone();
        app.uses.note_key(key.id);
        return Ok(Caller(key, None));
    }
    let session = session::of(request).ok_or(Error::NoKey)?;
    if !request.method().is_safe() && !session::from_our_pages(request, &app.config.public_url) {
        return Err(Error::ForeignPage);
    }
    app.uses.note_session(session.id, session.key.id);
    Ok(Caller(session.key.clone(), Some(session)))
}

/// The key that is sent with a request. What else browsers and proxies send there (HTTP's own passwords) is none.
fn sent(request: &HttpRequest) -> Option<&str> {
    request.headers().get(header::AUTHORIZATION)?.to_str().ok().and_then(secret)
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
    sent(request).is_some()
        && request
            .app_data::<Data<App>>()
            .is_some_and(|app| app.guesses_too_often(address::of(request, &app.config.serve.trusted_proxies)))
}

/// Who guesses keys is answered 429 after a while. A good key never meets this: only refusals are counted.
pub async fn slow_down_guessing(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let response = next.call(request).await?;
    if response.status() == StatusCode::UNAUTHORIZED && guesses_too_often(response.request()) {
        let limited = Error::TooManyGuesses.error_response();
        return Ok(response.into_response(limited).map_into_right_body());
    }
    Ok(response.map_into_left_body())
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
