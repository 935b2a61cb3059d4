//! A leg of a call as it is shown.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::call::{Cause, Direction, Leg, Moment, Place, State};

/// One extension, queue or IVR that a call passed.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Leg)]
pub struct LegView {
    /// Unique within the call.
    pub leg_id: String,
    /// What rang.
    pub place: Place,
    /// Null until an event says.
    pub direction: Option<Direction>,
    /// The caller of this leg, as the PBX sent it.
    pub from: Option<String>,
    /// The callee of this leg, as the PBX sent it.
    pub to: Option<String>,
    /// Who was rung, or who dialled.
    pub users: Vec<String>,
    /// Where it was taken.
    pub answering_number: Option<String>,
    /// Only moves forward.
    pub state: State,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was taken.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Was it taken? The PBX may not have said when.
    pub answered: bool,
    /// Why it ended, in the documented words.
    pub cause: Option<Cause>,
    /// The PBX's own word for that.
    pub raw_cause: Option<String>,
    /// Of a queue or an IVR: did a person take the call?
    pub bridged: Option<bool>,
    /// It leads to where the call was forwarded.
    pub transferred: bool,
    /// The recording's name at the PBX.
    pub recording_id: Option<String>,
    /// How long people spoke, as the PBX reports it.
    pub reported_talking_ms: Option<i64>,
}

impl From<Leg> for LegView {
    fn from(leg: Leg) -> Self {
        let raw = |pair: Option<(String, String)>| pair.map(|(raw, _key)| raw);
        let state = match (leg.ended_at, leg.answered_at) {
            (Some(_), _) => State::Ended,
            (None, Some(_)) => State::Connected,
            (None, None) => State::Ringing,
        };
        Self {
            answered: leg.taken(),
            leg_id: leg.leg_id,
            place: leg.place,
            direction: leg.direction,
            from: raw(leg.from),
            to: raw(leg.to),
            users: leg.users,
            answering_number: leg.answering_number,
            state,
            started_at: leg.started_at.and_utc(),
            answered_at: leg.answered_at.as_ref().map(Moment::and_utc),
            ended_at: leg.ended_at.as_ref().map(Moment::and_utc),
            cause: leg.cause,
            raw_cause: leg.raw_cause,
            bridged: leg.bridged,
            transferred: leg.transferred,
            recording_id: leg.recording_id,
            reported_talking_ms: leg.reported_talking_ms,
        }
    }
}
