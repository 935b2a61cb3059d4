//! What one transaction writes: the arrivals' journal entries and the calls that they move, folded in memory so
//! that each call is written once however many of its events came together.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::arrival::{Arrival, Recorded, without};
use super::changes::Moved;
use super::enqueue::Tells;
use super::journal::{NewEntry, Verdict};
use super::recent::CallKey;
use crate::call::{Call, CallEvent, Decision, Effect, Moment, State};
use crate::dialect::{Presence, Said};
use crate::webhooks::Facts;

/// A call that the batch moves.
#[derive(Debug)]
pub(super) struct Touched {
    pub call: Call,
    /// The change number that the stored row must have; `None` for a new call.
    pub expected: Option<i64>,
    /// The stored row's state; `None` for a new call.
    pub was: Option<State>,
    /// Position in the batch of the event that made it.
    pub first: usize,
    /// Position of the last event that it learned from.
    pub last: Option<usize>,
    /// Only columns of `calls::Progress` changed.
    pub only_progress: bool,
    /// Stands among the live calls.
    pub live: bool,
}

impl Touched {
    /// Is it to be put among the live calls: a new one, or one that ended and of which another leg rings?
    pub fn comes_alive(&self) -> bool {
        !self.live && self.call.ended_at.is_none()
    }
}

/// A far end that was spoken to.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    pub pbx_id: i64,
    /// Its number's normal form.
    pub party: String,
    /// When. Who called in vain later than that still waits.
    pub at: Moment,
}

impl Reached {
    /// The far end of `call`, which was spoken to at that time.
    pub fn by(call: &Call, at: Moment) -> Option<Self> {
        Some(Self { pbx_id: call.pbx_id, party: call.party()?.to_owned(), at })
    }

    /// Was it to come that `call` was made?
    pub fn settles(&self, call: &Call) -> bool {
        self.pbx_id == call.pbx_id && call.started_at <= self.at && call.party() == Some(&self.party)
    }
}

/// One transaction's worth.
#[derive(Default)]
pub(super) struct Batch<'a> {
    pub touched: Vec<Touched>,
    /// Positions in `touched` of the latest incarnation of each key.
    latest: HashTable<usize>,
    hashes: DefaultHashBuilder,
    pub entries: Vec<NewEntry<'a>>,
    /// For each entry, which of `touched` it is about.
    pub about: Vec<Option<usize>>,
    /// The newest change that this node knows of. Where the database is further, what was remembered is looked at again.
    pub known: i64,
    /// Far ends that were spoken to: their missed calls of before need nobody any more.
    pub reached: Vec<Reached>,
    pub recorded: Vec<Recorded>,
    /// What webhooks are to be told.
    pub tells: Tells,
    /// What PBXes say of who works there.
    pub presences: Vec<(i64, &'a Presence)>,
    /// Positions in `touched` of calls that name others of their story.
    pub linked: Vec<usize>,
}

impl<'a> Batch<'a> {
    /// For so many arrivals.
    pub fn with_capacity(arrivals: usize) -> Self {
        Self {
            touched: Vec::with_capacity(arrivals),
            latest: HashTable::with_capacity(arrivals),
            entries: Vec::with_capacity(arrivals),
            about: Vec::with_capacity(arrivals),
            recorded: Vec::with_capacity(arrivals),
            ..Self::default()
        }
    }

    /// Takes in one arrival. `known` finds the stored call of a key.
    pub fn add(&mut self, arrival: &'a Arrival, known: impl FnOnce(&CallKey) -> Option<Call>) {
        let position = self.entries.len();
        let dialect = arrival.pbx.dialect;
        let (kind, verdict, why, about, reply, rule_hit) = match &arrival.said {
            Err(refusal) => {
                (None, Verdict::Refused, Some(refusal.why.as_str()), None, dialect.refuse(refusal), None)
            }
            Ok((Said::Ignored { kind, why }, _)) => {
                (Some(kind.as_str()), Verdict::Ignored, Some(why.as_str()), None, dialect.acknowledge(), None)
            }
            Ok((Said::Presence(presence), _)) => {
                self.presences.push((arrival.pbx.id, presence));
                (Some(presence.kind.as_str()), Verdict::Applied, None, None, dialect.acknowledge(), None)
            }
            Ok((Said::Event(event), decided)) => {
                let index = self.call_of(arrival.pbx.id, event, position, known);
                let before = Facts::of(&self.touched[index].call);
                let (effect, decides) = self.apply(index, event, decided, position);
                let call = &self.touched[index].call;
                self.tells.note(&arrival.pbx.webhooks, event, before, call, position, index);
                let rule_hit = arrival.rule.filter(|_| decides);
                let decision = self.touched[index].call.decision.as_ref().unwrap_or(&Decision::Accept);
                let reply = dialect.render(event, decision, arrival.hook_url());
                let verdict = if effect == Effect::Applied { Verdict::Applied } else { Verdict::Repeat };
                (Some(event.kind.as_str()), verdict, None, Some(index), reply, rule_hit)
            }
        };
        self.entries.push(NewEntry {
            change: 0,
            pbx_id: arrival.pbx.id,
            call: None,
            received_at: arrival.received_at,
            kind,
            result: verdict,
            why,
            address: Some(&arrival.address),
            content_type: arrival.content_type.as_deref(),
            query: arrival.query.as_deref(),
            body: Some(&arrival.body),
            status: Some(i32::from(reply.status)),
            answer: Some(match &arrival.hook {
                Some(hook) => without(&hook.token, &reply.body).into_owned().into(),
                None => reply.body.clone(),
            }),
        });
        self.about.push(about);
        self.recorded.push(Recorded {
            reply,
            verdict,
            kind: arrival.event().map(|event| event.kind),
            rule_hit,
        });
    }

