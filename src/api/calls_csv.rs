//! The caller log for spreadsheets: streamed, so that no log is too long.

use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, get};
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::stream;

use super::auth::Caller;
use super::call_filter::CallFilter;
use super::call_view::{CallView, views};
use super::openapi::ReadRefusals;
use super::page;
use super::query::{Asked, Nothing};
use crate::app::App;
use crate::call::Moment;
use crate::error::{Error, Result};
use crate::store::Db;
use crate::store::call_list::{self, Order, Position, Wanted};
use crate::text::FORMULA;

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
    // the first rows before the answer begins, so that its status can still say that there is no database
    let first = portion(&app, wanted.clone(), Start::Header).await?;
    let back_to = first.searched_back_to.map(|at| ("X-Searched-Back-To", time(at.and_utc())));
    let rows = stream::unfold((app, wanted, Some(Ok(first))), |(app, wanted, ready)| async move {
        let Portion { text, next, .. } = match ready? {
            Ok(portion) => portion,
            Err(e) => return Some((Err(e), (app, wanted, None))),
        };
        let following = match next {
            Some(after) => Some(portion(&app, wanted.clone(), Start::After(after)).await),
            None => None,
        };
        Some((Ok::<_, Error>(text), (app, wanted, following)))
    });
    let mut answer = HttpResponse::Ok();
    if let Some(back_to) = back_to {
        answer.insert_header(back_to);
    }
    Ok(answer
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"calls.csv\""))
        .streaming(rows))
}

enum Start {
    Header,
    After(Position),
}

struct Portion {
    text: Bytes,
    next: Option<Position>,
    searched_back_to: Option<Moment>,
}

async fn portion(app: &App, wanted: Wanted, start: Start) -> Result<Portion> {
    app.store
        .long_query(move |db: &mut Db| {
            let (header, after) = match start {
                Start::Header => (true, None),
                Start::After(position) => (false, Some(position)),
            };
            let found = call_list::page(db, &wanted, Order::Newest, after, page::MOST)?;
            let text = csv(header, &views(db, found.calls)?).map_err(|e| Error::Internal(Box::new(e)))?;
            Ok::<_, Error>(Portion { text, next: found.next, searched_back_to: found.searched_back_to })
        })
        .await
}

fn csv(header: bool, calls: &[CallView]) -> std::result::Result<Bytes, csv::Error> {
    let header = header.then_some(HEADER.map(str::to_owned));
    written(header.into_iter().chain(calls.iter().map(|call| cells(call).map(defused))))
}

/// Rows as CSV.
pub(super) fn written<const N: usize>(
    rows: impl Iterator<Item = [String; N]>,
) -> std::result::Result<Bytes, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map(Bytes::from).map_err(|e| e.into_error().into())
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

/// What callers and PBXes write must not run in a spreadsheet, whatever it takes for the separator of cells (in many
/// countries a semicolon). A number with its plus is data, and harmless.
pub(super) fn defused(cell: String) -> String {
    let number = cell.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    if number || !cell.contains(FORMULA) {
        return cell;
    }
    let mut written = String::with_capacity(cell.len() + 1);
    let mut begins = true;
    for letter in cell.chars() {
        if begins && FORMULA.contains(&letter) {
            written.push('\'');
        }
        written.push(letter);
        begins = SEPARATORS.contains(&letter);
    }
    written
}

/// Behind these a cell may begin.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_numbers_stay_numbers() {
        for (cell, written) in [
            ("+493012345", "+493012345"),
            ("+49 30 12345", "'+49 30 12345"),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("=1+1", "'=1+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\n=1", "'\n'=1"),
            ("＝1", "'＝1"),
            ("Alice;=1", "Alice;'=1"),
            ("Alice-Bob; +49", "Alice-Bob; +49"),
            ("Alice", "Alice"),
            ("", ""),
        ] {
            assert_eq!(defused(cell.into()), written);
        }
    }
}
