//! The feed: one task that tells all who follow. What this node's writer commits comes to it from memory; what
//! other nodes wrote, or what it missed, it reads from the journal, once for all. With nobody there it rests.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use diesel::QueryResult;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

use super::news::News;
use crate::app::App;
use crate::complaint::complain;
use crate::error::{Error, Result};
use crate::store::changes::{self, Committed, Moved};
use crate::store::{Db, journal};

/// What is committed within this time is told together: each telling wakes all who follow.
const PACE: Duration = Duration::from_millis(10);
/// How often it looks for what nobody told it of.
const LOOK: Duration = Duration::from_secs(1);
/// The most changes that are told together.
const TOGETHER: usize = 128;
/// So many tellings may a reader be behind.
const UNHEARD: usize = 128;
/// The most change numbers that are gone through in one step. Where other nodes wrote more while this one heard
/// nothing, it takes several: neither memory nor who follows is overrun.
const STEP: i64 = 4_000;
/// How long a reader waits for the feed to begin.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nobody is told any more.
pub const STOPPING: Error = Error::Unavailable("the server is stopping");

/// Where readers come to.
pub struct Feed {
    news: broadcast::Sender<Arc<News>>,
    /// Up to which change everything was told; `None` while it rests.
    told: watch::Sender<Option<i64>>,
    wake: Notify,
    closed: watch::Sender<bool>,
}

impl Feed {
    /// At rest.
    pub fn new() -> Self {
        Self {
            news: broadcast::channel(UNHEARD).0,
            told: watch::Sender::new(None),
            wake: Notify::new(),
            closed: watch::Sender::new(false),
        }
    }

    /// From now on all news come, but for those that are under way: ask for the newest change after this.
    ///
    /// # Errors
    /// `Unavailable` where the feed cannot begin.
    pub async fn follow(&self) -> Result<broadcast::Receiver<Arc<News>>> {
        let news = self.news.subscribe();
        self.wake.notify_one();
        let mut told = self.told.subscribe();
        let begun = timeout(PATIENCE, told.wait_for(Option::is_some)).await;
        begun.map_err(|_| Error::Unavailable("the database does not answer"))?.map_err(|_| STOPPING)?;
        Ok(news) // who follows a feed that closes looks at `closing`, and goes
    }

    /// Returns once the server stops.
    pub async fn closing(&self) {
        let mut closed = self.closed.subscribe();
        let _gone = closed.wait_for(|closed| *closed).await;
    }

    /// Sends away who follows.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Up to which change everything was told; `None` while nobody follows.
    pub fn told(&self) -> Option<i64> {
        *self.told.borrow()
    }

    /// How many tellings the slowest reader is behind.
    pub fn unheard(&self) -> usize {
        self.news.len()
    }

