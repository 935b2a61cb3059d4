//! Two servers on one PostgreSQL.

use std::time::Instant;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{block, is_blocked};
use crate::harness::{TestApp, TestDatabase, eventually, spawn, spawn_on};
use crate::past;

/// Two servers; `None` on SQLite, whose file is one server's.
fn two() -> Option<(TestApp, TestApp)> {
    if std::env::var("TEST_DATABASE").as_deref() != Ok("postgres") {
        return None;
    }
    let first = spawn();
    let same = TestDatabase { url: first.database.url.clone(), folder: tempfile::tempdir().unwrap() };
    let second = spawn_on(same, &[]);
    Some((first, second))
}

#[actix_web::test]
async fn a_rule_made_on_one_acts_on_the_other() {
    let Some((first, second)) = two() else { return };
    assert!(!is_blocked(&second, "442079460123").await);
    let rule = block(&first, json!({ "pattern": "+44*" })).await;
    assert!(is_blocked(&first, "442079460123").await, "there at once");
    let begun = Instant::now();
    eventually("and on the other", async || is_blocked(&second, "442079460123").await).await;
    println!("the other server knew the rule after {:?}", begun.elapsed());
    second.manager.delete(&format!("/api/v1/block-rules/{}", rule["id"])).await.is(204);
    eventually("and back", async || !is_blocked(&first, "442079460123").await).await;
}

#[actix_web::test]
async fn an_id_that_is_used_again_on_the_other_is_another_call() {
    let Some((first, second)) = two() else { return };
    let path = first.pbx_url.strip_prefix(&first.base_url).unwrap();
    let post = async |to: &TestApp, event: &str| {
        let fields = [("event", event), ("direction", "in"), ("callId", "1"), ("from", "493023125001")];
        to.nobody.send(to.nobody.http.post(format!("{}{path}", to.base_url)).form(&fields)).await.is(200);
    };
    for event in ["newCall", "hangup"] {
        post(&first, event).await;
    }
    past::let_pass(&first, TimeDelta::seconds(61)).await;
    post(&second, "newCall").await;
    post(&first, "answer").await; // it remembers the call before
    post(&second, "hangup").await;
    let calls = first.agent.get_json("/api/v1/calls").await["data"].clone();
    let told = |row: usize| ["incarnation", "outcome"].map(|field| calls[row][field].clone());
    assert_eq!(told(0), [json!(2), json!("answered")], "{calls}");
    assert_eq!(told(1), [json!(1), json!("missed")], "{calls}");
}

#[actix_web::test]
async fn what_one_remembers_is_looked_at_again_once_the_other_wrote() {
    let Some((first, second)) = two() else { return };
    let path = first.pbx_url.strip_prefix(&first.base_url).unwrap();
    let post = async |to: &TestApp, event: &str, call: &str, from: &str| {
        let fields = [("event", event), ("direction", "in"), ("callId", call), ("from", from)];
        to.nobody.send(to.nobody.http.post(format!("{}{path}", to.base_url)).form(&fields)).await.is(200);
    };
    // the same caller again, of whose first call one did not hear the end
    post(&first, "newCall", "1", "493023125001").await;
    post(&second, "hangup", "1", "493023125001").await;
    past::let_pass(&second, TimeDelta::seconds(61)).await;
    post(&first, "newCall", "1", "493023125001").await;
    // another caller under the same id, of whom one did not hear
    post(&first, "newCall", "2", "493023125002").await;
    post(&second, "newCall", "2", "493023125003").await;
    post(&first, "answer", "2", "493023125003").await;
    let calls = first.agent.get_json("/api/v1/calls").await["data"].clone();
    let told: Vec<_> =
        calls.as_array().unwrap().iter().map(|call| (&call["call_id"], &call["state"])).collect();
    let (one, two) = (&json!("1"), &json!("2"));
    assert_eq!(
        told,
        [
            (two, &json!("connected")),
            (two, &json!("ringing")),
            (one, &json!("ringing")),
            (one, &json!("ended"))
        ],
        "{calls}"
    );
}

#[actix_web::test]
async fn events_that_come_to_both_are_one_call() {
    const CALLS: usize = 12;
    let Some((first, second)) = two() else { return };
    let path = first.pbx_url.strip_prefix(&first.base_url).unwrap();
    let urls = [first.pbx_url.clone(), format!("{}{path}", second.base_url)];
    let post = async |node: usize, call: usize, event: &str, more: (&str, &str)| {
        let call_id = call.to_string();
        let known = [("direction", "in"), ("callId", &call_id), ("from", "493023125001"), more];
        let fields = [&[("event", event)], &known[..]].concat();
        let answer = first.nobody.send(first.nobody.http.post(&urls[node % 2]).form(&fields)).await;
        assert_eq!(answer.is(200).body, "{}");
    };
    // each call begins on one node, is answered on the other, and everything is said to both
    let stories = (0..CALLS).map(async |call| {
        post(call, call, "newCall", ("queue", "sales")).await;
        post(call + 1, call, "newCall", ("queue", "sales")).await;
        post(call + 1, call, "answer", ("user", "Alice")).await;
        post(call, call, "answer", ("user", "Alice")).await;
        post(call, call, "hangup", ("cause", "normalClearing")).await;
        post(call + 1, call, "hangup", ("cause", "busy")).await;
    });
    futures_util::future::join_all(stories).await;
    for app in [&first, &second] {
        let calls = app.agent.get_json("/api/v1/calls?limit=500").await["data"].as_array().unwrap().clone();
        assert_eq!(calls.len(), CALLS);
        for call in &calls {
            let told = ["state", "outcome", "cause", "answered_by", "queue"].map(|field| &call[field]);
            assert_eq!(told, ["ended", "answered", "normalClearing", "Alice", "sales"], "{call}");
            assert_eq!(call["incarnation"], 1, "{call}");
            let journal =
                app.agent.get_json(&format!("/api/v1/calls/{}", call["id"])).await["journal"].clone();
            let results: Vec<&Value> =
                journal.as_array().unwrap().iter().map(|line| &line["result"]).collect();
            assert_eq!(results, ["applied", "repeat", "applied", "repeat", "applied", "repeat"], "{journal}");
        }
    }
}
