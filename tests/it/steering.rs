//! The forms of managers and admins: who may send them, and from where.

use reqwest::Method;

use crate::client::Client;
use crate::harness::{TestApp, spawn};

/// Whatever one of the forms needs.
const FIELDS: &[(&str, &str)] = &[
    ("name", "x"),
    ("dialect", "zammad"),
    ("enabled", "false"),
    ("action", "block"),
    ("reason", "busy"),
    ("pattern", "+4917*"),
    ("destination", "*"),
    ("caller_id", "+4930123456"),
    ("position", "1"),
    ("role", "admin"),
    ("numbers", "+4930123456"),
    ("number", "+4930123456"),
    ("url", "https://crm.example.org/"),
    ("events", "hangup"),
    ("days", "30"),
    ("how", "delete"),
];

const MANAGERS: &[&str] = &[
    "/rules/block",
    "/rules/block/1",
    "/rules/block/1/delete",
    "/rules/caller-ids",
    "/rules/caller-ids/1",
    "/rules/caller-ids/1/place",
    "/rules/caller-ids/1/delete",
    "/rules/import",
    "/contacts",
    "/contacts/1",
    "/contacts/1/delete",
    "/contacts/import",
    "/webhooks",
    "/webhooks/preview",
    "/webhooks/1",
    "/webhooks/1/enabled",
    "/webhooks/1/redeliver",
    "/webhooks/1/secret",
    "/webhooks/1/delete",
];

const ADMINS: &[&str] = &[
    "/pbxes",
    "/pbxes/1",
    "/pbxes/1/enabled",
    "/pbxes/1/token",
    "/pbxes/1/delete",
    "/keys",
    "/keys/1/end",
    "/retention",
    "/retention/number",
    "/retention/erase",
];

async fn sends(client: &Client, path: &str) -> u16 {
    client.send(client.request(Method::POST, path).form(FIELDS)).await.status
}

async fn set_up(app: &TestApp) {
    let add = async |path: &str, what: serde_json::Value| {
        app.admin.post_json(path, &what).await.is(201);
    };
    add("/api/v1/block-rules", serde_json::json!({ "pattern": "+4917*" })).await;
    add("/api/v1/caller-id-rules", serde_json::json!({ "destination": "*", "caller_id": "+4930123456" }))
        .await;
    add("/api/v1/contacts", serde_json::json!({ "name": "x", "numbers": ["+4930123456"] })).await;
    add("/api/v1/webhooks", serde_json::json!({ "url": "https://crm.example.org/" })).await;
}

#[actix_web::test]
async fn each_form_takes_its_role() {
    let app = spawn();
    set_up(&app).await;
    for path in MANAGERS {
        assert_eq!(sends(&app.agent, path).await, 403, "an agent at {path}");
    }
    for path in ADMINS {
        assert_eq!(sends(&app.agent, path).await, 403, "an agent at {path}");
        assert_eq!(sends(&app.manager, path).await, 403, "a manager at {path}");
    }
    for path in MANAGERS.iter().chain(ADMINS) {
        assert_eq!(sends(&app.nobody, path).await, 401, "nobody at {path}");
    }
    // nothing of it was done
    assert_eq!(app.admin.get_json("/api/v1/block-rules").await["data"][0]["pattern"], "+4917*");
    assert_eq!(app.admin.get_json("/api/v1/pbxes").await["data"][0]["enabled"], true);
}

#[actix_web::test]
async fn no_other_page_sends_them() {
    let app = spawn();
    set_up(&app).await;
    let key = [("key", app.admin.key.as_deref().unwrap()), ("next", "/keys")];
    let configure =
        |builder: reqwest::ClientBuilder| builder.no_proxy().redirect(reqwest::redirect::Policy::none());
    let http = hookswitch::outbound::client(configure).unwrap();
    let sign_in =
        http.post(format!("{}/sign-in", app.base_url)).header("Sec-Fetch-Site", "same-origin").form(&key);
    let answer = app.nobody.send(sign_in).await.is(303);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    for path in MANAGERS.iter().chain(ADMINS) {
        let request = http.post(format!("{}{path}", app.base_url)).header("Cookie", &cookie).form(FIELDS);
        let foreign = request.header("Sec-Fetch-Site", "cross-site");
        app.nobody.send(foreign).await.is(403);
    }
    let own = http.get(format!("{}/keys", app.base_url)).header("Cookie", &cookie);
    app.nobody.send(own).await.is(200);
}

#[actix_web::test]
async fn figures_refuse_what_cannot_be_counted_and_no_period_is_too_odd() {
    let app = spawn();
    for (query, status) in [
        ("from_day=2026-01-01&to_day=2026-02-01", 200),
        ("from_day=2026-02-01&to_day=2026-01-01", 200),
        ("from_day=2024-01-01&to_day=2026-01-01", 422),
        ("to_day=%2B262142-12-31", 422),
        ("to_day=-262142-01-01", 422),
        ("q=Maria", 422),
        ("nope=1", 422),
    ] {
        let page = app.manager.get(&format!("/figures?{query}")).await;
        assert_eq!(page.status, status, "{query}: {}", page.body);
    }
}
