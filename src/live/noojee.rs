//! Noojee's CallManagementAPI, as far as it tells of calls: the long poll `subscribe`, for clients that know it. There
//! is no call control, so its other methods are answered with a `Code` below zero.

mod legs;
mod seat;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono_tz::Tz;
use diesel::QueryResult;
use serde::Serialize;

use super::news::Change;
use super::poll::{Asker, ask};
use crate::address;
use crate::app::App;
use crate::call::Call;
use crate::error::Error;
use crate::metrics::Reading;
use crate::snapshot::Key;
use crate::store::changes::Moved;
use crate::store::{Db, calls, journal};
use legs::{Entry, Extension};

/// What who waited with a key that was ended meanwhile is told.
const ENDED: &str = "apiKey: this key may read no more";
/// Where clients expect it.
const BASE: &str = "/servicemanager/rest/CallManagementAPI";
/// In seconds, where the client says nothing.
const USUAL_WAIT: u64 = 10;
/// In seconds.
const LONGEST_WAIT: u64 = 120;
/// There is always a little patience, as in the original.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
/// Extensions in one request.
const EXTENSIONS: usize = 500;
/// Of an extension, in characters.
const NAME: usize = 250;

/// The method that is there, and a word on all others.
pub fn routes(config: &mut web::ServiceConfig) {
    let only_post = || async { refusal(StatusCode::METHOD_NOT_ALLOWED, "send a POST") };
    let subscribe = web::resource(format!("{BASE}/subscribe")).route(web::post().to(subscribe));
    config
        .service(subscribe.default_service(web::to(only_post)))
        .service(web::resource(format!("{BASE}/{{method}}")).to(async || unsupported()));
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    data: BTreeMap<String, Vec<Entry>>,
    #[serde(rename = "seq")]
    seq: i64,
    code: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal<'a> {
    message: &'a str,
    code: i32,
}

fn refusal(status: StatusCode, message: &str) -> HttpResponse {
    HttpResponse::build(status).json(Refusal { message, code: -1 })
}

fn unsupported() -> HttpResponse {
    refusal(
        StatusCode::OK,
        "this server tells of calls and does not control them: only subscribe is supported",
    )
}

async fn subscribe(app: Data<App>, http: HttpRequest, body: Bytes) -> HttpResponse {
    let asked = match Asked::read(http.query_string(), &body) {
        Ok(asked) => asked,
        Err(message) => return refusal(StatusCode::BAD_REQUEST, &message),
    };
    let Some(key) = app.snapshot().key(&asked.api_key).cloned() else { return stranger(&app, &http) };
    app.uses.note_key(key.id);
    let _counted = app.metrics.reader(Reading::Noojee);
    match reply(&app, &key, &asked).await {
        Ok(_) if !app.snapshot().holds(&key) => refusal(StatusCode::UNAUTHORIZED, ENDED),
        Ok(reply) => HttpResponse::Ok().json(reply),
        Err(e) => refusal(StatusCode::SERVICE_UNAVAILABLE, &e.to_string()),
    }
}

fn stranger(app: &App, http: &HttpRequest) -> HttpResponse {
    let address = address::of(http, &app.config.serve.trusted_proxies);
    if !app.guesses_too_often(address) {
        return refusal(StatusCode::UNAUTHORIZED, "apiKey: send a key of this server, hsk_…");
    }
    let mut limited = refusal(StatusCode::TOO_MANY_REQUESTS, "too many wrong keys; try again in a minute");
    limited.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
    limited
}

/// What a client sends: in the query, or as a form. Other names are none of our business.
#[derive(Default)]
struct Asked {
    api_key: String,
    extensions: Vec<String>,
    seq: i64,
    wait: Duration,
}

