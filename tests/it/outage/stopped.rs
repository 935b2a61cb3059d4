//! PostgreSQL itself goes away.

use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::json;

use super::{Load, Scene, outage};

/// `None` on SQLite, which cannot go away by itself.
async fn scene() -> Option<Scene> {
    if std::env::var("TEST_DATABASE").as_deref() != Ok("postgres") {
        return None;
    }
    Some(Scene::set(outage().1).await)
}

#[actix_web::test]
async fn it_is_stopped_and_comes_back() {
    goes_and_comes_back("PostgreSQL stopped", "INT").await;
}

#[actix_web::test]
async fn it_is_killed_and_comes_back() {
    goes_and_comes_back("PostgreSQL killed", "KILL").await;
}

#[actix_web::test]
async fn connections_are_cut_again_and_again() {
    let Some(scene) = scene().await else { return };
    let load = Load::start(&scene.pbx_url(), 1);
    load.more(200).await;
    let begun = Instant::now();
    let mut db = PgConnection::establish(&scene.cluster.as_ref().unwrap().url("postgres")).unwrap();
    while begun.elapsed() < outage().0 {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
        db.batch_execute(cut).unwrap();
        load.more(20).await;
    }
    scene.replayed().await;
    load.more(200).await;
    let heard = load.finish().await;
    scene.check_all("connections were cut", &heard).await;
}

async fn goes_and_comes_back(what: &str, signal: &str) {
    let Some(mut scene) = scene().await else { return };
    let load = Load::start(&scene.pbx_url(), 1);
    load.more(200).await;
    scene.cluster.as_ref().unwrap().end(signal);
    scene.spooling().await;
    assert_eq!(scene.admin.get("/readyz").await.is(200).json(), json!({ "status": "degraded" }));
    assert_eq!(scene.admin.get("/healthz").await.is(200).json(), json!({ "status": "ok" }));
    let refused = scene.admin.get("/api/v1/calls").await.is(503).json();
    assert_eq!(refused["detail"], "the database does not answer; try again shortly");
    load.lasts(outage().0).await;
    assert!(scene.admin.metric("hookswitch_spool_events").await > 0.0);
    assert!(scene.admin.metric("hookswitch_spool_bytes").await > 0.0);
    assert!(scene.admin.metric("hookswitch_spool_oldest_seconds").await > 0.5);
    scene.cluster.as_mut().unwrap().begin();
    let took = scene.replayed().await;
    load.more(200).await;
    let heard = load.finish().await;
    println!("the spool was empty {took:?} after PostgreSQL was up");
    scene.check_all(what, &heard).await;
    assert_eq!(scene.admin.get("/readyz").await.is(200).json(), json!({ "status": "ok" }));
    let log = scene.program.log();
    let most = 20 + outage().0.as_secs() / 10; // what is said by and by is said once in ten seconds
    assert!((log.lines().count() as u64) < most, "the log is not flooded:\n{log}");
}
