//! An event that was answered is told, however the program ends.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use serde_json::json;

use super::HERE;
use crate::client::Client;
use crate::crash::durable;
use crate::crash::load::load;
use crate::harness::eventually;
use crate::program::Program;
use crate::receiver::Receiver;

const ROUNDS: usize = 5;
/// What each of a call's events is told as, in order.
const TOLD: [&str; 3] = ["dial-in", "answer", "hangup"];

#[actix_web::test]
async fn every_event_that_was_answered_is_told_after_a_kill() {
    let (database, _cluster) = durable();
    let receiver = Receiver::start();
    let flags = [HERE, "--webhook-timeout-s=3"]; // a claim of a dead server ends 5 s after that
    let mut program = Program::start(&database, &flags);
    let url = program.told("PBX URL:");
    let (path, key) = (url.strip_prefix(&program.url).unwrap().to_owned(), program.told("Key:"));
    let admin = Client::new(&program.url, Some(key));
    admin.post_json("/api/v1/webhooks", &json!({ "url": receiver.url })).await.is(201);
    let mut answered = BTreeMap::new();
    for round in 1..=ROUNDS {
        let after = 20 + RandomState::new().hash_one(round) as usize % 150; // other ones in each run
        let url = format!("{}{path}", program.url);
        answered.extend(load(&url, round, after, async |_| program.kill()).await);
        program = Program::start(&database, &flags);
    }
    let missing = || {
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (call, kind) in receiver.told() {
            told.entry(call).or_default().push(kind);
        }
        let heard =
            |call: &String, kind: &str| told.get(call).is_some_and(|told| told.iter().any(|it| it == kind));
        let events =
            answered.iter().flat_map(|(call, count)| TOLD[..*count].iter().map(move |kind| (call, *kind)));
        (events.filter(|(call, kind)| !heard(call, kind)).count(), told)
    };
    let mut left = missing().0;
    while left > 0 {
        let before = left;
        let more = async || {
            left = missing().0;
            left < before
        };
        eventually("more of it is told", more).await; // however slow the machine: no claim lasts so long
    }
    for (call, told) in missing().1 {
        let mut kinds = told.clone();
        kinds.dedup(); // told again after a kill, if need be
        let expected: Vec<&str> = TOLD[..kinds.len().min(3)].to_vec();
        assert_eq!(kinds, expected, "{call}: in order");
    }
    assert!(answered.values().sum::<usize>() >= ROUNDS * 20);
}
