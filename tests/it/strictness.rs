//! What is wrong with a request of people and programs: each refusal names the field or parameter and how to mend it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::harness::spawn;

/// The first field of a refusal, and what is said of it.
#[track_caller]
fn told(refused: Answer) -> (String, String) {
    let problem = refused.is(422).json();
    let first = &problem["errors"][0];
    let text = |name: &str| first[name].as_str().unwrap_or_default().to_owned();
    (text("field"), text("message"))
}

#[actix_web::test]
async fn a_body_that_does_not_fit_names_its_field() {
    let app = spawn();
    let rules = |third: Value| {
        let rule = json!({ "pattern": "+44*" });
        json!({ "block_rules": [rule, rule, third], "caller_id_rules": [] })
    };
    let webhook = |with: Value| json!({ "webhook": with });
    for (method, path, body, field, message) in [
        ("POST", "block-rules", json!({ "pattern": "+33*", "action": "deny" }), "action", "`block`"),
        ("POST", "block-rules", json!({ "pattern": 123 }), "pattern", "a string"),
        ("POST", "block-rules", json!({}), "pattern", "is missing"),
        ("POST", "block-rules", json!({ "pattern": "+33*", "nope": 1 }), "nope", "unknown field"),
        (
            "POST",
            "block-rules",
            json!({ "pattern": "+33*", "expires_at": "tomorrow" }),
            "expires_at",
            "2026-",
        ),
        ("PATCH", "block-rules/1", json!({ "expires_at": "tomorrow" }), "expires_at", "2026-"),
        ("POST", "block-rules", json!(["+33*"]), "body", "a JSON object"),
        ("POST", "keys", json!({ "name": "x", "role": "king" }), "role", "`manager`"),
        ("PATCH", "calls/1", json!({ "done": "yes" }), "done", "a boolean"),
        ("PATCH", "calls/1", json!({ "done": null }), "done", "a boolean"),
        ("POST", "calls/done", json!({ "filter": { "since": "today" } }), "filter.since", "2026-"),
        (
            "PUT",
            "rules",
            rules(json!({ "pattern": "+33*", "action": "deny" })),
            "block_rules[2].action",
            "`block`",
        ),
        ("PUT", "rules", rules(json!({})), "block_rules[2].pattern", "is missing"),
        ("PUT", "rules", json!({ "block_rules": [] }), "caller_id_rules", "is missing"),
        ("POST", "webhooks/preview", webhook(json!({ "url": 1 })), "webhook.url", "a string"),
        ("POST", "contacts", json!({ "name": "x", "numbers": ["1", 2] }), "numbers[1]", "a string"),
    ] {
        let method: Method = method.parse().unwrap();
        let refused = app.admin.json(method, &format!("/api/v1/{path}"), &body).await;
        let (named, said) = told(refused);
        assert_eq!(named, field, "{body}: {said}");
        assert!(said.contains(message) && !said.contains(" line "), "{body}: {said}");
    }
}

#[actix_web::test]
async fn a_parameter_that_does_not_fit_is_named() {
    let app = spawn();
    for (query, field, message) in [
        ("block-rules?limit=abc", "limit", "a whole number"),
        ("caller-id-rules?limit=", "limit", "a whole number"),
        ("contacts?q=a&limit=x", "limit", "a whole number"),
        ("pbxes?limit=0", "limit", "1 to 500"),
        ("pbxes/1/journal?result=x", "result", "`refused`"),
        ("webhooks/1/deliveries?state=x", "state", "`parked`"),
        ("calls?limit=x", "limit", "a whole number"),
    ] {
        let (named, said) = told(app.admin.get(&format!("/api/v1/{query}")).await);
        assert_eq!(named, field, "{query}: {said}");
        assert!(said.contains(message), "{query}: {said}");
    }
}

#[actix_web::test]
async fn an_unknown_parameter_is_an_error_wherever_people_ask() {
    let app = spawn();
    app.manager.post_json("/api/v1/block-rules", &json!({ "pattern": "+44*" })).await.is(201);
    for path in ["keys", "rules", "pbxes/1", "block-rules/1", "block-rules", "contacts", "calls", "calls.csv"]
    {
        let path = format!("/api/v1/{path}");
        app.admin.get(&path).await.is(200);
        for query in ["foo=1", "f%6Fo", "&foo=%20&"] {
            let answer = app.admin.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            let (named, said) = told(answer);
            assert_eq!(named, "foo", "{path}");
            assert!(said.starts_with("unknown parameter"), "{path}: {said}");
        }
    }
    let unpaged = told(app.admin.get("/api/v1/keys?limit=1").await);
    assert_eq!(unpaged, ("limit".into(), "unknown parameter; there are none here".into()));
    let paged = told(app.admin.get("/api/v1/block-rules?limt=1").await);
    assert_eq!(paged, ("limt".into(), "unknown parameter; there are `limit`, `cursor`".into()));
    told(app.admin.json(Method::PATCH, "/api/v1/calls/1?force=1", &json!({ "done": true })).await);
    // those whom we cannot tell what to send
    app.admin.get("/api/v1/cti/log?_=1").await.is(200);
    let call = [("event", "newCall"), ("direction", "in"), ("callId", "1")];
    let post = app.nobody.http.post(format!("{}?foo=1", app.pbx_url)).form(&call);
    app.nobody.send(post).await.is(200);
}
