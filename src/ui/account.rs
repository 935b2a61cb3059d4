//! Who one is here, and the browsers that are signed in as that.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path};
use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::{Frame, Visit, html, see};
use crate::api::Caller;
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::store::sessions::{self as rows, SessionRow};

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    frame: Frame,
    name: String,
    role: String,
    limited: bool,
    sessions: Vec<Session>,
}

struct Session {
    id: i64,
    device: String,
    address: String,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    /// The one that looks.
    here: bool,
}

async fn show(app: Data<App>, visit: Visit) -> Result<HttpResponse> {
    let Caller(key, session) = visit.caller;
    let here = session.map(|session| session.id);
    let key_id = key.id;
    let sessions = app.store.query(move |db| rows::of_key(db, key_id, clock::now())).await?;
    let session = |row: SessionRow| Session {
        here: here == Some(row.id),
        id: row.id,
        device: row.device,
        address: row.address,
        created_at: row.created_at.and_utc(),
        last_used_at: row.last_used_at.map(|at| at.and_utc()),
    };
    html(&Page {
        frame: visit.frame,
        name: key.name.clone(),
        role: key.role.to_string(),
        limited: key.pbx_ids.is_some(),
        sessions: sessions.into_iter().map(session).collect(),
    })
}

async fn end(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    let (id, key_id) = (id.into_inner(), visit.caller.0.id);
    let ended = App::change(&app, move |db| Ok(rows::end(db, key_id, id)?)).await?;
    if ended { Ok(see("/account")) } else { Err(Error::NotFound("session")) }
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/account", web::get().to(show)).route("/account/sessions/{id}/end", web::post().to(end));
}
