//! Block rules and caller-ID rules as rows.

use std::collections::HashMap;

use diesel::prelude::*;

use super::Db;
use super::schema::{block_rules, caller_id_rules};
use super::writer::RuleHit;
use crate::call::{Moment, Reason};
use crate::rules::{BlockAction, BlockRule, CallerIdRule};

type BlockColumns = (
    block_rules::id,
    block_rules::pattern,
    block_rules::action,
    block_rules::reason,
    block_rules::pbx_id,
    block_rules::called,
    block_rules::expires_at,
    block_rules::note,
    block_rules::hits,
    block_rules::last_hit_at,
);
type Block = (
    i64,
    String,
    BlockAction,
    Reason,
    Option<i64>,
    Option<String>,
    Option<Moment>,
    Option<String>,
    i64,
    Option<Moment>,
);

fn block(row: Block) -> BlockRule {
    let (id, pattern, action, reason, pbx_id, to, expires_at, note, hits, last_hit_at) = row;
    BlockRule { id, pattern, action, reason, pbx_id, to, expires_at, note, hits, last_hit_at }
}

type CallerIdColumns = (
    caller_id_rules::id,
    caller_id_rules::position,
    caller_id_rules::destination,
    caller_id_rules::caller_id,
    caller_id_rules::caller,
    caller_id_rules::pbx_id,
    caller_id_rules::note,
    caller_id_rules::hits,
    caller_id_rules::last_hit_at,
);
type CallerId = (i64, i32, String, String, Option<String>, Option<i64>, Option<String>, i64, Option<Moment>);

fn caller_id(row: CallerId) -> CallerIdRule {
    let (id, position, destination, caller_id, from, pbx_id, note, hits, last_hit_at) = row;
    CallerIdRule { id, position, destination, caller_id, from, pbx_id, note, hits, last_hit_at }
}

/// All block and allow rules, oldest first.
///
/// # Errors
/// What the database says.
pub fn block_rules(db: &mut Db) -> QueryResult<Vec<BlockRule>> {
    let rows = block_rules::table.order(block_rules::id).select(BlockColumns::default()).load::<Block>(db)?;
    Ok(rows.into_iter().map(block).collect())
}

/// All caller-ID rules, in the order in which they are tried.
///
/// # Errors
/// What the database says.
pub fn caller_id_rules(db: &mut Db) -> QueryResult<Vec<CallerIdRule>> {
    let rows = caller_id_rules::table
        .order((caller_id_rules::position, caller_id_rules::id))
        .select(CallerIdColumns::default())
        .load::<CallerId>(db)?;
    Ok(rows.into_iter().map(caller_id).collect())
}

/// How many rules there are, of both lists.
///
/// # Errors
/// What the database says.
pub fn count(db: &mut Db) -> QueryResult<i64> {
    let block: i64 = block_rules::table.count().get_result(db)?;
    let caller_id: i64 = caller_id_rules::table.count().get_result(db)?;
    Ok(block + caller_id)
}

/// One.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn block_rule(db: &mut Db, id: i64) -> QueryResult<BlockRule> {
    block_rules::table.find(id).select(BlockColumns::default()).first::<Block>(db).map(block)
}

/// One.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn caller_id_rule(db: &mut Db, id: i64) -> QueryResult<CallerIdRule> {
    caller_id_rules::table.find(id).select(CallerIdColumns::default()).first::<CallerId>(db).map(caller_id)
}

