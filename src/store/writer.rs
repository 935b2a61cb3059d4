//! The writer: one thread, one connection, no timer. The next transaction takes whatever queued while the last one
//! committed; an answer to a PBX is given after its commit.
//!
//! It keeps the calls that it lately wrote in memory, so that one statement suffices: the statement fails where a
//! stored row is not the one that was remembered (another node moved it), and then the batch is done again the
//! careful way, with the rows read under the lock that hands out change numbers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error as DbError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::amend::{Amendment, amend};
use super::batch::Batch;
pub use super::batch::{Arrival, Recorded, RuleHit, without};
use super::calls;
use super::changes::{Committed, LOST, Moved};
use super::recent::{CallKey, Recent};
use super::target::Target;
use super::{Db, batch_postgres, batch_sqlite};
use crate::call::{Call, Kind};
use crate::error::{Error, Result};
use crate::metrics::Metrics;

/// The most that waits for the writer; more than that and callers wait for room.
const QUEUE: usize = 8192;
/// The most arrivals of one transaction: past this only latency grows.
const MAX_BATCH: usize = 512;
/// How long after another node was seen writing the same calls every batch is done the careful way.
const SHARED: Duration = Duration::from_secs(5);
/// Transactions that who follows them may be behind; then it reads what it missed.
const UNHEARD: usize = 256;

/// Bounds of the writer's work.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many calls it remembers.
    pub remembered_calls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { remembered_calls: 4096 }
    }
}

enum Job {
    Arrival(Box<Arrival>, oneshot::Sender<Result<Recorded>>),
    Amendment(Amendment, oneshot::Sender<Result<Vec<Call>>>),
    Close(oneshot::Sender<()>),
}

/// The way in. Dropping it ends the thread, too, after the thread has drained its queue.
pub struct Writer {
    jobs: mpsc::Sender<Job>,
    /// The newest change number: says "look again" to whoever waits.
    newest: watch::Receiver<i64>,
    committed: broadcast::Sender<Arc<Committed>>,
}

impl Writer {
    /// Starts the thread on `db`.
    pub fn start(db: Db, target: Target, limits: Limits, metrics: Arc<Metrics>) -> Self {
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let (moved, newest) = watch::channel(0);
        let (committed, _) = broadcast::channel(UNHEARD);
        let thread = Thread {
            db,
            target,
            recent: Recent::new(limits.remembered_calls),
            shared_until: None,
            moved,
            committed: committed.clone(),
            metrics,
        };
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || thread.run(inbox))
            .expect("a thread can be started at start-up");
        Self { jobs, newest, committed }
    }

    /// Writes down what came of one request. Returns after the commit.
    ///
    /// # Errors
    /// `Unavailable` where the database does not take it.
    pub async fn record(&self, arrival: Box<Arrival>) -> Result<Recorded> {
        let (done, answer) = oneshot::channel();
        if let Err(full) = self.jobs.try_send(Job::Arrival(arrival, done)) {
            match full {
                mpsc::error::TrySendError::Full(job) => Box::pin(self.send(job)).await?,
                mpsc::error::TrySendError::Closed(_) => return Err(STOPPED),
            }
        }
        answer.await.map_err(|_| STOPPED)?
    }

    /// Changes calls. Returns those that changed, after the commit.
    ///
    /// # Errors
    /// What the database says.
    pub async fn amend(&self, amendment: Amendment) -> Result<Vec<Call>> {
        let (done, answer) = oneshot::channel();
        self.send(Job::Amendment(amendment, done)).await?;
        answer.await.map_err(|_| STOPPED)?
    }

    /// Writes what is queued, then ends. Whatever comes later is told that the server stops.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.send(Job::Close(done)).await.is_ok() {
            let _ended = closed.await;
        }
    }

    async fn send(&self, job: Job) -> Result<()> {
        self.jobs.send(job).await.map_err(|_| STOPPED)
    }

    /// How many jobs wait.
    pub fn queued(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// The newest change number that this node wrote.
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.newest.clone()
    }

    /// What this node writes from now on, with the calls as each transaction left them.
    pub fn committed(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.committed.subscribe()
    }
}

const STOPPED: Error = Error::Unavailable("the server is stopping");
const DOWN: Error = Error::Unavailable("the database does not answer");

struct Thread {
    db: Db,
    target: Target,
    recent: Recent,
    shared_until: Option<Instant>,
    moved: watch::Sender<i64>,
    committed: broadcast::Sender<Arc<Committed>>,
    metrics: Arc<Metrics>,
}

