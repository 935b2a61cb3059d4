//! Which webhook wants to be told what. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::EventKind;
use super::parties::{extensions, is_internal};
use crate::call::{Call, Direction, Outcome};

/// Which calls a webhook is about, beside its extension and PBX. All that is said must be so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = WebhookFilters)]
pub struct Filters {
    /// No calls between two extensions.
    pub no_internal: bool,
    /// Only calls in that direction.
    pub direction: Option<Direction>,
    /// Only calls through one of these queues, in any letter case; none for all.
    #[schema(max_items = 100)]
    pub queues: Vec<String>,
    /// Only while nobody has answered.
    pub unanswered_only: bool,
}

impl Filters {
    fn pass(&self, call: &Call) -> bool {
        let queue =
            |queue: &str| self.queues.iter().any(|wanted| wanted.to_lowercase() == queue.to_lowercase());
        (!self.no_internal || !is_internal(call))
            && self.direction.is_none_or(|direction| call.direction == Some(direction))
            && (self.queues.is_empty() || call.queue.as_deref().is_some_and(queue))
            && (!self.unanswered_only || call.answered_at.is_none())
    }
}

/// What the writer needs to know of a webhook that is enabled.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Of its webhook.
    pub id: i64,
    /// Only calls that this extension is in.
    pub extension: Option<String>,
    /// Only these.
    pub events: Vec<EventKind>,
    /// Only such calls.
    pub filters: Filters,
}

/// Those of one PBX.
#[derive(Debug, Default)]
pub struct Subscriptions {
    general: Vec<Subscription>,
    /// So that a call asks only those of its own extensions.
    by_extension: HashMap<String, Vec<Subscription>>,
}

impl FromIterator<Subscription> for Subscriptions {
    fn from_iter<I: IntoIterator<Item = Subscription>>(all: I) -> Self {
        let mut subscriptions = Self::default();
        for one in all {
            match &one.extension {
                None => subscriptions.general.push(one),
                Some(extension) => {
                    subscriptions.by_extension.entry(extension.clone()).or_default().push(one);
                }
            }
        }
        subscriptions
    }
}

impl Subscriptions {
    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.general.is_empty() && self.by_extension.is_empty()
    }

    /// The webhooks that want to be told that `kind` happened to `call`, each once.
    pub fn wanting(&self, kind: EventKind, call: &Call) -> Vec<i64> {
        let own = extensions(call).filter_map(|extension| self.by_extension.get(extension)).flatten();
        let wanting = |it: &&Subscription| it.events.contains(&kind) && it.filters.pass(call);
        let mut ids: Vec<i64> = self.general.iter().chain(own).filter(wanting).map(|it| it.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// What of a call webhooks are told; compared before and after an event.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    announced: bool,
    answered: bool,
    ended: bool,
    missed: bool,
}

impl Facts {
    /// As they stand.
    pub fn of(call: &Call) -> Self {
        Self {
            announced: call.decision.is_some(),
            answered: call.answered_at.is_some(),
            // the sweep's guess is no hangup: the PBX's may still come
            ended: call.ended_at.is_some() && call.outcome != Some(Outcome::Lost),
            missed: call.outcome == Some(Outcome::Missed),
        }
    }

    /// What is so now and was not before, in the order in which it is told. A call that is announced after its end
    /// rings nobody's bell.
    pub fn news(self, call: &Call) -> impl Iterator<Item = EventKind> + use<> {
        let now = Self::of(call);
        let dial =
            if call.direction == Some(Direction::Out) { EventKind::DialOut } else { EventKind::DialIn };
        [
            (now.announced && !self.announced && !self.ended, dial),
            (now.answered && !self.answered, EventKind::Answer),
            (now.ended && !self.ended, EventKind::Hangup),
            (now.missed && !self.missed, EventKind::Missed),
        ]
        .into_iter()
        .filter_map(|(new, kind)| new.then_some(kind))
    }
}

#[cfg(test)]
mod tests;
