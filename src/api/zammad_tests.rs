//! What Zammad's specs say of its caller log (spec/models/cti/log_spec.rb, spec/requests/integration/cti_spec.rb).
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::call::{CallEvent, Decision, Kind};
use crate::number::Numbering;

fn event(kind: Kind, direction: Direction, seconds: i64) -> CallEvent {
    let numbering = Numbering::new("DE", None).unwrap();
    CallEvent {
        direction: Some(direction),
        from: numbering.read("4912347114711"),
        to: numbering.read("4930600000000"),
        ..CallEvent::bare("1", kind, Moment::default() + chrono::TimeDelta::seconds(seconds))
    }
}

fn rung(direction: Direction, users: &[&str]) -> Call {
    let users = users.iter().map(ToString::to_string).collect();
    let ring = CallEvent { users, ..event(Kind::NewCall, direction, 0) };
    let mut call = Call::begin(1, 1, &ring);
    call.apply(&ring, Decision::Accept);
    call
}

fn contact(id: i64, name: &str) -> Match {
    let at = Moment::default();
    Match {
        id: id + 100,
        number_key: "4912347114711".into(),
        contact_id: id,
        name: name.into(),
        company: None,
        note: None,
        created_at: at,
        updated_at: at,
    }
}

fn shown(call: &Call, far: &[Match]) -> CtiCall {
    CtiCall::of(call.clone(), far)
}

#[test]
fn an_inbound_call_shows_contacts_as_caller_and_users_as_callee() {
    let mut call = rung(Direction::In, &["user 1", "user 2"]);
    let row = shown(&call, &[contact(2, "Two Customer"), contact(1, "One Customer")]);
    assert_eq!(row.from_comment.as_deref(), Some("Two Customer,One Customer"));
    assert_eq!(row.to_comment.as_deref(), Some("user 1, user 2"));
    assert_eq!(row.queue.as_deref(), Some("4930600000000"));
    assert_eq!((row.state, row.done, row.comment), ("newCall", false, None));
    assert_eq!((row.duration_waiting_time, row.start_at, row.end_at), (None, None, None));
    assert_eq!((row.preferences.from.len(), row.preferences.to.len()), (2, 0));
    call.queue = Some("some_queue_name".into());
    assert_eq!(shown(&call, &[]).queue.as_deref(), Some("some_queue_name"));
    call.extra.get_or_insert_default().from_name = Some("ACME".into());
    assert_eq!(shown(&call, &[]).from_comment.as_deref(), Some("ACME"));
}

#[test]
fn who_answers_takes_the_place_of_those_who_rang() {
    let mut call = rung(Direction::In, &["user 1"]);
    let answer = CallEvent { users: vec!["voicemail".into()], ..event(Kind::Answer, Direction::In, 7) };
    call.apply(&answer, Decision::Accept);
    let row = shown(&call, &[]);
    assert_eq!((row.state, row.done, row.to_comment.as_deref()), ("answer", true, Some("voicemail")));
    assert_eq!((row.duration_waiting_time, row.duration_talking_time), (Some(7), None));
    let end =
        CallEvent { raw_cause: Some("normalClearing".into()), ..event(Kind::Hangup, Direction::In, 30) };
    call.apply(&end, Decision::Accept);
    let row = shown(&call, &[]);
    assert_eq!((row.state, row.done, row.comment.as_deref()), ("hangup", false, Some("normalClearing")));
    assert_eq!((row.duration_waiting_time, row.duration_talking_time), (Some(7), Some(23)));
}

#[test]
fn an_outbound_call_shows_users_as_caller_and_contacts_as_callee() {
    let ring = CallEvent { users: vec!["user 1".into()], ..event(Kind::NewCall, Direction::Out, 0) };
    let mut call = Call::begin(1, 1, &ring);
    let dial = Decision::Dial {
        caller_id: "4930777000000".into(),
        number: "4930600000000".into(),
        rule_id: 1,
        why: String::new(),
    };
    call.apply(&ring, dial);
    let row = shown(&call, &[contact(1, "CallerId Customer1")]);
    assert_eq!(row.from_comment.as_deref(), Some("user 1"));
    assert_eq!(row.to_comment.as_deref(), Some("CallerId Customer1"));
    assert_eq!((row.from.as_deref(), row.queue.as_deref()), (Some("4930777000000"), Some("4930777000000")));
    assert!(row.done);
}

#[test]
fn contacts_are_users_and_integrations_are_three() {
    let matches = HashMap::from([("+4912347114711".to_owned(), vec![contact(7, "CallerId Customer1")])]);
    let mut call = rung(Direction::In, &[]);
    call.from_key = Some("+4912347114711".into());
    let log = serde_json::to_value(CtiLog::new(vec![call], &matches, |dialect| dialect == "zammad")).unwrap();
    assert_eq!(log["assets"]["User"]["7"]["lastname"], "Customer1");
    let names: Vec<_> = log["backends"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["CTI (generic)", "sipgate.io", "Placetel"]);
    assert_eq!(log["backends"][0]["enabled"], true);
    assert_eq!(log["list"][0]["to_comment"], serde_json::Value::Null);
}
