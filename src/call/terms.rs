//! The closed vocabularies of calls, and what a PBX is told to do.

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// What an event says.
    Kind { NewCall = "newCall", Answer = "answer", Hangup = "hangup" }
}
words! {
    /// Seen from the PBX's owner.
    Direction { In = "in", Out = "out" }
}
words! {
    /// Only moves forward, but for a queue's next round of ringing (`legs`).
    State { Ringing = "ringing", Connected = "connected", Ended = "ended" }
}
words! {
    /// How an ended call ended.
    Outcome {
        Answered = "answered", Missed = "missed", Busy = "busy", Cancelled = "cancelled", Blocked = "blocked",
        Voicemail = "voicemail", Forwarded = "forwarded", Failed = "failed",
        /// No hangup ever came; closed by the sweep.
        Lost = "lost",
    }
}
words! {
    /// Why a call ended: the words of Zammad's CTI push documentation, and two that Placetel adds.
    Cause {
        NormalClearing = "normalClearing", Busy = "busy", Cancel = "cancel", NoAnswer = "noAnswer",
        Congestion = "congestion", NotFound = "notFound", Forwarded = "forwarded",
        Voicemail = "voicemail", Blocked = "blocked",
    }
}
words! {
    /// What a leg of a call rings.
    Place { Extension = "extension", Queue = "queue", Ivr = "ivr" }
}
words! {
    /// How a blocked caller is turned away.
    Reason { Busy = "busy", Rejected = "rejected" }
}

/// What the PBX is told to do. `Dial` and `Reject` come from a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Decision {
    /// Go on.
    Accept,
    /// Turn the caller away.
    Reject {
        /// As the caller hears it.
        reason: Reason,
        /// The rule that said so.
        rule_id: i64,
        /// In words, for people.
        why: String,
    },
    /// Call on with this caller ID.
    Dial {
        /// As the rule's owner wrote it.
        caller_id: String,
        /// The number to dial, as the PBX sent it.
        number: String,
        /// The rule that said so.
        rule_id: i64,
        /// In words, for people.
        why: String,
    },
}
