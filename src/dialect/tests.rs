//! What holds for every dialect, by the samples of `tests/fixtures/`: the order and the number of times in which a PBX
//! tells its story do not matter. (That the calls are right, `tests/it/conformance.rs` sees to.)
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::collections::BTreeMap;
use std::path::Path;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::*;
use crate::call::Call;
use crate::clock;

/// What a PBX told of one call, in the order of its samples.
type Story = Vec<CallEvent>;

#[test]
fn shuffled_and_repeated_samples_give_the_same_call() {
    for dialect in ALL {
        let stories = stories(*dialect);
        let long = stories.iter().filter(|(_, story)| story.len() > 1).count();
        assert!(long > 1, "{}: there are samples", dialect.name());
        for (name, story) in &stories {
            let expected = call_of(story.iter());
            let mut runner = TestRunner::new(Config::with_cases(64));
            let outcome = runner.run(&orders(story.len()), |order| {
                let told = call_of(order.iter().map(|at| &story[*at]));
                prop_assert_eq!(&told, &expected, "told in the order {:?}", order);
                Ok(())
            });
            outcome.unwrap_or_else(|e| panic!("{}: {name}: {e}", dialect.name()));
        }
    }
}

/// Each event at least once, some of them again, in any order.
fn orders(count: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..count, 0..=count)
        .prop_map(move |again| (0..count).chain(again).collect::<Vec<_>>())
        .prop_shuffle()
}

fn call_of<'e>(events: impl Iterator<Item = &'e CallEvent> + Clone) -> Call {
    let mut call = Call::begin(1, 1, events.clone().next().unwrap());
    for event in events.clone() {
        call.apply(event, Decision::Accept);
    }
    let legs = call.extra.iter_mut().flat_map(|extra| &mut extra.legs);
    legs.for_each(|leg| leg.number = 0); // as they are heard of
    let mut takers = events.filter_map(|event| event.answering_number.as_ref()).collect::<Vec<_>>();
    takers.dedup();
    if takers.iter().any(|taker| *taker != takers[0]) {
        call.answering_number = None; // a PBX that contradicts itself, as sipgate's sample does: the first stays
    }
    call
}

/// By the name of the case and of the call.
fn stories(dialect: &dyn Dialect) -> BTreeMap<String, Story> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(dialect.name());
    let mut stories = BTreeMap::<String, Story>::new();
    for file in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in cases {
            for event in events(&case) {
                let name = format!("{}: {}/{}", case["name"], event.call_id, event.leg_id);
                stories.entry(name).or_default().push(event);
            }
        }
    }
    stories
}

/// What is taken of a case's requests. A second passes from one to the next.
fn events(case: &Value) -> Vec<CallEvent> {
    let name = match case["dialect"].as_str().unwrap() {
        "generic" => "zammad",
        name => name,
    };
    let dialect = named(name).unwrap();
    let mut options = case["options"].as_object().cloned().unwrap_or_default();
    if case["param_map"].is_object() {
        options.insert("names".into(), case["param_map"].clone());
    }
    let mut mistakes = Mistakes::default();
    let options = Options::check(&options.into(), Some(dialect), "DE", &mut mistakes);
    let options = mistakes.none(options).unwrap_or_else(|e| panic!("{}: {e}", case["name"]));
    let numbering = Numbering::new("DE", None).unwrap();
    let steps = case["requests"].as_array().or_else(|| case["steps"].as_array()).unwrap();
    let said = steps.iter().filter_map(|step| step.as_object()).enumerate().filter_map(|(second, step)| {
        let text = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("path").contains("/log") {
            return None; // of people, not of the PBX
        }
        // a form whose fields are given one by one is read as JSON is
        let (body, content_type) = match step.get("form").or_else(|| step.get("json")) {
            Some(Value::String(form)) => (form.clone(), None),
            Some(fields) => (fields.to_string(), Some("application/json")),
            None => (String::new(), None),
        };
        let params = Params::read(text("query"), content_type, body.as_bytes()).unwrap();
        let said = dialect.parse(&Request {
            params: &params,
            numbering: &numbering,
            options: &options,
            tail: ["kind_hint", "owner_type"]
                .map(text)
                .into_iter()
                .find(|tail| dialect.tails().contains(tail)),
            query: text("query"),
            headers: &headers(step.get("headers")),
            body: body.as_bytes(),
            received: clock::now() + chrono::TimeDelta::seconds(i64::try_from(second).unwrap()),
        });
        match said {
            Ok(Said::Event(event)) => Some(event),
            _ => None,
        }
    });
    said.collect()
}

fn headers(given: Option<&Value>) -> HeaderMap {
    let pairs = given.and_then(Value::as_object).into_iter().flatten();
    let header = |(name, value): (&String, &Value)| {
        let name = HeaderName::try_from(name.to_lowercase()).unwrap();
        (name, HeaderValue::from_str(value.as_str().unwrap()).unwrap())
    };
    pairs.map(header).collect()
}
