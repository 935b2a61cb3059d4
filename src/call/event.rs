//! What a PBX told us once, in our words.

use serde::{Deserialize, Serialize};

use super::fill;
use super::leg::Leg;
use super::terms::{Cause, Direction, Kind, Place};
use crate::call::Moment;
use crate::number::Number;

/// What a PBX told us once, in our words; `None` and empty are what it left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEvent {
    /// Unique within one PBX, for a while.
    pub call_id: String,
    /// A second part of the call's name; empty where a dialect has none. Legs within a call are told in `more`.
    pub leg_id: String,
    /// What happened.
    pub kind: Kind,
    /// Some name it only when the call starts; the call remembers.
    pub direction: Option<Direction>,
    /// The caller.
    pub from: Option<Number>,
    /// The callee.
    pub to: Option<Number>,
    /// Who rings (newCall, in), who dials (newCall, out), who took it (answer).
    pub users: Vec<String>,
    /// The queue that the caller came through.
    pub queue: Option<String>,
    /// The number at which the call was answered.
    pub answering_number: Option<String>,
    /// Hangup only, in our words where we know the PBX's.
    pub cause: Option<Cause>,
    /// Hangup only, the PBX's own word.
    pub raw_cause: Option<String>,
    /// When it happened, or arrived where the PBX gives no time.
    pub at: Moment,
    /// What only some dialects tell.
    pub more: Option<Box<More>>,
}

impl CallEvent {
    /// One that says nothing else.
    pub fn bare(call_id: &str, kind: Kind, at: Moment) -> Self {
        Self {
            call_id: call_id.into(),
            leg_id: String::new(),
            kind,
            direction: None,
            from: None,
            to: None,
            users: Vec::new(),
            queue: None,
            answering_number: None,
            cause: None,
            raw_cause: None,
            at,
            more: None,
        }
    }

    /// The leg that it is about, where the dialect tells a call's legs apart.
    pub fn leg(&self) -> Option<&LegName> {
        self.more.as_ref()?.leg.as_ref()
    }
}

/// Which leg of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegName {
    /// Unique within the call.
    pub id: String,
    /// What rings.
    pub place: Place,
    /// Whose leg it is, where the event says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The event leaves open which leg it is of; the id is one of ours, for a leg that nothing else tells of.
    #[serde(default, skip_serializing_if = "is_false")]
    pub vague: bool,
}

impl LegName {
    /// Of an event that says which leg it is of.
    pub fn new(id: impl Into<String>, place: Place) -> Self {
        Self { id: id.into(), place, owner: None, vague: false }
    }
}

/// What only some dialects tell of an event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct More {
    /// Of dialects that tell a call's legs apart.
    pub leg: Option<LegName>,
    /// Are both ends the PBX's own? `None` where it does not say.
    pub internal: Option<bool>,
    /// When the call (or its leg) began, told by a later event.
    pub started_at: Option<Moment>,
    /// When it was answered, told by a later event.
    pub answered_at: Option<Moment>,
    /// It was answered; the PBX may not say when.
    pub answered: bool,
    /// It was answered if it is an outbound call.
    #[serde(skip_serializing_if = "is_false")]
    pub answered_if_out: bool,
    /// An answer whose word is also that of the hangup: of a leg that was answered before, it is the hangup.
    pub or_hangup: bool,
    /// Did a person take what a queue or an IVR had answered?
    pub bridged: Option<bool>,
    /// A leg to where the call was forwarded.
    pub transferred: bool,
    /// Who was rung, told by a later event; who took it, where it was answered.
    pub rang: Option<String>,
    /// What is kept as it is said; here without legs and without our own marks.
    pub extra: Extra,
}

/// What only some dialects tell; kept as one JSON column. Each is filled once; durations grow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// Where the recording can be fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_url: Option<String>,
    /// The recording's name at the PBX, where it gives no address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_id: Option<String>,
    /// The public number that was called, where the PBX tells it by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did: Option<String>,
    /// The caller's name as the PBX showed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    /// The number that was dialled first, where the call was diverted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diversion: Option<String>,
    /// The id that whoever ordered the call by API knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_id: Option<String>,
    /// How long it rang, as the PBX reports it, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported_waiting_ms: Option<i64>,
    /// How long people spoke, as the PBX reports it, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported_talking_ms: Option<i64>,
    /// Call ids that tell the same story (transfers).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The PBX said that it was answered, perhaps without saying when.
    #[serde(skip_serializing_if = "is_false")]
    pub answered: bool,
    /// The PBX's word for its end says so of an outbound call.
    #[serde(skip_serializing_if = "is_false")]
    pub answered_if_out: bool,
    /// `answered_at` is the end less the reported talk.
    #[serde(skip_serializing_if = "is_false")]
    pub estimated: bool,
    /// The call's legs, by time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
}

impl Extra {
    /// Fills blanks from what an event says; says whether there were any.
    pub(super) fn learn(&mut self, said: &Self) -> bool {
        let mut news = fill(&mut self.recording_url, said.recording_url.as_ref());
        news |= fill(&mut self.recording_id, said.recording_id.as_ref());
        news |= fill(&mut self.did, said.did.as_ref());
        news |= fill(&mut self.from_name, said.from_name.as_ref());
        news |= fill(&mut self.diversion, said.diversion.as_ref());
        news |= fill(&mut self.callback_id, said.callback_id.as_ref());
        news |= longer(&mut self.reported_waiting_ms, said.reported_waiting_ms);
        news |= longer(&mut self.reported_talking_ms, said.reported_talking_ms);
        for link in &said.links {
            if !self.links.contains(link) && self.links.len() < MOST_LINKS {
                self.links.push(link.clone());
                self.links.sort();
                news = true;
            }
        }
        news
    }
}

/// A duration that is told more than once grows: the longest is the last.
fn longer(known: &mut Option<i64>, said: Option<i64>) -> bool {
    let news = said > *known;
    *known = said.max(*known);
    news
}

/// The most other calls that one is linked to.
const MOST_LINKS: usize = 20;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
