//! The spool: events on disk while the database does not take them. A PBX then gets what the rules in memory say, after
//! the event was synced here; when the database is back, `replay` brings it what is here, in order, before new events.
//!
//! While anything is here, all new events come here, too: that keeps their order, and answers them at once.

mod folder;
pub mod frame;
mod handover;
mod record;
pub mod replay;
mod thread;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use crate::call::{Decision, Kind, Moment};
use crate::complaint::Seldom;
use crate::dialect::{Reply, Said};
use crate::error::StartError;
use crate::metrics::SpoolMetrics;
use crate::store::writer::Arrival;
use folder::Folder;
pub use folder::{Batch, Figures, Stored};
use handover::Handover;
pub use record::Record;
use thread::Job;

/// The most that waits to be written.
const QUEUE: usize = 8192;

/// The most calls whose decision is remembered while they are only here.
const DECIDED: usize = 65_536;

/// Where it is, and how large it may be.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder.
    pub folder: PathBuf,
    /// In bytes.
    pub limit: u64,
}

/// Why an event is not in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many bytes as it may hold.
    #[error("the database does not answer and the spool is full; try again shortly")]
    Full,
    /// The disk says no.
    #[error("the database does not answer and the spool cannot be written; try again shortly")]
    Disk,
}

/// The way in, for intake; and the way out, for the writer.
pub struct Spool {
    jobs: mpsc::Sender<Job>,
    shelf: Arc<Shelf>,
    /// What was answered to newCalls that are only here: a repeated one is answered the same.
    decided: Mutex<HashMap<(i64, String, String, String), Decision>>,
}

/// What the spool's own thread and the others share.
struct Shelf {
    folder: Mutex<Folder>,
    /// Something is here: new events follow it. Changed only while the folder is held.
    filling: AtomicBool,
    /// How many are on their way into the folder.
    coming: AtomicUsize,
    handover: Mutex<Handover>,
    /// Told when it came to an end, or will not.
    ended: Notify,
    /// Told when it begins to be so.
    filled: Notify,
    since: Mutex<Option<Instant>>,
    figures: Mutex<Figures>,
    limit: u64,
    metrics: SpoolMetrics,
    complaints: Seldom,
}

impl Spool {
    /// Opens the folder and starts the thread. `position` says up to which record of a spool the database has it.
    ///
    /// # Errors
    /// What a person must mend, in one line.
    pub fn open(
        settings: &Settings,
        metrics: SpoolMetrics,
        position: impl FnMut(&str) -> Result<u64, StartError>,
    ) -> Result<Self, StartError> {
        let folder = Folder::open(settings.folder.clone(), settings.limit, position)?;
        let shelf = Arc::new(Shelf {
            filling: AtomicBool::new(false),
            coming: AtomicUsize::new(0),
            handover: Mutex::default(),
            ended: Notify::new(),
            filled: Notify::new(),
            since: Mutex::new(None),
            figures: Mutex::default(),
            limit: settings.limit,
            complaints: Seldom::new(),
            folder: Mutex::new(folder),
            metrics,
        });
        {
            let folder = shelf.folder();
            if !folder.is_empty() {
                let (count, path) = (folder.figures().records, folder.path().display().to_string());
                log::info!("{count} events of an earlier run are in the spool {path}");
                shelf.fills(&folder);
            }
        }
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let own = shelf.clone();
        std::thread::Builder::new()
            .name("spool".into())
            .spawn(move || thread::run(&own, inbox))
            .expect("a thread can be started at start-up");
        Ok(Self { jobs, shelf, decided: Mutex::default() })
    }

    /// Do new events come here?
    pub fn is_filling(&self) -> bool {
        self.shelf.filling.load(Ordering::Acquire)
    }

    /// The same, once that is settled: where the spool is about to end, or does not get shorter, new events wait for its
    /// end, no longer than `longest`.
    pub async fn takes_new(&self, longest: Duration) -> bool {
        let ended = self.shelf.ended.notified(); // before the look, so that none is missed
        let wait = self.shelf.handover().wait(longest, Instant::now());
        if let Some(wait) = wait.filter(|_| self.is_filling()) {
            let _ended_or_late = timeout(wait, ended).await;
        }
        self.is_filling()
    }

    /// Returns once there is something in it.
    pub async fn filled(&self) {
        let told = self.shelf.filled.notified(); // before the look, so that none is missed
        if !self.is_filling() {
            told.await;
        }
    }

    /// Writes an arrival down. Returns once it is synced. `after` is of one that the writer may have written, too: a
    /// change number before which it was not written.
    ///
    /// # Errors
    /// Where there is no room, or the disk refuses. Then it is not in the spool.
    pub async fn put(&self, arrival: &Arrival, after: Option<i64>) -> Result<(), Refused> {
        let (done, written) = oneshot::channel();
        let put = match self.send(arrival, after, done) {
            true => written.await.unwrap_or(Err(Refused::Disk)),
            false => Err(Refused::Full),
        };
        put.inspect_err(|_| self.shelf.metrics.refused.increment(1))
    }

