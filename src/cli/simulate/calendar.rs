//! When calls come: by day more than by night, on working days more than at weekends.

use chrono::{Datelike, TimeDelta, Timelike, Weekday};

use crate::call::Moment;

/// How many calls come in each hour of a working day (UTC), in parts of the busiest one.
const HOURS: [f64; 24] = [
    0.01, 0.01, 0.01, 0.01, 0.02, 0.05, 0.25, 0.70, 1.00, 0.98, 0.90, 0.70, 0.65, 0.85, 0.90, 0.75, 0.45,
    0.25, 0.15, 0.10, 0.06, 0.03, 0.02, 0.01,
];
const SATURDAY: f64 = 0.3;
const SUNDAY: f64 = 0.1;

const HOUR_S: i64 = 3600;

/// The beginnings of a number of calls, in their order, spread over some days.
#[derive(Debug)]
pub struct Calendar {
    /// Where the hour begins that is being filled.
    hour: Moment,
    /// Weights of all hours before it.
    before: f64,
    /// Of all hours.
    all: f64,
    calls: u64,
    next: u64,
}

impl Calendar {
    /// So many calls in the `days` before `until`.
    pub fn new(calls: u64, days: u32, until: Moment) -> Self {
        let begin = until - TimeDelta::days(days.into());
        let hours = 24 * i64::from(days);
        let all = (0..hours).map(|hour| weight(begin + TimeDelta::hours(hour))).sum();
        Self { hour: begin, before: 0.0, all, calls, next: 0 }
    }

    /// When the next call begins: `fraction`, from 0 up to 1, says where in its share of the time. `None` after the
    /// last.
    pub fn next(&mut self, fraction: f64) -> Option<Moment> {
        if self.next == self.calls {
            return None;
        }
        let at = (self.next as f64 + fraction) / self.calls as f64 * self.all;
        self.next += 1;
        while at >= self.before + weight(self.hour) {
            self.before += weight(self.hour);
            self.hour += TimeDelta::hours(1);
        }
        let ms = (at - self.before) / weight(self.hour) * 1000.0 * HOUR_S as f64;
        Some(self.hour + TimeDelta::milliseconds(ms as i64))
    }
}

fn weight(hour: Moment) -> f64 {
    let day = match hour.weekday() {
        Weekday::Sat => SATURDAY,
        Weekday::Sun => SUNDAY,
        _ => 1.0,
    };
    day * HOURS[hour.hour() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(calls: u64, days: u32) -> (Moment, Vec<Moment>) {
        let until = crate::clock::now();
        let mut calendar = Calendar::new(calls, days, until);
        (until, std::iter::from_fn(|| calendar.next(0.5)).collect())
    }

    #[test]
    fn all_calls_come_in_order_within_their_days() {
        for (calls, days) in [(1, 1), (7, 1), (10_000, 365)] {
            let (until, starts) = starts(calls, days);
            assert_eq!(starts.len() as u64, calls);
            assert!(starts.is_sorted());
            assert!(starts.iter().all(|at| *at < until && *at >= until - TimeDelta::days(days.into())));
        }
    }

    #[test]
    fn nights_and_weekends_are_quiet() {
        let (_, starts) = starts(70_000, 70);
        let count = |is: fn(&&Moment) -> bool| starts.iter().filter(is).count();
        let (night, day) = (count(|at| at.hour() < 5), count(|at| (8..16).contains(&at.hour())));
        assert!(night > 0 && night * 50 < day, "{night}, {day}");
        let (sunday, monday) =
            (count(|at| at.weekday() == Weekday::Sun), count(|at| at.weekday() == Weekday::Mon));
        assert!(sunday * 9 < monday && monday < sunday * 11, "{sunday}, {monday}");
    }
}
