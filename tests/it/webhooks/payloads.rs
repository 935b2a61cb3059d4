//! What receivers get.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{say, spawn_here, story, to, webhook};
use crate::harness::eventually;
use crate::receiver::{Heard, Receiver};

#[actix_web::test]
async fn json_is_signed_and_is_the_call_as_it_was_then() {
    let (app, receiver) = (spawn_here(), Receiver::start());
    let contact = json!({ "name": "Bob Example", "numbers": ["+49 30 55571600"] });
    app.manager.post_json("/api/v1/contacts", &contact).await.is(201);
    let made = webhook(&app, to(&receiver.url)).await;
    story(&app, "1").await;
    eventually("three events are told", async || receiver.heard().len() == 3).await;
    let heard = receiver.heard();
    let states: Vec<_> = heard.iter().map(|heard| heard.json()["data"]["state"].clone()).collect();
    assert_eq!(json!(states), json!(["ringing", "connected", "ended"]));
    let last = heard[2].json();
    assert_eq!(last["data"]["from"]["name"], "Bob Example");
    let mut shown = app.agent.get_json(&format!("/api/v1/calls/{}", last["data"]["id"])).await;
    shown.as_object_mut().unwrap().retain(|name, _| !["journal", "linked"].contains(&name.as_str()));
    assert_eq!(last["data"], shown);

    for heard in &heard {
        assert_eq!(heard.header("webhook-signature"), signature(heard, &made["secret"]));
        assert_eq!((heard.method.as_str(), heard.header("content-type")), ("POST", "application/json"));
    }
}

fn signature(heard: &Heard, secret: &Value) -> String {
    let key = secret.as_str().unwrap().strip_prefix("whsec_").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(key).unwrap()).unwrap();
    let signed = [heard.header("webhook-id"), heard.header("webhook-timestamp"), &heard.body].join(".");
    mac.update(signed.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[actix_web::test]
async fn a_secret_that_somebody_knows_is_replaced() {
    let (app, receiver) = (spawn_here(), Receiver::start());
    let made = webhook(&app, to(&receiver.url)).await;
    let own = format!("/api/v1/webhooks/{}", made["id"]);
    let rotate = format!("{own}/rotate");
    app.agent.send(app.agent.request(Method::POST, &rotate)).await.is(403);
    let unknown = app.manager.request(Method::POST, "/api/v1/webhooks/999/rotate");
    app.manager.send(unknown).await.is(404);
    let rotated = app.manager.send(app.manager.request(Method::POST, &rotate)).await.is(200).json();
    assert_ne!(rotated["secret"], made["secret"]);
    assert_eq!((&rotated["id"], &rotated["url"]), (&made["id"], &made["url"]));
    assert!(!app.manager.get(&own).await.body.contains("whsec_"), "shown once");
    story(&app, "1").await;
    eventually("three events are told", async || receiver.heard().len() == 3).await;
    for heard in receiver.heard() {
        assert_eq!(heard.header("webhook-signature"), signature(&heard, &rotated["secret"]));
    }
}

#[actix_web::test]
async fn a_templates_placeholders_are_filled_and_encoded() {
    let (app, receiver) = (spawn_here(), Receiver::start());
    let url = format!(
        "{}/x/{{{{CallUUID}}}}?e={{{{DialApiEventName}}}}&q={{{{LastQueueName}}}}&u={{{{ResponderUserID}}}}",
        receiver.url
    );
    webhook(&app, json!({ "url": url, "payload": "template" })).await;
    say(&app, "a b/c", "newCall", &[("queue", "R&D = 50%")]).await;
    eventually("it is told", async || !receiver.heard().is_empty()).await;
    let heard = &receiver.heard()[0];
    assert_eq!(heard.path, "/x/a%20b%2Fc?e=start&q=R%26D%20%3D%2050%25&u=");
    assert_eq!((heard.method.as_str(), heard.body.as_str()), ("GET", ""));
}

#[actix_web::test]
async fn fixed_parameters_come_as_query_or_as_form() {
    let (app, receiver) = (spawn_here(), Receiver::start());
    for (path, method) in [("get?key=1", "GET"), ("post?key=1", "POST")] {
        let url = format!("{}/{path}", receiver.url);
        webhook(&app, json!({ "url": url, "method": method, "payload": "callapi", "events": ["hangup"] }))
            .await;
    }
    say(&app, "1", "newCall", &[]).await;
    say(&app, "1", "hangup", &[("cause", "busy")]).await;
    eventually("both are told", async || receiver.heard().len() == 2).await;
    let heard = receiver.heard();
    let by = |method: &str| heard.iter().find(|heard| heard.method == method).unwrap();
    let (got, posted) = (by("GET"), by("POST"));
    let params = got.path.strip_prefix("/get?key=1&").unwrap();
    let expected = "EventType=hangup&CallID=1&CallerIDNum=493055571600&CalledDID=4930231250&CalledExtension=Alice\
                    &CallStatus=BUSY&CallFlow=IN&CalledNumber=4930231250&EventTime=";
    assert!(params.starts_with(expected), "{params}");
    assert_eq!((posted.path.as_str(), posted.body.as_str()), ("/post?key=1", params));
    assert_eq!(posted.header("content-type"), "application/x-www-form-urlencoded");
}
