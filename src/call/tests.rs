#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::number::Numbering;

/// Seconds after the beginning of the story.
pub(super) fn at(seconds: i64) -> Moment {
    chrono::DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap().naive_utc()
}

pub(super) fn number(text: &str) -> Option<Number> {
    static GERMAN: LazyLock<Numbering> = LazyLock::new(|| Numbering::new("DE", None).unwrap());
    GERMAN.read(text)
}

pub(super) fn event(kind: Kind, direction: Option<Direction>, seconds: i64) -> CallEvent {
    CallEvent { direction, ..CallEvent::bare("c-1", kind, at(seconds)) }
}

pub(super) fn told(events: &[CallEvent], decided: &Decision) -> Call {
    let mut call = Call::begin(1, 1, &events[0]);
    for event in events {
        call.apply(event, decided.clone());
    }
    call
}

fn new_call(direction: Direction) -> CallEvent {
    let far_end = number("0301234567");
    let event = event(Kind::NewCall, Some(direction), 0);
    match direction {
        Direction::In => CallEvent { from: far_end, ..event },
        Direction::Out => CallEvent { to: far_end, ..event },
    }
}

fn answer(by: &str) -> CallEvent {
    CallEvent { users: vec![by.into()], ..event(Kind::Answer, None, 5) }
}

fn hangup(cause: Cause) -> CallEvent {
    let raw_cause = Some(cause.to_string());
    CallEvent { cause: Some(cause), raw_cause, ..event(Kind::Hangup, None, 60) }
}

/// zammad.md 4.4, its table of what is done after the hangup, with our outcome.
#[test]
fn endings() {
    use Direction::{In, Out};
    let (talked, machine) = (Some("Alice"), Some("VoiceMail"));
    for (direction, answered_by, cause, outcome, done) in [
        (In, None, Cause::NormalClearing, Outcome::Missed, false),
        (In, None, Cause::Cancel, Outcome::Missed, false),
        (In, None, Cause::NoAnswer, Outcome::Missed, false),
        (In, None, Cause::Busy, Outcome::Missed, false),
        (In, None, Cause::Congestion, Outcome::Missed, false),
        (In, None, Cause::Forwarded, Outcome::Forwarded, true),
        (In, None, Cause::Voicemail, Outcome::Voicemail, false),
        (In, None, Cause::Blocked, Outcome::Blocked, true),
        (In, talked, Cause::NormalClearing, Outcome::Answered, true),
        (In, talked, Cause::Forwarded, Outcome::Answered, true),
        (In, machine, Cause::NormalClearing, Outcome::Voicemail, false),
        (Out, None, Cause::NormalClearing, Outcome::Cancelled, true),
        (Out, None, Cause::Cancel, Outcome::Cancelled, true),
        (Out, None, Cause::NoAnswer, Outcome::Missed, true),
        (Out, None, Cause::Busy, Outcome::Busy, true),
        (Out, None, Cause::Congestion, Outcome::Failed, true),
        (Out, None, Cause::NotFound, Outcome::Failed, true),
        (Out, talked, Cause::NormalClearing, Outcome::Answered, true),
        (Out, machine, Cause::NormalClearing, Outcome::Voicemail, true),
    ] {
        let mut events = vec![new_call(direction)];
        events.extend(answered_by.map(answer));
        events.push(hangup(cause));
        let call = told(&events, &Decision::Accept);
        let said = (direction, answered_by, cause);
        assert_eq!((call.state, call.outcome, call.done), (State::Ended, Some(outcome), done), "{said:?}");
        assert_eq!(call.open, !done, "{said:?}");
        assert_eq!(call.reached(), answered_by == talked, "{said:?}");
        assert_eq!(call.party(), Some("+49301234567"), "{said:?}");
    }
}

