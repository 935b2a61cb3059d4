//! Noojee's long poll, beyond its samples (which `conformance` plays).

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{event, limited_to, stranger};
use crate::client::{Answer, Client};
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