    /// The same of an arrival for which nobody waits. Whether there is room.
    pub fn put_unheard(&self, arrival: &Arrival, after: i64) -> bool {
        let (done, _nobody) = oneshot::channel();
        self.send(arrival, Some(after), done)
    }

    fn send(
        &self,
        arrival: &Arrival,
        after: Option<i64>,
        done: oneshot::Sender<Result<(), Refused>>,
    ) -> bool {
        let payload = Record::of(arrival, after).to_bytes();
        self.shelf.coming.fetch_add(1, Ordering::AcqRel);
        let sent = self.jobs.try_send(Job { payload, done }).is_ok();
        if !sent {
            self.shelf.coming.fetch_sub(1, Ordering::AcqRel);
        }
        sent
    }

    /// What the PBX is told of an arrival that comes here, from memory.
    pub fn reply(&self, arrival: &Arrival) -> Reply {
        let dialect = arrival.pbx.dialect;
        match &arrival.said {
            Err(refusal) => dialect.refuse(refusal),
            Ok((Said::Ignored { .. } | Said::Presence(_), _)) => dialect.acknowledge(),
            Ok((Said::Event(event), decision)) if event.kind == Kind::NewCall => {
                let from = event.from.as_ref().map_or_else(String::new, |from| from.key().into());
                let key = (arrival.pbx.id, event.call_id.clone(), event.leg_id.clone(), from);
                let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
                let room = decided.len() < DECIDED;
                let first = match decided.get(&key) {
                    Some(first) => first,
                    None if room => decided.entry(key).or_insert_with(|| decision.clone()),
                    None => decision,
                };
                dialect.render(event, first, arrival.hook_url())
            }
            Ok((Said::Event(event), decision)) => dialect.render(event, decision, arrival.hook_url()),
        }
    }

    /// The oldest records, for the writer; it says `done` or puts them back. `None`, and new events go to the database
    /// again, where there are none.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn take(&self, most: usize) -> std::io::Result<Option<Batch>> {
        let mut folder = self.shelf.folder();
        let taken = folder.take(most)?;
        // those on their way would only begin it anew
        if taken.is_none() && self.shelf.coming.load(Ordering::Acquire) == 0 {
            self.shelf.emptied();
            self.decided.lock().unwrap_or_else(PoisonError::into_inner).clear();
        } else if taken.as_ref().is_none_or(|batch| batch.records.len() < most) {
            self.shelf.handover().took_the_last(Instant::now());
        }
        self.shelf.show(&folder);
        Ok(taken)
    }

    /// The database did not take them.
    pub fn put_back(&self, batch: Batch) {
        self.shelf.folder().put_back(batch);
        self.shelf.handover().failed(Instant::now());
        self.shelf.ended.notify_waiters();
    }

    /// The database has the first so many of those that were taken; the last came then. Names the spools that are in it
    /// wholly.
    pub fn done(&self, count: usize, last: Moment) -> Vec<Arc<str>> {
        let mut folder = self.shelf.folder();
        let ended = folder.done(count, last);
        self.shelf.handover().went(count, Instant::now());
        self.shelf.show(&folder);
        self.shelf.metrics.replayed.increment(count as u64);
        ended
    }

    /// Keeps one aside that the database will never take.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn reject(&self, spool: &str, why: &str, record: &Stored) -> std::io::Result<()> {
        let folder = self.shelf.folder();
        folder.reject(spool, why, record)?;
        log::error!(
            "an event of the spool cannot be written ({why}) and is kept in {}/{spool}.rejected",
            folder.path().display()
        );
        self.shelf.metrics.rejected.increment(1);
        Ok(())
    }

    /// What is in it.
    pub fn figures(&self) -> Figures {
        *self.shelf.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Could it take one more, however long?
    pub fn has_room(&self) -> bool {
        self.figures().bytes + frame::LONGEST as u64 <= self.shelf.limit
    }
}

impl Shelf {
    fn folder(&self) -> MutexGuard<'_, Folder> {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handover(&self) -> MutexGuard<'_, Handover> {
        self.handover.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is in `folder`. Whether it was empty before.
    fn fills(&self, folder: &Folder) -> bool {
        let first = !self.filling.swap(true, Ordering::Release);
        if first {
            *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            self.filled.notify_one();
        }
        self.show(folder);
        first
    }

    /// Nothing is in the folder, which the caller holds.
    fn emptied(&self) {
        if self.filling.swap(false, Ordering::Release) {
            let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).take();
            let took = since.map(|since| since.elapsed().as_secs_f32()).unwrap_or_default();
            log::info!(
                "the database has all events of the spool after {took:.1} s; new ones go to it directly"
            );
        }
        *self.handover() = Handover::default();
        self.ended.notify_waiters();
    }

    fn show(&self, folder: &Folder) {
        let figures = folder.figures();
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures;
        self.metrics.show(self.filling.load(Ordering::Relaxed), figures);
    }
}