/// zammad.md 4.4's quirks, which section 12 wants better.
#[test]
fn better_than_zammad() {
    let missed = [new_call(Direction::In), hangup(Cause::NoAnswer)];
    let mut call = told(&missed, &Decision::Accept);
    let again = CallEvent { at: at(90), ..hangup(Cause::NormalClearing) };
    assert_eq!(call.apply(&again, Decision::Accept), Effect::Repeat); // a second hangup does not tick it
    assert!(call.open && call.ended_at == Some(at(60)) && call.cause == Some(Cause::NoAnswer));

    let mistaken = CallEvent { direction: Some(Direction::Out), ..hangup(Cause::Cancel) };
    assert!(told(&[new_call(Direction::In), mistaken], &Decision::Accept).open); // the call knows its direction

    let mut call = told(&missed[..1], &Decision::Accept);
    call.tick(true, "alice", at(3));
    call.apply(&missed[1], Decision::Accept);
    assert!(call.done && !call.open); // a person's tick stays

    let call = told(&[new_call(Direction::In), hangup(Cause::Cancel), answer("Alice")], &Decision::Accept);
    assert_eq!((call.state, call.outcome), (State::Ended, Some(Outcome::Answered))); // late, and opens nothing
    assert_eq!((call.waiting_ms(), call.talking_ms()), (Some(5_000), Some(55_000)));

    let mut call = told(&[new_call(Direction::In), answer("Alice")], &Decision::Accept);
    let second = CallEvent { at: at(9), ..answer("Bob") };
    assert_eq!(call.apply(&second, Decision::Accept), Effect::Repeat); // the first one took it
    assert_eq!((call.answered_at, call.answered_by.as_deref()), (Some(at(5)), Some("Alice")));

    let dial =
        Decision::Dial { caller_id: "4930999".into(), number: "1".into(), rule_id: 1, why: String::new() };
    let out = CallEvent { from: number("23"), users: vec!["Alice".into()], ..new_call(Direction::Out) };
    let call = told(&[out, answer("Bob")], &dial);
    assert_eq!((call.from_number.as_deref(), call.from_key.as_deref()), (Some("4930999"), Some("+4930999")));
    assert_eq!((call.dialed_from.as_deref(), call.users), (Some("23"), vec!["Alice".to_owned()]));
}

#[test]
fn what_ends_by_itself() {
    let mut call = told(&[new_call(Direction::In)], &Decision::Accept);
    call.close_as_lost(at(7200));
    assert_eq!((call.state, call.outcome, call.open), (State::Ended, Some(Outcome::Lost), true));
    let late = hangup(Cause::Forwarded);
    assert_eq!(call.apply(&late, Decision::Accept), Effect::Applied); // the PBX knows better than the sweep
    assert_eq!((call.outcome, call.ended_at, call.open), (Some(Outcome::Forwarded), Some(at(60)), false));

    let mut call = told(&[new_call(Direction::In), answer("Alice")], &Decision::Accept);
    assert_eq!((call.state, call.outcome, call.done), (State::Connected, None, true));
    call.close_as_lost(at(7200));
    assert!(call.done && !call.open);
}

#[test]
fn ids_are_used_again() {
    let call = told(&[new_call(Direction::In), hangup(Cause::Cancel)], &Decision::Accept);
    let later = |seconds, from| CallEvent { at: at(seconds), from: number(from), ..new_call(Direction::In) };
    assert!(!call.is_over_for(&later(120, "0301234567")));
    assert!(call.is_over_for(&later(121, "0301234567")));
    assert!(!call.is_over_for(&CallEvent { at: at(999), ..hangup(Cause::Cancel) }));
    let ringing = told(&[new_call(Direction::In)], &Decision::Accept);
    assert!(!ringing.is_over_for(&later(999, "+49 30 1234567")));
    assert!(ringing.is_over_for(&later(9, "0301234568")));
}

#[test]
fn an_id_that_is_used_again_at_once_is_another_call_where_it_is_for_somebody_else() {
    let (inwards, outwards) = (new_call(Direction::In), new_call(Direction::Out));
    let from = |text: &str| CallEvent { from: number(text), ..inwards.clone() };
    let to = |text: &str| CallEvent { to: number(text), ..outwards.clone() };
    let busy = Decision::Reject { reason: Reason::Busy, rule_id: 1, why: String::new() };
    for received in [
        told(std::slice::from_ref(&inwards), &Decision::Accept),
        told(&[inwards.clone(), hangup(Cause::Cancel)], &Decision::Accept),
        told(std::slice::from_ref(&inwards), &busy),
    ] {
        assert!(received.is_over_for(&from("0301234568")) && received.is_over_for(&outwards));
        assert!(!received.is_over_for(&from("+49 30 1234567")), "said again");
        assert!(!received.is_over_for(&CallEvent { to: number("0301234569"), ..inwards.clone() }), "forked");
    }
    let dialled = told(&[to("0401111111")], &Decision::Accept);
    assert!(dialled.is_over_for(&to("0402222222")) && dialled.is_over_for(&inwards));
    assert!(!dialled.is_over_for(&to("+49 40 1111111")));
}

fn decisions() -> impl Strategy<Value = Decision> {
    let why = String::new;
    prop::sample::select(vec![
        Decision::Accept,
        Decision::Accept,
        Decision::Reject { reason: Reason::Busy, rule_id: 1, why: why() },
        Decision::Dial { caller_id: "4930999".into(), number: "1".into(), rule_id: 1, why: why() },
    ])
}

