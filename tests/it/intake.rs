//! What PBXes and their bridges really send (their bytes are in this project's notes on clients), and what they hear.

use hookswitch::call::{Cause, Reason, State};
use hookswitch::clock;
use hookswitch::rules::{BlockAction, BlockRule, CallerIdRule};
use hookswitch::store::rules;
use serde_json::json;

use crate::harness::{TestApp, spawn};

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const JSON: Option<&str> = Some("application/json; charset=utf-8");

#[actix_web::test]
async fn a_call_from_its_ring_to_its_end() {
    let app = spawn();
    let event = async |fields: &[(&str, &str)]| {
        let known = [("callId", "1"), ("direction", "in"), ("from", "030/23125 001"), ("to", "4930231250")];
        let answer = app.post_form(&[&known, fields].concat()).await.is(200);
        assert_eq!(answer.body, "{}", "two bytes: a real client compares them");
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        app.call("1").await.unwrap()
    };
    let ringing = event(&[("event", "newCall"), ("user[]", "Alice"), ("user[]", "Bob")]).await;
    assert_eq!((ringing.state, ringing.users), (State::Ringing, vec!["Alice".into(), "Bob".into()]));
    assert_eq!(ringing.from_key.unwrap(), "+493023125001");
    let connected = event(&[("event", "answer"), ("user", "Alice"), ("answeringNumber", "11")]).await;
    assert_eq!((connected.state, connected.answered_by.unwrap()), (State::Connected, "Alice".into()));
    let ended = event(&[("event", "hangup"), ("cause", "normalClearing")]).await;
    assert_eq!((ended.state, ended.cause), (State::Ended, Some(Cause::NormalClearing)));
    assert_eq!(
        event(&[("event", "hangup"), ("cause", "busy")]).await.cause,
        ended.cause,
        "a repeat adds nothing"
    );
}

#[actix_web::test]
async fn an_id_that_is_used_again_for_another_caller_is_decided_anew() {
    let app = spawn();
    app.admin
        .post_json("/api/v1/block-rules", &json!({ "pattern": "+44*", "action": "block" }))
        .await
        .is(201);
    let ring = async |from: &str| {
        let fields = [("event", "newCall"), ("callId", "0"), ("direction", "in"), ("to", "4930231250")];
        app.post_form(&[&fields[..], &[("from", from)]].concat()).await.is(200).body
    };
    assert!(ring("+447700900666").await.contains("reject"));
    assert_eq!(ring("493055571600").await, "{}", "another caller is not blamed");
    assert!(ring("+447700900666").await.contains("reject"));
    let calls = app.agent.get_json("/api/v1/calls").await;
    assert_eq!(calls["data"].as_array().unwrap().len(), 3, "{calls}");
}

#[actix_web::test]
async fn a_slash_behind_the_token_is_no_other_address() {
    let app = spawn();
    let form = "event=newCall&callId=1&direction=in&from=493055571600&to=4930231250";
    let request = app.nobody.http.post(format!("{}/", app.pbx_url));
    let request = request.header("Content-Type", FORM.unwrap()).body(form);
    assert_eq!(app.nobody.send(request).await.is(200).body, "{}");
    assert!(app.call("1").await.is_some());
}

