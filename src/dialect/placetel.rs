//! Placetel's Call Control and Notify API. Facts: Placetel's own description
//! (github.com/Placetel/call-control-notify-api); `Dial` and the error texts are Zammad's.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::xml::{self, Inside};
use super::{Dialect, Refusal, Reply, Request, Said, causes};
use crate::call::{CallEvent, Cause, Decision, Direction, Extra, Kind, More, Reason};
use crate::pbx::Options;

const SIGNATURE: &str = "x-placetel-signature";

/// No talk is longer, in seconds: a month.
const LONGEST: i64 = 31 * 24 * 60 * 60;

/// Placetel.
#[derive(Debug)]
pub struct Placetel;

impl Dialect for Placetel {
    fn name(&self) -> &'static str {
        "placetel"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/api/v1/placetel"]
    }

    fn options(&self) -> &'static [&'static str] {
        &["secret", "external_api"]
    }

    /// Only numbers whose routing is "External API" are.
    fn is_steered(&self, options: &Options) -> bool {
        options.external_api.unwrap_or(true)
    }

    fn instructions(&self, url: &str) -> String {
        format!(
            "In Placetel's web portal, under Settings → External APIs, paste the URL as that of the API, and tick the \
             numbers whose calls are to be told. Blocking works for numbers whose routing is \"External API\"; where there \
             is none, set the option external_api=false, so that no rule is asked.\n\
             Set a shared secret there and as the option secret here: then each request must be signed.\n\
             Numbers come without area code in local calls: set the option area_code.\n\
             Try it: curl -X POST --data \"event=IncomingCall&from=022129191999&to=022199998560&direction=in&\
             call_id=f4591ba315d81671d7a06c2a3b4f963dafd119de39cb26edd8a6476676b2f447\" {url}"
        )
    }

    fn parse(&self, request: &Request) -> Result<Said, Refusal> {
        check_signature(request)?;
        let (kind, implied) = match request.params.get("event").map(str::trim) {
            Some("IncomingCall") => (Kind::NewCall, Some(Direction::In)),
            Some("OutgoingCall") => (Kind::NewCall, Some(Direction::Out)),
            // not always an incoming call, whatever the description says (Zammad's tests)
            Some("CallAccepted") => (Kind::Answer, None),
            Some("HungUp") => (Kind::Hangup, None),
            Some(other) => return Ok(Said::ignored(other, "not an event of a call that we know")),
            None => {
                let why = "event: missing; send IncomingCall, OutgoingCall, CallAccepted or HungUp";
                return Err(Refusal::unprocessable(why));
            }
        };
        let direction = request.direction("direction")?.or(implied);
        let peer = request.text("peer")?; // the SIP user that dials, or took the call
        let mut users = request.users(&["user", "user[]"])?;
        if users.is_empty() {
            users.extend(peer.clone());
        }
        if users.is_empty() && direction == Some(Direction::Out) {
            users.extend(request.text("from")?.filter(|from| from.contains('@'))); // the SIP user that dials
        }
        let raw_cause = request.text("type")?.filter(|_| kind == Kind::Hangup);
        Ok(Said::Event(CallEvent {
            call_id: request.call_id(&["call_id"])?,
            leg_id: String::new(),
            kind,
            direction,
            from: request.number("from")?,
            to: request.number("to")?,
            users,
            queue: request.text("queue")?,
            answering_number: peer.filter(|_| kind == Kind::Answer),
            cause: raw_cause.as_deref().and_then(cause),
            more: raw_cause.as_deref().and_then(|how| talk(request, how)),
            raw_cause,
            at: request.received,
        }))
    }

    fn render(&self, event: &CallEvent, decision: &Decision, _hook: &str) -> Reply {
        if event.kind != Kind::NewCall {
            return self.acknowledge();
        }
        let inside = Inside::of(decision, |reason| match reason {
            Reason::Busy => Some("busy"),
            Reason::Rejected => None, // has no word
        });
        xml::response(200, &[], &inside)
    }

    fn acknowledge(&self) -> Reply {
        xml::response(200, &[], &Inside::Nothing)
    }

    fn refuse(&self, refusal: &Refusal) -> Reply {
        xml::response(refusal.status, &[], &Inside::Error(&refusal.why))
    }
}

fn cause(how: &str) -> Option<Cause> {
    Some(match how {
        "accepted" => Cause::NormalClearing,
        "missed" | "canceled" => Cause::Cancel,
        "busy" => Cause::Busy,
        "unavailable" => Cause::NotFound,
        "congestion" => Cause::Congestion,
        "voicemail" => Cause::Voicemail,
        "blocked" => Cause::Blocked,
        other => return causes::understand(other),
    })
}

/// That an outgoing call was taken, only its end tells, by its `type` and by how long people spoke. Older ends do not
/// name the direction, which the call knows.
fn talk(request: &Request, how: &str) -> Option<Box<More>> {
    if how != "accepted" {
        return None;
    }
    let seconds: Option<i64> = request.params.get("duration").and_then(|text| text.trim().parse().ok());
    let reported_talking_ms = seconds.filter(|s| (0..=LONGEST).contains(s)).map(|s| s * 1000);
    // Zammad's tests end an incoming call so that nobody took; they send no duration
    let answered = reported_talking_ms.is_some();
    let extra = Extra { reported_talking_ms, ..Extra::default() };
    Some(Box::new(More { answered, answered_if_out: true, extra, ..More::default() }))
}

/// Is the request Placetel's? Any is where no secret is set.
fn check_signature(request: &Request) -> Result<(), Refusal> {
    let Some(secret) = &request.options.secret else { return Ok(()) };
    let sent = request.headers.get(SIGNATURE).map_or(&b""[..], |value| value.as_bytes().trim_ascii());
    if signature(secret, request.body).as_bytes().ct_eq(&sent.to_ascii_lowercase()).into() {
        return Ok(());
    }
    let why = "X-PLACETEL-SIGNATURE: missing, or not made of this body with this PBX's secret";
    Err(Refusal { status: 401, why: why.into() })
}

/// HMAC-SHA256 of the body as it was sent, in hexadecimal.
fn signature(secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() }; // any length is good
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Placetel's description.
    #[test]
    fn a_signature_is_as_placetel_makes_it() {
        let body =
            b"call_id=4a4cbb39578170aed9a2761a7bec8c7e704a541f52291ef603d6f5f152980c3c&event=CallAccepted\
            &from=0123456789&to=0987654321";
        let signed = "c4f823c5b8806432fe2b83b1fc2ee714422e0cdfb4b5129152a7d0bbcd7792d0";
        assert_eq!(signature("12345", body), signed);
        assert_ne!(signature("12346", body), signed);
    }
}
