//! The database is there, but somebody holds what the writer needs.

use std::sync::mpsc;
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use hookswitch::store::Db;

use super::{Load, Scene, outage};

/// Nobody else can write while it lives.
pub struct Lock {
    release: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Lock {
    /// Takes it.
    pub fn take(mut db: Db) -> Self {
        let (release, released) = mpsc::channel();
        let (taken, has) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let lock = match &db {
                Db::Postgres(_) => "BEGIN; LOCK TABLE feed IN ACCESS EXCLUSIVE MODE",
                Db::Sqlite(_) => "BEGIN IMMEDIATE",
            };
            db.batch_execute(lock).unwrap();
            taken.send(()).unwrap();
            let _told_or_alone = released.recv();
            db.batch_execute("ROLLBACK").unwrap();
        });
        has.recv().unwrap();
        Self { release, thread }
    }

    /// Gives it back.
    pub fn release(self) {
        drop(self.release);
        self.thread.join().unwrap();
    }
}

#[actix_web::test]
async fn a_lock_is_held_for_long() {
    let scene = Scene::set(outage().1).await;
    let load = Load::start(&scene.pbx_url(), 1);
    load.more(200).await;
    let lock = Lock::take(scene.connect());
    scene.spooling().await;
    load.lasts(outage().0).await;
    lock.release();
    scene.replayed().await;
    load.more(200).await;
    let heard = load.finish().await;
    scene.check_all("a lock was held", &heard).await;
}

#[actix_web::test]
async fn callers_who_never_pause_do_not_keep_events_in_the_spool() {
    let scene = Scene::set(&["--intake-deadline-ms=2000"]).await;
    let load = Load::busy(&scene.pbx_url());
    load.more(200).await;
    let lock = Lock::take(scene.connect());
    scene.spooling().await;
    lock.release();
    scene.replayed().await;
    load.more(200).await;
    let heard = load.finish().await;
    assert!(heard.others.is_empty(), "{:?}", heard.others);
    scene.check(1, &heard).await;
}
