//! The worklist: who still has to be called back.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::{event, ids, missed, shown};
use crate::harness::{TestApp, spawn};

async fn patch(app: &TestApp, call_id: &str, change: Value) -> Value {
    let id = shown(app, call_id).await["id"].clone();
    app.agent.json(Method::PATCH, &format!("/api/v1/calls/{id}"), &change).await.is(200).json()
}

async fn journal(app: &TestApp, call_id: &str) -> Vec<(String, Value)> {
    let id = shown(app, call_id).await["id"].clone();
    let call = app.agent.get_json(&format!("/api/v1/calls/{id}")).await;
    let line = |line: &Value| (line["kind"].as_str().unwrap().into(), line["why"].clone());
    call["journal"].as_array().unwrap().iter().map(line).collect()
}

#[actix_web::test]
async fn a_tick_says_who_and_no_event_undoes_it() {
    let app = spawn();
    event(&app, "newCall", "1", &[("from", "493023125001")]).await;
    let ticked = patch(&app, "1", json!({ "done": true })).await;
    assert_eq!((&ticked["done"], &ticked["done_by"]), (&json!(true), &json!("agent")));
    assert!(ticked["done_at"].is_string());
    event(&app, "hangup", "1", &[("cause", "noAnswer")]).await;
    let call = shown(&app, "1").await;
    assert_eq!((&call["done"], &call["outcome"]), (&json!(true), &json!("missed")));
    assert_eq!(ids(&app.agent, "done=false").await, [""; 0]);

    let unticked = patch(&app, "1", json!({ "done": false })).await;
    assert_eq!((&unticked["done"], &unticked["done_by"]), (&json!(false), &json!("agent")));
    event(&app, "answer", "1", &[("user", "Alice")]).await;
    assert_eq!(shown(&app, "1").await["done"], false, "a late answer ticks nothing that a person unticked");
    let kinds: Vec<String> = journal(&app, "1").await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["newCall", "done", "hangup", "undone", "answer"]);
}

#[actix_web::test]
async fn what_a_person_confirms_stays_too() {
    let app = spawn();
    event(&app, "newCall", "1", &[("from", "493023125001")]).await;
    let kept_open = patch(&app, "1", json!({ "done": false })).await; // as it is anyway
    assert_eq!((&kept_open["done"], &kept_open["done_by"]), (&json!(false), &json!("agent")));
    event(&app, "hangup", "1", &[("cause", "cancel")]).await;
    event(&app, "newCall", "2", &[("from", "493023125001")]).await;
    event(&app, "answer", "2", &[("from", "493023125001"), ("user", "Alice")]).await;
    assert_eq!(shown(&app, "1").await["done"], false, "reaching the caller is not enough for that person");

    patch(&app, "2", json!({ "done": true })).await;
    patch(&app, "2", json!({ "done": true })).await;
    event(&app, "hangup", "2", &[("cause", "voicemail")]).await;
    let call = shown(&app, "2").await;
    assert_eq!((&call["done"], &call["outcome"]), (&json!(true), &json!("voicemail")));
    let kinds: Vec<String> = journal(&app, "2").await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["newCall", "answer", "done", "hangup"], "said twice, told once");
}

#[actix_web::test]
async fn a_note_stays() {
    let app = spawn();
    missed(&app, "1", "493023125001").await;
    assert_eq!(
        patch(&app, "1", json!({ "note": "calls back on Monday" })).await["note"],
        "calls back on Monday"
    );
    let call = patch(&app, "1", json!({ "done": true })).await;
    assert_eq!(call["note"], "calls back on Monday", "what is left out stays");
    event(&app, "answer", "1", &[("user", "Alice")]).await;
    assert_eq!(shown(&app, "1").await["note"], "calls back on Monday");
    assert_eq!(ids(&app.agent, "q=monday").await, ["1"]);
    assert_eq!(patch(&app, "1", json!({ "note": null })).await["note"], Value::Null);
    let id = shown(&app, "1").await["id"].clone();
    let path = format!("/api/v1/calls/{id}");
    for wrong in [json!({ "note": "x".repeat(2001) }), json!({ "tick": true }), json!({ "done": "yes" })] {
        app.agent.json(Method::PATCH, &path, &wrong).await.is(422);
    }
}

