//! `hookswitch calls`: the caller log in the terminal.

use chrono::{DateTime, Utc};
use clap::Args;

use super::{open, print};
use crate::api::{CallFilter, CallView, page_limit, page_position, read_page};
use crate::config::Database;
use crate::error::{Error, StartError};
use crate::store::call_list::Order;

/// Show the caller log, newest first
#[derive(Debug, Args)]
#[command(
    after_help = "Example, what still waits for somebody today: hookswitch calls --done false --since 2026-11-21"
)]
pub struct Calls {
    #[command(flatten)]
    filter: CallFilter,
    /// Which calls come first
    #[arg(long, value_name = "newest|oldest", default_value = "newest")]
    order: Order,
    /// How many calls, 1 to 500
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: i64,
    /// Go on where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Print JSON, as GET /api/v1/calls answers
    #[arg(long)]
    json: bool,
}

impl Calls {
    /// Prints one page.
    pub fn run(self, database: &Database) -> Result<(), StartError> {
        let wanted = self.filter.wanted(&database.numbering()?, None).map_err(flag)?;
        let limit = page_limit(Some(self.limit)).map_err(flag)?;
        let after = page_position(self.cursor.as_deref()).map_err(flag)?;
        let page = read_page(&mut open(database)?, &wanted, self.order, after, limit)
            .map_err(StartError::database)?;
        if self.json {
            let text = serde_json::to_string_pretty(&page);
            return print::line(&text.map_err(|e| StartError(format!("cannot print: {e}")))?);
        }
        let rows = page.data.iter().map(row).collect();
        let headings = [
            "id",
            "time (UTC)",
            "dir",
            "outcome",
            "from",
            "to",
            "queue",
            "answered by",
            "wait",
            "talk",
            "done",
        ];
        print::table(&headings, rows, "No such calls.")?;
        if let Some(at) = page.searched_back_to {
            let until = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            print::line(&format!("Calls before {} were not searched: add --until {until}", second(at)))?;
        }
        match page.next {
            Some(next) => print::line(&format!("There is more: add --cursor {next}")),
            None => Ok(()),
        }
    }
}

/// A field of the API is a flag here.
fn flag(e: Error) -> StartError {
    match e {
        Error::Invalid(fields) => {
            let each: Vec<String> =
                fields.iter().map(|field| format!("--{}: {}", field.field, field.message)).collect();
            StartError(each.join("; "))
        }
        other => StartError(other.to_string()),
    }
}

fn row(call: &CallView) -> Vec<String> {
    let end = |number: &crate::api::NumberView| {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        match &number.name {
            Some(name) => format!("{} ({name})", text(&number.display)),
            None => text(&number.display),
        }
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        call.id.to_string(),
        second(call.started_at),
        call.direction.map_or("?", |direction| direction.as_str()).into(),
        call.outcome.map_or(call.state.as_str(), |outcome| outcome.as_str()).into(),
        end(&call.from),
        end(&call.to),
        text(&call.queue),
        text(&call.answered_by),
        duration(call.waiting_ms),
        duration(call.talking_ms),
        print::yes_no(call.done),
    ]
}

fn second(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// 1:05, 1:00:05; nothing where it is not known.
fn duration(ms: Option<i64>) -> String {
    let Some(seconds) = ms.map(|ms| ms / 1000) else { return String::new() };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_clocks_are() {
        for (ms, shown) in
            [(None, ""), (Some(999), "0:00"), (Some(65_000), "1:05"), (Some(3_605_000), "1:00:05")]
        {
            assert_eq!(duration(ms), shown);
        }
    }
}
