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

/// Two generations: what is taken out comes back as young; when the young are many, the old are forgotten.
#[derive(Default)]
pub(super) struct Recent {
    young: HashTable<Call>,
    old: HashTable<Call>,
    hashes: DefaultHashBuilder,
    capacity: usize,
}

impl Recent {
    /// Remembers between half of `capacity` calls and all of it.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Is it remembered, and still the one that its id means? Where it ended long ago, another node may have begun
    /// the id's next call.
    pub fn holds(&self, key: &CallKey, now: Moment) -> bool {
        let hash = self.hashes.hash_one(key);
        let known = |calls: &HashTable<Call>| {
            let known = calls.find(hash, |call| CallKey::of(call) == *key);
            known.is_some_and(|call| call.ended_at.is_none_or(|ended| now - ended <= REUSE_AFTER))
        };
        known(&self.young) || known(&self.old)
    }

    /// Hands a call over; it is to be put back once it is written.
    pub fn take(&mut self, key: &CallKey) -> Option<Call> {
        self.take_hashed(self.hashes.hash_one(key), key)
    }

    fn take_hashed(&mut self, hash: u64, key: &CallKey) -> Option<Call> {
        [&mut self.young, &mut self.old].into_iter().find_map(|calls| {
            let found = calls.find_entry(hash, |call| CallKey::of(call) == *key).ok()?;
            Some(found.remove().0)
        })
    }

    /// Remembers `call`, unless a later incarnation of it is known.
    pub fn put(&mut self, call: Call) {
        let hash = self.hashes.hash_one(CallKey::of(&call));
        let call = match self.take_hashed(hash, &CallKey::of(&call)) {
            Some(known) if known.id > call.id => known,
            _ => call,
        };
        if self.young.len() >= self.capacity / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert_unique(hash, call, |call| self.hashes.hash_one(CallKey::of(call)));
    }

    /// Takes over `call` where this incarnation of it is remembered.
    pub fn replace(&mut self, call: &Call) {
        let hash = self.hashes.hash_one(CallKey::of(call));
        for calls in [&mut self.young, &mut self.old] {
            if let Some(known) = calls.find_mut(hash, |known| known.id == call.id) {
                known.clone_from(call);
            }
        }
    }

    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallEvent, Kind};

    fn call(id: i64, call_id: &str) -> Call {
        let event = CallEvent {
            call_id: call_id.into(),
            leg_id: String::new(),
            kind: Kind::NewCall,
            direction: None,
            from: None,
            to: None,
            users: Vec::new(),
            queue: None,
            answering_number: None,
            cause: None,
            raw_cause: None,
            at: crate::clock::now(),
            more: None,
        };
        Call { id, ..Call::begin(1, 1, &event) }
    }

    #[test]
    fn it_is_bounded_and_forgets_what_was_not_touched_lately() {
        let mut recent = Recent::new(100);
        recent.put(call(1, "kept"));
        for id in 2..1000 {
            recent.put(call(id, &format!("passing-{id}")));
            let kept =
                recent.take(&CallKey { pbx_id: 1, call_id: "kept", leg_id: "" }).expect("touched each time");
            recent.put(kept);
        }
        assert!(recent.young.len() + recent.old.len() <= 100);
        let holds = |call_id| recent.holds(&CallKey { pbx_id: 1, call_id, leg_id: "" }, crate::clock::now());
        assert!(!holds("passing-2"));
        assert!(holds("passing-999"));
    }

    #[test]
    fn an_earlier_incarnation_does_not_hide_a_later_one() {
        let mut recent = Recent::new(100);
        recent.put(call(7, "a"));
        recent.put(call(3, "a"));
        assert_eq!(
            recent.take(&CallKey { pbx_id: 1, call_id: "a", leg_id: "" }).map(|call| call.id),
            Some(7)
        );
    }
}
