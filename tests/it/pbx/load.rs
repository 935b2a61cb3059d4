//! Many calls: none fails, none is missing in the log, and what the question to Hookswitch costs is shown.

use std::time::Duration;

use super::Scene;

const EACH_SECOND: usize = 100;
const CALLS: usize = 30 * EACH_SECOND;
const COMPARED: usize = 10 * EACH_SECOND;

#[actix_web::test]
#[ignore = "takes Kamailio and SIPp: scripts/test runs it"]
async fn a_hundred_calls_each_second() {
    let without = Scene::start(&[("#!define WITH_HOOKSWITCH", "")]);
    let without_asking = without.load("without", EACH_SECOND, COMPARED).finish();
    assert_eq!(without_asking.len(), COMPARED);
    assert!(without.log().await.is_empty(), "Hookswitch was told in spite of the setting");
    drop(without);

    let scene = Scene::start(&[]);
    let asking = scene.load("with", EACH_SECOND, CALLS).finish();
    assert_eq!(asking.len(), CALLS);
    scene.answered(CALLS).await;
    let log = scene.log().await;
    assert_eq!(log.len(), CALLS);
    for (call, requests) in log.values() {
        let heard = |kind| requests.iter().any(|it| it["kind"] == kind && it["status"] == 200);
        assert!(heard("answer") && heard("hangup"), "{call}");
    }
    // on a machine that is too busy Kamailio does not wait, but lets a call pass: a few, not most
    let asked = log.values().filter(|(call, _)| !call["decision"].is_null()).count();
    assert!(asked > CALLS / 2, "only {asked} of {CALLS} calls were asked about in time");
    println!("all of {CALLS} calls went through and are in the log, {asked} were asked about in time");
    println!("INVITE to 200, {EACH_SECOND} calls a second, without Hookswitch: {}", figures(&without_asking));
    println!("INVITE to 200, {EACH_SECOND} calls a second, with Hookswitch:    {}", figures(&asking));
}

/// Of delays in order of length.
fn figures(delays: &[Duration]) -> String {
    let at = |share: usize| delays[(delays.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms", at(50), at(99), at(100))
}
