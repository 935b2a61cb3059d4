//! What one transaction writes: the arrivals' journal entries and the calls that they move, folded in memory so
//! that each call is written once however many of its events came together.

use std::collections::HashMap;
use std::sync::Arc;

use super::calls::CallKey;
use super::journal::{Entry, Verdict};
use crate::call::{Call, CallEvent, Decision, Effect, Moment};
use crate::dialect::{Refusal, Reply, Said};
use crate::pbx::Pbx;

/// One request to a PBX's URL on its way into the log.
#[derive(Debug)]
pub struct Arrival {
    /// At whose URL.
    pub pbx: Arc<Pbx>,
    /// When.
    pub received_at: Moment,
    /// Whence.
    pub address: String,
    /// As sent.
    pub content_type: Option<String>,
    /// As sent, without the token.
    pub query: Option<String>,
    /// As sent, without the token.
    pub body: String,
    /// The PBX's own URL, for answers that name it.
    pub hook: String,
    /// The last part of that: never to be written down.
    pub token: String,
    /// What it says, and what the rules say of that.
    pub said: Result<(Said, Decision), Refusal>,
}

/// What came of an arrival, once it is committed.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The answer.
    pub reply: Reply,
    /// For the counters.
    pub verdict: Verdict,
    /// The event's kind, where it was one.
    pub kind: Option<crate::call::Kind>,
    /// The rule whose first use this was.
    pub rule_hit: Option<RuleHit>,
}

/// A rule that decided a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleHit {
    /// Of `block_rules`.
    Block(i64),
    /// Of `caller_id_rules`.
    CallerId(i64),
}

/// A call that the batch moves.
#[derive(Debug)]
pub(super) struct Touched {
    pub call: Call,
    /// The change number that the stored row must have; `None` for a new call.
    pub expected: Option<i64>,
    /// Position in the batch of the event that made it.
    pub first: usize,
    /// Position of the last event that it learned from.
    pub last: Option<usize>,
    /// Only columns of `calls::Progress` changed.
    pub only_progress: bool,
}

impl Touched {
    pub fn changed(&self) -> bool {
        self.last.is_some()
    }
}

/// One transaction's worth.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub touched: Vec<Touched>,
    /// Calls of these keys that are not the latest any more are `touched` too, but not found here.
    latest: HashMap<CallKey, usize>,
    pub entries: Vec<Entry>,
    /// For each entry, which of `touched` it is about.
    pub about: Vec<Option<usize>>,
    /// Far ends (PBX, number) that were spoken to: their missed calls need nobody any more.
    pub reached: Vec<(i64, String)>,
    pub recorded: Vec<Recorded>,
}

impl Batch {
    /// Takes in one arrival. `known` finds the stored call of a key.
    pub fn add(&mut self, arrival: &Arrival, known: impl FnOnce(&CallKey) -> Option<Call>) {
        let position = self.entries.len();
        let (kind, verdict, why, about, reply, rule_hit) = match &arrival.said {
            Err(refusal) => {
                let reply = arrival.pbx.dialect.refuse(refusal);
                (None, Verdict::Refused, Some(refusal.why.clone()), None, reply, None)
            }
            Ok((Said::Ignored { kind, why }, _)) => {
                let reply = arrival.pbx.dialect.acknowledge();
                (Some(kind.clone()), Verdict::Ignored, Some(why.clone()), None, reply, None)
            }
            Ok((Said::Event(event), decided)) => {
                let index = self.call_of(arrival.pbx.id, event, position, known);
                let (effect, rule_hit) = self.apply(index, event, decided, position);
                let decision = self.touched[index].call.decision.as_ref().unwrap_or(&Decision::Accept);
                let reply = arrival.pbx.dialect.render(event, decision, &arrival.hook);
                let verdict = if effect == Effect::Applied { Verdict::Applied } else { Verdict::Repeat };
                (Some(event.kind.to_string()), verdict, None, Some(index), reply, rule_hit)
            }
        };
        self.entries.push(Entry {
            change: 0,
            pbx_id: arrival.pbx.id,
            call: None,
            received_at: arrival.received_at,
            kind,
            result: verdict,
            why,
            address: Some(arrival.address.clone()),
            content_type: arrival.content_type.clone(),
            query: arrival.query.clone(),
            body: Some(arrival.body.clone()),
            status: Some(i32::from(reply.status)),
            answer: Some(without(&arrival.token, &reply.body)),
        });
        self.about.push(about);
        let kind = arrival.said.as_ref().ok().and_then(|(said, _)| match said {
            Said::Event(event) => Some(event.kind),
            Said::Ignored { .. } => None,
        });
        self.recorded.push(Recorded { reply, verdict, kind, rule_hit });
    }

