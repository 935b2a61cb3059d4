//! A webhook that was for all PBXes and is for one: who may see it now learns nothing of the others.

use actix_web::HttpResponse;
use chrono::TimeDelta;
use diesel::prelude::*;
use hookswitch::store::keys::Role;
use hookswitch::store::schema::deliveries;
use reqwest::Method;
use serde_json::{Value, json};

use super::{deliveries_of, event, let_pass, spawn_here, to, webhook};
use crate::client::Client;
use crate::harness::{TestApp, eventually};
use crate::program::{printed, run};
use crate::receiver::Receiver;

/// A manager of that PBX alone.
async fn manager_of(app: &TestApp, pbx: &Value) -> Client {
    let key = json!({ "name": "limited", "role": Role::Manager, "pbx_ids": [pbx] });
    app.add_key(&key).await.0
}

#[actix_web::test]
async fn what_it_was_told_of_others_is_neither_shown_nor_sent() {
    let app = spawn_here();
    let (before, later) =
        (Receiver::answering(|_, _| HttpResponse::BadGateway().finish()), Receiver::start());
    let hook = webhook(&app, to(&before.url)).await;
    event(&app, "secret", "newCall").await;
    event(&app, "secret", "hangup").await;
    eventually("it failed", async || !before.heard().is_empty()).await;
    let other = json!({ "name": "other", "dialect": "zammad" });
    let other = app.admin.post_json("/api/v1/pbxes", &other).await.is(201).json()["id"].clone();
    let limited = manager_of(&app, &other).await;
    let path = format!("/api/v1/webhooks/{}", hook["id"]);
    let ids: Vec<Value> = deliveries_of(&app, &hook).await.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids.len(), 3, "dial-in, hangup, missed");

    app.admin.json(Method::PATCH, &path, &json!({ "pbx_id": other })).await.is(200);
    limited.json(Method::PATCH, &path, &json!({ "url": later.url })).await.is(200);
    assert_eq!(limited.get_json(&format!("{path}/deliveries")).await["data"], json!([]));
    for asked in [json!({ "ids": ids }), json!({ "all_parked": true })] {
        let done = limited.post_json(&format!("{path}/redeliver"), &asked).await.is(200).json();
        assert_eq!(done["redelivered"], 0);
    }
    let listed = run(&app.database, &["webhook", "deliveries", &hook["id"].to_string()]);
    assert!(printed(listed).starts_with("It was told nothing yet."));

    // what waited is given up
    let_pass(&app, TimeDelta::hours(1)).await;
    let open = deliveries::table.filter(deliveries::done_at.is_null());
    eventually("all are parked", async || app.query(move |db| open.count().get_result::<i64>(db)).await == 0)
        .await;
    assert_eq!(later.heard().len(), 0);
}
