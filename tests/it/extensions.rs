//! PBXes that tell of each extension by itself (VoipNow, Telphin): legs, agents, linked calls.

use chrono::TimeDelta;
use hookswitch::dialect;
use hookswitch::store::calls::count_live;
use hookswitch::{clock, housekeeping};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::harness::{TestApp, spawn};
use crate::past;

/// Adds a PBX; the address that its events go to.
pub async fn url_of(app: &TestApp, dialect: &str) -> String {
    url_with(app, dialect, json!({})).await
}

/// The same of one with options.
pub async fn url_with(app: &TestApp, dialect: &str, options: Value) -> String {
    let new = json!({ "name": dialect, "dialect": dialect, "region": "RU", "options": options });
    app.add_pbx(&new).await
}

/// As the PBX.
pub async fn post(app: &TestApp, url: &str, form: &str) -> Answer {
    let request = app.nobody.http.post(url).header("Content-Type", "application/x-www-form-urlencoded");
    app.nobody.send(request.body(form.to_owned())).await
}

fn leg(kind: &str, sub: &str, extension: &str, more: &str) -> String {
    format!(
        "EventType={kind}&CallID=c-1&SubCallID={sub}&CallerIDNum=%2B79214567892&CalledDID=79300369446\
         &CalledExtension={extension}%40sip.example.org&CalledNumber={extension}&CallFlow=in{more}"
    )
}

#[actix_web::test]
async fn a_queues_second_round_lives_again_and_ends_once() {
    let app = spawn();
    let url = url_of(&app, "telphin").await;
    let live = async || app.query(count_live).await;
    for (form, alive, state) in [
        (leg("dial-in", "1-a", "13596*106", "&CallStatus=CALLING"), 1, "ringing"),
        (leg("hangup", "1-a", "13596*106", "&CallStatus=NOANSWER"), 0, "ended"),
        (leg("hangup", "1-a", "13596*106", "&CallStatus=NOANSWER"), 0, "ended"),
        (leg("dial-in", "2-a", "13596*107", "&CallStatus=CALLING"), 1, "ringing"),
        (leg("answer", "2-a", "13596*107", "&CallStatus=ANSWER"), 1, "connected"),
        (leg("hangup", "2-a", "13596*107", "&CallStatus=ANSWER"), 0, "ended"),
        (leg("hangup", "300", "13596*300", "&CallStatus=ANSWER&Bridged=yes"), 0, "ended"),
    ] {
        post(&app, &url, &form).await.is(200);
        let calls = app.agent.get_json("/api/v1/calls").await;
        assert_eq!(calls["data"].as_array().unwrap().len(), 1);
        assert_eq!((live().await, &calls["data"][0]["state"]), (alive, &json!(state)), "{form}");
    }
    past::let_pass(&app, TimeDelta::hours(24)).await;
    assert!(!housekeeping::sweep(&app.app, clock::now()).await.unwrap());
    let call = &app.agent.get_json("/api/v1/calls").await["data"][0];
    assert_eq!((&call["outcome"], &call["answered_by"]), (&json!("answered"), &json!("13596*107")));
    let legs = call["legs"].as_array().unwrap();
    let told: Vec<_> = legs.iter().map(|leg| (leg["leg_id"].as_str(), leg["place"].as_str())).collect();
    assert_eq!(
        told,
        [(Some("1-a"), Some("extension")), (Some("2-a"), Some("extension")), (Some("300"), Some("ivr"))]
    );
}

