//! Signing in with a key, or with a link that works once; signing out.

use actix_web::http::header;
use actix_web::web::{self, Data, Form, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::frame::{Frame, Visit, html, see};
use crate::address;
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::secret::{Hash, new_session};
use crate::session::{self, LASTS};
use crate::store::sessions::{self as rows, NewSession};
use crate::text;

/// The longest name of a browser that is kept, in characters.
const DEVICE: usize = 250;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    /// Where one wanted to go.
    next: String,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in_link.html")]
struct LinkPage {
    frame: Frame,
    token: String,
}

#[derive(Deserialize)]
struct Next {
    next: Option<String>,
}

async fn ask(request: HttpRequest, asked: Query<Next>) -> Result<HttpResponse> {
    let next = local(asked.into_inner().next);
    if session::of(&request).is_some() {
        return Ok(see(&next));
    }
    html(&Page { frame: Frame::of(&request, None), next, wrong: None })
}

#[derive(Deserialize)]
struct Sent {
    key: String,
    next: Option<String>,
}

async fn sign_in(app: Data<App>, request: HttpRequest, sent: Form<Sent>) -> Result<HttpResponse> {
    ours(&app, &request)?;
    let Sent { key, next } = sent.into_inner();
    let next = local(next);
    let Some(key) = app.snapshot().key(key.trim()).cloned() else {
        let too_many = guesses_too_often(&app, &request);
        let wrong =
            if too_many { "Too many wrong keys from your address. Wait a minute." } else { "No such key." };
        let page = Page { frame: Frame::of(&request, None), next, wrong: Some(wrong.into()) };
        let mut response = html(&page)?;
        *response.status_mut() = if too_many {
            actix_web::http::StatusCode::TOO_MANY_REQUESTS
        } else {
            actix_web::http::StatusCode::UNPROCESSABLE_ENTITY
        };
        return Ok(response);
    };
    begin(&app, &request, key.id, &next).await
}

async fn show_link(request: HttpRequest, token: Path<String>) -> Result<HttpResponse> {
    html(&LinkPage { frame: Frame::of(&request, None), token: token.into_inner() })
}

/// Only a POST uses the link up: what merely looks at links (chats, scanners) does not.
async fn use_link(app: Data<App>, request: HttpRequest, token: Path<String>) -> Result<HttpResponse> {
    ours(&app, &request)?;
    let hash = Hash::of(&token);
    let taken = app.store.query(move |db| rows::take_link(db, &hash, clock::now())).await?;
    match taken {
        Some(key_id) => begin(&app, &request, key_id, "/").await,
        None => {
            let _too_many = guesses_too_often(&app, &request);
            let wrong = "That link was used before, or is too old. Sign in with a key.".to_owned();
            html(&Page { frame: Frame::of(&request, None), next: "/".into(), wrong: Some(wrong) })
        }
    }
}

async fn begin(app: &Data<App>, request: &HttpRequest, key_id: i64, next: &str) -> Result<HttpResponse> {
    let (token, now) = (new_session(), clock::now());
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let new = NewSession {
        key_id,
        token_hash: Hash::of(&token).0.to_vec(),
        device: agent.unwrap_or("unknown").chars().take(DEVICE).collect(),
        address: address::of(request, &app.config.serve.trusted_proxies).to_string(),
        created_at: now,
        expires_at: now + LASTS,
    };
    App::change(app, move |db| Ok(rows::insert(db, &new)?)).await?;
    let mut response = see(next);
    response.add_cookie(&session::cookie(app, token)).map_err(|e| Error::Internal(Box::new(e)))?;
    Ok(response)
}

async fn sign_out(app: Data<App>, visit: Visit) -> Result<HttpResponse> {
    if let Some(session) = visit.caller.1 {
        App::change(&app, move |db| Ok(rows::end(db, session.key.id, session.id)?)).await?;
    }
    let mut response = see("/sign-in");
    response.add_cookie(&session::no_cookie(&app)).map_err(|e| Error::Internal(Box::new(e)))?;
    Ok(response)
}

/// Nobody signs a browser in from elsewhere, as somebody else than its owner thinks.
fn ours(app: &App, request: &HttpRequest) -> Result<()> {
    if session::from_our_pages(request, &app.config.public_url) { Ok(()) } else { Err(Error::ForeignPage) }
}

fn guesses_too_often(app: &App, request: &HttpRequest) -> bool {
    app.guesses_too_often(address::of(request, &app.config.serve.trusted_proxies))
}

/// A page of ours, or the first.
fn local(next: Option<String>) -> String {
    let ours = |next: &String| {
        next.starts_with('/')
            && !next.starts_with("//")
            && !next.contains('\\')
            && !next.contains(char::is_control)
            && text::check(next, 1, 2_000).is_ok()
    };
    next.filter(ours).unwrap_or_else(|| "/".into())
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/sign-in", web::get().to(ask))
        .route("/sign-in", web::post().to(sign_in))
        .route("/sign-in/{token}", web::get().to(show_link))
        .route("/sign-in/{token}", web::post().to(use_link))
        .route("/sign-out", web::post().to(sign_out));
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn one_is_never_led_away_from_here() {
        for (next, to) in [
            ("/calls/1?x=2", "/calls/1?x=2"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\r\nX: 1", "/"),
            ("", "/"),
        ] {
            assert_eq!(local(Some(next.into())), to);
        }
    }
}
