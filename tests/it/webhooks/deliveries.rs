//! What comes of deliveries: order, repetition, giving up, and asking again.

use actix_web::HttpResponse;
use chrono::TimeDelta;
use diesel::prelude::*;
use hookswitch::store::schema::deliveries;
use hookswitch::{clock, housekeeping};
use reqwest::Method;
use serde_json::{Value, json};

use super::{HERE, deliveries_of, event, let_pass, spawn_here, story, to, webhook};
use crate::harness::{TestApp, eventually, spawn_with};
use crate::receiver::Receiver;

/// Waits until the newest delivery stands so.
async fn newest(app: &TestApp, hook: &Value, what: &str, stands: impl Fn(&Value) -> bool) -> Value {
    let mut found = Value::Null;
    eventually(what, async || {
        found = deliveries_of(app, hook).await.first().cloned().unwrap_or_default();
        stands(&found)
    })
    .await;
    found
}

#[actix_web::test]
async fn what_fails_is_tried_again_and_order_stays() {
    let app = spawn_here();
    // the first two requests fail: the call's later events wait behind the first
    let receiver = Receiver::answering(|_, before| match before {
        0 => HttpResponse::InternalServerError().body("no"),
        1 => HttpResponse::Found().insert_header(("Location", "/elsewhere")).finish(),
        _ => HttpResponse::Ok().body("thanks"),
    });
    let hook = webhook(&app, to(&receiver.url)).await;
    story(&app, "1").await;
    let all = async || deliveries_of(&app, &hook).await;
    eventually("the first attempt failed", async || all().await.iter().any(|row| row["status"] == 500)).await;
    let_pass(&app, TimeDelta::seconds(10)).await;
    eventually("the second, too", async || all().await.iter().any(|row| row["status"] == 302)).await;
    let failed = all().await.pop().unwrap();
    assert_eq!((&failed["attempts"], &failed["state"]), (&json!(2), &json!("waiting")));
    assert!(failed["error"].as_str().unwrap().ends_with("redirects are not followed"), "{failed}");
    let_pass(&app, TimeDelta::seconds(20)).await;
    eventually("all are delivered", async || all().await.iter().all(|row| row["state"] == "delivered")).await;
    let told: Vec<String> = receiver.told().into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(told, ["dial-in", "dial-in", "dial-in", "answer", "hangup"]);
    let ids: Vec<String> = receiver.heard().iter().map(|heard| heard.header("webhook-id").into()).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "an attempt keeps its id: {ids:?}");
    let row = all().await[0].clone();
    assert_eq!(
        (&row["status"], &row["answer"], &row["error"]),
        (&json!(200), &json!("thanks"), &Value::Null)
    );
    assert!(row["took_ms"].as_i64().unwrap() < 5_000);
    let shown = app.nobody.get("/metrics").await.is(200).body;
    for line in [
        r#"hookswitch_deliveries_total{result="delivered"} 3"#,
        r#"hookswitch_deliveries_total{result="failed"} 2"#,
        "hookswitch_oldest_due_delivery_seconds 0",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
}

#[actix_web::test]
async fn after_a_day_it_is_parked_until_somebody_asks_again() {
    let app = spawn_here();
    let receiver = Receiver::answering(|_, before| match before {
        0 | 1 => HttpResponse::ServiceUnavailable().body("x".repeat(5_000)),
        _ => HttpResponse::NoContent().finish(),
    });
    let hook = webhook(&app, to(&receiver.url)).await;
    event(&app, "1", "newCall").await;
    let first = newest(&app, &hook, "tried", |row| row["attempts"] == 1 && row["state"] == "waiting").await;
    assert_eq!(first["answer"].as_str().unwrap().len(), 1024, "the first KiB is kept");
    let_pass(&app, TimeDelta::hours(24)).await;
    let parked = newest(&app, &hook, "parked", |row| row["state"] == "parked").await;
    assert_eq!((&parked["status"], &parked["due_at"]), (&json!(503), &Value::Null));

    let path = format!("/api/v1/webhooks/{}/redeliver", hook["id"]);
    for wrong in [
        json!({}),
        json!({ "ids": [] }),
        json!({ "ids": [1], "all_parked": true }),
        json!({ "all_parked": false }),
    ] {
        app.manager.post_json(&path, &wrong).await.is(422);
    }
    let asked = app.manager.post_json(&path, &json!({ "all_parked": true })).await.is(200);
    assert_eq!(asked.json(), json!({ "redelivered": 1 }));
    let delivered = newest(&app, &hook, "delivered", |row| row["state"] == "delivered").await;
    assert_eq!(delivered["attempts"], 1, "counted anew, so that its pauses begin anew");
    let again = json!({ "ids": [parked["id"], 999_999] });
    assert_eq!(app.manager.post_json(&path, &again).await.is(200).json()["redelivered"], 1);
    eventually("it is told again", async || receiver.heard().len() == 4).await;
}