#[actix_web::test]
async fn many_are_ticked_by_ids_or_by_filter() {
    let app = spawn();
    for (call_id, from) in [("1", "493023125001"), ("2", "493023125002"), ("3", "493023125002"), ("4", "210")]
    {
        missed(&app, call_id, from).await;
    }
    let mark = async |body: Value| app.agent.post_json("/api/v1/calls/done", &body).await;
    let first = shown(&app, "1").await["id"].clone();
    let done = mark(json!({ "ids": [first, first, 999_999] })).await.is(200);
    assert_eq!(done.json(), json!({ "changed": 1, "searched_back_to": null }));
    assert_eq!(ids(&app.agent, "done=false").await, ["4", "3", "2"]);
    let done = mark(json!({ "filter": { "number": "030 23125002" } })).await.is(200);
    assert_eq!(done.json(), json!({ "changed": 2, "searched_back_to": null }));
    assert_eq!(ids(&app.agent, "done=false").await, ["4"]);
    let undone = mark(json!({ "filter": { "outcome": "missed" }, "done": false })).await.is(200);
    assert_eq!(undone.json(), json!({ "changed": 3, "searched_back_to": null }));
    assert_eq!(ids(&app.agent, "done=false").await.len(), 4);
    for wrong in [
        json!({}),
        json!({ "ids": [] }),
        json!({ "ids": [1], "filter": {} }),
        json!({ "filter": { "x": 1 } }),
    ] {
        mark(wrong).await.is(422);
    }
}

#[actix_web::test]
async fn who_calls_in_vain_after_they_were_reached_still_waits() {
    let app = spawn();
    let url = app.add_pbx(&json!({ "name": "with times", "dialect": "focalscope" })).await;
    let told = async |event: &str, call: &str, times: &str| {
        let query = format!("Event={event}&CallId={call}&CallerID=493023125001&CallTypeCode=1&{times}");
        app.nobody.send(app.nobody.http.get(format!("{url}?{query}"))).await.is(200);
    };
    let at = |minute: i64| 1_780_000_000_000 + minute * 60_000;
    for (call, minute) in [("before", 0), ("after", 20)] {
        told("start", call, &format!("StartTimestampUTC={}", at(minute))).await;
        told("hangup", call, &format!("StartTimestampUTC={}&EndTimestampUTC={}", at(minute), at(minute + 1)))
            .await;
    }
    // heard of late
    let times = format!("StartTimestampUTC={}&PickupTimestampUTC={}", at(9), at(10));
    told("pickup", "spoken", &times).await;
    assert_eq!(shown(&app, "before").await["done_by"], "reached");
    assert_eq!(shown(&app, "after").await["done"], false);
}

