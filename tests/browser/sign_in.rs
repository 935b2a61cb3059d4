//! Signing in and out, and who may look at what.

use hookswitch::clock;
use hookswitch::secret::{Hash, new_session};
use hookswitch::store::sessions;

use crate::browser::Browser;
use crate::harness::spawn;

#[actix_web::test]
async fn one_signs_in_with_a_key_comes_where_one_wanted_to_and_signs_out() {
    let app = spawn();
    let browser = Browser::open(&app).await;
    browser.visit("/account").await;
    assert!(browser.address().await.starts_with("/sign-in?next="));
    browser.is_accessible().await;
    browser.fill("input[name=key]", "hsk_wrong").await;
    browser.click("button.main").await;
    browser.see("[role=alert]", "No such key").await;

    browser.fill("input[name=key]", app.agent.key.as_deref().unwrap()).await;
    browser.click("button.main").await;
    browser.see("h1", "agent").await;
    assert_eq!(browser.address().await, "/account");
    browser.see("tbody tr", "this one").await;
    browser.see(".foot", "Times are in Europe/Berlin").await;
    browser.is_accessible().await;

    let cookie = browser.driver.get_named_cookie("hookswitch_session").await.unwrap();
    browser.click(".who button").await;
    browser.see("h1", "Sign in").await;
    let back = app.nobody.http.get(format!("{}/api/v1/calls", app.base_url));
    let back = back.header("Cookie", format!("hookswitch_session={}", cookie.value));
    app.nobody.send(back).await.is(401);
    browser.close().await;
}

#[actix_web::test]
async fn a_link_signs_in_once() {
    let app = spawn();
    let token = new_session();
    let hash = Hash::of(&token);
    let until = clock::now() + chrono::TimeDelta::hours(1);
    app.query(move |db| {
        let admin = hookswitch::store::keys::all(db)?.pop().unwrap();
        sessions::insert_link(db, admin.id, &hash, until)
    })
    .await;
    let browser = Browser::open(&app).await;
    let link = format!("/sign-in/{token}");
    browser.visit(&link).await;
    browser.is_accessible().await;
    browser.click("button.main").await;
    browser.see(".who", "admin").await;
    browser.visit(&link).await;
    browser.click("button.main").await;
    browser.see("[role=alert]", "used before").await;
    browser.close().await;
}

#[actix_web::test]
async fn a_lost_page_is_a_page() {
    let app = spawn();
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.visit("/nowhere").await;
    browser.see("h1", "Not Found").await;
    browser.is_accessible().await;
    browser.close().await;
}
