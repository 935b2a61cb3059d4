//! The page of calls: what agents keep open all day.

use serde_json::json;
use thirtyfour::Key;

use crate::browser::Browser;
use crate::harness::{TestApp, spawn};

pub const CALLER: &str = "+49 30 23125001";

pub async fn rings(app: &TestApp, id: &str, from: &str) {
    let call =
        [("event", "newCall"), ("direction", "in"), ("callId", id), ("from", from), ("to", "493023125000")];
    app.post_form(&[&call[..], &[("user[]", "Alice"), ("user[]", "Bob"), ("queue", "Sales")]].concat())
        .await
        .is(200);
}

async fn goes_on(app: &TestApp, event: &str, id: &str, from: &str, how: (&str, &str)) {
    let call =
        [("event", event), ("direction", "in"), ("callId", id), ("from", from), ("to", "493023125000"), how];
    app.post_form(&call).await.is(200);
}

/// A missed call.
pub async fn missed(app: &TestApp, id: &str, from: &str) {
    rings(app, id, from).await;
    goes_on(app, "hangup", id, from, ("cause", "cancel")).await;
}

#[actix_web::test]
async fn a_call_rings_connects_and_ends_while_one_watches() {
    let app = spawn();
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.see(".idle", "Nobody calls").await;
    browser.find("#live[data-follows]").await;
    browser.is_accessible().await;

    rings(&app, "1", "493023125001").await;
    browser.see("#now li", CALLER).await;
    browser.see("#now li", "Ringing").await;
    browser.see("#now li", "Sales · Alice, Bob").await;
    browser.see("#rows tr", CALLER).await;
    browser
        .until("the title says so", async || browser.driver.title().await.unwrap().starts_with("(1) "))
        .await;
    browser.see("#now .timer", "0:01").await;
    browser.is_accessible().await;
    browser.picture("now").await;

    goes_on(&app, "answer", "1", "493023125001", ("user", "Bob")).await;
    browser.see("#now li", "Connected").await;
    browser.see("#rows tr", "Connected").await;
    browser
        .until("the title is calm", async || browser.driver.title().await.unwrap().starts_with("Calls"))
        .await;

    goes_on(&app, "hangup", "1", "493023125001", ("cause", "normalClearing")).await;
    browser.gone("#now li").await;
    browser.see("#rows tr", "Answered").await;
    browser.see("#rows tr", "Bob").await;
    assert_eq!(browser.count("#rows tr[data-at]").await, 1);
    browser.close().await;
}

#[actix_web::test]
async fn one_filters_ticks_and_takes_it_back() {
    let app = spawn();
    for number in 1..=3 {
        missed(&app, &number.to_string(), &format!("49302312500{number}")).await;
    }
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    assert_eq!(browser.count("#rows tr.open").await, 3);

    let steps = browser.value("history.length").await;
    browser.fill("input[name=q]", "030 23125002").await;
    browser.until("one is left", async || browser.count("#rows tr[data-at]").await == 1).await;
    assert_eq!(browser.address().await, "/?q=030%2023125002");
    assert_eq!(browser.value("history.length").await, steps, "no step for the Back button");
    // by keyboard, and twice, since the row that is shown then must not lose the focus
    browser.find("#rows .tick").await.focus().await.unwrap();
    browser.press(Key::Enter).await;
    browser.find("#rows .tick[aria-pressed=true]:focus").await;
    browser.press(Key::Enter).await;
    browser.find("#rows .tick[aria-pressed=false]:focus").await;
    browser.press(Key::Enter).await;
    browser.find("#rows .tick[aria-pressed=true]").await;
    assert_eq!(browser.count("#rows tr.open").await, 0);

    browser.visit("/?done=false").await;
    assert_eq!(browser.count("#rows tr[data-at]").await, 2);
    browser.click(".tools button").await;
    browser.see("#messages", "2 calls ticked").await;
    browser.until("they show it", async || browser.count("#rows tr.open").await == 0).await;
    browser.click("#messages button").await;
    browser.see("#messages", "2 calls open again").await;
    browser.until("they show it", async || browser.count("#rows tr.open").await == 2).await;
    browser.is_accessible().await;
    browser.close().await;
}

