//! Webhooks that somebody changes while they fail, and clocks that went back.

use std::sync::{Mutex, mpsc};

use actix_web::HttpResponse;
use chrono::TimeDelta;
use diesel::prelude::*;
use hookswitch::store::deliveries as rows;
use hookswitch::store::schema::{deliveries, webhooks};
use hookswitch::{clock, housekeeping};
use reqwest::Method;
use serde_json::{Value, json};

use super::{deliveries_of, event, spawn_here, to, webhook};
use crate::harness::{eventually, spawn};
use crate::receiver::Receiver;

#[actix_web::test]
async fn an_address_that_is_gone_does_not_disable_a_webhook_that_has_another_by_now() {
    let app = spawn_here();
    let (changed, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    let old = Receiver::answering(move |_, _| {
        let _changed = told.lock().unwrap().recv(); // it answers once it is not asked any more
        HttpResponse::Gone().finish()
    });
    let new = Receiver::start();
    let hook = webhook(&app, to(&old.url)).await;
    let path = format!("/api/v1/webhooks/{}", hook["id"]);
    event(&app, "1", "newCall").await;
    eventually("it is asked", async || !old.heard().is_empty()).await;
    app.manager.json(Method::PATCH, &path, &json!({ "url": new.url })).await.is(200);
    drop(changed);
    eventually("the new address is told", async || !new.heard().is_empty()).await;
    assert_eq!(app.manager.get_json(&path).await["enabled"], true);
}

#[actix_web::test]
async fn why_it_was_disabled_stays_until_it_is_enabled() {
    let app = spawn_here();
    let receiver = Receiver::answering(|_, _| HttpResponse::Gone().finish());
    let hook = webhook(&app, to(&receiver.url)).await;
    let path = format!("/api/v1/webhooks/{}", hook["id"]);
    let changed = async |to: Value| app.manager.json(Method::PATCH, &path, &to).await.is(200).json();
    event(&app, "1", "newCall").await;
    eventually("it is disabled", async || app.manager.get_json(&path).await["enabled"] == false).await;
    let noted = changed(json!({ "notes": "call them" })).await;
    assert_eq!(noted["disabled_why"], "the receiver answered 410: gone");
    assert_eq!(changed(json!({ "enabled": true })).await["disabled_why"], Value::Null);
}

#[actix_web::test]
async fn one_whose_address_is_not_allowed_any_more_can_be_disabled() {
    let app = spawn();
    let hook = webhook(&app, to("http://crm.example/")).await;
    let id = hook["id"].as_i64().unwrap();
    let inside = webhooks::url.eq("http://127.0.0.1:9/");
    app.query(move |db| diesel::update(webhooks::table.find(id)).set(inside).execute(db)).await;
    let change =
        async |to: Value| app.manager.json(Method::PATCH, &format!("/api/v1/webhooks/{id}"), &to).await;
    change(json!({ "enabled": false, "url": "http://127.0.0.1:9/" })).await.is(200);
    change(json!({ "notes": "moved" })).await.is(200);
    change(json!({ "enabled": true })).await.is(422);
    change(json!({ "url": "http://127.0.0.1:10/" })).await.is(422);
}

#[actix_web::test]
async fn a_value_of_dots_does_not_climb_out_of_its_path() {
    let app = spawn_here();
    let receiver = Receiver::start();
    let url = format!("{}/calls/{{{{CallUUID}}}}/seen", receiver.url);
    let hook = webhook(&app, json!({ "url": url, "payload": "template" })).await;
    event(&app, "..", "newCall").await;
    event(&app, "v1..", "newCall").await;
    eventually("the other is told", async || !receiver.heard().is_empty()).await;
    eventually("all are done", async || {
        deliveries_of(&app, &hook).await.iter().all(|row| row["due_at"] == Value::Null)
    })
    .await;
    let states: Vec<Value> =
        deliveries_of(&app, &hook).await.iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["delivered", "parked"]);
    assert_eq!(receiver.heard()[0].path, "/calls/v1../seen");
}

#[actix_web::test]
async fn what_waits_for_a_time_that_is_too_far_is_sent() {
    let app = spawn_here();
    let receiver = Receiver::answering(|_, before| match before {
        0 => HttpResponse::BadGateway().finish(),
        _ => HttpResponse::Ok().finish(),
    });
    let hook = webhook(&app, to(&receiver.url)).await;
    event(&app, "1", "newCall").await;
    eventually("it failed", async || deliveries_of(&app, &hook).await[0]["error"].is_string()).await;
    let wait = async |hours| {
        let due = deliveries::due_at.eq(clock::now() + TimeDelta::hours(hours));
        app.query(move |db| diesel::update(deliveries::table).set(due).execute(db)).await;
        housekeeping::tidy_deliveries(&app.app, clock::now()).await.unwrap();
    };
    let next = async || deliveries_of(&app, &hook).await[0]["due_at"].clone();
    wait(6).await;
    assert!(next().await.as_str().unwrap() > &*(clock::now() + TimeDelta::hours(5)).and_utc().to_rfc3339());
    wait(48).await;
    eventually("it is sent", async || receiver.heard().len() == 2).await;
}

#[actix_web::test]
async fn what_a_dead_server_had_on_its_way_is_parked_with_the_rest() {
    let app = spawn_here();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = webhook(&app, to(&format!("http://{}", silent.local_addr().unwrap()))).await;
    event(&app, "1", "newCall").await;
    eventually("it is on its way", async || deliveries_of(&app, &hook).await[0]["state"] == "sending").await;
    let id = hook["id"].as_i64().unwrap();
    let parked = app.query(move |db| {
        db.transaction(|db| {
            let past = clock::now() - TimeDelta::seconds(1);
            let first = rows::park_all(db, id, "disabled", clock::now())?;
            diesel::update(deliveries::table).set(deliveries::due_at.eq(past)).execute(db)?;
            Ok((first, rows::park_all(db, id, "disabled", clock::now())?))
        })
    });
    assert_eq!(parked.await, (0, 1), "not while somebody is at it");
}
