//! The writer's thread: what it takes, how it is written, and what is done where that fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error as DbError;
use tokio::sync::{mpsc, oneshot};

use super::linger::{Awaited, Linger};
use super::news::News;
use super::unticked::Unticked;
use super::{Job, REACHED};
use crate::call::{Call, Kind};
use crate::complaint::complain;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::spool::Spool;
use crate::store::amend::{Amendment, amend};
use crate::store::arrival::{Arrival, Recorded};
use crate::store::batch::{Batch, Touched};
use crate::store::checkpoint::Checkpoints;
use crate::store::recent::{CallKey, Recent};
use crate::store::target::Target;
use crate::store::{Db, asides, batch_postgres, batch_sqlite, calls, checkpoint, numbers, spooled};

/// The most arrivals of one transaction: past this only latency grows.
pub(super) const MAX_BATCH: usize = 512;
/// How many calls are remembered, those that go on and those that are over: two generations of each, as many as
/// hash tables of 1024 and 128 places take. Events of a call that is not cost a read.
const REMEMBERED: (usize, usize) = (2 * 896, 2 * 112);
/// How long after another node was seen writing the same calls every batch is done the careful way.
const SHARED: Duration = Duration::from_secs(5);

const DOWN: Error = Error::Unavailable("the database does not answer");

pub(super) struct Thread {
    pub db: Db,
    pub target: Target,
    pub recent: Recent,
    pub checkpoints: Option<Checkpoints>,
    shared_until: Option<Instant>,
    unticked: Unticked,
    news: News,
    pub metrics: Arc<Metrics>,
    pub spool: Arc<Spool>,
    /// The last event of the spool that was set aside.
    pub set_aside: Option<(Arc<str>, u64)>,
    /// Changes since the last checkpoint heard of them.
    written: usize,
    /// The database took nothing when it was last tried.
    pub away: bool,
    /// The connection is to a server that takes no writes.
    pub misled: bool,
}

/// An arrival, and who waits for what comes of it.
type Waiting = (Arc<Arrival>, oneshot::Sender<Result<Recorded>>);

impl Thread {
    pub fn new(db: Db, target: Target, news: News, spool: Arc<Spool>, metrics: Arc<Metrics>) -> Self {
        Self {
            checkpoints: Checkpoints::start(&target),
            recent: Recent::new(REMEMBERED.0, REMEMBERED.1),
            shared_until: None,
            unticked: Unticked::default(),
            set_aside: None,
            written: 0,
            away: false,
            misled: false,
            db,
            target,
            news,
            metrics,
            spool,
        }
    }

    /// Until all who could send are gone, or one sends `Close`.
    pub fn run(mut self, mut inbox: mpsc::Receiver<Job>, awaited: &Awaited) {
        self.prepare_session();
        let mut jobs = Vec::with_capacity(MAX_BATCH);
        let mut closing = None;
        let mut ended = Instant::now();
        let mut linger = Linger::new(ended);
        loop {
            linger.wait(awaited, || inbox.len());
            let taken = inbox.blocking_recv_many(&mut jobs, MAX_BATCH);
            if taken == 0 {
                break;
            }
            let begun = Instant::now();
            linger.idle(begun, begun - ended);
            if let Some(done) = self.work(&mut jobs) {
                inbox.close(); // what is in it is still written
                closing = Some(done);
            }
            ended = Instant::now();
            linger.committed(ended, taken, ended - begun, inbox.len());
            let written = std::mem::take(&mut self.written);
            if let Some(checkpoints) = &mut self.checkpoints {
                checkpoints.wrote(&mut self.db, written);
            }
        }
        log::debug!("everything is written");
        self.leave();
        if let Some(done) = closing {
            let _gone = done.send(());
        }
    }

    /// Leaves SQLite's file whole, for whoever moves or copies it while nobody runs. Not where the database is away.
    fn leave(&mut self) {
        if let Db::Sqlite(_) = self.db
            && !self.away
            && !self.spool.is_filling()
            && let Err(e) = checkpoint::empty(&mut self.db)
        {
            log::info!("the write-ahead log stays: {e}");
        }
    }

