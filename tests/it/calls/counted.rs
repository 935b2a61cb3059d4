//! Calls counted by time.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use hookswitch::store::schema::calls;

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
