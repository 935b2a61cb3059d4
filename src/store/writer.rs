//! The writer: one thread, one connection. The next transaction takes whatever queued while the last one committed
//! (and who is about to speak again, see `linger`); an answer to a PBX is given after its commit.
//!
//! It keeps the calls that it lately wrote in memory, so that one statement suffices: the statement fails where a
//! stored row is not the one that was remembered (another node moved it), and then the batch is done again the
//! careful way, with the rows read under the lock that hands out change numbers.

mod linger;
mod news;
mod thread;

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::Db;
use super::amend::Amendment;
pub use super::arrival::{Arrival, Hook, Recorded, RuleHit, without};
use super::changes::Committed;
use super::target::Target;
use crate::call::Call;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use news::News;
use thread::Thread;

/// The most that waits for the writer; more than that and callers wait for room.
const QUEUE: usize = 8192;

enum Job {
    Arrival(Box<Arrival>, oneshot::Sender<Result<Recorded>>),
    Amendment(Amendment, oneshot::Sender<Result<Vec<Call>>>),
    Close(oneshot::Sender<()>),
}

/// The way in. Dropping it ends the thread, too, after the thread has drained its queue.
pub struct Writer {
    jobs: mpsc::Sender<Job>,
    news: News,
}

impl Writer {
    /// Starts the thread on `db`.
    pub fn start(db: Db, target: Target, metrics: Arc<Metrics>) -> Self {
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let news = News::new();
        let thread = Thread::new(db, target, news.clone(), metrics);
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || thread.run(inbox))
            .expect("a thread can be started at start-up");
        Self { jobs, news }
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

const STOPPED: Error = Error::Unavailable("the server is stopping");

/// Who ticked a missed call whose caller was spoken to afterwards.
pub const REACHED: &str = "reached";
