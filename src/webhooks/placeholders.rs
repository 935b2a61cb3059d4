//! What a template can name: FocalScope's list (its page on call events), and some of our own. A value that is not
//! known is empty.

use super::EventKind;
use super::parties::is_out;
use super::payload::Told;
use crate::call::{Call, Moment};

/// All of them.
pub const NAMES: &[&str] = &[
    // FocalScope's
    "DialApiEventName",
    "DialApiEventCode",
    "CallID",
    "CallUUID",
    "CallerID",
    "DID",
    "ResponderAgentExt",
    "ResponderAgent",
    "ResponderUserID",
    "ResponderUserName",
    "LastQueueName",
    "CallTypeName",
    "CallTypeCode",
    "StartTimestampUTC",
    "PickupTimestampUTC",
    "TotalWaitTimeMs",
    "EndTimestampUTC",
    "IsCallAnswered",
    "IsCallRecorded",
    "RecordingURL",
    // ours
    "Event",
    "EventTime",
    "CallerName",
    "CallerE164",
    "CalledNumber",
    "CalledE164",
    "Direction",
    "Users",
    "Outcome",
    "Cause",
    "TalkTimeMs",
    "PbxID",
    "Change",
];

/// The value of one of `NAMES`.
pub fn value(told: &Told, name: &str) -> Option<String> {
    let (call, view) = (told.call, told.view);
    let text = |text: &Option<String>| text.clone();
    match name {
        "DialApiEventName" => Some(focalscope(told.kind).0.into()),
        "DialApiEventCode" => Some(focalscope(told.kind).1.into()),
        "CallID" => Some(call.id.to_string()),
        "CallUUID" => Some(call.call_id.clone()),
        "CallerID" => text(&call.from_number),
        "DID" => call.extra().did.clone().or_else(|| call.to_number.clone()),
        "ResponderAgentExt" => text(&call.answering_number),
        "ResponderAgent" => text(&call.answered_by).or_else(|| users(told)),
        "ResponderUserName" => text(&call.answered_by),
        "LastQueueName" => text(&call.queue),
        "CallTypeName" => Some(call_type(told).0.into()),
        "CallTypeCode" => Some(call_type(told).1.into()),
        "StartTimestampUTC" => Some(ms(call.started_at)),
        "PickupTimestampUTC" => call.answered_at.map(ms),
        "TotalWaitTimeMs" => call.waiting_ms().map(|ms| ms.to_string()),
        // FocalScope fills it in each event, with that event's time
        "EndTimestampUTC" => Some(ms(told.kind.at(call))),
        "IsCallAnswered" => Some(bit(call.was_answered())),
        // FocalScope says it with the hangup alone
        "IsCallRecorded" => (told.kind == EventKind::Hangup).then(|| bit(is_recorded(call))),
        "RecordingURL" => text(&call.extra().recording_url),
        "Event" => Some(told.kind.to_string()),
        "EventTime" => Some(told.time()),
        "CallerName" => view.from.name.clone().or_else(|| call.extra().from_name.clone()),
        "CallerE164" => text(&view.from.e164),
        "CalledNumber" => text(&call.to_number),
        "CalledE164" => text(&view.to.e164),
        "Direction" => call.direction.map(|direction| direction.to_string()),
        "Users" => users(told),
        "Outcome" => call.outcome.map(|outcome| outcome.to_string()),
        "Cause" => call.cause.map(|cause| cause.to_string()),
        "TalkTimeMs" => call.talking_ms().map(|ms| ms.to_string()),
        "PbxID" => Some(call.pbx_id.to_string()),
        "Change" => Some(call.change.to_string()),
        _ => None, // also ResponderUserID: nobody tells us
    }
}

/// Its word and its number for an event.
fn focalscope(kind: EventKind) -> (&'static str, &'static str) {
    match kind {
        EventKind::DialIn | EventKind::DialOut => ("start", "0"),
        EventKind::Hangup => ("hangup", "1"),
        EventKind::Answer => ("pickup", "2"),
        EventKind::Missed => ("missed", "3"),
    }
}

/// Telphin names the recording and gives no address.
fn is_recorded(call: &Call) -> bool {
    call.extra().recording_url.is_some() || call.extra().recording_id.is_some()
}

fn call_type(told: &Told) -> (&'static str, &'static str) {
    if told.call.is_between_extensions() {
        ("Internal", "3")
    } else if is_out(told.call) {
        ("Outgoing", "2")
    } else {
        ("Incoming", "1")
    }
}

fn users(told: &Told) -> Option<String> {
    (!told.call.users.is_empty()).then(|| told.call.users.join(", "))
}

/// Milliseconds since 1970.
fn ms(at: Moment) -> String {
    at.and_utc().timestamp_millis().to_string()
}

fn bit(so: bool) -> String {
    u8::from(so).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::sample;

    #[test]
    fn each_name_that_is_known_has_a_value_somewhere() {
        let told = |kind| {
            let (call, view) = sample::call(kind);
            NAMES
                .iter()
                .filter(|name| {
                    value(&Told { kind, call: &call, view: &view, extension: None }, name).is_some()
                })
                .collect::<Vec<_>>()
        };
        let known: Vec<&str> = EventKind::ALL.iter().flat_map(|kind| told(*kind)).copied().collect();
        for name in NAMES {
            assert!(known.contains(name) || *name == "ResponderUserID", "{name}");
        }
    }

    #[test]
    fn a_recording_without_an_address_is_one() {
        let (mut call, view) = sample::call(EventKind::Hangup);
        let recorded = |call: &Call| {
            value(&Told { kind: EventKind::Hangup, call, view: &view, extension: None }, "IsCallRecorded")
        };
        let extra = call.extra.get_or_insert_default();
        (extra.recording_url, extra.recording_id) = (None, None);
        assert_eq!(recorded(&call).as_deref(), Some("0"));
        call.extra.get_or_insert_default().recording_id = Some("1138241-3a84".into());
        assert_eq!(recorded(&call).as_deref(), Some("1"));
    }

    #[test]
    fn focalscopes_own_values() {
        let (call, view) = sample::call(EventKind::Missed);
        let told = Told { kind: EventKind::Missed, call: &call, view: &view, extension: None };
        for (name, expected) in [
            ("DialApiEventName", Some("missed")),
            ("DialApiEventCode", Some("3")),
            ("CallTypeName", Some("Incoming")),
            ("IsCallAnswered", Some("0")),
            ("IsCallRecorded", None),
            ("PickupTimestampUTC", None),
        ] {
            assert_eq!(value(&told, name).as_deref(), expected, "{name}");
        }
    }
}
