//! How a simulation went.

use std::fmt::Write;
use std::time::Duration;

use reqwest::StatusCode;

use crate::error::StartError;

/// What the server said to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Accept,
    /// Turn the caller away.
    Reject,
    /// Call on with another caller ID.
    Dial,
}

impl Answer {
    /// Reads it; the error is for people.
    pub fn read(status: StatusCode, body: &str) -> Result<Self, String> {
        if !status.is_success() {
            let shown: String = body.chars().take(200).collect();
            return Err(format!("HTTP {status}: {shown}"));
        }
        let json: serde_json::Value =
            serde_json::from_str(body).map_err(|e| format!("the answer is not JSON: {e}"))?;
        match json.get("action").and_then(serde_json::Value::as_str) {
            None => Ok(Self::Accept),
            Some("reject") => Ok(Self::Reject),
            Some("dial") => Ok(Self::Dial),
            Some(other) => Err(format!("unknown action {other:?}")),
        }
    }
}

/// Counts of answers, and how long each took.
#[derive(Debug, Default)]
pub struct Tally {
    accepted: usize,
    rejected: usize,
    dialled: usize,
    failed: usize,
    first_failure: Option<String>,
    took: Vec<Duration>,
}

impl Tally {
    /// One more request.
    pub fn note(&mut self, answer: &Result<Answer, String>, took: Duration) {
        match answer {
            Ok(answer) => {
                self.took.push(took);
                *match answer {
                    Answer::Accept => &mut self.accepted,
                    Answer::Reject => &mut self.rejected,
                    Answer::Dial => &mut self.dialled,
                } += 1;
            }
            Err(why) => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| why.clone());
            }
        }
    }

    /// Did the very first requests all fail? Then the URL is wrong or nobody is there, and more of them say no more.
    pub fn is_hopeless(&self) -> bool {
        self.failed > 0 && self.took.is_empty()
    }

    /// For the line that moves.
    pub fn in_short(&self) -> String {
        format!("{} answered, {} failed", self.took.len(), self.failed)
    }

    /// For the end.
    pub fn summary(&self, calls: usize, took: Duration, seed: u64) -> String {
        let mut text = format!(
            "{calls} calls, {} requests in {:.1} s (the same again: --seed {seed})\n\
             answers: {} go on, {} reject, {} dial; {} failed",
            self.took.len() + self.failed,
            took.as_secs_f64(),
            self.accepted,
            self.rejected,
            self.dialled,
            self.failed
        );
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        if let (Some(p50), Some(p99)) = (percentile(&sorted, 50), percentile(&sorted, 99)) {
            let _cannot_fail =
                write!(text, "\ntime to answer: p50 {:.1} ms, p99 {:.1} ms", in_ms(p50), in_ms(p99));
        }
        text
    }

    /// An error if any request failed.
    pub fn verdict(&self) -> Result<(), StartError> {
        let Some(why) = &self.first_failure else { return Ok(()) };
        let requests = self.took.len() + self.failed;
        Err(StartError(format!(
            "{} of {requests} requests failed; the first: {why}; check the URL, and the server's log",
            self.failed
        )))
    }
}

/// The smallest time that `percent` of all did not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1).copied()
}

fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_a_pbx_would() {
        let read = |body| Answer::read(StatusCode::OK, body);
        assert_eq!(read("{}"), Ok(Answer::Accept));
        assert_eq!(read(r#"{"action":"reject","reason":"busy"}"#), Ok(Answer::Reject));
        assert_eq!(read(r#"{"action":"dial","number":"1","caller_id":"2"}"#), Ok(Answer::Dial));
        assert!(read("<html>").is_err());
        assert!(Answer::read(StatusCode::UNAUTHORIZED, "{}").is_err());
    }

    #[test]
    fn percentiles_are_times_that_occurred() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&times, 99), Some(Duration::from_millis(198)));
        assert_eq!(percentile(&times[..1], 99), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 99), None);
    }
}
