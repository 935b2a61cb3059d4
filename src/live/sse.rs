//! The event stream (server-sent events): calls as they change, for browsers and for `curl -N`.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::feed::STOPPING;
use super::news::{News, frame};
use super::{LAST_EVENT_ID, cursor};
use crate::api::{Asked, CallFilter, Caller, Own, ReadRefusals};
use crate::app::App;
use crate::error::{Error, Result};
use crate::metrics::{Counted, Reading};
use crate::store::call_list::Wanted;
use crate::store::changes;
use crate::store::{Db, journal};

/// How often an idle stream says that it is there, and up to where nothing was meant for it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again, in ms.
const RETRY_MS: u32 = 2_000;
/// Why a reader is sent away whose key or session was ended, or limited otherwise.
const ENDED: &str = "the key may read no more";

/// Where the stream begins.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Begin {
    /// The `id` of the last event that was heard: what came after it is told first. The header Last-Event-ID, which
    /// browsers send by themselves, says the same and wins. Without either it begins now.
    #[param(minimum = 0)]
    after: Option<i64>,
}

impl Own for Begin {
    const NAMES: &'static [&'static str] = &["after"];
}

/// Calls as they change: server-sent events call.ringing, call.connected, call.ended (its state is new) and
/// call.changed (a tick, a note, more facts), each with the whole call as data and its change number as id. Only calls
/// that the filter means as they are then. `dropped` tells a reader that it is too slow.
#[utoipa::path(tag = "live", params(
    CallFilter, Begin,
    ("Last-Event-ID" = Option<i64>, Header, description = "The id of the last event that was heard", minimum = 0)
), responses((status = 200, body = String, content_type = "text/event-stream"), ReadRefusals))]
#[get("/stream")]
pub async fn follow(
    app: Data<App>,
    caller: Caller,
    http: HttpRequest,
    asked: Asked<Begin>,
) -> Result<HttpResponse> {
    let wanted = asked.filter.wanted(&app.config.numbering, Some(&caller.0))?;
    let after = last_heard(&http)?.or(asked.own.after);
    let news = app.feed.follow().await?; // first, so that nothing falls between
    let newest = app.store.query(journal::newest).await?;
    let heard = cursor(after, newest)?.unwrap_or(newest);
    let greeting = format!(": calls as they change\nretry: {RETRY_MS}\nid: {heard}\n\n");
    let reader = Reader {
        heard,
        _counted: app.metrics.reader(Reading::Stream),
        place: if heard < newest { Place::Behind } else { Place::Live(news) },
        said: Instant::now(),
        app,
        caller,
        wanted,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("X-Accel-Buffering", "no")) // nginx would keep events back
        .streaming(stream::iter([Ok(Bytes::from(greeting))]).chain(stream::unfold(reader, Reader::next))))
}

fn last_heard(http: &HttpRequest) -> Result<Option<i64>> {
    let Some(id) = http.headers().get(LAST_EVENT_ID).filter(|id| !id.is_empty()) else { return Ok(None) };
    let id = id.to_str().ok().and_then(|id| id.trim().parse().ok());
    id.map(Some).ok_or_else(|| Error::field("Last-Event-ID", "must be the id of an event"))
}

/// Somebody who follows.
struct Reader {
    app: Data<App>,
    caller: Caller,
    wanted: Wanted,
    /// Everything up to this change was told, where it was meant.
    heard: i64,
    /// When something was last said.
    said: Instant,
    place: Place,
    _counted: Counted,
}

/// Where a reader stands.
enum Place {
    /// It reads by itself what is in the journal.
    Behind,
    /// It hears what the feed tells.
    Live(broadcast::Receiver<Arc<News>>),
    /// It was sent away.
    Over,
}

impl Reader {
    /// The next bytes, as soon as there are any.
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        loop {
            let told = match self.place {
                Place::Behind => self.catch_up().await,
                Place::Live(_) => self.listen().await,
                Place::Over => return None,
            };
            let told = told.unwrap_or_else(|e| self.send_away(&e.to_string()));
            if !told.is_empty() {
                self.said = Instant::now();
                return Some((Ok(told), self));
            }
        }
    }

    /// Reads on by itself; where that reaches the newest change, the feed takes over.
    async fn catch_up(&mut self) -> Result<Bytes> {
        let news = self.app.feed.follow().await?; // first, so that nothing falls between
        let heard = self.heard;
        let read = move |db: &mut Db| {
            let newest = journal::newest(db)?;
            let stretch = changes::between(db, heard, newest)?;
            Ok::<_, Error>((News::of(db, stretch.calls, stretch.upto)?, newest))
        };
        let (missed, newest) = self.app.store.query(read).await?;
        if !self.caller.may_go_on(&self.app) {
            return Ok(self.send_away(ENDED));
        }
        self.place = if missed.upto < newest { Place::Behind } else { Place::Live(news) };
        Ok(self.take(&missed))
    }

    async fn listen(&mut self) -> Result<Bytes> {
        let Place::Live(feed) = &mut self.place else { return Ok(Bytes::new()) };
        let news = tokio::select! {
            news = feed.recv() => Some(news),
            () = self.app.feed.closing() => return Err(STOPPING),
            () = sleep_until(self.said + KEEP_ALIVE) => None,
        };
        if !self.caller.may_go_on(&self.app) {
            return Ok(self.send_away(ENDED));
        }
        Ok(match news {
            Some(Ok(news)) => self.take(&news),
            Some(Err(RecvError::Lagged(_))) => {
                self.app.metrics.dropped_reader();
                self.send_away("too slow: more happened than could be kept for you; go on after the last id")
            }
            Some(Err(RecvError::Closed)) => return Err(STOPPING),
            // its id saves who connects again from going through what was not meant for them
            None => format!(": keep-alive\nid: {}\n\n", self.heard).into(),
        })
    }

    fn take(&mut self, news: &News) -> Bytes {
        let told = news.for_reader(&self.wanted, self.heard);
        self.heard = self.heard.max(news.upto);
        told
    }

    fn send_away(&mut self, reason: &str) -> Bytes {
        self.place = Place::Over;
        frame("dropped", self.heard, &Dropped { reason })
    }
}

/// The data of the event `dropped`.
#[derive(Serialize)]
struct Dropped<'a> {
    reason: &'a str,
}