#[actix_web::test]
async fn every_client_that_we_know_is_understood() {
    let app = spawn();
    for (client, content_type, body, call_id, from, users) in [
        (
            "py-zammad-cti: a list is a repeated name",
            FORM,
            "event=newCall&from=%2B49+30+23125001&to=4930231250&direction=in&callId=c-1&user=Alice+M%C3%BCller&user=Bob+Smith&queue=support",
            "c-1",
            "+493023125001",
            &["Alice Müller", "Bob Smith"][..],
        ),
        (
            "the 3CX bridge: JSON, and callId spelled otherwise",
            JSON,
            r#"{"event":"newCall","from":"03023125002","to":"150","direction":"in","call_id":"u-2","callid":"u-2","answeringNumber":"150","user":"Alice Müller"}"#,
            "u-2",
            "+493023125002",
            &["Alice Müller"],
        ),
        (
            "the older 3CX bridge: numbers, null and empty text",
            JSON,
            r#"{"event": "newCall", "from": "anonymous", "to": 816, "direction": "in", "callid": "u-3", "cause": null, "user": "", "answeringNumber": 816}"#,
            "u-3",
            "anonymous",
            &[],
        ),
        (
            "the Asterisk bridge: no Content-Type at all",
            None,
            "callId=support1545241916.41&user=agent.name&direction=in&event=newCall&from=%3Cunknown%3E",
            "support1545241916.41",
            "anonymous",
            &["agent.name"],
        ),
        (
            "FusionPBX: nothing is escaped, so that + is a blank",
            FORM,
            "event=newCall&from=+493023125005&to=4930609811111&direction=in&callId=7a1c@10.0.0.5&user[]=Ticket%20System",
            "7a1c@10.0.0.5",
            "+493023125005",
            &["Ticket System"],
        ),
        (
            "Node-RED behind a FRITZ!Box: ids count from 0",
            JSON,
            r#"{"event":"newCall","direction":"in","from":"03023125006","to":"4930609811111","callId":"0"}"#,
            "0",
            "+493023125006",
            &[],
        ),
        (
            "multipart",
            Some("multipart/form-data; boundary=x"),
            "--x\r\nContent-Disposition: form-data; name=\"event\"\r\n\r\nnewCall\r\n--x\r\nContent-Disposition: form-data; name=\"direction\"\r\n\r\nin\r\n--x\r\nContent-Disposition: form-data; name=\"callId\"\r\n\r\nm-7\r\n--x\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\n493023125007\r\n--x--\r\n",
            "m-7",
            "+493023125007",
            &[],
        ),
    ] {
        let answer = app.post_raw(content_type, body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{client}");
        let call = app.call(call_id).await.unwrap_or_else(|| panic!("{client}: no call"));
        assert_eq!(call.from_key.as_deref(), Some(from), "{client}");
        assert_eq!(call.users, users, "{client}");
    }
}

#[actix_web::test]
async fn the_query_counts_where_the_body_is_silent() {
    let app = spawn();
    let url = format!("{}?event=newCall&direction=in&callId=q-1&from=493023125001&user=Alice", app.pbx_url);
    let http = &app.nobody.http;
    app.nobody.send(http.post(&url)).await.is(200);
    let call = app.call("q-1").await.unwrap();
    assert_eq!((call.from_number.unwrap(), call.users), ("493023125001".into(), vec!["Alice".into()]));
    app.nobody.send(http.post(&url).form(&[("callId", "q-2"), ("user[]", "Bob")])).await.is(200);
    assert_eq!(app.call("q-2").await.unwrap().users, ["Bob"]);
}

#[actix_web::test]
async fn the_other_path_of_zammad_is_the_same_endpoint() {
    let app = spawn();
    let url = app.pbx_url.replace("/api/v1/cti/", "/api/v1/integration/cti/");
    let fields = [("event", "newCall"), ("direction", "in"), ("callId", "1")];
    app.nobody.send(app.nobody.http.post(url).form(&fields)).await.is(200);
    assert!(app.call("1").await.is_some());
}

#[actix_web::test]
async fn what_comes_late_or_unknown_is_no_error() {
    let app = spawn();
    let hangup = [("event", "hangup"), ("direction", "in"), ("callId", "1"), ("cause", "ORIGINATOR_CANCEL")];
    app.post_form(&hangup).await.is(200);
    let call = app.call("1").await.unwrap();
    assert_eq!((call.state, call.raw_cause.as_deref()), (State::Ended, Some("ORIGINATOR_CANCEL")));
    app.post_form(&[("event", "newCall"), ("direction", "in"), ("callId", "1"), ("from", "493023125001")])
        .await
        .is(200);
    let call = app.call("1").await.unwrap();
    assert_eq!((call.state, call.from_number.as_deref()), (State::Ended, Some("493023125001")));
}

#[actix_web::test]
async fn rules_are_answered_in_zammads_words() {
    let app = spawn();
    app.configure(|db| {
        rules::insert_block(db, &block("44 7700 900*"), clock::now())?;
        rules::insert_caller_id(db, &caller_id("4940*", "494066969123"), clock::now())
    })
    .await;
    let rejected = new_call(&app, "1", "in", "+44 7700 900666", "4930231250").await;
    assert_eq!(rejected, r#"{"action":"reject","reason":"busy"}"#);
    let call = app.call("1").await.unwrap();
    assert_eq!((call.state, call.open), (State::Ended, false), "a blocked call never rings");
    assert_eq!(
        new_call(&app, "1", "in", "+44 7700 900666", "4930231250").await,
        rejected,
        "a repeat hears the same"
    );

    let dialled = new_call(&app, "2", "out", "11", "040/66969 777").await;
    let dialled: serde_json::Value = serde_json::from_str(&dialled).unwrap();
    let told = json!({"action": "dial", "number": "040/66969 777", "caller_id": "494066969123", "callerId": "494066969123"});
    assert_eq!(dialled, told);
    let call = app.call("2").await.unwrap();
    assert_eq!((call.from_number.unwrap(), call.dialed_from.unwrap()), ("494066969123".into(), "11".into()));
    assert_eq!(new_call(&app, "3", "out", "11", "493023125001").await, "{}", "no rule, nothing to do");
}

#[actix_web::test]
async fn a_rule_counts_each_call_that_it_decides_once() {
    let app = spawn();
    let rule = async |pattern: &str, action: &str| {
        let words = json!({"pattern": pattern, "action": action});
        app.manager.post_json("/api/v1/block-rules", &words).await.is(201).json()["id"].clone()
    };
    let (all, friend) = (rule("+44*", "block").await, rule("+44 7700 900001", "allow").await);
    for (id, from) in [("1", "+447700900001"), ("2", "+447700900002"), ("2", "+447700900002"), ("3", "0301")]
    {
        new_call(&app, id, "in", from, "100").await;
    }
    for id in [&all, &friend] {
        let rule = app.agent.get_json(&format!("/api/v1/block-rules/{id}")).await;
        assert_eq!((&rule["hits"], rule["last_hit_at"].is_string()), (&json!(1), true), "{rule}");
    }
}

async fn new_call(app: &TestApp, id: &str, direction: &str, from: &str, to: &str) -> String {
    let fields = [("event", "newCall"), ("callId", id), ("direction", direction), ("from", from), ("to", to)];
    app.post_form(&fields).await.is(200).body
}

fn block(pattern: &str) -> BlockRule {
    BlockRule {
        id: 0,
        pattern: pattern.into(),
        action: BlockAction::Block,
        reason: Reason::Busy,
        pbx_id: None,
        to: None,
        expires_at: None,
        note: None,
        hits: 0,
        last_hit_at: None,
    }
}

fn caller_id(destination: &str, caller_id: &str) -> CallerIdRule {
    CallerIdRule {
        id: 0,
        position: 1,
        destination: destination.into(),
        caller_id: caller_id.into(),
        from: None,
        pbx_id: None,
        note: None,
        hits: 0,
        last_hit_at: None,
    }
}
