//! Who follows calls as they change.

pub mod nodes;
mod noojee;
mod poll;
mod slow;
mod stream;

use serde_json::json;

use crate::client::Client;
use crate::harness::TestApp;

/// An event of an inbound call.
async fn event(app: &TestApp, event: &str, call_id: &str, fields: &[(&str, &str)]) {
    let known = [("event", event), ("callId", call_id), ("direction", "in"), ("to", "4930231250")];
    let known = known.into_iter().filter(|(name, _)| fields.iter().all(|(given, _)| given != name));
    app.post_form(&[&known.collect::<Vec<_>>(), fields].concat()).await.is(200);
}

/// A call in three events.
async fn whole_call(app: &TestApp, call_id: &str) {
    event(app, "newCall", call_id, &[("from", "493023125001")]).await;
    event(app, "answer", call_id, &[("user", "Alice")]).await;
    event(app, "hangup", call_id, &[("cause", "normalClearing")]).await;
}

/// An agent's client whose key is limited to another PBX.
async fn stranger(app: &TestApp) -> Client {
    let new = json!({ "name": "Elsewhere", "dialect": "zammad" });
    let other = app.admin.post_json("/api/v1/pbxes", &new).await.is(201).json();
    limited_to(app, other["id"].as_i64().unwrap()).await.0
}

/// An agent's client whose key is limited to that PBX, and the key's number.
async fn limited_to(app: &TestApp, pbx_id: i64) -> (Client, i64) {
    let new = json!({ "name": "limited", "role": "agent", "pbx_ids": [pbx_id] });
    app.add_key(&new).await
}
