//! Which deliveries this node sends, and when. One task looks for what is due, claims it, has it sent, and takes down
//! what came of it. A round is one look and one short transaction, at most one in `PACE`.
//!
//! Receivers that answered well the last time have a lane of their own, so that dead ones, however many, never stand
//! before them; any other is sent one delivery at a time.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::web::Data;
use chrono::TimeDelta;
use reqwest::Client;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::deliver::Ready;
use super::{Allowed, address};
use crate::app::App;
use crate::error::Result;
use crate::store::claims::{self, Attempt, Due, Verdict};
use crate::store::{Db, settings};
use crate::{clock, config::Config};

/// The shortest time between two looks.
const PACE: Duration = Duration::from_millis(20);
/// The longest, for what other nodes wrote and what comes due again.
const LOOK: Duration = Duration::from_secs(1);
/// A claim lasts for the time-out and so much longer.
const GRACE: TimeDelta = TimeDelta::seconds(5);
/// The most webhooks of one round: a short transaction.
const ROUND: usize = 64;
/// How long a stop waits for what is on its way.
const FAREWELL: Duration = Duration::from_secs(2);

/// Sends what is due until `stop`.
pub async fn run(app: Data<App>, mut stop: watch::Receiver<bool>) {
    let mut dispatcher = match Dispatcher::new(&app) {
        Ok(dispatcher) => dispatcher,
        Err(e) => return log::error!("webhooks are told nothing: {e}"),
    };
    let told = app.store.writer.told();
    while !*stop.borrow_and_update() {
        let busy = dispatcher.round().await.unwrap_or_else(|e| {
            log::warn!("webhooks wait: {e}");
            false
        });
        tokio::select! {
            () = sleep(if busy { PACE } else { LOOK }) => {}
            () = told.notified() => sleep(PACE).await,
            Some(attempt) = dispatcher.inbox.recv() => {
                dispatcher.take(attempt);
                sleep(PACE).await;
            }
            _ = stop.changed() => {}
        }
    }
    dispatcher.farewell().await;
}

/// Receivers of one kind.
struct Lane {
    client: Client,
    /// How many more may be on their way at once.
    room: usize,
    /// How many of one webhook.
    each: usize,
}

struct Dispatcher {
    app: Data<App>,
    allowed: Allowed,
    /// For receivers that answered well the last time.
    proven: Lane,
    /// For all others.
    other: Lane,
    /// By webhook, with its lane.
    on_their_way: HashMap<i64, usize>,
    outbox: mpsc::UnboundedSender<(bool, Attempt)>,
    inbox: mpsc::UnboundedReceiver<(bool, Attempt)>,
    /// What came of attempts and is not written down yet.
    finished: Vec<Attempt>,
    /// Where the last round ended among the webhooks of the other lane.
    last: i64,
}

impl Dispatcher {
    fn new(app: &Data<App>) -> reqwest::Result<Self> {
        let allowed = app.config.serve.webhooks.allowed();
        let timeout = timeout_of(&app.config);
        let lane = |room: usize, each| {
            let client = address::client(&allowed, timeout, room.min(128))?;
            Ok::<_, reqwest::Error>(Lane { client, room, each })
        };
        let (proven, other) = (lane(128, 16)?, lane(many(), 1)?);
        let (outbox, inbox) = mpsc::unbounded_channel(); // never more than are on their way
        Ok(Self {
            app: app.clone(),
            allowed,
            proven,
            other,
            on_their_way: HashMap::new(),
            outbox,
            inbox,
            finished: Vec::new(),
            last: 0,
        })
    }

