//! SQLite's checkpoints beside the writer: what is committed lies in the write-ahead log, and a thread with a connection
//! of its own copies it into the database file while the writer goes on. (By SQLite's own way, whoever's commit makes
//! the log long copies it all, and the callers wait.)
//!
//! The log starts anew where all of it was copied when the writer next writes, which under steady load never is so.
//! Then, when the log has become long, the writer copies the little that is left itself, once. Somebody who just reads
//! what is in the log keeps it from starting anew all the same, and where many read there is always one: from a certain
//! length on the writer waits for them, a little (who comes meanwhile reads the database file).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;

use super::Db;
use super::target::{SQLITE_PATIENCE, Target, wait_for_others};
use crate::complaint::complain;

/// Events between two checkpoints.
const EVERY: usize = 1000;
/// Bytes of a page.
const PAGE: i64 = 4096;
/// Pages in the log from which on the writer helps: 16 MiB. A shorter log would stop the writer more often, a
/// longer one leaves the processor's cache.
const LONG: i32 = 4096;
/// From which on it waits for readers: 32 MiB.
const TOO_LONG: i32 = 8192;
/// For so long.
const PATIENCE: Duration = Duration::from_millis(100);
/// And not again within this time.
const REST: Duration = Duration::from_secs(1);
/// How long the end waits for others who use the database.
const LAST: Duration = Duration::from_millis(500);

/// The writer's end.
pub(super) struct Checkpoints {
    wake: SyncSender<()>,
    overdue: Arc<AtomicBool>,
    events: usize,
    waited: Option<Instant>,
}

impl Checkpoints {
    /// Starts the thread; it ends when this is dropped. `None` on PostgreSQL, which has its own, and where the thread
    /// cannot be had: then SQLite's own way stays.
    pub fn start(target: &Target) -> Option<Self> {
        let Target::Sqlite(_) = target else { return None };
        let (wake, woken) = sync_channel(1);
        let overdue = Arc::new(AtomicBool::new(false));
        let (target, flag) = (target.clone(), overdue.clone());
        std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn(move || run(&target, &woken, &flag))
            .inspect_err(|e| log::warn!("checkpoints are the writer's own work: {e}"))
            .ok()?;
        Some(Self { wake, overdue, events: 0, waited: None })
    }

    /// For the writer's connection: its commits copy nothing. A log that starts anew gives back what it took too much.
    pub fn take_over(&self, db: &mut Db) -> QueryResult<()> {
        let most = i64::from(TOO_LONG) * PAGE;
        db.batch_execute(&format!("PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {most}"))
    }

    /// So many events were written on `db`.
    pub fn wrote(&mut self, db: &mut Db, events: usize) {
        self.events += events;
        if self.overdue.swap(false, Ordering::Relaxed) {
            if let Err(e) = self.help(db) {
                complain("the write-ahead log could not be copied", &e);
            }
        } else if self.events >= EVERY {
            self.events = 0;
            let _at_work_already = self.wake.try_send(());
        }
    }

    /// Copies what is left, and sees to it that the log starts anew with the next write, unless somebody reads it for
    /// long.
    fn help(&mut self, db: &mut Db) -> QueryResult<()> {
        let log = copy(db)?;
        log::debug!("the writer copied the log: {} of {} pages", log.copied, log.pages);
        if log.pages <= TOO_LONG || self.waited.is_some_and(|waited| waited.elapsed() < REST) {
            return Ok(());
        }
        let outwaited = outwait_readers(db, PATIENCE);
        self.waited = Some(Instant::now());
        outwaited
    }
}

/// For a writer that ends: all of the log is copied and the log is empty, so that the database file alone holds
/// everything. Unless somebody is in the way for long: then the log is kept, which the next start reads.
pub(super) fn empty(db: &mut Db) -> QueryResult<()> {
    let begun = Instant::now();
    wait_for_others(db, LAST)?;
    // SQLite does not wait where somebody else copies just now
    while diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Log>(db)?.busy != 0 {
        if begun.elapsed() > LAST {
            log::info!("somebody uses the database: its write-ahead log stays");
            break;
        }
        std::thread::sleep(LAST / 50);
    }
    Ok(())
}

/// Waits for those who read the log, so that it starts anew with the next write.
fn outwait_readers(db: &mut Db, at_most: Duration) -> QueryResult<()> {
    wait_for_others(db, at_most)?;
    let copied = diesel::sql_query("PRAGMA wal_checkpoint(RESTART)").get_result::<Log>(db);
    wait_for_others(db, SQLITE_PATIENCE)?;
    copied.map(|_| ())
}

