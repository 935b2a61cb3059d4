//! What is done beside the requests, each as a step that a test can call.

use std::time::Duration;

use actix_web::web::Data;
use chrono::TimeDelta;

use crate::app::App;
use crate::call::Moment;
use crate::clock;
use crate::complaint::complain;
use crate::error::Result;
use crate::store::amend::Amendment;
use crate::store::{self, Db};
use crate::webhooks::{LONGEST_WAIT, dispatch};

/// The most calls that one sweep closes in one transaction.
const SWEPT_AT_ONCE: i64 = 200;

/// How long a delivery is kept that was delivered.
const KEPT_DELIVERED: TimeDelta = TimeDelta::days(7);

/// How long one is kept that was given up.
const KEPT_PARKED: TimeDelta = TimeDelta::days(30);

/// Another node's clock may be so much ahead.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// The most deliveries that are deleted in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 500;

/// Once a second, for ever (the server's end ends it).
pub async fn run(app: Data<App>) {
    let mut second = actix_web::rt::time::interval(Duration::from_secs(1));
    let mut passed = 0_u64;
    let mut watch = clock::Watch::new();
    // it cannot know of what happened to the clock before
    if let Err(e) = bring_back(&app, clock::now()).await {
        complain("deliveries wait until the clock is where it was", &e);
    }
    loop {
        second.tick().await;
        passed += 1;
        write_hits(&app).await;
        app.metrics.upkeep();
        if let Some(back) = watch.set_back() {
            log::warn!(
                "the clock was set back by {} s: deliveries that waited are sent now",
                back.num_seconds()
            );
            if let Err(e) = send_now(&app, clock::now()).await {
                complain("deliveries wait until the clock is where it was", &e);
            }
        }
        if passed.is_multiple_of(60) {
            write_uses(&app).await;
            if let Err(e) = tidy_deliveries(&app, clock::now()).await {
                complain("old deliveries are not tidied away", &e);
            }
        }
        if passed.is_multiple_of(10) {
            app.forget_strangers();
            // what is in the spool may be the hangup that a call lacks
            while !app.store.spool.is_filling()
                && let Ok(true) =
                    sweep(&app, clock::now()).await.inspect_err(|e| complain("the sweep failed", e))
            {
            }
        }
    }
}

/// Closes calls for which no hangup came. `true` if there may be more.
///
/// # Errors
/// What the database says.
pub async fn sweep(app: &Data<App>, now: Moment) -> Result<bool> {
    let rang = now - TimeDelta::seconds(app.config.serve.ringing_limit_s.into());
    let spoke = now - TimeDelta::seconds(app.config.serve.connected_limit_s.into());
    let stale = app.store.query(move |db| store::calls::stale(db, rang, spoke, SWEPT_AT_ONCE)).await?;
    if stale.is_empty() {
        return Ok(false);
    }
    let more = stale.len() as i64 == SWEPT_AT_ONCE;
    let amendment = Amendment {
        ids: stale.keys().copied().collect(),
        kind: store::changes::LOST,
        why: Some("no hangup came in time".into()),
        at: now,
        change: Box::new(move |call| {
            let lost = stale.get(&call.id) == Some(&call.change); // an event may have come since it was found
            if lost {
                call.close_as_lost(now);
            }
            lost
        }),
    };
    let closed = app.store.writer.amend(amendment).await?;
    log::info!("{} calls got no hangup in time and were closed as lost", closed.len());
    Ok(more)
}

/// Has deliveries sent that wait for longer than any does: the clock was set back while no server ran. `send_now` is for
/// the time when one does.
///
/// # Errors
/// What the database says.
pub async fn bring_back(app: &Data<App>, now: Moment) -> Result<()> {
    let (waiting, sending) = (now + LONGEST_WAIT + SKEW, now + dispatch::claim_of(&app.config) + SKEW);
    let brought = app.store.query(move |db| store::deliveries::bring_back(db, waiting, sending, now)).await?;
    if brought > 0 {
        log::warn!("{brought} deliveries waited for a time that is too far away: they are sent now");
        app.store.writer.told().send_replace(());
    }
    Ok(())
}

/// Gives up deliveries that nobody will take any more, and deletes old ones.
///
/// # Errors
/// What the database says.
pub async fn tidy_deliveries(app: &Data<App>, now: Moment) -> Result<()> {
    bring_back(app, now).await?;
    let patience = now - TimeDelta::hours(25); // a little longer than a delivery's own
    let parked = app.store.query(move |db| store::deliveries::park_of_dead(db, patience, now)).await?;
    if parked > 0 {
        log::info!("{parked} deliveries are parked: their webhooks are disabled, or failed for a day");
    }
    let (delivered, parked) = (now - KEPT_DELIVERED, now - KEPT_PARKED);
    let forget = move |db: &mut Db| store::deliveries::forget(db, delivered, parked, FORGOTTEN_AT_ONCE);
    while app.store.query(forget).await? as i64 >= FORGOTTEN_AT_ONCE {}
    Ok(())
}

/// Has all deliveries sent that wait for a later time: after the clock was set back that time may be far.
///
/// # Errors
/// What the database says.
pub async fn send_now(app: &Data<App>, now: Moment) -> Result<()> {
    app.store.query(move |db| store::deliveries::bring_forward(db, now)).await?;
    app.store.writer.told().send_replace(());
    Ok(())
}

/// Adds up what the rules decided since the last time.
pub async fn write_hits(app: &Data<App>) {
    let _turn = app.hits.writing.lock().await;
    let hits = app.hits.take();
    if hits.is_empty() {
        return;
    }
    let now = clock::now();
    let counted = hits.clone();
    let work = move |db: &mut Db| store::rules::add_hits(db, &counted, now);
    if let Err(e) = app.store.query(work).await {
        complain("rule hits are counted later", &e);
        app.hits.put_back(hits);
    }
}

/// Notes which keys and sessions are in use, to the minute.
async fn write_uses(app: &Data<App>) {
    let used = app.uses.take();
    let now = clock::now();
    let work = move |db: &mut Db| {
        used.keys.iter().try_for_each(|key| store::keys::used(db, *key, now))?;
        used.sessions.iter().try_for_each(|session| store::sessions::used(db, *session, now))?;
        store::sessions::delete_expired(db, now)
    };
    if let Err(e) = app.store.query(work).await {
        complain("the use of some keys was not noted", &e);
    }
}