#[actix_web::test]
async fn internal_calls_are_kept_and_can_be_left_out() {
    let app = spawn();
    let url = url_of(&app, "voipnow").await;
    let inside = "CallID=in&CallerIDNum=0003*210&CallerExtension=0003*210&CalledExtension=0003*211&CalledNumber=0003*211";
    post(&app, &format!("{url}/dial-in"), inside).await.is(200);
    post(&app, &format!("{url}/hangup?CallStatus=CANCEL"), inside).await.is(200);
    let outside =
        "CallID=out&CallerIDNum=79214567892&CalledDID=79300369446&CalledExtension=0003*211&CallFlow=in";
    post(&app, &format!("{url}/dial-in"), outside).await.is(200);
    let ids = async |query: &str| {
        let calls = app.agent.get_json(&format!("/api/v1/calls?{query}")).await;
        calls["data"].as_array().unwrap().iter().map(|call| call["call_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids("internal=true").await, ["in"]);
    assert_eq!(ids("internal=false").await, ["out"]);
    assert_eq!(ids("").await.len(), 2);
    assert!(ids("done=false&outcome=missed").await.is_empty(), "nobody outside waits");
    app.agent.get("/api/v1/calls?internal=perhaps").await.is(422);
}

#[actix_web::test]
async fn a_url_says_what_is_wrong_with_it() {
    let app = spawn();
    let url = url_of(&app, "voipnow").await;
    let refused = post(&app, &format!("{url}/ring"), "CallID=1").await.is(404);
    assert!(refused.body.contains("dial-in"), "{}", refused.body);
    let elsewhere = post(&app, &url.replace("voipnow", "telphin"), "CallID=1").await.is(404);
    assert!(elsewhere.body.contains("/api/v1/voipnow/"), "{}", elsewhere.body);
    let missing = post(&app, &format!("{url}/dial-in"), "CallerIDNum=1").await.is(422);
    assert!(missing.body.contains("CallID"), "{}", missing.body);
    let long = format!("CallID={}", "1".repeat(251));
    post(&app, &format!("{url}/dial-in"), &long).await.is(422);
}

#[actix_web::test]
async fn agents_stand_as_they_were_last_told() {
    let app = spawn();
    let url = url_of(&app, "telphin").await;
    let told = |kind: &str, agent: u8, at: i64| {
        let time = (clock::now() + TimeDelta::seconds(at)).and_utc().timestamp_micros();
        format!("event_type={kind}&agent_id={agent}&extension_name=13596*10{agent}&EventTime={time}")
    };
    for form in [told("agent-login", 1, -60), told("agent-login", 2, -50), told("agent-logout", 1, -40)] {
        post(&app, &url, &form).await.is(200);
    }
    post(&app, &url, &told("agent-login", 1, -45)).await.is(200); // late: the newest word stays
    let status = "event_type=call-status-change&extension_id=9&new_status_id=2&old_status_id=1";
    post(&app, &url, status).await.is(200);
    post(&app, &url, "event_type=agent-login").await.is(422);
    let all = app.agent.rows("/api/v1/agents?", |_| true).await;
    let shown = |agent: &Value| (agent["agent"].clone(), agent["status"].clone(), agent["extension"].clone());
    let wanted = [
        (json!("1"), json!("logged_out"), json!("13596*101")),
        (json!("2"), json!("available"), json!("13596*102")),
        (json!("extension 9"), json!("2"), json!(null)),
    ];
    assert_eq!(all.iter().map(shown).collect::<Vec<_>>(), wanted);
    assert_eq!(app.agent.get_json("/api/v1/calls").await["data"], json!([]));

    let first = app.agent.get_json("/api/v1/agents?limit=2").await;
    let next = first["next"].as_str().unwrap();
    let second = app.agent.get_json(&format!("/api/v1/agents?limit=2&cursor={next}")).await;
    assert_eq!((second["data"][0]["agent"].as_str(), &second["next"]), (Some("extension 9"), &json!(null)));
    app.agent.get("/api/v1/agents?cursor=none").await.is(422);
    app.agent.get("/api/v1/agents?pbx=1").await.is(422);

    let pbx = first["data"][0]["pbx_id"].as_i64().unwrap();
    let limited = |ids: Value| json!({ "name": "limited", "role": "agent", "pbx_ids": ids });
    for (ids, count) in [(json!([pbx]), 3), (json!([app.pbx_id]), 0)] {
        let made = app.admin.post_json("/api/v1/keys", &limited(ids)).await.is(201).json();
        let client = crate::client::Client::new(&app.base_url, made["secret"].as_str().map(str::to_owned));
        assert_eq!(client.get_json("/api/v1/agents").await["data"].as_array().unwrap().len(), count);
    }
    app.admin.delete(&format!("/api/v1/pbxes/{pbx}")).await.is(204);
    assert_eq!(app.agent.get_json("/api/v1/agents").await["data"], json!([]));
}

#[actix_web::test]
async fn each_call_of_a_story_shows_the_others() {
    let app = spawn();
    let url = url_of(&app, "sipgate").await;
    let announce = async |id: &str, origin: &str| {
        let form = format!(
            "event=newCall&direction=in&from=492111234567&to=4915791234567&callId={id}&origCallId={origin}"
        );
        post(&app, &url, &form).await.is(200);
    };
    let linked = async |call_id: &str| -> Vec<Value> {
        let calls = app.agent.get_json("/api/v1/calls").await;
        let call = calls["data"].as_array().unwrap().iter().find(|call| call["call_id"] == call_id).unwrap();
        let call = app.agent.get_json(&format!("/api/v1/calls/{}", call["id"])).await;
        call["linked"].as_array().unwrap().iter().map(|other| other["call_id"].clone()).collect()
    };
    announce("second", "first").await; // before the first: order does not matter
    assert_eq!(linked("second").await, Vec::<Value>::new());
    announce("first", "first").await;
    announce("third", "first").await;
    announce("third", "first").await;
    announce("other", "other").await;
    assert_eq!(linked("first").await, ["second", "third"]);
    assert_eq!(linked("second").await, ["first", "third"]);
    assert_eq!(linked("third").await, ["second", "first"]);
    assert_eq!(linked("other").await, Vec::<Value>::new());
}

#[test]
fn every_dialect_says_what_to_paste_where() {
    for dialect in dialect::ALL {
        let url = dialect.url("https://calls.example.org", "TOKEN");
        assert!(dialect.instructions(&url).contains(&url), "{}", dialect.name());
    }
}
