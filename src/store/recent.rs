//! The calls that were lately written: a bounded memory of the latest incarnation of each.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::call::{Call, Moment, REUSE_AFTER};

/// What names a call to its PBX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey<'a> {
    /// Whose id.
    pub pbx_id: i64,
    /// As sent.
    pub call_id: &'a str,
    /// As sent, or empty.
    pub leg_id: &'a str,
}

impl<'a> CallKey<'a> {
    /// Of a stored call.
    pub fn of(call: &'a Call) -> Self {
        Self { pbx_id: call.pbx_id, call_id: &call.call_id, leg_id: &call.leg_id }
    }
}

/// Those that go on, and far fewer of those that are over: of them seldom anything is heard again, and what is small
/// stays in the processor's cache (a tenth of the server's work per event).
#[derive(Default)]
pub(super) struct Recent {
    alive: Generations,
    over: Generations,
    hashes: DefaultHashBuilder,
}

impl Recent {
    /// Remembers between half of so many calls and all of them.
    pub fn new(alive: usize, over: usize) -> Self {
        Self { alive: Generations::new(alive), over: Generations::new(over), ..Self::default() }
    }

    /// Remembers each of `count` calls.
    pub fn all(count: usize) -> Self {
        Self::new(2 * count + 2, 2 * count + 2)
    }

    /// Is it remembered, and still the one that its id means? Where it ended long ago, another node may have begun
    /// the id's next call.
    pub fn holds(&self, key: &CallKey, now: Moment) -> bool {
        let hash = self.hashes.hash_one(key);
        let means_it = |call: &Call| call.ended_at.is_none_or(|ended| now - ended <= REUSE_AFTER);
        [&self.alive, &self.over].iter().any(|calls| calls.find(hash, key).is_some_and(means_it))
    }

    /// Hands a call over; it is to be put back once it is written.
    pub fn take(&mut self, key: &CallKey) -> Option<Call> {
        self.take_hashed(self.hashes.hash_one(key), key)
    }

    fn take_hashed(&mut self, hash: u64, key: &CallKey) -> Option<Call> {
        self.alive.take(hash, key).or_else(|| self.over.take(hash, key))
    }

    /// Remembers `call`, unless a later incarnation of it is known.
    pub fn put(&mut self, call: Call) {
        let hash = self.hashes.hash_one(CallKey::of(&call));
        let call = match self.take_hashed(hash, &CallKey::of(&call)) {
            Some(known) if known.id > call.id => known,
            _ => call,
        };
        let calls = if call.ended_at.is_some() { &mut self.over } else { &mut self.alive };
        calls.put(hash, call, &self.hashes);
    }

    /// Takes over `call` where this incarnation of it is remembered.
    pub fn replace(&mut self, call: &Call) {
        match self.take(&CallKey::of(call)) {
            Some(known) if known.id == call.id => self.put(call.clone()),
            Some(known) => self.put(known),
            None => {}
        }
    }

    pub fn clear(&mut self) {
        self.alive.clear();
        self.over.clear();
    }
}

/// What is taken out comes back as young; when the young are many, the old are forgotten.
#[derive(Default)]
struct Generations {
    young: HashTable<Call>,
    old: HashTable<Call>,
    capacity: usize,
}

impl Generations {
    fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    fn find(&self, hash: u64, key: &CallKey) -> Option<&Call> {
        [&self.young, &self.old]
            .into_iter()
            .find_map(|calls| calls.find(hash, |call| CallKey::of(call) == *key))
    }

    fn take(&mut self, hash: u64, key: &CallKey) -> Option<Call> {
        [&mut self.young, &mut self.old].into_iter().find_map(|calls| {
            let found = calls.find_entry(hash, |call| CallKey::of(call) == *key).ok()?;
            Some(found.remove().0)
        })
    }

    fn put(&mut self, hash: u64, call: Call, hashes: &DefaultHashBuilder) {
        if self.young.len() >= self.capacity / 2 {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear(); // its memory is used again
        }
        self.young.insert_unique(hash, call, |call| hashes.hash_one(CallKey::of(call)));
    }

    fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallEvent, Kind};

    fn call(id: i64, call_id: &str) -> Call {
        let event = CallEvent::bare(call_id, Kind::NewCall, crate::clock::now());
        Call { id, ..Call::begin(1, 1, &event) }
    }

    #[test]
    fn it_is_bounded_and_forgets_what_was_not_touched_lately() {
        let mut recent = Recent::new(100, 10);
        recent.put(call(1, "kept"));
        for id in 2..1000 {
            recent.put(call(id, &format!("passing-{id}")));
            let kept =
                recent.take(&CallKey { pbx_id: 1, call_id: "kept", leg_id: "" }).expect("touched each time");
            recent.put(kept);
        }
        assert!(recent.alive.young.len() + recent.alive.old.len() <= 100);
        let holds = |call_id| recent.holds(&CallKey { pbx_id: 1, call_id, leg_id: "" }, crate::clock::now());
        assert!(!holds("passing-2"));
        assert!(holds("passing-999"));
    }

    #[test]
    fn calls_that_are_over_do_not_push_out_those_that_go_on() {
        let mut recent = Recent::new(100, 10);
        let now = crate::clock::now();
        let mut amended = call(2, "on hold");
        recent.put(call(1, "goes on"));
        recent.put(amended.clone());
        for id in 3..1000 {
            recent.put(Call { ended_at: Some(now), ..call(id, &format!("over-{id}")) });
        }
        amended.ended_at = Some(now);
        recent.replace(&amended);
        recent.replace(&call(2000, "nobody remembers it"));
        let holds = |call_id| recent.holds(&CallKey { pbx_id: 1, call_id, leg_id: "" }, now);
        assert!(holds("goes on") && holds("on hold") && holds("over-999"));
        assert!(!holds("over-980") && !holds("nobody remembers it"));
        assert!(recent.over.young.len() + recent.over.old.len() <= 10);
    }

    #[test]
    fn an_earlier_incarnation_does_not_hide_a_later_one() {
        let mut recent = Recent::new(100, 10);
        recent.put(call(7, "a"));
        recent.put(call(3, "a"));
        assert_eq!(
            recent.take(&CallKey { pbx_id: 1, call_id: "a", leg_id: "" }).map(|call| call.id),
            Some(7)
        );
    }
}
