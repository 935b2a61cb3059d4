//! A call as Noojee's clients see it: one leg for each extension that takes part. Pure.
//!
//! Where the PBX tells of a call's legs, an extension is shown as its own leg stands; else as the call does. An internal
//! call is two legs, one that dials and one that rings. Most PBXes tell of both in one call, some in two, an outbound and
//! an inbound one, which are twins; then each of the two stands for one leg, under the id of the first.

use chrono_tz::Tz;
use serde::Serialize;

use super::seat::Seat;
use crate::call::{Call, Cause, Direction, Leg, Moment};
use crate::number::Numbering;

/// So many numbers has a call for its legs (`Seat::slot`).
const LEGS: i64 = 16;

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

/// As Noojee's clients know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Status {
    /// It dials.
    #[serde(rename = "Dialing Out")]
    DialingOut,
    /// It rings.
    Ringing,
    /// It was taken.
    Connected,
    /// It ended.
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
    pub(super) fn is(&self, text: &str) -> bool {
        text == self.name || text.rsplit_once('*').is_some_and(|(_, local)| local == self.name)
    }

    fn has(&self, number: Option<&String>, key: Option<&String>) -> bool {
        number.is_some_and(|number| self.is(number)) || (key.is_some() && key == self.key.as_ref())
    }

    /// Where it takes part in the call. The side that is not the call's own (the callee's of an outbound call, the
    /// caller's of any other) counts where the PBX tells of its leg, or between extensions, if no twin stands for it.
    pub fn seats<'c>(&'c self, call: &'c Call, twin: Option<i64>) -> impl Iterator<Item = Seat<'c>> {
        let outbound = call.direction == Some(Direction::Out);
        let user = call.users.iter().any(|user| self.is(user));
        let took = call.answered_by.as_ref().is_some_and(|user| self.is(user));
        let dials = self.has(call.from_number.as_ref(), call.from_key.as_ref())
            || self.has(call.dialed_from.as_ref(), None)
            || (outbound && (user || (took && !call.internal)));
        let rings = self.is_dialled(call)
            || self.has(call.answering_number.as_ref(), None)
            || (!outbound && (user || took));
        let both = call.is_between_extensions() && twin.is_none();
        let id = twin.map_or(call.id, |twin| twin.min(call.id));
        let sides =
            [(Side::Caller, dials && (outbound || both)), (Side::Callee, rings && (!outbound || both))];
        sides.into_iter().filter_map(move |(side, counts)| {
            let leg = self.leg(call, side);
            (counts || leg.is_some()).then_some(Seat { id, call, extension: self, side, leg })
        })
    }

    pub(super) fn is_dialled(&self, call: &Call) -> bool {
        self.has(call.to_number.as_ref(), call.to_key.as_ref())
    }

    /// Its own leg on that side; the last one, where a queue rang it more than once.
    fn leg<'c>(&self, call: &'c Call, side: Side) -> Option<&'c Leg> {
        let dials = side == Side::Caller;
        let own = |leg: &&Leg| {
            let on_side = (leg.direction == Some(Direction::Out)) == dials;
            on_side && !leg.transferred && leg.users.iter().any(|user| self.is(user))
        };
        call.extra().legs.iter().rev().find(own)
    }

    /// Another extension took it: this one rings no more.
    pub(super) fn was_beaten(&self, call: &Call) -> bool {
        let rang = |who: &String| call.users.contains(who);
        let taken_by = call.answered_by.as_ref().filter(|who| rang(who));
        let taker = taken_by.or(call.answering_number.as_ref().filter(|who| rang(who)));
        call.users.iter().any(|user| self.is(user)) && taker.is_some_and(|taker| !self.is(taker))
    }
}

impl Entry {
    /// What is shown of it.
    pub fn of(seat: &Seat, zone: Tz) -> Self {
        let (call, status) = (seat.call, seat.status());
        let inbound = seat.side == Side::Callee;
        let (taken, taken_at) = seat.taken();
        let party = match status {
            _ if inbound => call.from_number.clone(),
            Status::DialingOut => None,
            _ => call.to_number.clone(),
        };
        let slot = seat.slot();
        let is_queue_call = call.queue.is_some();
        Self {
            call_data: CallData {
                can_answer: status == Status::Ringing && !is_queue_call,
                caller_id: party.unwrap_or_default(),
                unique_call_id: format!("{}.{slot}", seat.id),
                call_start_time: taken_at.map(|at| local(at, zone)).unwrap_or_default(),
                is_queue_call,
                is_click_to_dial_call: false,
                inbound,
                status,
                hangup_cause: (status == Status::Hungup && !taken).then(|| seat.cause()),
            },
            call_id: seat.id * LEGS + slot % LEGS,
            code: 0,
        }
    }

    /// Did it end?
    pub fn is_over(&self) -> bool {
        self.call_data.status == Status::Hungup
    }
}

fn local(at: Moment, zone: Tz) -> String {
    at.and_utc().with_timezone(&zone).format("%Y/%m/%d %H:%M:%S").to_string()
}

pub(super) fn cause(cause: Option<Cause>) -> &'static str {
    match cause {
        Some(Cause::Busy) => "BUSY",
        Some(Cause::NoAnswer) => "NO_ANSWER",
        Some(Cause::Congestion | Cause::NotFound) => "CONGESTION",
        _ => "DISCONNECTED",
    }
}
