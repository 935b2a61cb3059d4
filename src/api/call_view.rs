//! A call as it is shown: to programs, on the command line and in streams.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::leg_view::LegView;
use crate::call::{Call, Cause, Decision, Direction, Extra, Moment, Outcome, State};
use crate::number;
use crate::store::Db;
use crate::store::contacts::{self, Named};

/// One end of a call.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = CallNumber)]
pub struct NumberView {
    /// As the PBX sent it; null where it said nothing.
    pub number: Option<String>,
    /// E.164 with the plus; null for extensions, withheld and invalid numbers.
    pub e164: Option<String>,
    /// As people read it.
    pub display: Option<String>,
    /// The newest contact that has this number.
    pub name: Option<String>,
    /// That contact.
    pub contact_id: Option<i64>,
}

/// What the PBX was told.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = CallDecision)]
pub struct DecisionView {
    /// accept, reject or dial.
    pub action: &'static str,
    /// The rule that said so.
    pub rule_id: Option<i64>,
    /// In words.
    pub why: Option<String>,
    /// The caller ID of a dial.
    pub caller_id: Option<String>,
}

/// A call. Durations are in ms.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Call)]
pub struct CallView {
    /// Its number here.
    pub id: i64,
    /// Whose call.
    pub pbx_id: i64,
    /// Its id at the PBX.
    pub call_id: String,
    /// The leg that was answered, else the first; empty where the PBX tells no legs apart.
    pub leg_id: String,
    /// 1, and more where the PBX used the id again.
    pub incarnation: i32,
    /// Null until an event says.
    pub direction: Option<Direction>,
    /// The caller; for an outbound call the caller ID that a rule chose.
    pub from: NumberView,
    /// The callee.
    pub to: NumberView,
    /// What really dialled, where a rule chose the caller ID.
    pub dialed_from: Option<String>,
    /// Who was rung, or who dialled.
    pub users: Vec<String>,
    /// Who took it.
    pub answered_by: Option<String>,
    /// Where it was taken.
    pub answering_number: Option<String>,
    /// The queue that the caller came through.
    pub queue: Option<String>,
    /// The public number that was called, where the PBX tells it by itself.
    pub did: Option<String>,
    /// The number that was dialled first, where the call was diverted.
    pub diversion: Option<String>,
    /// Only moves forward.
    pub state: State,
    /// How it ended; null until then.
    pub outcome: Option<Outcome>,
    /// Why it ended, in the documented words.
    pub cause: Option<Cause>,
    /// The PBX's own word for that.
    pub raw_cause: Option<String>,
    /// Null until the PBX announced the call.
    pub decision: Option<DecisionView>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was taken.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How long it rang; null while it rings.
    pub waiting_ms: Option<i64>,
    /// How long people spoke; null until an answered call ended.
    pub talking_ms: Option<i64>,
    /// Was it taken? The PBX may not have said when.
    pub answered: bool,
    /// `answered_at` is the end less the talk that the PBX reported.
    pub answer_estimated: bool,
    /// How long it rang, as the PBX itself reports it.
    pub reported_waiting_ms: Option<i64>,
    /// How long people spoke, as the PBX itself reports it.
    pub reported_talking_ms: Option<i64>,
    /// Where the recording can be fetched.
    pub recording_url: Option<String>,
    /// The recording's name at the PBX, where it gives no address.
    pub recording_id: Option<String>,
    /// The id under which somebody ordered the call by the PBX's API.
    pub callback_id: Option<String>,
    /// Both ends are the PBX's own.
    pub internal: bool,
    /// The worklist tick.
    pub done: bool,
    /// Who ticked or unticked it; null while it follows from what happened.
    pub done_by: Option<String>,
    /// When.
    pub done_at: Option<DateTime<Utc>>,
    /// A person's note.
    pub note: Option<String>,
    /// Call ids that tell the same story (transfers).
    pub links: Vec<String>,
    /// The extensions, queues and IVRs that it passed, by time; empty where the PBX tells no legs apart.
    pub legs: Vec<LegView>,
    /// The number of its last change.
    pub change: i64,
}

/// The calls with the names of their numbers, which are looked up now, so that a new contact names old calls.
///
/// # Errors
/// What the database says.
pub fn views(db: &mut Db, calls: Vec<Call>) -> diesel::QueryResult<Vec<CallView>> {
    let names = names(db, &calls)?;
    Ok(calls.into_iter().map(|call| CallView::named(call, &names)).collect())
}

