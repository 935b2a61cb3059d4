//! What callers and callees do, as scenarios of SIPp.

/// The INVITE's transaction: SIPp counts messages back to it. `scenario` puts the number in.
const INVITES_BRANCH: &str = "[branch-INDEX]";

const SOUND: &str = "Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
";
const NO_SOUND: &str = "Content-Length: 0\n\n";

/// Who calls. `-s` is whom, `-key from` who, `-d` how long they speak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Caller {
    /// Is answered and hangs up after a while.
    HangsUp,
    /// Is answered and waits until the other side hangs up.
    Stays,
    /// Hears this status.
    Hears(u16),
    /// Hears it ring and gives up.
    GivesUp,
    /// Gives up before it rings.
    GivesUpAtOnce,
}

/// Who is called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Callee {
    /// Nobody is there.
    Absent,
    /// There, and must not be rung.
    Unaware,
    /// Rings and answers.
    Answers,
    /// Answers without ringing.
    AnswersAtOnce,
    /// Answers and hangs up.
    HangsUp,
    /// Rings and then says this.
    Says(u16),
    /// Rings until somebody gives up.
    Rings,
}

impl Caller {
    /// For SIPp.
    pub fn scenario(self) -> String {
        let hears = |status| receive(&format!(r#"response="{status}""#));
        let may_ring = || r#"<recv response="180" optional="global" />"#.to_owned();
        let trying = || r#"<recv response="100" optional="true" />"#.to_owned();
        let speaks = || receive(r#"response="200" rrs="true""#);
        let cancel = || request_again("CANCEL", "");
        let ack_no = || request_again("ACK", "[peer_tag_param]");
        let steps = match self {
            Self::HangsUp => vec![
                invite(),
                trying(),
                may_ring(),
                speaks(),
                within_call("ACK", 1),
                "<pause />".into(),
                within_call("BYE", 2),
                hears(200),
            ],
            Self::Stays => vec![
                invite(),
                trying(),
                may_ring(),
                speaks(),
                within_call("ACK", 1),
                receive(r#"request="BYE""#),
                reply("200 OK", NO_SOUND),
            ],
            Self::Hears(status) => vec![invite(), trying(), may_ring(), hears(status), ack_no()],
            Self::GivesUp => {
                vec![invite(), trying(), hears(180), cancel(), hears(200), hears(487), ack_no()]
            }
            Self::GivesUpAtOnce => vec![invite(), hears(100), cancel(), hears(487), ack_no(), hears(200)],
        };
        scenario(&steps)
    }
}

impl Callee {
    /// For SIPp; `None` where nobody is there.
    pub fn scenario(self) -> Option<String> {
        let rung = || {
            r#"<recv request="INVITE" rrs="true"><action>
            <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via" />
            <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from" />
            <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to" />
            </action></recv><Reference variables="via,from,to" />"#
                .to_owned()
        };
        let rings = || reply("180 Ringing", NO_SOUND);
        let answers = || reply("200 OK", SOUND);
        let hears = |method| receive(&format!(r#"request="{method}""#));
        let done = || reply("200 OK", NO_SOUND);
        let steps = match self {
            Self::Absent => return None,
            Self::Unaware | Self::Answers => {
                vec![rung(), rings(), answers(), hears("ACK"), hears("BYE"), done()]
            }
            Self::AnswersAtOnce => vec![rung(), answers(), hears("ACK"), hears("BYE"), done()],
            Self::HangsUp => {
                vec![rung(), rings(), answers(), hears("ACK"), bye(), receive(r#"response="200""#)]
            }
            Self::Says(status) => {
                vec![rung(), rings(), reply(&format!("{status} Because"), NO_SOUND), hears("ACK")]
            }
            Self::Rings => vec![rung(), rings(), hears("CANCEL"), done(), terminated(), hears("ACK")],
        };
        Some(scenario(&steps))
    }
}

fn scenario(steps: &[String]) -> String {
    let numbered = steps.iter().enumerate().map(|(index, step)| step.replace("INDEX", &index.to_string()));
    format!("<?xml version=\"1.0\"?>\n<scenario>\n{}\n</scenario>\n", numbered.collect::<Vec<_>>().join("\n"))
}

fn receive(what: &str) -> String {
    format!("<recv {what} />")
}

/// SIPp repeats it until it is answered, where it is such a message.
fn send(message: &str, repeated: bool) -> String {
    let retrans = if repeated { r#" retrans="500""# } else { "" };
    format!("<send{retrans}><![CDATA[\n{message}]]></send>")
}

fn invite() -> String {
    let contact = "Contact: <sip:[from]@[local_ip]:[local_port]>\n";
    send(&request("INVITE", 1, "[branch]", "", &format!("{contact}{SOUND}")), true)
}

/// Of the INVITE's own transaction: CANCEL, and the ACK of a refusal.
fn request_again(method: &str, tag: &str) -> String {
    send(&request(method, 1, INVITES_BRANCH, tag, NO_SOUND), method == "CANCEL")
}

fn request(method: &str, sequence: u32, branch: &str, tag: &str, rest: &str) -> String {
    format!(
        "{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch={branch}
From: <sip:[from]@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {sequence} {method}
Max-Forwards: 70
{rest}"
    )
}

/// Of the caller, once the call is answered.
fn within_call(method: &str, sequence: u32) -> String {
    let request = request(method, sequence, "[branch]", "[peer_tag_param]", NO_SOUND);
    let routed = request
        .replacen("sip:[service]@[remote_ip]:[remote_port] SIP", "[next_url] SIP", 1)
        .replacen("\nFrom:", "\n[routes]\nFrom:", 1);
    send(&routed, method == "BYE")
}

/// Of the callee.
fn bye() -> String {
    let message = "BYE [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
[routes]
From:[$to];tag=[pid]s[call_number]
To:[$from]
Call-ID: [call_id]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0

";
    send(message, true)
}

fn reply(line: &str, rest: &str) -> String {
    let tag = if rest == SOUND || !line.starts_with("200") { ";tag=[pid]s[call_number]" } else { "" };
    let message = format!(
        "SIP/2.0 {line}
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
{rest}"
    );
    send(&message, !tag.is_empty() && !line.starts_with('1'))
}

/// The INVITE's end after a CANCEL, so it has the INVITE's Via.
fn terminated() -> String {
    let message = "SIP/2.0 487 Request Terminated
Via:[$via]
[last_From:]
To:[$to];tag=[pid]s[call_number]
[last_Call-ID:]
CSeq: 1 INVITE
Content-Length: 0

";
    send(message, true)
}
