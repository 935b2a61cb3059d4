//! Calls of which no end is ever told.

use chrono::TimeDelta;
use hookswitch::{clock, housekeeping};
use serde_json::{Value, json};

use super::{event, ids, shown};
use crate::harness::{TestApp, spawn, spawn_with};

async fn sweep_in(app: &TestApp, time: TimeDelta) {
    assert!(!housekeeping::sweep(&app.app, clock::now() + time).await.unwrap(), "there is no more");
}

#[actix_web::test]
async fn they_are_closed_after_a_while() {
    let app = spawn();
    event(&app, "newCall", "ringing", &[("from", "493023125001")]).await;
    event(&app, "newCall", "talking", &[("from", "493023125002")]).await;
    event(&app, "answer", "talking", &[("user", "Alice")]).await;
    sweep_in(&app, TimeDelta::minutes(9)).await;
    assert_eq!(ids(&app.agent, "state=ended").await.len(), 0);

    sweep_in(&app, TimeDelta::minutes(11)).await;
    let lost = shown(&app, "ringing").await;
    assert_eq!((&lost["state"], &lost["outcome"]), (&json!("ended"), &json!("lost")));
    assert_eq!(lost["done"], false, "nobody spoke to them");
    assert_eq!(shown(&app, "talking").await["state"], "connected");
    let journal = app.agent.get_json(&format!("/api/v1/calls/{}", lost["id"])).await["journal"].clone();
    assert_eq!(journal[1]["kind"], "lost", "{journal}");
    assert_eq!(journal[1]["address"], Value::Null, "no PBX said so");

    sweep_in(&app, TimeDelta::hours(13)).await;
    let lost = shown(&app, "talking").await;
    assert_eq!((&lost["outcome"], &lost["done"]), (&json!("lost"), &json!(true)));
    sweep_in(&app, TimeDelta::hours(24)).await; // closed once
    assert_eq!(ids(&app.agent, "outcome=lost").await.len(), 2);
    let metrics = app.nobody.get("/metrics").await.is(200).body;
    assert!(metrics.contains("live_calls 0"), "{metrics}");
}

#[actix_web::test]
async fn a_pbx_whose_clock_is_wrong_loses_no_call() {
    let app = spawn();
    let url = app.add_pbx(&json!({ "name": "late", "dialect": "focalscope" })).await;
    let start = "Event=start&CallId=1&CallerID=493023125001&CallTypeCode=1&StartTimestampUTC=1337944698123";
    app.nobody.send(app.nobody.http.get(format!("{url}?{start}"))).await.is(200);
    sweep_in(&app, TimeDelta::minutes(9)).await;
    assert_eq!(ids(&app.agent, "state=ringing").await.len(), 1, "it is years old by the PBX's clock alone");
    sweep_in(&app, TimeDelta::minutes(11)).await;
    assert_eq!(ids(&app.agent, "outcome=lost").await.len(), 1);
}

#[actix_web::test]
async fn a_late_hangup_knows_better() {
    let app = spawn();
    event(&app, "newCall", "1", &[("from", "493023125001")]).await;
    event(&app, "answer", "1", &[("user", "Alice")]).await;
    sweep_in(&app, TimeDelta::hours(13)).await;
    assert_eq!(shown(&app, "1").await["outcome"], "lost");
    event(&app, "hangup", "1", &[("cause", "normalClearing")]).await;
    let call = shown(&app, "1").await;
    assert_eq!((&call["outcome"], &call["cause"]), (&json!("answered"), &json!("normalClearing")));
}

#[actix_web::test]
async fn the_limits_can_be_set() {
    let app = spawn_with(&["--ringing-limit-s=60", "--connected-limit-s=120"]);
    event(&app, "newCall", "ringing", &[]).await;
    event(&app, "newCall", "talking", &[]).await;
    event(&app, "answer", "talking", &[]).await;
    sweep_in(&app, TimeDelta::seconds(90)).await;
    assert_eq!(ids(&app.agent, "outcome=lost").await, ["ringing"]);
    sweep_in(&app, TimeDelta::seconds(150)).await;
    assert_eq!(ids(&app.agent, "outcome=lost").await, ["talking", "ringing"]);
}
