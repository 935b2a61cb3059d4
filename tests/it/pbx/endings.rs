//! Every way in which a call can end: what the caller hears, what the callee sees, and what stands in the log.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::sipp::Sipp;
use super::stories::{Callee, Caller};
use super::{IN_ORDER, Scene, TO};
use crate::harness::eventually;

const SOMEBODY: &str = "493055571600";
const NUISANCE: &str = "447700900666";
const UNWANTED: &str = "447700900999";
/// At the PBX.
const ALICE: &str = "11";
/// At the PBX; no caller-ID rule is for her.
const BERTA: &str = "12";
const CAROL: &str = "13";
/// What rules say for Alice and, by default, for Carol.
const BERLIN: &str = "493055571642";
const DEFAULT: &str = "493023125099";

/// A call, and what shall come of it.
struct Ending {
    name: &'static str,
    inbound: bool,
    from: &'static str,
    caller: Caller,
    callee: Callee,
    /// In the log; `None` where it was answered and hung up.
    log: Option<(&'static str, &'static str, &'static str)>,
}

const fn inbound(
    name: &'static str,
    from: &'static str,
    caller: Caller,
    callee: Callee,
    log: Option<(&'static str, &'static str, &'static str)>,
) -> Ending {
    Ending { name, inbound: true, from, caller, callee, log }
}

const fn outbound(
    name: &'static str,
    from: &'static str,
    caller: Caller,
    callee: Callee,
    log: Option<(&'static str, &'static str, &'static str)>,
) -> Ending {
    Ending { name, inbound: false, from, caller, callee, log }
}

/// Outcome, cause and the switch's own word for it are what the log says.
const ENDINGS: &[Ending] = &[
    inbound("in-answered", SOMEBODY, Caller::HangsUp, Callee::Answers, None),
    inbound("in-callee-hangs-up", SOMEBODY, Caller::Stays, Callee::HangsUp, None),
    inbound("in-anonymous", "anonymous", Caller::HangsUp, Callee::Answers, None),
    inbound("in-blocked", NUISANCE, Caller::Hears(486), Callee::Unaware, Some(("blocked", "busy", "486"))),
    inbound(
        "in-blocked-plus",
        "+447700900666",
        Caller::Hears(486),
        Callee::Unaware,
        Some(("blocked", "busy", "486")),
    ),
    inbound(
        "in-rejected",
        UNWANTED,
        Caller::Hears(603),
        Callee::Unaware,
        Some(("blocked", "noAnswer", "603")),
    ),
    inbound("in-busy", SOMEBODY, Caller::Hears(486), Callee::Says(486), Some(("missed", "busy", "486"))),
    inbound(
        "in-forwarded",
        SOMEBODY,
        Caller::Hears(302),
        Callee::Says(302),
        Some(("forwarded", "forwarded", "302")),
    ),
    inbound("in-gives-up", SOMEBODY, Caller::GivesUp, Callee::Rings, Some(("missed", "cancel", "cancel"))),
    inbound(
        "in-no-answer",
        SOMEBODY,
        Caller::Hears(408),
        Callee::Rings,
        Some(("missed", "noAnswer", "noAnswer")),
    ),
    inbound(
        "in-unreachable",
        SOMEBODY,
        Caller::Hears(408),
        Callee::Absent,
        Some(("missed", "congestion", "congestion")),
    ),
    inbound(
        "in-not-found",
        SOMEBODY,
        Caller::Hears(404),
        Callee::Says(404),
        Some(("missed", "notFound", "404")),
    ),
    inbound(
        "in-unavailable",
        SOMEBODY,
        Caller::Hears(480),
        Callee::Says(480),
        Some(("missed", "noAnswer", "480")),
    ),
    inbound(
        "in-declined",
        SOMEBODY,
        Caller::Hears(603),
        Callee::Says(603),
        Some(("missed", "noAnswer", "603")),
    ),
    // Kamailio's transactions never pass a 503 on: that would keep the caller away from it
    inbound(
        "in-congestion",
        SOMEBODY,
        Caller::Hears(500),
        Callee::Says(503),
        Some(("missed", "congestion", "503")),
    ),
    outbound("out-rule", ALICE, Caller::HangsUp, Callee::Answers, None),
    outbound("out-rule-callee-hangs-up", ALICE, Caller::Stays, Callee::HangsUp, None),
    outbound("out-default", CAROL, Caller::HangsUp, Callee::Answers, None),
    outbound("out-no-rule", BERTA, Caller::HangsUp, Callee::Answers, None),
    outbound("out-of-a-blocked-number", NUISANCE, Caller::HangsUp, Callee::Answers, None),
    outbound("out-busy", ALICE, Caller::Hears(486), Callee::Says(486), Some(("busy", "busy", "486"))),
    outbound("out-gives-up", ALICE, Caller::GivesUp, Callee::Rings, Some(("cancelled", "cancel", "cancel"))),
    outbound(
        "out-no-answer",
        ALICE,
        Caller::Hears(408),
        Callee::Rings,
        Some(("missed", "noAnswer", "noAnswer")),
    ),
    outbound(
        "out-not-found",
        ALICE,
        Caller::Hears(404),
        Callee::Says(404),
        Some(("failed", "notFound", "404")),
    ),
    outbound(
        "out-unreachable",
        ALICE,
        Caller::Hears(408),
        Callee::Absent,
        Some(("failed", "congestion", "congestion")),
    ),
];

#[actix_web::test]
#[ignore = "takes Kamailio and SIPp: scripts/test runs it"]
async fn each_ending() {
    // this is not about speed: a busy machine must not make Kamailio go on without an answer
    let scene = Scene::start_with(
        &["--intake-deadline-ms=3000"],
        &[IN_ORDER, ("ANSWER_WITHIN 1", "ANSWER_WITHIN 4")],
    );
    for rule in [json!({ "pattern": NUISANCE }), json!({ "pattern": UNWANTED, "reason": "rejected" })] {
        scene.admin().post_json("/api/v1/block-rules", &rule).await.is(201);
    }
    for (destination, caller_id, from) in [("+4930*", BERLIN, ALICE), ("*", DEFAULT, CAROL)] {
        let rule = json!({ "destination": destination, "caller_id": caller_id, "from": from });
        scene.admin().post_json("/api/v1/caller-id-rules", &rule).await.is(201);
    }
    let heard: Vec<_> = ENDINGS.iter().map(|ending| (ending, ending.play(&scene))).collect();
    let all = async || scene.log().await.values().filter(|(call, _)| call["state"] == "ended").count();
    eventually("each call has its hangup", async || all().await == ENDINGS.len()).await;
    let log = scene.log().await;
    let mut wrong = 0;
    for (ending, heard) in heard {
        let (call, told) = &log[&format!("{}-1", ending.name)];
        let found = heard.and_then(|()| ending.logged(call)).and_then(|()| ending.told(told));
        println!("{:26} {}", ending.name, found.as_ref().err().map_or("as it should", String::as_str));
        wrong += usize::from(found.is_err());
    }
    assert_eq!(wrong, 0, "{}", std::fs::read_to_string(scene.folder().join("kamailio.log")).unwrap());
}

/// The telephone with which examples/kamailio/README.md calls.
#[actix_web::test]
#[ignore = "takes Kamailio and SIPp: scripts/test runs it"]
async fn the_readmes_caller() {
    let scene = Scene::start(&[IN_ORDER]);
    let _callee = scene.callee("readme", true, Callee::Answers, &["-m", "1"]);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kamailio/caller.xml");
    let story = std::fs::read_to_string(example).unwrap();
    let switch = format!("127.0.0.1:{}", scene.kamailio.port);
    let args = ["-m", "1", "-d", "100", "-key", "from", SOMEBODY, "-s", TO, &switch];
    let mut caller = Sipp::start(&scene.folder(), "readme", &story, scene.kamailio.provider, &args);
    caller.finish(Duration::from_secs(10)).unwrap();
    assert_eq!(scene.answered(1).await[0]["from"]["number"], SOMEBODY);
}

impl Ending {
    /// What both ends heard and saw.
    fn play(&self, scene: &Scene) -> Result<(), String> {
        let callee = scene.callee(self.name, self.inbound, self.callee, &["-m", "1"]);
        let mut caller =
            scene.caller(self.name, self.inbound, self.caller, self.from, &["-m", "1", "-d", "100"]);
        caller.finish(Duration::from_secs(10)).map_err(|e| format!("caller: {e}"))?;
        let Some(mut callee) = callee else { return Ok(()) };
        if self.callee == Callee::Unaware {
            return equal("the callee hears", callee.text("messages").trim(), "");
        }
        callee.finish(Duration::from_secs(10)).map_err(|e| format!("callee: {e}"))?;
        let messages = callee.text("messages");
        let invite = &messages[messages.find("INVITE sip:").ok_or("the callee was not rung")?..];
        let line = |begin: &str| invite.lines().find_map(|line| line.strip_prefix(begin));
        let user = |uri: Option<&str>| uri.and_then(|uri| uri.split(['@', ';']).next()).map(str::to_owned);
        equal("the callee is", user(line("INVITE sip:")), Some(TO.to_owned()))?;
        equal("From is", user(line("From: <sip:")), Some(self.shown().to_owned()))?;
        let identity = (self.shown() != self.from).then(|| self.shown().to_owned());
        equal("P-Asserted-Identity is", user(line("P-Asserted-Identity: <sip:")), identity)
    }

    /// The caller ID that the callee shall see.
    fn shown(&self) -> &'static str {
        match self.from {
            ALICE => BERLIN,
            CAROL => DEFAULT,
            from => from,
        }
    }

    fn logged(&self, call: &Value) -> Result<(), String> {
        let (outcome, cause, raw_cause) =
            self.log.unwrap_or(("answered", "normalClearing", "normalClearing"));
        let ruled = self.shown() != self.from;
        let action = match outcome {
            "blocked" => "reject",
            _ if ruled => "dial",
            _ => "accept",
        };
        let found = json!({
            "direction": call["direction"],
            "from": call["from"]["number"],
            "dialed_from": call["dialed_from"],
            "to": call["to"]["number"],
            "outcome": call["outcome"],
            "cause": call["cause"],
            "raw_cause": call["raw_cause"],
            "answered": !call["answered_at"].is_null(),
            "action": call["decision"]["action"],
            "done": call["done"],
        });
        let expected = json!({
            "direction": if self.inbound { "in" } else { "out" },
            "from": self.shown(),
            "dialed_from": ruled.then_some(self.from),
            "to": TO,
            "outcome": outcome,
            "cause": cause,
            "raw_cause": raw_cause,
            "answered": self.log.is_none(),
            "action": action,
            "done": !(self.inbound && outcome == "missed"),
        });
        equal("the log says", found, expected)
    }

    /// What was posted, each answered 200. Several processes of Kamailio tell: a hangup that comes at once may overtake the
    /// answer.
    fn told(&self, entries: &[Value]) -> Result<(), String> {
        let mut found: Vec<_> =
            entries.iter().map(|it| (it["kind"].as_str(), it["status"].as_i64())).collect();
        equal("posted first is", found[0].0, Some("newCall"))?;
        found.sort_unstable();
        let kinds: &[&str] =
            if self.log.is_none() { &["answer", "hangup", "newCall"] } else { &["hangup", "newCall"] };
        equal("posted are", found, kinds.iter().map(|kind| (Some(*kind), Some(200))).collect())
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} {found:?}, not {expected:?}")) }
}
