//! The caller log over HTTP.

mod counted;
mod paging;
mod roles;
mod sweep;
mod ticks;
mod window;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::client::Client;
use crate::harness::{TestApp, spawn};
use crate::past;

/// An event of an inbound call.
async fn event(app: &TestApp, event: &str, call_id: &str, fields: &[(&str, &str)]) {
    let known = [("event", event), ("callId", call_id), ("direction", "in"), ("to", "4930231250")];
    let known = known.into_iter().filter(|(name, _)| fields.iter().all(|(given, _)| given != name));
    app.post_form(&[&known.collect::<Vec<_>>(), fields].concat()).await.is(200);
}

/// A call that rings and ends.
async fn missed(app: &TestApp, call_id: &str, from: &str) {
    event(app, "newCall", call_id, &[("from", from)]).await;
    event(app, "hangup", call_id, &[("cause", "noAnswer")]).await;
}

/// The call of that id, as the list shows it.
async fn shown(app: &TestApp, call_id: &str) -> Value {
    let page = app.agent.get_json("/api/v1/calls?limit=500").await;
    let found = page["data"].as_array().unwrap().iter().find(|call| call["call_id"] == call_id);
    found.unwrap_or_else(|| panic!("no call {call_id}: {page}")).clone()
}

/// The call ids on a page of the list.
async fn ids(client: &Client, query: &str) -> Vec<String> {
    let page = client.get_json(&format!("/api/v1/calls?{query}")).await;
    page["data"].as_array().unwrap().iter().map(|call| call["call_id"].as_str().unwrap().into()).collect()
}