    /// Writes down what came of attempts, claims what is due and has it sent. `true` if there may be more at once.
    async fn round(&mut self) -> Result<bool> {
        while let Ok(attempt) = self.inbox.try_recv() {
            self.take(attempt);
        }
        let now = clock::now();
        let due = self.app.store.query(move |db| claims::due(db, now)).await?;
        let plan = self.plan(&due);
        if plan.is_empty() && self.finished.is_empty() {
            return Ok(false);
        }
        let until = now + TimeDelta::from_std(timeout_of(&self.app.config)).unwrap_or_default() + GRACE;
        let wanted: Vec<(i64, i64)> = plan.iter().map(|(due, most)| (due.webhook_id, *most)).collect();
        let finished = self.finished.clone(); // kept where the database does not take them
        let work = move |db: &mut Db| {
            let (gone, settled): (Vec<Attempt>, Vec<Attempt>) =
                finished.into_iter().partition(|attempt| attempt.verdict == Verdict::Gone);
            if !gone.is_empty() {
                settings::change(db, |db| claims::settle(db, &gone, now))?;
            }
            let (claimed, more) = claims::claim(db, &wanted, &settled, now, until)?;
            Ok::<_, diesel::result::Error>((Ready::all(db, claimed)?, more))
        };
        let (ready, more) = self.app.store.query(work).await?;
        self.app.metrics.deliveries(self.finished.drain(..).map(|attempt| attempt.verdict));
        for ready in ready {
            let proven = plan.iter().any(|(due, _)| due.webhook_id == ready.webhook_id() && due.proven);
            self.send(ready, proven);
        }
        Ok(more)
    }

    /// For which webhooks how many may be claimed. Proven ones come first, the others in turn.
    fn plan(&mut self, due: &[Due]) -> Vec<(Due, i64)> {
        let (proven, other): (Vec<Due>, Vec<Due>) = due.iter().partition(|due| due.proven);
        let behind = other.partition_point(|due| due.webhook_id <= self.last);
        let in_turn = other[behind..].iter().chain(&other[..behind]);
        let (mut proven_room, mut other_room) = (self.proven.room, self.other.room);
        let mut plan = Vec::new();
        for due in proven.iter().chain(in_turn) {
            let (lane, room) = match due.proven {
                true => (&self.proven, &mut proven_room),
                false => (&self.other, &mut other_room),
            };
            let going = self.on_their_way.get(&due.webhook_id).copied().unwrap_or_default();
            let most = lane.each.saturating_sub(going).min(*room);
            if most > 0 && plan.len() < ROUND {
                *room -= most;
                plan.push((*due, most as i64));
                if !due.proven {
                    self.last = due.webhook_id;
                }
            }
        }
        plan
    }

    fn send(&mut self, ready: Ready, proven: bool) {
        let lane = self.lane(proven);
        lane.room = lane.room.saturating_sub(1);
        let (client, allowed, outbox) = (lane.client.clone(), self.allowed.clone(), self.outbox.clone());
        *self.on_their_way.entry(ready.webhook_id()).or_default() += 1;
        actix_web::rt::spawn(async move {
            let attempt = ready.send(&client, &allowed).await;
            let _stopped = outbox.send((proven, attempt));
        });
    }

    /// An attempt ended.
    fn take(&mut self, (proven, attempt): (bool, Attempt)) {
        self.lane(proven).room += 1;
        if let Some(going) = self.on_their_way.get_mut(&attempt.webhook_id) {
            *going -= 1;
            if *going == 0 {
                self.on_their_way.remove(&attempt.webhook_id);
            }
        }
        self.finished.push(attempt);
    }

    fn lane(&mut self, proven: bool) -> &mut Lane {
        if proven { &mut self.proven } else { &mut self.other }
    }

    /// Waits a little for what is on its way and takes it down. The rest is due again when its claim ends.
    async fn farewell(mut self) {
        let rest = async {
            while !self.on_their_way.is_empty()
                && let Some(attempt) = self.inbox.recv().await
            {
                self.take(attempt);
            }
        };
        let _late = timeout(FAREWELL, rest).await;
        let (finished, now) = (self.finished, clock::now());
        let work = move |db: &mut Db| settings::change(db, |db| claims::settle(db, &finished, now));
        if let Err(e) = self.app.store.query(work).await {
            log::warn!("what came of the last deliveries is not written down, they are sent again: {e}");
        }
    }
}

fn timeout_of(config: &Config) -> Duration {
    Duration::from_secs(config.serve.webhook_timeout_s.into())
}

/// How many slow or dead receivers may be asked at once: each takes an open file, of which a quarter is theirs.
fn many() -> usize {
    const MOST: usize = 1024;
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    files.map_or(MOST, |files: usize| (files / 4).clamp(16, MOST))
}