#[actix_web::test]
async fn a_receiver_that_is_gone_disables_its_webhook() {
    let app = spawn_here();
    let receiver = Receiver::answering(|_, _| HttpResponse::Gone().finish());
    let hook = webhook(&app, to(&receiver.url)).await;
    let path = format!("/api/v1/webhooks/{}", hook["id"]);
    story(&app, "1").await;
    eventually("it is disabled", async || app.manager.get_json(&path).await["enabled"] == false).await;
    let disabled = app.manager.get_json(&path).await;
    assert_eq!(disabled["disabled_why"], "the receiver answered 410: gone");
    let parked = async || deliveries_of(&app, &hook).await.iter().all(|row| row["state"] == "parked");
    assert!(parked().await, "{:?}", deliveries_of(&app, &hook).await);
    assert_eq!(receiver.heard().len(), 1, "nothing more was sent");
    let again = json!({ "all_parked": true });
    app.manager.post_json(&format!("{path}/redeliver"), &again).await.is(409);
    eventually("events no longer meet it", async || {
        let before = deliveries_of(&app, &hook).await.len();
        event(&app, &format!("later-{before}-{:?}", std::time::Instant::now()), "newCall").await;
        deliveries_of(&app, &hook).await.len() == before
    })
    .await;
    // enabled by a person, it is told again
    app.manager.json(Method::PATCH, &path, &json!({ "enabled": true })).await.is(200);
    event(&app, "last", "newCall").await;
    eventually("told again", async || receiver.heard().len() == 2).await;
}

#[actix_web::test]
async fn a_receiver_that_does_not_answer_is_given_up_in_time() {
    let app = spawn_with(&[HERE, "--webhook-timeout-s=1"]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap(); // takes connections and never answers
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent_hook = webhook(&app, to(&format!("http://{}", silent.local_addr().unwrap()))).await;
    let gone_hook = webhook(&app, to(&format!("http://{gone}/secret-path"))).await;
    event(&app, "1", "newCall").await;
    let row = newest(&app, &silent_hook, "timed out", |row| row["error"].is_string()).await;
    assert_eq!(row["error"], "no answer in time");
    assert!((900..4_000).contains(&row["took_ms"].as_i64().unwrap()), "{row}");
    let row = newest(&app, &gone_hook, "refused", |row| row["error"].is_string()).await;
    assert!(
        row["error"].as_str().unwrap().contains("refused")
            && !row["error"].as_str().unwrap().contains("secret"),
        "{row}"
    );
}

#[actix_web::test]
async fn what_nobody_will_take_is_parked_and_old_ones_are_forgotten() {
    let app = spawn_here();
    let receiver = Receiver::answering(|_, _| HttpResponse::InternalServerError().finish());
    let hook = webhook(&app, to(&receiver.url)).await;
    event(&app, "1", "newCall").await;
    newest(&app, &hook, "tried", |row| row["attempts"] == 1 && row["state"] == "waiting").await;
    let tidied = async |later: TimeDelta| {
        housekeeping::tidy_deliveries(&app.app, clock::now() + later).await.unwrap();
        deliveries_of(&app, &hook).await
    };
    assert_eq!(tidied(TimeDelta::hours(24)).await[0]["state"], "waiting");
    assert_eq!(tidied(TimeDelta::hours(26)).await[0]["state"], "parked");
    assert_eq!(tidied(TimeDelta::days(29)).await.len(), 1);
    assert_eq!(tidied(TimeDelta::days(32)).await.len(), 0);
}

#[actix_web::test]
async fn what_a_deleted_webhook_was_told_goes_with_it() {
    let app = spawn_here();
    let receiver = Receiver::start();
    let (hook, other) = (webhook(&app, to(&receiver.url)).await, webhook(&app, to(&receiver.url)).await);
    for call in 0..6 {
        story(&app, &call.to_string()).await;
    }
    // as if there had been many more: each time there are twice as many
    for _ in 0..6 {
        app.query(|db| {
            let columns =
                "webhook_id, call, change, kind, snapshot, state, attempts, due_at, created_at, done_at";
            let copy = format!("INSERT INTO deliveries ({columns}) SELECT {columns} FROM deliveries");
            diesel::sql_query(copy).execute(db)
        })
        .await;
    }
    let of = async |hook: &Value| {
        let its = deliveries::webhook_id.eq(hook["id"].as_i64().unwrap());
        app.query(move |db| deliveries::table.filter(its).count().get_result::<i64>(db)).await
    };
    assert!(of(&hook).await > 1_000, "more than go at once");
    app.manager.delete(&format!("/api/v1/webhooks/{}", hook["id"])).await.is(204);
    assert_eq!(of(&hook).await, 0);
    assert!(of(&other).await > 1_000);
}
