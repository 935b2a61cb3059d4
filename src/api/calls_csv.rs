//! The caller log for spreadsheets: streamed, so that no log is too long.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use chrono::{DateTime, SecondsFormat, Utc};

use super::auth::Caller;
use super::call_filter::CallFilter;
use super::call_view::{CallView, views};
use super::csv_answer::{self, Portion};
use super::openapi::ReadRefusals;
use super::page;
use super::query::{Asked, Nothing};
use crate::app::App;
use crate::call::Moment;
use crate::error::{Error, Result};
use crate::store::Db;
use crate::store::call_list::{self, Order, Position, Wanted};

const HEADER: [&str; 34] = [
    "id",
    "pbx_id",
    "call_id",
    "leg_id",
    "incarnation",
    "direction",
    "from",
    "from_e164",
    "from_name",
    "to",
    "to_e164",
    "to_name",
    "dialed_from",
    "users",
    "answered_by",
    "answering_number",
    "queue",
    "did",
    "state",
    "outcome",
    "cause",
    "raw_cause",
    "decision",
    "decision_why",
    "started_at",
    "answered_at",
    "ended_at",
    "waiting_ms",
    "talking_ms",
    "internal",
    "done",
    "done_by",
    "done_at",
    "note",
];

/// The caller log as CSV with a header row, newest first: the same calls as the list shows, on all of its pages. Times are
/// RFC 3339 in UTC. A cell that a spreadsheet would take for a formula begins with an apostrophe; a `+` before
/// nothing but digits stays.
#[utoipa::path(tag = "calls", params(CallFilter), responses((status = 200, body = String, content_type = "text/csv", headers(("X-Searched-Back-To" = String, description = "Calls that began earlier were not searched for the text of `q`; left out where all were"))), ReadRefusals))]
#[get("/calls.csv")]
pub async fn download(app: Data<App>, caller: Caller, asked: Asked<Nothing>) -> Result<HttpResponse> {
    let wanted = asked.filter.wanted(&app.config.numbering, Some(&caller.0))?;
    let (first, back_to) = portion(&app, wanted.clone(), None).await?;
    let back_to = back_to.map(|at| ("X-Searched-Back-To", time(at.and_utc())));
    let mut answer = csv_answer::named("calls.csv");
    if let Some(back_to) = back_to {
        answer.insert_header(back_to);
    }
    let more = move |after| {
        let (app, wanted) = (app.clone(), wanted.clone());
        async move { Ok(portion(&app, wanted, Some(after)).await?.0) }
    };
    Ok(answer.streaming(csv_answer::rows(first, more)))
}

/// The header row, or what comes behind `after`; and how far back was searched.
async fn portion(
    app: &App,
    wanted: Wanted,
    after: Option<Position>,
) -> Result<(Portion<Position>, Option<Moment>)> {
    let read = move |db: &mut Db| {
        let found = call_list::page(db, &wanted, Order::Newest, after, page::MOST)?;
        let views = views(db, found.calls)?;
        let text = csv_answer::written(after.is_none().then_some(HEADER), views.iter().map(cells))?;
        Ok::<_, Error>(((text, found.next), found.searched_back_to))
    };
    app.store.long_query(read).await
}

fn cells(call: &CallView) -> [String; 34] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |number: Option<i64>| number.map(|n| n.to_string()).unwrap_or_default();
    let decision = call.decision.as_ref();
    [
        call.id.to_string(),
        call.pbx_id.to_string(),
        call.call_id.clone(),
        call.leg_id.clone(),
        call.incarnation.to_string(),
        call.direction.map(|word| word.to_string()).unwrap_or_default(),
        text(&call.from.number),
        text(&call.from.e164),
        text(&call.from.name),
        text(&call.to.number),
        text(&call.to.e164),
        text(&call.to.name),
        text(&call.dialed_from),
        call.users.join(", "),
        text(&call.answered_by),
        text(&call.answering_number),
        text(&call.queue),
        text(&call.did),
        call.state.to_string(),
        call.outcome.map(|word| word.to_string()).unwrap_or_default(),
        call.cause.map(|word| word.to_string()).unwrap_or_default(),
        text(&call.raw_cause),
        decision.map(|decision| decision.action.to_owned()).unwrap_or_default(),
        decision.and_then(|decision| decision.why.clone()).unwrap_or_default(),
        time(call.started_at),
        call.answered_at.map(time).unwrap_or_default(),
        call.ended_at.map(time).unwrap_or_default(),
        number(call.waiting_ms),
        number(call.talking_ms),
        call.internal.to_string(),
        call.done.to_string(),
        text(&call.done_by),
        call.done_at.map(time).unwrap_or_default(),
        text(&call.note),
    ]
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
