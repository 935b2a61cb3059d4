//! What a form did is said by the page that comes next, once, and without a script.

use reqwest::Method;

use super::Browser;
use crate::harness::spawn;

const SAVED: &str = r#"role="status" aria-live="polite"><p class="message">Saved.</p>"#;

#[actix_web::test]
async fn what_a_form_did_is_said_once() {
    let app = spawn();
    let mut browser = Browser::signed_in(&app, &app.manager).await;
    let contact = [("name", "Alice"), ("numbers", "030 23125001")];
    let made = browser.post("/contacts", &contact).await.is(303);
    assert!(made.header("set-cookie").starts_with("hookswitch_did=saved; HttpOnly; SameSite=Lax; Path=/"));
    let before = browser.get("/contacts").await.is(200);
    assert!(!before.body.contains("Saved."), "nothing was done");

    let did = made.header("set-cookie").split(';').next().unwrap();
    browser.cookie = browser.cookie.map(|session| format!("{session}; {did}"));
    let part = browser.request(Method::GET, "/contacts").header("HX-Request", "true");
    assert_eq!(app.nobody.send(part).await.is(200).header("set-cookie"), "", "a part of a page says nothing");
    let page = browser.get(made.header("location")).await.is(200);
    assert!(page.body.contains(SAVED), "{}", page.body);
    assert!(page.header("set-cookie").starts_with("hookswitch_did=;"), "{page:?}");

    let scripted = browser.request(Method::POST, "/contacts").header("Sec-Fetch-Site", "same-origin");
    let made = app.nobody.send(scripted.header("HX-Request", "true").form(&contact)).await.is(200);
    assert!(made.header("hx-redirect").starts_with("/contacts/"));
    assert!(made.header("set-cookie").starts_with("hookswitch_did=saved"));
    let refused = browser.post("/contacts", &[("name", ""), ("numbers", "")]).await.is(422);
    assert_eq!(refused.header("set-cookie"), "");
    let ended = browser.post("/contacts/1/delete", &[]).await.is(303);
    assert!(ended.header("set-cookie").starts_with("hookswitch_did=deleted"));
}
