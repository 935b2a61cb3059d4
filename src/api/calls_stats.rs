//! The caller log, counted: for charts.

use std::collections::BTreeMap;

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::auth::Caller;
use super::call_filter::CallFilter;
use super::openapi::ReadRefusals;
use super::query::{Asked, Own};
use crate::app::App;
use crate::call::{Direction, Outcome};
use crate::clock;
use crate::error::{Error, Result};
use crate::store::call_stats::{self, By, Group};

/// The most rows of an answer, the largest first.
const ROWS: usize = 1_000;

/// By what is counted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Counting {
    /// By what; day where nothing is said.
    by: Option<By>,
}

impl Own for Counting {
    const NAMES: &'static [&'static str] = &["by"];
}

/// The caller log, counted.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CallStats {
    by: By,
    /// Calls that began at this time or later.
    since: DateTime<Utc>,
    /// And before this.
    until: DateTime<Utc>,
    /// Times in their order, and only those with calls; all else the most calls first, at most 1000.
    data: Vec<StatsRow>,
    /// All of them together. (By user a call counts for each whom it rang, so the rows may add up to more.)
    total: Counts,
}

/// What was counted in one place.
#[derive(Serialize, utoipa::ToSchema)]
pub struct StatsRow {
    /// `2026-11-21T16:00:00Z`, `2026-11-21`, `1T16` (Monday, 16 to 17 h), a queue, a user (who took it, else whom it
    /// rang), an outcome, the second at which a range of waiting begins. Null for calls without one.
    key: Option<String>,
    #[serde(flatten)]
    counts: Counts,
}

/// How many calls, and how long. Durations are in ms, each of all these calls together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    calls: i64,
    inbound: i64,
    outbound: i64,
    /// Not ended yet.
    live: i64,
    answered: i64,
    /// Inbound ones that nobody took.
    missed: i64,
    /// Every outcome that occurred.
    outcomes: BTreeMap<String, i64>,
    /// How long they rang.
    waiting_ms: i64,
    /// How long those rang that were answered.
    answered_waiting_ms: i64,
    /// How long one rang at most.
    longest_waiting_ms: i64,
    /// How long people spoke.
    talking_ms: i64,
}

impl Counts {
    fn add(&mut self, group: &Group) {
        let waiting = group.waiting_ms.unwrap_or_default();
        self.calls += group.calls;
        match group.direction {
            Some(Direction::In) => self.inbound += group.calls,
            Some(Direction::Out) => self.outbound += group.calls,
            None => {}
        }
        match group.outcome {
            Some(outcome) => *self.outcomes.entry(outcome.to_string()).or_default() += group.calls,
            None => self.live += group.calls,
        }
        match group.outcome {
            Some(Outcome::Answered) => {
                self.answered += group.calls;
                self.answered_waiting_ms += waiting;
            }
            // who dials in vain missed nobody
            Some(Outcome::Missed) if group.direction != Some(Direction::Out) => self.missed += group.calls,
            _ => {}
        }
        self.waiting_ms += waiting;
        self.longest_waiting_ms = self.longest_waiting_ms.max(group.longest_waiting_ms.unwrap_or_default());
        self.talking_ms += group.talking_ms.unwrap_or_default();
    }
}

/// How many calls there were and how long they took: per hour, quarter of an hour, day, hour of the week, queue, user,
/// outcome or time that they rang. Without `since` the last 30 days, per hour or quarter the last 7; at most 366 days,
/// per hour or quarter 62. All filters but `q` apply. Times are
/// UTC.
#[utoipa::path(tag = "calls", params(CallFilter, Counting), responses((status = 200, body = CallStats), ReadRefusals))]
#[get("/calls/stats")]
pub async fn stats(app: Data<App>, caller: Caller, asked: Asked<Counting>) -> Result<Json<CallStats>> {
    let by = asked.own.by.unwrap_or(By::Day);
    let wanted = asked.filter.wanted(&app.config.numbering, Some(&caller.0))?;
    if wanted.search.is_some() {
        return Err(Error::field("q", "cannot be counted; use `number`, `queue` or `user`"));
    }
    let (usual, most) = if matches!(by, By::Hour | By::QuarterHour) { (7, 62) } else { (30, 366) };
    let until = wanted.until.unwrap_or_else(|| clock::now() + TimeDelta::seconds(1));
    let since = wanted.since.unwrap_or_else(|| until - TimeDelta::days(usual));
    if until - since > TimeDelta::days(most) {
        return Err(Error::field("since", format!("must be at most {most} days before `until`")));
    }
    let groups = app.store.long_query(move |db| call_stats::count(db, &wanted, (since, until), by)).await?;
    let mut total = Counts::default();
    groups.iter().for_each(|group| total.add(group));
    Ok(Json(CallStats { by, since: since.and_utc(), until: until.and_utc(), data: rows(&groups, by), total }))
}

