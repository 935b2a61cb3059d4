//! The writer: one thread, one connection. The next transaction takes whatever queued while the last one committed
//! (and who is about to speak again, see `linger`); an answer to a PBX is given after its commit.
//!
//! It keeps the calls that it lately wrote in memory, so that one statement suffices: the statement fails where a
//! stored row is not the one that was remembered (another node moved it), and then the batch is done again the
//! careful way, with the rows read under the lock that hands out change numbers.

mod connection;
mod linger;
mod news;
mod replay;
mod thread;
mod unticked;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::Db;
use super::amend::Amendment;
pub use super::arrival::{Arrival, Hook, Recorded, RuleHit, without};
use super::changes::Committed;
use super::target::Target;
use crate::call::Call;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::snapshot::Snapshot;
use crate::spool::Spool;
use linger::Awaited;
use news::News;
pub use replay::Replayed;
use thread::Thread;

/// The most that waits for the writer; more than that and callers wait for room.
const QUEUE: usize = 8192;

enum Job {
    Arrival(Arc<Arrival>, oneshot::Sender<Result<Recorded>>),
    Amendment(Amendment, oneshot::Sender<Result<Vec<Call>>>),
    Replay(Arc<Snapshot>, oneshot::Sender<Replayed>),
    Close(oneshot::Sender<()>),
}

/// The way in. Dropping it ends the thread, too, after the thread has drained its queue.
pub struct Writer {
    jobs: mpsc::Sender<Job>,
    news: News,
    thread: std::thread::Thread,
    awaited: Arc<Awaited>,
}

impl Writer {
    /// Starts the thread on `db`, whose last change is `newest`.
    pub fn start(db: Db, newest: i64, target: Target, spool: Arc<Spool>, metrics: Arc<Metrics>) -> Self {
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let news = News::new(newest);
        let thread = Thread::new(db, target, news.clone(), spool, metrics);
        let awaited = Arc::new(Awaited::default());
        let by_thread = awaited.clone();
        let started = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || thread.run(inbox, &by_thread))
            .expect("a thread can be started at start-up");
        Self { jobs, news, thread: started.thread().clone(), awaited }
    }

    /// Writes down what came of one request. Returns after the commit.
    ///
    /// # Errors
    /// `Unavailable` where the database does not take it.
    pub async fn record(&self, arrival: Arc<Arrival>) -> Result<Recorded> {
        let (done, answer) = oneshot::channel();
        if let Err(full) = self.jobs.try_send(Job::Arrival(arrival, done)) {
            match full {
                mpsc::error::TrySendError::Full(job) => Box::pin(self.send(job)).await?,
                mpsc::error::TrySendError::Closed(_) => return Err(STOPPED),
            }
        }
        self.awaited.came(&self.thread, || self.queued());
        answer.await.map_err(|_| STOPPED)?
    }

    /// A change number: whatever is recorded from now on becomes a later change.
    pub fn mark(&self) -> i64 {
        self.news.mark()
    }

    /// Brings the database the oldest events of the spool. `snapshot` knows the PBXes that sent them.
    ///
    /// # Errors
    /// `Unavailable` where the server stops.
    pub async fn replay(&self, snapshot: Arc<Snapshot>) -> Result<Replayed> {
        let (done, answer) = oneshot::channel();
        self.send(Job::Replay(snapshot, done)).await?;
        answer.await.map_err(|_| STOPPED)
    }

    /// Changes calls. Returns those that changed, after the commit.
    ///
    /// # Errors
    /// What the database says; `Unavailable` where it takes too long, and then it may still happen.
    pub async fn amend(&self, amendment: Amendment) -> Result<Vec<Call>> {
        let (done, answer) = oneshot::channel();
        let changed = async {
            self.send(Job::Amendment(amendment, done)).await?;
            answer.await.map_err(|_| STOPPED)?
        };
        let slow = || Error::Unavailable("the database is too slow; it may have been done");
        timeout(PATIENCE, changed).await.unwrap_or_else(|_| Err(slow()))
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
        self.news.newest.subscribe()
    }

    /// What this node writes from now on, with the calls as each transaction left them.
    pub fn committed(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.news.committed.subscribe()
    }

    /// Changes when there is something new to be sent to webhooks; say so by it, too.
    pub fn told(&self) -> &watch::Sender<()> {
        &self.news.told
    }
}

/// How long people wait for a change of theirs.
const PATIENCE: Duration = Duration::from_secs(10);

const STOPPED: Error = Error::Unavailable("the server is stopping");

/// Who ticked a missed call whose caller was spoken to afterwards.
pub const REACHED: &str = "reached";
