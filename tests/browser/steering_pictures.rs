//! The same pictures of the pages for managers and admins.

use serde_json::json;

use crate::browser::Browser;
use crate::harness::{TestApp, spawn_with};
use crate::pictures::{a_day, each_way};

#[actix_web::test]
async fn each_page_for_managers_and_admins_fits_and_is_accessible() {
    let app = spawn_with(&["--webhook-allow=127.0.0.0/8"]);
    a_day(&app).await;
    let ids = set_up(&app).await;
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.admin).await;
    let pages = [
        ("/figures".to_owned(), "figures"),
        ("/contacts".to_owned(), "contacts"),
        (format!("/contacts/{}", ids.contact), "contact"),
        ("/rules?direction=in&from=%2B447700900666".to_owned(), "rules"),
        (format!("/rules/block/{}", ids.block_rule), "rule"),
        ("/webhooks".to_owned(), "webhooks"),
        (format!("/webhooks/{}", ids.webhook), "webhook"),
        ("/pbxes".to_owned(), "pbxes"),
        (format!("/pbxes/{}", app.pbx_id), "pbx"),
        ("/keys".to_owned(), "keys"),
        ("/retention?days=30&how=anonymise".to_owned(), "retention"),
    ];
    for (path, name) in pages {
        browser.visit(&path).await;
        each_way(&browser, name).await;
    }
    browser.close().await;
}

struct Ids {
    contact: i64,
    block_rule: i64,
    webhook: i64,
}

/// What a firm has set up.
async fn set_up(app: &TestApp) -> Ids {
    let make = async |path: &str, what: serde_json::Value| {
        app.admin.post_json(path, &what).await.is(201).json()["id"].as_i64().unwrap()
    };
    make("/api/v1/pbxes", json!({ "name": "Branch in Vienna", "dialect": "zammad", "region": "AT" })).await;
    let block_rule = make(
        "/api/v1/block-rules",
        json!({ "pattern": "anonymous", "action": "block", "reason": "rejected", "to": "Sales", "note": "no answer to these" }),
    )
    .await;
    for (destination, caller_id) in [("+49*", "+4930231250"), ("+43*", "+43720123456"), ("*", "+4930231250")]
    {
        make("/api/v1/caller-id-rules", json!({ "destination": destination, "caller_id": caller_id })).await;
    }
    let contact = make(
        "/api/v1/contacts",
        json!({ "name": "Peter Winter", "company": "Winter GmbH", "numbers": ["+49 89 989998123", "+49 171 39 200 99"], "note": "prefers the morning" }),
    )
    .await;
    let webhook = make(
        "/api/v1/webhooks",
        json!({ "url": "http://127.0.0.1:9/calls", "events": ["dial-in", "missed"], "notes": "the CRM" }),
    )
    .await;
    let told = [
        ("event", "newCall"),
        ("direction", "in"),
        ("callId", "b1"),
        ("from", "493023125009"),
        ("to", "4930"),
    ];
    app.post_form(&[&told[..], &[("user", "Alice"), ("queue", "Support")]].concat()).await.is(200);
    app.post_form(&[("event", "newcall"), ("direction", "inbound"), ("callId", "b2")]).await.is(422);
    Ids { contact, block_rule, webhook }
}
