//! From the spool back to the database. New events go into the spool while anything is in it; so callers who never pause
//! would keep it going for ever, and those who are quicker than the replay would fill it. Both wait a little then.

use std::time::{Duration, Instant};

/// How long all wait for the end, once the replay took the last that was there.
const MOMENT: Duration = Duration::from_millis(100);
/// How soon they do so again where it did not come to an end.
const AGAIN: Duration = Duration::from_millis(900);
/// Over so long it is counted whether the replay gains.
const STRETCH: Duration = Duration::from_millis(500);

/// How far the replay is.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Until then new events wait for the end.
    ends_by: Option<Instant>,
    /// The replay does not gain: each new event waits, until the end.
    behind: bool,
    /// When counting began, what came since then, and what the database got.
    since: Option<Instant>,
    came: usize,
    went: usize,
}

impl Handover {
    /// So many came into the spool.
    pub fn came(&mut self, count: usize) {
        self.came += count;
    }

    /// The database got so many.
    pub fn went(&mut self, count: usize, now: Instant) {
        self.went += count;
        let since = *self.since.get_or_insert_with(|| {
            self.came = 0; // while the database was away
            now
        });
        if now - since >= STRETCH {
            self.behind |= self.went < 2 * self.came;
            (self.since, self.came, self.went) = (Some(now), 0, 0);
        }
    }

    /// The replay took the last that was there.
    pub fn took_the_last(&mut self, now: Instant) {
        if self.ends_by.is_none_or(|by| by + AGAIN < now) {
            self.ends_by = Some(now + MOMENT);
        }
    }

    /// The database did not take them: nobody need wait.
    pub fn failed(&mut self, now: Instant) {
        *self = Self { ends_by: Some(now), ..Self::default() };
    }

    /// How long a new event is to wait, at most `longest`.
    pub fn wait(&self, longest: Duration, now: Instant) -> Option<Duration> {
        if self.behind {
            return Some(longest);
        }
        self.ends_by?.checked_duration_since(now).map(|left| left.min(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(50);
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn all_wait_for_the_end_and_no_longer_than_a_moment() {
        let (mut handover, now) = (Handover::default(), Instant::now());
        assert_eq!(handover.wait(LONGEST, now), None);
        handover.took_the_last(now);
        assert_eq!(handover.wait(LONGEST, now), Some(LONGEST));
        assert_eq!(handover.wait(LONGEST, now + MOMENT - MS), Some(MS));
        handover.took_the_last(now + MOMENT + MS);
        assert_eq!(handover.wait(LONGEST, now + MOMENT + MS), None, "not again at once");
        let later = now + MOMENT + AGAIN + MS;
        handover.took_the_last(later);
        assert_eq!(handover.wait(LONGEST, later), Some(LONGEST));
        handover.failed(later);
        assert_eq!(handover.wait(LONGEST, later + MS), None);
    }

    #[test]
    fn who_is_quicker_than_the_replay_waits_until_the_end() {
        for (came, waits) in [(400, None), (600, Some(LONGEST))] {
            let (mut handover, now) = (Handover::default(), Instant::now());
            handover.came(9_999);
            handover.went(500, now);
            handover.came(came);
            assert_eq!(handover.wait(LONGEST, now), None);
            handover.went(500, now + STRETCH);
            assert_eq!(handover.wait(LONGEST, now + STRETCH), waits);
            handover.went(1000, now + 2 * STRETCH);
            assert_eq!(handover.wait(LONGEST, now + 2 * STRETCH), waits, "to the end");
            handover.failed(now + 2 * STRETCH);
            assert_eq!(handover.wait(LONGEST, now + 3 * STRETCH), None);
        }
    }
}