type Waiting = (Box<Arrival>, oneshot::Sender<Result<Recorded>>);

impl Thread {
    fn run(mut self, mut inbox: mpsc::Receiver<Job>) {
        self.prepare_session();
        let mut jobs = Vec::with_capacity(MAX_BATCH);
        let mut closing = None;
        while inbox.blocking_recv_many(&mut jobs, MAX_BATCH) > 0 {
            let mut arrivals: Vec<Waiting> = Vec::with_capacity(jobs.len());
            for job in jobs.drain(..) {
                match job {
                    Job::Arrival(arrival, done) => arrivals.push((arrival, done)),
                    Job::Amendment(amendment, done) => {
                        self.commit(std::mem::take(&mut arrivals)); // what came first is written first
                        let _gone = done.send(self.amend(&amendment));
                    }
                    Job::Close(done) => {
                        inbox.close(); // what is in it is still written
                        closing = Some(done);
                    }
                }
            }
            self.commit(arrivals);
        }
        log::debug!("everything is written");
        if let Some(done) = closing {
            let _gone = done.send(());
        }
    }

    /// One commit for all; where that fails, each half by itself, so that a bad one fails alone.
    fn commit(&mut self, mut arrivals: Vec<Waiting>) {
        if arrivals.is_empty() {
            return;
        }
        let begun = Instant::now();
        match self.write(&arrivals) {
            Ok(recorded) => {
                self.metrics.committed(arrivals.len(), begun.elapsed());
                for ((_, done), recorded) in arrivals.into_iter().zip(recorded) {
                    let _gone = done.send(Ok(recorded));
                }
            }
            Err(e) if !self.alive() => {
                log::error!("{} events not written: {e}", arrivals.len());
                for (_, done) in arrivals {
                    let _gone = done.send(Err(DOWN));
                }
            }
            Err(e) if arrivals.len() == 1 => {
                log::error!("an event of PBX {} cannot be written: {e}", arrivals[0].0.pbx.id);
                for (_, done) in arrivals {
                    let _gone = done.send(Err(DOWN));
                }
            }
            Err(_) => {
                let second = arrivals.split_off(arrivals.len() / 2);
                self.commit(arrivals);
                self.commit(second);
            }
        }
    }

    fn write(&mut self, arrivals: &[Waiting]) -> QueryResult<Vec<Recorded>> {
        let now = Instant::now();
        let alone = self.shared_until.is_none_or(|until| until < now);
        let quick = if alone { self.write_from_memory(arrivals) } else { Err(DbError::RollbackTransaction) };
        let (batch, reached) = match quick {
            Ok(written) => written,
            Err(e) => {
                if alone && e != DbError::NotFound {
                    log::debug!("a batch is written the careful way: {e}");
                    self.shared_until = Some(now + SHARED);
                }
                self.write_with_care(arrivals)?
            }
        };
        let range = batch.entries.first().zip(batch.entries.last());
        let (first, mut newest) = range.map_or((0, 0), |(first, last)| (first.change, last.change));
        self.tell(first - 1, newest, || batch.moved());
        let reaches = !reached.is_empty() || batch.reaches_itself();
        let Batch { touched, recorded, reached: parties, .. } = batch;
        for touched in touched {
            self.recent.put(touched.call);
        }
        if reaches {
            match self.tick_reached(&parties) {
                Ok(ticked) => newest = newest.max(ticked),
                // the events are committed
                Err(e) => log::error!("missed calls of callers who were reached stay open: {e}"),
            }
        }
        self.moved.send_replace(newest);
        Ok(recorded)
    }

