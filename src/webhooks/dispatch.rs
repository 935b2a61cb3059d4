//! Which deliveries this node sends, and when. A dispatcher looks for what is due, claims it, has it sent, and takes
//! down what came of it. A round is one look and one short transaction, at most one in `PACE`.
//!
//! There are two: receivers that answered well the last time have a dispatcher of their own, so that dead ones, however
//! many, never stand before them. Any other is sent one delivery at a time.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::web::Data;
use chrono::TimeDelta;
use reqwest::Client;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::deliver::Ready;
use super::{Allowed, address};
use crate::app::App;
use crate::clock;
use crate::complaint::complain;
use crate::config::Config;
use crate::error::Result;
use crate::store::claims::{self, Attempt, Due, Lane, Verdict};
use crate::store::{Db, settings};

/// The shortest time between two looks.
const PACE: Duration = Duration::from_millis(20);
/// The longest, for what other nodes wrote and what comes due again.
const LOOK: Duration = Duration::from_secs(1);
/// A claim lasts for the time-out and so much longer.
const GRACE: TimeDelta = TimeDelta::seconds(5);
/// The most webhooks of one round: a short transaction.
const ROUND: usize = 32;
/// So much of the room is for webhooks of which nothing is on its way, one delivery each: some whose receivers all hang
/// at once never hold up the others.
const RESERVED: usize = 32;
/// The most names that are looked up at once.
const LOOKUPS: usize = 64;
/// How long a stop waits for what is on its way.
const FAREWELL: Duration = Duration::from_secs(2);

/// Sends what is due until `stop`.
pub async fn run(app: Data<App>, stop: watch::Receiver<bool>) {
    tokio::join!(one(&app, Lane::Proven, stop.clone()), one(&app, Lane::Other, stop));
}

async fn one(app: &Data<App>, lane: Lane, mut stop: watch::Receiver<bool>) {
    let mut dispatcher = match Dispatcher::new(app, lane) {
        Ok(dispatcher) => dispatcher,
        Err(e) => return log::error!("webhooks are told nothing: {e}"),
    };
    let mut told = app.store.writer.told().subscribe();
    while !*stop.borrow_and_update() {
        let busy = dispatcher.round().await.unwrap_or_else(|e| {
            complain("webhooks wait", &e);
            false
        });
        tokio::select! {
            () = sleep(LOOK), if !busy => {}
            () = sleep(PACE), if busy => continue,
            _ = told.changed() => {}
            Some(attempt) = dispatcher.inbox.recv() => dispatcher.take(attempt),
            _ = stop.changed() => continue,
        }
        sleep(PACE).await;
    }
    dispatcher.farewell().await;
}

struct Dispatcher {
    app: Data<App>,
    lane: Lane,
    allowed: Allowed,
    client: Client,
    /// How many more may be on their way at once.
    room: usize,
    /// How many of one webhook.
    each: usize,
    /// By webhook.
    on_their_way: HashMap<i64, usize>,
    outbox: mpsc::UnboundedSender<Attempt>,
    inbox: mpsc::UnboundedReceiver<Attempt>,
    /// What came of attempts and is not written down yet.
    finished: Vec<Attempt>,
    /// The webhook at which the last round ended: the next begins behind it.
    last: i64,
}

