//! Which webhook wants to be told what. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::EventKind;
use super::parties::{extensions, of_leg};
use crate::call::{Call, CallEvent, Direction, Kind, Leg, Outcome};

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
        (!self.no_internal || !call.is_between_extensions())
            && self.direction.is_none_or(|direction| call.direction == Some(direction))
            && (self.queues.is_empty() || call.queue.as_deref().is_some_and(queue))
            && (!self.unanswered_only || !call.was_answered())
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
        ids(self.general.iter().chain(own), kind, call)
    }

    /// The same, of those alone that are for an extension of a leg that began when the call was known already.
    pub fn joined(&self, kind: EventKind, call: &Call, leg: &Leg) -> Vec<i64> {
        let own = of_leg(leg).filter_map(|extension| self.by_extension.get(extension)).flatten();
        ids(own, kind, call)
    }
}

fn ids<'a>(asked: impl Iterator<Item = &'a Subscription>, kind: EventKind, call: &Call) -> Vec<i64> {
    let wanting = |it: &&Subscription| it.events.contains(&kind) && it.filters.pass(call);
    let mut ids: Vec<i64> = asked.filter(wanting).map(|it| it.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What of a call webhooks are told; compared before and after an event.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    announced: bool,
    answered: bool,
    ended: bool,
    missed: bool,
    legs: usize,
}

impl Facts {
    /// As they stand.
    pub fn of(call: &Call) -> Self {
        Self {
            announced: call.decision.is_some(),
            answered: call.was_answered(),
            // the sweep's guess is no hangup: the PBX's may still come
            ended: call.ended_at.is_some() && call.outcome != Some(Outcome::Lost),
            // nobody took it, whatever that is called
            missed: matches!(
                call.outcome,
                Some(Outcome::Missed | Outcome::Busy | Outcome::Cancelled | Outcome::Failed)
            ),
            legs: call.extra().legs.len(),
        }
    }

    /// What is so now and was not before, in the order in which it is told. A call that is announced after its end
    /// rings nobody's bell.
    pub fn news(self, call: &Call) -> impl Iterator<Item = EventKind> + use<> {
        let now = Self::of(call);
        [
            (now.announced && !self.announced && !self.ended, dial(call.direction)),
            (now.answered && !self.answered, EventKind::Answer),
            (now.ended && !self.ended, EventKind::Hangup),
            (now.missed && !self.missed, EventKind::Missed),
        ]
        .into_iter()
        .filter_map(|(new, kind)| new.then_some(kind))
    }

    /// The leg that `event` began of a call that was announced before, and what its extension is to be told.
    pub fn joined<'a>(self, call: &'a Call, event: &CallEvent) -> Option<(EventKind, &'a Leg)> {
        let legs = &call.extra().legs;
        let began = event.kind == Kind::NewCall && self.announced && legs.len() > self.legs;
        let leg = legs.iter().find(|leg| event.leg().is_some_and(|name| name.id == leg.leg_id))?;
        began.then(|| (dial(leg.direction.or(call.direction)), leg))
    }
}

fn dial(direction: Option<Direction>) -> EventKind {
    if direction == Some(Direction::Out) { EventKind::DialOut } else { EventKind::DialIn }
}

#[cfg(test)]
mod tests;
