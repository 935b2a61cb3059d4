//! Time that passes without anybody waiting for it.

use chrono::TimeDelta;
use diesel::prelude::*;
use hookswitch::call::Moment;
use hookswitch::store::schema::{calls, feed};

use crate::harness::TestApp;

type Times = (i64, Moment, Option<Moment>, Option<Moment>);

/// All calls were that much earlier. It is done as another node would do it, with new change numbers, so that the
/// server reads the rows anew.
pub async fn let_pass(app: &TestApp, time: TimeDelta) {
    let shift = move |db: &mut hookswitch::store::Db| {
        let room: i64 = calls::table.count().get_result(db)?;
        diesel::update(feed::table.find(1)).set(feed::change.eq(feed::change + room)).execute(db)?;
        let last: i64 = feed::table.find(1).select(feed::change).first(db)?;
        let times = (calls::id, calls::started_at, calls::answered_at, calls::ended_at);
        let rows: Vec<Times> = calls::table.select(times).order(calls::id).load(db)?;
        for ((id, started, answered, ended), change) in rows.into_iter().zip(last - room + 1..) {
            diesel::update(calls::table.find(id))
                .set((
                    calls::started_at.eq(started - time),
                    calls::answered_at.eq(answered.map(|at| at - time)),
                    calls::ended_at.eq(ended.map(|at| at - time)),
                    calls::change.eq(change),
                ))
                .execute(db)?;
        }
        Ok(())
    };
    app.query(move |db| db.transaction(shift)).await;
}
