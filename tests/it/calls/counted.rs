//! Calls counted by time.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use hookswitch::clock;
use hookswitch::store::Db;
use hookswitch::store::schema::calls;

use serde_json::json;

use super::missed;
use crate::harness::spawn;

/// Around the hour that Berlin's clocks skip.
const BEGAN: [&str; 5] = [
    "2026-03-29T00:59:59.999",
    "2026-03-29T01:00:00",
    "2026-03-29T01:14:59.999",
    "2026-03-29T01:15:00",
    "2026-03-29T23:59:59.999",
];

#[actix_web::test]
async fn each_call_counts_once_in_the_time_in_which_it_began() {
    let app = spawn();
    for (number, began) in BEGAN.iter().enumerate() {
        let call_id = number.to_string();
        missed(&app, &call_id, "+493023125001").await;
        let at: NaiveDateTime = began.parse().unwrap();
        app.query(move |db| {
            diesel::update(calls::table.filter(calls::call_id.eq(call_id)))
                .set((calls::started_at.eq(at), calls::ended_at.eq(Some(at))))
                .execute(db)
        })
        .await;
    }
    for (by, expected) in [
        (
            "quarter_hour",
            &[
                ("2026-03-29T00:45:00Z", 1),
                ("2026-03-29T01:00:00Z", 2),
                ("2026-03-29T01:15:00Z", 1),
                ("2026-03-29T23:45:00Z", 1),
            ][..],
        ),
        ("hour", &[("2026-03-29T00:00:00Z", 1), ("2026-03-29T01:00:00Z", 3), ("2026-03-29T23:00:00Z", 1)]),
        ("day", &[("2026-03-29", 5)]),
        ("weekday_hour", &[("7T00", 1), ("7T01", 3), ("7T23", 1)]),
    ] {
        let query =
            format!("/api/v1/calls/stats?by={by}&since=2026-03-28T00:00:00Z&until=2026-03-31T00:00:00Z");
        let stats = app.agent.get_json(&query).await;
        let rows = stats["data"].as_array().unwrap().iter();
        let rows: Vec<_> =
            rows.map(|row| (row["key"].as_str().unwrap(), row["calls"].as_i64().unwrap())).collect();
        assert_eq!(rows, expected, "{by}");
        assert_eq!(stats["total"]["calls"], 5, "{by}");
    }
}

#[actix_web::test]
async fn where_nobody_said_when_it_was_answered_no_wait_is_counted() {
    let app = spawn();
    let url = app.add_pbx(&json!({ "name": "p", "dialect": "placetel" })).await;
    for event in ["OutgoingCall", "HungUp&type=accepted&direction=out"] {
        let form = format!("event={event}&from=4930231250&to=493023125001&call_id=1");
        let post = app.nobody.http.post(&url);
        let post = post.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        app.nobody.send(post).await.is(200);
    }
    let began = clock::now() - TimeDelta::minutes(1);
    app.query(move |db| diesel::update(calls::table).set(calls::started_at.eq(began)).execute(db)).await;
    let call = app.agent.get_json("/api/v1/calls").await["data"][0].clone();
    assert_eq!((&call["outcome"], &call["waiting_ms"]), (&json!("answered"), &json!(null)), "{call}");
    let stats = app.agent.get_json("/api/v1/calls/stats?by=day").await;
    assert_eq!(stats["total"]["answered"], 1, "{stats}");
    assert_eq!(stats["total"]["answered_waiting_ms"], 0, "{stats}");
}

#[actix_web::test]
async fn a_long_log_is_counted_whole_wherever_its_stretches_end() {
    const CALLS: i64 = 45_000;
    let app = spawn();
    // a thousand calls begin at the same moment
    app.query(|db| {
        db.batch_execute(&format!(
            "INSERT INTO calls (id, pbx_id, call_id, leg_id, incarnation, direction, users, state, outcome, started_at,
                                ended_at, internal, done, open, change)
             WITH RECURSIVE numbers (n) AS
                (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {CALLS})
             SELECT n, 1, 'call ' || n, '', 1, 'in', '[]', 'ended', 'missed', began, began, FALSE, TRUE, FALSE, n
             FROM (SELECT n, CAST('2026-11-20 10:' || (10 + n / 1000) || ':00.000' AS {time}) AS began FROM numbers) AS made",
            time = if matches!(db, Db::Postgres(_)) { "TIMESTAMP" } else { "TEXT" },
        ))
    })
    .await;
    for (by, groups) in [("quarter_hour", 4), ("day", 1), ("outcome", 1)] {
        let query =
            format!("/api/v1/calls/stats?by={by}&since=2026-11-20T10:10:00Z&until=2026-11-20T12:00:00Z");
        let stats = app.agent.get_json(&query).await;
        let rows = stats["data"].as_array().unwrap();
        assert_eq!(rows.len(), groups, "{by}: {rows:?}");
        assert_eq!(rows.iter().map(|row| row["calls"].as_i64().unwrap()).sum::<i64>(), CALLS, "{by}");
        assert_eq!(stats["total"]["calls"], CALLS, "{by}");
    }
}