fn rows(groups: &[Group], by: By) -> Vec<StatsRow> {
    let mut counted: BTreeMap<Option<String>, Counts> = BTreeMap::new();
    for group in groups {
        for key in keys(group.bucket.as_deref(), by) {
            counted.entry(key).or_default().add(group);
        }
    }
    let mut rows: Vec<StatsRow> = counted.into_iter().map(|(key, counts)| StatsRow { key, counts }).collect();
    if matches!(by, By::Queue | By::User | By::Outcome) {
        rows.sort_by_key(|row| -row.counts.calls);
        rows.truncate(ROWS);
    }
    if by == By::Waiting {
        rows.sort_by_key(|row| row.key.as_ref().map_or(Some(i64::MAX), |second| second.parse().ok()));
    }
    rows
}

/// Where a group counts, as it is shown.
pub(crate) fn keys(bucket: Option<&str>, by: By) -> Vec<Option<String>> {
    let Some(bucket) = bucket else { return vec![None] };
    match by {
        By::Hour => vec![Some(format!("{}:00:00Z", bucket.replace(' ', "T")))],
        By::QuarterHour => vec![Some(format!("{}:00Z", bucket.replace(' ', "T")))],
        By::WeekdayHour => vec![Some(bucket.replace(' ', "T"))],
        By::Day | By::Queue | By::Outcome | By::Waiting => vec![Some(bucket.into())],
        By::User => match bucket.split_at_checked(1) {
            Some(("a", taker)) => vec![Some(taker.into())],
            Some((_, list)) => match serde_json::from_str::<Vec<String>>(list) {
                Ok(mut rung) if !rung.is_empty() => {
                    rung.sort_unstable();
                    rung.dedup(); // whom it rang twice counts once
                    rung.into_iter().map(Some).collect()
                }
                _ => vec![None],
            },
            None => vec![None],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(bucket: &str, outcome: Option<Outcome>, calls: i64) -> Group {
        Group {
            bucket: Some(bucket.into()),
            direction: Some(Direction::In),
            outcome,
            calls,
            waiting_ms: Some(1000 * calls),
            longest_waiting_ms: Some(1000),
            talking_ms: None,
        }
    }

    #[test]
    fn a_call_counts_for_its_taker_or_for_each_whom_it_rang() {
        let groups = [
            group("aAlice", Some(Outcome::Answered), 3),
            group(r#"u["Alice","Bob"]"#, Some(Outcome::Missed), 2),
            group("u[]", None, 1),
            group(r#"u["Carol","Bob","Carol"]"#, None, 4),
        ];
        let rows = rows(&groups, By::User);
        let shown: Vec<_> = rows.iter().map(|row| (row.key.as_deref(), row.counts.calls)).collect();
        assert_eq!(shown, [(Some("Bob"), 6), (Some("Alice"), 5), (Some("Carol"), 4), (None, 1)]);
        let alice = &rows[1].counts;
        assert_eq!((alice.answered, alice.missed, alice.inbound), (3, 2, 5));
        let mut dialled = Counts::default();
        dialled.add(&Group { direction: Some(Direction::Out), ..group("u[]", Some(Outcome::Missed), 4) });
        assert_eq!((dialled.outbound, dialled.missed, dialled.outcomes["missed"]), (4, 0, 4));
        assert_eq!(
            (alice.waiting_ms, alice.answered_waiting_ms, alice.longest_waiting_ms),
            (5000, 3000, 1000)
        );
    }

    #[test]
    fn times_are_shown_in_their_order_as_iso_writes_them() {
        let groups = [group("2026-11-21 16", None, 1), group("2026-11-20 09", None, 7)];
        let shown: Vec<_> = rows(&groups, By::Hour).into_iter().filter_map(|row| row.key).collect();
        assert_eq!(shown, ["2026-11-20T09:00:00Z", "2026-11-21T16:00:00Z"]);
        assert_eq!(keys(Some("1 16"), By::WeekdayHour), [Some("1T16".into())]);
        let groups = [group("20", None, 1), group("5", None, 1), group("120", None, 1)];
        let shown: Vec<_> = rows(&groups, By::Waiting).into_iter().filter_map(|row| row.key).collect();
        assert_eq!(shown, ["5", "20", "120"], "ranges in their order, too");
    }
}
