//! What was read lately. The three events of a call carry the same numbers, and people call again.

use std::sync::{Arc, Mutex, TryLockError};

use hashbrown::HashMap;

use super::Number;

/// How many texts one generation holds: as many as a hash table of 2048 places takes.
const GENERATION: usize = 1792;

/// Longer texts are no numbers, in bytes.
const LONGEST: usize = 100;

/// Two generations: what is found comes back as young; when the young are many, the old are forgotten. Clones share
/// it. Whoever finds it in use reads the number anew.
#[derive(Debug, Clone, Default)]
pub struct Cache(Arc<Mutex<Lately>>);

#[derive(Debug, Default)]
struct Lately {
    young: HashMap<Box<str>, Number>,
    old: HashMap<Box<str>, Number>,
}

impl Cache {
    /// What `text` was read as.
    pub fn get(&self, text: &str) -> Option<Number> {
        self.with(|lately| {
            if let Some(number) = lately.young.get(text) {
                return Some(number.clone());
            }
            let (text, number) = lately.old.remove_entry(text)?;
            lately.put(text, number.clone());
            Some(number)
        })?
    }

    /// Remembers it.
    pub fn put(&self, text: &str, number: &Number) {
        if text.len() <= LONGEST {
            self.with(|lately| lately.put(text.into(), number.clone()));
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Lately) -> T) -> Option<T> {
        match self.0.try_lock() {
            Ok(mut lately) => Some(f(&mut lately)),
            Err(TryLockError::Poisoned(lately)) => Some(f(&mut lately.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Lately {
    fn put(&mut self, text: Box<str>, number: Number) {
        if self.young.len() == GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, number);
    }
}
