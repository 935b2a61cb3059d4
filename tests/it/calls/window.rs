//! How far back the text of calls is searched, and who is told so.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use hookswitch::store::Db;
use hookswitch::store::schema::calls;
use serde_json::{Value, json};

use super::{event, ids, missed, shown};
use crate::client::Client;
use crate::harness::{TestApp, spawn};

/// A neighbour's PBX, which has that many calls, one each second from 10:00 on; and a key for our own one alone.
async fn beside_a_neighbour(app: &TestApp, calls: i64) -> Client {
    let new = json!({ "name": "Hamburg", "dialect": "zammad" });
    let neighbour = app.admin.post_json("/api/v1/pbxes", &new).await.is(201).json()["id"].clone();
    app.query(move |db| {
        let began = match db {
            Db::Postgres(_) => "TIMESTAMP '2026-01-01 10:00:00.123' + n * INTERVAL '1 second'",
            Db::Sqlite(_) => "strftime('%Y-%m-%d %H:%M:%S.123', '2026-01-01 10:00:00', n || ' seconds')",
        };
        db.batch_execute(&format!(
            "INSERT INTO calls (id, pbx_id, call_id, leg_id, incarnation, direction, users, state, outcome, started_at,
                                ended_at, internal, done, open, change)
             WITH RECURSIVE numbers (n) AS
                (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {calls})
             SELECT 1000 + n, {neighbour}, 'call ' || n, '', 1, 'in', '[]', 'ended', 'missed', began, began, FALSE, TRUE, FALSE, n
             FROM (SELECT n, {began} AS began FROM numbers) AS made",
        ))
    })
    .await;
    let key = json!({ "name": "in Berlin", "role": "agent", "pbx_ids": [app.pbx_id] });
    app.add_key(&key).await.0
}

/// A call of ours, before all of the neighbour's.
async fn long_ago(app: &TestApp, call_id: &'static str) {
    event(app, "newCall", call_id, &[("from", "493023125001"), ("queue", "needle")]).await;
    event(app, "hangup", call_id, &[("cause", "cancel")]).await;
    let at: chrono::NaiveDateTime = "2025-12-31T10:00:00".parse().unwrap();
    app.query(move |db| {
        let this = calls::table.filter(calls::call_id.eq(call_id));
        diesel::update(this).set((calls::started_at.eq(at), calls::ended_at.eq(Some(at)))).execute(db)
    })
    .await;
}

#[actix_web::test]
async fn a_busy_neighbours_calls_hide_none_of_ones_own() {
    let app = spawn();
    long_ago(&app, "old").await;
    let limited = beside_a_neighbour(&app, 10_100).await;
    assert_eq!(ids(&limited, "q=needle").await, ["old"]);
    assert_eq!(limited.get_json("/api/v1/calls?q=needle").await["searched_back_to"], Value::Null);
    assert_eq!(ids(&app.agent, &format!("q=needle&pbx={}", app.pbx_id)).await, ["old"]);
}

#[actix_web::test]
async fn whoever_takes_all_that_is_found_is_told_how_far_was_searched() {
    let app = spawn();
    long_ago(&app, "old").await;
    let whole = app.agent.get("/api/v1/calls.csv?q=needle").await.is(200);
    assert!(whole.body.contains("old"), "{}", whole.body);
    assert_eq!(whole.header("X-Searched-Back-To"), "");
    beside_a_neighbour(&app, 10_100).await;
    let list = app.agent.get_json("/api/v1/calls?q=needle").await;
    let back_to = list["searched_back_to"].as_str().unwrap();
    assert_eq!(back_to, "2026-01-01T10:01:41.123Z", "ten thousand calls");
    let csv = app.agent.get("/api/v1/calls.csv?q=needle").await.is(200);
    assert_eq!(csv.header("X-Searched-Back-To"), back_to);
    let bulk = json!({ "filter": { "q": "needle" } });
    let ticked = app.agent.post_json("/api/v1/calls/done", &bulk).await.is(200).json();
    assert_eq!(ticked, json!({ "changed": 0, "searched_back_to": back_to }));
    let on = json!({ "filter": { "q": "needle", "until": back_to } });
    let ticked = app.agent.post_json("/api/v1/calls/done", &on).await.is(200).json();
    assert_eq!(ticked, json!({ "changed": 1, "searched_back_to": null }));
}

/// Where even a hundred thousand calls hold too few of one's own, their times are not told.
#[actix_web::test]
async fn a_neighbours_times_are_not_told() {
    let app = spawn();
    long_ago(&app, "old").await;
    let limited = beside_a_neighbour(&app, 100_100).await;
    let page = limited.get_json("/api/v1/calls?q=needle").await;
    assert_eq!((&page["data"], &page["searched_back_to"]), (&json!([]), &json!("2026-01-01T11:00:00Z")));
    missed(&app, "new", "493023125001").await;
    let began = shown(&app, "new").await["started_at"].clone();
    let page = limited.get_json("/api/v1/calls?q=needle").await;
    assert_eq!(page["searched_back_to"], began);
}

#[actix_web::test]
async fn a_blank_text_ticks_nothing() {
    let app = spawn();
    missed(&app, "1", "493023125001").await;
    for field in ["q", "number", "from", "to", "queue", "user", "cause"] {
        let bulk = json!({ "filter": { field: " " } });
        let refused = app.agent.post_json("/api/v1/calls/done", &bulk).await.is(422).json();
        assert_eq!(refused["errors"][0]["field"], format!("filter.{field}"));
    }
    assert_eq!(ids(&app.agent, "done=false&queue=").await, ["1"]);
}
