#![expect(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;

use super::*;
use crate::call::tests::{at, event, number, told};
use crate::call::{Cause, Decision, LegName, More, State};

const CALLER: &str = "+7 921 456 78 92";

/// What an event says of leg `id`.
fn leg(kind: Kind, id: &str, place: Place, seconds: i64) -> CallEvent {
    let more = More { leg: Some(LegName::new(id, place)), ..More::default() };
    CallEvent { from: number(CALLER), ..with(event(kind, Some(Direction::In), seconds), |_| more) }
}

fn with(event: CallEvent, change: impl FnOnce(More) -> More) -> CallEvent {
    let more = event.more.as_deref().cloned().unwrap_or_default();
    CallEvent { more: Some(Box::new(change(more))), ..event }
}

fn rings(user: &str, seconds: i64) -> CallEvent {
    CallEvent { users: vec![user.into()], ..leg(Kind::NewCall, user, Place::Extension, seconds) }
}

fn takes(user: &str, seconds: i64) -> CallEvent {
    let users = vec![user.into()];
    let answering_number = Some(user.into());
    CallEvent { users, answering_number, ..leg(Kind::Answer, user, Place::Extension, seconds) }
}

fn ends(user: &str, cause: Cause, seconds: i64) -> CallEvent {
    let event = leg(Kind::Hangup, user, Place::Extension, seconds);
    CallEvent { users: vec![user.into()], cause: Some(cause), raw_cause: Some(cause.to_string()), ..event }
}

fn machine_says(bridged: bool, place: Place, id: &str, seconds: i64) -> CallEvent {
    let event = leg(Kind::Hangup, id, place, seconds);
    let cause = Some(if bridged { Cause::NormalClearing } else { Cause::Cancel });
    let queue = (place == Place::Queue).then(|| id.into());
    with(CallEvent { cause, queue, ..event }, |more| More { bridged: Some(bridged), ..more })
}

fn out(event: CallEvent) -> CallEvent {
    CallEvent { direction: Some(Direction::Out), ..event }
}

fn within(event: CallEvent, caller: &str, callee: &str) -> CallEvent {
    let event = CallEvent { from: number(caller), to: number(callee), ..event };
    with(event, |more| More { internal: Some(true), ..more })
}

fn heard(events: &[CallEvent]) -> Call {
    told(events, &Decision::Accept)
}

/// Legs are numbered as they are heard of.
fn unnumbered(mut call: Call) -> Call {
    let legs = call.extra.iter_mut().flat_map(|extra| &mut extra.legs);
    legs.for_each(|leg| leg.number = 0);
    call
}

fn outcome(call: &Call) -> (State, Option<Outcome>, bool) {
    (call.state, call.outcome, call.open)
}

#[test]
fn extensions_that_ring_together_are_one_answered_call() {
    let story = [
        rings("106", 0),
        rings("107", 0),
        takes("106", 8),
        ends("107", Cause::Cancel, 8),
        ends("106", Cause::NormalClearing, 15),
    ];
    let call = heard(&story[..4]);
    assert_eq!(outcome(&call), (State::Connected, None, false));
    let call = heard(&story);
    assert_eq!(outcome(&call), (State::Ended, Some(Outcome::Answered), false));
    assert_eq!((call.answered_by.as_deref(), call.cause), (Some("106"), Some(Cause::NormalClearing)));
    assert_eq!((call.waiting_ms(), call.talking_ms()), (Some(8_000), Some(7_000)));
    assert_eq!(call.users, ["106", "107"]);
    assert_eq!(call.taker().unwrap().leg_id, "106");
}

#[test]
fn where_nobody_takes_it_it_is_missed_once_and_ends_with_its_last_leg() {
    let story =
        [rings("106", 0), rings("107", 1), ends("106", Cause::NoAnswer, 20), ends("107", Cause::Cancel, 25)];
    assert_eq!(outcome(&heard(&story[..3])), (State::Ringing, None, false));
    let call = heard(&story);
    assert_eq!(outcome(&call), (State::Ended, Some(Outcome::Missed), true));
    assert_eq!((call.ended_at, call.cause), (Some(at(25)), Some(Cause::Cancel)));
}

