//! The page of figures.

use serde_json::Value;

use crate::browser::Browser;
use crate::harness::spawn;

#[actix_web::test]
async fn figures_count_what_happened_and_say_it_in_tables_too() {
    let app = spawn();
    for id in ["1", "2", "3"] {
        let call = [
            ("direction", "in"),
            ("callId", id),
            ("from", "493023125001"),
            ("to", "4930"),
            ("user", "Alice"),
        ];
        app.post_form(&[&call[..], &[("event", "newCall"), ("queue", "Sales & <b>")]].concat()).await.is(200);
        if id == "1" {
            app.post_form(&[&call[..], &[("event", "answer")]].concat()).await.is(200);
        }
        app.post_form(&[&call[..], &[("event", "hangup"), ("cause", "cancel")]].concat()).await.is(200);
    }
    let browser = Browser::open(&app).await;
    browser.sign_in(&app.manager).await;
    browser.visit("/figures").await;
    browser.see(".totals", "Calls\n3").await;
    browser.see(".totals", "Answered\n1").await;
    browser.see(".totals", "Missed\n2").await;
    let heights = "[...document.querySelectorAll('section[aria-labelledby=times] rect')].map(r => r.height.baseVal.value)";
    let heights = browser.value(heights).await;
    let [Value::Number(answered), Value::Number(missed)] = &heights.as_array().unwrap()[..] else {
        panic!("{heights}")
    };
    let ratio = missed.as_f64().unwrap() / answered.as_f64().unwrap();
    assert!((ratio - 2.0).abs() < 0.01, "bars are as high as calls are many: {heights}");
    browser.see(".ranked tbody tr", "Sales & <b>").await;
    browser.see("section[aria-labelledby=users] tbody tr", "Alice").await;
    assert_eq!(browser.count("rect.heat:not(.heat-0)").await, 1, "one hour of the week");
    assert_eq!(browser.count("rect.heat").await, 168);
    browser.is_accessible().await;
    browser.click("details.table summary").await;
    browser.see("details.table tbody", "3").await;
    browser.click(".views a").await;
    browser.see("h2", "Calls per hour").await;
    assert!(browser.address().await.starts_with("/figures?from_day="));
    assert_eq!(browser.count("section[aria-labelledby=times] g").await, 24);
    browser.fill("input[name=queue]", "Support").await;
    browser.click("form.filter button").await;
    browser.see(".totals", "Calls\n0").await;
    browser.close().await;
}
