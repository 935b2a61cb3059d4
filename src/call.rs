//! What a PBX said (`CallEvent`), what we know of a call (`Call`), and how the one moves the other. Pure.
//!
//! What an event does is a union, not the last word: every field is filled once, times only move to the earlier
//! one that a PBX reported, and state, outcome and tick follow from the facts. So the order and the number of
//! times in which a PBX tells its story do not matter.

mod event;
mod leg;
mod legs;
mod outcome;
mod terms;

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::number::Number;
pub use event::{CallEvent, Extra, LegName, More};
pub use leg::Leg;
pub use terms::{Cause, Decision, Direction, Kind, Outcome, Place, Reason, State};

/// A moment in UTC, in whole milliseconds (what both databases keep).
pub type Moment = NaiveDateTime;

/// A call id that ended longer ago than this is a new call when the PBX uses it again (real PBXes do).
pub const REUSE_AFTER: TimeDelta = TimeDelta::seconds(60);

/// The same where legs are told apart: such ids are seldom used again, and who waits in a queue may ring nowhere for
/// a while.
const LEGS_REUSE_AFTER: TimeDelta = TimeDelta::hours(1);

/// The key of a number that was taken away. It is nobody's.
pub const ERASED: &str = "";

/// One row of the caller log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The change number of the event that made it.
    pub id: i64,
    /// Whose call.
    pub pbx_id: i64,
    /// As the PBX names it.
    pub call_id: String,
    /// A second part of its name; empty where the dialect has none.
    pub leg_id: String,
    /// 1, and more where the PBX used the id again.
    pub incarnation: i32,
    /// Unknown until an event says.
    pub direction: Option<Direction>,
    /// The caller as shown: as sent, or the caller ID that a rule chose.
    pub from_number: Option<String>,
    /// Its normal form (`number::Number`), for finding; empty where the number was taken away (`ERASED`).
    pub from_key: Option<String>,
    /// What really dialled, where a rule chose the caller ID.
    pub dialed_from: Option<String>,
    /// The callee as sent.
    pub to_number: Option<String>,
    /// Its normal form.
    pub to_key: Option<String>,
    /// Who rang, or who dialled.
    pub users: Vec<String>,
    /// Who took it.
    pub answered_by: Option<String>,
    /// Where it was taken.
    pub answering_number: Option<String>,
    /// The queue that the caller came through.
    pub queue: Option<String>,
    /// Derived by `settle`.
    pub state: State,
    /// Derived by `settle`; only of an ended call.
    pub outcome: Option<Outcome>,
    /// Why it ended.
    pub cause: Option<Cause>,
    /// The PBX's word for that.
    pub raw_cause: Option<String>,
    /// What the PBX was told. `None` until a newCall came.
    pub decision: Option<Decision>,
    /// The earliest that we know of it.
    pub started_at: Moment,
    /// When it was taken.
    pub answered_at: Option<Moment>,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// Both ends are ours.
    pub internal: bool,
    /// The worklist tick.
    pub done: bool,
    /// Who ticked or unticked it; `None` while it follows from the facts.
    pub done_by: Option<String>,
    /// When.
    pub done_at: Option<Moment>,
    /// Ended, wants a person, not ticked: what the partial index of the worklist holds.
    pub open: bool,
    /// A person's note.
    pub note: Option<String>,
    /// What only some dialects tell; `None` for nothing.
    pub extra: Option<Box<Extra>>,
    /// The number of its last change.
    pub change: i64,
}

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The call knows more than before.
    Applied,
    /// Nothing that we had not heard.
    Repeat,
}

