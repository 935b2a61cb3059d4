//! A call as Noojee's clients see it: one leg for each extension that takes part. Pure.
//!
//! Where the PBX tells of a call's legs, an extension is shown as its own leg stands; else as the call does. An internal
//! call is two legs, one that dials and one that rings. Most PBXes tell of both in one call, some in two, an outbound and
//! an inbound one, which are twins; then each of the two stands for one leg, under the id of the first.

use chrono_tz::Tz;
use serde::Serialize;

use crate::call::{Call, Cause, Direction, Leg, Moment, Outcome, State};
use crate::number::Numbering;

/// So many numbers has a call for its legs.
const LEGS: i64 = 16;
/// Of these, the one for who dials.
const CALLER: i64 = 0;
/// And the one for who is dialled, or rings without being named by the PBX as a user.
const CALLEE: i64 = 15;

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
        let both = is_between_extensions(call) && twin.is_none();
        let id = twin.map_or(call.id, |twin| twin.min(call.id));
        let sides =
            [(Side::Caller, dials && (outbound || both)), (Side::Callee, rings && (!outbound || both))];
        sides.into_iter().filter_map(move |(side, counts)| {
            let leg = self.leg(call, side);
            (counts || leg.is_some()).then_some(Seat { id, call, extension: self, side, leg })
        })
    }

    fn is_dialled(&self, call: &Call) -> bool {
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
    fn was_beaten(&self, call: &Call) -> bool {
        let rang = |who: &String| call.users.contains(who);
        let taken_by = call.answered_by.as_ref().filter(|who| rang(who));
        let taker = taken_by.or(call.answering_number.as_ref().filter(|who| rang(who)));
        call.users.iter().any(|user| self.is(user)) && taker.is_some_and(|taker| !self.is(taker))
    }
}

/// An extension's place in a call.
pub struct Seat<'c> {
    /// Of the call; of twins, that of the first.
    id: i64,
    call: &'c Call,
    extension: &'c Extension,
    side: Side,
    leg: Option<&'c Leg>,
}

impl Seat<'_> {
    /// Is it news for who knows everything up to `after`? Who dials hears of whatever is new of the call.
    pub fn has_moved(&self, after: i64, state_is_new: bool) -> bool {
        let of_call = self.side == Side::Caller || self.call.outcome == Some(Outcome::Lost);
        match self.leg {
            None => state_is_new,
            Some(leg) => leg.moved.unwrap_or(self.call.change) > after || (state_is_new && of_call),
        }
    }

    /// Tells the legs of a call apart, and stays while the call goes on.
    fn slot(&self) -> i64 {
        let is_only_callee = self.extension.is_dialled(self.call);
        let place = self.call.users.iter().position(|user| self.extension.is(user));
        let number = match (self.leg, place) {
            _ if self.side == Side::Caller => return CALLER,
            (None, _) if is_only_callee => return CALLEE,
            (Some(_), _) if is_only_callee && self.call.internal => return CALLEE,
            (Some(leg), _) => i64::from(leg.number.max(1)),
            (None, Some(place)) => 1 + place as i64,
            (None, None) => return CALLEE,
        };
        if number < CALLEE { number } else { number + 1 }
    }

    /// Did another extension take the call?
    fn is_beaten(&self) -> bool {
        self.leg.is_none() && self.side == Side::Callee && self.extension.was_beaten(self.call)
    }

    /// Did somebody take it here? When is not always known.
    fn taken(&self) -> (bool, Option<Moment>) {
        match self.leg {
            Some(leg) if leg.taken() => (true, leg.taken_at()),
            Some(_) if self.side == Side::Callee => (false, None),
            _ if self.is_beaten() => (false, None),
            _ => (self.call.was_answered(), self.call.answered_at),
        }
    }

    fn status(&self) -> Status {
        let is_over = self.call.state == State::Ended || self.leg.is_some_and(|leg| leg.ended_at.is_some());
        match (self.side, self.taken().0) {
            _ if is_over || self.is_beaten() => Status::Hungup,
            (_, true) => Status::Connected,
            (Side::Callee, false) => Status::Ringing,
            (Side::Caller, false) => Status::DialingOut,
        }
    }

    fn cause(&self) -> &'static str {
        let said = self.leg.and_then(|leg| leg.cause).or(self.call.cause);
        if self.is_beaten() { "NO_ANSWER" } else { cause(said) }
    }
}

/// The PBX says so, or neither end is a number of the public network, nor withheld.
pub fn is_between_extensions(call: &Call) -> bool {
    let inside = |key: &Option<String>| {
        key.as_ref().is_some_and(|key| {
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*')
        })
    };
    call.internal || (inside(&call.from_key) && inside(&call.to_key))
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

fn cause(cause: Option<Cause>) -> &'static str {
    match cause {
        Some(Cause::Busy) => "BUSY",
        Some(Cause::NoAnswer) => "NO_ANSWER",
        Some(Cause::Congestion | Cause::NotFound) => "CONGESTION",
        _ => "DISCONNECTED",
    }
}