    /// Does all `jobs`. Answers who waits for the end, where one of them says so.
    fn work(&mut self, jobs: &mut Vec<Job>) -> Option<oneshot::Sender<()>> {
        let mut closing = None;
        let mut arrivals: Vec<Waiting> = Vec::with_capacity(jobs.len());
        for job in jobs.drain(..) {
            match job {
                Job::Arrival(arrival, _) if arrival.is_given_up() => {}
                Job::Arrival(arrival, done) => arrivals.push((arrival, done)),
                Job::Amendment(amendment, done) => {
                    self.commit(std::mem::take(&mut arrivals)); // what came first is written first
                    let _gone = done.send(self.amend(&amendment));
                }
                Job::Replay(snapshot, done) => {
                    self.commit(std::mem::take(&mut arrivals));
                    let _gone = done.send(self.replay(&snapshot));
                }
                Job::Close(done) => closing = Some(done),
            }
        }
        self.commit(arrivals);
        closing
    }

    /// One commit for all; where that fails, each half by itself, so that a bad one fails alone.
    fn commit(&mut self, mut arrivals: Vec<Waiting>) {
        if arrivals.is_empty() {
            return;
        }
        let begun = Instant::now();
        match self.write(&arrivals) {
            Ok((recorded, touched)) => {
                self.metrics.committed(arrivals.len(), begun.elapsed());
                for ((_, done), recorded) in arrivals.into_iter().zip(recorded) {
                    let _gone = done.send(Ok(recorded));
                }
                self.remember(touched);
            }
            // what may be there already goes to the spool, too: its replay looks before it writes
            Err(e) if !self.takes_writes() || arrivals.len() == 1 || spooled::is_away(&e) => {
                complain("events are not written", &e);
                for (arrival, done) in arrivals {
                    if done.send(Err(DOWN)).is_err() {
                        self.spool_for(&arrival);
                    }
                }
            }
            Err(_) => {
                arrivals.retain(|(arrival, _)| !arrival.is_given_up());
                let second = arrivals.split_off(arrivals.len() / 2);
                self.commit(arrivals);
                self.commit(second);
            }
        }
    }

    fn write(&mut self, arrivals: &[Waiting]) -> QueryResult<(Vec<Recorded>, Vec<Touched>)> {
        let now = Instant::now();
        let alone = self.shared_until.is_none_or(|until| until < now);
        let quick = if alone { self.write_from_memory(arrivals) } else { Err(DbError::RollbackTransaction) };
        let (batch, reaches) = match quick {
            Ok(written) => written,
            Err(e) => {
                if alone && e != DbError::NotFound {
                    log::debug!("a batch is written the careful way: {e}");
                    self.shared_until = Some(now + SHARED);
                }
                if spooled::is_away(&e) || arrivals.iter().all(|(arrival, _)| arrival.is_given_up()) {
                    return Err(e);
                }
                self.write_with_care(arrivals)?
            }
        };
        Ok(self.publish(batch, reaches))
    }

    /// After a commit: tells of it, and ticks what was reached. What is to be answered, and the calls that are then to
    /// be remembered.
    pub fn publish(&mut self, batch: Batch, reaches: bool) -> (Vec<Recorded>, Vec<Touched>) {
        self.written += batch.entries.len();
        let range = batch.entries.first().zip(batch.entries.last());
        let (first, mut newest) = range.map_or((0, 0), |(first, last)| (first.change, last.change));
        self.news.tell(first - 1, newest, || batch.moved());
        if !batch.tells.is_empty() {
            self.news.told.send_replace(());
        }
        let opened: Vec<Call> = batch.opened().cloned().collect();
        let Batch { mut touched, recorded, reached, .. } = batch;
        if reaches || !opened.is_empty() || !self.unticked.is_empty() {
            self.remember(std::mem::take(&mut touched));
            self.unticked.add(reached, opened);
            match self.tick_reached() {
                Ok(ticked) => newest = newest.max(ticked),
                // the events are committed
                Err(e) => complain("missed calls of callers who were reached wait for their tick", &e),
            }
        }
        if newest > 0 {
            self.news.reached(newest);
        }
        (recorded, touched)
    }

    /// For their next events. It is done behind the answers, for which PBXes wait.
    pub fn remember(&mut self, touched: Vec<Touched>) {
        for touched in touched {
            self.recent.put(touched.call);
        }
    }