#[test]
fn the_word_of_the_queue_counts_more_than_that_of_the_ivr() {
    let ivr = |bridged| machine_says(bridged, Place::Ivr, "099", 30);
    assert_eq!(outcome(&heard(&[ivr(false)])), (State::Ended, Some(Outcome::Missed), true));
    assert_eq!(outcome(&heard(&[ivr(true)])), (State::Ended, Some(Outcome::Answered), false));
    for (of_ivr, of_queue, then) in [(true, false, Outcome::Missed), (false, true, Outcome::Answered)] {
        for seconds in [29, 30, 31] {
            let queue = machine_says(of_queue, Place::Queue, "300", seconds);
            let call = heard(&[ivr(of_ivr), queue.clone()]);
            assert_eq!(call.outcome, Some(then), "{seconds}");
            assert_eq!(call.queue.as_deref(), Some("300"));
            assert_eq!(unnumbered(heard(&[queue, ivr(of_ivr)])), unnumbered(call));
        }
    }
    let queues = [machine_says(false, Place::Queue, "300", 30), machine_says(true, Place::Queue, "301", 50)];
    assert_eq!(heard(&queues).outcome, Some(Outcome::Answered)); // the last queue's
}

#[test]
fn a_machine_that_answers_is_nobody() {
    let story = [
        leg(Kind::NewCall, "099", Place::Ivr, 0),
        leg(Kind::Answer, "099", Place::Ivr, 1),
        rings("106", 5),
        ends("106", Cause::NoAnswer, 20),
    ];
    assert_eq!(outcome(&heard(&story)), (State::Ringing, None, false));
    let call = heard(&[&story[..], &[machine_says(false, Place::Ivr, "099", 21)]].concat());
    assert_eq!(outcome(&call), (State::Ended, Some(Outcome::Missed), true));
    assert_eq!(call.users, ["106"]);

    // a queue that nobody named: only its hangup tells what it is
    let unnamed = [
        leg(Kind::NewCall, "099", Place::Extension, 0),
        leg(Kind::Answer, "099", Place::Extension, 1),
        machine_says(false, Place::Ivr, "099", 21),
    ];
    assert_eq!(heard(&unnamed).outcome, Some(Outcome::Missed));
}

#[test]
fn who_hears_of_a_queues_second_round_lives_again() {
    let first = [rings("106", 0), ends("106", Cause::NoAnswer, 15)];
    let mut call = heard(&first);
    assert_eq!(outcome(&call), (State::Ended, Some(Outcome::Missed), true));
    let second = CallEvent { at: at(90), ..rings("107", 90) };
    assert!(!call.is_over_for(&second), "a minute and more behind the first round");
    call.apply(&second, Decision::Accept);
    assert_eq!(outcome(&call), (State::Ringing, None, false));
    assert_eq!(call.ended_at, None);
    call.apply(&takes("107", 95), Decision::Accept);
    call.apply(&ends("107", Cause::NormalClearing, 120), Decision::Accept);
    assert_eq!(outcome(&call), (State::Ended, Some(Outcome::Answered), false));
    assert_eq!((call.answered_at, call.ended_at), (Some(at(95)), Some(at(120))));
    assert!(call.is_over_for(&rings("106", 120 + 3601)));
}

#[test]
fn a_transfer_within_is_a_call_from_outside() {
    // the hangup of the second leg no longer names the number outside
    let inside = |event| within(event, "13596*106", "13596*107");
    let outside = |event: CallEvent| {
        let event = CallEvent { from: number(CALLER), ..inside(event) };
        with(event, |more| More { internal: Some(false), ..more })
    };
    let second =
        [outside(rings("107", 30)), inside(takes("107", 33)), inside(ends("107", Cause::NormalClearing, 60))];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let call = heard(&order.map(|n| second[n].clone()));
        assert_eq!((call.from_key.as_deref(), call.internal), (Some("+79214567892"), false), "{order:?}");
    }
    let first = [rings("106", 0), takes("106", 5), ends("106", Cause::NormalClearing, 31)];
    let call = heard(&[&first[..], &second[..]].concat());
    assert_eq!((call.from_key.as_deref(), call.direction), (Some("+79214567892"), Some(Direction::In)));
    assert_eq!((call.answered_by.as_deref(), call.outcome), (Some("106"), Some(Outcome::Answered)));
    assert_eq!((call.answered_at, call.ended_at), (Some(at(5)), Some(at(60))));
}

#[test]
fn a_leg_to_where_it_was_forwarded_tells_no_more_than_that() {
    let forwarded = |event: CallEvent| {
        let event = CallEvent { from: number("13596*106"), to: number("79995550000"), ..out(event) };
        with(event, |more| More { transferred: true, ..more })
    };
    let leg_out = |event: CallEvent| {
        with(event, |more| More { leg: Some(LegName::new("out", Place::Extension)), ..more })
    };
    let story = [
        forwarded(leg_out(rings("106", 0))),
        rings("106", 1),
        forwarded(leg_out(takes("106", 9))),
        ends("106", Cause::Cancel, 10),
        forwarded(leg_out(ends("106", Cause::NormalClearing, 70))),
    ];
    let call = heard(&story);
    assert_eq!((call.direction, call.from_key.as_deref()), (Some(Direction::In), Some("+79214567892")));
    assert_eq!(
        (call.outcome, call.answered_at, call.ended_at),
        (Some(Outcome::Answered), Some(at(9)), Some(at(70)))
    );
    assert_eq!((call.users.len(), call.cause), (1, Some(Cause::NormalClearing)));
}

