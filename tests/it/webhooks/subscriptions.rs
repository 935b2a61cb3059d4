//! Which webhooks there may be, and who may make, see and delete them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{event, say, spawn_here, to, webhook};
use crate::client::Client;
use crate::harness::{eventually, spawn, spawn_with};
use crate::receiver::Receiver;

const PATH: &str = "/api/v1/webhooks";

#[actix_web::test]
async fn a_webhook_is_made_shown_changed_and_deleted() {
    let app = spawn();
    let made = webhook(&app, json!({ "url": "https://crm.example/in", "notes": "CRM" })).await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(made["method"], "POST");
    assert_eq!(made["payload"], "json");
    assert_eq!(made["events"], json!(["dial-in", "dial-out", "answer", "hangup", "missed"]));
    let own = format!("{PATH}/{}", made["id"]);
    let shown = app.manager.get(&own).await.is(200);
    assert!(!shown.body.contains("whsec_"), "shown once: {}", shown.body);
    assert_eq!(app.manager.get_json(PATH).await["data"], json!([shown.json()]));

    let change = json!({ "events": ["missed"], "payload": "callapi", "method": "GET", "enabled": false, "notes": null,
                         "filters": { "direction": "in", "queues": ["support"] } });
    let changed = app.manager.json(Method::PATCH, &own, &change).await.is(200).json();
    assert_eq!(changed["filters"]["queues"], json!(["support"]));
    assert_eq!(
        (&changed["notes"], &changed["enabled"], &changed["url"]),
        (&Value::Null, &json!(false), &shown.json()["url"])
    );
    app.manager.delete(&own).await.is(204);
    app.manager.get(&own).await.is(404);
    app.manager.delete(&own).await.is(404);
}

#[actix_web::test]
async fn what_cannot_work_is_refused_with_its_field() {
    let app = spawn();
    for (body, field) in [
        (to(""), "url"),
        (to("crm.example"), "url"),
        (to("ftp://crm.example/"), "url"),
        (to("http://127.0.0.1/"), "url"),
        (to("http://192.168.1.5:8080/x"), "url"),
        (to("http://[::1]/"), "url"),
        (to("https://crm.example/{{CallID}}"), "url"),
        (json!({ "url": "https://crm.example/{{Nonsense}}", "payload": "template" }), "url"),
        (json!({ "url": "https://crm.example/{{CallID", "payload": "template" }), "url"),
        (json!({ "url": "https://{{DID}}.example/", "payload": "template" }), "url"),
        (json!({ "url": format!("https://crm.example/{}", "x".repeat(2000)) }), "url"),
        (json!({ "url": "https://crm.example/", "method": "GET" }), "method"),
        (json!({ "url": "https://crm.example/", "events": [] }), "events"),
        (json!({ "url": "https://crm.example/", "events": ["ringing"] }), "events[0]"),
        (json!({ "url": "https://crm.example/", "pbx_id": 99 }), "pbx_id"),
        (json!({ "url": "https://crm.example/", "extension": " " }), "extension"),
        (json!({ "url": "https://crm.example/", "filters": { "queues": [""] } }), "filters.queues"),
        (json!({ "url": "https://crm.example/", "filters": ["in"] }), "filters"),
        (json!({ "url": "https://crm.example/", "unknown": 1 }), "unknown"),
    ] {
        let refused = app.manager.post_json(PATH, &body).await.is(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{body}: {refused}");
    }
    assert_eq!(app.manager.get_json(PATH).await["data"], json!([]));
}

#[actix_web::test]
async fn an_extension_has_sixteen_and_disabled_ones_count() {
    let app = spawn();
    let new =
        |extension: &str| json!({ "url": "https://crm.example/", "extension": extension, "enabled": false });
    let mut last = Value::Null;
    for _ in 0..16 {
        last = webhook(&app, new("101")).await;
    }
    let refused = app.manager.post_json(PATH, &new("101")).await.is(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("extension 101 has 16 webhooks"), "{refused}");
    // another extension, and none, have room of their own; an edit never counts
    let other = webhook(&app, new("102")).await;
    webhook(&app, to("https://crm.example/")).await;
    let own = |hook: &Value| format!("{PATH}/{}", hook["id"]);
    app.manager.json(Method::PATCH, &own(&last), &json!({ "notes": "x", "enabled": true })).await.is(200);
    app.manager.json(Method::PATCH, &own(&other), &json!({ "extension": "101" })).await.is(409);
    app.manager.delete(&own(&last)).await.is(204);
    webhook(&app, new("101")).await;
    let listed = app.manager.get_json(&format!("{PATH}?extension=101&limit=500")).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 16);
}

#[actix_web::test]
async fn the_operator_sets_how_many() {
    let app = spawn_with(&["--webhooks-per-extension=1"]);
    let new = json!({ "url": "https://crm.example/", "extension": "101" });
    webhook(&app, new.clone()).await;
    app.manager.post_json(PATH, &new).await.is(409);
}