    /// With the calls that we remember. New ones are taken to be new: the statement says if that is wrong.
    fn write_from_memory<'a>(&mut self, arrivals: &'a [Waiting]) -> QueryResult<(Batch<'a>, Vec<i64>)> {
        let now = crate::clock::now();
        let strange = |kind: Kind, key: &CallKey| kind != Kind::NewCall && !self.recent.holds(key, now);
        for call in calls::latest(&mut self.db, &keys_of(arrivals, strange))? {
            self.recent.put(call);
        }
        // taken, not copied: where the writing fails they are read anew
        let mut batch = fold(arrivals, |key| self.recent.take(key));
        let reached = match &mut self.db {
            Db::Postgres(conn) => batch_postgres::write(conn, &mut batch)?,
            Db::Sqlite(conn) => batch_sqlite::write(conn, &mut batch)?,
        };
        Ok((batch, reached))
    }

    /// With the calls as they are stored, read and written under the lock that hands out change numbers.
    fn write_with_care<'a>(&mut self, arrivals: &'a [Waiting]) -> QueryResult<(Batch<'a>, Vec<i64>)> {
        let keys = keys_of(arrivals, |_, _| true);
        self.db.transaction(|db| {
            use super::schema::feed;
            diesel::update(feed::table.find(1)).set(feed::change.eq(feed::change)).execute(db)?;
            let mut stored = Recent::new(2 * keys.len() + 2);
            for call in calls::latest(db, &keys)? {
                stored.put(call);
            }
            let mut batch = fold(arrivals, |key| stored.take(key));
            let reached = match db {
                Db::Postgres(conn) => batch_postgres::write(conn, &mut batch)?,
                Db::Sqlite(conn) => batch_sqlite::write_within(conn, &mut batch)?,
            };
            Ok((batch, reached))
        })
    }

    /// Somebody spoke with them: their missed calls need nobody any more, but for those that a person unticked.
    /// The newest change number of that, or 0.
    fn tick_reached(&mut self, parties: &[(i64, String)]) -> QueryResult<i64> {
        let ids = calls::open_of(&mut self.db, parties)?;
        let at = crate::clock::now();
        let amendment = Amendment {
            ids,
            kind: "reached",
            why: Some("the caller was reached".into()),
            at,
            change: Box::new(move |call| {
                let open = call.open && call.done_by.is_none();
                if open {
                    call.tick(true, REACHED, at);
                }
                open
            }),
        };
        let ticked = amend(&mut self.db, &amendment)?;
        self.tell_amended(&amendment, &ticked);
        for call in &ticked {
            self.recent.replace(call);
        }
        Ok(ticked.iter().map(|call| call.change).max().unwrap_or(0))
    }

    fn amend(&mut self, amendment: &Amendment) -> Result<Vec<Call>> {
        let changed = amend(&mut self.db, amendment);
        if changed.is_err() && !self.alive() {
            return Err(DOWN);
        }
        let changed = changed?;
        for call in &changed {
            self.recent.replace(call);
        }
        if let Some(newest) = changed.iter().map(|call| call.change).max() {
            self.moved.send_replace(newest);
        }
        self.tell_amended(amendment, &changed);
        Ok(changed)
    }

    /// Tells who follows; nothing where nobody does.
    fn tell(&self, after: i64, newest: i64, calls: impl FnOnce() -> Vec<Moved>) {
        if self.committed.receiver_count() > 0 {
            let committed = Committed { after, newest, calls: calls(), at: Instant::now() };
            let _gone = self.committed.send(Arc::new(committed));
        }
    }

    fn tell_amended(&self, amendment: &Amendment, changed: &[Call]) {
        let (Some(first), Some(last)) = (changed.first(), changed.last()) else { return };
        let state_is_new = amendment.kind == LOST;
        let moved = |call: &Call| Moved { call: call.clone(), state_is_new };
        self.tell(first.change - 1, last.change, || changed.iter().map(moved).collect());
    }

    /// Is there a database? Connects anew where the connection broke.
    fn alive(&mut self) -> bool {
        if diesel::sql_query("SELECT 1").execute(&mut self.db).is_ok() {
            return true;
        }
        match self.target.connect() {
            Ok(db) => {
                self.db = db;
                self.recent.clear();
                self.prepare_session();
                true
            }
            Err(e) => {
                log::error!("{}: {e}", self.target.describe());
                false
            }
        }
    }

    fn prepare_session(&mut self) {
        use diesel::connection::SimpleConnection;
        if let Db::Postgres(conn) = &mut self.db
            && let Err(e) = conn.batch_execute(batch_postgres::SESSION)
        {
            log::warn!("the writer's session keeps the server's planner settings: {e}");
        }
    }
}

/// Who ticked a missed call whose caller was spoken to afterwards.
pub const REACHED: &str = "reached";

/// The keys of the calls that these events are about, each once.
fn keys_of<'a>(arrivals: &'a [Waiting], wanted: impl Fn(Kind, &CallKey) -> bool) -> Vec<CallKey<'a>> {
    let keys = arrivals.iter().filter_map(|(arrival, _)| Some((arrival.event()?.kind, arrival.key()?)));
    let mut keys: Vec<CallKey> = keys.filter(|(kind, key)| wanted(*kind, key)).map(|(_, key)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn fold<'a>(arrivals: &'a [Waiting], mut known: impl FnMut(&CallKey) -> Option<Call>) -> Batch<'a> {
    let mut batch = Batch::default();
    for (arrival, _) in arrivals {
        batch.add(arrival, &mut known);
    }
    batch
}
