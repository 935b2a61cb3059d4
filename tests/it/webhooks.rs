//! Other systems are told of calls: webhooks, over real connections.

mod addresses;
mod commands;
mod dead;
mod deliveries;
mod killed;
mod limited;
mod mended;
mod nodes;
mod payloads;
mod subscriptions;

use chrono::TimeDelta;
use diesel::prelude::*;
use hookswitch::call::Moment;
use hookswitch::store::schema::{deliveries as rows, webhooks as hooks};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::harness::{TestApp, spawn_with};

/// Receivers of these tests are on this machine.
pub const HERE: &str = "--webhook-allow=127.0.0.0/8";

/// A server whose webhooks may go to this machine.
pub fn spawn_here() -> TestApp {
    spawn_with(&[HERE])
}

/// Makes a webhook; its JSON, with its secret.
pub async fn webhook(app: &TestApp, body: Value) -> Value {
    app.manager.post_json("/api/v1/webhooks", &body).await.is(201).json()
}

/// As the PBX: an event of an inbound call.
pub async fn event(app: &TestApp, call_id: &str, event: &str) -> Answer {
    say(app, call_id, event, &[]).await
}

/// The same, with more or other fields.
pub async fn say(app: &TestApp, call_id: &str, event: &str, more: &[(&str, &str)]) -> Answer {
    let cause = if event == "hangup" { "normalClearing" } else { "" };
    let usual = [
        ("event", event),
        ("direction", "in"),
        ("callId", call_id),
        ("from", "493055571600"),
        ("to", "4930231250"),
        ("user[]", "Alice"),
        ("cause", cause),
    ];
    let others = |field: &&(&str, &str)| more.iter().all(|(name, _)| *name != field.0);
    let fields: Vec<(&str, &str)> = usual.iter().filter(others).chain(more).copied().collect();
    app.post_form(&fields).await.is(200)
}

/// A whole answered call.
pub async fn story(app: &TestApp, call_id: &str) {
    for kind in ["newCall", "answer", "hangup"] {
        event(app, call_id, kind).await;
    }
}

/// A webhook's deliveries, newest first.
pub async fn deliveries_of(app: &TestApp, webhook: &Value) -> Vec<Value> {
    let path = format!("/api/v1/webhooks/{}/deliveries?limit=500", webhook["id"]);
    app.manager.get_json(&path).await["data"].as_array().unwrap().clone()
}

/// That much time passes for all that waits to be sent.
pub async fn let_pass(app: &TestApp, time: TimeDelta) {
    app.query(move |db| {
        db.transaction(|db| {
            diesel::update(hooks::table.filter(hooks::id.eq(0))).set(hooks::failures.eq(0)).execute(db)?;
            let waiting: Vec<(i64, Moment, Option<Moment>)> = rows::table
                .filter(rows::done_at.is_null())
                .select((rows::id, rows::due_at, rows::first_tried_at))
                .load(db)?;
            for (id, due, first) in waiting {
                diesel::update(rows::table.find(id))
                    .set((rows::due_at.eq(due - time), rows::first_tried_at.eq(first.map(|at| at - time))))
                    .execute(db)?;
            }
            let paused: Vec<(i64, Option<Moment>, Option<Moment>)> =
                hooks::table.select((hooks::id, hooks::resume_at, hooks::failing_since)).load(db)?;
            for (id, resume, failing) in paused {
                let earlier = |at: Option<Moment>| at.map(|at| at - time);
                diesel::update(hooks::table.find(id))
                    .set((hooks::resume_at.eq(earlier(resume)), hooks::failing_since.eq(earlier(failing))))
                    .execute(db)?;
            }
            Ok(())
        })
    })
    .await;
}

/// What a webhook is at least.
pub fn to(url: &str) -> Value {
    json!({ "url": url })
}
