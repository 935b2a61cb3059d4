//! What is shown once and kept by nobody but who sees it: a PBX's URL, a key, a webhook's secret.

use actix_web::HttpResponse;
use askama::Template;

use super::frame::{Frame, Visit, html};
use crate::error::Result;

/// A secret, and what to do with it.
pub struct Once {
    /// Whose it is.
    pub title: String,
    /// What it is.
    pub what: &'static str,
    /// To be copied.
    pub secret: String,
    /// How to go on, in lines.
    pub steps: Option<String>,
    /// The page that comes next.
    pub next: String,
    /// What that is.
    pub next_name: &'static str,
}

#[derive(Template)]
#[template(path = "once.html")]
struct Page {
    frame: Frame,
    once: Once,
}

/// In the place of the page whose script asked.
#[derive(Template)]
#[template(path = "once.html", block = "shown")]
struct Part {
    once: Once,
}

/// Shows it.
///
/// # Errors
/// Where the template fails to render.
pub fn show(visit: Visit, once: Once) -> Result<HttpResponse> {
    if visit.partial { html(&Part { once }) } else { html(&Page { frame: visit.frame, once }) }
}