    /// Rests if nobody follows. Under the lock that a new reader looks through, so that none is overlooked.
    fn rests(&self) -> bool {
        let rest = |told: &mut Option<i64>| {
            let nobody = self.news.receiver_count() == 0;
            if nobody {
                *told = None;
            }
            nobody
        };
        self.told.send_if_modified(rest)
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

/// For ever (the server's end ends it). `elsewhere` is what other nodes are heard to have written.
pub async fn run(app: Data<App>, mut elsewhere: watch::Receiver<i64>) {
    loop {
        app.feed.wake.notified().await;
        let committed = app.store.writer.committed();
        match app.store.query(journal::newest).await {
            Ok(newest) => tell(&app, newest, committed, &mut elsewhere).await,
            Err(e) => {
                complain("nobody is told of calls", &e);
                sleep(LOOK).await;
                app.feed.wake.notify_one();
            }
        }
    }
}

/// Tells whatever comes after `told`, while anybody follows.
async fn tell(
    app: &Data<App>,
    mut told: i64,
    mut committed: broadcast::Receiver<Arc<Committed>>,
    elsewhere: &mut watch::Receiver<i64>,
) {
    let feed = &app.feed;
    feed.told.send_replace(Some(told));
    let mut second = interval(LOOK);
    let mut next = Instant::now();
    let mut behind = false;
    loop {
        sleep_until(next).await;
        let mut batches = Vec::new();
        let look = tokio::select! {
            () = ready(()), if behind => true,
            batch = committed.recv() => {
                batches.extend(batch.ok()); // what was missed is a gap, which is read
                false
            }
            _ = elsewhere.changed() => *elsewhere.borrow_and_update() > told,
            _ = second.tick() => true,
        };
        if feed.rests() {
            return;
        }
        next = Instant::now() + PACE;
        match step(app, told, look, batches, &mut committed).await {
            Ok((upto, newest)) => (told, behind) = (upto, upto < newest),
            Err(e) => {
                complain("who follows calls waits", &e);
                next = Instant::now() + LOOK;
            }
        }
    }
}

/// Tells once. Up to which change everything is told then, and which is the newest that is known.
async fn step(
    app: &Data<App>,
    told: i64,
    look: bool,
    mut batches: Vec<Arc<Committed>>,
    committed: &mut broadcast::Receiver<Arc<Committed>>,
) -> Result<(i64, i64)> {
    // before what is in memory is taken: so that is told from memory, with each state that a call went through
    let newest = if look { app.store.query(journal::newest).await? } else { told };
    if newest > told {
        sleep(PACE).await; // what this node just wrote is still on its way here
    }
    loop {
        match committed.try_recv() {
            Ok(batch) => batches.push(batch),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    if batches.is_empty() && newest <= told {
        return Ok((told, told));
    }
    let heard = batches.first().map(|batch| batch.at);
    let newest = batches.iter().map(|batch| batch.newest).fold(newest, i64::max);
    let read = move |db: &mut Db| {
        let (moved, upto) = gather(db, told, &batches, newest)?;
        Ok::<_, Error>((written(db, moved, upto)?, upto))
    };
    let (all, upto) = app.store.query(read).await?;
    for news in all {
        let _nobody = app.feed.news.send(Arc::new(news));
    }
    app.feed.told.send_replace(Some(upto));
    if let Some(at) = heard {
        app.metrics.told(at.elapsed());
    }
    Ok((upto, newest))
}

/// What comes after `told`: from memory where it is there, else from the journal; up to `newest`, or a step of it.
fn gather(db: &mut Db, told: i64, batches: &[Arc<Committed>], newest: i64) -> QueryResult<(Vec<Moved>, i64)> {
    let (mut all, mut upto) = (Vec::new(), told);
    let end = told.saturating_add(STEP);
    for batch in batches {
        read_on(db, &mut upto, batch.after.min(end), &mut all)?;
        if upto < batch.after {
            return Ok((all, upto)); // this batch is read from the journal, then
        }
        all.extend(batch.calls.iter().filter(|moved| moved.call.change > upto).cloned());
        upto = upto.max(batch.newest);
    }
    read_on(db, &mut upto, newest.min(end), &mut all)?;
    Ok((all, upto))
}

/// What other nodes wrote, or what was missed.
fn read_on(db: &mut Db, upto: &mut i64, end: i64, all: &mut Vec<Moved>) -> QueryResult<()> {
    while *upto < end {
        let stretch = changes::between(db, *upto, end)?;
        all.extend(stretch.calls);
        *upto = stretch.upto;
    }
    Ok(())
}

/// In tellings of bounded size.
fn written(db: &mut Db, mut moved: Vec<Moved>, upto: i64) -> QueryResult<Vec<News>> {
    let mut all = Vec::new();
    while moved.len() > TOGETHER {
        let rest = moved.split_off(TOGETHER);
        let last = moved.last().map_or(upto, |moved| moved.call.change);
        all.push(News::of(db, std::mem::replace(&mut moved, rest), last)?);
    }
    all.push(News::of(db, moved, upto)?);
    Ok(all)
}
