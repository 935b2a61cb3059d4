//! What is said of work that fails because the database is away: many such things try again each second, and a log that
//! is flooded hides what else happens.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(10);

/// One line in ten seconds.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Nothing was said yet.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// May it be said now? Then not again for ten seconds.
    pub fn has_turn(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = last.is_none_or(|at| at.elapsed() >= PAUSE);
        if turn {
            *last = Some(Instant::now());
        }
        turn
    }

    /// Logs a warning, or at level debug where it has no turn.
    pub fn warn(&self, what: &str, why: &(impl Display + ?Sized)) {
        let level = if self.has_turn() { log::Level::Warn } else { log::Level::Debug };
        log::log!(level, "{what}: {why}");
    }
}

/// The same for all that is done in the background: one line, whoever has it to say.
pub fn complain(what: &str, why: &impl Display) {
    static BACKGROUND: Seldom = Seldom::new();
    BACKGROUND.warn(what, why);
}
