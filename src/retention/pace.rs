//! How fast old calls go: in steps so short, and pauses so long, that events do not notice.

use std::time::Duration;

use crate::store::retention::Took;

/// How long a step's own work shall take: about as long as writing some events, which on SQLite wait for it.
const GOAL: Duration = Duration::from_millis(2);
/// So many calls at once, at least and at most.
const AT_ONCE: (i64, i64) = (10, 1_000);
/// A pause is so many times as long as the step before it, the wait for the disk included.
const REST: u32 = 4;
/// And within these.
const PAUSE: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(1));

/// Learns from each step how large the next may be.
#[derive(Debug)]
pub struct Pace {
    at_once: i64,
}

impl Pace {
    /// Begins with small steps.
    pub fn new() -> Self {
        Self { at_once: 50 }
    }

    /// How many calls, or lines, the next step may take away.
    pub fn at_once(&self) -> i64 {
        self.at_once
    }

    /// How long to pause after a step that took so long.
    pub fn after(&mut self, took: Took) -> Duration {
        let room = GOAL.as_secs_f64() / took.work.as_secs_f64().max(1e-6);
        let at_once = (self.at_once as f64 * room.clamp(0.5, 2.0)) as i64;
        self.at_once = at_once.clamp(AT_ONCE.0, AT_ONCE.1);
        (took.in_all * REST).clamp(PAUSE.0, PAUSE.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(work_ms: u64, in_all_ms: u64) -> Took {
        Took { work: Duration::from_millis(work_ms), in_all: Duration::from_millis(in_all_ms) }
    }

    #[test]
    fn steps_grow_while_they_are_short_and_shrink_where_they_are_long() {
        let mut pace = Pace::new();
        assert_eq!(pace.after(took(1, 1)), Duration::from_millis(4));
        assert_eq!(pace.at_once(), 100);
        (0..20).for_each(|_| _ = pace.after(took(0, 0)));
        assert_eq!((pace.at_once(), pace.after(took(0, 0))), (1_000, PAUSE.0));
        (0..20).for_each(|_| _ = pace.after(took(500, 900)));
        assert_eq!((pace.at_once(), pace.after(took(500, 900))), (10, PAUSE.1));
    }

    #[test]
    fn a_slow_disk_makes_pauses_longer_but_steps_no_smaller() {
        let mut pace = Pace::new();
        assert_eq!(pace.after(took(2, 52)), Duration::from_millis(208));
        assert_eq!(pace.at_once(), 50);
    }
}