    /// The call that `event` is about: in this batch, stored, or begun now.
    fn call_of(
        &mut self,
        pbx_id: i64,
        event: &CallEvent,
        position: usize,
        known: impl FnOnce(&CallKey) -> Option<Call>,
    ) -> usize {
        let key = CallKey { pbx_id, call_id: event.call_id.clone(), leg_id: event.leg_id.clone() };
        let index = match self.latest.get(&key) {
            Some(&index) => Some(index),
            None => known(&key).map(|call| {
                let expected = Some(call.change);
                self.touched.push(Touched {
                    call,
                    expected,
                    first: position,
                    last: None,
                    only_progress: true,
                });
                self.touched.len() - 1
            }),
        };
        let incarnation = match index {
            Some(index) if !self.touched[index].call.is_over_for(event) => {
                self.latest.insert(key, index);
                return index;
            }
            Some(index) => self.touched[index].call.incarnation + 1,
            None => 1,
        };
        let call = Call::begin(pbx_id, incarnation, event);
        self.touched.push(Touched {
            call,
            expected: None,
            first: position,
            last: None,
            only_progress: false,
        });
        self.latest.insert(key, self.touched.len() - 1);
        self.touched.len() - 1
    }

    fn apply(
        &mut self,
        index: usize,
        event: &CallEvent,
        decided: &Decision,
        position: usize,
    ) -> (Effect, Option<RuleHit>) {
        let touched = &mut self.touched[index];
        let call = &mut touched.call;
        let (reached, undecided) = (call.reached(), call.decision.is_none());
        let shape = Shape::of(call);
        let effect = call.apply(event, decided.clone());
        touched.only_progress &= shape == Shape::of(call);
        if effect == Effect::Applied || touched.expected.is_none() {
            touched.last = Some(position);
        }
        if !reached && call.reached() {
            self.reached.extend(call.party().map(|party| (call.pbx_id, party.to_owned())));
        }
        (effect, call.decision.as_ref().filter(|_| undecided).and_then(rule_of))
    }

    /// Gives out the numbers after `base`: to each entry its own, to each call that of its last entry.
    pub fn number_from(&mut self, base: i64) {
        for touched in &mut self.touched {
            if touched.expected.is_none() {
                touched.call.id = base + offset(touched.first);
            }
            if let Some(last) = touched.last {
                touched.call.change = base + offset(last);
            }
        }
        for (position, (entry, about)) in self.entries.iter_mut().zip(&self.about).enumerate() {
            entry.change = base + offset(position);
            entry.call = about.map(|index| self.touched[index].call.id);
        }
    }

    /// Did a call of this batch just join the worklist that another call of it reached?
    pub fn reaches_itself(&self) -> bool {
        self.touched.iter().any(|touched| {
            let call = &touched.call;
            call.open
                && self.reached.iter().any(|(pbx, party)| *pbx == call.pbx_id && call.party() == Some(party))
        })
    }
}

/// The number of an entry, counted from the batch's base.
pub(super) fn offset(position: usize) -> i64 {
    position as i64 + 1
}

/// What says whether columns outside `calls::Progress` changed: each of them only ever fills up, but for the two
/// that are compared.
#[derive(PartialEq)]
struct Shape {
    filled: [bool; 8],
    users: usize,
    started_at: Moment,
}

impl Shape {
    fn of(call: &Call) -> Self {
        Self {
            filled: [
                call.direction.is_some(),
                call.from_number.is_some(),
                call.dialed_from.is_some(),
                call.to_number.is_some(),
                call.queue.is_some(),
                call.decision.is_some(),
                call.internal,
                call.extra == crate::call::Extra::default(),
            ],
            users: call.users.len(),
            started_at: call.started_at,
        }
    }
}

fn rule_of(decision: &Decision) -> Option<RuleHit> {
    match decision {
        Decision::Accept => None,
        Decision::Reject { rule_id, .. } => Some(RuleHit::Block(*rule_id)),
        Decision::Dial { rule_id, .. } => Some(RuleHit::CallerId(*rule_id)),
    }
}

/// `text` with the token masked.
pub fn without(token: &str, text: &str) -> String {
    if token.is_empty() { text.into() } else { text.replace(token, "…") }
}
