//! sipgate.io's push API. Facts: sipgate's push API reference (github.com/sipgate/docs, push-api), its FAQ and
//! troubleshooting pages, and sipgate's own library (github.com/sipgate-io/sipgateio-node). Error texts are Zammad's.

mod signature;

use super::xml::{self, Inside};
use super::{Dialect, Refusal, Reply, Request, Said, causes, fields};
use crate::call::{CallEvent, Decision, Extra, Kind, More, Reason};
use crate::pbx::Options;
use crate::text::Mistakes;

/// sipgate.io.
#[derive(Debug)]
pub struct Sipgate;

impl Dialect for Sipgate {
    fn name(&self) -> &'static str {
        "sipgate"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/api/v1/sipgate"]
    }

    fn tails(&self) -> &'static [&'static str] {
        &["in", "out"]
    }

    fn options(&self) -> &'static [&'static str] {
        &["public_key"]
    }

    fn check(&self, options: &Options, mistakes: &mut Mistakes) {
        let key = options.public_key.as_deref();
        mistakes.note("options.public_key", key.map_or(Ok(()), signature::check_key));
    }

    fn instructions(&self, url: &str) -> String {
        format!(
            "In sipgate's web interface, under the webhooks of sipgate.io, paste\n  \
               as the URL for incoming calls:  {url}/in\n  \
               as the URL for outgoing calls:  {url}/out\n\
             and choose the telephones and groups whose calls are to be told. sipgate must reach this address from the \
             internet; it tells of answers and hangups only at the address that our answer names, which is made of \
             --public-url. Its signature is checked once the option public_key is set (docs/pbx/sipgate.md).\n\
             Try it: curl -X POST --data \"event=newCall&direction=in&from=492111234567&to=4915791234567&callId=123456\
             &user[]=Alice&user[]=Bob\" {url}/in"
        )
    }

    fn parse(&self, request: &Request) -> Result<Said, Refusal> {
        signature::check(request)?;
        let kind: Kind = match request.params.get("event").map(str::trim) {
            None => return Err(Refusal::unprocessable("event: missing; send newCall, answer or hangup")),
            Some("newCall") => Kind::NewCall,
            Some("answer") => Kind::Answer,
            Some("hangup") => Kind::Hangup,
            Some("dtmf") => {
                return Ok(Said::ignored("dtmf", "keys that somebody pressed: no call begins or ends"));
            }
            Some(other) => return Ok(Said::ignored(other, "not an event of a call that we know")),
        };
        let direction = request.direction("direction")?.or_else(|| request.tail?.parse().ok());
        if kind == Kind::NewCall && direction.is_none() {
            return Err(fields::invalid_direction());
        }
        let call_id = request.call_id(&["callId"])?;
        let raw_cause = request.text("cause")?.filter(|_| kind == Kind::Hangup);
        Ok(Said::Event(CallEvent {
            leg_id: String::new(),
            kind,
            direction,
            from: request.number("from")?,
            to: request.number("to")?,
            users: users(request)?,
            queue: request.text("queue")?, // Zammad's bridges send one
            answering_number: request.number_text("answeringNumber")?.filter(|_| kind != Kind::NewCall),
            cause: raw_cause.as_deref().and_then(causes::understand),
            raw_cause,
            at: request.received,
            more: more(request, &call_id)?,
            call_id,
        }))
    }

    fn wants_hook(&self) -> bool {
        true
    }

    /// Whatever is answered, the addresses stand in it: without them no answer and no hangup is told.
    fn render(&self, event: &CallEvent, decision: &Decision, hook: &str) -> Reply {
        let hook = event.direction.map_or_else(|| hook.into(), |direction| format!("{hook}/{direction}"));
        let inside = match event.kind {
            Kind::NewCall => Inside::of(decision, |reason| {
                Some(match reason {
                    Reason::Busy => "busy",
                    Reason::Rejected => "rejected",
                })
            }),
            _ => Inside::Nothing,
        };
        xml::response(200, &[("onHangup", &hook), ("onAnswer", &hook)], &inside)
    }

    fn acknowledge(&self) -> Reply {
        xml::response(200, &[], &Inside::Nothing)
    }

    fn refuse(&self, refusal: &Refusal) -> Reply {
        xml::response(refusal.status, &[], &Inside::Error(&refusal.why))
    }
}

/// Names; ids where there are no names (`1234567w0` counts more than `w0`, which each account has).
fn users(request: &Request) -> Result<Vec<String>, Refusal> {
    for names in [["user[]", "user"], ["fullUserId[]", "fullUserId"], ["userId[]", "userId"]] {
        let users = request.users(&names)?;
        if !users.is_empty() {
            return Ok(users);
        }
    }
    Ok(Vec::new())
}

/// A diverted or transferred call has an id of its own; `origCallId` says where its story began. (sipgate's own
/// library also calls it `originalCallId`.)
fn more(request: &Request, call_id: &str) -> Result<Option<Box<More>>, Refusal> {
    let diversion = request.number_text("diversion")?;
    let origin = match request.text("origCallId")? {
        None => request.text("originalCallId")?,
        told => told,
    };
    let links: Vec<String> = origin.into_iter().filter(|origin| origin != call_id).collect();
    if diversion.is_none() && links.is_empty() {
        return Ok(None);
    }
    Ok(Some(Box::new(More { extra: Extra { diversion, links, ..Extra::default() }, ..More::default() })))
}
