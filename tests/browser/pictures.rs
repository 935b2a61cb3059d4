//! A picture of each page at both widths, light and dark, for the README: `SCREENSHOTS=docs/screenshots cargo test
//! --test browser pictures`. Without the variable it is a test like others: each page fits and is accessible.

use crate::browser::Browser;
use crate::harness::{TestApp, spawn_with};

const PHONE: u32 = 390;
const DESKTOP: u32 = 1280;

#[actix_web::test]
async fn each_page_fits_and_is_accessible_at_both_widths_light_and_dark() {
    let app = spawn_with(&["--screen-pop=https://crm.example.org/?phone={{from.e164}}"]);
    a_day(&app).await;
    let browser = Browser::open(&app).await;
    browser.visit("/sign-in").await;
    each_way(&browser, "sign-in").await;
    browser.sign_in(&app.admin).await;
    let answered = format!("/calls/{}", app.call("a3").await.unwrap().id);
    for (path, name) in [("/", "calls"), (answered.as_str(), "call"), ("/account", "account")] {
        browser.visit(path).await;
        each_way(&browser, name).await;
    }
    browser.close().await;
}

pub async fn each_way(browser: &Browser, name: &str) {
    for (width, wide) in [(PHONE, "phone"), (DESKTOP, "desktop")] {
        browser.width(width).await;
        for (dark, shade) in [(true, "dark"), (false, "light")] {
            browser.dark(dark).await;
            browser.is_accessible().await;
            if (width == PHONE) == dark {
                browser.picture(&format!("{name}-{wide}-{shade}")).await;
            }
        }
        browser.fits().await;
    }
}

/// What happened at a firm today. Every number is fictitious.
pub async fn a_day(app: &TestApp) {
    app.admin
        .post_json(
            "/api/v1/contacts",
            &serde_json::json!({ "name": "Dr. Maria Sommer", "company": "Sommer & Sohn", "numbers": ["+49 30 23125001"] }),
        )
        .await
        .is(201);
    app.admin
        .post_json(
            "/api/v1/block-rules",
            &serde_json::json!({ "pattern": "+44 7700 900666", "note": "nuisance" }),
        )
        .await
        .is(201);
    /// Id, direction, number, queue, users, cause.
    type Story =
        (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], &'static str);
    let calls: [Story; 8] = [
        ("a0", "in", "493023125001", "Support", &["Bob"], "cancel"),
        ("a1", "in", "4930231250021", "Sales", &["Alice", "Bob"], "cancel"),
        ("a2", "in", "447700900666", "Sales", &["Alice"], "normalClearing"),
        ("a3", "in", "493023125001", "Support", &["Bob", "Carol"], "normalClearing"),
        ("a4", "out", "4940669699123", "", &["Carol"], "busy"),
        ("a5", "in", "anonymous", "Support", &["Bob"], "noAnswer"),
        ("a6", "in", "493023125001", "Sales", &["Alice", "Bob"], ""),
        ("a7", "in", "4989998998123", "Support", &["Carol"], ""),
    ];
    for (id, direction, number, queue, users, cause) in calls {
        let (from, to) = if direction == "in" { (number, "493023125000") } else { ("21", number) };
        let mut event =
            vec![("event", "newCall"), ("callId", id), ("direction", direction), ("from", from), ("to", to)];
        event.extend(users.iter().map(|user| ("user[]", *user)));
        event.push(("queue", queue));
        app.post_form(&event).await.is(200);
        let next = |event, with| {
            [("event", event), ("callId", id), ("direction", direction), ("from", from), ("to", to), with]
        };
        if ["a3", "a7"].contains(&id) {
            app.post_form(&next("answer", ("user", users[0]))).await.is(200);
        }
        if !cause.is_empty() {
            app.post_form(&next("hangup", ("cause", cause))).await.is(200);
        }
    }
    let note = serde_json::json!({ "note": "Wants the offer by Friday" });
    let id = app.call("a1").await.unwrap().id;
    app.agent.json(reqwest::Method::PATCH, &format!("/api/v1/calls/{id}"), &note).await.is(200);
}
