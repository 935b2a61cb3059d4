//! What one does to a call beyond the tick: notes, blocking and naming the caller; and what a PBX cannot do to a page.

use serde_json::json;

use crate::browser::Browser;
use crate::harness::{TestApp, spawn, spawn_with};

async fn missed(app: &TestApp, id: &str, from: &str, user: &str, queue: &str) -> i64 {
    let call = [("direction", "in"), ("callId", id), ("from", from), ("to", "493023125000"), ("user", user)];
    app.post_form(&[&call[..], &[("event", "newCall"), ("queue", queue)]].concat()).await.is(200);
    app.post_form(&[&call[..], &[("event", "hangup"), ("cause", "cancel")]].concat()).await.is(200);
    app.call(id).await.unwrap().id
}

#[actix_web::test]
async fn one_blocks_a_caller_who_is_then_rejected() {
    let app = spawn();
    let id = missed(&app, "1", "493023125001", "Alice", "Sales").await;
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.manager).await;
    browser.click("#rows .when a").await;
    browser.see("h1", "+49 30 23125001").await;
    browser.fill("form[action='/calls/block'] input[name=note]", "nuisance").await;
    browser.click("form[action='/calls/block'] button").await;
    browser
        .until("it is said", async || {
            let rules = app.manager.get_json("/api/v1/block-rules").await;
            rules["data"][0]["note"] == "nuisance"
        })
        .await;
    assert_eq!(browser.address().await, format!("/calls/{id}"));
    let again = [
        ("event", "newCall"),
        ("direction", "in"),
        ("callId", "2"),
        ("from", "493023125001"),
        ("to", "49302"),
    ];
    assert_eq!(app.post_form(&again).await.is(200).json()["action"], "reject");
    browser.visit("/").await;
    browser.see("#rows", "Blocked").await;
    browser.close().await;
}

#[actix_web::test]
async fn one_names_a_caller_and_old_rows_follow() {
    let app = spawn();
    for id in ["1", "2"] {
        missed(&app, id, "493023125001", "Alice", "Sales").await;
    }
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.manager).await;
    browser.click("#rows .when a").await;
    browser.fill("input[name=name]", "Maria Sommer").await;
    browser.fill("input[name=company]", "Sommer & Sohn").await;
    browser.click("form[action='/calls/name'] button").await;
    browser.see("h1", "Maria Sommer").await;
    browser.see("section[aria-labelledby=earlier]", "Maria Sommer").await;
    browser.visit("/?q=sommer").await;
    assert_eq!(browser.count("#rows tr[data-at]").await, 2);
    browser.close().await;
}

#[actix_web::test]
async fn agents_write_notes_and_see_no_forms_that_they_may_not_send() {
    let app = spawn();
    let id = missed(&app, "1", "493023125001", "Alice", "Sales").await;
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.visit(&format!("/calls/{id}")).await;
    assert_eq!(browser.count("form[action='/calls/block'], form[action='/calls/name']").await, 0);
    browser.fill("textarea", "wants the offer").await;
    browser.click("form[action$='/note'] button").await;
    browser.see(".story", "note by agent").await;
    browser.visit("/").await;
    browser.see("#rows .note", "wants the offer").await;
    browser.close().await;
}

#[actix_web::test]
async fn reading_and_ticking_need_no_javascript() {
    let app = spawn();
    for id in ["1", "2", "3"] {
        missed(&app, id, "493023125001", "Alice", "Sales").await;
    }
    let browser = Browser::open(&app).await;
    browser.without_javascript().await;
    browser.sign_in(&app.agent).await;
    browser.see(".foot", "Times are in UTC").await;
    browser.fill("input[name=q]", "+49 30 2312").await;
    browser.click("#filter button").await;
    browser.see("#log .views", "All").await;
    assert_eq!(browser.address().await, "/?q=%2B49%2030%202312");
    browser.click("#rows tr:nth-child(2) .tick").await;
    browser.find("#rows tr:nth-child(2) .tick[aria-pressed=true]").await;
    assert_eq!(browser.address().await, "/?q=%2B49%2030%202312");
    browser.click(".tools button").await;
    browser.see(".message", "2 calls ticked").await;
    browser.click(".message button").await;
    browser.see(".message", "2 calls open again").await;
    browser.click("main a").await;
    assert_eq!(browser.count("#rows tr.open").await, 2);
    browser.click("#rows .when a").await;
    browser.see(".story", "hangup").await;
    browser.click("summary").await;
    browser.see(".story .facts", "newCall").await;
    browser.quit().await;
}

/// What would show itself if any of it were taken for markup.
const MARKUP: &str = "<img src=x onerror=\"document.title='owned'\"><b id=owned>\"'&{{7*7}}";

#[actix_web::test]
async fn what_a_pbx_sends_is_text_whatever_it_looks_like() {
    let app = spawn_with(&["--screen-pop=https://crm.example.org/?phone={{from.number}}&queue={{queue}}"]);
    let id = missed(&app, MARKUP, MARKUP, MARKUP, MARKUP).await;
    let note = json!({ "note": MARKUP });
    app.agent.json(reqwest::Method::PATCH, &format!("/api/v1/calls/{id}"), &note).await.is(200);
    let contact = json!({ "name": MARKUP, "company": MARKUP, "numbers": ["493023125009"] });
    app.manager.post_json("/api/v1/contacts", &contact).await.is(201);
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.manager).await;
    browser.find("#live[data-follows]").await;
    // and what comes in while one watches
    let rings = [
        ("event", "newCall"),
        ("direction", "in"),
        ("callId", "2"),
        ("from", "493023125009"),
        ("to", MARKUP),
    ];
    app.post_form(&[&rings[..], &[("user", MARKUP), ("queue", MARKUP)]].concat()).await.is(200);
    browser.see("#now li", "onerror").await;
    let live = app.call("2").await.unwrap().id;
    let pages = [
        "/".to_owned(),
        format!("/calls/{id}"),
        format!("/calls/{live}"),
        "/?queue=%3Cb%20id%3Downed%3E".into(),
    ];
    for page in pages {
        browser.visit(&page).await;
        browser.see("main", if page.starts_with("/?") { "No such calls" } else { "<b id=owned>" }).await;
        assert_eq!(browser.count("#owned, img[src=x]").await, 0, "{page}");
        assert_ne!(browser.driver.title().await.unwrap(), "owned", "{page}");
        assert_eq!(browser.value("window.problems").await, json!([]), "{page}");
    }
    browser.visit("/").await;
    let pop = browser.find("#rows .pop").await.attr("href").await.unwrap().unwrap();
    assert!(pop.starts_with("https://crm.example.org/?phone=") && !pop.contains('<'), "{pop}");
    browser.close().await;
}
