//! A call and its legs. What we know of such a call follows from the set of its legs, so that here too neither order
//! nor repetition matters. Pure.

use super::event::{CallEvent, Extra, LegName};
use super::leg::Leg;
use super::terms::{Direction, Kind, Outcome, Place};
use super::{Call, Moment};

/// The most legs that are kept of one call. Behind it, one that rang in vain gives way.
const MOST: usize = 100;

impl Call {
    /// What an event says of one leg; the call follows.
    pub(super) fn hear_leg(&mut self, event: &CallEvent) -> bool {
        let Some(name) = event.leg() else { return false };
        let extra = self.extra.get_or_insert_default();
        let known = known_leg(&extra.legs, name, event.direction).cloned();
        let mut leg = known.clone().unwrap_or_else(|| {
            let last = extra.legs.iter().map(|leg| leg.number).max().unwrap_or(0);
            Leg::begin(name, last + 1, event.at)
        });
        leg.hear(event);
        let news = event.more.as_ref().is_some_and(|more| extra.learn(&of_the_call(&more.extra)));
        if known.as_ref() == Some(&leg) {
            return news;
        }
        put(&mut extra.legs, known.as_ref(), leg);
        if event.kind == Kind::Hangup && self.outcome == Some(Outcome::Lost) {
            self.outcome = None; // the sweep's guess gives way to the PBX's word
        }
        self.follow_legs();
        true
    }

    /// Before the call changes again: the legs that moved at its last change are given that change's number.
    pub fn number_legs(&mut self) {
        let change = self.change;
        let legs = self.extra.iter_mut().flat_map(|extra| &mut extra.legs);
        legs.for_each(|leg| leg.moved = leg.moved.or(Some(change)));
    }

    /// The leg that took the call; of an internal one, where it rang.
    pub fn taker(&self) -> Option<&Leg> {
        taker(&self.extra().legs, if self.internal { Some(Direction::In) } else { self.direction })
    }

    /// What the set of legs says of the call.
    fn follow_legs(&mut self) {
        let Some(mut extra) = self.extra.take() else { return };
        self.who_and_whom(&mut extra);
        let taker = taker(&extra.legs, if self.internal { Some(Direction::In) } else { self.direction });
        let bridged = machine(&extra.legs).is_some_and(|leg| leg.bridged == Some(true));
        let by_us = taker.filter(|leg| leg.direction != Some(Direction::Out) || leg.transferred);
        self.answered_by = by_us.map(|leg| leg.users.join(", ")).filter(|users| !users.is_empty());
        self.answering_number = taker.and_then(Leg::taken_where);
        self.answered_at = taker.and_then(Leg::taken_at);
        let estimated = taker.is_some_and(|leg| leg.answered_at.is_none() && leg.taken_at().is_some());
        let (answered, talk) = (taker.is_some() || bridged, taker.and_then(|leg| leg.reported_talking_ms));
        (extra.answered, extra.estimated, extra.reported_talking_ms) = (answered, estimated, talk);
        self.end_with(&extra.legs);
        self.extra = Some(extra);
    }

    fn who_and_whom(&mut self, extra: &mut Extra) {
        self.internal = extra.legs.iter().all(|leg| leg.internal == Some(true));
        let mut legs: Vec<&Leg> = extra.legs.iter().collect();
        // the first leg tells what call it is, but none to where it was forwarded; of an internal one, that which dials
        legs.sort_by_key(|leg| (leg.transferred, self.internal && leg.direction != Some(Direction::Out)));
        self.direction = legs.iter().find_map(|leg| leg.direction);
        (self.from_number, self.from_key) = legs.iter().find_map(|leg| leg.from.clone()).unzip();
        (self.to_number, self.to_key) = legs.iter().find_map(|leg| leg.to.clone()).unzip();
        let (did, name) =
            (legs.iter().find_map(|leg| leg.did.clone()), legs.iter().find_map(|leg| leg.from_name.clone()));
        let recording = legs.iter().find_map(|leg| leg.recording_id.clone());
        self.queue = extra.legs.iter().rev().find_map(|leg| leg.queue.clone());
        let ours = extensions(&extra.legs).filter(|leg| !leg.transferred && leg.direction == self.direction);
        self.users.clear();
        for user in ours.flat_map(|leg| &leg.users) {
            if !self.users.contains(user) {
                self.users.push(user.clone());
            }
        }
        (extra.did, extra.from_name, extra.recording_id) = (did, name, recording);
    }

