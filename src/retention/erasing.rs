//! Erasing one number: first where it is an end of calls, then wherever else it stands, looked for step by step.

use actix_web::rt::time::sleep;
use actix_web::web::Data;

use super::PAUSE;
use crate::app::App;
use crate::clock;
use crate::error::Result;
use crate::number::Number;
use crate::store::erase::{self, Found, From};
use crate::store::sought::Sought;
use crate::store::{Db, audit};

/// So many at once where the feed's lock is held, for which events wait on all nodes.
const AT_ONCE: usize = 20;

/// Where a number stands.
///
/// # Errors
/// What the database says.
pub async fn find(app: &Data<App>, number: &Number) -> Result<Found> {
    let sought = Sought::new(number.key(), &app.config.numbering);
    let (ends, mut after) = (sought.clone(), Some(0));
    let mut found = app.store.query(move |db| erase::find(db, &ends)).await?;
    while let Some(place) = after {
        let (naming, last) = naming(app, &sought, place).await?;
        found.calls += naming.len() as i64;
        after = last;
    }
    Ok(found)
}

/// Erases a number everywhere but from calls under way, and writes down that somebody did: not whose it was.
///
/// # Errors
/// What the database says; what was done until then stays done, and it can be asked for again.
pub async fn erase(app: &Data<App>, number: &Number, who: String) -> Result<Found> {
    let sought = Sought::new(number.key(), &app.config.numbering);
    let calls = from_ends(app, &sought, &who).await? + from_elsewhere(app, &sought, &who).await?;
    let key = number.key().to_owned();
    let contacts = app.store.query(move |db| erase::contacts(db, &key)).await? as i64;
    let in_rules = sought.clone();
    let rules = App::change(app, move |db| Ok(erase::rules(db, &in_rules)?)).await? as i64;
    let requests = from_requests(app, &sought).await?;
    let detail = format!("{calls} calls, {contacts} contacts, {rules} rules, {requests} other requests");
    let write = move |db: &mut Db| {
        audit::add(db, &who, "erase a number", &detail, calls + contacts + rules, clock::now())
    };
    app.store.query(write).await?;
    Ok(Found { calls, contacts, rules, under_way: 0 })
}

/// From the calls that it is an end of: an index serves them.
async fn from_ends(app: &Data<App>, sought: &Sought, who: &str) -> Result<i64> {
    let mut erased = 0;
    loop {
        match some(app, From::Ends(AT_ONCE as i64), sought, who).await? {
            0 => return Ok(erased),
            calls => erased += calls,
        }
    }
}

/// From those that name it otherwise: all calls are looked through.
async fn from_elsewhere(app: &Data<App>, sought: &Sought, who: &str) -> Result<i64> {
    let (mut erased, mut after) = (0, Some(0));
    while let Some(place) = after {
        let (naming, last) = naming(app, sought, place).await?;
        for ids in naming.chunks(AT_ONCE) {
            erased += some(app, From::These(ids.to_vec()), sought, who).await?;
        }
        after = last;
    }
    Ok(erased)
}

/// Some that name it otherwise, and up to which call was looked.
async fn naming(app: &Data<App>, sought: &Sought, after: i64) -> Result<(Vec<i64>, Option<i64>)> {
    let sought = sought.clone();
    app.store.query(move |db| erase::naming(db, &sought, after)).await
}

/// One step, and the pause behind it.
async fn some(app: &Data<App>, from: From, sought: &Sought, who: &str) -> Result<i64> {
    let (sought, who) = (sought.clone(), who.to_owned());
    let step = move |db: &mut Db| erase::calls(db, &from, &sought, &who, clock::now());
    let erased = app.store.query(step).await?;
    sleep(PAUSE).await;
    Ok(erased)
}

async fn from_requests(app: &Data<App>, sought: &Sought) -> Result<usize> {
    let (mut gone, mut after) = (0, Some(0));
    while let Some(line) = after {
        let looked_for = sought.clone();
        let look = move |db: &mut Db| erase::requests(db, &looked_for, line);
        let (some, last) = app.store.query(look).await?;
        (gone, after) = (gone + some, last);
    }
    Ok(gone)
}