#[test]
fn an_internal_call_is_one_whichever_leg_is_heard_first() {
    let inside = |event| within(event, "13596*106", "13596*107");
    let of_caller = |event: CallEvent| inside(out(event));
    let mut story = vec![
        of_caller(rings("106", 0)),
        inside(rings("107", 0)),
        of_caller(takes("106", 4)),
        inside(takes("107", 4)),
        of_caller(ends("106", Cause::NormalClearing, 9)),
        inside(ends("107", Cause::NormalClearing, 9)),
    ];
    let call = heard(&story);
    story.reverse();
    assert_eq!(unnumbered(heard(&story)), unnumbered(call.clone()));
    assert_eq!((call.direction, call.internal, call.open), (Some(Direction::Out), true, false));
    assert_eq!((call.users.join(" "), call.answered_by.as_deref()), ("106".into(), Some("107")));
    let missed = heard(&[inside(rings("107", 0)), inside(ends("107", Cause::NoAnswer, 9))]);
    assert_eq!((missed.outcome, missed.open), (Some(Outcome::Missed), false)); // nobody outside waits
}

#[test]
fn who_dials_answers_nothing() {
    let call = heard(&[out(rings("106", 0)), out(takes("106", 4)), out(ends("106", Cause::Busy, 9))]);
    assert_eq!((call.users.join(" "), call.answered_by), ("106".into(), None));
}

/// The same event, where the PBX leaves out whose it is.
fn vague(event: CallEvent) -> CallEvent {
    let event = CallEvent { users: vec![], answering_number: None, queue: None, ..event };
    let id = if event.direction == Some(Direction::Out) { "out" } else { "in" };
    let leg = LegName { vague: true, ..LegName::new(id, Place::Extension) };
    with(event, |more| More { leg: Some(leg), ..more })
}

#[test]
fn an_event_that_does_not_say_whose_it_is_is_of_the_only_leg() {
    let story = [rings("106", 0), vague(takes("106", 5)), vague(ends("106", Cause::NormalClearing, 9))];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
        let call = heard(&order.map(|n| story[n].clone()));
        assert_eq!(outcome(&call), (State::Ended, Some(Outcome::Answered), false), "{order:?}");
        assert_eq!((call.extra().legs.len(), call.extra().legs[0].leg_id.as_str()), (1, "106"), "{order:?}");
        assert_eq!(call.answered_by.as_deref(), Some("106"), "{order:?}");
    }
    // of the one that goes on; a repeat harms nobody
    let end = |seconds| vague(ends("107", Cause::NoAnswer, seconds));
    let rounds = [rings("106", 0), ends("106", Cause::NoAnswer, 9), rings("107", 10), end(20), end(21)];
    assert_eq!(heard(&rounds[..3]).state, State::Ringing);
    let call = heard(&rounds);
    assert_eq!((call.state, call.ended_at, call.extra().legs.len()), (State::Ended, Some(at(20)), 2));
    // where two go on nobody knows
    let both = [rings("106", 0), rings("107", 0), end(5)];
    assert_eq!(heard(&both).state, State::Ringing);
    // each way by itself
    let call = heard(&[rings("106", 0), out(rings("107", 0)), out(end(5))]);
    let ended: Vec<_> = call.extra().legs.iter().map(|leg| leg.ended_at).collect();
    assert_eq!((call.state, ended), (State::Ringing, vec![None, Some(at(5))]));
}

#[test]
fn one_word_for_answer_and_hangup() {
    let said = |seconds| {
        let event = CallEvent { cause: Some(Cause::NormalClearing), ..takes("106", seconds) };
        with(event, |more| More { or_hangup: true, answered: true, ..more })
    };
    let call = heard(&[rings("106", 0), said(5), said(5)]);
    assert_eq!((call.state, call.answered_at), (State::Connected, Some(at(5))));
    for order in [[5, 20, 31], [31, 5, 20], [20, 31, 5], [31, 20, 5]] {
        let call = heard(&[&[rings("106", 0)][..], &order.map(said)].concat());
        assert_eq!((call.answered_at, call.ended_at), (Some(at(5)), Some(at(20))), "{order:?}");
        assert_eq!(call.cause, Some(Cause::NormalClearing));
    }
}

