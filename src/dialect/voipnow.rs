//! VoipNow's "CallAPI Events" (three events) and "Call Events" (five) of 4PSA. Facts: the vendor's knowledge base and
//! developer guide; what they leave open is told in docs/pbx/voipnow.md.

use super::extension_events::{Fields, Happened, happened, leg_id, plain, refused, taken};
use super::{Dialect, Refusal, Reply, Request, Said};
use crate::call::{CallEvent, Cause, Decision, Direction, Extra, Kind, LegName, More, Place};
use crate::pbx::Options;

/// VoipNow's call events.
#[derive(Debug)]
pub struct VoipNow;

impl Dialect for VoipNow {
    fn name(&self) -> &'static str {
        "voipnow"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/api/v1/voipnow"]
    }

    fn tails(&self) -> &'static [&'static str] {
        &["dial-in", "dial-out", "answer", "answer-in", "answer-out", "hangup"]
    }

    fn options(&self) -> &'static [&'static str] {
        &["events", "queues", "ivrs", "internal"]
    }

    fn is_steered(&self, _: &Options) -> bool {
        false
    }

    fn instructions(&self, url: &str) -> String {
        format!(
            "VoipNow does not say in its requests which event they are: the URL does. For each extension, under CallAPI \
             Events (newer: Call Events), add a request for each event, method GET or POST:\n  \
               Dial-In                     {url}/dial-in\n  \
               Dial-Out                    {url}/dial-out\n  \
               Answer (in and out; newer)  {url}/answer\n  \
               Hangup                      {url}/hangup\n\
             Extensions that are queues or IVRs are named by the options `queues` and `ivrs`.\n\
             Try it: curl \"{url}/dial-in?CallID=b817d2618fe6f1804db1&CallerIDNum=15551230001&\
             CalledDID=15559870000&CalledExtension=0003*210&CallStatus=CALLING&CallFlow=IN\""
        )
    }

    fn parse(&self, request: &Request) -> Result<Said, Refusal> {
        let f = Fields::of(request);
        let (cause, raw_cause) = f.status()?;
        let word = request.tail.or(f.get(&["ev"]));
        let told = match word {
            Some(word) => match happened(word) {
                Some(happened) => Told { happened, or_hangup: false },
                None => return Ok(Said::ignored(word, "this event is not known; see docs/pbx/voipnow.md")),
            },
            None => match guessed(request, raw_cause.as_deref()) {
                Some(told) => told,
                None => {
                    return Ok(Said::ignored("", "neither the URL nor CallStatus says which event it is"));
                }
            },
        };
        event(&f, told, cause, raw_cause).map(Said::Event)
    }

    fn render(&self, _: &CallEvent, _: &Decision, _: &str) -> Reply {
        taken()
    }

    fn acknowledge(&self) -> Reply {
        taken()
    }

    fn refuse(&self, refusal: &Refusal) -> Reply {
        refused(refusal)
    }
}

#[derive(Debug, Clone, Copy)]
struct Told {
    happened: Happened,
    or_hangup: bool,
}

/// Which event it is where the URL does not say. ANSWER is the hangup of an answered call; with five events the first
/// one of a leg is its answer.
fn guessed(request: &Request, status: Option<&str>) -> Option<Told> {
    let five = request.options.events == Some(5);
    let kind = match plain(status?).as_str() {
        "calling" => Kind::NewCall,
        "answer" if five => Kind::Answer,
        _ => Kind::Hangup,
    };
    Some(Told { happened: Happened { kind, direction: None }, or_hangup: kind == Kind::Answer })
}

fn event(
    f: &Fields,
    Told { happened, or_hangup }: Told,
    cause: Option<Cause>,
    raw_cause: Option<String>,
) -> Result<CallEvent, Refusal> {
    let kind = happened.kind;
    let direction = f.direction(happened);
    let (called, caller) = (f.extension("CalledExtension")?, f.extension("CallerExtension")?);
    let inbound = direction != Some(Direction::Out);
    let owner = match direction {
        Some(Direction::In) => called.clone(),
        Some(Direction::Out) => caller.clone(),
        None => None,
    };
    let place = f.place(owner.as_deref());
    let answered = kind == Kind::Answer || (kind == Kind::Hangup && cause == Some(Cause::NormalClearing));
    let to = if inbound {
        ["CalledDID", "CalledNumber", "CalledExtension"]
    } else {
        ["CalledNumber", "CalledExtension", "CalledDID"]
    };
    let to = to.iter().find(|name| f.get(&[name]).is_some());
    let dialled = f.number_text("CalledNumber")?;
    let taken_at = if inbound { owner.clone() } else { dialled };
    let cause = cause.filter(|_| kind == Kind::Hangup || or_hangup);
    Ok(CallEvent {
        call_id: f.call_id()?,
        leg_id: String::new(),
        kind,
        direction,
        from: match f.number("CallerIDNum")? {
            None => f.number("CallerExtension")?,
            number => number,
        },
        to: to.map(|name| f.number(name)).transpose()?.flatten(),
        users: owner.iter().filter(|_| place == Place::Extension).cloned().collect(),
        queue: owner.clone().filter(|_| place == Place::Queue),
        answering_number: taken_at.filter(|_| answered),
        cause,
        raw_cause: raw_cause.filter(|_| kind == Kind::Hangup || or_hangup),
        at: f.request.received,
        more: Some(Box::new(More {
            leg: Some(LegName {
                id: leg_id(direction, owner.as_deref()),
                vague: owner.is_none(),
                owner,
                place,
            }),
            internal: is_internal(f, called.is_some() && caller.is_some()).then_some(true), // some say too little
            answered: answered && place == Place::Extension,
            or_hangup,
            extra: Extra { did: f.number_text("CalledDID")?, from_name: from_name(f)?, ..Extra::default() },
            ..More::default()
        })),
    })
}

fn is_internal(f: &Fields, both: bool) -> bool {
    let caller = f.is_ours("CallerIDNum") || f.is_ours("CallerExtension");
    let alike = caller && (f.is_ours("CalledNumber") || f.is_ours("CalledExtension"));
    f.get(&["CalledDID"]).is_none() && (both || alike)
}

/// The vendor's own pages also write `CallerIDNam`.
fn from_name(f: &Fields) -> Result<Option<String>, Refusal> {
    let name = match f.text("CallerIDName")? {
        None => f.text("CallerIDNam")?,
        name => name,
    };
    Ok(name.filter(|name| f.get(&["CallerIDNum"]) != Some(name.as_str())))
}
