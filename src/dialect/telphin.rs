//! Telphin Ringme's events of extensions, queues and IVRs, and those of queue agents. Facts: the vendor's pages
//! "Events on Extension Numbers" and "Event Logic on Extension Numbers"; what they leave open is told in
//! docs/pbx/telphin.md.

use chrono::{DateTime, SubsecRound, TimeDelta};

use super::extension_events::{Fields, Happened, happened, leg_id, plain, refused, taken};
use super::{Dialect, Presence, Refusal, Reply, Request, Said};
use crate::call::{CallEvent, Cause, Decision, Direction, Extra, Kind, LegName, Moment, More, Place};
use crate::pbx::Options;

/// No leg is longer: what is said to be so has another unit.
const LONGEST: TimeDelta = TimeDelta::days(2);

/// Telphin's extension events.
#[derive(Debug)]
pub struct Telphin;

impl Dialect for Telphin {
    fn name(&self) -> &'static str {
        "telphin"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/api/v1/telphin"]
    }

    fn tails(&self) -> &'static [&'static str] {
        &["dial-in", "dial-out", "answer", "hangup", "phone", "queue", "ivr"]
    }

    fn options(&self) -> &'static [&'static str] {
        &["queues", "ivrs", "internal"]
    }

    fn is_steered(&self, _: &Options) -> bool {
        false
    }

    fn instructions(&self, url: &str) -> String {
        format!(
            "Add the events through Telphin's API (POST /api/ver1.0/extension/ID/event/ with url, method and event_type):\n  \
               telephones  dial-in, dial-out, answer, hangup   {url}\n  \
               queues      hangup                              {url}/queue\n  \
               IVRs        hangup                              {url}/ivr\n  \
               agents      agent-login, agent-logout           {url}\n\
             An extension has room for 16 events, those of other programs included.\n\
             Try it: curl --data \"EventType=dial-in&CallID=a4we334i&SubCallID=1138241-62fe48ce&\
             CallerIDNum=%2B79214567892&CalledDID=79300369446&CalledExtension=13596*106%40sipproxy.telphin.ru&\
             CalledNumber=13596*106&CallFlow=in&CallStatus=CALLING\" {url}"
        )
    }

    fn parse(&self, request: &Request) -> Result<Said, Refusal> {
        let f = Fields::of(request);
        let of_url = request.tail.filter(|tail| happened(tail).is_some());
        let word = f.get(&["EventType", "event_type"]).or(of_url).or(f.get(&["ev"]));
        let told = match word {
            Some(word) => match (happened(word), plain(word).as_str()) {
                (Some(happened), _) => happened,
                (None, "agentlogin" | "agentlogout" | "callstatuschange" | "extensioncallstatus") => {
                    return presence(&f, word);
                }
                (None, _) => return Ok(Said::ignored(word, "no call event; see docs/pbx/telphin.md")),
            },
            None => match guessed(&f) {
                Some(happened) => happened,
                None => {
                    return Ok(Said::ignored("", "neither EventType nor CallStatus says which event it is"));
                }
            },
        };
        event(&f, told).map(Said::Event)
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

/// Which event it is where nothing names it: only a hangup has a duration or tells of bridging and recording.
fn guessed(f: &Fields) -> Option<Happened> {
    let kind = match plain(f.get(&["CallStatus"])?).as_str() {
        "calling" => Kind::NewCall,
        "answer" if f.get(&["Duration", "RecID", "Bridged"]).is_none() => Kind::Answer,
        _ => Kind::Hangup,
    };
    Some(Happened { kind, direction: None })
}

fn event(f: &Fields, happened: Happened) -> Result<CallEvent, Refusal> {
    let kind = happened.kind;
    let direction = f.direction(happened);
    let inbound = direction != Some(Direction::Out);
    let owner = match direction {
        Some(Direction::Out) => f.extension("CallerExtension")?,
        None if f.get(&["CallerExtension"]).is_some() => None, // it may be of either
        _ => called_extension(f)?,
    };
    let bridged = f.get(&["Bridged"]).map(|word| word.eq_ignore_ascii_case("yes"));
    let place = match f.place(owner.as_deref()) {
        Place::Extension if bridged.is_some() => Place::Ivr, // only queues and IVRs say this
        place => place,
    };
    let (status, raw_cause) = f.status()?;
    let at = event_time(f);
    let sub_call = f.text("SubCallID")?;
    let lasted = f.get(&["Duration"]).filter(|_| kind == Kind::Hangup).and_then(duration);
    let answered = kind == Kind::Answer || (kind == Kind::Hangup && status == Some(Cause::NormalClearing));
    let by_person = answered && place == Place::Extension;
    let cause = match (status, bridged) {
        (Some(Cause::NormalClearing), Some(false)) => Some(Cause::Cancel), // only the machine had answered
        (status, _) => status,
    };
    let taken_at = if inbound { owner.clone() } else { f.number_text("CalledNumber")? };
    Ok(CallEvent {
        call_id: f.call_id()?,
        leg_id: String::new(),
        kind,
        direction,
        from: first_number(
            f,
            if inbound {
                &["RemoteNumber", "CallerIDNum", "CallerExtension"]
            } else {
                &["CallerExtension", "CallerIDNum"]
            },
        )?,
        to: first_number(
            f,
            if inbound {
                &["CalledDID", "CalledNumber", "CalledExtension"]
            } else {
                &["CalledNumber", "CalledExtension"]
            },
        )?,
        users: owner.iter().filter(|_| place == Place::Extension).cloned().collect(),
        queue: owner.clone().filter(|_| place == Place::Queue),
        answering_number: taken_at.filter(|_| by_person),
        cause: cause.filter(|_| kind == Kind::Hangup),
        raw_cause: raw_cause.filter(|_| kind == Kind::Hangup),
        at,
        more: Some(Box::new(More {
            leg: Some(LegName {
                vague: sub_call.is_none(),
                id: sub_call.unwrap_or_else(|| leg_id(direction, owner.as_deref())),
                owner,
                place,
            }),
            internal: internal(f),
            // queues and IVRs mostly tell of their hangup alone
            started_at: lasted.filter(|_| place != Place::Extension).map(|lasted| at - lasted),
            answered: by_person,
            bridged: bridged.filter(|_| kind == Kind::Hangup),
            transferred: !inbound && is_transferred(f),
            extra: Extra {
                did: f.number_text("CalledDID")?,
                from_name: f
                    .text("CallerIDName")?
                    .filter(|name| f.get(&["CallerIDNum"]) != Some(name.as_str())),
                recording_id: f.text("RecID")?,
                callback_id: f.text("CallBackID")?,
                reported_talking_ms: lasted.filter(|_| by_person).map(|lasted| lasted.num_milliseconds()),
                ..Extra::default()
            },
            ..More::default()
        })),
    })
}

/// Of an incoming call CalledNumber is the extension, too.
fn called_extension(f: &Fields) -> Result<Option<String>, Refusal> {
    match f.extension("CalledExtension")? {
        None if f.is_ours("CalledNumber") => f.extension("CalledNumber"),
        extension => Ok(extension),
    }
}

fn first_number(f: &Fields, names: &[&str]) -> Result<Option<crate::number::Number>, Refusal> {
    names.iter().find(|name| f.get(&[name]).is_some()).map_or(Ok(None), |name| f.number(name))
}

/// Both ends are extensions, and nobody outside is behind them; or the PBX forwards within. The caller's number may be
/// the public one that it shows. An event that says too little leaves it open.
fn internal(f: &Fields) -> Option<bool> {
    if f.get(&["RemoteNumber"]).is_some() {
        return Some(false);
    }
    let has_id = |name| f.get(&[name]).is_some_and(|id| id.bytes().all(|b| b.is_ascii_digit()));
    let within = is_transferred(f) && has_id("CalledExtensionID") && has_id("CallerExtensionID");
    let of_ours = f.is_ours("CallerExtension") && f.get(&["CalledDID"]).is_none();
    let local = (f.is_ours("CallerIDNum") || of_ours) && f.is_ours("CalledNumber");
    (local || within).then_some(true)
}

/// So it is spelled.
fn is_transferred(f: &Fields) -> bool {
    f.get(&["Transfered", "Transferred"]).is_some_and(|word| word.eq_ignore_ascii_case("yes"))
}

/// EventTime is in microseconds since 1970. The vendor's own sample lost two digits: what lies before the year 2000 or
/// more than a day ahead is no time.
fn event_time(f: &Fields) -> Moment {
    const YEAR_2000: i64 = 946_684_800_000_000;
    let told = f.get(&["EventTime"]).and_then(|text| text.parse().ok()).filter(|time| *time >= YEAR_2000);
    let time = told.and_then(DateTime::from_timestamp_micros).map(|time| time.naive_utc().trunc_subsecs(3));
    time.filter(|time| *time <= f.request.received + TimeDelta::days(1)).unwrap_or(f.request.received)
}

/// In microseconds.
fn duration(text: &str) -> Option<TimeDelta> {
    let lasted = TimeDelta::milliseconds(text.parse::<i64>().ok()? / 1000);
    (TimeDelta::zero()..=LONGEST).contains(&lasted).then_some(lasted)
}

/// An agent who signed in or out, or an extension whose status changed.
fn presence(f: &Fields, kind: &str) -> Result<Said, Refusal> {
    let missing = || Refusal::unprocessable("agent_id: missing; send the id of the agent, or extension_id");
    let of_extension = f.text("extension_id")?.map(|id| format!("extension {id}"));
    let signed_out = plain(kind) == "agentlogout";
    let implied = || if signed_out { "logged_out".into() } else { "available".into() };
    let status = match f.text("agent_status")? {
        None => f.text("new_status_id")?,
        status => status,
    };
    let extension = match f.extension("extension_name")? {
        None => f.extension("agent_number")?,
        extension => extension,
    };
    Ok(Said::Presence(Presence {
        kind: kind.chars().take(40).collect(),
        agent: f.text("agent_id")?.or(of_extension).ok_or_else(missing)?,
        extension,
        status: status.unwrap_or_else(implied),
        at: event_time(f),
    }))
}