impl Call {
    /// A call of which `event` is the first that we hear.
    pub fn begin(pbx_id: i64, incarnation: i32, event: &CallEvent) -> Self {
        Self {
            id: 0,
            pbx_id,
            call_id: event.call_id.clone(),
            leg_id: event.leg_id.clone(),
            incarnation,
            direction: None,
            from_number: None,
            from_key: None,
            dialed_from: None,
            to_number: None,
            to_key: None,
            users: Vec::new(),
            answered_by: None,
            answering_number: None,
            queue: None,
            state: State::Ringing,
            outcome: None,
            cause: None,
            raw_cause: None,
            decision: None,
            started_at: event.at,
            answered_at: None,
            ended_at: None,
            internal: false,
            done: true,
            done_by: None,
            done_at: None,
            open: false,
            note: None,
            extra: None,
            change: 0,
        }
    }

    /// Does `event`, which names this call's id, begin another call? PBXes use ids again: after a while, or at once
    /// for somebody else, whether or not a hangup came. (Legs of one call may name different callers.)
    pub fn is_over_for(&self, event: &CallEvent) -> bool {
        let has_legs = event.leg().is_some();
        let reuse_after = if has_legs { LEGS_REUSE_AFTER } else { REUSE_AFTER };
        let ended_long_ago = self.ended_at.is_some_and(|ended| event.at - ended > reuse_after);
        event.kind == Kind::NewCall && (ended_long_ago || !has_legs && self.is_with_somebody_else(event))
    }

    /// Does `event` name another direction, or in the same another far end?
    fn is_with_somebody_else(&self, event: &CallEvent) -> bool {
        let (known, said) = match self.direction {
            Some(Direction::In) => (&self.from_key, &event.from),
            Some(Direction::Out) => (&self.to_key, &event.to),
            None => return false,
        };
        event.direction.is_some_and(|direction| Some(direction) != self.direction)
            || matches!((known, said), (Some(known), Some(said)) if known != said.key())
    }

    /// Takes in what `event` says. `decided` is what the rules say of it; the first newCall's decision stays. A late
    /// event brings nothing back of what was erased.
    pub fn apply(&mut self, event: &CallEvent, decided: Decision) -> Effect {
        if [&self.from_key, &self.to_key].into_iter().any(|key| key.as_deref() == Some(ERASED)) {
            return Effect::Repeat;
        }
        let began =
            event.more.as_ref().and_then(|more| more.started_at).map_or(event.at, |at| at.min(event.at));
        let mut news = began < self.started_at;
        self.started_at = self.started_at.min(began);
        news |= match event.leg() {
            Some(_) => self.hear_leg(event),
            None => self.hear(event),
        };
        if event.kind == Kind::NewCall && self.decision.is_none() {
            self.decide(event, decided);
            news = true;
        }
        if !news {
            return Effect::Repeat;
        }
        self.settle();
        Effect::Applied
    }

    /// What an event says of the call as a whole.
    fn hear(&mut self, event: &CallEvent) -> bool {
        let mut news = fill(&mut self.direction, event.direction.as_ref());
        news |= self.fill_from(event.from.as_ref());
        news |= fill_number(&mut self.to_number, &mut self.to_key, event.to.as_ref());
        news |= fill(&mut self.queue, event.queue.as_ref());
        news |= fill(&mut self.answering_number, event.answering_number.as_ref());
        news |= match event.kind {
            Kind::NewCall => self.ring(event),
            Kind::Answer => self.answer(event),
            Kind::Hangup => self.hang_up(event),
        };
        if let Some(more) = &event.more {
            news |= self.learn(more);
        }
        news
    }

    /// The caller; where a rule chose the caller ID, what really dialled.
    fn fill_from(&mut self, said: Option<&Number>) -> bool {
        if matches!(self.decision, Some(Decision::Dial { .. })) {
            return fill(&mut self.dialed_from, said.map(|number| number.raw().to_owned()).as_ref());
        }
        fill_number(&mut self.from_number, &mut self.from_key, said)
    }

    fn ring(&mut self, event: &CallEvent) -> bool {
        let news = self.users.is_empty() && !event.users.is_empty();
        if news {
            self.users.clone_from(&event.users);
        }
        news
    }

