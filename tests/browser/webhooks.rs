//! The pages of webhooks.

use crate::browser::Browser;
use crate::harness::spawn_with;
use crate::receiver::Receiver;

#[actix_web::test]
async fn one_previews_makes_and_switches_a_webhook_and_sends_again() {
    let app = spawn_with(&["--webhook-allow=127.0.0.0/8"]);
    let receiver = Receiver::start();
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.manager).await;
    browser.visit("/webhooks").await;
    browser.is_accessible().await;
    browser.fill("input[name=url]", &format!("{}/told", receiver.url)).await;
    browser.click("input[value=hangup]").await;
    browser.click("input[value=missed]").await;
    browser.click("button[formaction]").await;
    browser.see("#preview", "\"type\":\"dial-in\"").await;
    browser.fill("input[name=extension]", "Alice").await;
    browser.click("form[action='/webhooks'] button.main").await;
    browser.see("h1", "/told").await;
    let secret = browser.find("#secret").await.prop("value").await.unwrap().unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    browser.is_accessible().await;
    browser.click("section a.button").await;
    browser.see("section[aria-labelledby=deliveries]", "None yet").await;

    let call = [
        ("event", "newCall"),
        ("direction", "in"),
        ("callId", "1"),
        ("from", "493023125001"),
        ("to", "4930"),
    ];
    app.post_form(&[&call[..], &[("user", "Alice")]].concat()).await.is(200);
    browser.until("it is told", async || receiver.heard().len() == 1).await;
    let delivered = async || {
        browser.driver.refresh().await.unwrap();
        browser
            .shown("section[aria-labelledby=deliveries] tbody")
            .await
            .is_some_and(|row| row.contains("204"))
    };
    browser.until("the page shows it", delivered).await;
    browser.see("tbody tr", "dial-in").await;
    browser.is_accessible().await;
    browser.click("tbody button").await;
    browser.until("it is told again", async || receiver.heard().len() == 2).await;
    assert_eq!(receiver.heard()[0].body, receiver.heard()[1].body);

    browser.click("form[action$='/enabled'] button").await;
    browser.see("form[action$='/enabled']", "It is off").await;
    browser.fill("input[name=notes]", "<s>the CRM</s>").await;
    browser.click_through("section[aria-labelledby=settings] button.main").await;
    let kept = app.manager.get_json("/api/v1/webhooks").await["data"][0].clone();
    assert_eq!(kept["notes"], "<s>the CRM</s>");
    assert_eq!((&kept["enabled"], &kept["extension"]), (&false.into(), &"Alice".into()), "the rest stays");
    assert_eq!(kept["events"], serde_json::json!(["dial-in", "dial-out", "answer"]));
    browser.visit("/webhooks").await;
    browser.see("tbody tr", "<s>the CRM</s>").await;
    browser.click("tbody a").await;
    browser.click("section[aria-labelledby=settings] details:first-of-type summary").await;
    browser.click("form[action$='/secret'] button").await;
    browser.until("a new secret", async || browser.count("#secret").await == 1).await;
    let new = browser.find("#secret").await.prop("value").await.unwrap().unwrap();
    assert!(new.starts_with("whsec_") && new != secret, "{new}");
    browser.click("section a.button").await;
    browser.click("section[aria-labelledby=settings] details:last-of-type summary").await;
    browser.click("form[action$='/delete'] button").await;
    browser.see("section", "None yet").await;
    browser.close().await;
}
