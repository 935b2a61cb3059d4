//! The fixed parameters of VoipNow's CallAPI events and Telphin's extension events: one dialect, of which Telphin's has
//! more. What is not known is left out.

use super::EventKind;
use super::parties::{called, calling, is_out, of_leg};
use super::payload::Told;
use crate::call::{Call, Cause, Leg, Outcome};
use crate::number::is_extension;

/// Names and values, in the order of the documentation.
pub fn params(told: &Told) -> Vec<(&'static str, String)> {
    let call = told.call;
    let out = is_out(call);
    let outside = || call.to_number.as_ref().filter(|_| !call.to_key.as_deref().is_some_and(is_extension));
    let public = call.extra().did.as_ref().or_else(outside).filter(|_| !out);
    // the webhook's own extension is the one that these events are of
    let own = |other: Option<&str>| other.map(|other| told.extension.unwrap_or(other).to_owned());
    let name = told.view.from.name.as_ref().or(call.extra().from_name.as_ref());
    let ended = told.kind == EventKind::Hangup || told.kind == EventKind::Missed;
    let duration_us = call.talking_ms().filter(|_| ended).map(|ms| ms * 1000);
    let params = [
        ("EventType", Some(told.kind.to_string())),
        ("CallID", Some(call.call_id.clone())),
        ("SubCallID", Some(leg_id(told))),
        ("CallerIDNum", call.from_number.clone()),
        ("CallerIDName", name.cloned()),
        ("CalledDID", public.cloned()),
        ("CalledExtension", own(called(call))),
        ("CallStatus", Some(status(told.kind, call).into())),
        ("CallFlow", Some(if out { "OUT" } else { "IN" }.into())),
        ("CallerExtension", own(calling(call))),
        ("CalledNumber", call.to_number.clone()),
        ("EventTime", Some((told.kind.at(call).and_utc().timestamp_micros()).to_string())),
        ("Duration", duration_us.map(|us| us.to_string())),
    ];
    let known = params.into_iter().filter_map(|(name, value)| Some((name, value?)));
    known.filter(|(_, value)| !value.is_empty()).collect()
}

/// Of the webhook's own extension the leg that began last, else the call's.
fn leg_id(told: &Told) -> String {
    let is_own = |leg: &&Leg| of_leg(leg).any(|name| Some(name) == told.extension);
    let own = told.call.extra().legs.iter().rev().find(is_own);
    own.map_or(&told.view.leg_id, |leg| &leg.leg_id).clone()
}

/// Telphin's words, which are VoipNow's newer ones.
fn status(kind: EventKind, call: &Call) -> &'static str {
    match kind {
        EventKind::DialIn | EventKind::DialOut => "CALLING",
        EventKind::Answer => "ANSWER",
        EventKind::Hangup | EventKind::Missed if call.was_answered() => "ANSWER",
        EventKind::Hangup | EventKind::Missed => match (call.cause, call.outcome) {
            (Some(Cause::Busy | Cause::Blocked), _) | (_, Some(Outcome::Blocked)) => "BUSY",
            (Some(Cause::Cancel | Cause::NormalClearing), _) => "CANCEL",
            (Some(Cause::Congestion), _) => "CONGESTION",
            (Some(Cause::NotFound), _) => "CHANUNAVAIL",
            _ => "NOANSWER",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::CallView;
    use crate::call::{CallEvent, Decision, Direction, Kind, LegName, More, Place};
    use crate::number::Numbering;
    use crate::webhooks::sample;

    fn told(kind: EventKind) -> String {
        let (mut call, view) = sample::call(kind);
        call.started_at = chrono::DateTime::UNIX_EPOCH.naive_utc();
        let params = params(&Told { kind, call: &call, view: &view, extension: None });
        let timeless = params.into_iter().filter(|(name, _)| *name != "EventTime");
        timeless.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    #[test]
    fn a_leg_is_named_and_an_extension_is_no_public_number() {
        let leg = |id: &str, user: &str| {
            let more = More { leg: Some(LegName::new(id, Place::Extension)), ..More::default() };
            let numbering = Numbering::new("DE", None).expect("a country");
            CallEvent {
                call_id: "1".into(),
                leg_id: String::new(),
                kind: Kind::NewCall,
                direction: Some(Direction::In),
                from: numbering.read("400"),
                to: numbering.read("410"),
                users: vec![user.into()],
                queue: None,
                answering_number: None,
                cause: None,
                raw_cause: None,
                at: crate::clock::now(),
                more: Some(Box::new(more)),
            }
        };
        let mut call = Call::begin(1, 1, &leg("1-a", "410"));
        call.apply(&leg("1-a", "410"), Decision::Accept);
        call.apply(&leg("2-a", "411"), Decision::Accept);
        let view = CallView::nameless(call.clone());
        let value = |name: &str, extension| {
            let told = Told { kind: EventKind::DialIn, call: &call, view: &view, extension };
            params(&told).into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
        };
        assert_eq!(value("SubCallID", None).as_deref(), Some("1-a"));
        assert_eq!(value("SubCallID", Some("411")).as_deref(), Some("2-a"));
        assert_eq!((value("CalledDID", None), value("CalledNumber", None)), (None, Some("410".into())));
    }

    #[test]
    fn parameters_are_as_voipnow_and_telphin_document_them() {
        assert_eq!(
            told(EventKind::DialIn),
            "EventType=dial-in&CallID=sample-1&CallerIDNum=+493055571600&CallerIDName=Bob Example&CalledDID=+4930231250\
             &CalledExtension=Alice&CallStatus=CALLING&CallFlow=IN&CalledNumber=+4930231250"
        );
        assert_eq!(
            told(EventKind::DialOut),
            "EventType=dial-out&CallID=sample-1&CallerIDNum=+4930231250&CallerIDName=Bob Example&CallStatus=CALLING\
             &CallFlow=OUT&CallerExtension=Alice&CalledNumber=+493055571600"
        );
        let hangup = told(EventKind::Hangup);
        assert!(
            hangup.contains("&CalledExtension=101&CallStatus=ANSWER&")
                && hangup.ends_with("&Duration=30000000"),
            "{hangup}"
        );
        assert!(told(EventKind::Missed).contains("&CallStatus=CANCEL&"));
    }
}
