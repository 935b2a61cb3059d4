//! Outgoing webhooks: other systems are told of calls. An event's deliveries are written in its own transaction
//! (`store/enqueue.rs`), claimed by one node (`store/claims.rs`), and sent from here.

pub mod address; // where webhooks may go
mod callapi; // the fixed parameters of VoipNow and Telphin
pub mod definition; // a webhook as people write it, checked
mod deliver; // one delivery, from the row to the receiver's answer
pub mod dispatch; // which are sent when, by this node
mod parties; // extensions of a call
pub mod payload; // what is sent
mod placeholders; // what a template can name
pub mod sample; // a call to show a webhook with
mod sign; // Standard Webhooks
pub mod subscription; // which webhook wants what
mod template; // URLs with placeholders

use crate::call::{Call, Moment};
use crate::words::words;

pub use address::Allowed;
pub use definition::Definition;
pub use deliver::LONGEST_WAIT;
pub use sign::new_secret;
pub use subscription::{Facts, Filters, Subscription, Subscriptions};

words! {
    /// What a webhook is told of.
    EventKind {
        /// A call comes in.
        DialIn = "dial-in",
        /// A call goes out.
        DialOut = "dial-out",
        /// It was answered.
        Answer = "answer",
        /// It ended.
        Hangup = "hangup",
        /// It ended and nobody had answered it; follows the hangup.
        Missed = "missed",
    }
}
words! {
    /// How a receiver is asked.
    Method { Get = "GET", Post = "POST" }
}
words! {
    /// What a receiver is sent.
    Payload {
        /// The call as the API shows it.
        Json = "json",
        /// The URL with its placeholders filled in.
        Template = "template",
        /// The fixed parameters of VoipNow and Telphin.
        CallApi = "callapi",
    }
}
words! {
    /// How a delivery stands.
    DeliveryState {
        Waiting = "waiting",
        /// On its way.
        Sending = "sending",
        Delivered = "delivered",
        /// Given up until somebody asks for it again.
        Parked = "parked",
    }
}

impl EventKind {
    /// When that happened to the call.
    pub fn at(self, call: &Call) -> Moment {
        let at = match self {
            Self::DialIn | Self::DialOut => None,
            Self::Answer => call.answered_at,
            Self::Hangup | Self::Missed => call.ended_at,
        };
        at.unwrap_or(call.started_at)
    }
}
