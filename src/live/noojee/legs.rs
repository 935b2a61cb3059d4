//! A call as Noojee's clients see it: one leg for each extension that takes part. Pure.
//!
//! An internal call is two legs, one that dials and one that rings. Most PBXes tell of both in one call, some in two,
//! an outbound and an inbound one; then each of the two stands for one leg (`is_twin`).

use chrono_tz::Tz;
use serde::Serialize;

use crate::call::{Call, Cause, Direction, Moment, State};
use crate::number::Numbering;

/// So many numbers has a call for its legs.
const LEGS: i64 = 16;
/// Of these, the one for who rings without being named by the PBX as a user.
const UNNAMED: i64 = 15;

/// One entry of the reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    call_data: CallData,
    #[serde(rename = "CallID")]
    call_id: i64,
    code: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct CallData {
    can_answer: bool,
    caller_id: String,
    unique_call_id: String,
    call_start_time: String,
    is_queue_call: bool,
    is_click_to_dial_call: bool,
    inbound: bool,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    hangup_cause: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Status {
    #[serde(rename = "Dialing Out")]
    DialingOut,
    Ringing,
    Connected,
    Hungup,
}

/// An extension that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// As it was asked for.
    pub name: String,
    key: Option<String>,
}

/// Which side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It dials.
    Caller,
    /// It rings.
    Callee,
}

impl Extension {
    /// A name, a short number, or a whole one in any spelling.
    pub fn new(name: &str, numbering: &Numbering) -> Self {
        Self { name: name.into(), key: numbering.read(name).map(|number| number.key().to_owned()) }
    }

    /// The same text, or the part behind the `*` of VoipNow's extensions.
    fn is(&self, text: &str) -> bool {
        text == self.name || text.rsplit_once('*').is_some_and(|(_, local)| local == self.name)
    }

    fn has(&self, number: Option<&String>, key: Option<&String>) -> bool {
        number.is_some_and(|number| self.is(number)) || (key.is_some() && key == self.key.as_ref())
    }

    /// The sides on which it takes part in the call. The side that is not the call's own (the callee's of an outbound
    /// call, the caller's of any other) counts between extensions only, and only if no twin stands for it.
    pub fn sides(&self, call: &Call, has_twin: bool) -> impl Iterator<Item = Side> + use<> {
        let outbound = call.direction == Some(Direction::Out);
        let user = call.users.iter().any(|user| self.is(user));
        let took = call.answered_by.as_ref().is_some_and(|user| self.is(user));
        let dials = self.has(call.from_number.as_ref(), call.from_key.as_ref())
            || self.has(call.dialed_from.as_ref(), None)
            || (outbound && (user || (took && !call.internal)));
        let rings = self.has(call.to_number.as_ref(), call.to_key.as_ref())
            || self.has(call.answering_number.as_ref(), None)
            || (!outbound && (user || took));
        let both = call.internal || is_between_extensions(call) && !has_twin;
        let caller = (dials && (outbound || both)).then_some(Side::Caller);
        let callee = (rings && (!outbound || both)).then_some(Side::Callee);
        caller.into_iter().chain(callee)
    }

    /// Another extension took it: this one rings no more.
    fn was_beaten(&self, call: &Call) -> bool {
        let rang = |who: &String| call.users.contains(who);
        let taken_by = call.answered_by.as_ref().filter(|who| rang(who));
        let taker = taken_by.or(call.answering_number.as_ref().filter(|who| rang(who)));
        call.users.iter().any(|user| self.is(user)) && taker.is_some_and(|taker| !self.is(taker))
    }

    fn slot(&self, call: &Call, side: Side) -> i64 {
        let place = call.users.iter().position(|user| self.is(user));
        match (side, place) {
            (Side::Caller, _) => 0,
            (Side::Callee, Some(place)) => 1 + place as i64 % (UNNAMED - 1),
            (Side::Callee, None) => UNNAMED,
        }
    }
}

/// Neither end is a number of the public network, nor withheld.
pub fn is_between_extensions(call: &Call) -> bool {
    let inside = |key: &Option<String>| {
        key.as_ref().is_some_and(|key| {
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*')
        })
    };
    inside(&call.from_key) && inside(&call.to_key)
}

impl Entry {
    /// The leg of that extension on that side.
    pub fn of(call: &Call, extension: &Extension, side: Side, zone: Tz) -> Self {
        let inbound = side == Side::Callee;
        let beaten = inbound && extension.was_beaten(call);
        let connected = call.answered_at.filter(|_| !beaten);
        let status = match call.state {
            State::Ended => Status::Hungup,
            State::Connected if beaten => Status::Hungup,
            State::Connected => Status::Connected,
            State::Ringing if inbound => Status::Ringing,
            State::Ringing => Status::DialingOut,
        };
        let party = match status {
            _ if inbound => call.from_number.clone(),
            Status::DialingOut => None,
            _ => call.to_number.clone(),
        };
        let number = call.id * LEGS + extension.slot(call, side);
        let is_queue_call = call.queue.is_some();
        let over_unheard = status == Status::Hungup && connected.is_none();
        Self {
            call_data: CallData {
                can_answer: status == Status::Ringing && !is_queue_call,
                caller_id: party.unwrap_or_default(),
                unique_call_id: format!("{}.{number}", call.started_at.and_utc().timestamp()),
                call_start_time: connected.map(|at| local(at, zone)).unwrap_or_default(),
                is_queue_call,
                is_click_to_dial_call: false,
                inbound,
                status,
                hangup_cause: over_unheard.then(|| if beaten { "NO_ANSWER" } else { cause(call.cause) }),
            },
            call_id: number,
            code: 0,
        }
    }
}

fn local(at: Moment, zone: Tz) -> String {
    at.and_utc().with_timezone(&zone).format("%Y/%m/%d %H:%M:%S").to_string()
}

fn cause(cause: Option<Cause>) -> &'static str {
    match cause {
        Some(Cause::Busy) => "BUSY",
        Some(Cause::NoAnswer) => "NO_ANSWER",
        Some(Cause::Congestion | Cause::NotFound) => "CONGESTION",
        _ => "DISCONNECTED",
    }
}
