//! Time that passes without anybody waiting for it.

use chrono::TimeDelta;
use diesel::prelude::*;
use hookswitch::clock;
use hookswitch::store::amend::Amendment;
use hookswitch::store::schema::{calls, journal};

use crate::harness::TestApp;

/// The journal's word, until its lines are taken out again.
const PASSING: &str = "passing";

/// All calls were that much earlier, in the tables and in the server's memory.
pub async fn let_pass(app: &TestApp, time: TimeDelta) {
    let ids: Vec<i64> = app.query(|db| calls::table.select(calls::id).load(db)).await;
    let shift = Amendment {
        ids,
        kind: PASSING,
        why: None,
        at: clock::now(),
        change: Box::new(move |call| {
            call.started_at -= time;
            call.answered_at = call.answered_at.map(|at| at - time);
            call.ended_at = call.ended_at.map(|at| at - time);
            true
        }),
    };
    let shifted = app.app.store.writer.amend(shift).await.unwrap();
    app.query(move |db| {
        for call in &shifted {
            // what no amendment writes
            let begin = calls::started_at.eq(call.started_at);
            diesel::update(calls::table.find(call.id)).set(begin).execute(db)?;
        }
        diesel::delete(journal::table.filter(journal::kind.eq(PASSING))).execute(db)
    })
    .await;
}
