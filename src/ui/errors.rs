//! Errors as people meet them: a page, or a line in the page that asked. Programs that lost their way get JSON, as
//! everywhere.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::frame::{Frame, is_partial, see};
use crate::api::Caller;
use crate::error::{Error, FieldError};
use crate::session;

#[derive(Template)]
#[template(path = "error.html")]
struct Page {
    frame: Frame,
    title: String,
    detail: String,
    fields: Vec<FieldError>,
}

#[derive(Template)]
#[template(path = "error.html", block = "message")]
struct Line {
    detail: String,
    fields: Vec<FieldError>,
}

/// Shows an error as what its reader can read.
pub async fn as_pages<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let response = next.call(request).await?;
    let request = response.request();
    let error = response.response().error().and_then(|e| e.as_error::<Error>());
    match error.filter(|_| reads_html(request)).map(|error| shown(request, error)) {
        Some(page) => Ok(response.into_response(page).map_into_right_body()),
        None => Ok(response.map_into_left_body()),
    }
}

fn reads_html(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    is_partial(request) || accept.is_some_and(|accept| accept.contains("text/html"))
}

fn shown(request: &HttpRequest, error: &Error) -> HttpResponse {
    if matches!(error, Error::NoKey) {
        return to_sign_in(request);
    }
    let problem = error.problem();
    let mut response = HttpResponse::build(error.status_code());
    response.content_type("text/html; charset=utf-8");
    let fields = problem.errors;
    let text = if is_partial(request) {
        response.insert_header(("HX-Retarget", "#messages")).insert_header(("HX-Reswap", "innerHTML"));
        Line { detail: problem.detail, fields }.render()
    } else {
        let caller = session::of(request).map(|session| Caller(session.key.clone(), Some(session)));
        let frame = Frame::of(request, caller.as_ref());
        Page { frame, title: problem.title, detail: problem.detail, fields }.render()
    };
    response.body(text.unwrap_or_default()) // plain strings: cannot fail
}

/// And from there back to where one wanted to go.
fn to_sign_in(request: &HttpRequest) -> HttpResponse {
    let wanted = request.uri().path_and_query().filter(|_| request.method().is_safe());
    let next = wanted.map_or_else(|| "/".to_owned(), ToString::to_string);
    let address = format!("/sign-in?next={}", utf8_percent_encode(&next, NON_ALPHANUMERIC));
    if is_partial(request) {
        return HttpResponse::Ok().insert_header(("HX-Redirect", "/sign-in")).finish();
    }
    see(&address)
}