impl Asked {
    fn read(query: &str, body: &[u8]) -> Result<Self, String> {
        let form =
            std::str::from_utf8(body).map_err(|_| "the body is no text: send parameters in the query")?;
        let mut params = BTreeMap::new();
        for text in [form, query] {
            let pairs = Query::<Vec<(String, String)>>::from_query(text).map_err(|e| e.to_string())?;
            params.extend(pairs.into_inner());
        }
        let number = |name: &str, usual| match params.get(name).map(|text| text.trim()) {
            None | Some("") => Ok(usual),
            Some(text) => text.parse::<u64>().map_err(|_| format!("{name}: must be a number, 0 or more")),
        };
        let mut extensions: Vec<String> = params
            .get("exten")
            .map_or("", String::as_str)
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        extensions.sort_unstable();
        extensions.dedup();
        if extensions.is_empty() {
            return Err("exten: name the extensions, as in exten=400,410".into());
        }
        if extensions.len() > EXTENSIONS || extensions.iter().any(|name| name.chars().count() > NAME) {
            return Err(format!("exten: at most {EXTENSIONS} extensions of at most {NAME} characters"));
        }
        let wait = Duration::from_secs(number("timeOut", USUAL_WAIT)?.min(LONGEST_WAIT));
        Ok(Self {
            seq: i64::try_from(number("lastSequenceNumber", 0)?).unwrap_or(i64::MAX),
            wait: wait.max(SHORTEST_WAIT),
            api_key: params.remove("apiKey").unwrap_or_default(),
            extensions,
        })
    }
}

/// 0 and what was never given out ask for the calls that are under way; else for what changed. Since 0 is not a place
/// in the feed, `seq` is one more than the change that it stands for.
async fn reply(app: &Data<App>, key: &Key, asked: &Asked) -> Result<Reply, Error> {
    let watch = Arc::new(Watch {
        extensions: asked.extensions.iter().map(|name| Extension::new(name, &app.config.numbering)).collect(),
        pbx_ids: key.pbx_ids.clone(),
        zone: app.config.time_zone,
    });
    let newest = app.store.query(journal::newest).await?;
    let mut after = asked.seq - 1;
    let mut shown = Vec::new();
    if after < 0 || after > newest {
        let watch = watch.clone();
        let current = move |db: &mut Db| {
            let live = calls::live(db, newest)?;
            let mut entries = watch.entries(db, live.iter().map(|call| (call, true)), after)?;
            entries.retain(|(_, entry)| !entry.is_over());
            Ok::<_, diesel::result::Error>(entries)
        };
        shown = app.store.query(current).await?;
        after = newest;
    }
    if shown.is_empty() {
        (shown, after) = ask(app, watch, after, asked.wait).await?;
    }
    let mut data = BTreeMap::<String, Vec<Entry>>::new();
    for (extension, entry) in shown {
        data.entry(extension).or_default().push(entry);
    }
    Ok(Reply { data, seq: after + 1, code: 0 })
}

/// Some extensions, as one key may see them.
struct Watch {
    extensions: Vec<Extension>,
    pbx_ids: Option<Vec<i64>>,
    zone: Tz,
}

impl Watch {
    fn sees(&self, call: &Call) -> bool {
        self.pbx_ids.as_ref().is_none_or(|ids| ids.contains(&call.pbx_id))
    }

    /// What moved behind `after` at these calls, of each of which is said whether its state is new.
    fn entries<'c>(
        &self,
        db: &mut Db,
        calls: impl IntoIterator<Item = (&'c Call, bool)>,
        after: i64,
    ) -> QueryResult<Vec<(String, Entry)>> {
        let mut entries = Vec::new();
        for (call, state_is_new) in calls.into_iter().filter(|(call, _)| self.concerns(call)) {
            let twin = if call.is_between_extensions() { calls::twin(db, call)? } else { None };
            for extension in &self.extensions {
                let seats = extension.seats(call, twin);
                let moved = seats.filter(|seat| seat.has_moved(after, state_is_new));
                entries.extend(moved.map(|seat| (extension.name.clone(), Entry::of(&seat, self.zone))));
            }
        }
        Ok(entries)
    }

    fn concerns(&self, call: &Call) -> bool {
        self.sees(call) && self.extensions.iter().any(|it| it.seats(call, None).next().is_some())
    }
}

impl Asker for Watch {
    type Shown = (String, Entry);
    /// So that both legs of an internal call travel together where the PBX tells of each.
    const SETTLE: Duration = Duration::from_millis(50);

    fn show(&self, db: &mut Db, moved: Vec<Moved>, after: i64) -> QueryResult<Vec<Self::Shown>> {
        self.entries(db, moved.iter().map(|moved| (&moved.call, moved.state_is_new)), after)
    }

    fn is_meant(&self, change: &Change) -> bool {
        let has_legs = !change.call.extra().legs.is_empty();
        (change.state_is_new || has_legs) && self.concerns(&change.call)
    }
}
