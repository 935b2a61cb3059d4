//! The spool's events on their way into the database: in order, each once, with the answer that its PBX got.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use diesel::prelude::*;

use super::thread::{MAX_BATCH, Thread, fold, keys_of};
use crate::call::Kind;
use crate::complaint::complain;
use crate::pbx::Pbx;
use crate::snapshot::Snapshot;
use crate::spool::{Record, Stored};
use crate::store::arrival::{Arrival, RuleHit};
use crate::store::journal::Verdict;
use crate::store::recent::{CallKey, Recent};
use crate::store::spooled::{self, Standing};
use crate::store::{asides, calls, numbers, rules};

/// What came of one attempt to empty the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// The database took some; there may be more.
    Some,
    /// It is empty, and new events go to the database again.
    All,
    /// The database does not take any.
    None,
}

/// A record of the spool, read.
struct Spooled {
    number: u64,
    /// Or why it can never be written.
    arrival: Result<Arrival, String>,
    /// The writer may have written it already, as a later change than this.
    after: Option<i64>,
}

impl Spooled {
    fn read(stored: &Stored, pbxes: &BTreeMap<i64, &Arc<Pbx>>) -> Self {
        let record = Record::read(&stored.payload);
        let after = record.as_ref().ok().and_then(|record| record.after);
        let arrival = record.map_err(|e| format!("it cannot be read: {e}")).and_then(|record| {
            let pbx = pbxes.get(&record.pbx_id).copied();
            let pbx = pbx.ok_or_else(|| format!("there is no PBX {} any more", record.pbx_id))?;
            Ok(record.into_arrival(pbx.clone()))
        });
        Self { number: stored.number, arrival, after }
    }
}

impl Thread {
    /// Brings the database the oldest events of the spool.
    pub(super) fn replay(&mut self, snapshot: &Snapshot) -> Replayed {
        if self.away && !self.takes_writes() {
            return Replayed::None;
        }
        let mut batch = match self.spool.take(MAX_BATCH) {
            Ok(Some(batch)) => batch,
            Ok(None) => return Replayed::All,
            Err(e) => {
                complain("the spool cannot be read", &e);
                return Replayed::None;
            }
        };
        let pbxes = snapshot.pbxes();
        let events: Vec<_> = batch.records.iter().map(|stored| Spooled::read(stored, &pbxes)).collect();
        let brought = self.bring(&batch.spool, &batch.records, &events);
        if brought < events.len() {
            batch.records.drain(..brought);
            self.spool.put_back(batch);
        }
        if brought > 0 { Replayed::Some } else { Replayed::None }
    }

    /// One commit for all; where that fails though the database takes other things, each half by itself. How many of
    /// them, from the first, need nothing more.
    fn bring(&mut self, spool: &Arc<str>, records: &[Stored], events: &[Spooled]) -> usize {
        if !self.set_aside(spool, records, events) {
            return 0;
        }
        let quick = self.write_spooled(spool, events, false);
        let written = match quick {
            // a call is not as it was remembered, or is there already
            Err(e) if !spooled::is_away(&e) => self.write_spooled(spool, events, true),
            quick => quick,
        };
        let Err(e) = written else {
            let now = crate::clock::now();
            let last = events.iter().rev().find_map(|event| event.arrival.as_ref().ok());
            for ended in self.spool.done(events.len(), last.map_or(now, |arrival| arrival.received_at)) {
                if let Err(e) = spooled::forget(&mut self.db, &ended) {
                    log::debug!("the position of {ended} stays in the settings: {e}");
                }
            }
            return events.len();
        };
        if !self.takes_writes() {
            complain("the spool waits for the database", &e);
            return 0;
        }
        if let [event] = events {
            if event.arrival.is_err() || spooled::is_away(&e) {
                complain("the spool waits for the database", &e);
                return 0;
            }
            let failed = Spooled { arrival: Err(e.to_string()), ..*event };
            return self.bring(spool, records, &[failed]);
        }
        let (first, second) = events.split_at(events.len() / 2);
        let (first_records, second_records) = records.split_at(first.len());
        let brought = self.bring(spool, first_records, first);
        if brought < first.len() {
            return brought;
        }
        brought + self.bring(spool, second_records, second)
    }

