//! What follows from an event that came by way of the spool is what follows from any.

use serde_json::{Value, json};

use super::locked::Lock;
use crate::client::Answer;
use crate::follower::Follower;
use crate::harness::{TestApp, eventually, spawn_with};
use crate::receiver::Receiver;
use crate::webhooks::{HERE, webhook};

/// Gives up on the database soon.
const SOON: &str = "--intake-deadline-ms=1000";

fn lock(app: &TestApp) -> Lock {
    Lock::take(app.app.store.target().connect().unwrap())
}

async fn post(app: &TestApp, url: &str, form: &[(&str, &str)]) -> Answer {
    app.nobody.send(app.nobody.http.post(url).form(form)).await.is(200)
}

async fn event(app: &TestApp, call_id: &str, event: &str, from: &str) -> Answer {
    let fields =
        [("event", event), ("direction", "in"), ("callId", call_id), ("from", from), ("to", "493023125")];
    post(app, &app.pbx_url, &fields).await
}

async fn empty(app: &TestApp) {
    eventually("the spool is empty", async || !app.app.store.spool.is_filling()).await;
}

#[actix_web::test]
async fn webhooks_and_streams_are_told() {
    let app = spawn_with(&[HERE, SOON]);
    let receiver = Receiver::start();
    webhook(&app, json!({ "url": receiver.url, "events": ["new_call", "answer", "hangup"] })).await;
    let mut stream = Follower::open(&app.agent, "", None).await;
    let lock = lock(&app);
    for kind in ["newCall", "answer", "hangup"] {
        event(&app, "1", kind, "493055571600").await;
    }
    assert_eq!(app.app.store.spool.figures().records, 3);
    lock.release();
    eventually("the webhook is told of all", async || receiver.told().len() == 3).await;
    let told = stream.next().await.expect("an event");
    assert_eq!(told.told().1, "1");
    empty(&app).await;
    let call = app.call("1").await.unwrap();
    let journal = app.journal().await;
    assert_eq!(journal.len(), 3);
    assert_eq!(call.ended_at, Some(journal[0].received_at), "it ended when the PBX said so");
    assert_eq!(receiver.heard().len(), 3, "{:?}", receiver.told());
}

#[actix_web::test]
async fn no_token_lies_in_the_spool_and_the_journal_shows_the_answer() {
    let app = spawn_with(&[SOON]);
    let new = json!({ "name": "sipgate", "dialect": "sipgate" });
    let made = app.admin.post_json("/api/v1/pbxes", &new).await.is(201).json();
    let url = made["url"].as_str().unwrap();
    let token = url.rsplit('/').next().unwrap();
    let url = format!("{}{}", app.base_url, &url[url.find("/api/").unwrap()..]);
    let form = |call_id| {
        [
            ("event", "newCall"),
            ("direction", "in"),
            ("from", "492111234567"),
            ("to", "4915791234567"),
            ("callId", call_id),
        ]
    };
    let direct = post(&app, &url, &form("1")).await;
    let lock = lock(&app);
    let spooled = post(&app, &url, &form("2")).await;
    assert_eq!(spooled.body, direct.body);
    assert!(spooled.body.contains(token), "the answer names the PBX's own address: {}", spooled.body);
    let mut files = 0;
    for entry in app.data.path().join("spool").read_dir().unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(memchr::memmem::find(&bytes, token.as_bytes()).is_none());
        files += usize::from(memchr::memmem::find(&bytes, b"492111234567").is_some());
    }
    assert_eq!(files, 1);
    lock.release();
    empty(&app).await;
    let journal = app.admin.get_json(&format!("/api/v1/pbxes/{}/journal", made["id"])).await["data"].clone();
    let shown = |row: usize| ["answer", "status", "result", "kind"].map(|field| journal[row][field].clone());
    assert_eq!(shown(0), shown(1), "{journal}");
    assert_eq!(journal[0]["params"]["callId"], "2");
}

#[actix_web::test]
async fn a_repeated_new_call_gets_the_decision_that_the_call_got() {
    let app = spawn_with(&[SOON]);
    let rule = json!({ "pattern": "442079460123", "reason": "busy" });
    let rule = app.manager.post_json("/api/v1/block-rules", &rule).await.is(201).json();
    let lock = lock(&app);
    let first = event(&app, "1", "newCall", "442079460123").await;
    assert_eq!(first.json()["action"], "reject");
    if app.database.url.starts_with("postgres") {
        // a SQLite file that is locked takes no rules, either
        app.manager.delete(&format!("/api/v1/block-rules/{}", rule["id"])).await.is(204);
        assert_eq!(event(&app, "2", "newCall", "442079460123").await.body, "{}");
    }
    assert_eq!(event(&app, "1", "newCall", "442079460123").await.body, first.body);
    lock.release();
    empty(&app).await;
    let call = app.call("1").await.unwrap();
    assert_eq!(call.incarnation, 1);
    let results: Vec<_> = app.journal().await.iter().rev().map(|entry| entry.result.as_str()).collect();
    assert_eq!((results[0], *results.last().unwrap()), ("applied", "repeat"));
    let rules = app.manager.get_json("/api/v1/block-rules").await["data"].clone();
    assert!(rules == json!([]) || rules[0]["hits"] == 1, "{rules}");
}

#[actix_web::test]
async fn people_are_told_to_come_back_and_events_of_deleted_pbxes_are_kept_aside() {
    let app = spawn_with(&[SOON]);
    let lock = lock(&app);
    event(&app, "1", "newCall", "493055571600").await;
    assert_eq!(app.nobody.get("/readyz").await.is(200).json(), json!({ "status": "degraded" }));
    lock.release();
    empty(&app).await;
    assert_eq!(app.nobody.get("/readyz").await.is(200).json(), json!({ "status": "ok" }));
    let rejected = |app: &TestApp| -> Vec<Value> {
        let all = app.data.path().join("spool").read_dir().unwrap().map(|entry| entry.unwrap().path());
        let files = all.filter(|path| path.extension().is_some_and(|is| is == "rejected"));
        let text: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(rejected(&app), Vec::<Value>::new());
    let stopped = Lock::take(app.app.store.target().connect().unwrap());
    event(&app, "2", "newCall", "493055571600").await;
    let pbx_id = app.pbx_id;
    if app.database.url.starts_with("postgres") {
        app.admin.delete(&format!("/api/v1/pbxes/{pbx_id}")).await.is(204);
        stopped.release();
        empty(&app).await;
        let kept = rejected(&app);
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0]["why"], format!("there is no PBX {pbx_id} any more"));
        assert_eq!(kept[0]["event"]["pbx_id"], pbx_id);
    } else {
        stopped.release();
        empty(&app).await;
    }
}