    /// With the calls that we remember. New ones are taken to be new: the statement says if that is wrong.
    fn write_from_memory<'a>(&mut self, arrivals: &'a [Waiting]) -> QueryResult<(Batch<'a>, bool)> {
        let now = crate::clock::now();
        let strange = |kind: Kind, key: &CallKey| kind != Kind::NewCall && !self.recent.holds(key, now);
        for call in calls::latest(&mut self.db, &keys_of(each(arrivals), strange))? {
            self.recent.put(call);
        }
        // taken, not copied: where the writing fails they are read anew
        let mut batch = fold(each(arrivals), |key| self.recent.take(key));
        batch.known = self.news.mark();
        let reaches = match &mut self.db {
            db if batch.has_asides() => db.transaction(|db| asides::write(db, &mut batch))?,
            Db::Postgres(conn) => batch_postgres::write(conn, &mut batch)?,
            Db::Sqlite(conn) => batch_sqlite::write(conn, &mut batch)?,
        };
        Ok((batch, reaches))
    }

    /// With the calls as they are stored, read and written under the lock that hands out change numbers.
    fn write_with_care<'a>(&mut self, arrivals: &'a [Waiting]) -> QueryResult<(Batch<'a>, bool)> {
        let keys = keys_of(each(arrivals), |_, _| true);
        self.db.transaction(|db| {
            numbers::lock(db)?;
            let mut stored = Recent::all(keys.len());
            for call in calls::latest(db, &keys)? {
                stored.put(call);
            }
            let mut batch = fold(each(arrivals), |key| stored.take(key));
            let reaches = asides::write(db, &mut batch)?;
            Ok((batch, reaches))
        })
    }

    /// Somebody spoke with them: their missed calls need nobody any more, but for those that a person unticked.
    /// The newest change number of that, or 0.
    fn tick_reached(&mut self) -> QueryResult<i64> {
        let reached = self.unticked.all(&mut self.db)?;
        let ids = calls::open_of(&mut self.db, &reached)?;
        let at = crate::clock::now();
        let amendment = Amendment {
            ids,
            kind: "reached",
            why: Some("the caller was reached".into()),
            at,
            change: Box::new(move |call| {
                let settled = call.open
                    && call.done_by.is_none()
                    && reached.iter().any(|reached| reached.settles(call));
                if settled {
                    call.tick(true, REACHED, at);
                }
                settled
            }),
        };
        let ticked = amend(&mut self.db, &amendment)?;
        self.unticked = Unticked::default();
        self.news.tell_amended(&amendment, &ticked);
        for call in &ticked {
            self.recent.replace(call);
        }
        Ok(ticked.iter().map(|call| call.change).max().unwrap_or(0))
    }

    fn amend(&mut self, amendment: &Amendment) -> Result<Vec<Call>> {
        let changed = amend(&mut self.db, amendment);
        if changed.is_err() && !self.takes_writes() {
            return Err(DOWN);
        }
        let changed = changed?;
        self.written += changed.len();
        for call in &changed {
            self.recent.replace(call);
        }
        if let Some(newest) = changed.iter().map(|call| call.change).max() {
            self.news.reached(newest);
        }
        self.news.tell_amended(amendment, &changed);
        Ok(changed)
    }

    /// Whoever sent it is gone and did not hear that it failed, so that nobody took it to the spool.
    fn spool_for(&self, arrival: &Arrival) {
        if arrival.give_up() && !self.spool.put_unheard(arrival, self.news.mark()) {
            log::warn!("an event of PBX {} is not written, and was not answered", arrival.pbx.id);
        }
    }
}

fn each(arrivals: &[Waiting]) -> impl ExactSizeIterator<Item = &Arrival> {
    arrivals.iter().map(|(arrival, _)| &**arrival)
}

/// The keys of the calls that these events are about, each once.
pub(super) fn keys_of<'a>(
    arrivals: impl Iterator<Item = &'a Arrival>,
    wanted: impl Fn(Kind, &CallKey) -> bool,
) -> Vec<CallKey<'a>> {
    let keys = arrivals.filter_map(|arrival| Some((arrival.event()?.kind, arrival.key()?)));
    let mut keys: Vec<CallKey> = keys.filter(|(kind, key)| wanted(*kind, key)).map(|(_, key)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

pub(super) fn fold<'a>(
    arrivals: impl ExactSizeIterator<Item = &'a Arrival>,
    mut known: impl FnMut(&CallKey) -> Option<Call>,
) -> Batch<'a> {
    let mut batch = Batch::with_capacity(arrivals.len());
    for arrival in arrivals {
        batch.add(arrival, &mut known);
    }
    batch
}