#[actix_web::test]
async fn the_log_goes_on_as_one_scrolls() {
    let app = spawn();
    for number in 0..120 {
        missed(&app, &number.to_string(), &format!("4930231{number:05}")).await;
    }
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.driver.execute("scrollTo(0, document.body.scrollHeight)", Vec::new()).await.unwrap();
    browser.until("the second page", async || browser.count("#rows tr[data-at]").await >= 100).await;
    browser.driver.execute("scrollTo(0, document.body.scrollHeight)", Vec::new()).await.unwrap();
    browser.see("#rows .more", "That is all").await;
    assert_eq!(browser.count("#rows tr[data-at]").await, 120);
    browser.close().await;
}

/// Keeps what the page tells the desktop, where another tab can read it; it is told all the same.
const LISTEN: &str = "window.Notification = class extends Notification {
    constructor(who, how) {
        super(who, how);
        localStorage.told = `${localStorage.told || ''}${who} ${how.body}.`;
    } };";

#[actix_web::test]
async fn the_desktop_is_told_of_calls_while_one_looks_elsewhere() {
    let app = spawn();
    let browser = Browser::open(&app).await;
    let allow = json!({ "origin": app.base_url, "permissions": ["notifications"] });
    browser.tell("Browser.grantPermissions", allow).await;
    browser.tell("Page.addScriptToEvaluateOnNewDocument", json!({ "source": LISTEN })).await;
    browser.sign_in(&app.agent).await;
    browser.find("#live[data-follows]").await;
    assert!(!browser.find("#notify").await.is_displayed().await.unwrap(), "it is allowed already");
    // one who looks needs no telling
    rings(&app, "1", "493023125002").await;
    browser.see("#now li", "23125002").await;
    let page = browser.driver.window().await.unwrap();

    let other = browser.driver.new_tab().await.unwrap();
    browser.driver.switch_to_window(other).await.unwrap();
    browser.visit("/account").await;
    rings(&app, "2", "493023125001").await;
    let told = async || browser.value("localStorage.told").await == format!("{CALLER} calls Sales.");
    browser.until("the desktop is told", told).await;
    browser.driver.switch_to_window(page).await.unwrap();
    browser.see("#now li:nth-child(2)", CALLER).await;
    browser.close().await;
}

/// As on Chrome for Android, with the page in the background.
const THROW: &str = "Object.defineProperty(document, 'hidden', { value: true });
    window.Notification = class {
        static permission = 'granted';
        constructor() { window.threw = true; throw new TypeError('Illegal constructor'); } };";

#[actix_web::test]
async fn a_desktop_that_cannot_be_told_keeps_no_call_from_the_page() {
    let app = spawn();
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.driver.execute(THROW, Vec::new()).await.unwrap();
    browser.find("#live[data-follows]").await;
    rings(&app, "1", "493023125001").await;
    rings(&app, "2", "493023125002").await;
    browser.see("#rows tr:nth-child(2)", CALLER).await;
    assert_eq!(browser.value("window.threw").await, true);
    browser.close().await;
}

/// Holds the answer to a filter until the test lets it go.
const HOLD: &str = "const real = window.fetch;
    window.fetch = async (...asked) => {
        const answer = await real(...asked);
        if (String(asked[0]).startsWith('/?')) await new Promise(go => { window.letGo = go; });
        return answer; };";