#[test]
fn the_sweeps_guess_gives_way_and_legs_are_bounded() {
    let mut call = heard(&[rings("106", 0)]);
    call.close_as_lost(at(7200));
    assert_eq!(call.outcome, Some(Outcome::Lost));
    call.apply(&ends("106", Cause::Busy, 30), Decision::Accept);
    assert_eq!((call.outcome, call.ended_at), (Some(Outcome::Missed), Some(at(30))));

    let rounds = (0..300).flat_map(|n| {
        let user = format!("agent {n}");
        [rings(&user, n), ends(&user, Cause::NoAnswer, n)]
    });
    let story: Vec<CallEvent> = [rings("106", 0), takes("106", 1)].into_iter().chain(rounds).collect();
    let call = heard(&story);
    assert_eq!(call.extra().legs.len(), MOST);
    assert_eq!((call.state, call.answered_by.as_deref()), (State::Connected, Some("106")));
}

/// A leg's events; all of one leg name the same people.
fn of_leg(id: usize) -> impl Strategy<Value = Vec<CallEvent>> {
    let place = prop::sample::select(Place::ALL.to_vec());
    let flags = any::<[bool; 6]>();
    (place, flags, prop::collection::vec(0i64..40, 4), prop::sample::select(Cause::ALL.to_vec())).prop_map(
        move |(place, [is_out, internal, transferred, answered, ended, bridged], mut seconds, cause)| {
            seconds.sort_unstable();
            let name = format!("{id}");
            let truth = |kind, seconds| {
                let event = CallEvent {
                    users: vec![name.clone()],
                    to: number("79300369446"),
                    queue: (place == Place::Queue).then(|| name.clone()),
                    answering_number: Some(name.clone()),
                    direction: Some(if is_out { Direction::Out } else { Direction::In }),
                    cause: (kind == Kind::Hangup).then_some(cause),
                    ..leg(kind, &name, place, seconds)
                };
                with(event, |more| More {
                    internal: Some(internal),
                    transferred,
                    bridged: (kind == Kind::Hangup && place != Place::Extension).then_some(bridged),
                    extra: Extra {
                        from_name: Some(name.clone()),
                        did: Some(name.clone()),
                        ..Extra::default()
                    },
                    ..more
                })
            };
            let mut events = vec![truth(Kind::NewCall, seconds[0])];
            events.extend(answered.then(|| truth(Kind::Answer, seconds[1])));
            events.extend(ended.then(|| truth(Kind::Hangup, seconds[2])));
            events
        },
    )
}

/// Events of one leg, some of which leave open which it is.
fn partly_vague() -> impl Strategy<Value = Vec<CallEvent>> {
    (of_leg(0), prop::collection::vec(any::<bool>(), 3)).prop_map(|(events, vaguely)| {
        let told = events.into_iter().zip(vaguely);
        told.map(|(event, vaguely)| if vaguely { vague(event) } else { event }).collect()
    })
}

/// A call's events in one order, and in another, some of them repeated.
fn stories() -> impl Strategy<Value = (Vec<CallEvent>, Vec<CallEvent>)> {
    let legs: Vec<_> = (0..4).map(of_leg).collect();
    let of_some =
        (legs, 1usize..=4).prop_map(|(legs, count)| legs.into_iter().take(count).flatten().collect());
    prop_oneof![2 => of_some, 1 => partly_vague()].prop_flat_map(|events: Vec<CallEvent>| {
        let repeated = prop::collection::vec(prop::sample::select(events.clone()), 0..5);
        let both = repeated.prop_map({
            let events = events.clone();
            move |repeated| [events.clone(), repeated].concat()
        });
        (Just(events), both.prop_shuffle())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_repetition_of_legs_do_not_matter((one, other) in stories()) {
        prop_assert_eq!(unnumbered(heard(&one)), unnumbered(heard(&other)));
    }

    #[test]
    fn a_call_is_what_its_legs_are((_, events) in stories()) {
        let mut call = Call::begin(1, 1, &events[0]);
        for event in &events {
            let before = call.clone();
            let effect = call.apply(event, Decision::Accept);
            prop_assert_eq!(effect == crate::call::Effect::Repeat, call == before);
            let legs = &call.extra().legs;
            prop_assert_eq!(call.ended_at.is_some(), legs.iter().all(|leg| leg.ended_at.is_some()));
            prop_assert_eq!(call.state == State::Ended, call.ended_at.is_some());
            prop_assert!(call.answered_at.is_none_or(|answered| call.ended_at.is_none_or(|ended| answered <= ended)));
            let machine = call.outcome == Some(Outcome::Voicemail);
            prop_assert!(!call.open || machine || legs.iter().all(|leg| !leg.taken()));
        }
    }
}
