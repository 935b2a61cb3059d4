//! The page of rules: both lists, their order, the tester, and the file.

use serde_json::json;

use crate::browser::Browser;
use crate::harness::spawn;

#[actix_web::test]
async fn one_blocks_tests_changes_and_deletes() {
    let app = spawn();
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.manager).await;
    browser.visit("/rules").await;
    let form = "form[action='/rules/block']";
    browser.fill(&format!("{form} input[name=pattern]"), "+49171?").await;
    browser.click(&format!("{form} button")).await;
    browser.see("#messages", "cannot stand in a pattern").await;
    browser.fill(&format!("{form} input[name=pattern]"), "+49 171*").await;
    browser.fill(&format!("{form} input[name=note]"), "<i>nuisance</i>").await;
    browser.click(&format!("{form} button")).await;
    browser.see("tbody tr", "<i>nuisance</i>").await;
    browser.is_accessible().await;

    browser.fill("#test input[name=from]", "0171 1234567").await;
    browser.click("#test button").await;
    browser.see("#answer", "turned away: busy").await;
    browser.see("#answer", "block rule").await;
    assert_eq!(browser.address().await, "/rules", "the list stays");
    browser.click("#answer a").await;
    browser.see("h1", "+49 171*").await;
    browser.is_accessible().await;
    browser.fill("input[name=to]", "Sales").await;
    browser.click("form.fields button").await;
    browser.see("tbody tr", "Sales").await;
    browser.fill("#test input[name=from]", "0171 1234567").await;
    browser.click("#test button").await;
    browser.see("#answer", "The call goes on").await;

    let call = [
        ("event", "newCall"),
        ("direction", "in"),
        ("callId", "1"),
        ("from", "491711234567"),
        ("to", "4930"),
    ];
    let queue = [("queue", "Sales")];
    let answer = app.post_form(&[&call[..], &queue[..]].concat()).await.is(200).json();
    assert_eq!(answer["action"], "reject");
    browser.visit("/rules").await;
    browser.see("tbody tr .num, tbody tr td.num", "1").await;
    browser.click("tbody tr a").await;
    browser.click("summary").await;
    browser.click("form[action$='/delete'] button").await;
    browser.see("section[aria-labelledby=block-title]", "Nobody is blocked").await;
    browser.close().await;
}

/// The caller-ID rules' destinations, in their order.
async fn order(browser: &Browser) -> String {
    let all =
        "[...document.querySelectorAll('.order tbody tr td:nth-child(2)')].map(td => td.innerText).join(' ')";
    browser.value(all).await.as_str().unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn caller_ids_are_put_in_order_by_keyboard_and_by_drag() {
    let app = spawn();
    for destination in ["+49*", "+43*", "+41*"] {
        let rule = json!({ "destination": destination, "caller_id": "+4930123456" });
        app.manager.post_json("/api/v1/caller-id-rules", &rule).await.is(201);
    }
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.manager).await;
    browser.visit("/rules").await;
    assert_eq!(order(&browser).await, "+49* +43* +41*");
    let down = browser.find(".order tbody tr:first-child button[title=Down]").await;
    down.focus().await.unwrap();
    down.send_keys(thirtyfour::Key::Enter + "").await.unwrap();
    browser.until("it is second", async || order(&browser).await == "+43* +49* +41*").await;
    browser.click(".order tbody tr:last-child button[title=Up]").await;
    browser.until("it is second", async || order(&browser).await == "+43* +41* +49*").await;
    let drag = "(() => {
        const rows = document.querySelectorAll('.order tbody tr'), dataTransfer = new DataTransfer();
        const at = (row, type) => row.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
        at(rows[0], 'dragstart'); at(rows[2], 'dragover'); at(rows[2], 'drop'); at(rows[0], 'dragend');
    })()";
    browser.value(drag).await;
    browser.until("it is last", async || order(&browser).await == "+41* +49* +43*").await;

    browser.click(".order tbody tr:first-child a").await;
    browser.fill("input[name=caller_id]", "030 123").await;
    browser.click("form.fields button").await;
    browser.see("#messages", "caller_id").await;
    browser.fill("input[name=caller_id]", "+41441234567").await;
    browser.click("form.fields button").await;
    browser.see(".order tbody tr", "+41441234567").await;
    browser.close().await;
}

#[actix_web::test]
async fn the_set_goes_out_and_comes_back_as_a_file() {
    let app = spawn();
    app.manager.post_json("/api/v1/block-rules", &json!({ "pattern": "+49171*" })).await.is(201);
    let browser = Browser::open(&app).await;
    browser.without_javascript().await;
    browser.sign_in(&app.manager).await;
    browser.visit("/rules").await;
    let set = app.manager.get("/api/v1/rules").await.is(200).body.replace("+49171", "+49172");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &set).unwrap();
    browser.click("section[aria-labelledby=file] summary").await;
    browser.find("input[type=file]").await.send_keys(file.path().to_str().unwrap()).await.unwrap();
    browser.click("form[action='/rules/import'] button").await;
    browser.see(".message", "0 rules stayed as they were, 0 changed, 1 are new, 1 are gone").await;
    browser.click(".message a").await;
    browser.see("tbody tr", "+49172*").await;
    browser.click("summary").await;
    browser.quit().await;
}
