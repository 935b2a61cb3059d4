//! Receivers that are dead do not delay one that lives.

use std::collections::HashMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use hookswitch::clock;
use hookswitch::store::webhooks;
use hookswitch::webhooks::{Allowed, Definition, new_secret};
use serde_json::json;

use super::{say, spawn_here};
use crate::harness::eventually;
use crate::receiver::Receiver;

const DEAD: usize = 1000;
const CALLS: usize = 200;

#[actix_web::test]
async fn a_thousand_dead_receivers_do_not_delay_a_live_one() {
    let (app, live) = (spawn_here(), Receiver::start());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap(); // takes connections until its queue is full; never answers
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let addresses = [silent.local_addr().unwrap(), refused];
    let live_url = live.url.clone();
    app.configure(move |db| {
        let filters = json!({ "queues": ["everyone"] });
        let dead = (0..DEAD).map(|number| format!("http://{}/{number}", addresses[number % 2]));
        let dead = dead.map(|url| json!({ "url": url, "filters": filters }));
        for body in dead.chain([json!({ "url": live_url })]) {
            let new: Definition = serde_json::from_value(body).unwrap();
            let allowed = Allowed::new(&["127.0.0.0/8".parse().unwrap()]);
            let new = new.check(Some(&allowed), |_| true, clock::now()).unwrap();
            webhooks::insert(db, &new, &new_secret(), None)?;
        }
        Ok(())
    })
    .await;

    // a receiver shows that it lives by answering once; from then on it does not wait among the others
    say(&app, "first", "newCall", &[]).await;
    eventually("the live one answers", async || !live.heard().is_empty()).await;
    let (mut sent, mut answers) = (HashMap::new(), Vec::new());
    for number in 0..CALLS {
        let call = number.to_string();
        let queue = if number % 20 == 0 { "everyone" } else { "support" };
        let begun = Instant::now();
        say(&app, &call, "newCall", &[("queue", queue)]).await;
        answers.push(begun.elapsed());
        sent.insert(call, Instant::now());
        tokio::time::sleep(Duration::from_millis(40)).await; // a pace, not a wait
    }
    eventually("the live one is told all", async || live.heard().len() > CALLS).await;
    let mut late: Vec<Duration> = live.heard()[1..]
        .iter()
        .map(|heard| heard.at.saturating_duration_since(sent[&heard.told().0]))
        .collect();
    late.sort();
    answers.sort();
    let at = |share: usize| late[(late.len() * share / 100).min(late.len() - 1)];
    println!("from the answer to the live receiver: p50 {:?}, p99 {:?}, max {:?}", at(50), at(99), at(100));
    println!("the PBX's own wait: p50 {:?}, max {:?}", answers[CALLS / 2], answers[CALLS - 1]);
    // whoever had to wait for a silent one would wait for ten seconds; on a busy machine all take their time
    assert!(at(99) < Duration::from_secs(5), "p99 {:?}", at(99));
    let failed = app.nobody.metric(r#"hookswitch_deliveries_total{result="failed"}"#).await;
    assert!(failed as usize >= DEAD / 2, "the dead ones were tried: {failed:?}");
}
