//! A call in the words of each dialect.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;

use crate::calls::BLANK_ID;

/// How a PBX speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Words {
    /// `newCall`, `answer`, `hangup` as forms.
    Zammad,
    /// The same words; XML comes back.
    Sipgate,
    /// `IncomingCall`, `CallAccepted`, `HungUp`.
    Placetel,
    /// Five events, told apart by the path.
    Voipnow,
    /// `start`, `pickup`, `hangup` by GET.
    Focalscope,
    /// Five events with legs.
    Telphin,
}

/// Who calls whom. Texts as they stand in a form.
pub struct Spoken<'a> {
    /// The caller.
    pub from: &'a str,
    /// The callee.
    pub to: &'a str,
    /// Does it come in?
    pub inbound: bool,
    /// Who is rung, or dials.
    pub user: &'a str,
    /// Where it is taken.
    pub taken_at: &'a str,
}

/// One request: what stands behind the PBX's URL, and the body; without one it is a GET.
pub struct Message {
    /// Begins with `/` or `?`, or is empty.
    pub behind: String,
    /// A form.
    pub form: Option<String>,
}

impl Message {
    fn post(form: String) -> Self {
        Self { behind: String::new(), form: Some(form) }
    }
}

impl Words {
    /// As in the server.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The call rings, is answered and ends.
    pub fn story(self, call: &Spoken) -> Vec<Message> {
        let Spoken { from, to, user, taken_at, inbound } = *call;
        let way = if inbound { "in" } else { "out" };
        match self {
            Self::Zammad | Self::Sipgate => {
                let about = format!("from={from}&to={to}&direction={way}&callId={BLANK_ID}");
                let ring = if self == Self::Zammad {
                    format!("user[]={user}&queue=support")
                } else {
                    format!("origCallId={BLANK_ID}&user[]={user}&userId[]=w0&fullUserId[]=1234567w0")
                };
                let texts = [
                    format!("event=newCall&{about}&{ring}"),
                    format!("event=answer&{about}&user={user}&answeringNumber={taken_at}"),
                    format!("event=hangup&{about}&cause=normalClearing&answeringNumber={taken_at}"),
                ];
                texts.map(Message::post).into()
            }
            Self::Placetel => {
                let about = format!("from={from}&to={to}&call_id={BLANK_ID}&direction={way}");
                let ring = if inbound { "IncomingCall" } else { "OutgoingCall" };
                let peer = "peer=7777abcdefg%40fpbx.de";
                let texts = [
                    format!("event={ring}&{about}&{peer}"),
                    format!("event=CallAccepted&{about}&{peer}"),
                    format!("event=HungUp&{about}&type=accepted&duration=35"),
                ];
                texts.map(Message::post).into()
            }
            Self::Voipnow | Self::Telphin => {
                let flow = if inbound {
                    format!("CalledDID={to}&CalledExtension=0003*210&CalledNumber={to}&CallFlow=in")
                } else {
                    format!("CallerExtension=0003*210&CalledNumber={to}&CallFlow=out")
                };
                let leg = if self == Self::Telphin {
                    "&SubCallID=1138241-62fe48ce745644da&CallAPIID=87623746"
                } else {
                    ""
                };
                let about = format!("CallID={BLANK_ID}{leg}&CallerIDNum={from}&CallerIDName={user}&{flow}");
                let event = |kind: &str, status: &str, more: &str| {
                    let form = format!(
                        "EventType={kind}&{about}&CallStatus={status}&EventTime={}000{more}",
                        now_ms()
                    );
                    Message { behind: format!("/{kind}"), form: Some(form) }
                };
                let end = if self == Self::Telphin { "&Duration=7529999&RecID=1138241-3a849fa6" } else { "" };
                vec![
                    event(if inbound { "dial-in" } else { "dial-out" }, "CALLING", ""),
                    event("answer", "ANSWER", ""),
                    event("hangup", "ANSWER", end),
                ]
            }
            Self::Focalscope => {
                let (code, kind) = if inbound { (1, "Incoming") } else { (2, "Outgoing") };
                let user = user.replace('+', "%20");
                let event = |name: &str, number: u8, pickup: &str, answered: u8| {
                    let began = now_ms();
                    let query = format!(
                        "?Event={name}&EventCode={number}&CallId={BLANK_ID}&CallGuid=7be71282-c9a8-4a95-8ace-0f4e2ebc0bc5\
                         &CallerID={from}&DID={to}&ResponderAgent={user}&QueueName=Simple%20queue&CallTypeCode={code}\
                         &CallTypeName={kind}&StartTimestampUTC={began}&PickupTimestampUTC={pickup}&TotalWaitTimeMs=7553\
                         &EndTimestampUTC={began}&IsCallAnswered={answered}&IsCallRecorded=&RecordingURL="
                    );
                    Message { behind: query, form: None }
                };
                let taken = now_ms().to_string();
                vec![event("start", 0, "", 0), event("pickup", 2, &taken, 1), event("hangup", 1, &taken, 1)]
            }
        }
    }
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}
