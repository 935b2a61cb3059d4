//! Zammad's own three endpoints for its caller log, with its shapes and its errors.

use std::collections::HashSet;
use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::QueryPayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Data, Json, Path, Query};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError, get, post};
use serde_json::{Map, Value, json};

use super::auth::{self, Caller};
use super::calls_done::mark_these;
use super::pbx_side::CtiError;
use super::zammad_view::{CtiLog, far_end};
use crate::app::App;
use crate::dialect::params::Params;
use crate::error::Error;
use crate::store::call_list::{self, Order, Wanted};
use crate::store::pbxes::PbxRow;
use crate::store::{Db, calls as rows, matches, pbxes};

/// How many calls Zammad shows.
const SHOWN: i64 = 60;

/// As a bulk tick names its calls.
const NAMES: [&str; 2] = ["ids", "ids[]"];

/// The most calls of one bulk tick.
const MOST_IDS: usize = 5_000;

/// An error in Zammad's words.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
struct Refused {
    status: StatusCode,
    why: String,
}

impl Refused {
    fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => response.insert_header((header::RETRY_AFTER, "1")),
            StatusCode::TOO_MANY_REQUESTS => response.insert_header((header::RETRY_AFTER, "60")),
            _ => &mut response,
        };
        response.json(json!({ "error": self.why }))
    }
}

impl From<Error> for Refused {
    fn from(e: Error) -> Self {
        if let Error::Internal(cause) = &e {
            log::error!("{cause}");
        }
        Self::new(e.status_code(), e.to_string())
    }
}

/// Whoever has a key. Without one Zammad answers 403, not 401.
struct Agent(Caller);

impl FromRequest for Agent {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let refused = |_| {
            if auth::guesses_too_often(request) {
                return Refused::from(Error::TooManyGuesses).into();
            }
            Refused::new(StatusCode::FORBIDDEN, "Authentication required").into()
        };
        ready(Caller::from_request(request, payload).into_inner().map(Self).map_err(refused))
    }
}

/// A body that may be refused in Zammad's words, too.
struct Body(Bytes);

impl FromRequest for Body {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, actix_web::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            let unread =
                |e: actix_web::Error| Refused::new(e.error_response().status(), e.to_string()).into();
            body.await.map(Self).map_err(unread)
        })
    }
}

/// Query and body as one list.
fn params<'a>(request: &'a HttpRequest, Body(body): &'a Body) -> Result<Params<'a>, Refused> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Params::read(request.query_string(), content_type, body)
        .map_err(|e| Refused::new(StatusCode::BAD_REQUEST, e.to_string()))
}

/// Which calls a bulk tick names: Zammad sets no bound, and a PBX's 200 parameters are soon reached.
fn ids(request: &HttpRequest, body: &Body) -> Result<Vec<i64>, Refused> {
    let of_body = match request.content_type() {
        media if media.starts_with("multipart/") => params(request, body)?.all(&NAMES),
        media if media.ends_with("json") || body.0.trim_ascii_start().starts_with(b"{") => {
            ids_of_json(&body.0)?
        }
        _ => ids_of_form(&String::from_utf8_lossy(&body.0))?,
    };
    let named = if of_body.is_empty() { ids_of_form(request.query_string())? } else { of_body };
    if named.len() > MOST_IDS {
        let why = format!("ids: {} calls, at most {MOST_IDS} at once", named.len());
        return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    named.iter().map(|id| read_id(id)).collect()
}

fn ids_of_json(text: &[u8]) -> Result<Vec<String>, Refused> {
    let wrong = |e| Refused::new(StatusCode::BAD_REQUEST, format!("broken JSON: {e}"));
    let text = if text.trim_ascii().is_empty() { b"{}" } else { text };
    let fields: Map<String, Value> = serde_json::from_slice(text).map_err(wrong)?;
    let ids = NAMES.iter().filter_map(|name| fields.get(*name)).flat_map(|ids| match ids {
        Value::Array(ids) => ids.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    });
    Ok(ids.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)).collect())
}

fn ids_of_form(text: &str) -> Result<Vec<String>, Refused> {
    let wrong = |e: QueryPayloadError| Refused::new(StatusCode::BAD_REQUEST, e.to_string());
    let pairs = Query::<Vec<(String, String)>>::from_query(text.trim_end()).map_err(wrong)?.into_inner();
    let ids = pairs.into_iter().filter(|(name, id)| NAMES.contains(&name.as_str()) && !id.is_empty());
    Ok(ids.map(|(_, id)| id).collect())
}

