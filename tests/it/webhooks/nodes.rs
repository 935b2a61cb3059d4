//! Two servers on one PostgreSQL share what is to be told.

use std::collections::BTreeSet;

use reqwest::Method;

use super::{HERE, deliveries_of, event, story, to, webhook};
use crate::client::Client;
use crate::harness::{TestApp, TestDatabase, eventually, spawn_on};
use crate::program::Program;
use crate::receiver::Receiver;

/// A server, and a second place for the same database; `None` on SQLite, whose file is one server's.
fn node(flags: &[&str]) -> Option<(TestApp, TestDatabase)> {
    if std::env::var("TEST_DATABASE").as_deref() != Ok("postgres") {
        return None;
    }
    let database = TestDatabase::new();
    let same = TestDatabase { url: database.url.clone(), folder: tempfile::tempdir().unwrap() };
    Some((spawn_on(database, flags), same))
}

async fn delivered(app: &TestApp) -> usize {
    app.nobody.metric(r#"hookswitch_deliveries_total{result="delivered"}"#).await as usize
}

#[actix_web::test]
async fn each_delivery_is_sent_by_one_of_them() {
    const CALLS: usize = 60;
    let Some((first, same)) = node(&[HERE]) else { return };
    let second = spawn_on(same, &[HERE]);
    let receiver = Receiver::start();
    webhook(&first, to(&receiver.url)).await;
    for app in [&first, &second] {
        let told = |app: &TestApp| app.app.snapshot().pbxes().values().all(|pbx| !pbx.webhooks.is_empty());
        eventually("both know the webhook", async || told(app)).await;
    }
    let own = |app: &TestApp, name: &str| format!("{name}-{}", app.pbx_id);
    for number in 0..CALLS {
        for app in [&first, &second] {
            story(app, &own(app, &number.to_string())).await;
        }
    }
    eventually("all are told", async || receiver.heard().len() >= 6 * CALLS).await;
    eventually("and taken down", async || delivered(&first).await + delivered(&second).await >= 6 * CALLS)
        .await;
    let told = receiver.told();
    let each: BTreeSet<_> = told.iter().collect();
    assert_eq!((told.len(), each.len()), (6 * CALLS, 6 * CALLS), "once each");
    let (by_first, by_second) = (delivered(&first).await, delivered(&second).await);
    assert!(by_first > 0 && by_second > 0 && by_first + by_second == 6 * CALLS, "{by_first} and {by_second}");
    for app in [&first, &second] {
        for number in 0..CALLS {
            let call = own(app, &number.to_string());
            let kinds: Vec<_> =
                told.iter().filter(|(told, _)| *told == call).map(|(_, kind)| kind.as_str()).collect();
            assert_eq!(kinds, ["dial-in", "answer", "hangup"], "{call}");
        }
    }
}

#[actix_web::test]
async fn what_a_dead_server_had_on_its_way_is_taken_over() {
    let flags = [HERE, "--webhook-timeout-s=2"];
    let Some((alive, same)) = node(&flags) else { return };
    let mut dead = Program::start(&same, &flags);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = webhook(&alive, to(&format!("http://{}", silent.local_addr().unwrap()))).await;
    let url = alive.pbx_url.replace(&alive.base_url, &dead.url);
    let client = Client::new(&dead.url, None);
    eventually("the other server sends it", async || {
        let call = format!("{:?}", std::time::Instant::now());
        let fields =
            [("event", "newCall"), ("direction", "in"), ("callId", &call), ("from", "1"), ("to", "2")];
        client.send(client.http.post(&url).form(&fields)).await.is(200);
        deliveries_of(&alive, &hook).await.iter().any(|row| row["state"] == "sending")
    })
    .await;
    dead.kill();
    let receiver = Receiver::start();
    let path = format!("/api/v1/webhooks/{}", hook["id"]);
    alive.manager.json(Method::PATCH, &path, &to(&receiver.url)).await.is(200);
    eventually("all is told by the other", async || {
        deliveries_of(&alive, &hook).await.iter().all(|row| row["state"] == "delivered")
    })
    .await;
    assert!(!receiver.heard().is_empty());
    event(&alive, "later", "newCall").await;
    eventually("life goes on", async || receiver.told().iter().any(|(call, _)| call == "later")).await;
}
