//! The legs of a call: some PBXes tell of each extension that rings, is answered and hangs up by itself (Telphin's
//! SubCallID, VoipNow's extensions). They are one call: what we know of it follows from the set of its legs, so that
//! here too neither order nor repetition matters. Pure.

use serde::{Deserialize, Serialize};

use super::event::{CallEvent, Extra, LegName};
use super::terms::{Cause, Direction, Kind, Outcome, Place};
use super::{Call, Moment, earlier, fill};

/// The most legs that are kept of one call. Behind it, one that rang in vain gives way.
const MOST: usize = 100;

/// One leg of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Unique within the call.
    pub leg_id: String,
    /// What rang.
    pub place: Place,
    /// Seen from the PBX's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The caller as sent, and its normal form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<(String, String)>,
    /// The callee as sent, and its normal form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<(String, String)>,
    /// The public number that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did: Option<String>,
    /// Who rang, or who dialled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// The queue's name, of a queue's leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answering_number: Option<String>,
    /// The earliest that we know of it.
    pub started_at: Moment,
    /// When it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Moment>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Moment>,
    /// It was taken; perhaps nobody said when.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered: bool,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The PBX's word for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_cause: Option<String>,
    /// Of a queue's or an IVR's leg: did a person take the call?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridged: Option<bool>,
    /// Both its ends are the PBX's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal: Option<bool>,
    /// It leads to where the call was forwarded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transferred: bool,
    /// The recording's name at the PBX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_id: Option<String>,
    /// How long people spoke, as the PBX reports it, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_talking_ms: Option<i64>,
}

impl Leg {
    fn begin(name: &LegName, at: Moment) -> Self {
        Self {
            leg_id: name.id.clone(),
            place: name.place,
            direction: None,
            from: None,
            to: None,
            did: None,
            users: Vec::new(),
            queue: None,
            answering_number: None,
            started_at: at,
            answered_at: None,
            ended_at: None,
            answered: false,
            cause: None,
            raw_cause: None,
            bridged: None,
            internal: None,
            transferred: false,
            recording_id: None,
            reported_talking_ms: None,
        }
    }

    /// Fills blanks; times move to the earlier one reported.
    fn hear(&mut self, event: &CallEvent) {
        let pair = |number: &crate::number::Number| (number.raw().to_owned(), number.key().to_owned());
        fill(&mut self.direction, event.direction.as_ref());
        fill(&mut self.from, event.from.as_ref().map(pair).as_ref());
        fill(&mut self.to, event.to.as_ref().map(pair).as_ref());
        fill(&mut self.queue, event.queue.as_ref());
        fill(&mut self.answering_number, event.answering_number.as_ref());
        if self.users.is_empty() {
            self.users.clone_from(&event.users);
        }
        match event.kind {
            Kind::NewCall => {}
            Kind::Answer => self.answered_at = earlier(self.answered_at, event.at),
            Kind::Hangup => {
                self.ended_at = earlier(self.ended_at, event.at);
                if self.cause.is_none() && self.raw_cause.is_none() {
                    (self.cause, self.raw_cause) = (event.cause, event.raw_cause.clone());
                }
            }
        }
        self.started_at = self.started_at.min(event.at);
        let Some(more) = &event.more else { return };
        fill(&mut self.did, more.extra.did.as_ref());
        fill(&mut self.bridged, more.bridged.as_ref());
        fill(&mut self.internal, more.internal.as_ref());
        fill(&mut self.recording_id, more.extra.recording_id.as_ref());
        fill(&mut self.reported_talking_ms, more.extra.reported_talking_ms.as_ref());
        self.answered |= more.answered;
        self.transferred |= more.transferred;
        if let Some(at) = more.started_at {
            self.started_at = self.started_at.min(at);
        }
        if let Some(at) = more.answered_at {
            self.answered_at = earlier(self.answered_at, at);
        }
    }

    /// Did a person take it? What a queue or an IVR takes, it takes as a machine.
    pub fn taken(&self) -> bool {
        self.place == Place::Extension && (self.answered || self.answered_at.is_some())
    }

    /// When: reported, or the end less the reported talk.
    pub fn taken_at(&self) -> Option<Moment> {
        let estimate = || {
            let talk = chrono::TimeDelta::milliseconds(self.reported_talking_ms?);
            Some((self.ended_at? - talk).max(self.started_at))
        };
        self.taken().then(|| self.answered_at.or_else(estimate)).flatten()
    }
}