#[actix_web::test]
async fn zammads_clients_tick_some_thousands_at_once() {
    let app = spawn();
    for call_id in ["1", "2", "3", "4"] {
        missed(&app, call_id, "493023125001").await;
    }
    let mut known = Vec::new();
    for call_id in ["1", "2", "3", "4"] {
        known.push(shown(&app, call_id).await["id"].as_i64().unwrap());
    }
    let bulk = || app.agent.request(Method::POST, "/api/v1/cti/done/bulk");
    let named = |id: i64, times| vec![id; times];
    let unknown = bulk().json(&json!({ "ids": [known[0], 999_999] }));
    assert!(app.agent.send(unknown).await.is(404).json()["error"].as_str().unwrap().contains("999999"));
    assert_eq!(ids(&app.agent, "done=false").await.len(), 4, "all or none");

    app.agent.send(bulk().json(&json!({ "ids": named(known[0], 5_000) }))).await.is(200);
    let form: Vec<_> = named(known[1], 5_000).into_iter().map(|id| ("ids[]", id)).collect();
    app.agent.send(bulk().form(&form)).await.is(200);
    let query = format!("/api/v1/cti/done/bulk?ids[]={}", known[2]);
    app.agent.send(app.agent.request(Method::POST, &query)).await.is(200);
    app.agent.send(bulk().multipart(Form::new().text("ids[]", known[3].to_string()))).await.is(200);
    assert_eq!(ids(&app.agent, "done=false").await, [""; 0]);

    let refused = app.agent.send(bulk().json(&json!({ "ids": named(known[0], 5_001) }))).await.is(422);
    assert_eq!(refused.json(), json!({ "error": "ids: 5001 calls, at most 5000 at once" }));
    let list = bulk().header("Content-Type", "application/json").body("[1]");
    app.agent.send(list).await.is(400);
    app.agent.send(bulk()).await.is(200); // as Zammad: nothing is named, nothing is done
}

#[actix_web::test]
async fn who_was_reached_need_not_be_called_back() {
    let app = spawn();
    for call_id in ["1", "2"] {
        missed(&app, call_id, "030/23125 001").await;
    }
    missed(&app, "other", "493023125002").await;
    patch(&app, "2", json!({ "done": true })).await;
    patch(&app, "2", json!({ "done": false })).await;
    assert_eq!(ids(&app.agent, "done=false").await, ["other", "2", "1"]);

    let out = ("direction", "out");
    event(&app, "newCall", "3", &[out, ("from", "11"), ("to", "+49 30 23125-001"), ("user", "Bob")]).await;
    assert_eq!(shown(&app, "1").await["done"], false, "that it rings there is not enough");
    event(&app, "answer", "3", &[out]).await;
    let call = shown(&app, "1").await;
    assert_eq!((&call["done"], &call["done_by"]), (&json!(true), &json!("reached")));
    assert!(call["done_at"].is_string());
    assert_eq!(*app.app.store.writer.newest().borrow(), call["change"], "who waits for changes is told");
    assert_eq!(journal(&app, "1").await.pop().unwrap().0, "reached");
    assert_eq!(ids(&app.agent, "done=false").await, ["other", "2"], "a person's word stays");

    event(&app, "newCall", "4", &[("from", "493023125002")]).await;
    event(&app, "answer", "4", &[("user", "voicemail")]).await;
    assert_eq!(shown(&app, "other").await["done"], false, "a machine is nobody");
    event(&app, "newCall", "5", &[("from", "493023125002")]).await;
    event(&app, "answer", "5", &[("user", "Alice")]).await;
    assert_eq!(shown(&app, "other").await["done_by"], "reached", "it may be the caller who tries again");
    assert_eq!(ids(&app.agent, "done=false&state=ended").await, ["2"]);
}

#[actix_web::test]
async fn of_two_calls_at_once_one_is_answered_and_the_other_needs_nobody() {
    let app = spawn();
    let from = ("from", "493023125001");
    for call_id in ["phone 1", "phone 2"] {
        event(&app, "newCall", call_id, &[from]).await;
    }
    event(&app, "answer", "phone 2", &[from, ("user", "Alice")]).await;
    event(&app, "hangup", "phone 1", &[from, ("cause", "cancel")]).await;
    let other = shown(&app, "phone 1").await;
    assert_eq!((&other["outcome"], &other["done_by"]), (&json!("missed"), &json!("reached")));
    missed(&app, "again", from.1).await;
    assert_eq!(shown(&app, "again").await["done"], false, "who calls anew still waits");
    missed(&app, "somebody else", "493023125002").await;
    assert_eq!(ids(&app.agent, "done=false&state=ended").await, ["somebody else", "again"]);
}