#[actix_web::test]
async fn a_call_that_comes_while_the_filter_is_asked_is_shown() {
    let app = spawn();
    missed(&app, "1", "493023125002").await;
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.find("#live[data-follows]").await;
    browser.driver.execute(HOLD, Vec::new()).await.unwrap();
    browser.fill("input[name=q]", "030 2312500").await;
    browser.until("the filter is asked", async || browser.value("!!window.letGo").await == true).await;
    rings(&app, "2", "493023125001").await;
    browser.see("#now li", CALLER).await;
    browser.value("letGo()").await;
    browser.find("#log[data-query='q=030%202312500']").await;
    browser.see("#rows tr", CALLER).await;
    assert_eq!(browser.count("#rows tr[data-at]").await, 2);
    browser.close().await;
}

#[actix_web::test]
async fn an_older_call_that_is_open_again_is_shown_among_the_open() {
    let app = spawn();
    missed(&app, "1", "493023125001").await;
    let id = app.call("1").await.unwrap().id;
    let done = async |done: bool| {
        let change = json!({ "done": done });
        app.agent.json(reqwest::Method::PATCH, &format!("/api/v1/calls/{id}"), &change).await.is(200);
    };
    done(true).await;
    missed(&app, "2", "493023125002").await;
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.visit("/?done=false").await;
    browser.find("#live[data-follows]").await;
    assert_eq!(browser.count("#rows tr[data-at]").await, 1);
    done(false).await;
    browser.see("#rows tr:nth-child(2)", CALLER).await;
    browser.see("#rows tr:nth-child(3)", "That is all").await;
    browser.close().await;
}

#[actix_web::test]
async fn all_that_are_shown_are_ticked_also_those_that_came_since() {
    let app = spawn();
    missed(&app, "1", "493023125002").await;
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.visit("/?done=false").await;
    browser.find("#live[data-follows]").await;
    missed(&app, "2", "493023125001").await;
    browser.see("#rows tr", CALLER).await;
    let newest = app.call("2").await.unwrap().change;
    let knows = async || browser.value("+document.querySelector('[name=known]').value").await == newest;
    browser.until("the page knows all of it", knows).await;
    browser.click(".tools button").await;
    browser.see("#messages", "2 calls ticked").await;
    browser.close().await;
}

#[actix_web::test]
async fn a_note_that_clashes_with_another_stays_in_its_field() {
    let app = spawn();
    missed(&app, "1", "493023125001").await;
    let id = app.call("1").await.unwrap().id;
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.visit(&format!("/calls/{id}")).await;
    let theirs = json!({ "note": "Theirs" });
    app.manager.json(reqwest::Method::PATCH, &format!("/api/v1/calls/{id}"), &theirs).await.is(200);
    browser.fill("textarea[name=note]", "Mine\nin two lines").await;
    browser.click("form[action$=note] button").await;
    browser.see("#messages", "another note meanwhile: “Theirs”").await;
    assert_eq!(browser.value("document.querySelector('textarea').value").await, "Mine\nin two lines");
    browser.is_accessible().await;

    browser.visit(&format!("/calls/{id}")).await;
    browser.fill("textarea[name=note]", "Ours\nin two lines").await;
    browser.click_through("form[action$=note] button").await;
    browser.see("#messages", "Saved.").await;
    assert_eq!(app.call("1").await.unwrap().note.as_deref(), Some("Ours\nin two lines"));
    browser.close().await;
}

#[actix_web::test]
async fn the_page_of_a_call_goes_on_with_it() {
    let app = spawn();
    rings(&app, "1", "493023125001").await;
    let id = app.call("1").await.unwrap().id;
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser.visit(&format!("/calls/{id}")).await;
    browser.see("#call", "Ringing").await;
    goes_on(&app, "answer", "1", "493023125001", ("user", "Bob")).await;
    browser.see("#call", "Connected").await;

    browser.fill("textarea[name=note]", "Half a no").await;
    goes_on(&app, "hangup", "1", "493023125001", ("cause", "normalClearing")).await;
    browser.see("#changed", "This call went on").await;
    assert_eq!(browser.value("document.querySelector('textarea').value").await, "Half a no");
    browser.is_accessible().await;
    browser.picture("changed").await;
    browser.click_through("#changed a").await;
    browser.see("#call", "Answered").await;
    browser.close().await;
}
