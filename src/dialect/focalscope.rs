//! FocalScope's call events ("Set URL to Open" with an URL adapter). Facts: FocalScope's help center, "Integration - Call
//! Events" (focalscope.com/kb/635) and "dial API" (kb/630).
//!
//! The names of the query are the administrator's; only the placeholders behind them are FocalScope's.

mod names;
mod recording;

use chrono::{DateTime, Datelike, TimeDelta};

use super::{Dialect, Refusal, Reply, Request, Said};
use crate::call::{CallEvent, Cause, Decision, Direction, Extra, Kind, Moment, More};
use crate::number::Number;
use crate::pbx::Options;
use crate::text::Mistakes;
use names::Names;

/// FocalScope.
#[derive(Debug)]
pub struct FocalScope;

impl Dialect for FocalScope {
    fn name(&self) -> &'static str {
        "focalscope"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/api/v1/focalscope"]
    }

    fn options(&self) -> &'static [&'static str] {
        &["names", "outgoing_from"]
    }

    fn check(&self, options: &Options, mistakes: &mut Mistakes) {
        mistakes.note("options.names", names::check(&options.names));
    }

    /// It does not look at the answer.
    fn is_steered(&self, _options: &Options) -> bool {
        false
    }

    fn instructions(&self, url: &str) -> String {
        format!(
            "In FocalScope, make an URL adapter and paste this as its URL, then choose for each parameter the placeholder \
             that stands behind it here:\n  {url}?{}\n\
             Make a rule action \"Set URL to Open\" for all calls with \"on call state events, in backend\" and this \
             adapter. Other names of parameters are good, too: say so with the option names. Where DID holds the caller of \
             an outgoing call, set the option outgoing_from=DID (docs/pbx/focalscope.md).\n\
             Try it: curl \"{url}?Event=start&CallId=1&CallGuid=7be71282-c9a8-4a95-8ace-0f4e2ebc0bc5\
             &CallerID=4915112345678&DID=4930609811111&CallTypeCode=1\"",
            names::template()
        )
    }

    fn parse(&self, request: &Request) -> Result<Said, Refusal> {
        let f = Names::new(request);
        let word = (f.get("DialApiEventName"), f.get("DialApiEventCode"));
        let kind = match word {
            (Some("start"), _) | (None, Some("0")) => Kind::NewCall,
            (Some("pickup"), _) | (None, Some("2")) => Kind::Answer,
            (Some("hangup"), _) | (None, Some("1")) => Kind::Hangup,
            (Some("missed"), _) | (None, Some("3")) => Kind::Hangup, // once more, of a call that nobody took
            (Some(other), _) | (None, Some(other)) => {
                return Ok(Said::ignored(other, "not an event of a call that we know"));
            }
            (None, None) => return Err(f.missing("DialApiEventName")),
        };
        let call_type = CallType::of(f.get("CallTypeCode"), f.get("CallTypeName"));
        if call_type == CallType::Login {
            return Ok(Said::ignored("login", "an agent signs in at the telephone: not a call"));
        }
        let (call_id, leg_id) = ids(&f)?;
        let direction = call_type.direction();
        let (from, to) = ends(&f, direction)?;
        let (began, taken) = (f.moment("StartTimestampUTC"), f.moment("PickupTimestampUTC"));
        let missed = matches!(word, (Some("missed"), _) | (None, Some("3")));
        let answered = match f.get("IsCallAnswered") {
            _ if kind == Kind::Answer => Some(true),
            Some(said) => Some(said == "1"),
            None if missed => Some(false),
            None => taken.map(|_| true), // the administrator may not send it
        };
        let was_taken = answered == Some(true);
        let agent =
            f.text("ResponderAgent")?.map_or_else(|| f.text("ResponderUserName"), |name| Ok(Some(name)))?;
        let at = match kind {
            Kind::NewCall => began,
            Kind::Answer => taken.or_else(|| f.moment("EndTimestampUTC")),
            Kind::Hangup => f.moment("EndTimestampUTC"), // in other events it is only the time of the event
        };
        Ok(Said::Event(CallEvent {
            call_id,
            leg_id,
            kind,
            direction,
            from,
            to,
            users: if kind == Kind::Hangup { Vec::new() } else { agent.iter().cloned().collect() },
            queue: f.text("LastQueueName")?,
            answering_number: f.number_text("ResponderAgentExt")?.filter(|_| was_taken),
            cause: answered.filter(|_| kind == Kind::Hangup).and_then(|answered| cause(answered, direction)),
            raw_cause: None,
            at: at.unwrap_or(request.received),
            more: Some(Box::new(More {
                internal: call_type.is_internal().then_some(true),
                started_at: began,
                answered_at: taken.filter(|_| was_taken),
                answered: was_taken,
                rang: agent,
                extra: Extra {
                    did: f.number_text("DID")?.filter(|_| direction == Some(Direction::In)),
                    recording_url: recording::url(&f)?,
                    callback_id: f.text("DialApiRequestID")?,
                    reported_waiting_ms: f.get("TotalWaitTimeMs").and_then(|text| text.parse().ok()),
                    ..Extra::default()
                },
                ..More::default()
            })),
        }))
    }

    fn render(&self, _event: &CallEvent, _decision: &Decision, _hook: &str) -> Reply {
        self.acknowledge()
    }

    fn acknowledge(&self) -> Reply {
        Reply::text(200, "OK")
    }

    fn refuse(&self, refusal: &Refusal) -> Reply {
        Reply::text(refusal.status, refusal.why.clone())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallType {
    Incoming,
    Outgoing,
    Internal,
    Login,
    /// The leg to the agent of a call that somebody ordered by API.
    Api,
    Conference,
    Unknown,
}

impl CallType {
    fn of(code: Option<&str>, name: Option<&str>) -> Self {
        match (code, name) {
            (Some("1"), _) | (None, Some("Incoming")) => Self::Incoming,
            (Some("2"), _) | (None, Some("Outgoing")) => Self::Outgoing,
            (Some("3"), _) | (None, Some("Internal")) => Self::Internal,
            (Some("4"), _) | (None, Some("Login")) => Self::Login,
            (Some("5"), _) | (None, Some("API")) => Self::Api,
            (Some("6"), _) | (None, Some("Conference")) => Self::Conference,
            _ => Self::Unknown,
        }
    }

    fn direction(self) -> Option<Direction> {
        match self {
            Self::Incoming => Some(Direction::In),
            Self::Outgoing | Self::Internal | Self::Api | Self::Conference => Some(Direction::Out),
            Self::Login | Self::Unknown => None,
        }
    }

    fn is_internal(self) -> bool {
        matches!(self, Self::Internal | Self::Conference)
    }
}

/// Either id alone will do: which of them are sent is the administrator's choice.
fn ids(f: &Names) -> Result<(String, String), Refusal> {
    match (f.id("CallID")?, f.id("CallUUID")?) {
        (Some(call), Some(leg)) => Ok((call, leg)),
        (Some(id), None) | (None, Some(id)) => Ok((id, String::new())),
        (None, None) => Err(f.missing("CallID")),
    }
}

/// Nobody documents whether CallerID or DID is the dialled number of an outgoing call: an option says.
fn ends(f: &Names, direction: Option<Direction>) -> Result<(Option<Number>, Option<Number>), Refusal> {
    let (caller, did) = (f.number("CallerID")?, f.number("DID")?);
    let swapped = direction == Some(Direction::Out) && f.options().outgoing_from.as_deref() == Some("DID");
    Ok(if swapped { (did, caller) } else { (caller, did) })
}

/// It tells none, and never that somebody was busy.
fn cause(answered: bool, direction: Option<Direction>) -> Option<Cause> {
    match (answered, direction) {
        (true, _) => Some(Cause::NormalClearing),
        (false, Some(Direction::In)) => Some(Cause::Cancel),
        (false, Some(Direction::Out)) => Some(Cause::NoAnswer),
        (false, None) => None,
    }
}

/// From ms since 1970; `None` where that cannot be when it happened.
fn moment(text: &str, received: Moment) -> Option<Moment> {
    let at = DateTime::from_timestamp_millis(text.parse().ok()?)?.naive_utc();
    (at.year() >= 2000 && at < received + TimeDelta::days(1)).then_some(at)
}