/// What is true of a call; each event tells some of it.
fn truths() -> impl Strategy<Value = CallEvent> {
    let cause = prop::sample::select(Cause::ALL.to_vec());
    let user = prop::sample::select(vec!["Alice", "voicemail"]);
    (prop::sample::select(Direction::ALL.to_vec()), cause, user).prop_map(|(direction, cause, user)| {
        CallEvent {
            from: number("anonymous"),
            to: number("0301234567"),
            users: vec![user.into()],
            queue: Some("Support".into()),
            answering_number: Some("23".into()),
            cause: Some(cause),
            raw_cause: Some(cause.to_string()),
            ..event(Kind::NewCall, Some(direction), 0)
        }
    })
}

/// Which fields of the truth an event tells, and when it happened.
fn telling() -> impl Strategy<Value = ([bool; 7], i64)> {
    (any::<[bool; 7]>(), 0i64..8)
}

fn tell(
    truth: &CallEvent,
    kind: Kind,
    ([direction, from, to, users, queue, place, cause], seconds): ([bool; 7], i64),
) -> CallEvent {
    let mut event = CallEvent { kind, at: at(seconds), ..truth.clone() };
    let hide = |shown: bool, field: &mut dyn FnMut()| (!shown).then(field);
    hide(direction, &mut || event.direction = None);
    hide(from, &mut || event.from = None);
    hide(to, &mut || event.to = None);
    hide(users, &mut || event.users.clear());
    hide(queue, &mut || event.queue = None);
    hide(place, &mut || event.answering_number = None);
    hide(cause && kind == Kind::Hangup, &mut || (event.cause, event.raw_cause) = (None, None));
    event
}

/// A story, twice: with its events in one order, and in another, some of them repeated.
fn stories() -> impl Strategy<Value = (Vec<CallEvent>, Vec<CallEvent>)> {
    let some = |most: usize| prop::collection::vec(telling(), 0..=most);
    let events = (truths(), some(1), some(2), some(2)).prop_map(|(truth, rings, answers, hangups)| {
        let kinds = [(Kind::NewCall, rings), (Kind::Answer, answers), (Kind::Hangup, hangups)];
        let told = kinds.into_iter().flat_map(|(kind, told)| told.into_iter().map(move |told| (kind, told)));
        told.map(|(kind, told)| tell(&truth, kind, told)).collect::<Vec<_>>()
    });
    let events = events.prop_filter("somebody says something", |events| !events.is_empty());
    events.prop_flat_map(|events| {
        let repeated = prop::collection::vec(prop::sample::select(events.clone()), 0..4);
        let both = repeated.prop_map({
            let events = events.clone();
            move |repeated| [events.clone(), repeated].concat()
        });
        (Just(events), both.prop_shuffle())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_repetition_do_not_matter((one, other) in stories(), decided in decisions()) {
        prop_assert_eq!(told(&one, &decided), told(&other, &decided));
    }

    #[test]
    fn no_event_undoes_what_is_known((_, events) in stories(), decided in decisions(), ticked in 0..6usize, done in any::<bool>()) {
        let mut call = Call::begin(1, 1, &events[0]);
        for (n, event) in events.iter().enumerate() {
            let before = call.clone();
            let effect = call.apply(event, decided.clone());
            prop_assert!(call.state >= before.state);
            prop_assert_eq!(effect == Effect::Repeat, call == before);
            let blocked = matches!(call.decision, Some(Decision::Reject { .. }));
            prop_assert!(!blocked || (call.outcome == Some(Outcome::Blocked) && call.state == State::Ended));
            prop_assert!(!(blocked && call.open && call.done_by.is_none()));
            prop_assert_eq!(call.outcome.is_some(), call.state == State::Ended);
            prop_assert!(call.answered_at.is_none_or(|answered| call.ended_at.is_none_or(|ended| answered <= ended)));
            if n == ticked {
                call.tick(done, "alice", at(99));
            }
            if n >= ticked {
                prop_assert_eq!((call.done, call.done_by.as_deref(), call.done_at), (done, Some("alice"), Some(at(99))));
            }
        }
    }

    #[test]
    fn the_sweep_is_no_end((events, _) in stories(), swept in 0..5usize) {
        let mut call = Call::begin(1, 1, &events[0]);
        for (n, event) in events.iter().enumerate() {
            call.apply(event, Decision::Accept);
            if n == swept && call.state != State::Ended {
                call.close_as_lost(at(7200));
            }
            let before = call.clone();
            prop_assert_eq!(call.apply(event, Decision::Accept), if call == before { Effect::Repeat } else { Effect::Applied });
            prop_assert!(call.state >= before.state);
        }
    }
}