impl Call {
    /// What an event says of one leg; the call follows.
    pub(super) fn hear_leg(&mut self, event: &CallEvent) -> bool {
        let Some(name) = event.leg() else { return false };
        let extra = self.extra.get_or_insert_default();
        let known = extra.legs.iter().find(|leg| leg.leg_id == name.id).cloned();
        let mut leg = known.clone().unwrap_or_else(|| Leg::begin(name, event.at));
        leg.hear(event);
        let of_leg =
            |said: &Extra| Extra { did: None, recording_id: None, reported_talking_ms: None, ..said.clone() };
        let news = event.more.as_ref().is_some_and(|more| extra.learn(&of_leg(&more.extra)));
        if known.as_ref() == Some(&leg) {
            return news;
        }
        put(&mut extra.legs, leg);
        if event.kind == Kind::Hangup && self.outcome == Some(Outcome::Lost) {
            self.outcome = None; // the sweep's guess gives way to the PBX's word
        }
        self.follow_legs();
        true
    }

    /// What the set of legs says of the call.
    fn follow_legs(&mut self) {
        let Some(extra) = self.extra.as_deref_mut() else { return };
        let legs = &extra.legs;
        let extensions = || legs.iter().filter(|leg| leg.place == Place::Extension);
        let taken = extensions()
            .filter(|leg| leg.taken())
            .min_by_key(|leg| (leg.taken_at().is_none(), leg.taken_at()));
        let machine = deciding_machine(legs);
        let bridged = machine.is_some_and(|leg| leg.bridged == Some(true));

        self.direction = legs.iter().find_map(|leg| leg.direction);
        (self.from_number, self.from_key) = legs.iter().find_map(|leg| leg.from.clone()).unzip();
        (self.to_number, self.to_key) = legs.iter().find_map(|leg| leg.to.clone()).unzip();
        self.queue = legs.iter().rev().find_map(|leg| leg.queue.clone());
        self.users.clear();
        let ours = extensions().filter(|leg| !leg.transferred && leg.direction == self.direction);
        for user in ours.flat_map(|leg| &leg.users) {
            if !self.users.contains(user) {
                self.users.push(user.clone());
            }
        }
        self.answered_by = taken.map(|leg| leg.users.join(", ")).filter(|users| !users.is_empty());
        self.answering_number = taken.and_then(|leg| leg.answering_number.clone());
        self.answered_at = taken.and_then(Leg::taken_at);
        let ended = legs.iter().map(|leg| leg.ended_at).collect::<Option<Vec<_>>>();
        match ended.and_then(|ended| ended.into_iter().max()) {
            None if self.outcome == Some(Outcome::Lost) => {}
            ended => self.ended_at = ended,
        }
        let last = |leg: &&Leg| (leg.ended_at, leg.cause.is_some() || leg.raw_cause.is_some());
        let deciding = match machine {
            Some(leg) if taken.is_none() => Some(leg),
            _ if taken.is_some() => extensions().filter(|leg| leg.taken()).max_by_key(last),
            _ => legs.iter().max_by_key(last),
        };
        self.cause = deciding.and_then(|leg| leg.cause);
        self.raw_cause = deciding.and_then(|leg| leg.raw_cause.clone());
        self.internal = legs.iter().all(|leg| leg.internal == Some(true));
        extra.answered = taken.is_some() || bridged;
        extra.did = legs.iter().find_map(|leg| leg.did.clone());
        extra.recording_id = legs.iter().find_map(|leg| leg.recording_id.clone());
        extra.reported_talking_ms = taken.and_then(|leg| leg.reported_talking_ms);
        extra.estimated = taken.is_some_and(|leg| leg.answered_at.is_none() && leg.taken_at().is_some());
    }
}

/// A queue or IVR that said whether a person took the call: the queue's word counts more than the IVR's, and the
/// last queue's more than that of others (Telphin, "Missed calls of IVR and queue").
fn deciding_machine(legs: &[Leg]) -> Option<&Leg> {
    let last = |place| legs.iter().rev().find(|leg| leg.place == place && leg.bridged.is_some());
    last(Place::Queue).or_else(|| last(Place::Ivr))
}

/// Keeps them by time.
fn put(legs: &mut Vec<Leg>, leg: Leg) {
    legs.retain(|known| known.leg_id != leg.leg_id);
    if legs.len() >= MOST {
        let vain = legs
            .iter()
            .position(|leg| leg.ended_at.is_some() && !leg.taken() && leg.place == Place::Extension);
        legs.remove(vain.unwrap_or(0));
    }
    legs.push(leg);
    legs.sort_by(|a, b| (a.started_at, &a.leg_id).cmp(&(b.started_at, &b.leg_id)));
}