    /// Keeps in a file of their own those that can never be written. Whether that went well.
    fn set_aside(&mut self, spool: &Arc<str>, records: &[Stored], events: &[Spooled]) -> bool {
        for (event, record) in events.iter().zip(records) {
            let place = (spool.clone(), event.number);
            if let Err(why) = &event.arrival
                && self.set_aside.as_ref().is_none_or(|last| last.0 != place.0 || last.1 < place.1)
            {
                if let Err(e) = self.spool.reject(spool, why, record) {
                    complain("an event of the spool cannot be kept aside", &e);
                    return false;
                }
                self.set_aside = Some(place);
            }
        }
        true
    }

    /// All that the database does not have, and the position behind them, in one transaction. With the calls that we
    /// remember; or `with_care`, as they are stored.
    fn write_spooled(&mut self, spool: &str, events: &[Spooled], with_care: bool) -> QueryResult<()> {
        let good = || events.iter().filter_map(|event| Some((event, event.arrival.as_ref().ok()?)));
        let doubtful: Vec<_> = good().filter_map(|(event, arrival)| Some((arrival, event.after?))).collect();
        let last = events.last().map_or(0, |event| event.number);
        let now = crate::clock::now();
        let Self { db, recent, .. } = self;
        let mut stored = Recent::all(events.len());
        let known = if with_care { &mut stored } else { recent };
        let (batch, reaches, counted) = db.transaction(|db| {
            numbers::lock(db)?;
            let position = spooled::position(db, spool)?;
            let mut standing = Standing::read(db, &doubtful)?;
            let mut counted = Counted::default();
            let mut new = Vec::with_capacity(events.len());
            for (event, arrival) in good().filter(|(event, _)| event.number > position) {
                match event.after.and_then(|_| standing.take(arrival)) {
                    // the writer wrote it when nobody waited any more, so that nobody counted it
                    Some(verdict) => counted.add(arrival, verdict, arrival.rule),
                    None => new.push(arrival),
                }
            }
            let strange =
                |kind: Kind, key: &CallKey| with_care || (kind != Kind::NewCall && !known.holds(key, now));
            for call in calls::latest(db, &keys_of(new.iter().copied(), strange))? {
                known.put(call);
            }
            let mut batch = fold(new.iter().copied(), |key| known.take(key));
            let reaches = !new.is_empty() && asides::write(db, &mut batch)?;
            for (arrival, recorded) in new.iter().zip(&batch.recorded) {
                counted.add(arrival, recorded.verdict, recorded.rule_hit);
            }
            if !counted.hits.is_empty() {
                rules::add_hits(db, &counted.hits, now)?;
            }
            spooled::advance(db, spool, last)?;
            Ok::<_, diesel::result::Error>((batch, reaches, counted))
        })?;
        for (dialect, kind, verdict) in counted.events {
            self.metrics.event(dialect, kind.map(Kind::as_str), verdict);
        }
        if !batch.entries.is_empty() {
            let (_, touched) = self.publish(batch, reaches);
            self.remember(touched);
        }
        Ok(())
    }
}

/// What is counted of a request that was answered.
#[derive(Default)]
struct Counted {
    hits: HashMap<RuleHit, i64>,
    events: Vec<(&'static str, Option<Kind>, Verdict)>,
}

impl Counted {
    fn add(&mut self, arrival: &Arrival, verdict: Verdict, hit: Option<RuleHit>) {
        if let Some(hit) = hit.filter(|_| verdict == Verdict::Applied) {
            *self.hits.entry(hit).or_default() += 1;
        }
        self.events.push((arrival.pbx.dialect.name(), arrival.event().map(|event| event.kind), verdict));
    }
}
