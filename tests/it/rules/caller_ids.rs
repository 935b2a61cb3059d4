//! Which number the callee sees.

use reqwest::Method;
use serde_json::{Value, json};

use super::ring;
use crate::harness::{TestApp, spawn};

const RULES: &str = "/api/v1/caller-id-rules";

async fn caller_id(app: &TestApp, rule: Value) -> Value {
    app.manager.post_json(RULES, &rule).await.is(201).json()
}

/// The caller ID of an outbound call; null where the PBX dials as it would.
async fn chosen(app: &TestApp, fields: &[(&str, &str)]) -> Value {
    let out = [("direction", "out"), ("from", "11")];
    let out = out.into_iter().filter(|(name, _)| fields.iter().all(|(given, _)| given != name));
    let answer = ring(app, &[&out.collect::<Vec<_>>(), fields].concat()).await;
    assert!(answer == json!({}) || answer["action"] == "dial", "{answer}");
    answer["caller_id"].clone()
}

#[actix_web::test]
async fn the_first_rule_that_fits_wins() {
    let app = spawn();
    let munich = caller_id(&app, json!({ "destination": "4989*", "caller_id": "498999998145" })).await;
    let germany = caller_id(&app, json!({ "destination": "+49*", "caller_id": "+493023125877" })).await;
    let default = caller_id(&app, json!({ "destination": "*", "caller_id": "496990009111" })).await;
    for (to, seen) in [
        ("4989123456", "498999998145"),
        ("089 123456", "498999998145"),
        ("4940123456", "+493023125877"), // as it was written
        ("33123456789", "496990009111"),
    ] {
        assert_eq!(chosen(&app, &[("to", to)]).await, seen, "{to}");
    }
    let order = json!({ "ids": [default["id"], germany["id"], munich["id"]] });
    app.manager.json(Method::PUT, &format!("{RULES}/order"), &order).await.is(204);
    assert_eq!(chosen(&app, &[("to", "4989123456")]).await, "496990009111", "now the default comes first");
    let first = json!({ "destination": "4989*", "caller_id": "498999998146", "position": 1 });
    let first = caller_id(&app, first).await;
    assert_eq!(chosen(&app, &[("to", "4989123456")]).await, "498999998146");
    let listed = app.agent.get_json(RULES).await;
    let ids: Vec<&Value> = listed["data"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    assert_eq!(ids, [&first["id"], &default["id"], &germany["id"], &munich["id"]]);
}

#[actix_web::test]
async fn without_a_rule_the_pbx_dials_as_it_would() {
    let app = spawn();
    assert_eq!(chosen(&app, &[("to", "4989123456")]).await, Value::Null);
    caller_id(&app, json!({ "destination": "4989*", "caller_id": "498999998145" })).await;
    assert_eq!(chosen(&app, &[("to", "4940123456")]).await, Value::Null);
    let inbound = ring(&app, &[("from", "4940123456"), ("to", "4989123456")]).await;
    assert_eq!(inbound, json!({}), "inbound calls keep theirs");
}

#[actix_web::test]
async fn a_rule_may_be_for_one_extension_or_user() {
    let app = spawn();
    caller_id(&app, json!({ "destination": "*", "caller_id": "493023125011", "from": "11" })).await;
    caller_id(&app, json!({ "destination": "*", "caller_id": "493023125012", "from": "Alice" })).await;
    let to = ("to", "4989123456");
    assert_eq!(chosen(&app, &[to]).await, "493023125011");
    assert_eq!(chosen(&app, &[to, ("from", "12"), ("user", "alice")]).await, "493023125012");
    assert_eq!(chosen(&app, &[to, ("from", "12"), ("user", "Bob")]).await, Value::Null);
}

#[actix_web::test]
async fn what_really_dialled_is_kept() {
    let app = spawn();
    let rule = caller_id(&app, json!({ "destination": "*", "caller_id": "493023125877" })).await;
    let event = async |event: &str| {
        let known = [("callId", "1"), ("direction", "out"), ("from", "11"), ("to", "089 123456")];
        app.post_form(&[&[("event", event)], &known[..]].concat()).await.is(200).json()
    };
    let dial = json!({
        "action": "dial", "number": "089 123456", "caller_id": "493023125877", "callerId": "493023125877",
    });
    assert_eq!(event("newCall").await, dial);
    app.manager.delete(&format!("{RULES}/{}", rule["id"])).await.is(204);
    assert_eq!(event("newCall").await, dial, "a repeat hears the same");
    for later in ["answer", "hangup"] {
        assert_eq!(event(later).await, json!({}));
    }
    let call = app.agent.get_json("/api/v1/calls").await["data"][0].clone();
    assert_eq!((&call["from"]["number"], &call["dialed_from"]), (&json!("493023125877"), &json!("11")));
    assert_eq!(call["decision"]["caller_id"], "493023125877");
    assert_eq!(call["decision"]["rule_id"], rule["id"]);
    assert_eq!(call["outcome"], "answered");
}

#[actix_web::test]
async fn only_what_a_carrier_takes_is_a_caller_id() {
    let app = spawn();
    for wrong in ["", "030231250", "+49 30 231250", "anonymous", "1234567890123456"] {
        let rule = json!({ "destination": "*", "caller_id": wrong });
        let refused = app.manager.post_json(RULES, &rule).await.is(422);
        assert_eq!(refused.json()["errors"][0]["field"], "caller_id", "{wrong}");
    }
}
