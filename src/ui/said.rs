//! What came of something, in a few lines, where there is no page to show it.

use actix_web::HttpResponse;
use askama::Template;

use super::frame::{Frame, Visit, html};
use crate::error::Result;

#[derive(Template)]
#[template(path = "said.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    lines: Vec<String>,
    next: &'static str,
}

/// In the page that asked.
#[derive(Template)]
#[template(path = "said.html", block = "message")]
struct Part {
    title: &'static str,
    lines: Vec<String>,
    next: &'static str,
}

/// Says it; `next` is where one goes on.
///
/// # Errors
/// Where the template fails to render.
pub fn said(
    visit: Visit,
    title: &'static str,
    lines: Vec<String>,
    next: &'static str,
) -> Result<HttpResponse> {
    if visit.partial {
        html(&Part { title, lines, next })
    } else {
        html(&Page { frame: visit.frame, title, lines, next })
    }
}
