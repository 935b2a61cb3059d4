//! Calls that tell one story: a transfer, whose second call names the first.

use diesel::prelude::*;

use super::Db;
use super::schema::{calls, stories};
use crate::call::{Call, State};

/// The most calls that are shown as linked to one.
const MOST: i64 = 50;

/// Another call of the same story.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Linked {
    /// Its number here.
    pub id: i64,
    /// Its id at the PBX.
    pub call_id: String,
    /// Only moves forward.
    pub state: State,
}

/// Takes down which calls this one names. For the writer's transaction.
pub(super) fn put(db: &mut Db, call: &Call) -> QueryResult<()> {
    for story in &call.extra().links {
        let known = stories::table.find((call.pbx_id, story, call.id)).count().get_result::<i64>(db)?;
        if known == 0 {
            let row = (stories::pbx_id.eq(call.pbx_id), stories::story.eq(story), stories::call.eq(call.id));
            diesel::insert_into(stories::table).values(row).execute(db)?;
        }
    }
    Ok(())
}

/// What these calls named is not known any more. For the transaction that takes away the calls, or what was said of
/// them.
pub(super) fn forget(db: &mut Db, ids: &[i64]) -> QueryResult<()> {
    diesel::delete(stories::table.filter(stories::call.eq_any(ids))).execute(db).map(drop)
}

/// The calls that this one names, that name it, or that name the same; oldest first. Of an id that was used again, the
/// latest call.
///
/// # Errors
/// What the database says.
pub fn linked(db: &mut Db, call: &Call) -> QueryResult<Vec<Linked>> {
    let links = &call.extra().links;
    let names: Vec<&String> = links.iter().chain([&call.call_id]).collect();
    let of_story = stories::pbx_id.eq(call.pbx_id).and(stories::story.eq_any(names));
    let ids: Vec<i64> = stories::table.filter(of_story).limit(MOST).select(stories::call).load(db)?;
    let columns = (calls::id, calls::call_id, calls::state);
    let mut found: Vec<Linked> = calls::table.filter(calls::id.eq_any(ids)).select(columns).load(db)?;
    for link in links {
        let named = calls::table.filter(calls::pbx_id.eq(call.pbx_id).and(calls::call_id.eq(link)));
        found.extend(named.order(calls::incarnation.desc()).select(columns).first::<Linked>(db).optional()?);
    }
    found.retain(|other| other.id != call.id);
    found.sort_unstable_by_key(|other| other.id);
    found.dedup();
    Ok(found)
}
