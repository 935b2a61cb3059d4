//! What the pages do while the server is not reached.

use crate::browser::Browser;
use crate::calls::{CALLER, missed, rings};
use crate::harness::spawn;
use crate::pictures::each_way;
use crate::proxy::Proxy;

#[actix_web::test]
async fn the_page_of_calls_says_that_it_is_not_live_and_comes_back_by_itself() {
    let app = spawn();
    let proxy = Proxy::before(&app);
    let browser = Browser::open_at(&proxy.base_url).await;
    browser.sign_in(&app.agent).await;
    browser.find("#live[data-follows]").await;

    proxy.server_is_away(true);
    browser.see("#away", "Not live: trying again").await;
    each_way(&browser, "away").await;
    browser.until("it asks whether the server is there", async || proxy.refused("/fresh")).await;
    browser.see("#away", "Not live").await; // and is still our page

    rings(&app, "1", "493023125001").await;
    proxy.server_is_away(false);
    browser.see("#now li", CALLER).await;
    browser.find("#live[data-follows]").await;
    browser
        .until("nothing is amiss", async || !browser.find("#away").await.is_displayed().await.unwrap())
        .await;
    browser.close().await;
}

#[actix_web::test]
async fn a_tick_that_fails_leaves_its_row_and_says_so() {
    let app = spawn();
    missed(&app, "1", "493023125001").await;
    let proxy = Proxy::before(&app);
    let browser = Browser::open_at(&proxy.base_url).await;
    browser.sign_in(&app.agent).await;

    proxy.server_is_away(true);
    browser.click("#rows .tick").await;
    browser.see("#messages", "That did not reach the server (502)").await;
    browser.see("#rows tr.open", CALLER).await;
    each_way(&browser, "failed").await;

    proxy.server_is_away(false);
    browser.click("#rows .tick").await;
    browser.find("#rows .tick[aria-pressed=true]").await;
    browser.gone("#messages .bad").await;
    browser.close().await;
}

#[actix_web::test]
async fn a_tick_without_a_network_says_so() {
    let app = spawn();
    missed(&app, "1", "493023125001").await;
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.agent).await;
    browser
        .driver
        .execute("window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))", Vec::new())
        .await
        .unwrap();
    browser.click("#rows .tick").await;
    browser.see("#messages", "That did not reach the server.").await;
    browser.see("#rows tr.open", CALLER).await;
    browser.close().await;
}
