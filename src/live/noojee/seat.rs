//! An extension's place in a call, and how it stands there. Pure.

use super::legs::{Extension, Side, Status, cause};
use crate::call::{Call, Leg, Moment, Outcome, State};

/// The number of who dials, among those of a call's legs.
const CALLER: i64 = 0;
/// That of who is dialled, or rings without being named by the PBX as a user.
const CALLEE: i64 = 15;

/// An extension's place in a call.
pub struct Seat<'c> {
    /// Of the call; of twins, that of the first.
    pub(super) id: i64,
    pub(super) call: &'c Call,
    pub(super) extension: &'c Extension,
    pub(super) side: Side,
    pub(super) leg: Option<&'c Leg>,
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
    pub(super) fn slot(&self) -> i64 {
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
    pub(super) fn taken(&self) -> (bool, Option<Moment>) {
        match self.leg {
            Some(leg) if leg.taken() => (true, leg.taken_at()),
            Some(_) if self.side == Side::Callee => (false, None),
            _ if self.is_beaten() => (false, None),
            _ => (self.call.was_answered(), self.call.answered_at),
        }
    }

    pub(super) fn status(&self) -> Status {
        let is_over = self.call.state == State::Ended || self.leg.is_some_and(|leg| leg.ended_at.is_some());
        match (self.side, self.taken().0) {
            _ if is_over || self.is_beaten() => Status::Hungup,
            (_, true) => Status::Connected,
            (Side::Callee, false) => Status::Ringing,
            (Side::Caller, false) => Status::DialingOut,
        }
    }

    pub(super) fn cause(&self) -> &'static str {
        let said = self.leg.and_then(|leg| leg.cause).or(self.call.cause);
        if self.is_beaten() { "NO_ANSWER" } else { cause(said) }
    }
}
