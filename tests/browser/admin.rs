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
    browser.see(".steps", &format!("curl -X POST --data \"event=newCall")).await;
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
    browser.see("form[action$='/enabled']", "off").await;
    posts(&app, &url, &RINGS, 422).await;
    browser.click("form[action$='/enabled'] button").await;
    browser.see("form[action$='/enabled']", "It is on").await;
    browser.fill("textarea[name=allowed_addresses]", "192.0.2.0/24").await;
    browser.click("section[aria-labelledby=settings] button").await;
    browser
        .until("it is saved", async || {
            let pbxes = app.admin.get_json("/api/v1/pbxes").await;
            pbxes["data"][1]["allowed_addresses"][0] == "192.0.2.0/24"
        })
        .await;
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
