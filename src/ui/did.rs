//! What a form did, said by the page that comes next: once, and without a script. Between the two it is in a cookie.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};

use super::frame::{Visit, is_partial};
use crate::words::words;

const COOKIE: &str = "hookswitch_did";

words! {
    /// What a form did.
    Did { Saved = "saved", Deleted = "deleted", Ended = "ended", Resent = "resent" }
}

impl Did {
    /// As the page says it.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Saved => "Saved.",
            Self::Deleted => "Deleted.",
            Self::Ended => "Ended.",
            Self::Resent => "Is sent again.",
        }
    }

    /// What the form before this page did.
    pub fn before(request: &HttpRequest) -> Option<Self> {
        request.cookie(COOKIE)?.value().parse().ok()
    }

    /// To another page, which says so. A script of the page is told where to.
    pub fn then(self, visit: &Visit, address: &str) -> HttpResponse {
        let mut response = if visit.partial { HttpResponse::Ok() } else { HttpResponse::SeeOther() };
        let to = if visit.partial { "HX-Redirect" } else { header::LOCATION.as_str() };
        response.insert_header((to, address)).cookie(cookie(self.as_str())).finish()
    }
}

fn cookie(value: &'static str) -> Cookie<'static> {
    let cookie = Cookie::build(COOKIE, value).path("/").http_only(true).same_site(SameSite::Lax);
    cookie.max_age(Duration::minutes(1)).finish()
}

/// What a page has said, no other says again.
pub async fn forget(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let asked = response.request();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
    if is_page && asked.method() == Method::GET && !is_partial(asked) && asked.cookie(COOKIE).is_some() {
        response.response_mut().add_removal_cookie(&cookie(""))?;
    }
    Ok(response)
}
