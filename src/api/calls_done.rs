//! Ticking many calls at once.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::post;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::auth::Caller;
use super::body::Valid;
use super::call_filter::CallFilter;
use super::calls::{tick, tick_kind};
use super::openapi::WriteRefusals;
use super::page;
use crate::app::App;
use crate::call::{Call, Moment};
use crate::clock;
use crate::error::{Error, Result};
use crate::object;
use crate::snapshot::Key;
use crate::store::Db;
use crate::store::amend::Amendment;
use crate::store::call_list::{self, Order};
use crate::store::journal::{self, TAKEN_BACK};

/// The most calls of one transaction.
const MOST_AT_ONCE: usize = 500;

/// Which calls, and whether they are done. Say either `ids` or `filter`.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkTick {
    /// These calls. Those that are not there are passed over.
    #[validate(length(min = 1, max = 500, message = "must name 1 to 500 calls; for more, send `filter`"))]
    #[schema(min_items = 1, max_items = 500)]
    ids: Option<Vec<i64>>,
    /// All calls that the list shows for it. No text in it may be blank, since that would mean all.
    #[serde(default, deserialize_with = "object::optional")]
    filter: Option<CallFilter>,
    /// Tick (true) or untick.
    #[serde(default = "yes")]
    #[schema(default = true)]
    done: bool,
}

const fn yes() -> bool {
    true
}

/// What came of it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct BulkTicked {
    /// How many calls changed; those that were so already are not among them.
    changed: usize,
    /// Calls that began earlier were not searched for the text of the filter's `q`, and not ticked for it; null where
    /// all were. To go on, send it as the filter's `until`.
    searched_back_to: Option<DateTime<Utc>>,
}

/// Ticks or unticks many calls. By filter it works in portions, newest first, so that a PBX never waits for it.
#[utoipa::path(tag = "calls", request_body = BulkTick, responses((status = 200, body = BulkTicked), WriteRefusals))]
#[post("/calls/done")]
pub async fn mark(app: Data<App>, caller: Caller, bulk: Valid<BulkTick>) -> Result<Json<BulkTicked>> {
    let Valid(BulkTick { ids, filter, done }) = bulk;
    let marked = match (ids, filter) {
        (Some(ids), None) => {
            Marked { changed: mark_these(&app, &caller.0, ids, done).await?, ..Marked::default() }
        }
        (None, Some(filter)) => {
            if let Some(field) = filter.blank() {
                let why = "must not be blank; leave it out where it shall not narrow";
                return Err(Error::field(&format!("filter.{field}"), why));
            }
            mark_all(&app, &caller.0, &filter, done, i64::MAX).await?
        }
        _ => return Err(Error::field("ids", "send either `ids` or `filter`")),
    };
    let searched_back_to = marked.searched_back_to.as_ref().map(Moment::and_utc);
    Ok(Json(BulkTicked { changed: marked.changed, searched_back_to }))
}

/// In portions, so that a PBX never waits for it. How many changed.
pub async fn mark_these(app: &App, key: &Arc<Key>, ids: Vec<i64>, done: bool) -> Result<usize> {
    let (at, mut changed) = (clock::now(), 0);
    for some in ids.chunks(MOST_AT_ONCE) {
        changed += mark_at(app, key, some.to_vec(), done, at).await?.len();
    }
    Ok(changed)
}

async fn mark_at(app: &App, key: &Arc<Key>, mut ids: Vec<i64>, done: bool, at: Moment) -> Result<Vec<Call>> {
    ids.sort_unstable();
    ids.dedup();
    let who = key.clone();
    let amendment = Amendment {
        ids,
        kind: tick_kind(done),
        why: Some(key.name.clone()),
        at,
        change: Box::new(move |call| who.sees(call.pbx_id) && tick(call, done, &who.name, at)),
    };
    app.store.writer.amend(amendment).await
}

/// What ticking by filter did. The changes lie between these, among others'.
#[derive(Debug, Default)]
pub struct Marked {
    /// How many calls changed.
    pub changed: usize,
    /// The first change.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// Older calls were not searched for the text; `None` where all were.
    pub searched_back_to: Option<Moment>,
}

/// All calls that the list shows for it, in portions; but those that changed after `known`, which nobody has seen yet.
pub async fn mark_all(
    app: &App,
    key: &Arc<Key>,
    filter: &CallFilter,
    done: bool,
    known: i64,
) -> Result<Marked> {
    let wanted = filter.wanted(&app.config.numbering, Some(key))?;
    let at = clock::now();
    let (mut marked, mut after) = (Marked::default(), None);
    loop {
        let wanted = wanted.clone();
        let page = move |db: &mut _| call_list::page(db, &wanted, Order::Newest, after, page::MOST);
        let found = app.store.query(page).await?;
        marked.searched_back_to = found.searched_back_to;
        let meant = |call: &&Call| call.done != done && call.change <= known;
        let ids: Vec<i64> = found.calls.iter().filter(meant).map(|call| call.id).collect();
        if !ids.is_empty() {
            let calls = mark_at(app, key, ids, done, at).await?;
            let changes = || calls.iter().map(|call| call.change);
            if marked.changed == 0 {
                marked.first = changes().min().unwrap_or_default();
            }
            marked.last = changes().max().unwrap_or(marked.last);
            marked.changed += calls.len();
        }
        if found.next.is_none() {
            return Ok(marked);
        }
        after = found.next;
    }
}

/// Takes back what somebody ticked among these changes, as if nobody had: events may tick those calls again, but for
/// those that a person had opened. Calls that were changed by others since then stay as they are. How many changed.
pub async fn take_back(app: &App, key: &Arc<Key>, first: i64, last: i64) -> Result<usize> {
    let who = key.name.clone();
    let ids = app.store.query(move |db| journal::ticked(db, first, last, &who)).await?;
    let at = clock::now();
    let mut changed = 0;
    for ids in ids.chunks(MOST_AT_ONCE) {
        let (who, mine, asked) = (key.clone(), first..=last, ids.to_vec());
        let openers = app.store.query(move |db| openers(db, &asked, last)).await?;
        let amendment = Amendment {
            ids: ids.to_vec(),
            kind: TAKEN_BACK,
            why: Some(key.name.clone()),
            at,
            change: Box::new(move |call| {
                let same = who.sees(call.pbx_id) && call.done && mine.contains(&call.change);
                if same {
                    call.tick(false, &who.name, at);
                    (call.done_by, call.done_at) = openers.get(&call.id).cloned().unzip();
                }
                same
            }),
        };
        changed += app.store.writer.amend(amendment).await?.len();
    }
    Ok(changed)
}

/// Who had opened these calls again, and when, before they were ticked for the last time up to a change.
fn openers(db: &mut Db, ids: &[i64], last: i64) -> QueryResult<HashMap<i64, (String, Moment)>> {
    let (mut opened, mut before) = (HashMap::new(), HashMap::new());
    for journal::Tick { call, kind, who, at } in journal::ticks(db, ids, last)? {
        // what stood before a tick is what taking it back brings again
        match kind.as_str() {
            TAKEN_BACK => opened.insert(call, before.get(&call).cloned().flatten()),
            kind if kind == tick_kind(false) => opened.insert(call, who.map(|who| (who, at))),
            _ => before.insert(call, opened.remove(&call).flatten()),
        };
    }
    Ok(before.into_iter().filter_map(|(call, opener)| Some((call, opener?))).collect())
}
