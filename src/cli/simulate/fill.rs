//! `hookswitch simulate --fill`: a past of calls, written straight into the database by the code that writes real ones.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use actix_web::http::header::HeaderMap;
use chrono::TimeDelta;
use clap::Args;
use diesel::result::{DatabaseErrorKind, Error as DbError};
use indicatif::{ProgressBar, ProgressStyle};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::{open_or_make, print};
use super::calendar::Calendar;
use super::cast::Cast;
use super::chance::Chance;
use super::script::{Fields, Script};
use crate::call::{Decision, Moment};
use crate::clock;
use crate::config::Database;
use crate::dialect::params::Params;
use crate::dialect::{Refusal, Request};
use crate::error::StartError;
use crate::pbx::Pbx;
use crate::snapshot::Snapshot;
use crate::store::fill::{self, Deed, Written};
use crate::store::writer::Arrival;
use crate::store::{Db, calls};

/// The words that the calls are told in.
const DIALECT: &str = "zammad";
/// So many calls are written at once: a server that runs on the same database waits for no more than these.
const AT_ONCE: usize = 2_000;
/// The people of the firm.
const COLLEAGUES: usize = 60;
/// A caller for so many calls.
const CALLS_OF_ONE: u64 = 25;
/// The last call begins so long ago: all of them ended.
const LONGEST: TimeDelta = TimeDelta::minutes(6);
/// Of the calls that wait for a person so many are ticked, some minutes later.
const TICKED: f64 = 0.9;
/// Whence: an address for documentation (RFC 5737).
const ADDRESS: &str = "192.0.2.10";

/// What is written.
#[derive(Debug, Args)]
pub struct Fill {
    /// Write that many calls of the past straight into the database, without a server
    #[arg(long = "fill", id = "fill", value_name = "CALLS", conflicts_with = "url", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    calls: Option<u64>,
    /// With --fill: over how many days, until now
    #[arg(long, value_name = "DAYS", default_value_t = 365, requires = "fill", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// With --fill: whose calls, by the id of a PBX that speaks zammad [default: the first one]
    #[arg(long, value_name = "ID", requires = "fill")]
    pbx: Option<i64>,
    /// With --fill: write into a log that is not empty, too. Nothing tells made-up calls from real ones then
    #[arg(long, requires = "fill")]
    yes: bool,
}

impl Fill {
    /// Writes them all, then tells how long it took.
    pub fn run(self, database: &Database, seed: u64) -> Result<(), StartError> {
        let wanted = self.calls.unwrap_or_default();
        let mut db = open_or_make(database)?;
        if !self.yes && calls::any(&mut db)? {
            let place = database.target()?.describe();
            return Err(StartError(format!(
                "there are calls in the {place}: made-up ones could not be told from them; add --yes if that is meant"
            )));
        }
        let numbering = database.numbering()?;
        let pbx = self.pbx(&Snapshot::load(&mut db, &numbering)?)?;
        fill::prepare(&mut db)?;

        let begun = Instant::now();
        let chapters = told(History::new(pbx.clone(), wanted, self.days, seed));
        let progress = progress(wanted);
        let written = write_all(&mut db, pbx.id, chapters, &progress);
        progress.finish_and_clear();
        let Written { calls, lines } = written?;
        fill::finish(&mut db)?;
        let took = begun.elapsed().as_secs_f64();
        print::line(&format!(
            "{calls} calls and {lines} lines of the journal in {took:.1} s: {:.0} rows/s (the same again: --seed {seed})",
            (calls + lines) as f64 / took
        ))
    }

    fn pbx(&self, snapshot: &Snapshot) -> Result<Arc<Pbx>, StartError> {
        let pbxes = snapshot.pbxes();
        let found = match self.pbx {
            Some(id) => pbxes.get(&id),
            None => pbxes.values().find(|pbx| pbx.dialect.name() == DIALECT),
        };
        let Some(pbx) = found else {
            return Err(StartError(match self.pbx {
                Some(id) => {
                    format!("there is no PBX {id}; `hookswitch pbx list` shows those that there are")
                }
                None => "there is no PBX that could have had calls; make one with `hookswitch pbx add --name NAME`".into(),
            }));
        };
        match pbx.dialect.name() {
            DIALECT => Ok(Arc::clone(pbx)),
            other => Err(StartError(format!(
                "PBX {} speaks {other}, and the calls are told in {DIALECT}'s words: choose another --pbx",
                pbx.id
            ))),
        }
    }
}

