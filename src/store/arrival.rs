//! One request to a PBX's URL on its way into the log, and what came of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::journal::Verdict;
use super::recent::CallKey;
use crate::call::{CallEvent, Decision, Kind, Moment};
use crate::dialect::{Refusal, Reply, Said};
use crate::pbx::Pbx;
use crate::rules::Rule;

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
    pub content_type: Option<Cow<'static, str>>,
    /// As sent, without the token.
    pub query: Option<String>,
    /// As sent, without the token.
    pub body: String,
    /// For dialects whose answers name the PBX's own URL.
    pub hook: Option<Hook>,
    /// What it says, and what the rules say of that.
    pub said: Result<(Said, Decision), Refusal>,
    /// The rule that said so; an allow rule, too.
    pub rule: Option<RuleHit>,
    /// Who waited for it took it to the spool.
    pub given_up: AtomicBool,
}

/// A PBX's own URL.
#[derive(Debug)]
pub struct Hook {
    /// Absolute.
    pub url: String,
    /// Its last part: never to be written down.
    pub token: String,
}

impl Arrival {
    /// The event, where it is one.
    pub fn event(&self) -> Option<&CallEvent> {
        match &self.said {
            Ok((Said::Event(event), _)) => Some(event),
            _ => None,
        }
    }

    /// The URL for answers that name it, else empty.
    pub fn hook_url(&self) -> &str {
        self.hook.as_ref().map_or("", |hook| &hook.url)
    }

    /// It goes to the spool: the writer is to leave it alone from now on.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Is it another's now?
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// What names its call, where it is an event.
    pub(super) fn key(&self) -> Option<CallKey<'_>> {
        let event = self.event()?;
        Some(CallKey { pbx_id: self.pbx.id, call_id: &event.call_id, leg_id: &event.leg_id })
    }
}

/// What came of an arrival, once it is committed.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The answer.
    pub reply: Reply,
    /// For the counters.
    pub verdict: Verdict,
    /// The event's kind, where it was one.
    pub kind: Option<Kind>,
    /// The rule whose first use this was.
    pub rule_hit: Option<RuleHit>,
}

/// A rule that decided a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RuleHit {
    /// Of `block_rules`.
    Block(i64),
    /// Of `caller_id_rules`.
    CallerId(i64),
}

impl From<Rule<'_>> for RuleHit {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Block(rule) => Self::Block(rule.id),
            Rule::CallerId(rule) => Self::CallerId(rule.id),
        }
    }
}

/// `text` with the token masked.
pub fn without<'t>(token: &str, text: &'t str) -> Cow<'t, str> {
    let held = !token.is_empty() && text.contains(token);
    if held { text.replace(token, "…").into() } else { text.into() }
}