/// Who has which numbers.
pub struct Names(HashMap<String, Vec<Named>>);

impl Names {
    /// The newest contact that has the number.
    fn newest(&self, key: Option<&String>) -> Option<&Named> {
        self.0.get(key?)?.first()
    }

    /// Name and company, in lower case, of everybody who has one of the call's numbers.
    pub fn texts<'n>(&'n self, call: &Call) -> impl Iterator<Item = &'n str> + use<'n> {
        let of = |key: &Option<String>| self.0.get(key.as_ref()?).map(Vec::as_slice);
        let both = [of(&call.from_key), of(&call.to_key)];
        both.into_iter().flatten().flatten().map(|named| named.sort_key.as_str())
    }
}

/// Who has the numbers of these calls.
///
/// # Errors
/// What the database says.
pub fn names<'a>(db: &mut Db, calls: impl IntoIterator<Item = &'a Call>) -> diesel::QueryResult<Names> {
    let keys = calls.into_iter().flat_map(|call| [&call.from_key, &call.to_key]).flatten();
    let mut keys: Vec<String> = keys.cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    contacts::names(db, &keys).map(Names)
}

impl CallView {
    /// The call with the names of its numbers.
    pub fn named(call: Call, names: &Names) -> Self {
        let (from, to) = (names.newest(call.from_key.as_ref()), names.newest(call.to_key.as_ref()));
        Self::of(call, from, to)
    }

    /// Without looking up names.
    pub fn nameless(call: Call) -> Self {
        Self::of(call, None, None)
    }

    fn of(call: Call, from: Option<&Named>, to: Option<&Named>) -> Self {
        let (waiting_ms, talking_ms, answered) = (call.waiting_ms(), call.talking_ms(), call.was_answered());
        let shown = call.taker().or(call.extra().legs.first()).map(|leg| leg.leg_id.clone());
        let extra = call.extra.map_or_else(Extra::default, |extra| *extra);
        Self {
            id: call.id,
            pbx_id: call.pbx_id,
            direction: call.direction,
            incarnation: call.incarnation,
            waiting_ms,
            talking_ms,
            answered,
            from: NumberView::of(call.from_number, call.from_key.as_deref(), from),
            to: NumberView::of(call.to_number, call.to_key.as_deref(), to),
            call_id: call.call_id,
            leg_id: shown.unwrap_or(call.leg_id),
            dialed_from: call.dialed_from,
            users: call.users,
            answered_by: call.answered_by,
            answering_number: call.answering_number,
            queue: call.queue,
            did: extra.did,
            diversion: extra.diversion,
            state: call.state,
            outcome: call.outcome,
            cause: call.cause,
            raw_cause: call.raw_cause,
            decision: call.decision.map(DecisionView::from),
            started_at: call.started_at.and_utc(),
            answered_at: call.answered_at.as_ref().map(Moment::and_utc),
            ended_at: call.ended_at.as_ref().map(Moment::and_utc),
            reported_waiting_ms: extra.reported_waiting_ms,
            reported_talking_ms: extra.reported_talking_ms,
            answer_estimated: extra.estimated,
            recording_url: extra.recording_url,
            recording_id: extra.recording_id,
            callback_id: extra.callback_id,
            internal: call.internal,
            done: call.done,
            done_by: call.done_by,
            done_at: call.done_at.as_ref().map(Moment::and_utc),
            note: call.note,
            links: extra.links,
            legs: extra.legs.into_iter().map(LegView::from).collect(),
            change: call.change,
        }
    }
}

impl NumberView {
    fn of(number: Option<String>, key: Option<&str>, named: Option<&Named>) -> Self {
        Self {
            e164: key.and_then(number::e164).map(str::to_owned),
            display: number.as_ref().map(|raw| number::display(raw, key.unwrap_or_default())),
            name: named.map(|named| named.name.clone()),
            contact_id: named.map(|named| named.contact_id),
            number,
        }
    }
}

impl From<Decision> for DecisionView {
    fn from(decision: Decision) -> Self {
        let (action, rule_id, why, caller_id) = match decision {
            Decision::Accept => ("accept", None, None, None),
            Decision::Reject { rule_id, why, .. } => ("reject", Some(rule_id), Some(why), None),
            Decision::Dial { rule_id, why, caller_id, .. } => {
                ("dial", Some(rule_id), Some(why), Some(caller_id))
            }
        };
        Self { action, rule_id, why, caller_id }
    }
}
