#![expect(clippy::unwrap_used, reason = "a test may fail")]

use actix_web::http::header::HeaderMap;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::call::{Call, CallEvent, Decision, Moment};
use crate::dialect::params::Params;
use crate::dialect::{Dialect, named};
use crate::number::Numbering;
use crate::pbx::Options;

const FIXTURES: [&str; 2] = [
    include_str!("../../../tests/fixtures/voipnow/voipnow.json"),
    include_str!("../../../tests/fixtures/telphin/telphin.json"),
];

fn at(seconds: i64) -> Moment {
    chrono::DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap().naive_utc()
}

/// What a request of a fixture says; `seconds` is when it arrives.
fn said(dialect: &dyn Dialect, case: &Value, request: &Value, seconds: i64) -> Result<Said, Refusal> {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let form = Some("application/x-www-form-urlencoded");
    let options = serde_json::from_value::<Options>(case["options"].clone()).unwrap_or_default();
    let tail = request["kind_hint"].as_str().or(request["owner_type"].as_str());
    dialect.parse(&Request {
        params: &Params::read(text("query"), form, text("form").as_bytes()).unwrap(),
        numbering: &Numbering::new("RU", None).unwrap(),
        options: &options,
        tail: tail.filter(|tail| dialect.tails().contains(tail)),
        query: text("query"),
        headers: &HeaderMap::new(),
        body: text("form").as_bytes(),
        received: at(seconds),
    })
}

/// The events of each fixture, by its name.
fn stories() -> Vec<(String, Vec<CallEvent>)> {
    let cases = FIXTURES.iter().flat_map(|text| serde_json::from_str::<Vec<Value>>(text).unwrap());
    let story = |case: Value| {
        let dialect = named(case["dialect"].as_str().unwrap()).unwrap();
        let requests = case["requests"].as_array().unwrap().iter().enumerate();
        let said = requests.map(|(n, request)| said(dialect, &case, request, n as i64));
        let events = said.filter_map(|said| match said {
            Ok(Said::Event(event)) => Some(event),
            _ => None,
        });
        (case["name"].to_string(), events.collect::<Vec<_>>())
    };
    cases.map(story).filter(|(_, events)| !events.is_empty()).collect()
}

fn heard(events: &[CallEvent]) -> Call {
    let mut call = Call::begin(1, 1, &events[0]);
    for event in events {
        call.apply(event, Decision::Accept);
    }
    call
}

#[test]
fn words_are_read_in_any_spelling() {
    let reads = |word| happened(word).map(|it| (it.kind, it.direction));
    for word in ["dial-in", "Dial-In", "DIALIN", "dial_in", "0"] {
        assert_eq!(reads(word), Some((Kind::NewCall, Some(Direction::In))), "{word}");
    }
    for word in ["answer-out", "4"] {
        assert_eq!(reads(word), Some((Kind::Answer, Some(Direction::Out))), "{word}");
    }
    assert_eq!(reads("hangup?CallID=1"), Some((Kind::Hangup, None)));
    assert_eq!(reads("voicemail"), None);
}

#[test]
fn extensions_look_like_extensions() {
    for text in ["13596*106", "17608s*101", "0003*210"] {
        assert!(EXTENSION.is_match(text), "{text}");
    }
    for text in ["+79214567892", "79214567892", "106", "*43", "13596*106@sip.example.org", "1*2"] {
        assert!(!EXTENSION.is_match(text), "{text}");
    }
    assert_eq!(local("13596*106@sip.example.org"), "13596*106");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each fixture's events in another order, each perhaps more than once, end in the same call.
    #[test]
    fn order_and_repetition_do_not_matter(
        (name, story, other) in prop::sample::select(stories()).prop_flat_map(|(name, story)| {
            let repeated = prop::collection::vec(prop::sample::select(story.clone()), 0..4);
            let told = story.clone();
            let other = repeated.prop_map(move |repeated| [told.clone(), repeated].concat());
            (Just(name), Just(story), other.prop_shuffle())
        })
    ) {
        prop_assert_eq!(heard(&story), heard(&other), "{}", name);
    }
}
