use EventKind::{Answer, DialIn, DialOut, Hangup, Missed};

use super::*;
use crate::call::{CallEvent, Cause, Decision, Kind, LegName, More, Place, Reason};
use crate::clock;

/// What each event of this story is told as.
fn told(direction: Option<Direction>, story: &[(Kind, Decision)]) -> Vec<Vec<EventKind>> {
    let event = |kind| CallEvent { direction, ..CallEvent::bare("1", kind, clock::now()) };
    let mut call = Call::begin(1, 1, &event(story[0].0));
    let told = story.iter().map(|(kind, decision)| {
        let before = Facts::of(&call);
        call.apply(&event(*kind), decision.clone());
        before.news(&call).collect()
    });
    told.collect()
}

fn hangup(cause: Cause) -> CallEvent {
    CallEvent { cause: Some(cause), ..CallEvent::bare("1", Kind::Hangup, clock::now()) }
}

fn plain(kinds: &[Kind]) -> Vec<(Kind, Decision)> {
    kinds.iter().map(|kind| (*kind, Decision::Accept)).collect()
}

#[test]
fn each_event_is_told_once_and_in_order() {
    let (new, answer, hangup) = (Kind::NewCall, Kind::Answer, Kind::Hangup);
    let inbound = Some(Direction::In);
    for (direction, story, expected) in [
        (inbound, vec![new, answer, hangup], vec![vec![DialIn], vec![Answer], vec![Hangup]]),
        (Some(Direction::Out), vec![new, answer, hangup], vec![vec![DialOut], vec![Answer], vec![Hangup]]),
        (inbound, vec![new, hangup], vec![vec![DialIn], vec![Hangup, Missed]]),
        (None, vec![new, hangup], vec![vec![DialIn], vec![Hangup, Missed]]),
        (inbound, vec![new, new, answer, answer], vec![vec![DialIn], vec![], vec![Answer], vec![]]),
        (inbound, vec![hangup], vec![vec![Hangup, Missed]]),
        // late ones: nobody's bell rings for a call that is over
        (inbound, vec![hangup, new], vec![vec![Hangup, Missed], vec![]]),
        (inbound, vec![hangup, answer], vec![vec![Hangup, Missed], vec![Answer]]),
        (inbound, vec![answer, new], vec![vec![Answer], vec![DialIn]]),
    ] {
        assert_eq!(told(direction, &plain(&story)), expected, "{story:?}");
    }
}

#[test]
fn an_outbound_call_that_nobody_took_is_missed_whatever_its_cause() {
    for cause in [Cause::Busy, Cause::Cancel, Cause::NoAnswer, Cause::Congestion, Cause::NotFound] {
        let (mut call, _) = crate::webhooks::sample::call(DialOut);
        let before = Facts::of(&call);
        call.apply(&hangup(cause), Decision::Accept);
        assert_eq!(before.news(&call).collect::<Vec<_>>(), [Hangup, Missed], "{cause:?}");
    }
}

#[test]
fn a_blocked_call_comes_and_ends_and_is_not_missed() {
    let reject = Decision::Reject { reason: Reason::Busy, rule_id: 1, why: String::new() };
    let story = [(Kind::NewCall, reject), (Kind::Hangup, Decision::Accept)];
    assert_eq!(told(Some(Direction::In), &story), [vec![DialIn, Hangup], vec![]]);
}

#[test]
fn a_hangup_that_comes_after_the_sweep_is_told() {
    let (mut call, _) = crate::webhooks::sample::call(DialIn);
    call.close_as_lost(clock::now());
    let before = Facts::of(&call);
    call.ended_at = Some(clock::now());
    call.outcome = Some(Outcome::Missed);
    assert_eq!(before.news(&call).collect::<Vec<_>>(), [Hangup, Missed]);
}

