//! Through a long list, page by page.

use std::collections::BTreeSet;

use diesel::prelude::*;
use hookswitch::clock;
use hookswitch::store::schema::calls;

use super::missed;
use crate::harness::{TestApp, spawn};

const CALLS: usize = 25;

/// Follows `next` to the end; `between` happens after each page.
async fn walk(app: &TestApp, query: &str, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for page in 1.. {
        let path = format!("/api/v1/calls?{query}&limit=7&cursor={cursor}");
        let answer = app.agent.get_json(&path).await;
        let rows = answer["data"].as_array().unwrap();
        assert!(rows.len() <= 7);
        seen.extend(rows.iter().map(|call| call["call_id"].as_str().unwrap().to_owned()));
        match answer["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
        between(page).await;
    }
    seen
}

#[actix_web::test]
async fn every_call_is_on_one_page() {
    let app = spawn();
    let all: Vec<String> = (0..CALLS).map(|n| format!("call-{n:02}")).collect();
    for (n, call_id) in all.iter().enumerate() {
        missed(&app, call_id, if n % 2 == 0 { "493023125001" } else { "493023125002" }).await;
    }
    let backward: Vec<String> = all.iter().rev().cloned().collect();
    assert_eq!(walk(&app, "order=oldest", async |_| ()).await, all);
    assert_eq!(walk(&app, "order=newest", async |_| ()).await, backward);
    let every_second: Vec<&String> = all.iter().step_by(2).collect();
    assert_eq!(
        walk(&app, "order=oldest&number=030+23125001", async |_| ()).await.iter().collect::<Vec<_>>(),
        every_second
    );
    assert_eq!(walk(&app, "order=oldest&outcome=missed", async |_| ()).await, all, "what no index knows");

    // all at the same time: then the id tells them apart
    app.query(|db| diesel::update(calls::table).set(calls::started_at.eq(clock::now())).execute(db)).await;
    assert_eq!(walk(&app, "order=oldest", async |_| ()).await, all);
    assert_eq!(walk(&app, "order=newest", async |_| ()).await, backward);
    assert_eq!(walk(&app, "order=newest&outcome=missed", async |_| ()).await, backward);
}

#[actix_web::test]
async fn calls_that_come_meanwhile_neither_repeat_nor_hide_others() {
    let app = spawn();
    for n in 0..CALLS {
        missed(&app, &format!("call-{n:02}"), "493023125001").await;
    }
    let more = async |page: usize| missed(&app, &format!("late-{page}"), "493023125002").await;
    for order in ["newest", "oldest"] {
        let seen = walk(&app, &format!("order={order}"), more).await;
        let unique: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(unique.len(), seen.len(), "{order}: {seen:?}");
        let first = seen.iter().filter(|call_id| call_id.starts_with("call-")).count();
        assert_eq!(first, CALLS, "{order}: {seen:?}");
    }
}
