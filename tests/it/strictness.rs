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