#[actix_web::test]
async fn each_filter_narrows() {
    let app = spawn();
    event(&app, "newCall", "old", &[("from", "493023125009")]).await;
    past::let_pass(&app, TimeDelta::days(3)).await;
    event(&app, "newCall", "spoken", &[("from", "493023125001"), ("queue", "sales"), ("user", "Alice")])
        .await;
    event(&app, "answer", "spoken", &[("user", "Anton")]).await;
    event(&app, "hangup", "spoken", &[("cause", "normalClearing")]).await;
    event(&app, "newCall", "missed", &[("from", "030/23125 002"), ("queue", "support")]).await;
    event(&app, "hangup", "missed", &[("cause", "ORIGINATOR_CANCEL")]).await;
    let out = [("direction", "out"), ("from", "11"), ("to", "4989123456"), ("user", "Bob")];
    event(&app, "newCall", "busy", &out).await;
    event(&app, "hangup", "busy", &[("direction", "out"), ("cause", "busy")]).await;
    event(&app, "newCall", "ringing", &[("from", "anonymous")]).await;
    event(&app, "newCall", "talking", &[("from", "493023125005")]).await;
    event(&app, "answer", "talking", &[("user", "Carol")]).await;
    app.manager
        .post_json("/api/v1/contacts", &json!({ "name": "Erika Muster", "numbers": ["+49 30 23125-001"] }))
        .await
        .is(201);

    let all = ["talking", "ringing", "busy", "missed", "spoken", "old"];
    let yesterday = (chrono::Utc::now() - TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%SZ");
    let (since, until) = (format!("since={yesterday}"), format!("until={yesterday}"));
    let pbx = format!("pbx={}", app.pbx_id);
    for (query, expected) in [
        ("", &all[..]),
        ("direction=out", &["busy"]),
        ("state=ringing", &["ringing", "old"]),
        ("state=connected", &["talking"]),
        ("state=ended", &["busy", "missed", "spoken"]),
        ("outcome=missed", &["missed"]),
        ("outcome=answered", &["spoken"]),
        ("done=false&state=ended", &["missed"]),
        ("done=true", &["talking", "busy", "spoken"]),
        ("queue=support", &["missed"]),
        ("user=Alice", &["spoken"]),
        ("user=Anton", &["spoken"]),
        ("user=Bob", &["busy"]),
        (&pbx, &all[..]),
        ("pbx=999", &[]),
        ("cause=busy", &["busy"]),
        ("cause=ORIGINATOR_CANCEL", &["missed"]),
        ("number=%2B49+30+23125-002", &["missed"]),
        ("number=0049+30+23125002", &["missed"]),
        ("number=03023125002", &["missed"]),
        ("number=089%2F123456", &["busy"]),
        ("number=anonymous", &["ringing"]),
        ("from=030+23125001", &["spoken"]),
        ("from=%3Cunknown%3E", &["ringing"]),
        ("to=%2B49+89+123456", &["busy"]),
        ("to=030+23125001", &[]),
        ("q=4989", &["busy"]),
        ("q=%2B49+30+2312500", &["talking", "missed", "spoken", "old"]),
        ("q=muster", &["spoken"]),
        ("q=support", &["missed"]),
        ("q=caro", &["talking"]),
        ("q=nobody", &[]),
        (&since, &["talking", "ringing", "busy", "missed", "spoken"]),
        (&until, &["old"]),
        ("queue=sales&outcome=missed", &[]),
        ("queue=sales&outcome=answered&user=Alice&direction=in", &["spoken"]),
        ("order=oldest&state=ended", &["spoken", "missed", "busy"]),
    ] {
        assert_eq!(ids(&app.agent, query).await, expected, "{query}");
        if !query.contains("order=") {
            let page = app.agent.get_json(&format!("/api/v1/changes?after=0&{query}")).await;
            let told = page["data"].as_array().unwrap().iter().map(|call| call["call_id"].as_str().unwrap());
            assert_eq!(told.collect::<BTreeSet<_>>(), expected.iter().copied().collect(), "changes: {query}");
        }
    }
}

#[actix_web::test]
async fn what_no_filter_is_called_is_refused_by_name() {
    let app = spawn();
    for (query, field) in [
        ("caller=1", "caller"),
        ("direction=up", "direction"),
        ("done=perhaps", "done"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("cursor=x", "cursor"),
        ("since=yesterday", "since"),
        ("number=--", "number"),
        ("order=newest&page=2", "page"),
    ] {
        let refused = app.agent.get(&format!("/api/v1/calls?{query}")).await.is(422);
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{query}: {}", refused.body);
    }
}

#[actix_web::test]
async fn a_new_contact_names_old_calls() {
    let app = spawn();
    missed(&app, "1", "030/23125 001").await;
    assert_eq!(shown(&app, "1").await["from"]["name"], Value::Null);
    let contact = json!({ "name": "Erika Muster", "numbers": ["0049 30 23125001"] });
    let made = app.manager.post_json("/api/v1/contacts", &contact).await.is(201).json();
    let call = shown(&app, "1").await;
    assert_eq!((&call["from"]["name"], &call["from"]["contact_id"]), (&json!("Erika Muster"), &made["id"]));
    assert_eq!(call["from"]["e164"], "+493023125001");
    assert_eq!(call["from"]["number"], "030/23125 001", "as it was sent");
    app.manager.delete(&format!("/api/v1/contacts/{}", made["id"])).await.is(204);
    assert_eq!(shown(&app, "1").await["from"]["name"], Value::Null);
}

#[actix_web::test]
async fn an_id_that_is_used_again_is_another_call() {
    let app = spawn();
    missed(&app, "1", "493023125001").await;
    event(&app, "newCall", "1", &[("from", "493023125001")]).await;
    assert_eq!(ids(&app.agent, "").await.len(), 1, "within a minute it is a repeat");
    past::let_pass(&app, TimeDelta::seconds(61)).await;
    event(&app, "newCall", "1", &[("from", "493023125002")]).await;
    let newest = shown(&app, "1").await;
    assert_eq!((&newest["incarnation"], &newest["state"]), (&json!(2), &json!("ringing")));
    assert_eq!(ids(&app.agent, "").await.len(), 2);
}
