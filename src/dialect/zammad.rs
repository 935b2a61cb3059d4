//! Zammad's CTI push ("CTI (generic)"). Facts: docs.zammad.org, api/generic-cti, and the behaviour of its
//! endpoint. Answers and error texts are Zammad's where it has one.

use serde_json::json;

use super::params::Params;
use super::{Dialect, Refusal, Reply, Request, Said, causes, fields};
use crate::call::{CallEvent, Decision, Kind};

/// `callId` as documented, `call_id` as Zammad's code also takes it, `callid` as an older 3CX bridge sends.
const CALL_ID: &[&str] = &["callId", "call_id", "callid"];

/// A call to try an endpoint with: the example of the documentation.
const EXAMPLE: &str =
    "event=newCall&from=493055571600&to=491711234567890&direction=in&callId=123456&user[]=Alice&user[]=Bob";

/// Zammad's CTI push.
#[derive(Debug)]
pub struct Zammad;

impl Dialect for Zammad {
    fn name(&self) -> &'static str {
        "zammad"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/api/v1/cti", "/api/v1/integration/cti"]
    }

    fn by_get(&self) -> bool {
        false
    }

    fn instructions(&self, url: &str) -> String {
        format!(
            "Paste the URL where the PBX, or its bridge, asks for the endpoint of Zammad's \"CTI (generic)\". It posts \
             there (form, JSON or query):\n  \
               event=newCall  direction=in|out  from  to  callId  [user]  [queue]\n  \
               event=answer   direction         from  to  callId  [user]  [answeringNumber]\n  \
               event=hangup   direction         from  to  callId  [cause]\n\
             and reads from the answer to newCall whether to go on ({{}}), to reject, or to dial with another caller ID.\n\
             Try it: curl -X POST --data \"{EXAMPLE}\" {url}"
        )
    }

    fn parse(&self, request: &Request) -> Result<Said, Refusal> {
        let p = request.params;
        let direction = request.direction("direction")?.ok_or_else(fields::invalid_direction)?;
        let kind = kind(p)?;
        let raw_cause = request.text("cause")?.filter(|_| kind == Kind::Hangup);
        Ok(Said::Event(CallEvent {
            call_id: request.call_id(CALL_ID)?,
            leg_id: String::new(),
            kind,
            direction: Some(direction),
            from: request.number("from")?,
            to: request.number("to")?,
            users: request.users(&["user", "user[]"])?,
            queue: request.text("queue")?,
            // one client sends it with each event, whoever takes the call later
            answering_number: request.number_text("answeringNumber")?.filter(|_| kind == Kind::Answer),
            cause: raw_cause.as_deref().and_then(causes::understand),
            raw_cause,
            at: request.received,
            more: None,
        }))
    }

    fn render(&self, event: &CallEvent, decision: &Decision, _hook: &str) -> Reply {
        match decision {
            Decision::Reject { reason, .. } if event.kind == Kind::NewCall => {
                Reply::json(200, json!({ "action": "reject", "reason": reason }).to_string())
            }
            // Zammad's code sends caller_id, its documentation says callerId: clients read either
            Decision::Dial { caller_id, number, .. } if event.kind == Kind::NewCall => Reply::json(
                200,
                json!({ "action": "dial", "caller_id": caller_id, "callerId": caller_id, "number": number })
                    .to_string(),
            ),
            _ => self.acknowledge(),
        }
    }

    fn acknowledge(&self) -> Reply {
        Reply::json(200, "{}") // two bytes: a real client compares the text
    }

    fn refuse(&self, refusal: &Refusal) -> Reply {
        Reply::json(refusal.status, json!({ "error": refusal.why }).to_string())
    }
}

fn kind(p: &Params) -> Result<Kind, Refusal> {
    let word = p
        .get("event")
        .map(str::trim)
        .ok_or_else(|| Refusal::unprocessable("event: missing; send newCall, answer or hangup"))?;
    word.parse().map_err(|_| {
        let shown: String = word.chars().take(40).collect();
        Refusal::unprocessable(format!("event: unknown event {shown:?}; send newCall, answer or hangup"))
    })
}
