//! The time as it is kept: UTC, whole milliseconds. And as people write it.

use std::time::Instant;

use chrono::{DateTime, NaiveDate, NaiveTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, de};

use crate::call::Moment;

/// Now.
pub fn now() -> Moment {
    Utc::now().naive_utc().trunc_subsecs(3)
}

/// RFC 3339, or a date.
///
/// # Errors
/// How it should look.
pub fn read(text: &str) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let text = if text.contains('T') { text.replace(' ', "+") } else { text.to_owned() }; // from a query string
    let date = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    let time = text.parse::<DateTime<Utc>>().ok();
    time.or_else(date).ok_or_else(|| "must be a time such as 2026-11-21T08:00:00Z, or a date".into())
}

/// For a field that holds a time, or nothing.
///
/// # Errors
/// How it should look.
pub fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| read(&text).map_err(de::Error::custom)).transpose()
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
    fn times_are_read_as_people_write_them() {
        let eight = "2026-11-21T08:00:00Z".parse::<DateTime<Utc>>();
        for text in ["2026-11-21T08:00:00Z", "2026-11-21T09:00:00 01:00", "2026-11-21T09:00:00+01:00"] {
            assert_eq!(read(text).ok(), eight.ok(), "{text}");
        }
        assert_eq!(read("2026-11-21").map(|time| time.to_rfc3339()), Ok("2026-11-21T00:00:00+00:00".into()));
        assert!(read("yesterday").is_err());
    }

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
