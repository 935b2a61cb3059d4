//! What a server must answer to a request.

use clap::ValueEnum;

use crate::rules;

/// Against what the calls are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Expect {
    /// Hookswitch without rules: `{}` to everything.
    Plain,
    /// Hookswitch with the rule set that `load rules` prints.
    Rules,
    /// `load noop`.
    Yardstick,
}

/// The 40 bytes that the yardstick answers.
pub const YARDSTICK: &[u8] = br#"{"action":"accept","rule":0,"seen":"no"}"#;

/// The body that is right for one request; the status must be 200 always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Go on.
    Nothing,
    /// The caller is blocked.
    Reject,
    /// A caller-ID rule applies.
    Dial,
    /// The yardstick's one answer.
    Yardstick,
    /// Whatever another dialect says to an event that is taken.
    Taken,
}

impl Expected {
    /// Is `body` that answer?
    pub fn is(self, body: &[u8]) -> bool {
        match self {
            Self::Nothing => body == b"{}",
            Self::Reject => body == br#"{"action":"reject","reason":"busy"}"#,
            Self::Dial => {
                body.starts_with(br#"{"action":"dial""#) && holds(body, rules::CALLER_ID.as_bytes())
            }
            Self::Yardstick => body == YARDSTICK,
            Self::Taken => !holds(body, b"rror"), // its status is 200
        }
    }
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(YARDSTICK.len(), 40);
        assert!(Expected::Nothing.is(b"{}") && !Expected::Nothing.is(b"{ }"));
        let dial = br#"{"action":"dial","number":"41791000007","caller_id":"4930609811100"}"#;
        assert!(Expected::Dial.is(dial) && !Expected::Reject.is(dial) && !Expected::Nothing.is(dial));
    }
}
