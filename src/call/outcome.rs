//! What follows from the facts of a call: its state, how it ended, and whether it wants a person. Pure.

use std::sync::LazyLock;

use chrono::TimeDelta;

use super::{Call, Cause, Decision, Direction, ERASED, Extra, Outcome, State};
use crate::number::{self, Number};

/// The name under which a call that was answered by a machine is reported (Zammad's rule, any letter case).
const VOICEMAIL: &str = "voicemail";

impl Call {
    /// State, outcome and tick from the facts.
    pub(super) fn settle(&mut self) {
        if let Some(extra) = self.extra.as_deref_mut().filter(|_| self.direction == Some(Direction::Out)) {
            extra.answered |= extra.answered_if_out;
        }
        self.estimate_answer();
        if let (Some(answered), Some(ended)) = (self.answered_at, self.ended_at) {
            self.answered_at = Some(answered.min(ended)); // reported late: never after the end
        }
        self.state = match (self.answered_at, self.ended_at) {
            (_, Some(_)) => State::Ended,
            (Some(_), None) => State::Connected,
            (None, None) => State::Ringing,
        };
        self.outcome = match (self.state, self.outcome) {
            (State::Ended, Some(Outcome::Lost)) => Some(Outcome::Lost),
            (State::Ended, _) => Some(self.ending()),
            _ => None,
        };
        if self.done_by.is_none() {
            self.done = !self.wants_a_person();
        }
        self.open = self.state == State::Ended && !self.done;
    }

    /// Some PBXes tell of an answer only by the length of the talk.
    fn estimate_answer(&mut self) {
        let (Some(extra), Some(ended)) = (self.extra.as_deref_mut(), self.ended_at) else { return };
        if let Some(talk) = extra.reported_talking_ms.filter(|_| extra.answered && extra.legs.is_empty())
            && (self.answered_at.is_none() || extra.estimated)
        {
            let at = ended - TimeDelta::milliseconds(talk);
            (self.answered_at, extra.estimated) = (Some(at.max(self.started_at)), true);
        }
    }

    fn ending(&self) -> Outcome {
        if matches!(self.decision, Some(Decision::Reject { .. })) || self.cause == Some(Cause::Blocked) {
            return Outcome::Blocked;
        }
        if self.by_machine() {
            return Outcome::Voicemail;
        }
        if self.was_answered() {
            return Outcome::Answered;
        }
        match (self.direction, self.cause) {
            (_, Some(Cause::Forwarded)) => Outcome::Forwarded,
            (Some(Direction::Out), Some(Cause::Busy)) => Outcome::Busy,
            (Some(Direction::Out), Some(Cause::Cancel | Cause::NormalClearing)) => Outcome::Cancelled,
            (Some(Direction::Out), Some(Cause::Congestion | Cause::NotFound)) => Outcome::Failed,
            _ => Outcome::Missed,
        }
    }

    /// Inbound and not (yet) spoken to. A call of unknown direction may have been a customer's: it counts as inbound.
    fn wants_a_person(&self) -> bool {
        if self.direction == Some(Direction::Out) || self.internal {
            return false;
        }
        match self.outcome {
            None => self.answered_at.is_none(),
            Some(Outcome::Missed | Outcome::Voicemail) => true,
            Some(Outcome::Lost) => !self.was_answered(),
            Some(_) => false,
        }
    }

    /// Did people speak? (What ticks the missed calls of the same number.)
    pub fn reached(&self) -> bool {
        self.was_answered() && !self.by_machine()
    }

    /// What only some dialects tell; blank where there is nothing.
    pub fn extra(&self) -> &Extra {
        static NOTHING: LazyLock<Extra> = LazyLock::new(Extra::default);
        self.extra.as_deref().unwrap_or(&NOTHING)
    }

    /// Was it taken, be it that nobody said when?
    pub fn was_answered(&self) -> bool {
        self.answered_at.is_some() || self.extra.as_ref().is_some_and(|extra| extra.answered)
    }

    fn by_machine(&self) -> bool {
        self.cause == Some(Cause::Voicemail)
            || self.answered_by.as_deref().is_some_and(|who| who.eq_ignore_ascii_case(VOICEMAIL))
    }

    /// The far end's number in its normal form; `None` for withheld, unknown and erased ones.
    pub fn party(&self) -> Option<&str> {
        let key = if self.direction == Some(Direction::Out) { &self.to_key } else { &self.from_key };
        key.as_deref().filter(|key| ![Number::WITHHELD, ERASED].contains(key))
    }

    /// Is it one between extensions: does the PBX say so, or is neither end a number of the public network, nor withheld?
    pub fn is_between_extensions(&self) -> bool {
        let inside = |key: &Option<String>| key.as_deref().is_some_and(number::is_extension);
        self.internal || (inside(&self.from_key) && inside(&self.to_key))
    }

    /// How long it rang, in ms. `None` while it rings, and where nobody said when it was answered.
    pub fn waiting_ms(&self) -> Option<i64> {
        let until = self.answered_at.or(self.ended_at.filter(|_| !self.was_answered()))?;
        Some((until - self.started_at).num_milliseconds().max(0))
    }

    /// How long people spoke, in ms. `None` until an answered call ended.
    pub fn talking_ms(&self) -> Option<i64> {
        Some((self.ended_at? - self.answered_at?).num_milliseconds().max(0))
    }
}
