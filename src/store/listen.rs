//! How a node hears that another one (or the command line) changed PBXes, rules or keys, or that another node wrote
//! calls; and how it tells the others of its own. A notification only says "look again".

use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use tokio::sync::watch;

use super::settings::{CHANNEL, config_version};
use super::target::Target;
use super::{Db, StopFlag, lock};
use crate::complaint::complain;

/// How often the connection is asked for notifications that came in (which costs no round trip), and how often at
/// most the others are told that calls were written.
const GLANCE: Duration = Duration::from_millis(20);
/// How often the version is read, for lost notifications and for SQLite, which has none.
const LOOK: Duration = Duration::from_secs(1);
/// The channel on which nodes tell each other the newest change number. A constant text: it stands in SQL.
const FEED: &str = "hookswitch_feed";

/// Change numbers, as far as this node knows them.
pub struct Newest {
    /// That this node wrote: the others are told.
    pub own: watch::Receiver<i64>,
    /// That another node wrote: set when it is heard.
    pub elsewhere: watch::Sender<i64>,
}

/// Gives `seen` the version of the configuration, as often as it is looked at, until `stop`; and passes on what is
/// heard of calls. On a thread and a connection of its own.
pub fn watch_others(
    target: Target,
    stop: StopFlag,
    newest: Newest,
    seen: impl Fn(&mut Db, i64) + Send + 'static,
) {
    let work = move || {
        while !stop.is_set() {
            match target.connect() {
                Ok(mut db) => {
                    if let Err(e) = follow(&mut db, &stop, &newest, &seen) {
                        complain("lost sight of the configuration", &e);
                    }
                }
                Err(e) => complain("cannot look for changes of the configuration", &e),
            }
            stop.wait(LOOK);
        }
    };
    if let Err(e) = thread::Builder::new().name("listen".into()).spawn(work) {
        log::error!("changes made elsewhere will not be seen: {e}");
    }
}

fn follow(db: &mut Db, stop: &StopFlag, newest: &Newest, seen: &impl Fn(&mut Db, i64)) -> QueryResult<()> {
    if let Db::Postgres(conn) = db {
        // nothing is written here, but PostgreSQL flushes a transaction that notifies as if it were
        conn.batch_execute(&format!("SET synchronous_commit = off; LISTEN {CHANNEL}; LISTEN {FEED}"))?;
        conn.batch_execute(&format!("SELECT pg_advisory_lock_shared({})", lock::PRESENCE))?;
    }
    let mut told = *newest.own.borrow();
    loop {
        let version = config_version(db)?;
        seen(db, version);
        let others = has_others(db)?;
        let looked = Instant::now();
        while looked.elapsed() < LOOK && !notified(db, newest)? {
            if others {
                tell(db, newest, &mut told)?;
            }
            if stop.wait(GLANCE) {
                return Ok(());
            }
        }
    }
}

/// Does any other node listen? Else nobody is told: that costs a commit, and may cost the writer the wait for it. One that
/// just came looks by itself within a second.
fn has_others(db: &mut Db) -> QueryResult<bool> {
    let Db::Postgres(conn) = db else { return Ok(false) };
    let holders = sql::<Bool>(&format!(
        "(SELECT count(*) > 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = {} AND mode = 'ShareLock'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        lock::PRESENCE
    ));
    diesel::select(holders).get_result(conn)
}

/// Takes in what other nodes say. Whether the configuration changed.
fn notified(db: &mut Db, newest: &Newest) -> QueryResult<bool> {
    let Db::Postgres(conn) = db else { return Ok(false) };
    let mut config = false;
    for notification in conn.notifications_iter() {
        let notification = notification?;
        if notification.channel == CHANNEL {
            config = true;
        } else if let Ok(number) = notification.payload.parse::<i64>()
            && number > *newest.own.borrow()
        {
            newest.elsewhere.send_replace(number);
        }
    }
    Ok(config)
}

/// Tells the others once for all that was written since the last time.
fn tell(db: &mut Db, newest: &Newest, told: &mut i64) -> QueryResult<()> {
    let number = *newest.own.borrow();
    if let Db::Postgres(conn) = db
        && number > *told
    {
        conn.batch_execute(&format!("NOTIFY {FEED}, '{number}'"))?;
        *told = number;
    }
    Ok(())
}
