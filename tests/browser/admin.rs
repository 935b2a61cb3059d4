//! What admins set up: PBXes with their journal, and keys.

use crate::browser::Browser;
use crate::harness::{TestApp, spawn};

async fn posts(app: &TestApp, url: &str, fields: &[(&str, &str)], status: u16) {
    app.nobody.send(app.nobody.http.post(url).form(fields)).await.is(status);
}

const RINGS: [(&str, &str); 5] =
    [("event", "newCall"), ("direction", "in"), ("callId", "1"), ("from", "493023125001"), ("to", "4930")];

#[actix_web::test]
async fn one_makes_a_pbx_and_sees_its_requests_come_in() {
    let app = spawn();
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.admin).await;
    browser.visit("/pbxes").await;
    browser.see("tbody", "Test PBX").await;
    browser.fill("form[action='/pbxes'] input[name=name]", "Branch <b>office</b>").await;
    browser.fill("form[action='/pbxes'] input[name=region]", "XX").await;
    browser.click("form[action='/pbxes'] button").await;
    browser.see("#messages", "region").await;
    browser.fill("form[action='/pbxes'] input[name=region]", "AT").await;
    browser.fill("form[action='/pbxes'] input[name=area_code]", "1").await;
    browser.click("form[action='/pbxes'] button").await;
    browser.see("h1", "Branch <b>office</b>").await;
    let url = browser.find("#secret").await.prop("value").await.unwrap().unwrap();
    browser.see(".steps", "curl -X POST --data \"event=newCall").await;
    assert!(browser.text().await.contains(&url), "the steps name the URL");
    browser.click("[data-copy]").await;
    browser.see("#copied", "Cop").await;
    browser.is_accessible().await;

    browser.click("section a.button").await;
    browser.see(".nothing", "Nothing yet").await;
    browser.is_accessible().await;
    posts(&app, &url, &RINGS, 200).await;
    browser.see("#journal tr", "newCall").await;
    browser.see("#journal tr", "applied").await;
    browser.gone(".nothing").await;
    posts(&app, &url, &[("event", "<img src=x>")], 422).await;
    browser.see("#journal tr", "refused").await;
    browser.see("#journal tr", "event=<img src=x>").await;
    assert_eq!(browser.count("#journal tr").await, 2);
    browser.is_accessible().await;
    browser.click("a[href$='?result=refused']").await;
    browser.find("a[href$='?result=refused'][aria-current]").await;
    assert_eq!(browser.count("#journal tr").await, 1);

    browser.click("form[action$='/enabled'] button").await;
    browser.see("form[action$='/enabled']", "It is off").await;
    posts(&app, &url, &RINGS, 422).await;
    browser.click("form[action$='/enabled'] button").await;
    browser.see("form[action$='/enabled']", "It is on").await;
    browser.fill("textarea[name=allowed_addresses]", "192.0.2.0/24").await;
    browser.click_through("section[aria-labelledby=settings] button").await;
    posts(&app, &url, &RINGS, 403).await;

    browser.click("section[aria-labelledby=url] details:last-of-type summary").await;
    browser.click("form[action$='/token'] button").await;
    browser.find("#secret").await;
    let other = browser.find("#secret").await.prop("value").await.unwrap().unwrap();
    assert_ne!(url, other);
    browser.click("section a.button").await;
    browser.click("section[aria-labelledby=end] summary").await;
    browser.click("form[action$='/delete'] button").await;
    browser.until("it is gone", async || browser.address().await == "/pbxes").await;
    assert_eq!(browser.count("tbody tr").await, 1);
    browser.close().await;
}

#[actix_web::test]
async fn a_key_is_shown_once_signs_in_and_ends() {
    let app = spawn();
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.admin).await;
    browser.visit("/keys").await;
    browser.see("tbody", "yours").await;
    browser.is_accessible().await;
    browser.fill("input[name=name]", "<u>Alice</u>").await;
    browser.click("form[action='/keys'] button").await;
    browser.see("h1", "<u>Alice</u>").await;
    let key = browser.find("#secret").await.prop("value").await.unwrap().unwrap();
    let alice = crate::client::Client::new(&app.base_url, Some(key));
    alice.get("/api/v1/calls").await.is(200);
    alice.get("/api/v1/keys").await.is(403);
    let other = Browser::open(&app).await;
    other.sign_in(&alice).await;
    other.see("nav", "Contacts").await;
    assert_eq!(other.count("nav a").await, 2, "calls and contacts");
    for page in ["/pbxes", "/keys", "/rules", "/webhooks", "/figures", "/retention"] {
        other.visit(page).await;
        other.see("h1", "Forbidden").await;
    }

    browser.click("section a.button").await;
    assert!(!browser.text().await.contains(alice.key.as_deref().unwrap()), "it was shown once");
    browser.click("tbody tr:last-child summary").await;
    browser.click("tbody tr:last-child form button").await;
    browser.see("tbody tr:last-child", "ended").await;
    alice.get("/api/v1/calls").await.is(401);
    other.visit("/").await;
    other.see("h1", "Sign in").await;
    other.close().await;

    browser.click("tbody tr:nth-child(3) summary").await;
    browser.click("tbody tr:nth-child(3) form button").await;
    browser.see("#messages", "the last admin key").await;
    browser.close().await;
}

#[actix_web::test]
async fn what_is_taken_away_is_counted_first_and_written_down() {
    let app = spawn();
    let call =
        [("direction", "in"), ("callId", "1"), ("from", "493023125001"), ("to", "4930"), ("cause", "cancel")];
    for event in ["newCall", "hangup"] {
        app.post_form(&[&call[..], &[("event", event)]].concat()).await.is(200);
    }
    let contact = serde_json::json!({ "name": "Maria", "numbers": ["+49 30 23125001"] });
    app.manager.post_json("/api/v1/contacts", &contact).await.is(201);
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.admin).await;
    browser.visit("/retention").await;
    browser.see("section", "Calls are kept.").await;
    browser.fill("input[name=days]", "30").await;
    browser.click("form[method=get] button").await;
    browser.see(".message", "0 calls are older than 30 days").await;
    browser.click(".message button").await;
    browser.see("section", "Calls older than 30 days are deleted").await;
    browser.see("tbody", "retention was set").await;
    browser.is_accessible().await;

    browser.fill("input[name=number]", "030 23125001").await;
    browser.click("form[action='/retention/number'] button").await;
    browser.see("dl", "Calls\n1").await;
    assert_eq!(browser.address().await, "/retention/number", "the number stands in no address");
    browser.is_accessible().await;
    browser.click("button.bad").await;
    browser.see(".message", "1 calls, 1 contacts and 0 rules").await;
    browser.click(".message a").await;
    browser.see("tbody", "erase a number").await;
    assert!(!browser.text().await.contains("23125001"));
    assert_eq!(app.call("1").await.unwrap().from_number, None);
    browser.close().await;
}
