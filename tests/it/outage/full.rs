//! There is no room: on the database's disk, or in the spool.

use std::io::Write;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::json;

use super::locked::Lock;
use super::{Load, Scene, outage};
use crate::client::Client;
use crate::crash::durable;
use crate::harness::eventually;

/// A disk of its own. Dropped, it is gone.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` where this machine lets nobody mount one.
    fn new(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={mib}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        if mounted.as_ref().is_ok_and(|out| out.status.success()) {
            return Some(Self(folder));
        }
        println!("not tried, since no disk can be mounted here: {mounted:?}");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves no room on it until that file is deleted.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        for size in [1 << 20, 1 << 12] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _as_well_as_it_goes = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[actix_web::test]
async fn the_databases_disk_is_full() {
    let Some(disk) = Disk::new(64) else { return };
    let (mut database, cluster) = durable();
    match &cluster {
        None => database.url = format!("sqlite://{}", disk.path().join("calls.db").display()),
        Some(cluster) => {
            let folder = disk.path().join("tables");
            std::fs::create_dir(&folder).unwrap();
            let owner = std::os::unix::fs::MetadataExt::uid(&cluster.folder.metadata().unwrap());
            chown(&folder, Some(owner), None).unwrap();
            chown(disk.path(), Some(owner), None).unwrap();
            let mut db = PgConnection::establish(&cluster.url("postgres")).unwrap();
            db.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{}'", folder.display())).unwrap();
            db.batch_execute("CREATE DATABASE small TABLESPACE small").unwrap();
            database.url = cluster.url("small");
        }
    }
    let scene = Scene::on(database, cluster, outage().1).await;
    let load = Load::start(&scene.pbx_url(), 1);
    load.more(200).await;
    let filler = disk.fill();
    scene.spooling().await;
    load.lasts(outage().0).await;
    std::fs::remove_file(filler).unwrap();
    scene.replayed().await;
    load.more(200).await;
    let heard = load.finish().await;
    scene.check_all("the database's disk was full", &heard).await;
    drop(scene); // before its disk
}

#[actix_web::test]
async fn the_spool_is_full() {
    let scene = Scene::set(&["--intake-deadline-ms=2000", "--spool-max-mb=8"]).await;
    let lock = Lock::take(scene.connect());
    let pbx = Client::new("", None);
    let long = "x".repeat(60_000);
    let (mut taken, mut full) = (0, None);
    while full.is_none() && taken < 1000 {
        let call_id = taken.to_string();
        let fields = [("event", "newCall"), ("direction", "in"), ("callId", &call_id), ("note", &long)];
        let answer = pbx.send(pbx.http.post(scene.pbx_url()).form(&fields)).await;
        match answer.status {
            200 => taken += 1,
            _ => full = Some(answer.is(503)),
        }
    }
    let full = full.expect("it is full at some time");
    assert_eq!(full.header("retry-after"), "1");
    assert_eq!(
        full.json(),
        json!({ "error": "the database does not answer and the spool is full; try again shortly" })
    );
    assert!(taken > 100, "{taken}");
    assert_eq!(scene.admin.metric("hookswitch_spool_refused_total").await, 1.0);
    assert!(scene.admin.metric("hookswitch_spool_bytes").await <= f64::from(8 << 20));
    scene.admin.get("/readyz").await.is(503);
    lock.release();
    scene.replayed().await;
    assert_eq!(scene.admin.metric("hookswitch_spool_replayed_total").await, f64::from(taken));
    let calls = scene.admin.rows("/api/v1/calls", |_| true).await;
    assert_eq!(calls.len(), usize::try_from(taken).unwrap());
    scene.admin.get("/readyz").await.is(200);
    eventually("events go to the database again", async || {
        let fields = [("event", "newCall"), ("direction", "in"), ("callId", "after")];
        pbx.send(pbx.http.post(scene.pbx_url()).form(&fields)).await.is(200);
        scene.admin.metric("hookswitch_spool_events").await == 0.0
    })
    .await;
}
