//! What is kept of a request: what it said as we understood it, what was decided, and how it was sent, for the journal.
//! Not the raw request alone: the PBX's dialect, options and region may change before it is read again, and its answer
//! was given.
//!
//! A later version must read what an earlier one wrote: a field that is added here (or in `CallEvent` and what is in it)
//! is an `Option` or has `#[serde(default)]`. A test holds records of the first version.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::{Decision, Moment};
use crate::dialect::{Refusal, Said};
use crate::pbx::Pbx;
use crate::store::writer::{Arrival, Hook, RuleHit, without};

/// One request to a PBX's URL, without its token.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record<'a> {
    /// At whose URL.
    pub pbx_id: i64,
    /// When.
    pub received_at: Moment,
    address: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<Cow<'a, str>>,
    body: Cow<'a, str>,
    /// The PBX's URL with the token masked: the journal shows the answer so.
    #[serde(skip_serializing_if = "Option::is_none")]
    hook: Option<Cow<'a, str>>,
    said: Cow<'a, Result<(Said, Decision), Refusal>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleHit>,
    /// The writer may have written it, too, as a later change than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

impl<'a> Record<'a> {
    /// Of an arrival.
    pub fn of(arrival: &'a Arrival, after: Option<i64>) -> Self {
        Self {
            pbx_id: arrival.pbx.id,
            received_at: arrival.received_at,
            address: arrival.address.as_str().into(),
            content_type: arrival.content_type.as_deref().map(Into::into),
            query: arrival.query.as_deref().map(Into::into),
            body: arrival.body.as_str().into(),
            hook: arrival.hook.as_ref().map(|hook| without(&hook.token, &hook.url)),
            said: Cow::Borrowed(&arrival.said),
            rule: arrival.rule,
            after,
        }
    }

    /// JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text, numbers and words are JSON")
    }

    /// Reads it again.
    ///
    /// # Errors
    /// Where it is no record.
    pub fn read(bytes: &[u8]) -> serde_json::Result<Record<'static>> {
        serde_json::from_slice(bytes)
    }
}

impl Record<'static> {
    /// As it came, at this PBX.
    pub fn into_arrival(self, pbx: Arc<Pbx>) -> Arrival {
        Arrival {
            pbx,
            received_at: self.received_at,
            address: self.address.into_owned(),
            content_type: self.content_type,
            query: self.query.map(Cow::into_owned),
            body: self.body.into_owned(),
            hook: self.hook.map(|url| Hook { url: url.into_owned(), token: String::new() }),
            said: self.said.into_owned(),
            rule: self.rule,
            given_up: false.into(),
        }
    }
}

#[cfg(test)]
mod tests;
