//! Hookswitch away, killed, stopped or hanging: calls go through, and the log is whole afterwards.

use std::time::Duration;

use super::stories::{Callee, Caller};
use super::{IN_ORDER, Load, Scene};
use crate::crash::written;
use crate::harness::eventually;

#[actix_web::test]
#[ignore = "takes Kamailio and SIPp: scripts/test runs it"]
async fn killed_stopped_and_started_again_while_calls_come() {
    const CALLS: usize = 600;
    let mut scene = Scene::start(&[]);
    let load = scene.load("restarts", 50, CALLS);
    load.wait_for_calls(100).await;
    scene.hookswitch.kill();
    load.wait_for_calls(200).await; // nobody is there
    scene.start_again();
    load.wait_for_calls(350).await; // it is asked again: see `ASK_AGAIN_AFTER`
    scene.hookswitch.signal("TERM");
    load.wait_for_calls(450).await;
    scene.start_again();
    let delays = load.finish();
    assert_eq!(delays.len(), CALLS);
    assert!(delays[CALLS - 1] < Duration::from_secs(3), "a call had to wait for {:?}", delays[CALLS - 1]);
    let calls = scene.answered(CALLS).await;
    // a call whose newCall nobody heard has no decision; answer and hangup were told later
    let asked = calls.iter().filter(|call| !call["decision"].is_null()).count();
    assert!((100..CALLS).contains(&asked), "{asked} of {CALLS} calls were announced");
    println!(
        "{asked} of {CALLS} calls were announced, all are in the log; longest delay {:?}",
        delays[CALLS - 1]
    );
    written::in_the_tables(&scene.database.url).unwrap();
}

#[actix_web::test]
#[ignore = "takes Kamailio and SIPp: scripts/test runs it"]
async fn a_server_that_hangs_costs_no_call() {
    const CALLS: usize = 150;
    let scene = Scene::start(&[("ASKERS!16", "ASKERS!4")]);
    let load = scene.load("hanging", 50, CALLS);
    load.wait_for_calls(20).await;
    scene.hookswitch.signal("STOP");
    let delays = load.finish();
    scene.hookswitch.signal("CONT");
    assert_eq!(delays.len(), CALLS);
    let (middle, longest) = (delays[CALLS / 2], delays[CALLS - 1]);
    let second = Duration::from_secs(1); // ANSWER_WITHIN: who called in the first one waited, then one in each two
    assert!(longest < second * 3, "{longest:?}");
    assert!(middle < second / 2, "{delays:?}");
    scene.answered(CALLS).await;
    written::in_the_tables(&scene.database.url).unwrap();
}

#[actix_web::test]
#[ignore = "takes Kamailio and SIPp: scripts/test runs it"]
async fn who_gives_up_before_the_answer_rings_nobody() {
    let scene = Scene::start(&[IN_ORDER]);
    let callee = scene.callee("early", true, Callee::Unaware, &["-m", "1"]).unwrap();
    scene.hookswitch.signal("STOP");
    let mut caller = scene.caller("early", true, Caller::GivesUpAtOnce, "493055571600", &["-m", "1"]);
    caller.finish(Duration::from_secs(10)).unwrap();
    scene.hookswitch.signal("CONT");
    eventually("the hangup is heard", async || {
        scene.log().await.get("early-1").is_some_and(|(call, _)| call["cause"] == "cancel")
    })
    .await;
    assert_eq!(scene.log().await["early-1"].0["outcome"], "missed");
    assert_eq!(callee.text("messages").trim(), "");
}

impl Load {
    async fn wait_for_calls(&self, number: usize) {
        eventually("calls come", async || self.caller.calls() >= number).await;
    }
}
