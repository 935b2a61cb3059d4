//! Rules that are not for every call.

use chrono::{TimeDelta, Utc};
use hookswitch::clock;
use hookswitch::rules::{BlockAction, BlockRule};
use hookswitch::store::{rule_set, rules};
use reqwest::Method;
use serde_json::{Value, json};

use super::{block, is_blocked, ring};
use crate::harness::spawn;

fn new_rule(pattern: &str) -> BlockRule {
    BlockRule {
        id: 0,
        pattern: pattern.into(),
        action: BlockAction::Block,
        reason: hookswitch::call::Reason::Busy,
        pbx_id: None,
        to: None,
        expires_at: None,
        note: None,
        hits: 0,
        last_hit_at: None,
    }
}

#[actix_web::test]
async fn a_rule_may_be_for_one_number_or_queue() {
    let app = spawn();
    block(&app, json!({ "pattern": "+44*", "to": "030 23125-100" })).await;
    block(&app, json!({ "pattern": "+33*", "to": "Support" })).await;
    block(&app, json!({ "pattern": "+39*", "to": "4940*" })).await;
    block(&app, json!({ "pattern": "+32*", "to": "Private" })).await;
    for (fields, blocked) in [
        (&[("from", "442079460123"), ("to", "493023125100")][..], true),
        (&[("from", "442079460123"), ("to", "493023125101")], false),
        (&[("from", "33123456789"), ("queue", "support")], true),
        (&[("from", "33123456789"), ("queue", "sales")], false),
        (&[("from", "33123456789")], false),
        (&[("from", "393471234567"), ("to", "4940123456")], true),
        (&[("from", "393471234567"), ("to", "4930123456")], false),
        (&[("from", "3226790000"), ("queue", "private")], true),
        (&[("from", "3226790000"), ("queue", "support")], false), // though nobody said which number
    ] {
        assert_eq!(ring(&app, fields).await != json!({}), blocked, "{fields:?}");
    }
}

#[actix_web::test]
async fn a_rule_may_end() {
    let app = spawn();
    let end = |hours| Utc::now() + TimeDelta::hours(hours);
    let rule = block(&app, json!({ "pattern": "+44*", "expires_at": end(1) })).await;
    assert!(is_blocked(&app, "442079460123").await);
    let past = json!({ "pattern": "+33*", "expires_at": end(-1) });
    let refused = app.manager.post_json("/api/v1/block-rules", &past).await.is(422);
    assert_eq!(refused.json()["errors"][0]["field"], "expires_at");
    app.manager.delete(&format!("/api/v1/block-rules/{}", rule["id"])).await.is(204);

    // one whose end came while it was in force
    let ended = BlockRule { expires_at: Some(clock::now()), ..new_rule("+44*") };
    let id = app.configure(move |db| rules::insert_block(db, &ended, clock::now())).await;
    assert!(!is_blocked(&app, "442079460123").await);
    let path = format!("/api/v1/block-rules/{id}");
    app.manager.json(Method::PATCH, &path, &json!({ "expires_at": Value::Null })).await.is(200);
    assert!(is_blocked(&app, "442079460123").await, "for ever");
}

#[actix_web::test]
async fn a_rule_for_one_pbx_is_read_as_that_pbx_dials() {
    let app = spawn();
    let new = json!({ "name": "Wien", "dialect": "zammad", "region": "AT" });
    let wien = app.admin.post_json("/api/v1/pbxes", &new).await.is(201).json()["id"].clone();
    block(&app, json!({ "pattern": "0664 1234567", "pbx_id": wien })).await;
    block(&app, json!({ "pattern": "0676*", "pbx_id": wien })).await;
    for (from, blocked) in
        [("0664 1234567", true), ("+43 664 1234567", true), ("0676 1234567", true), ("0664 1234568", false)]
    {
        let question = json!({ "direction": "in", "from": from, "pbx_id": wien });
        let answer = app.agent.post_json("/api/v1/rules/check", &question).await.is(200).json();
        assert_eq!(answer["rule"].is_object(), blocked, "{from}: {answer}");
    }
}

#[actix_web::test]
async fn a_rule_may_be_for_one_pbx() {
    let app = spawn();
    let new = json!({ "name": "Hamburg", "dialect": "zammad" });
    let hamburg = app.admin.post_json("/api/v1/pbxes", &new).await.is(201).json();
    block(&app, json!({ "pattern": "+44*", "pbx_id": hamburg["id"] })).await;
    assert!(!is_blocked(&app, "442079460123").await);
    let url = hamburg["url"].as_str().unwrap();
    let path = &url[url.find("/api/").unwrap()..];
    let fields = [("event", "newCall"), ("direction", "in"), ("callId", "1"), ("from", "442079460123")];
    let post = app.nobody.http.post(format!("{}{path}", app.base_url)).form(&fields);
    assert_eq!(app.nobody.send(post).await.is(200).json()["action"], "reject");
    let unknown = json!({ "pattern": "+33*", "pbx_id": 999 });
    let refused = app.manager.post_json("/api/v1/block-rules", &unknown).await.is(422);
    assert_eq!(refused.json()["errors"][0]["field"], "pbx_id");
}

#[actix_web::test]
async fn outbound_calls_are_never_blocked() {
    let app = spawn();
    block(&app, json!({ "pattern": "*" })).await;
    assert_eq!(ring(&app, &[("direction", "out"), ("from", "442079460123")]).await, json!({}));
}

#[actix_web::test]
async fn agents_read_rules_and_managers_make_them() {
    let app = spawn();
    let rule = json!({ "pattern": "+44*" });
    app.agent.post_json("/api/v1/block-rules", &rule).await.is(403);
    app.nobody.post_json("/api/v1/block-rules", &rule).await.is(401);
    block(&app, rule).await;
    assert_eq!(app.agent.get_json("/api/v1/block-rules").await["data"][0]["pattern"], "+44*");
    for wrong in ["", "+44", "12;34", "4*?"] {
        let refused =
            app.manager.post_json("/api/v1/block-rules", &json!({ "pattern": wrong })).await.is(422);
        assert_eq!(refused.json()["errors"][0]["field"], "pattern", "{wrong}");
    }
}

#[actix_web::test]
async fn there_are_never_more_rules_than_a_set_may_hold() {
    let app = spawn();
    let most = vec![new_rule("+44*"); 49_999];
    app.configure(move |db| rule_set::replace_all(db, &most, &[], clock::now())).await;
    let default = json!({ "destination": "*", "caller_id": "493023125000" });
    app.manager.post_json("/api/v1/caller-id-rules", &default).await.is(201);
    for (path, rule) in [("caller-id-rules", default), ("block-rules", json!({ "pattern": "+33*" }))] {
        let refused = app.manager.post_json(&format!("/api/v1/{path}"), &rule).await.is(422);
        assert!(refused.json()["detail"].as_str().unwrap().contains("50000 rules"), "{refused:?}");
    }
    let change = json!({ "note": "the last one" });
    app.manager.json(Method::PATCH, "/api/v1/block-rules/1", &change).await.is(200);
    app.manager.delete("/api/v1/block-rules/1").await.is(204);
    block(&app, json!({ "pattern": "+33*" })).await;
}
