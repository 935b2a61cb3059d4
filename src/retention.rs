//! How long calls are kept, and erasing one number. Each works in small steps with pauses, so that events do not wait.

mod erasing;
mod pace;

use std::time::Duration;

use actix_web::rt::time::sleep;
use actix_web::web::Data;
use chrono::{DateTime, TimeDelta};
use diesel::QueryResult;

use crate::app::App;
use crate::call::Moment;
use crate::clock;
use crate::complaint::complain;
use crate::error::{Error, Result};
use crate::store::retention::{self as rows, How, Place, Took};
use crate::store::{Db, audit, deliveries, settings};
pub use erasing::{erase, find};
use pace::Pace;

/// So many deliveries at once.
const DELIVERIES_AT_ONCE: i64 = 100;

/// Between two steps of erasing: SQLite's one lock is the writer's for that time.
const PAUSE: Duration = Duration::from_millis(50);

/// How often old calls are looked for.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// And first so long after a start, which has other work; who starts a copy of old data can still say what is kept.
const FIRST: Duration = Duration::from_secs(10 * 60);

/// A call can go on for that long: it is looked at again where it may not have ended the last time.
const LONGEST_CALL: TimeDelta = TimeDelta::days(2);

/// The longest time for which calls can be kept before they go, in days.
pub const LONGEST: i64 = 36_500;

const DAYS: &str = "retention_days";
const HOW: &str = "retention_how";
const DONE: &str = "retention_anonymised_before";
const WHOLE: &str = "retention_whole_at";

const SEEN: &str = "retention_looked_at";
const HELD: &str = "retention_held_until";

/// The clock does not go ahead by so much between two looks; where it did, nothing is taken away for that long.
const LEAP: TimeDelta = TimeDelta::days(2);
const HOLD: TimeDelta = TimeDelta::days(1);

/// How often all calls are gone through: notes are added to old ones, and old events come late.
const WHOLE_EVERY: TimeDelta = TimeDelta::days(1);

/// What is done to calls, and after how many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What.
    pub how: How,
    /// How old they are then, 1 to `LONGEST`.
    pub days: i64,
}

impl Policy {
    /// Calls that began before are old.
    pub fn before(self, now: Moment) -> Moment {
        now - TimeDelta::days(self.days)
    }
}

/// What is done; `None`: calls are kept.
///
/// # Errors
/// What the database says.
pub async fn policy(app: &App) -> Result<Option<Policy>> {
    app.store.query(said).await
}

fn said(db: &mut Db) -> Result<Option<Policy>> {
    let (days, how) = (settings::get(db, DAYS)?, settings::get(db, HOW)?);
    let days = days.and_then(|days| days.parse().ok()).filter(|days| (1..=LONGEST).contains(days));
    Ok(days.zip(how.and_then(|how| how.parse().ok())).map(|(days, how)| Policy { how, days }))
}

/// Says what is done from now on, and writes down who said so.
///
/// # Errors
/// Where the days are out of bounds, or what the database says.
pub async fn set_policy(app: &App, policy: Option<Policy>, who: String) -> Result<()> {
    if policy.is_some_and(|policy| !(1..=LONGEST).contains(&policy.days)) {
        return Err(Error::field("days", format!("must be 1 to {LONGEST}")));
    }
    let write = move |db: &mut Db| {
        use diesel::Connection;
        db.transaction(|db| {
            settings::set(db, DAYS, &policy.map(|policy| policy.days.to_string()).unwrap_or_default())?;
            settings::set(db, WHOLE, "")?;
            settings::set(db, HOW, policy.map_or("", |policy| policy.how.as_str()))?;
            let detail = policy.map_or("calls are kept".into(), says);
            audit::add(db, &who, "retention was set", &detail, 0, clock::now())
        })
    };
    app.store.query(write).await
}

fn says(policy: Policy) -> String {
    format!("{} calls older than {} days", policy.how, policy.days)
}

/// How many calls it concerns now.
///
/// # Errors
/// What the database says.
pub async fn count(app: &App, policy: Policy, now: Moment) -> Result<i64> {
    app.store.long_query(move |db| rows::count(db, policy.how, policy.before(now))).await
}

/// Once an hour, for ever (the server's end ends it).
pub async fn hourly(app: Data<App>) {
    sleep(FIRST).await;
    loop {
        if let Err(e) = run_unless_the_clock_leapt(&app).await {
            complain("old calls are not taken away", &e);
        }
        sleep(EVERY).await;
    }
}

async fn run_unless_the_clock_leapt(app: &App) -> Result<()> {
    let now = clock::now();
    if !app.store.query(move |db| Ok::<_, Error>(has_leapt(db, now)?)).await? {
        return run(app, "retention", now).await.map(drop);
    }
    if policy(app).await?.is_some() {
        log::warn!(
            "old calls are not taken away for a day: by the clock nobody looked for them for days, and what a wrong \
             clock takes for old would be lost; the page \u{201c}Retention\u{201d} does it at once"
        );
    }
    Ok(())
}

