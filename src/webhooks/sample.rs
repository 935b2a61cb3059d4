//! A call that shows what a webhook would send. Its numbers are fictional.

use chrono::TimeDelta;

use super::EventKind;
use crate::api::CallView;
use crate::call::{Call, CallEvent, Cause, Decision, Direction, Extra, Kind};
use crate::clock;

/// A call as it is when that happens to it, and as it is shown.
pub fn call(kind: EventKind) -> (Call, CallView) {
    let direction = if kind == EventKind::DialOut { Direction::Out } else { Direction::In };
    let now = clock::now();
    let mut event = CallEvent {
        direction: Some(direction),
        users: vec!["Alice".into()],
        queue: Some("support".into()),
        ..CallEvent::bare("sample-1", Kind::NewCall, now - TimeDelta::milliseconds(42_000))
    };
    let mut call = Call::begin(1, 1, &event);
    (call.id, call.change) = (1, 1);
    let (far, own) = ("+493055571600", "+4930231250");
    let (from, to) = if direction == Direction::In { (far, own) } else { (own, far) };
    (call.from_number, call.from_key) = (Some(from.into()), Some(from.into()));
    (call.to_number, call.to_key) = (Some(to.into()), Some(to.into()));
    let extra = Extra { from_name: Some("Bob Example".into()), did: Some(to.into()), ..Extra::default() };
    call.extra = Some(Box::new(extra));
    call.apply(&event, Decision::Accept);
    if matches!(kind, EventKind::Answer | EventKind::Hangup) {
        let taken = Some("101".into());
        event = CallEvent {
            kind: Kind::Answer,
            answering_number: taken,
            at: now - TimeDelta::milliseconds(30_000),
            ..event
        };
        call.apply(&event, Decision::Accept);
    }
    if matches!(kind, EventKind::Hangup | EventKind::Missed) {
        let cause = if kind == EventKind::Missed { Cause::Cancel } else { Cause::NormalClearing };
        let raw_cause = Some(cause.to_string());
        event = CallEvent { kind: Kind::Hangup, cause: Some(cause), raw_cause, at: now, ..event };
        call.apply(&event, Decision::Accept);
        call.extra.get_or_insert_default().recording_url =
            Some("https://pbx.example/recordings?id=1&format=wav".into());
    }
    let view = CallView::nameless(call.clone());
    (call, view)
}
