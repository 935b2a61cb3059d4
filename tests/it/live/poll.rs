//! The long poll for programs.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use hookswitch::store::Db;
use hookswitch::store::changes::{self, Stretch};
use hookswitch::store::schema::calls;
use serde_json::Value;

use super::{event, limited_to, stranger, whole_call};
use crate::extensions::{post, url_of};
use crate::harness::{TestApp, eventually, spawn};

/// The event and the call id of each change.
fn told(answer: &Value) -> Vec<(&str, &str)> {
    let changes = answer["data"].as_array().unwrap().iter();
    changes.map(|change| (change["event"].as_str().unwrap(), change["call_id"].as_str().unwrap())).collect()
}

async fn ask(app: &TestApp, query: &str) -> Value {
    app.agent.get_json(&format!("/api/v1/changes?{query}")).await
}

#[actix_web::test]
async fn what_changed_is_told_once_and_in_its_latest_state() {
    let app = spawn();
    whole_call(&app, "1").await;
    event(&app, "newCall", "2", &[("from", "493023125002")]).await;
    let answer = ask(&app, "after=0").await;
    assert_eq!(told(&answer), [("call.ended", "1"), ("call.ringing", "2")]);
    let mut shown = app.agent.get_json(&format!("/api/v1/calls/{}", answer["data"][0]["id"])).await;
    shown.as_object_mut().unwrap().retain(|name, _| !["journal", "linked"].contains(&name.as_str()));
    let mut call = answer["data"][0].clone();
    call.as_object_mut().unwrap().remove("event");
    assert_eq!(call, shown, "the whole call, as in the list");

    let next = answer["next"].clone();
    assert_eq!(told(&ask(&app, &format!("after={next}")).await), []);
    event(&app, "answer", "2", &[("user", "Alice")]).await;
    event(&app, "newCall", "2", &[("from", "493023125002")]).await; // no news
    let answer = ask(&app, &format!("after={next}")).await;
    assert_eq!(told(&answer), [("call.connected", "2")]);
    let again = ask(&app, &format!("after={next}")).await;
    assert_eq!(answer, again, "nothing is kept of who asks");
    assert_eq!(ask(&app, "").await["next"], answer["next"], "where nothing is said, it begins now");
}

#[actix_web::test]
async fn who_waits_is_told_at_once() {
    let app = spawn();
    event(&app, "newCall", "1", &[("from", "493023125001"), ("queue", "sales")]).await;
    let begun = Instant::now();
    let waiting = ask(&app, "wait=20&queue=sales");
    let happening = async {
        eventually("it waits", async || app.app.feed.told().is_some()).await;
        event(&app, "newCall", "2", &[("from", "493023125002"), ("queue", "support")]).await;
        event(&app, "answer", "1", &[("user", "Alice")]).await;
    };
    let (answer, ()) = futures_util::future::join(waiting, happening).await;
    assert_eq!(told(&answer), [("call.connected", "1")]);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[actix_web::test]
async fn a_key_that_is_ended_while_it_waits_is_told_nothing() {
    let app = spawn();
    let (key, id) = limited_to(&app, app.pbx_id).await;
    let waiting = key.get("/api/v1/changes?wait=20");
    let happening = async {
        eventually("it waits", async || app.app.feed.told().is_some()).await;
        app.admin.delete(&format!("/api/v1/keys/{id}")).await.is(204);
        event(&app, "newCall", "1", &[("from", "493023125001")]).await;
    };
    let (answer, ()) = futures_util::future::join(waiting, happening).await;
    assert!(answer.is(401).json()["data"].is_null());
}

#[actix_web::test]
async fn a_wait_ends() {
    let app = spawn();
    whole_call(&app, "1").await;
    let begun = Instant::now();
    let answer = ask(&app, "wait=1").await;
    assert_eq!(told(&answer), []);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(answer["next"], 3);
}

#[actix_web::test]
async fn a_server_that_stops_keeps_nobody_waiting() {
    let app = spawn();
    let waiting = ask(&app, "wait=60");
    let closing = async {
        eventually("it waits", async || app.app.feed.told().is_some()).await;
        app.app.feed.close(); // as the server does when it stops
    };
    assert_eq!(told(&futures_util::future::join(waiting, closing).await.0), []);
}

#[actix_web::test]
async fn what_cannot_be_asked_is_refused() {
    let app = spawn();
    for query in ["after=-1", "after=1", "wait=61", "wait=-1", "wait=x", "limit=1", "direction=up"] {
        let answer = app.agent.get(&format!("/api/v1/changes?{query}")).await.is(422);
        assert_eq!(answer.json()["errors"][0]["field"], query.split('=').next().unwrap(), "{query}");
    }
    app.nobody.get("/api/v1/changes").await.is(401);
    whole_call(&app, "1").await;
    let stranger = stranger(&app).await;
    let answer = stranger.get_json("/api/v1/changes?after=0").await;
    assert_eq!(
        (told(&answer), &answer["next"]),
        (vec![], &Value::from(3)),
        "its cursor moves on all the same"
    );
}

#[actix_web::test]
async fn a_call_whose_last_change_is_a_repeat_is_not_passed_over() {
    let app = spawn();
    event(&app, "newCall", "1", &[("from", "493023125001")]).await;
    event(&app, "newCall", "1", &[("from", "493023125001")]).await;
    // as it is where both came in one transaction
    let between = move |db: &mut Db| {
        diesel::update(calls::table).set(calls::change.eq(2)).execute(db)?;
        [(0, 1), (1, 2), (0, 2)].map(|(after, end)| changes::between(db, after, end)).into_iter().collect()
    };
    let stretches: Vec<Stretch> = app.query(between).await;
    let told: Vec<usize> = stretches.iter().map(|stretch| stretch.calls.len()).collect();
    assert_eq!(told, [0, 1, 1]);
}

#[actix_web::test]
async fn a_queues_second_round_rings_anew() {
    let app = spawn();
    let url = url_of(&app, "telphin").await;
    let leg = async |kind: &str, sub: &str, status: &str| {
        let form = format!(
            "EventType={kind}&CallID=q&SubCallID={sub}&CalledExtension=13596*106&CallFlow=in&CallStatus={status}"
        );
        post(&app, &url, &form).await.is(200);
    };
    leg("dial-in", "1-a", "CALLING").await;
    leg("hangup", "1-a", "NOANSWER").await;
    let next = ask(&app, "after=0").await["next"].clone();
    leg("dial-in", "2-a", "CALLING").await;
    assert_eq!(told(&ask(&app, &format!("after={next}")).await), [("call.ringing", "q")]);
}