/// Did the clock go ahead by days since this was asked last, today or yesterday? Either nobody ran, or it is wrong.
///
/// # Errors
/// What the database says.
pub fn has_leapt(db: &mut Db, now: Moment) -> QueryResult<bool> {
    let (seen, until) = (at(db, SEEN)?, at(db, HELD)?);
    settings::set(db, SEEN, &now.and_utc().to_rfc3339())?;
    if seen.is_some_and(|seen| now - seen > LEAP) {
        settings::set(db, HELD, &(now + HOLD).and_utc().to_rfc3339())?;
        return Ok(true);
    }
    // one that is further away was written by a clock that was wrong
    Ok(until.is_some_and(|until| (now..=now + HOLD).contains(&until)))
}

/// Does what the policy says to all that is old. How many calls. It ends early where somebody says something else
/// meanwhile: no call goes any more that is to be kept.
///
/// # Errors
/// What the database says; what was done until then stays done.
pub async fn run(app: &App, who: &str, now: Moment) -> Result<i64> {
    let Some(policy) = policy(app).await? else { return Ok(0) };
    let mut changed = 0;
    let after = begin(app, policy, now).await?;
    let whole = take_away(app, policy, (after, now), &mut changed).await?;
    let who = who.to_owned();
    let write = move |db: &mut Db| {
        if whole && policy.how == How::Anonymise {
            settings::set(db, DONE, &policy.before(now).and_utc().to_rfc3339())?;
            if after == FROM_THE_FIRST {
                settings::set(db, WHOLE, &now.and_utc().to_rfc3339())?;
            }
        }
        if changed > 0 {
            audit::add(db, &who, policy.how.as_str(), &says(policy), changed, now)
        } else {
            Ok(())
        }
    };
    app.store.query(write).await?;
    Ok(changed)
}

/// Counts the calls. Whether it came to the end.
async fn take_away(
    app: &App,
    policy: Policy,
    (mut after, now): (Place, Moment),
    changed: &mut i64,
) -> Result<bool> {
    let before = policy.before(now);
    let mut pace = Pace::new();
    let change = match policy.how {
        How::Delete => None,
        How::Anonymise => Some(app.store.query(rows::number).await?),
    };
    loop {
        let limit = pace.at_once();
        let work = move |db: &mut Db| step(db, policy.how, change, (after, before), limit);
        let Some(step) = while_said(app, policy, work).await? else { return Ok(false) };
        let Some(step) = step else { break };
        *changed += step.calls;
        after = step.last;
        sleep(pace.after(step.took)).await;
    }
    let mut line = 0;
    loop {
        let limit = pace.at_once();
        let work = move |db: &mut Db| rows::delete_journal(db, line, (before, now), limit);
        let Some(lines) = while_said(app, policy, work).await? else { return Ok(false) };
        let Some((last, took)) = lines else { break };
        line = last;
        sleep(pace.after(took)).await;
    }
    loop {
        let work = move |db: &mut Db| deliveries::forget(db, before, before, DELIVERIES_AT_ONCE);
        match while_said(app, policy, work).await? {
            None => return Ok(false),
            Some(0) => return Ok(true),
            Some(_) => sleep(PAUSE).await,
        }
    }
}

/// Does one step. `None`, and nothing is done, where something else was said since.
async fn while_said<T: Send + 'static>(
    app: &App,
    policy: Policy,
    work: impl FnOnce(&mut Db) -> QueryResult<T> + Send + 'static,
) -> Result<Option<T>> {
    let step = move |db: &mut Db| match said(db)? {
        still if still == Some(policy) => Ok::<_, Error>(Some(work(db)?)),
        _ => Ok(None),
    };
    app.store.query(step).await
}

const FROM_THE_FIRST: Place = (DateTime::UNIX_EPOCH.naive_utc(), 0);

/// Calls that are anonymous stay, so their like is not looked through each time, but once a day.
async fn begin(app: &App, policy: Policy, now: Moment) -> Result<Place> {
    if policy.how == How::Delete {
        return Ok(FROM_THE_FIRST);
    }
    let (done, whole) = app.store.query(|db| Ok::<_, Error>((at(db, DONE)?, at(db, WHOLE)?))).await?;
    let lately = whole.is_some_and(|whole| (TimeDelta::zero()..WHOLE_EVERY).contains(&(now - whole)));
    Ok(done.filter(|_| lately).map_or(FROM_THE_FIRST, |done| (done - LONGEST_CALL, 0)))
}

fn at(db: &mut Db, name: &str) -> QueryResult<Option<Moment>> {
    let text = settings::get(db, name)?;
    Ok(text.and_then(|text| DateTime::parse_from_rfc3339(&text).ok()).map(|at| at.naive_utc()))
}

/// What a step did.
struct Step {
    /// Where its last call stood.
    last: Place,
    /// How many calls.
    calls: i64,
    took: Took,
}

/// At most `limit` calls between those places; those that stay get that change number. `None` where there are no more.
fn step(
    db: &mut Db,
    how: How,
    change: Option<i64>,
    (after, before): (Place, Moment),
    limit: i64,
) -> QueryResult<Option<Step>> {
    let places = rows::next(db, how, after, before, limit)?;
    let ids: Vec<i64> = places.iter().map(|(_, id)| *id).collect();
    let Some(last) = places.last() else { return Ok(None) };
    let (calls, took) = rows::in_between(db, |db| match change {
        None => rows::delete(db, &ids),
        Some(change) => rows::anonymise(db, &ids, change),
    })?;
    Ok(Some(Step { last: *last, calls: calls as i64, took }))
}
