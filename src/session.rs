//! Browsers that are signed in: a cookie with a random token, of which the table holds the SHA-256. A session is its
//! key in the browser's hands: it may what the key may, and ends with it.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Data;
use chrono::TimeDelta;

use crate::app::App;
use crate::call::Moment;
use crate::clock;
use crate::secret::Hash;
use crate::snapshot::Key;

/// The cookie's name.
pub const COOKIE: &str = "hookswitch_session";
/// After that one signs in again.
pub const LASTS: TimeDelta = TimeDelta::days(30);
/// How long a link that signs in once is good.
pub const LINK_LASTS: TimeDelta = TimeDelta::days(1);

/// A session as it is held in memory.
#[derive(Debug)]
pub struct Session {
    /// Its row.
    pub id: i64,
    /// As whom.
    pub key: Arc<Key>,
    /// From then on it is none.
    pub expires_at: Moment,
    /// Of what the cookie holds.
    pub hash: Hash,
}

/// The session that a request came with.
pub fn of(request: &HttpRequest) -> Option<Arc<Session>> {
    let app = request.app_data::<Data<App>>()?;
    let cookie = request.cookie(COOKIE)?;
    app.snapshot().session(cookie.value(), clock::now()).cloned()
}

/// What the browser is told to send from now on. Lax, so that a link in a chat finds it signed in; what changes
/// something must also come `from_our_pages`.
pub fn cookie(app: &App, token: String) -> Cookie<'static> {
    Cookie::build(COOKIE, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.public_url.starts_with("https://"))
        .max_age(time::Duration::seconds(LASTS.num_seconds()))
        .finish()
}

/// The browser is told to forget it.
pub fn no_cookie(app: &App) -> Cookie<'static> {
    let mut cookie = cookie(app, String::new());
    cookie.make_removal();
    cookie
}

/// Was this sent by a page of ours? Browsers say whence a request that changes something comes, and no page can make
/// them lie: by Sec-Fetch-Site, or, where the connection is not encrypted, by Origin alone.
pub fn from_our_pages(request: &HttpRequest, public_url: &str) -> bool {
    let headers = request.headers();
    if let Some(site) = text(headers, "sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = text(headers, header::ORIGIN.as_str()) else { return false };
    let same_host = || {
        let from = origin.parse::<Uri>().ok()?.authority()?.to_string();
        Some(from.eq_ignore_ascii_case(text(headers, header::HOST.as_str())?))
    };
    origin.eq_ignore_ascii_case(public_url) || same_host().unwrap_or(false)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn ours(headers: &[(&'static str, &'static str)]) -> bool {
        let request = headers.iter().fold(TestRequest::post(), |r, header| r.insert_header(*header));
        from_our_pages(&request.to_http_request(), "https://calls.example.org")
    }

    #[test]
    fn only_our_own_pages_may_change_something() {
        assert!(ours(&[("Sec-Fetch-Site", "same-origin")]));
        assert!(!ours(&[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://calls.example.org")]));
        assert!(!ours(&[("Sec-Fetch-Site", "same-site")]));
        assert!(ours(&[("Origin", "https://calls.example.org"), ("Host", "10.0.0.1")]));
        assert!(ours(&[("Origin", "http://10.0.0.1:8080"), ("Host", "10.0.0.1:8080")]));
        assert!(!ours(&[("Origin", "http://10.0.0.1:8081"), ("Host", "10.0.0.1:8080")]));
        assert!(!ours(&[("Origin", "https://evil.example"), ("Host", "calls.example.org")]));
        assert!(!ours(&[("Origin", "null"), ("Host", "calls.example.org")]));
        assert!(!ours(&[]), "a browser always says");
    }
}