impl Dispatcher {
    fn new(app: &Data<App>, lane: Lane) -> reqwest::Result<Self> {
        let allowed = app.config.serve.webhooks.allowed();
        let (room, each) = match lane {
            Lane::Proven => (128, 32),
            Lane::Other => (many(), 1),
        };
        let (outbox, inbox) = mpsc::unbounded_channel(); // never more than are on their way
        Ok(Self {
            app: app.clone(),
            lane,
            client: address::client(&allowed, timeout_of(&app.config), LOOKUPS)?,
            allowed,
            room,
            each,
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
        let (now, lane) = (clock::now(), self.lane);
        let due = self.app.store.query(move |db| claims::due(db, lane, now)).await?;
        let plan = self.plan(&due);
        if plan.is_empty() && self.finished.is_empty() {
            return Ok(false);
        }
        let until = now + claim_of(&self.app.config);
        let finished = self.finished.clone(); // kept where the database does not take them
        let work = move |db: &mut Db| {
            let (gone, settled): (Vec<Attempt>, Vec<Attempt>) =
                finished.into_iter().partition(|attempt| attempt.verdict == Verdict::Gone);
            if !gone.is_empty() {
                settings::change(db, |db| claims::settle(db, &gone, now))?;
            }
            let (claimed, more) = claims::claim(db, &plan, &settled, now, until)?;
            Ok::<_, diesel::result::Error>((Ready::all(db, claimed)?, more))
        };
        let (ready, more) = self.app.store.query(work).await?;
        self.app.metrics.deliveries(self.finished.drain(..).map(|attempt| attempt.verdict));
        for ready in ready {
            self.send(ready);
        }
        Ok(more)
    }

    /// Of which webhooks how many may be claimed: as many as there is room for, in turn.
    fn plan(&mut self, due: &[Due]) -> Vec<(Due, i64)> {
        let (before, behind) = due.split_at(due.partition_point(|due| due.webhook_id <= self.last));
        let mut room = self.room;
        let mut plan = Vec::new();
        for due in behind.iter().chain(before) {
            let going = self.on_their_way.get(&due.webhook_id).copied().unwrap_or_default();
            let most = share(self.each, going, room);
            if most > 0 && plan.len() < ROUND {
                room -= most;
                plan.push((*due, most as i64));
                self.last = due.webhook_id;
            }
        }
        plan
    }

    fn send(&mut self, ready: Ready) {
        let (client, allowed, outbox) = (self.client.clone(), self.allowed.clone(), self.outbox.clone());
        self.room = self.room.saturating_sub(1);
        *self.on_their_way.entry(ready.webhook_id()).or_default() += 1;
        actix_web::rt::spawn(async move {
            let attempt = ready.send(&client, &allowed).await;
            let _stopped = outbox.send(attempt);
        });
    }

    /// An attempt ended.
    fn take(&mut self, attempt: Attempt) {
        self.room += 1;
        if let Some(going) = self.on_their_way.get_mut(&attempt.webhook_id) {
            *going -= 1;
            if *going == 0 {
                self.on_their_way.remove(&attempt.webhook_id);
            }
        }
        self.finished.push(attempt);
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
        if self.finished.is_empty() {
            return;
        }
        let (finished, now) = (self.finished, clock::now());
        let work = move |db: &mut Db| settings::change(db, |db| claims::settle(db, &finished, now));
        if let Err(e) = self.app.store.query(work).await {
            log::warn!("what came of the last deliveries is not written down, they are sent again: {e}");
        }
    }
}

/// How many more of one webhook may be claimed.
fn share(each: usize, going: usize, room: usize) -> usize {
    let at_least = usize::from(going == 0).min(room);
    each.saturating_sub(going).min(room.saturating_sub(RESERVED)).max(at_least)
}

/// How long a claim lasts.
pub fn claim_of(config: &Config) -> TimeDelta {
    TimeDelta::from_std(timeout_of(config)).unwrap_or_default() + GRACE
}

fn timeout_of(config: &Config) -> Duration {
    Duration::from_secs(config.serve.webhook_timeout_s.into())
}

/// How many slow or dead receivers may be asked at once: each takes an open file, of which a quarter is theirs.
fn many() -> usize {
    const MOST: usize = 1024;
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    files.map_or(MOST, |files| (files / 4).clamp(16, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_that_hang_leave_room_for_others() {
        let (mut room, each) = (128, 32);
        let hang: Vec<usize> = (0..4)
            .map(|_| {
                let claimed = share(each, 0, room);
                room -= claimed;
                claimed
            })
            .collect();
        assert_eq!(hang, [32, 32, 32, 1]);
        assert_eq!(share(each, 1, room), 0, "nor more later, round by round");
        assert_eq!(share(each, 0, room), 1, "one that lives");
        assert_eq!((share(each, 0, 0), share(1, 1, 1000), share(1, 0, 16)), (0, 0, 1));
    }
}
