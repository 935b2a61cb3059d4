//! Noojee's long poll, beyond its samples (which `conformance` plays).

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{event, limited_to, stranger};
use crate::client::{Answer, Client};
use crate::extensions::{post as tell, url_of, url_with};
use crate::harness::{TestApp, eventually, spawn, spawn_with};

const API: &str = "/servicemanager/rest/CallManagementAPI";

async fn post(client: &Client, query: &str) -> Answer {
    let key = client.key.as_deref().unwrap_or_default();
    let path = format!("{API}/subscribe?{query}&apiKey={key}");
    let url = client.request(Method::POST, &path).build().unwrap().url().clone();
    client.send(client.http.post(url)).await
}

async fn ask(app: &TestApp, query: &str) -> Value {
    post(&app.agent, query).await.is(200).json()
}

/// The status of each leg of an extension.
fn statuses<'r>(reply: &'r Value, extension: &str) -> Vec<&'r str> {
    let legs = reply["Data"][extension].as_array().into_iter().flatten();
    legs.map(|leg| leg["CallData"]["status"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn who_waits_is_answered_at_the_first_change() {
    let app = spawn();
    let begun = Instant::now();
    let waiting = ask(&app, "exten=410&timeOut=30&lastSequenceNumber=0");
    let happening = async {
        eventually("it waits", async || app.app.feed.told().is_some()).await;
        event(&app, "newCall", "1", &[("from", "493023125001"), ("to", "411")]).await;
        event(&app, "newCall", "2", &[("from", "493023125002"), ("to", "410")]).await;
    };
    let (reply, ()) = futures_util::future::join(waiting, happening).await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!((statuses(&reply, "410"), statuses(&reply, "411")), (vec!["Ringing"], vec![]), "{reply}");
    let again = ask(&app, "exten=410&timeOut=0&lastSequenceNumber=0").await;
    assert_eq!(again, reply, "0 asks for the calls that are under way");

    let id = app.call("2").await.unwrap().id;
    let note = json!({ "note": "no news for Noojee" });
    app.agent.json(Method::PATCH, &format!("/api/v1/calls/{id}"), &note).await.is(200);
    let seq = &reply["seq"];
    let begun = Instant::now();
    let nothing = ask(&app, &format!("exten=410&timeOut=0&lastSequenceNumber={seq}")).await;
    assert_eq!(nothing["Data"], json!({}));
    assert!((100..2000).contains(&begun.elapsed().as_millis()), "a little patience, also with 0");
    assert!(nothing["seq"].as_i64() > seq.as_i64(), "the cursor moves on over what is not meant");
    let restarted = ask(&app, "exten=410&timeOut=0&lastSequenceNumber=99999").await;
    assert_eq!(restarted["Data"], reply["Data"], "a cursor of another life is 0");
}

#[actix_web::test]
async fn times_are_local() {
    let app = spawn_with(&["--time-zone=Australia/Melbourne"]);
    event(&app, "newCall", "1", &[("from", "493023125001"), ("to", "410")]).await;
    event(&app, "answer", "1", &[("user", "410")]).await;
    let reply = ask(&app, "exten=410").await;
    let answered = app.call("1").await.unwrap().answered_at.unwrap().and_utc();
    let local = answered.with_timezone(&chrono_tz::Australia::Melbourne).format("%Y/%m/%d %H:%M:%S");
    assert_eq!(reply["Data"]["410"][0]["CallData"]["callStartTime"], local.to_string());
}

#[actix_web::test]
async fn a_group_rings_at_each_and_one_takes_it() {
    let app = spawn();
    let rings = [("from", "493023125001"), ("user[]", "0003*410"), ("user[]", "0003*411")];
    event(&app, "newCall", "1", &rings).await;
    let reply = ask(&app, "exten=411,410&timeOut=0").await;
    assert_eq!((statuses(&reply, "410"), statuses(&reply, "411")), (vec!["Ringing"], vec!["Ringing"]));
    let ids = ["410", "411"].map(|name| reply["Data"][name][0]["CallID"].as_i64().unwrap());
    assert_ne!(ids[0], ids[1]);
    event(&app, "answer", "1", &[("user", "0003*411")]).await;
    let reply = ask(&app, &format!("exten=411,410&timeOut=0&lastSequenceNumber={}", reply["seq"])).await;
    assert_eq!((statuses(&reply, "410"), statuses(&reply, "411")), (vec!["Hungup"], vec!["Connected"]));
    assert_eq!(reply["Data"]["410"][0]["CallData"]["hangupCause"], "NO_ANSWER");
}

#[actix_web::test]
async fn an_internal_call_that_is_told_of_twice_has_two_legs_all_the_same() {
    let app = spawn();
    let ends = [("from", "400"), ("to", "410")];
    event(&app, "newCall", "a", &[&ends[..], &[("direction", "out"), ("user", "400")]].concat()).await;
    event(&app, "newCall", "b", &[&ends[..], &[("user", "410")]].concat()).await;
    let reply = ask(&app, "exten=400,410&timeOut=0").await;
    assert_eq!((statuses(&reply, "400"), statuses(&reply, "410")), (vec!["Dialing Out"], vec!["Ringing"]));
}

#[actix_web::test]
async fn a_key_sees_the_calls_of_its_pbxes() {
    let app = spawn();
    event(&app, "newCall", "1", &[("from", "493023125001"), ("to", "410")]).await;
    let (mine, _) = limited_to(&app, app.pbx_id).await;
    let strange = stranger(&app).await;
    for (client, legs) in [(&mine, 1), (&strange, 0)] {
        let reply = post(client, "exten=410&timeOut=0").await.is(200).json();
        assert_eq!(statuses(&reply, "410").len(), legs);
    }
}

#[actix_web::test]
async fn what_cannot_be_answered_is_refused_with_a_code_below_zero() {
    let app = spawn_with(&["--failed-tokens-per-minute=2"]);
    for query in ["timeOut=1", "exten=", "exten=,", "exten=410&timeOut=x", "exten=410&lastSequenceNumber=-1"]
    {
        assert_eq!(post(&app.agent, query).await.is(400).json()["Code"], -1, "{query}");
    }
    let refused = async |status| {
        let path = format!("{API}/subscribe?exten=410&apiKey=hsk_wrong");
        let answer = app.nobody.send(app.nobody.request(Method::POST, &path)).await.is(status);
        assert_eq!(answer.json()["Code"], -1);
    };
    refused(401).await;
    refused(401).await;
    refused(429).await;
    let get = app.agent.get(&format!("{API}/subscribe?exten=410")).await.is(405);
    assert_eq!(get.json()["Code"], -1);
    for method in ["answer", "hangup", "dial", "start", "stop"] {
        let request = app.agent.request(Method::POST, &format!("{API}/{method}?exten=410"));
        let said = app.agent.send(request).await.json();
        assert!(said["Code"].as_i64() < Some(0) && said["Message"].as_str().unwrap().contains("not control"));
    }
    let form = [("exten", "410"), ("timeOut", "0"), ("apiKey", app.agent.key.as_deref().unwrap())];
    let request = app.nobody.request(Method::POST, &format!("{API}/subscribe?xDebugArg=1")).form(&form);
    assert_eq!(app.nobody.send(request).await.is(200).json()["Code"], 0, "parameters may come as a form");
}

/// What is new of these extensions: who, the status, and why it ended.
async fn news(app: &TestApp, extensions: &str, seq: &mut i64) -> Vec<(String, String, Option<String>)> {
    let reply = ask(app, &format!("exten={extensions}&timeOut=0&lastSequenceNumber={seq}")).await;
    *seq = reply["seq"].as_i64().unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let legs = reply["Data"].as_object().unwrap().iter().flat_map(|(name, legs)| {
        let legs = legs.as_array().unwrap().iter().map(|leg| &leg["CallData"]);
        legs.map(move |leg| (name.clone(), text(&leg["status"]).unwrap(), text(&leg["hangupCause"])))
    });
    legs.collect()
}

fn new(extension: &str, status: &str, cause: Option<&str>) -> (String, String, Option<String>) {
    (extension.into(), status.into(), cause.map(Into::into))
}

#[actix_web::test]
async fn where_the_pbx_tells_of_legs_each_is_shown_as_it_stands() {
    let app = spawn();
    let url = url_of(&app, "voipnow").await;
    let leg = async |kind: &str, extension: &str, status: &str| {
        let form = format!(
            "CallID=p&CallerIDNum=79214567892&CalledDID=79300369446&CalledExtension=0003*{extension}&CallFlow=IN\
             &CallStatus={status}"
        );
        tell(&app, &format!("{url}/{kind}"), &form).await.is(200);
    };
    let (all, mut seq) = ("414,415,416", 0);
    for (kind, extension, status, shown) in [
        ("dial-in", "414", "CALLING", new("414", "Ringing", None)),
        ("dial-in", "415", "CALLING", new("415", "Ringing", None)),
        ("hangup", "414", "BUSY", new("414", "Hungup", Some("BUSY"))),
        ("answer", "415", "ANSWER", new("415", "Connected", None)),
        // a transfer
        ("dial-in", "416", "CALLING", new("416", "Ringing", None)),
        ("hangup", "415", "ANSWER", new("415", "Hungup", None)),
        ("answer", "416", "ANSWER", new("416", "Connected", None)),
        ("hangup", "416", "ANSWER", new("416", "Hungup", None)),
    ] {
        leg(kind, extension, status).await;
        assert_eq!(news(&app, all, &mut seq).await, [shown], "{kind} {extension}");
    }
    assert_eq!(news(&app, all, &mut seq).await, []);

    leg("dial-in", "417", "CALLING").await; // of the same call, once more
    leg("hangup", "417", "ANSWER").await;
    assert_eq!(
        news(&app, "417", &mut seq).await,
        [new("417", "Hungup", None)],
        "nobody said when it was taken"
    );
}

#[actix_web::test]
async fn a_leg_keeps_its_ids() {
    let app = spawn();
    let url = url_of(&app, "telphin").await;
    let told = async |form: &str| {
        let common = "CallID=t&CallerIDNum=%2B79214567892&CalledDID=79300369446&CallFlow=in";
        tell(&app, &url, &format!("{common}&{form}")).await.is(200);
    };
    let ids = async |extension: &str| {
        let reply = ask(&app, &format!("exten={extension}&timeOut=0&lastSequenceNumber=0")).await;
        let leg = &reply["Data"][extension][0];
        (leg["CallID"].clone(), leg["CallData"]["uniqueCallId"].clone())
    };
    told("EventType=dial-in&SubCallID=b&CalledExtension=13596*107&CallStatus=CALLING").await;
    let first = ids("107").await;
    let early = (hookswitch::clock::now() - chrono::TimeDelta::minutes(1)).and_utc().timestamp_micros();
    told(&format!(
        "EventType=dial-in&SubCallID=a&CalledExtension=13596*106&CallStatus=CALLING&EventTime={early}"
    ))
    .await;
    told("EventType=hangup&SubCallID=c&CalledExtension=13596*300&CallStatus=ANSWER&Duration=600000000&Bridged=yes")
        .await; // it began ten minutes ago
    let other = ids("106").await;
    assert_eq!(ids("107").await, first);
    assert!(first.0.is_i64() && first.0 != other.0 && first.1 != other.1, "{first:?} {other:?}");
}

#[actix_web::test]
async fn an_internal_call_that_voipnow_tells_of_under_two_ids_has_two_legs() {
    let app = spawn();
    let url = url_of(&app, "voipnow").await;
    let ends = "CallerIDNum=0003*430&CallerExtension=0003*430&CalledExtension=0003*431&CalledNumber=0003*431";
    tell(&app, &format!("{url}/dial-out"), &format!("CallID=a&CallFlow=OUT&{ends}")).await.is(200);
    tell(&app, &format!("{url}/dial-in"), &format!("CallID=b&CallFlow=IN&{ends}")).await.is(200);
    let mut seq = 0;
    let shown = news(&app, "430,431", &mut seq).await;
    assert_eq!(shown, [new("430", "Dialing Out", None), new("431", "Ringing", None)]);
}

#[actix_web::test]
async fn a_leg_that_was_shown_before_its_own_call_was_told_ends_with_it() {
    let app = spawn();
    let ends = [("from", "400"), ("to", "410")];
    let of_caller = [&ends[..], &[("direction", "out"), ("user", "400")]].concat();
    let of_callee = [&ends[..], &[("user", "410")]].concat();
    let id = |reply: &Value| reply["Data"]["410"][0]["CallData"]["uniqueCallId"].clone();
    event(&app, "newCall", "a", &of_caller).await;
    let first = ask(&app, "exten=400,410&timeOut=0").await;
    assert_eq!(statuses(&first, "410"), ["Ringing"]);
    event(&app, "newCall", "b", &of_callee).await;
    event(&app, "hangup", "b", &[&of_callee[..], &[("cause", "noAnswer")]].concat()).await;
    event(&app, "hangup", "a", &[&of_caller[..], &[("cause", "noAnswer")]].concat()).await;
    let last = ask(&app, &format!("exten=400,410&timeOut=0&lastSequenceNumber={}", first["seq"])).await;
    assert_eq!((statuses(&last, "400"), statuses(&last, "410")), (vec!["Hungup"], vec!["Hungup"]));
    assert_eq!(id(&last), id(&first));
}

#[actix_web::test]
async fn an_end_that_has_the_answers_word_is_heard_of() {
    let app = spawn();
    let url = url_with(&app, "voipnow", json!({ "events": 5 })).await;
    let told = async |status: &str| {
        let form = format!("CallID=5&CalledExtension=0003*414&CallFlow=IN&CallStatus={status}");
        tell(&app, &url, &form).await.is(200);
    };
    let mut seq = 0;
    for (status, shown) in [("CALLING", "Ringing"), ("ANSWER", "Connected"), ("ANSWER", "Hungup")] {
        let before = seq - 1;
        told(status).await;
        assert_eq!(news(&app, "414", &mut seq).await, [new("414", shown, None)]);
        if shown == "Hungup" {
            let changes = app.agent.get_json(&format!("/api/v1/changes?after={before}")).await;
            assert_eq!(changes["data"][0]["event"], "call.ended");
        }
    }
}

#[actix_web::test]
async fn a_key_that_is_ended_while_it_waits_is_refused() {
    let app = spawn();
    let (key, id) = limited_to(&app, app.pbx_id).await;
    let waiting = post(&key, "exten=410&timeOut=30&lastSequenceNumber=0");
    let happening = async {
        eventually("it waits", async || app.app.feed.told().is_some()).await;
        app.admin.delete(&format!("/api/v1/keys/{id}")).await.is(204);
        event(&app, "newCall", "1", &[("from", "493023125001"), ("to", "410")]).await;
    };
    let (reply, ()) = futures_util::future::join(waiting, happening).await;
    assert!(reply.is(401).json()["Data"].is_null());
}