#[test]
fn an_extension_that_joins_later_is_told_that_it_rings() {
    let leg = |id: &str, user: &str, kind| CallEvent {
        call_id: "1".into(),
        leg_id: String::new(),
        kind,
        direction: Some(Direction::In),
        from: None,
        to: None,
        users: vec![user.into()],
        queue: None,
        answering_number: None,
        cause: None,
        raw_cause: None,
        at: clock::now(),
        more: Some(Box::new(More { leg: Some(LegName::new(id, Place::Extension)), ..More::default() })),
    };
    let hook = |id, extension: &str| Subscription {
        id,
        extension: Some(extension.into()),
        events: EventKind::ALL.to_vec(),
        filters: Filters::default(),
    };
    let hooks = Subscriptions::from_iter([hook(1, "101"), hook(2, "102")]);
    let mut call = Call::begin(1, 1, &leg("a", "101", Kind::NewCall));
    let mut hear = |event: CallEvent| {
        let before = Facts::of(&call);
        call.apply(&event, Decision::Accept);
        let joined = before.joined(&call, &event).map(|(kind, leg)| (kind, hooks.joined(kind, &call, leg)));
        let news = before.news(&call).map(|kind| (kind, hooks.wanting(kind, &call)));
        joined.into_iter().chain(news).collect::<Vec<_>>()
    };
    assert_eq!(hear(leg("a", "101", Kind::NewCall)), [(DialIn, vec![1])]);
    assert_eq!(hear(leg("b", "102", Kind::NewCall)), [(DialIn, vec![2])]);
    assert_eq!(hear(leg("b", "102", Kind::NewCall)), []);
    assert_eq!(hear(leg("b", "102", Kind::Answer)), [(Answer, vec![1, 2])]);
    assert_eq!(hear(leg("a", "101", Kind::Hangup)), []);
    assert_eq!(hear(leg("b", "102", Kind::Hangup)), [(Hangup, vec![1, 2])]);
}

/// Is a call of the sample's kind told to a webhook like that?
fn wanted(change: impl FnOnce(&mut Subscription, &mut Call)) -> bool {
    let (mut call, _) = crate::webhooks::sample::call(DialIn);
    let mut one = Subscription { id: 7, extension: None, events: vec![DialIn], filters: Filters::default() };
    change(&mut one, &mut call);
    let ids = Subscriptions::from_iter([one]).wanting(DialIn, &call);
    assert!(ids.is_empty() || ids == [7], "{ids:?}");
    !ids.is_empty()
}

#[test]
fn a_webhook_is_for_some_events_and_extensions() {
    assert!(wanted(|_, _| {}));
    assert!(!wanted(|one, _| one.events = vec![Hangup, Missed]));
    for (extension, told) in [("Alice", true), ("101", false), ("+4930231250", true), ("Bob", false)] {
        assert_eq!(wanted(|one, _| one.extension = Some(extension.into())), told, "{extension}");
    }
    let taken = |one: &mut Subscription, call: &mut Call| {
        one.extension = Some("Carol".into());
        call.answered_by = Some("Bob, Carol".into());
    };
    assert!(wanted(taken));
}

#[test]
fn filters_all_must_pass() {
    type Change = fn(&mut Filters, &mut Call);
    let internal: Change = |filters, call| {
        filters.no_internal = true;
        (call.from_key, call.to_key) = (Some("101".into()), Some("102".into()));
    };
    let cases: [(Change, bool); 9] = [
        (|filters, _| filters.direction = Some(Direction::In), true),
        (|filters, _| filters.direction = Some(Direction::Out), false),
        (|filters, _| filters.queues = vec!["sales".into(), "Support".into()], true),
        (|filters, _| filters.queues = vec!["sales".into()], false),
        (|filters, _| filters.unanswered_only = true, true),
        (|filters, call| (filters.unanswered_only, call.answered_at) = (true, Some(call.started_at)), false),
        (|filters, _| filters.no_internal = true, true),
        (internal, false),
        (|filters, call| (filters.no_internal, call.from_key) = (true, Some("anonymous".into())), true),
    ];
    for (number, (change, told)) in cases.into_iter().enumerate() {
        assert_eq!(wanted(|one, call| change(&mut one.filters, call)), told, "case {number}");
    }
}

/// Deliveries outlive the program that wrote them: a newer one must read what this one kept.
#[test]
fn a_call_that_was_kept_can_still_be_read() {
    let kept = r#"{"id":1,"pbx_id":1,"call_id":"c","leg_id":"","incarnation":1,"direction":"in","from_number":"1",
        "from_key":"1","dialed_from":null,"to_number":"2","to_key":"2","users":["Alice"],"answered_by":null,
        "answering_number":null,"queue":null,"state":"ended","outcome":"missed","cause":"cancel","raw_cause":"cancel",
        "decision":{"action":"accept"},"started_at":"2026-11-21T10:00:00.123","answered_at":null,
        "ended_at":"2026-11-21T10:00:09","internal":false,"done":false,"done_by":null,"done_at":null,"open":true,
        "note":null,"extra":{"did":"3"},"change":2}"#;
    let call: Call =
        serde_json::from_str(kept).expect("it was written by the first program that had webhooks");
    assert_eq!((call.waiting_ms(), call.extra().did.as_deref()), (Some(8877), Some("3")));
}
