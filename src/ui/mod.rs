//! Pages for people, made here and not in the browser: one file for each page, its template in `templates/`, and in
//! `static/` what the browser loads. They ask the same functions as the API, and work without JavaScript for reading
//! and ticking.

mod account;
mod assets;
mod call;
mod call_change;
mod call_row;
mod calls;
mod chart;
mod contacts;
mod did;
mod errors;
mod fields;
mod figures;
mod filter;
mod frame;
mod keys;
mod once;
mod pbxes;
mod retention;
mod rule;
mod rules;
mod said;
mod screen_pop;
mod sign_in;
mod webhook;
mod webhooks;
mod zone;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{Compress, DefaultHeaders, from_fn};
use actix_web::{HttpResponse, web};

use crate::api;
use crate::error::{Error, Result};

/// The largest form, in bytes.
const FORM: usize = 256 * 1024;

pub use screen_pop::ScreenPop;

/// The browser loads from here alone, runs no script that stands in a page, and shows no page of ours in another.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// All pages, and an answer for what nothing else matches.
pub fn pages() -> impl HttpServiceFactory {
    web::scope("")
        .wrap(from_fn(errors::as_pages))
        .wrap(from_fn(did::forget))
        .wrap(Compress::default())
        .wrap(headers())
        .app_data(api::path_config())
        .app_data(api::query_config())
        .configure(assets::routes)
        .configure(sign_in::routes)
        .configure(account::routes)
        .configure(calls::routes)
        .configure(call_change::routes)
        .configure(call::routes)
        .configure(pbxes::routes)
        .configure(rules::routes)
        .configure(rule::routes)
        .configure(contacts::routes)
        .configure(keys::routes)
        .configure(webhooks::routes)
        .configure(webhook::routes)
        .configure(figures::routes)
        .configure(retention::routes)
        .app_data(form_config())
        .default_service(web::to(nothing_here))
}

async fn nothing_here() -> Result<HttpResponse> {
    Err(Error::NotFound("page"))
}

/// A form that is none of ours.
fn form_config() -> web::FormConfig {
    web::FormConfig::default().limit(FORM).error_handler(|e, _| Error::Malformed(e.to_string()).into())
}

fn headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::X_FRAME_OPTIONS, "DENY"))
        .add((header::REFERRER_POLICY, "same-origin"))
        .add((header::CACHE_CONTROL, "no-store"))
}