/// The newest 60 calls, as Zammad shows its caller log.
#[utoipa::path(tag = "Zammad", responses((status = 200, body = CtiLog), (status = 403, body = CtiError, description = "No key, or an unknown one"), (status = 429, body = CtiError), (status = 503, body = CtiError)))]
#[get("/cti/log")]
pub async fn caller_log(app: Data<App>, agent: Agent) -> Result<Json<CtiLog>, Refused> {
    let wanted = Wanted { visible: agent.0.0.pbx_ids.clone(), ..Wanted::default() };
    let read = move |db: &mut Db| {
        let mut calls = call_list::page(db, &wanted, Order::Newest, None, SHOWN)?.calls;
        let mut keys: Vec<String> = calls.iter().filter_map(far_end).cloned().collect();
        keys.sort_unstable();
        keys.dedup();
        let matches = matches::of_keys(db, &keys)?;
        let pbxes = pbxes::all(db)?;
        // Zammad stores a cause as sent, but says it in its own words where the PBX has others (Placetel)
        let other_words = |pbx: &PbxRow| !["zammad", "sipgate"].contains(&pbx.dialect.as_str());
        for call in calls.iter_mut().filter(|call| call.cause.is_some()) {
            if pbxes.iter().any(|pbx| pbx.id == call.pbx_id && other_words(pbx)) {
                call.raw_cause = None;
            }
        }
        let speaks = |dialect: &str| pbxes.iter().any(|pbx| pbx.enabled && pbx.dialect == dialect);
        Ok::<_, Error>(CtiLog::new(calls, &matches, speaks))
    };
    Ok(Json(app.store.query(read).await?))
}

/// A tick as Zammad's clients send it.
#[derive(serde::Serialize, utoipa::ToSchema)]
struct CtiDone {
    /// Tick or untick.
    done: bool,
}

/// Several ticks as Zammad's clients send them.
#[derive(serde::Serialize, utoipa::ToSchema)]
struct CtiDoneBulk {
    /// The calls; in a form `ids[]`, repeated. At most 5000.
    #[schema(max_items = 5000)]
    ids: Option<Vec<i64>>,
}

/// Ticks or unticks one call.
#[utoipa::path(
    tag = "Zammad", params(("id" = i64, Path)),
    request_body(content((CtiDone = "application/json"), (CtiDone = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = Object), (status = 400, body = CtiError), (status = 413, body = CtiError), (status = 403, body = CtiError), (status = 404, body = CtiError), (status = 422, body = CtiError), (status = 429, body = CtiError), (status = 503, body = CtiError)),
)]
#[post("/cti/done/{id}")]
pub async fn tick(
    app: Data<App>,
    agent: Agent,
    id: Path<String>,
    request: HttpRequest,
    body: Body,
) -> Result<Json<Map<String, Value>>, Refused> {
    let done = match params(&request, &body)?.get("done").map(str::trim) {
        Some("true" | "1") => true,
        Some("false" | "0") => false,
        _ => return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "done: must be true or false")),
    };
    mark(&app, &agent.0, vec![read_id(&id)?], done).await
}

/// Ticks several calls: all of them, or, where one is not there, none.
#[utoipa::path(
    tag = "Zammad",
    request_body(content((Option<CtiDoneBulk> = "application/json"), (Option<CtiDoneBulk> = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = Object), (status = 400, body = CtiError), (status = 413, body = CtiError), (status = 403, body = CtiError), (status = 404, body = CtiError), (status = 422, body = CtiError), (status = 429, body = CtiError), (status = 503, body = CtiError)),
)]
#[post("/cti/done/bulk")]
pub async fn tick_all(
    app: Data<App>,
    agent: Agent,
    request: HttpRequest,
    body: Body,
) -> Result<Json<Map<String, Value>>, Refused> {
    let ids = ids(&request, &body)?;
    mark(&app, &agent.0, ids, true).await
}

/// An id that is no number is an id that nothing has.
fn read_id(text: &str) -> Result<i64, Refused> {
    text.trim().parse().map_err(|_| not_found(text))
}

fn not_found(id: impl std::fmt::Display) -> Refused {
    Refused::new(StatusCode::NOT_FOUND, format!("Couldn't find Cti::Log with 'id'={id}"))
}

/// All of them, or, where one is not there, none.
async fn mark(
    app: &App,
    caller: &Caller,
    ids: Vec<i64>,
    done: bool,
) -> Result<Json<Map<String, Value>>, Refused> {
    let (key, asked) = (caller.0.clone(), ids.clone());
    let found = app.store.query(move |db: &mut Db| rows::by_ids(db, &asked)).await?;
    let seen = found.iter().filter(|call| key.sees(call.pbx_id)).map(|call| call.id);
    let there: HashSet<i64> = seen.collect();
    if let Some(unknown) = ids.iter().find(|id| !there.contains(id)) {
        return Err(not_found(unknown));
    }
    if !ids.is_empty() {
        mark_these(app, &caller.0, ids, done).await?;
    }
    Ok(Json(Map::new()))
}