/// Block and allow rules behind `after`, oldest first: those of `pbx_ids` and those of all PBXes.
///
/// # Errors
/// What the database says.
pub fn block_page(
    db: &mut Db,
    pbx_ids: Option<&[i64]>,
    after: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<BlockRule>> {
    let mut query =
        block_rules::table.order(block_rules::id).limit(limit).select(BlockColumns::default()).into_boxed();
    if let Some(after) = after {
        query = query.filter(block_rules::id.gt(after));
    }
    if let Some(ids) = pbx_ids {
        query = query.filter(block_rules::pbx_id.is_null().or(block_rules::pbx_id.eq_any(ids)));
    }
    Ok(query.load::<Block>(db)?.into_iter().map(block).collect())
}

/// Caller-ID rules behind `after` (position and id), as they are tried: those of `pbx_ids` and those of all PBXes.
///
/// # Errors
/// What the database says.
pub fn caller_id_page(
    db: &mut Db,
    pbx_ids: Option<&[i64]>,
    after: Option<(i32, i64)>,
    limit: i64,
) -> QueryResult<Vec<CallerIdRule>> {
    use caller_id_rules::{id, pbx_id, position};
    let mut query = caller_id_rules::table
        .order((position, id))
        .limit(limit)
        .select(CallerIdColumns::default())
        .into_boxed();
    if let Some((place, last)) = after {
        query = query.filter(position.gt(place).or(position.eq(place).and(id.gt(last))));
    }
    if let Some(ids) = pbx_ids {
        query = query.filter(pbx_id.is_null().or(pbx_id.eq_any(ids)));
    }
    Ok(query.load::<CallerId>(db)?.into_iter().map(caller_id).collect())
}

/// Makes a block rule; its `id` and hits are not looked at.
///
/// # Errors
/// What the database says.
pub fn insert_block(db: &mut Db, rule: &BlockRule, now: Moment) -> QueryResult<i64> {
    diesel::insert_into(block_rules::table)
        .values((
            block_rules::pattern.eq(&rule.pattern),
            block_rules::action.eq(rule.action),
            block_rules::reason.eq(rule.reason),
            block_rules::pbx_id.eq(rule.pbx_id),
            block_rules::called.eq(&rule.to),
            block_rules::expires_at.eq(rule.expires_at),
            block_rules::note.eq(&rule.note),
            block_rules::created_at.eq(now),
        ))
        .returning(block_rules::id)
        .get_result(db)
}

/// Replaces a block rule's words; its hits stay.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn update_block(db: &mut Db, rule: &BlockRule) -> QueryResult<()> {
    let changed = diesel::update(block_rules::table.find(rule.id))
        .set((
            block_rules::pattern.eq(&rule.pattern),
            block_rules::action.eq(rule.action),
            block_rules::reason.eq(rule.reason),
            block_rules::pbx_id.eq(rule.pbx_id),
            block_rules::called.eq(&rule.to),
            block_rules::expires_at.eq(rule.expires_at),
            block_rules::note.eq(&rule.note),
        ))
        .execute(db)?;
    found(changed)
}

/// Deletes one.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn delete_block(db: &mut Db, id: i64) -> QueryResult<()> {
    found(diesel::delete(block_rules::table.find(id)).execute(db)?)
}

/// Makes a caller-ID rule at its position; its `id` and hits are not looked at.
///
/// # Errors
/// What the database says.
pub fn insert_caller_id(db: &mut Db, rule: &CallerIdRule, now: Moment) -> QueryResult<i64> {
    diesel::insert_into(caller_id_rules::table)
        .values((
            caller_id_rules::position.eq(rule.position),
            caller_id_rules::destination.eq(&rule.destination),
            caller_id_rules::caller_id.eq(&rule.caller_id),
            caller_id_rules::caller.eq(&rule.from),
            caller_id_rules::pbx_id.eq(rule.pbx_id),
            caller_id_rules::note.eq(&rule.note),
            caller_id_rules::created_at.eq(now),
        ))
        .returning(caller_id_rules::id)
        .get_result(db)
}

/// Replaces a caller-ID rule's words and position; its hits stay.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn update_caller_id(db: &mut Db, rule: &CallerIdRule) -> QueryResult<()> {
    let changed = diesel::update(caller_id_rules::table.find(rule.id))
        .set((
            caller_id_rules::position.eq(rule.position),
            caller_id_rules::destination.eq(&rule.destination),
            caller_id_rules::caller_id.eq(&rule.caller_id),
            caller_id_rules::caller.eq(&rule.from),
            caller_id_rules::pbx_id.eq(rule.pbx_id),
            caller_id_rules::note.eq(&rule.note),
        ))
        .execute(db)?;
    found(changed)
}

/// Deletes one.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn delete_caller_id(db: &mut Db, id: i64) -> QueryResult<()> {
    found(diesel::delete(caller_id_rules::table.find(id)).execute(db)?)
}

fn found(rows: usize) -> QueryResult<()> {
    if rows == 0 { Err(diesel::NotFound) } else { Ok(()) }
}

/// Adds to the counters of the rules that decided calls.
///
/// # Errors
/// What the database says.
pub fn add_hits(db: &mut Db, hits: &HashMap<RuleHit, i64>, now: Moment) -> QueryResult<()> {
    db.transaction(|db| {
        for (rule, count) in hits {
            match rule {
                RuleHit::Block(id) => diesel::update(block_rules::table.find(*id))
                    .set((
                        block_rules::hits.eq(block_rules::hits + *count),
                        block_rules::last_hit_at.eq(Some(now)),
                    ))
                    .execute(db)?,
                RuleHit::CallerId(id) => diesel::update(caller_id_rules::table.find(*id))
                    .set((
                        caller_id_rules::hits.eq(caller_id_rules::hits + *count),
                        caller_id_rules::last_hit_at.eq(Some(now)),
                    ))
                    .execute(db)?,
            };
        }
        Ok(())
    })
}
