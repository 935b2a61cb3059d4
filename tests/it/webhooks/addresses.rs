//! Where webhooks may not go.

use serde_json::json;

use super::{deliveries_of, event, spawn_here, to, webhook};
use crate::harness::{eventually, spawn_with};
use crate::receiver::Receiver;

#[actix_web::test]
async fn a_name_that_leads_inside_is_refused_when_it_is_asked() {
    let (app, receiver) = (spawn_with(&[]), Receiver::start());
    let url = receiver.url.replace("127.0.0.1", "localhost");
    let hook = webhook(&app, to(&url)).await; // a name may lead anywhere: that is seen when it is used
    event(&app, "1", "newCall").await;
    eventually("it is given up", async || {
        deliveries_of(&app, &hook).await.first().is_some_and(|row| row["state"] == "parked")
    })
    .await;
    let row = deliveries_of(&app, &hook).await[0].clone();
    assert!(row["error"].as_str().unwrap().contains("private, local or reserved"), "{row}");
    assert_eq!((receiver.heard().len(), &row["attempts"]), (0, &json!(1)));
}

#[actix_web::test]
async fn what_the_operator_allows_is_asked_also_by_name() {
    let (app, receiver) = (spawn_with(&["--webhook-allow=127.0.0.0/8,::1/128"]), Receiver::start());
    webhook(&app, to(&receiver.url.replace("127.0.0.1", "localhost"))).await;
    event(&app, "1", "newCall").await;
    eventually("it is told", async || receiver.heard().len() == 1).await;
}

#[actix_web::test]
async fn a_redirect_inside_is_not_followed() {
    let app = spawn_here();
    let inside = Receiver::start();
    let target = inside.url.clone();
    let outside = Receiver::answering(move |_, _| {
        actix_web::HttpResponse::TemporaryRedirect().insert_header(("Location", target.clone())).finish()
    });
    let hook = webhook(&app, to(&outside.url)).await;
    event(&app, "1", "newCall").await;
    eventually("it failed", async || {
        deliveries_of(&app, &hook).await.first().is_some_and(|row| row["status"] == 307)
    })
    .await;
    assert_eq!(inside.heard().len(), 0);
}

#[actix_web::test]
async fn an_address_inside_is_refused_however_it_is_written() {
    let app = spawn_with(&[]);
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "https://evil.example@10.0.0.1/",
        "http://localhost:80@10.0.0.1/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http:///",
    ] {
        let refused = app.manager.post_json("/api/v1/webhooks", &to(url)).await.is(422);
        assert!(refused.body.contains("url"), "{url}: {}", refused.body);
    }
}
