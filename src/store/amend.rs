//! Changes to calls that no PBX asked for: a person's tick or note, the sweep, a missed caller who was reached.
//! They go through the writer's thread, and into the journal, so that the feed shows them.

use diesel::prelude::*;

use super::Db;
use super::calls::{self, Progress};
use super::journal::{NewEntry, Verdict};
use super::schema::{calls as calls_table, feed, journal, live_calls};
use crate::call::{Call, Moment};

/// What is to be done to some calls.
pub struct Amendment {
    /// Their rows.
    pub ids: Vec<i64>,
    /// For the journal: done, undone, note, lost, reached.
    pub kind: &'static str,
    /// For the journal: who, or why.
    pub why: Option<String>,
    /// When.
    pub at: Moment,
    /// What; says whether it changed anything.
    pub change: Box<dyn Fn(&mut Call) -> bool + Send>,
}

/// Does it, in one transaction. Answers the calls that changed.
///
/// # Errors
/// What the database says; then nothing changed.
pub fn amend(db: &mut Db, amendment: &Amendment) -> QueryResult<Vec<Call>> {
    db.transaction(|db| {
        // first: the lock that hands out change numbers (and makes SQLite's transaction a writing one)
        let room = amendment.ids.len() as i64;
        diesel::update(feed::table.find(1)).set(feed::change.eq(feed::change + room)).execute(db)?;
        let last: i64 = feed::table.find(1).select(feed::change).first(db)?;
        let mut found = calls::by_ids(db, &amendment.ids)?;
        found.sort_by_key(|call| call.id);
        let mut changed = Vec::new();
        for (mut call, number) in found.into_iter().zip(last - room + 1..) {
            let live = call.ended_at.is_none();
            if !(amendment.change)(&mut call) {
                continue;
            }
            if live && call.ended_at.is_some() {
                diesel::delete(live_calls::table.find(call.id)).execute(db)?;
            }
            call.change = number;
            diesel::update(calls_table::table.find(call.id)).set(Progress::from(&call)).execute(db)?;
            diesel::insert_into(journal::table).values(entry(amendment, &call)).execute(db)?;
            changed.push(call);
        }
        Ok(changed)
    })
}

fn entry<'a>(amendment: &'a Amendment, call: &Call) -> NewEntry<'a> {
    NewEntry {
        change: call.change,
        pbx_id: call.pbx_id,
        call: Some(call.id),
        received_at: amendment.at,
        kind: Some(amendment.kind),
        result: Verdict::Applied,
        why: amendment.why.as_deref(),
        address: None,
        content_type: None,
        query: None,
        body: None,
        status: None,
        answer: None,
    }
}
