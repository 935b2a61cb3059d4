//! Who listens while the server is told to stop under load: readers of the event stream go on where they were, and
//! webhooks are told of everything, once.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::json;

use super::durable;
use super::load::{Answered, load};
use crate::client::Client;
use crate::follower::Follower;
use crate::harness::eventually;
use crate::program::Program;
use crate::receiver::Receiver;

/// Answers after which the server is told to stop.
const AFTER: usize = 150;
/// So many events of the stream are how far a call came, and webhooks are told by these names.
const STATES: [(&str, &str); 3] = [("ringing", "dial-in"), ("connected", "answer"), ("ended", "hangup")];

#[actix_web::test]
async fn a_stop_under_load_loses_nothing_for_those_who_listen() {
    let (database, _cluster) = durable();
    let flags = ["--webhook-allow=127.0.0.0/8"];
    let mut program = Program::start(&database, &flags);
    let (url, key) = (program.told("PBX URL:"), program.told("Key:"));
    let client = |program: &Program| Client::new(&program.url, Some(key.clone()));
    let receiver = Receiver::answering(|_, _| {
        std::thread::sleep(Duration::from_millis(5)); // so that some are on their way
        HttpResponse::NoContent().finish()
    });
    let admin = client(&program);
    admin.post_json("/api/v1/webhooks", &json!({ "url": receiver.url })).await.is(201);
    let follower = Follower::open(&admin, "", None).await;
    let reader = actix_web::rt::spawn(follow(follower));
    let answered = load(&url, 1, AFTER, async |_| program.signal("TERM")).await;
    let (mut told, cursor) = reader.await.unwrap();
    assert_eq!(program.ended().1, Some(0));
    let before = receiver.heard().len();

    let program = Program::start(&database, &flags);
    let mut follower = Follower::open(&client(&program), "", Some(cursor)).await;
    while !all_told(&answered, &told) {
        let event = follower.next().await.expect("the stream goes on");
        assert!(event.id > cursor, "{} was heard before {cursor}", event.id);
        note(&mut told, &event.data);
    }
    let owed: Vec<(String, &str)> = answered
        .iter()
        .flat_map(|(call, events)| STATES[..*events].iter().map(|(_, kind)| (call.clone(), *kind)))
        .collect();
    let count = |call: &str, kind: &str| {
        receiver.told().iter().filter(|told| told.0 == call && told.1 == kind).count()
    };
    eventually("each webhook is told", async || {
        let heard = receiver.told();
        owed.iter().all(|(call, kind)| heard.iter().any(|told| told.0 == *call && told.1 == *kind))
    })
    .await;
    for (call, kind) in &owed {
        assert_eq!(count(call, kind), 1, "{kind} of {call}");
    }
    println!(
        "{} events answered; {before} deliveries before the stop, {} in all",
        owed.len(),
        receiver.heard().len()
    );
}

/// Reads to the end of the stream: how far it was told that each call is, and its cursor.
async fn follow(mut follower: Follower) -> (BTreeMap<String, usize>, i64) {
    let mut told = BTreeMap::new();
    while let Some(event) = follower.next().await {
        if event.name != "dropped" {
            note(&mut told, &event.data);
        }
    }
    (told, follower.cursor)
}

fn note(told: &mut BTreeMap<String, usize>, call: &serde_json::Value) {
    let state = STATES.iter().position(|(state, _)| call["state"] == *state).unwrap();
    let known = told.entry(call["call_id"].as_str().unwrap().into()).or_default();
    *known = (*known).max(state + 1);
}

fn all_told(answered: &Answered, told: &BTreeMap<String, usize>) -> bool {
    answered.iter().all(|(call, events)| told.get(call).is_some_and(|known| known >= events))
}