    /// It ends with its last leg.
    fn end_with(&mut self, legs: &[Leg]) {
        let ended: Option<Vec<Moment>> = legs.iter().map(|leg| leg.ended_at).collect();
        match ended.and_then(|ended| ended.into_iter().max()) {
            None if self.outcome == Some(Outcome::Lost) => {}
            ended => self.ended_at = ended,
        }
        let deciding =
            taken(legs).max_by_key(last).or_else(|| machine(legs)).or_else(|| legs.iter().max_by_key(last));
        self.cause = deciding.and_then(|leg| leg.cause);
        self.raw_cause = deciding.and_then(|leg| leg.raw_cause.clone());
    }
}

/// The leg that an event is of. One that leaves that open is of the only leg that it can be of and that goes on; where
/// none goes on, it repeats what was told of the last. A leg of which only such events told is that of the first event
/// which says.
fn known_leg<'l>(legs: &'l [Leg], name: &LegName, direction: Option<Direction>) -> Option<&'l Leg> {
    let named = legs.iter().find(|leg| leg.leg_id == name.id);
    let can_be =
        |leg: &&Leg| agree(leg.direction, direction) && agree(leg.owner.as_ref(), name.owner.as_ref());
    let guessed = || {
        if !name.vague {
            return legs.first().filter(|leg| leg.vague && legs.len() == 1 && can_be(leg));
        }
        let mut going_on = legs.iter().filter(can_be).filter(|leg| leg.ended_at.is_none());
        match (going_on.next(), going_on.next()) {
            (None, _) => legs.iter().filter(can_be).max_by_key(|leg| leg.ended_at),
            (only, None) => only,
            _ => None,
        }
    };
    named.or_else(guessed)
}

/// What is not told agrees with everything.
fn agree<T: PartialEq>(known: Option<T>, said: Option<T>) -> bool {
    known.is_none() || said.is_none() || known == said
}

/// What an event says that is no leg's own.
fn of_the_call(said: &Extra) -> Extra {
    Extra { did: None, from_name: None, recording_id: None, reported_talking_ms: None, ..said.clone() }
}

fn extensions(legs: &[Leg]) -> impl Iterator<Item = &Leg> {
    legs.iter().filter(|leg| leg.place == Place::Extension)
}

fn taken(legs: &[Leg]) -> impl Iterator<Item = &Leg> {
    legs.iter().filter(|leg| leg.taken())
}

/// The first that was taken, of that direction if there is one.
fn taker(legs: &[Leg], direction: Option<Direction>) -> Option<&Leg> {
    taken(legs).min_by_key(|leg| (leg.direction != direction, leg.taken_at().is_none(), leg.taken_at()))
}

/// A queue or IVR that said whether a person took the call: the queue's word counts more than the IVR's, and the
/// last queue's more than that of others (Telphin, "Missed calls of IVR and queue").
fn machine(legs: &[Leg]) -> Option<&Leg> {
    let said = |leg: &&Leg| leg.bridged.is_some();
    legs.iter().filter(said).max_by_key(|leg| (leg.place == Place::Queue, leg.ended_at))
}

/// Which leg's cause is the call's.
fn last(leg: &&Leg) -> (Option<Moment>, bool) {
    (leg.ended_at, leg.cause.is_some() || leg.raw_cause.is_some())
}

/// Keeps them by time. `leg` takes the place of what was known of it.
fn put(legs: &mut Vec<Leg>, known: Option<&Leg>, leg: Leg) {
    legs.retain(|other| known.is_none_or(|known| known.leg_id != other.leg_id));
    if legs.len() >= MOST {
        let in_vain = |leg: &Leg| leg.ended_at.is_some() && !leg.taken() && leg.place == Place::Extension;
        legs.remove(legs.iter().position(in_vain).unwrap_or(0));
    }
    legs.push(leg);
    legs.sort_by(|a, b| (a.started_at, &a.leg_id).cmp(&(b.started_at, &b.leg_id)));
}

#[cfg(test)]
mod tests;