#[actix_web::test]
async fn deleting_all_touches_only_ones_own() {
    let app = spawn();
    for extension in ["101", "101", "102"] {
        webhook(&app, json!({ "url": "https://crm.example/", "extension": extension })).await;
    }
    let other = json!({ "url": "https://other.example/", "extension": "101" });
    app.admin.post_json(PATH, &other).await.is(201);
    let deleted = async |path: &str| app.manager.delete(path).await.is(200).json()["deleted"].clone();
    assert_eq!(deleted(&format!("{PATH}?extension=101")).await, 2);
    assert_eq!(deleted(PATH).await, 1);
    assert_eq!(deleted(PATH).await, 0);
    let left = app.manager.get_json(PATH).await;
    assert_eq!(left["data"][0]["url"], "https://other.example/");
    assert_eq!(left["data"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn agents_see_none_and_a_limited_key_sees_its_own_pbx() {
    let app = spawn();
    for client in [&app.nobody, &app.agent] {
        assert!([401, 403].contains(&client.get(PATH).await.status));
        assert!([401, 403].contains(&client.post_json(PATH, &to("https://crm.example/")).await.status));
    }
    let for_all = webhook(&app, to("https://crm.example/")).await;
    let key = json!({ "name": "limited", "role": "manager", "pbx_ids": [app.pbx_id] });
    let secret = app.admin.post_json("/api/v1/keys", &key).await.is(201).json()["secret"].clone();
    let limited = Client::new(&app.base_url, Some(secret.as_str().unwrap().into()));
    limited.post_json(PATH, &to("https://crm.example/")).await.is(403);
    let own = json!({ "url": "https://crm.example/own", "pbx_id": app.pbx_id });
    limited.post_json(PATH, &own).await.is(201);
    assert_eq!(limited.get_json(PATH).await["data"].as_array().unwrap().len(), 1);
    for path in [format!("{PATH}/{}", for_all["id"]), format!("{PATH}/{}/deliveries", for_all["id"])] {
        limited.get(&path).await.is(403);
    }
}

#[actix_web::test]
async fn a_webhook_is_told_what_it_wants_and_no_more() {
    let (app, receiver) = (spawn_here(), Receiver::start());
    let at = |path: &str| format!("{}/{path}", receiver.url);
    webhook(&app, json!({ "url": at("missed"), "events": ["missed"] })).await;
    webhook(&app, json!({ "url": at("bob"), "extension": "Bob" })).await;
    webhook(&app, json!({ "url": at("out"), "filters": { "direction": "out" } })).await;
    webhook(&app, json!({ "url": at("off"), "enabled": false })).await;
    webhook(&app, json!({ "url": at("sales"), "filters": { "queues": ["sales"], "unanswered_only": true } }))
        .await;
    event(&app, "1", "newCall").await;
    say(&app, "1", "hangup", &[("cause", "cancel")]).await;
    say(&app, "2", "newCall", &[("user[]", "Bob"), ("queue", "Sales")]).await;
    say(&app, "2", "answer", &[("user[]", "Bob")]).await;
    say(&app, "3", "newCall", &[("direction", "out")]).await;
    eventually("all that is wanted is told", async || receiver.heard().len() >= 5).await;
    let mut told: Vec<String> = receiver
        .heard()
        .iter()
        .map(|heard| {
            let (call, kind) = heard.told();
            format!("{} {call} {kind}", heard.path)
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        ["/bob 2 answer", "/bob 2 dial-in", "/missed 1 missed", "/out 3 dial-out", "/sales 2 dial-in"]
    );
}

#[actix_web::test]
async fn a_preview_shows_what_would_be_sent() {
    let app = spawn();
    let preview = async |body: Value| app.manager.post_json(&format!("{PATH}/preview"), &body).await;
    let template = json!({ "url": "https://crm.example/?e={{Event}}&c={{CallerID}}", "payload": "template" });
    let shown = preview(json!({ "webhook": template, "event": "hangup" })).await.is(200).json();
    assert_eq!(shown["url"], "https://crm.example/?e=hangup&c=%2B493055571600");
    let shown = preview(json!({ "webhook": to("https://crm.example/") })).await.is(200).json();
    assert_eq!(shown["content_type"], "application/json");
    assert!(shown["body"].as_str().unwrap().starts_with(r#"{"type":"dial-in","timestamp":""#), "{shown}");
    let wrong = json!({ "url": "https://crm.example/{{X}}", "payload": "template" });
    let refused = preview(json!({ "webhook": wrong })).await.is(422).json();
    assert!(
        refused["errors"][0]["message"].as_str().unwrap().contains("known are DialApiEventName, "),
        "{refused}"
    );
    assert_eq!(app.manager.get_json(PATH).await["data"], json!([]), "nothing is kept");
}
