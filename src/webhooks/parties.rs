//! Which extensions a call is about.

use crate::call::{Call, Direction, Leg};

/// All names under which an extension may stand in a call: who rang, dialled or answered, and both ends.
pub fn extensions(call: &Call) -> impl Iterator<Item = &str> {
    let users = call.users.iter().map(String::as_str);
    let takers = call.answered_by.iter().flat_map(|takers| takers.split(", "));
    let ends = [
        &call.answering_number,
        &call.dialed_from,
        &call.from_number,
        &call.from_key,
        &call.to_number,
        &call.to_key,
    ];
    let legs = call.extra().legs.iter().flat_map(of_leg);
    users.chain(takers).chain(ends.into_iter().flatten().map(String::as_str)).chain(legs)
}

/// The same of one leg.
pub fn of_leg(leg: &Leg) -> impl Iterator<Item = &str> {
    leg.users.iter().chain(&leg.answering_number).map(String::as_str)
}

/// The extension that a call came in to; of an answered one, where it was taken.
pub fn called(call: &Call) -> Option<&str> {
    let taken = call.answering_number.as_deref().or(call.answered_by.as_deref());
    taken.or_else(|| call.users.first().map(String::as_str)).filter(|_| !is_out(call))
}

/// The extension that dialled.
pub fn calling(call: &Call) -> Option<&str> {
    let user = || call.users.first().map(String::as_str);
    call.dialed_from.as_deref().or_else(user).or(call.from_number.as_deref()).filter(|_| is_out(call))
}

/// Seen from the PBX's owner.
pub fn is_out(call: &Call) -> bool {
    call.direction == Some(Direction::Out)
}
