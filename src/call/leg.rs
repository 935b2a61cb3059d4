//! One leg of a call: some PBXes tell of each extension that rings, is answered and hangs up by itself (Telphin's
//! SubCallID, VoipNow's extensions). Pure.

use serde::{Deserialize, Serialize};

use super::event::{CallEvent, LegName, More};
use super::terms::{Cause, Direction, Kind, Place};
use super::{Moment, earlier, fill};
use crate::number::Number;

/// One leg of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Unique within the call.
    pub leg_id: String,
    /// What rang.
    pub place: Place,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// No event said which leg it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vague: bool,
    /// Counts the call's legs from 1, as they were heard of; 0 of legs of older versions.
    #[serde(default)]
    pub number: u32,
    /// The call's change by which it began, was taken or ended; `None` until that has a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<i64>,
    /// Seen from the PBX's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The caller's name as the PBX showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
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
    pub(super) fn begin(name: &LegName, number: u32, at: Moment) -> Self {
        Self {
            leg_id: name.id.clone(),
            place: name.place,
            owner: name.owner.clone(),
            vague: name.vague,
            number,
            moved: None,
            direction: None,
            from_name: None,
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
    pub(super) fn hear(&mut self, event: &CallEvent) {
        let stood = (self.taken(), self.ended_at.is_some());
        self.take_in(event);
        if stood != (self.taken(), self.ended_at.is_some()) {
            self.moved = None;
        }
    }

    fn take_in(&mut self, event: &CallEvent) {
        self.started_at = self.started_at.min(event.at);
        if let Some(more) = &event.more {
            self.learn(more, event.from.as_ref());
        }
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
            Kind::Answer if event.more.as_ref().is_some_and(|more| more.or_hangup) => {
                self.answer_or_end(event);
            }
            Kind::Answer => self.answered_at = earlier(self.answered_at, event.at),
            Kind::Hangup => {
                self.ended_at = earlier(self.ended_at, event.at);
                if self.cause.is_none() && self.raw_cause.is_none() {
                    (self.cause, self.raw_cause) = (event.cause, event.raw_cause.clone());
                }
            }
        }
    }

    fn learn(&mut self, more: &More, from: Option<&Number>) {
        if let Some(name) = &more.leg {
            self.name(name);
        }
        if self.internal == Some(true) && more.internal == Some(false) {
            // the number outside, of a call that was transferred within: only some events tell
            (self.internal, self.from) = (Some(false), from.map(pair));
        }
        fill(&mut self.internal, more.internal.as_ref());
        fill(&mut self.from_name, more.extra.from_name.as_ref());
        fill(&mut self.did, more.extra.did.as_ref());
        fill(&mut self.bridged, more.bridged.as_ref());
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

    /// Only some events tell whose leg it is, and what.
    fn name(&mut self, said: &LegName) {
        if self.vague && !said.vague {
            (self.leg_id, self.vague) = (said.id.clone(), false);
        }
        if self.place == Place::Extension {
            self.place = said.place;
        }
        fill(&mut self.owner, said.owner.as_ref());
    }

    /// One word for both: the first is the answer, the next one the hangup.
    fn answer_or_end(&mut self, event: &CallEvent) {
        match self.answered_at {
            Some(answered) if answered == event.at => return, // a repeat
            Some(answered) => {
                self.ended_at = earlier(self.ended_at, answered.max(event.at));
                (self.cause, self.raw_cause) = (event.cause, event.raw_cause.clone());
            }
            None => {}
        }
        self.answered_at = earlier(self.answered_at, event.at);
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

    /// Where: reported, else the extension that rang.
    pub(super) fn taken_where(&self) -> Option<String> {
        let rang = self.owner.as_ref().filter(|_| self.direction != Some(Direction::Out));
        self.answering_number.as_ref().or(rang).cloned()
    }
}

fn pair(number: &Number) -> (String, String) {
    (number.raw().to_owned(), number.key().to_owned())
}
