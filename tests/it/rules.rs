//! Rules over HTTP: the next event meets what was just changed.

mod caller_ids;
mod limits;
mod nodes;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestApp, eventually, spawn};
use crate::program::{gave_up, printed, run};

/// As a manager; the new rule.
async fn block(app: &TestApp, rule: Value) -> Value {
    app.manager.post_json("/api/v1/block-rules", &rule).await.is(201).json()
}

/// Is this caller turned away?
async fn is_blocked(app: &TestApp, from: &str) -> bool {
    let answer = ring(app, &[("from", from)]).await;
    assert!([json!({}), json!({ "action": "reject", "reason": "busy" })].contains(&answer), "{answer}");
    answer != json!({})
}

/// The answer to an inbound call with an id of its own.
async fn ring(app: &TestApp, fields: &[(&str, &str)]) -> Value {
    static RUNG: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let call_id = format!("ring-{}", RUNG.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let known = [("event", "newCall"), ("direction", "in"), ("callId", &call_id), ("to", "4930231250")];
    let known = known.into_iter().filter(|(name, _)| fields.iter().all(|(given, _)| given != name));
    app.post_form(&[&known.collect::<Vec<_>>(), fields].concat()).await.is(200).json()
}

#[actix_web::test]
async fn patterns_mean_what_people_think() {
    for (pattern, blocked, others) in [
        (
            "+49 30 23125-001",
            &["493023125001", "030 23125001", "0049 (30) 23125001", "+493023125001"][..],
            &["493023125002", "49302312500", "4930231250011"][..],
        ),
        ("030/23125 001", &["493023125001", "+49 30 23125 001"], &["493123125001"]),
        (
            "+44 20 7946*",
            &["442079460123", "+44 20 7946 0123", "00442079460123"],
            &["442079470123", "44207946"],
        ),
        ("4930*001", &["493023125001", "+49 30 23125 001"], &["493023125002", "4930001"]),
        ("210", &["210"], &["2100", "49210", "+49210"]),
        ("*", &["493023125001", "210", "anonymous"], &[]),
        ("anonymous", &["anonymous"], &["493023125001"]),
    ] {
        let app = spawn();
        block(&app, json!({ "pattern": pattern })).await;
        for caller in blocked {
            assert!(is_blocked(&app, caller).await, "{pattern} blocks {caller}");
        }
        for caller in others {
            assert!(!is_blocked(&app, caller).await, "{pattern} lets {caller} through");
        }
    }
}

#[actix_web::test]
async fn a_withheld_number_is_one_however_the_client_says_it() {
    let app = spawn();
    block(&app, json!({ "pattern": "anonymous" })).await;
    let clients = [
        "anonymous",
        "Anonymous",
        "ANONYMOUS",
        "",
        "  ",
        "unknown",
        "<unknown>",
        "Restricted",
        "restricted",
        "private",
        "anonymous@anonymous.invalid",
        "sip:anonymous@anonymous.invalid",
    ];
    for from in clients {
        assert!(is_blocked(&app, from).await, "{from:?}");
    }
    assert_ne!(ring(&app, &[]).await, json!({}), "nothing said at all");
    assert!(!is_blocked(&app, "493023125001").await);
}

#[actix_web::test]
async fn an_allowed_caller_gets_through_whatever_blocks_them() {
    let app = spawn();
    block(&app, json!({ "pattern": "+4930*" })).await;
    block(&app, json!({ "pattern": "*" })).await;
    let allow = block(&app, json!({ "pattern": "030 23125001", "action": "allow" })).await;
    assert!(!is_blocked(&app, "493023125001").await);
    assert!(is_blocked(&app, "493023125002").await);
    app.manager.delete(&format!("/api/v1/block-rules/{}", allow["id"])).await.is(204);
    assert!(is_blocked(&app, "493023125001").await, "from the next event on");
}

#[actix_web::test]
async fn a_blocked_call_is_over_before_it_rings() {
    let app = spawn();
    let rule = block(&app, json!({ "pattern": "+44*", "reason": "rejected", "note": "abroad" })).await;
    let new_call =
        [("event", "newCall"), ("direction", "in"), ("callId", "1"), ("from", "442079460123"), ("to", "30")];
    let answer = app.post_form(&new_call).await.is(200);
    assert_eq!(answer.body, r#"{"action":"reject","reason":"rejected"}"#);
    let shown = async || app.agent.get_json("/api/v1/calls").await["data"][0].clone();
    let call = shown().await;
    assert_eq!((&call["state"], &call["outcome"]), (&json!("ended"), &json!("blocked")));
    assert_eq!((&call["done"], &call["ended_at"]), (&json!(true), &call["started_at"]));
    assert_eq!(call["decision"]["action"], "reject");
    assert_eq!(call["decision"]["rule_id"], rule["id"]);
    assert!(call["decision"]["why"].as_str().unwrap().contains("+44*"), "{call}");
    let open = app.agent.get_json("/api/v1/calls?done=false").await;
    assert_eq!(open["data"], json!([]), "nobody has to call back");

    // the rule goes, its word stays: a PBX that asks again is told the same
    app.manager.delete(&format!("/api/v1/block-rules/{}", rule["id"])).await.is(204);
    assert_eq!(app.post_form(&new_call).await.is(200).body, answer.body);
    for event in ["answer", "hangup"] {
        let fields = [("event", event), ("direction", "in"), ("callId", "1"), ("cause", "normalClearing")];
        assert_eq!(app.post_form(&fields).await.is(200).body, "{}");
    }
    assert_eq!(shown().await["outcome"], "blocked", "what is late changes nothing");
    assert!(!is_blocked(&app, "442079460123").await, "another call is not blocked any more");
}

#[actix_web::test]
async fn what_a_rule_does_is_counted_once_for_each_call() {
    let app = spawn();
    let rule = block(&app, json!({ "pattern": "+44*" })).await;
    let other = block(&app, json!({ "pattern": "+44 20*" })).await;
    assert_eq!((&rule["hits"], &rule["last_hit_at"]), (&json!(0), &Value::Null));
    for call_id in ["1", "1", "2"] {
        ring(&app, &[("callId", call_id), ("from", "442079460123")]).await;
    }
    ring(&app, &[("from", "493023125001")]).await;
    let read = async |rule: &Value| app.agent.get_json(&format!("/api/v1/block-rules/{}", rule["id"])).await;
    let rule = read(&rule).await;
    assert_eq!(rule["hits"], 2, "a repeat is the same call");
    assert!(rule["last_hit_at"].is_string());
    assert_eq!(read(&other).await["hits"], 0, "the older one decided");
}

#[actix_web::test]
async fn a_changed_rule_acts_on_the_next_event() {
    let app = spawn();
    let rule = block(&app, json!({ "pattern": "+44*" })).await;
    let path = format!("/api/v1/block-rules/{}", rule["id"]);
    app.manager.json(Method::PATCH, &path, &json!({ "pattern": "+33*" })).await.is(200);
    assert!(!is_blocked(&app, "442079460123").await);
    assert!(is_blocked(&app, "33123456789").await);
    let set = json!({ "block_rules": [{ "pattern": "+39*" }], "caller_id_rules": [] });
    app.manager.json(Method::PUT, "/api/v1/rules", &set).await.is(200);
    assert!(!is_blocked(&app, "33123456789").await);
    assert!(is_blocked(&app, "393471234567").await);
}

#[actix_web::test]
async fn what_a_pbx_would_not_heed_is_not_promised() {
    let app = spawn();
    app.admin
        .post_json("/api/v1/block-rules", &json!({ "pattern": "+44*", "action": "block" }))
        .await
        .is(201);
    let new = json!({ "name": "reports", "dialect": "voipnow" });
    let reports = app.admin.post_json("/api/v1/pbxes", &new).await.is(201).json()["id"].clone();
    let check = async |pbx: &serde_json::Value| {
        let asked = json!({ "direction": "in", "from": "+442079460123", "pbx_id": pbx });
        app.admin.post_json("/api/v1/rules/check", &asked).await.is(200).json()
    };
    assert_eq!(check(&json!(app.pbx_id)).await["decision"]["action"], "reject");
    let checked = check(&reports).await;
    assert_eq!(
        (&checked["decision"]["action"], &checked["rule"]),
        (&json!("accept"), &json!(null)),
        "{checked}"
    );
    assert!(checked["why"].as_str().unwrap().contains("only reports"), "{checked}");
}

#[actix_web::test]
async fn a_rule_from_the_command_line_acts_on_a_running_server() {
    let app = spawn();
    assert!(!is_blocked(&app, "442079460123").await);
    let file = app.database.folder.path().join("rules.json");
    let set = json!({ "block_rules": [{ "pattern": "+44*" }], "caller_id_rules": [] });
    std::fs::write(&file, set.to_string()).unwrap();
    printed(run(&app.database, &["rules", "import", file.to_str().unwrap()]));
    let begun = std::time::Instant::now();
    eventually("it acts", async || is_blocked(&app, "442079460123").await).await;
    assert!(begun.elapsed().as_secs() < 3, "{:?}", begun.elapsed());
    let said = printed(run(&app.database, &["rules", "check", "--direction=in", "--from=+44 20 7946 0123"]));
    assert!(said.starts_with("Answer: reject, reason busy\nWhy: block rule"), "{said}");
}

#[actix_web::test]
async fn a_file_that_does_not_fit_is_told_which_rule() {
    let app = spawn();
    let file = app.database.folder.path().join("rules.json");
    let import = |text: String| {
        std::fs::write(&file, text).unwrap();
        gave_up(run(&app.database, &["rules", "import", file.to_str().unwrap()]))
    };
    let rules = [json!({ "pattern": "+44*" }), json!({ "pattern": "+33*", "action": "deny" })];
    let line = import(json!({ "block_rules": rules, "caller_id_rules": [] }).to_string());
    assert!(line.contains("rules.json: block_rules[1].action: unknown variant `deny`"), "{line}");
    let line = import("{".into());
    assert!(line.contains("rules.json: this is not JSON: ") && line.contains("line 1"), "{line}");
}
