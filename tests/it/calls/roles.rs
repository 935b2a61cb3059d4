//! Who sees and changes what.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ids, missed, shown};
use crate::client::Client;
use crate::harness::spawn;

#[actix_web::test]
async fn agents_read_and_tick_managers_make_rules_admins_set_up() {
    let app = spawn();
    missed(&app, "1", "493023125001").await;
    let id = shown(&app, "1").await["id"].clone();
    let (rule, contact) = (json!({ "pattern": "+44*" }), json!({ "name": "Erika", "numbers": ["210"] }));
    let caller_id = json!({ "destination": "*", "caller_id": "493023125877" });
    let pbx = json!({ "name": "Hamburg", "dialect": "zammad" });
    let key = json!({ "name": "wallboard", "role": "agent" });
    let call = format!("/api/v1/calls/{id}");
    let journal = format!("/api/v1/pbxes/{}/journal", app.pbx_id);
    // the lowest that may: 1 for agents, 2 for managers, 3 for admins
    for (least, method, path, body) in [
        (1, Method::GET, "/api/v1/calls", Value::Null),
        (1, Method::GET, &call, Value::Null),
        (1, Method::GET, "/api/v1/calls/stats", Value::Null),
        (1, Method::GET, "/api/v1/calls.csv", Value::Null),
        (1, Method::PATCH, &call, json!({ "note": "x" })),
        (1, Method::POST, "/api/v1/calls/done", json!({ "ids": [id] })),
        (1, Method::GET, "/api/v1/contacts", Value::Null),
        (1, Method::GET, "/api/v1/rules", Value::Null),
        (1, Method::POST, "/api/v1/rules/check", json!({ "direction": "in" })),
        (2, Method::POST, "/api/v1/contacts", contact),
        (2, Method::POST, "/api/v1/block-rules", rule),
        (2, Method::POST, "/api/v1/caller-id-rules", caller_id),
        (2, Method::PUT, "/api/v1/rules", json!({ "block_rules": [], "caller_id_rules": [] })),
        (3, Method::POST, "/api/v1/pbxes", pbx),
        (3, Method::GET, &journal, Value::Null),
        (3, Method::GET, "/api/v1/keys", Value::Null),
        (3, Method::POST, "/api/v1/keys", key),
    ] {
        for (role, client) in [(0, &app.nobody), (1, &app.agent), (2, &app.manager), (3, &app.admin)] {
            let request = client.request(method.clone(), path);
            let request = if body.is_null() { request } else { request.json(&body) };
            let status = client.send(request).await.status;
            let right = match role {
                0 => status == 401,
                _ if role < least => status == 403,
                _ => (200..300).contains(&status),
            };
            assert!(right, "{method} {path} as role {role}: {status}");
        }
    }
}

#[actix_web::test]
async fn a_key_may_be_limited_to_some_pbxes() {
    let app = spawn();
    missed(&app, "berlin", "493023125001").await;
    let new = json!({ "name": "Hamburg", "dialect": "zammad" });
    let hamburg = app.admin.post_json("/api/v1/pbxes", &new).await.is(201).json();
    let url = hamburg["url"].as_str().unwrap();
    let path = &url[url.find("/api/").unwrap()..];
    for event in ["newCall", "hangup"] {
        let fields = [("event", event), ("direction", "in"), ("callId", "hamburg"), ("from", "493023125001")];
        app.nobody.send(app.nobody.http.post(format!("{}{path}", app.base_url)).form(&fields)).await.is(200);
    }
    let limited = async |role: &str| {
        let key = json!({ "name": "in Hamburg", "role": role, "pbx_ids": [hamburg["id"]] });
        let made = app.admin.post_json("/api/v1/keys", &key).await.is(201).json();
        Client::new(&app.base_url, made["secret"].as_str().map(Into::into))
    };
    let (agent, manager, admin) = (limited("agent").await, limited("manager").await, limited("admin").await);
    assert_eq!(ids(&app.agent, "").await, ["hamburg", "berlin"]);
    assert_eq!(ids(&agent, "").await, ["hamburg"]);
    assert_eq!(ids(&agent, "number=030+23125001").await, ["hamburg"]);
    assert_eq!(ids(&agent, &format!("pbx={}", app.pbx_id)).await, [""; 0]);
    assert_eq!(agent.get_json("/api/v1/cti/log").await["list"].as_array().unwrap().len(), 1);
    let csv = agent.get("/api/v1/calls.csv").await.is(200).body;
    assert!(csv.contains("hamburg") && !csv.contains("berlin"), "{csv}");

    let berlin = shown(&app, "berlin").await["id"].clone();
    let call = format!("/api/v1/calls/{berlin}");
    agent.get(&call).await.is(404);
    agent.json(Method::PATCH, &call, &json!({ "done": true })).await.is(404);
    let ticked = agent.post_json("/api/v1/calls/done", &json!({ "ids": [berlin] })).await.is(200);
    assert_eq!(ticked.json(), json!({ "changed": 0, "searched_back_to": null }));
    agent
        .send(agent.request(Method::POST, &format!("/api/v1/cti/done/{berlin}")).form(&[("done", "true")]))
        .await
        .is(404);
    let ticked = agent.post_json("/api/v1/calls/done", &json!({ "filter": {} })).await.is(200);
    assert_eq!(ticked.json(), json!({ "changed": 1, "searched_back_to": null }));
    assert_eq!(ids(&app.agent, "done=false").await, ["berlin"]);

    let here = json!({ "pattern": "+44*", "pbx_id": hamburg["id"] });
    let rule = manager.post_json("/api/v1/block-rules", &here).await.is(201).json();
    let there = json!({ "pattern": "+44*", "pbx_id": app.pbx_id });
    assert!([404, 422].contains(&manager.post_json("/api/v1/block-rules", &there).await.status));
    manager.post_json("/api/v1/block-rules", &json!({ "pattern": "+44*" })).await.is(403);
    let others = app.manager.post_json("/api/v1/block-rules", &there).await.is(201).json();
    let listed = manager.get_json("/api/v1/block-rules").await["data"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed[0]["id"], rule["id"]);
    manager.delete(&format!("/api/v1/block-rules/{}", others["id"])).await.is(404);

    assert_eq!(admin.get_json("/api/v1/pbxes").await["data"].as_array().unwrap().len(), 1);
    admin.get(&format!("/api/v1/pbxes/{}/journal", app.pbx_id)).await.is(404);
    admin.get(&format!("/api/v1/pbxes/{}/journal", hamburg["id"])).await.is(200);
    admin.delete(&format!("/api/v1/pbxes/{}", app.pbx_id)).await.is(404);
}
