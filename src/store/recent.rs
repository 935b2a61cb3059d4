//! The calls that were lately written: a bounded memory of the latest incarnation of each.

use std::collections::{HashMap, VecDeque};

use super::calls::CallKey;
use crate::call::Call;

/// Forgets the longest known first.
pub(super) struct Recent {
    calls: HashMap<CallKey, Call>,
    order: VecDeque<CallKey>,
    capacity: usize,
}

impl Recent {
    /// Remembers `capacity` calls.
    pub fn new(capacity: usize) -> Self {
        Self { calls: HashMap::new(), order: VecDeque::new(), capacity }
    }

    pub fn get(&self, key: &CallKey) -> Option<&Call> {
        self.calls.get(key)
    }

    /// Remembers `call`, unless a later incarnation of it is known.
    pub fn insert(&mut self, call: Call) {
        let key = CallKey::from(&call);
        if self.calls.get(&key).is_some_and(|known| known.id > call.id) {
            return;
        }
        if self.calls.insert(key.clone(), call).is_none() {
            self.order.push_back(key);
        }
        while self.calls.len() > self.capacity {
            match self.order.pop_front() {
                Some(oldest) => drop(self.calls.remove(&oldest)),
                None => break,
            }
        }
    }

    /// Takes over `call` where it is remembered.
    pub fn replace(&mut self, call: &Call) {
        if let Some(known) = self.calls.get_mut(&CallKey::from(call))
            && known.id == call.id
        {
            known.clone_from(call);
        }
    }

    pub fn clear(&mut self) {
        self.calls.clear();
        self.order.clear();
    }
}