fn write_all(
    db: &mut Db,
    pbx_id: i64,
    chapters: Receiver<Chapter>,
    progress: &ProgressBar,
) -> Result<Written, StartError> {
    let mut all = Written::default();
    for chapter in chapters {
        let deeds = chapter.map_err(|refusal| StartError(format!("a call was refused: {}", refusal.why)))?;
        let written = fill::write(db, pbx_id, &deeds).map_err(|e| match e {
            DbError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                StartError("these calls are there already: choose another --seed".into())
            }
            other => StartError::database(other),
        })?;
        all.calls += written.calls;
        all.lines += written.lines;
        progress.set_position(all.calls);
    }
    Ok(all)
}

/// Some calls; or what the PBX would have been told instead, were our own words wrong.
type Chapter = Result<Vec<Deed>, Refusal>;

/// What happened, told some calls at a time.
struct History {
    pbx: Arc<Pbx>,
    cast: Cast,
    calendar: Calendar,
    chance: Chance,
}

impl History {
    fn new(pbx: Arc<Pbx>, calls: u64, days: u32, seed: u64) -> Self {
        Self {
            pbx,
            cast: Cast::new(COLLEAGUES, calls / CALLS_OF_ONE),
            calendar: Calendar::new(calls, days, clock::now() - LONGEST),
            chance: Chance::new(seed),
        }
    }

    fn call(&mut self, begin: Moment, deeds: &mut Vec<Deed>) -> Result<(), Refusal> {
        let call_id = self.chance.id();
        let script = Script::new(&self.cast, &mut self.chance, &call_id);
        let mut at = begin;
        for step in &script.steps {
            at += TimeDelta::milliseconds((step.after_s * 1000.0) as i64);
            deeds.push(Deed::Came(Box::new(arrival(&self.pbx, &step.fields, at)?)));
        }
        if self.chance.of(TICKED) {
            let by = self.cast.colleague(&mut self.chance).name.clone();
            let at = at + TimeDelta::seconds(30 + self.chance.below(600) as i64);
            deeds.push(Deed::Ticked { call_id, by, at });
        }
        Ok(())
    }
}

impl Iterator for History {
    type Item = Chapter;

    /// The next calls, whole, with what happened among them in the order of time: so no call is ever seen under way
    /// that was long ago.
    fn next(&mut self) -> Option<Chapter> {
        let mut deeds = Vec::with_capacity(4 * AT_ONCE);
        for _ in 0..AT_ONCE {
            let Some(begin) = self.calendar.next(self.chance.fraction()) else { break };
            if let Err(refusal) = self.call(begin, &mut deeds) {
                return Some(Err(refusal));
            }
        }
        deeds.sort_by_key(Deed::at);
        (!deeds.is_empty()).then_some(Ok(deeds))
    }
}

/// Made on a thread of its own, a little ahead of who writes it down.
fn told(history: History) -> Receiver<Chapter> {
    let (teller, chapters) = sync_channel(2);
    std::thread::spawn(move || history.into_iter().try_for_each(|chapter| teller.send(chapter)));
    chapters
}

/// The request that a PBX would have sent.
fn arrival(pbx: &Arc<Pbx>, fields: &Fields, at: Moment) -> Result<Arrival, Refusal> {
    let form = "application/x-www-form-urlencoded";
    let body = encoded(fields);
    let params = Params::read("", Some(form), body.as_bytes())
        .map_err(|e| Refusal { status: 400, why: e.to_string() })?;
    let said = pbx.dialect.parse(&Request {
        params: &params,
        numbering: &pbx.numbering,
        options: &pbx.options,
        received: at,
        tail: None,
        query: "",
        headers: &HeaderMap::new(),
        body: body.as_bytes(),
    })?;
    Ok(Arrival {
        pbx: Arc::clone(pbx),
        received_at: at,
        address: ADDRESS.into(),
        content_type: Some(form.into()),
        query: None,
        body,
        hook: None,
        said: Ok((said, Decision::Accept)),
        rule: None,
        given_up: false.into(),
    })
}

fn encoded(fields: &Fields) -> String {
    let mut form = String::with_capacity(200);
    for (name, value) in fields {
        let and = if form.is_empty() { "" } else { "&" };
        let _cannot_fail = write!(form, "{and}{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    form
}

/// A line that moves, where there is a terminal.
fn progress(calls: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} calls · {per_sec} · {eta} to go");
    ProgressBar::new(calls).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
