//! Webhooks from the command line, beside a running server.

use serde_json::Value;

use super::{HERE, event, spawn_here};
use crate::harness::eventually;
use crate::program::{gave_up, printed, run};
use crate::receiver::Receiver;

#[actix_web::test]
async fn a_webhook_is_added_listed_edited_and_removed() {
    let (app, receiver) = (spawn_here(), Receiver::start());
    let webhook = |args: &[&str]| run(&app.database, &[&["webhook"], args].concat());
    let told = printed(webhook(&["list"]));
    assert_eq!(told, "No webhook yet: `hookswitch webhook add URL` makes one.\n");
    let events = ["--event=dial-in", "--event=missed"];
    let made = printed(webhook(&[&["add", &receiver.url, HERE, "--extension=Alice"], &events[..]].concat()));
    assert!(made.contains("\nSecret: whsec_"), "{made}");
    let listed: Value = serde_json::from_str(&printed(webhook(&["list", "--json"]))).unwrap();
    assert_eq!(listed, app.manager.get_json("/api/v1/webhooks").await);
    assert_eq!(listed["data"][0]["created_by"], Value::Null);
    assert!(printed(webhook(&["list"])).contains("Alice"));

    let mut number = 0;
    eventually("the server follows", async || {
        number += 1;
        event(&app, &number.to_string(), "newCall").await;
        !receiver.heard().is_empty()
    })
    .await;
    eventually("it is taken down", async || printed(webhook(&["deliveries", "1"])).contains("delivered"))
        .await;
    assert!(printed(webhook(&["deliveries", "1", "--state=parked"])).starts_with("It was told nothing yet."));
    let before = receiver.heard().len();
    assert_eq!(printed(webhook(&["redeliver", "1", "--delivery=1"])), "1 deliveries are sent again.\n");
    eventually("it is told again", async || receiver.heard().len() > before).await;

    printed(webhook(&["edit", "1", HERE, "--payload=callapi", "--method=GET", "--no-internal"]));
    let shown = printed(webhook(&["preview", "1", "--event=missed"]));
    assert!(
        shown.starts_with(&format!("GET {}/?EventType=missed&CallID=sample-1&", receiver.url)),
        "{shown}"
    );
    assert_eq!(app.manager.get_json("/api/v1/webhooks/1").await["filters"]["no_internal"], true);
    printed(webhook(&["edit", "1", HERE, "--enabled=false"]));
    let line = gave_up(webhook(&["redeliver", "1"]));
    assert_eq!(line, "webhook 1 is disabled: `hookswitch webhook edit 1 --enabled true` first");
    printed(webhook(&["remove", "1"]));
    let line = gave_up(webhook(&["remove", "1"]));
    assert_eq!(line, "there is no webhook 1; `hookswitch webhook list` shows those that there are");
    let line = gave_up(webhook(&["add", "http://127.0.0.1/"]));
    assert!(line.starts_with("url: 127.0.0.1 is a private, local or reserved address"), "{line}");
}
