//! Changes to calls that no PBX asked for: a person's tick or note, the sweep, a missed caller who was reached.
//! They go through the writer's thread, and into the journal, so that the feed shows them.

use diesel::prelude::*;

use super::calls::{self, Progress};
use super::journal::NewEntry;
use super::schema::{calls as calls_table, journal, live_calls};
use super::{Db, numbers};
use crate::call::{Call, Moment};

/// What is to be done to some calls.
pub struct Amendment {
    /// Their rows.
    pub ids: Vec<i64>,
    /// For the journal: done, undone, taken back, note, lost, reached.
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
    if amendment.ids.is_empty() {
        return Ok(Vec::new()); // no commit for nothing
    }
    db.transaction(|db| {
        let before = numbers::take(db, amendment.ids.len() as i64)?;
        let mut found = calls::by_ids(db, &amendment.ids)?;
        found.sort_by_key(|call| call.id);
        let mut changed = Vec::new();
        for (mut call, number) in found.into_iter().zip(before + 1..) {
            let live = call.ended_at.is_none();
            call.number_legs();
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
    let why = amendment.why.as_deref();
    NewEntry::ours(call.change, call.pbx_id, Some(call.id), amendment.at, amendment.kind, why)
}
