//! How a node hears that another one (or the command line) changed PBXes, rules or keys.

use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use super::settings::{CHANNEL, config_version};
use super::target::Target;
use super::{Db, StopFlag};

/// How often the connection is asked for notifications that came in; costs no round trip.
const GLANCE: Duration = Duration::from_millis(50);
/// How often the version is read, for lost notifications and for SQLite, which has none.
const LOOK: Duration = Duration::from_secs(1);

/// Calls `changed` after each change of the configuration, until `stop`. On a thread and a connection of its own.
pub fn watch_config(target: Target, stop: StopFlag, changed: impl Fn(&mut Db) + Send + 'static) {
    let work = move || {
        while !stop.is_set() {
            match target.connect() {
                Ok(mut db) => {
                    if let Err(e) = follow(&mut db, &stop, &changed) {
                        log::warn!("lost sight of the configuration: {e}");
                    }
                }
                Err(e) => log::warn!("cannot look for changes of the configuration: {e}"),
            }
            stop.wait(LOOK);
        }
    };
    if let Err(e) = thread::Builder::new().name("config".into()).spawn(work) {
        log::error!("changes made elsewhere will not be seen: {e}");
    }
}

fn follow(db: &mut Db, stop: &StopFlag, changed: &impl Fn(&mut Db)) -> diesel::QueryResult<()> {
    if let Db::Postgres(conn) = db {
        conn.batch_execute(&format!("LISTEN {CHANNEL}"))?;
    }
    let mut known = -1; // the first look always differs: something may have changed since the start
    loop {
        let version = config_version(db)?;
        if version != known {
            known = version;
            changed(db);
        }
        let looked = Instant::now();
        while looked.elapsed() < LOOK && !notified(db)? {
            if stop.wait(GLANCE) {
                return Ok(());
            }
        }
    }
}

fn notified(db: &mut Db) -> diesel::QueryResult<bool> {
    match db {
        Db::Postgres(conn) => {
            let mut any = false;
            for notification in conn.notifications_iter() {
                notification?;
                any = true;
            }
            Ok(any)
        }
        Db::Sqlite(_) => Ok(false),
    }
}