    /// The call that `event` is about: in this batch, stored, or begun now.
    fn call_of(
        &mut self,
        pbx_id: i64,
        event: &CallEvent,
        position: usize,
        known: impl FnOnce(&CallKey) -> Option<Call>,
    ) -> usize {
        let key = CallKey { pbx_id, call_id: &event.call_id, leg_id: &event.leg_id };
        let hash = self.hashes.hash_one(key);
        let here = self.latest.find(hash, |index| CallKey::of(&self.touched[*index].call) == key).copied();
        let latest = here.or_else(|| known(&key).map(|call| self.touch_stored(call, position)));
        let index = match latest {
            Some(index) if !self.touched[index].call.is_over_for(event) => index,
            over => {
                let incarnation = over.map_or(1, |index| self.touched[index].call.incarnation + 1);
                self.touch_new(Call::begin(pbx_id, incarnation, event), position)
            }
        };
        if here != Some(index) {
            self.set_latest(hash, index);
        }
        index
    }

    /// Takes in a call as it is stored. Where it stands in `touched`.
    pub fn touch_stored(&mut self, mut call: Call, position: usize) -> usize {
        call.number_legs();
        self.touched.push(Touched {
            expected: Some(call.change),
            was: Some(call.state),
            first: position,
            last: None,
            only_progress: true,
            live: call.ended_at.is_none(),
            call,
        });
        self.touched.len() - 1
    }

    fn touch_new(&mut self, call: Call, position: usize) -> usize {
        self.touched.push(Touched {
            expected: None,
            was: None,
            first: position,
            last: None,
            only_progress: false,
            live: false,
            call,
        });
        self.touched.len() - 1
    }

    /// Later events of its key, whose hash this is, are about that call.
    fn set_latest(&mut self, hash: u64, index: usize) {
        let key_at = |index: usize| CallKey::of(&self.touched[index].call);
        match self.latest.find_mut(hash, |known| key_at(*known) == key_at(index)) {
            Some(known) => *known = index,
            None => {
                self.latest.insert_unique(hash, index, |known| self.hashes.hash_one(key_at(*known)));
            }
        }
    }

    /// What came of it; and whether what was decided of this event is what counts.
    fn apply(
        &mut self,
        index: usize,
        event: &CallEvent,
        decided: &Decision,
        position: usize,
    ) -> (Effect, bool) {
        let touched = &mut self.touched[index];
        let call = &mut touched.call;
        let (reached, undecided) = (call.reached(), call.decision.is_none());
        let before = touched.only_progress.then(|| shape(&self.hashes, call));
        let effect = call.apply(event, decided.clone());
        touched.only_progress = before.is_some_and(|before| before == shape(&self.hashes, call));
        if effect == Effect::Applied || touched.expected.is_none() {
            touched.last = Some(position);
        }
        if effect == Effect::Applied && event.more.as_ref().is_some_and(|more| !more.extra.links.is_empty()) {
            self.linked.push(index);
        }
        if !reached && call.reached() {
            self.reached.extend(Reached::by(call, call.answered_at.unwrap_or(event.at)));
        }
        (effect, undecided && call.decision.is_some())
    }

    /// Is anything to be written beside calls and journal (`asides`)?
    pub fn has_asides(&self) -> bool {
        !(self.tells.is_empty() && self.presences.is_empty() && self.linked.is_empty())
    }

    /// The calls that are to be written.
    pub fn changed(&self) -> impl Iterator<Item = &Touched> + Clone {
        self.touched.iter().filter(|touched| touched.last.is_some())
    }

    /// The same in the order of their changes, to be told of.
    pub fn moved(&self) -> Vec<Moved> {
        let moved = |touched: &Touched| Moved {
            call: touched.call.clone(),
            state_is_new: touched.was != Some(touched.call.state),
        };
        let mut moved: Vec<Moved> = self.changed().map(moved).collect();
        moved.sort_unstable_by_key(|moved| moved.call.change);
        moved
    }

    /// Stored calls that are live no more.
    pub fn ended(&self) -> impl Iterator<Item = i64> + Clone {
        self.changed().filter(|it| it.live && it.call.ended_at.is_some()).map(|it| it.call.id)
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

    /// The calls that just joined the worklist.
    pub fn opened(&self) -> impl Iterator<Item = &Call> {
        let opened = self.changed().filter(|touched| touched.call.open && touched.was != Some(State::Ended));
        opened.map(|touched| &touched.call)
    }
}

/// The number of an entry, counted from the batch's base.
pub(super) fn offset(position: usize) -> i64 {
    position as i64 + 1
}

/// What of a call stands in columns outside `calls::Progress`, as one number to compare: seldom does an event change any
/// of it, and most of it is indexed.
fn shape(hashes: &DefaultHashBuilder, call: &Call) -> u64 {
    hashes.hash_one((
        (call.direction, &call.from_number, &call.from_key, &call.dialed_from, &call.to_number, &call.to_key),
        (&call.users, &call.queue, call.decision.is_some(), call.started_at, call.internal),
    ))
}