fn run(target: &Target, woken: &Receiver<()>, overdue: &AtomicBool) {
    let mut db = None;
    while woken.recv().is_ok() {
        let copied = match &mut db {
            Some(db) => copy(db).map_err(|e| e.to_string()),
            none => target.connect().map_err(|e| e.to_string()).and_then(|mut fresh| {
                let copied = copy(&mut fresh).map_err(|e| e.to_string());
                *none = Some(fresh);
                copied
            }),
        };
        match copied {
            Ok(log) => overdue.store(log.pages > LONG, Ordering::Relaxed),
            Err(e) => {
                complain("the write-ahead log could not be copied", &e);
                overdue.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// The write-ahead log.
#[derive(Debug, QueryableByName)]
struct Log {
    /// Somebody was in the way.
    #[diesel(sql_type = Integer)]
    busy: i32,
    #[diesel(sql_type = Integer, column_name = "log")]
    pages: i32,
    #[diesel(sql_type = Integer, column_name = "checkpointed")]
    copied: i32,
}

/// Copies as much as can be without anybody's waiting.
fn copy(db: &mut Db) -> QueryResult<Log> {
    diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(db)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_starts_anew_once_the_writer_helped() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = Target::Sqlite(folder.path().join("log.db"));
        let mut db = target.open().expect("a database");
        let (wake, woken) = sync_channel(1);
        let mut checkpoints = Checkpoints { wake, overdue: Arc::default(), events: 0, waited: None };
        checkpoints.take_over(&mut db).expect("its setting");
        let write = |db: &mut Db, pages: i32| {
            let sql =
                format!("CREATE TABLE IF NOT EXISTS t (b); INSERT INTO t VALUES (zeroblob({pages} * 4096))");
            db.batch_execute(&sql).expect("it is written");
        };
        write(&mut db, LONG);
        checkpoints.wrote(&mut db, EVERY); // wakes the thread: here, this one
        let overdue = checkpoints.overdue.clone();
        let one = sync_channel(1);
        woken.try_recv().expect("woken");
        one.0.send(()).expect("room");
        drop(one.0);
        run(&target, &one.1, &overdue);
        assert!(overdue.load(Ordering::Relaxed), "it copied, but the writer wrote on");
        write(&mut db, 1);
        checkpoints.wrote(&mut db, 1);
        assert!(!overdue.load(Ordering::Relaxed));
        write(&mut db, 1);
        let log = copy(&mut db).expect("a look");
        assert!(log.pages < 100 && log.copied == log.pages, "{log:?}");
    }

    #[test]
    fn a_log_that_is_too_long_waits_for_who_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = Target::Sqlite(folder.path().join("log.db"));
        let mut db = target.open().expect("a database");
        let mut checkpoints = Checkpoints::start(&target).expect("a thread");
        checkpoints.take_over(&mut db).expect("its setting");
        let much =
            format!("INSERT INTO t VALUES (zeroblob(2 * {TOO_LONG} * {PAGE})); INSERT INTO t VALUES (1)");
        db.batch_execute("CREATE TABLE t (b)").and_then(|()| db.batch_execute(&much)).expect("it is written");
        let mut reader = target.open().expect("a reader");
        reader.batch_execute("BEGIN; SELECT count(*) FROM t").expect("it reads");
        let mut other = target.open().expect("another one");
        wait_for_others(&mut other, Duration::ZERO).expect("its setting");
        let reading = std::thread::spawn(move || {
            // until the writer waits, which keeps others from writing
            while other.batch_execute("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
                std::thread::yield_now();
            }
            reader.batch_execute("COMMIT").expect("it has read");
        });
        outwait_readers(&mut db, Duration::from_secs(60)).expect("it waits");
        reading.join().expect("it ended");
        db.batch_execute("INSERT INTO t VALUES (2)").expect("it is written");
        let log = copy(&mut db).expect("a look");
        assert!(log.pages < 100, "{log:?}");
        let file = std::fs::metadata(folder.path().join("log.db-wal")).expect("the log");
        assert!(
            file.len() <= u64::try_from(i64::from(TOO_LONG) * PAGE).expect("positive"),
            "{} bytes",
            file.len()
        );
        db.batch_execute(&much).expect("it is written");
        checkpoints.overdue.store(true, Ordering::Relaxed);
        checkpoints.wrote(&mut db, 1);
        assert!(checkpoints.waited.is_some());
        db.batch_execute("INSERT INTO t VALUES (3)").expect("it is written");
        let log = copy(&mut db).expect("a look");
        assert!(log.pages < 100, "{log:?}");
    }

    #[test]
    fn at_the_end_the_file_alone_holds_everything() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = Target::Sqlite(folder.path().join("log.db"));
        let log = || std::fs::metadata(folder.path().join("log.db-wal")).expect("the log").len();
        let mut db = target.open().expect("a database");
        db.batch_execute("CREATE TABLE t (b); INSERT INTO t VALUES (1)").expect("it is written");
        let mut reader = target.open().expect("a reader");
        reader.batch_execute("BEGIN; SELECT count(*) FROM t").expect("it reads");
        db.batch_execute("INSERT INTO t VALUES (2)").expect("it is written");
        empty(&mut db).expect("it gives up");
        assert_ne!(log(), 0, "somebody reads it");
        reader.batch_execute("COMMIT").expect("it has read");
        empty(&mut db).expect("it is copied");
        assert_eq!(log(), 0);
    }

    #[test]
    fn a_short_log_is_the_threads_work_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = Target::Sqlite(folder.path().join("log.db"));
        let mut db = target.open().expect("a database");
        let (wake, woken) = sync_channel(1);
        let mut checkpoints = Checkpoints { wake, overdue: Arc::default(), events: 0, waited: None };
        checkpoints.wrote(&mut db, EVERY - 1);
        assert!(woken.try_recv().is_err(), "too early");
        checkpoints.wrote(&mut db, 1);
        assert!(woken.try_recv().is_ok());
        assert!(Checkpoints::start(&Target::Postgres(String::new())).is_none());
    }
}
