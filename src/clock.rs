//! The time as it is kept: UTC, whole milliseconds.

use std::time::Instant;

use chrono::{SubsecRound, TimeDelta, Utc};

use crate::call::Moment;

/// Now.
pub fn now() -> Moment {
    Utc::now().naive_utc().trunc_subsecs(3)
}

/// So much is no slow correction by NTP, and more than any wait that is left where it is.
const NOTICED: TimeDelta = TimeDelta::seconds(5);

/// Notices when somebody sets the clock back: by a clock that only goes forward.
pub struct Watch {
    wall: Moment,
    steady: Instant,
}

impl Watch {
    /// From now on.
    #[expect(clippy::new_without_default, reason = "it begins at a time")]
    pub fn new() -> Self {
        Self { wall: now(), steady: Instant::now() }
    }

    /// By how much it was set back since it was asked last; `None` where it was not, or forward.
    pub fn set_back(&mut self) -> Option<TimeDelta> {
        self.compare(now(), Instant::now())
    }

    fn compare(&mut self, wall: Moment, steady: Instant) -> Option<TimeDelta> {
        let passed = TimeDelta::from_std(steady - self.steady).unwrap_or_default();
        let back = self.wall + passed - wall;
        (self.wall, self.steady) = (wall, steady);
        (back >= NOTICED).then_some(back)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_a_clock_that_is_set_back_is_noticed() {
        let mut watch = Watch::new();
        let (mut wall, mut steady) = (watch.wall, watch.steady);
        for (step_s, noticed) in
            [(1, None), (0, None), (3600, None), (-7200, Some(7201)), (1, None), (-3, None)]
        {
            wall += TimeDelta::seconds(step_s);
            steady += Duration::from_secs(1);
            assert_eq!(watch.compare(wall, steady).map(|back| back.num_seconds()), noticed, "{step_s}");
        }
    }
}