    fn decide(&mut self, event: &CallEvent, decided: Decision) {
        match &decided {
            Decision::Accept => {}
            Decision::Reject { .. } => self.ended_at = earlier(self.ended_at, event.at),
            Decision::Dial { caller_id, .. } => {
                self.dialed_from = self.from_number.replace(caller_id.clone());
                self.from_key = Some(Number::key_of_caller_id(caller_id));
            }
        }
        self.decision = Some(decided);
    }

    fn answer(&mut self, event: &CallEvent) -> bool {
        let news = self.answered(event.at);
        let taker = (!event.users.is_empty()).then(|| event.users.join(", "));
        fill(&mut self.answered_by, taker.as_ref()) || news
    }

    /// It was taken then; the earliest report counts, and any counts more than our estimate.
    fn answered(&mut self, at: Moment) -> bool {
        let mut known = self.answered_at;
        if let Some(extra) = self.extra.as_deref_mut().filter(|extra| extra.estimated) {
            extra.estimated = false;
            (self.answered_at, known) = (None, None);
        }
        self.answered_at = earlier(self.answered_at, at);
        if let Some(ended) = self.ended_at {
            self.answered_at = earlier(self.answered_at, ended); // reported late: never after the end
        }
        self.answered_at != known
    }

    fn hang_up(&mut self, event: &CallEvent) -> bool {
        if self.outcome == Some(Outcome::Lost) {
            (self.outcome, self.ended_at) = (None, None); // the sweep's guess gives way to the PBX's word
        }
        let known = self.ended_at;
        self.ended_at = earlier(known, event.at);
        let mut news = self.ended_at != known;
        if self.cause.is_none() && self.raw_cause.is_none() {
            (self.cause, self.raw_cause) = (event.cause, event.raw_cause.clone());
            news |= self.raw_cause.is_some() || self.cause.is_some();
        }
        news
    }

    /// What only some dialects tell.
    fn learn(&mut self, more: &More) -> bool {
        let known = (self.answered_at, self.internal, self.users.len());
        if let Some(at) = more.answered_at {
            self.answered(at);
        }
        self.internal |= more.internal == Some(true);
        if let Some(agent) = more.rang.as_ref().filter(|agent| !self.users.contains(agent)) {
            self.users.push(agent.clone());
        }
        let by_agent = fill(&mut self.answered_by, more.rang.as_ref().filter(|_| more.answered));
        let extra = self.extra.get_or_insert_default();
        let known_answer = (extra.answered, extra.answered_if_out);
        let mut news = extra.learn(&more.extra);
        extra.answered |= more.answered;
        extra.answered_if_out |= more.answered_if_out;
        news |= by_agent || known_answer != (extra.answered, extra.answered_if_out);
        if **extra == Extra::default() {
            self.extra = None;
        }
        news |= known != (self.answered_at, self.internal, self.users.len());
        news
    }

    /// Closes a call for which no hangup came.
    pub fn close_as_lost(&mut self, now: Moment) {
        self.ended_at = Some(now);
        self.outcome = Some(Outcome::Lost);
        self.settle();
    }

    /// A person's tick, or their untick; no event undoes it.
    pub fn tick(&mut self, done: bool, by: &str, at: Moment) {
        self.done = done;
        self.done_by = Some(by.into());
        self.done_at = Some(at);
        self.settle();
    }
}

/// Fills a blank; says whether it did.
fn fill<T: Clone>(known: &mut Option<T>, said: Option<&T>) -> bool {
    if known.is_none() && said.is_some() {
        *known = said.cloned();
        return true;
    }
    false
}

fn fill_number(text: &mut Option<String>, key: &mut Option<String>, said: Option<&Number>) -> bool {
    let (None, Some(number)) = (text.as_ref(), said) else { return false };
    *text = Some(number.raw().into());
    *key = Some(number.key().into());
    true
}

fn earlier(known: Option<Moment>, said: Moment) -> Option<Moment> {
    Some(known.map_or(said, |known| known.min(said)))
}

#[cfg(test)]
mod tests;
