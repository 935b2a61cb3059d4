//! The pages of contacts.

use std::io::Write;

use serde_json::json;

use crate::browser::Browser;
use crate::harness::spawn;

#[actix_web::test]
async fn one_adds_finds_changes_and_deletes_a_contact() {
    let app = spawn();
    for number in 0..60 {
        let contact =
            json!({ "name": format!("Firm {number:02}"), "numbers": [format!("+49302312{number:04}")] });
        app.manager.post_json("/api/v1/contacts", &contact).await.is(201);
    }
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.manager).await;
    browser.visit("/contacts").await;
    browser.driver.execute("scrollTo(0, document.body.scrollHeight)", Vec::new()).await.unwrap();
    browser.until("all are there", async || browser.count("#list tbody tr:not(.more)").await == 60).await;

    browser.fill("textarea[name=numbers]", "not a number\n").await;
    browser.fill("form[action='/contacts'] input[name=name]", "Ärzte <b>& Co</b>").await;
    browser.click("form[action='/contacts'][method=post] button").await;
    browser.see("#messages", "numbers").await;
    browser.fill("textarea[name=numbers]", "030 2312 5001\n0171 1234567").await;
    browser.click("form[action='/contacts'][method=post] button").await;
    browser.see("h1", "Ärzte <b>& Co</b>").await;
    browser.see("#messages", "Saved.").await;
    browser.is_accessible().await;
    browser.visit("/contacts").await;
    browser.fill("input[name=q]", "ärzte").await;
    browser.until("one is left", async || browser.count("#list tbody tr:not(.more)").await == 1).await;
    browser.fill("input[name=q]", "firm 59").await;
    browser.see("#list tbody", "Firm 59").await;
    browser.fill("input[name=q]", "0171 12").await;
    browser.see("#list tbody", "Ärzte").await;
    browser.is_accessible().await;
    browser.click("#list tbody a").await;
    browser.fill("input[name=company]", "Praxis").await;
    browser.click_through("form.fields button").await;
    assert_eq!(browser.address().await, "/contacts");
    browser.see("#messages", "Saved.").await;
    browser.visit("/contacts?q=praxis").await;
    browser.see("#list", "Ärzte").await;
    browser.click("#list tbody a").await;
    browser.click("details summary").await;
    browser.click("form[action$='/delete'] button").await;
    browser.until("it is gone", async || !browser.text().await.contains("Ärzte")).await;
    browser.close().await;
}

#[actix_web::test]
async fn a_file_is_taken_in_without_javascript_and_agents_only_read() {
    let app = spawn();
    let browser = Browser::open(&app).await;
    browser.without_javascript().await;
    browser.sign_in(&app.manager).await;
    browser.visit("/contacts").await;
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    file.write_all("name,number\nMaria Sommer,030 23125001\nNobody,\n".as_bytes()).unwrap();
    browser.find("input[type=file]").await.send_keys(file.path().to_str().unwrap()).await.unwrap();
    browser.click("form[action='/contacts/import'] button").await;
    browser.see(".message", "1 contacts are new").await;
    browser.see(".message", "Line 3: it has no number").await;

    let agent = Browser::open(&app).await;
    agent.sign_in(&app.agent).await;
    agent.visit("/contacts").await;
    agent.see("#list tbody", "Maria Sommer").await;
    assert_eq!(agent.count("form[method=post]:not([action='/sign-out'])").await, 0);
    agent.click("#list tbody a").await;
    agent.see("h1", "Maria Sommer").await;
    assert_eq!(agent.count("form[method=post]:not([action='/sign-out'])").await, 0);
    agent.close().await;
    browser.quit().await;
}
