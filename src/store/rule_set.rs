//! Rules as a set: their order, and one set in the place of another.

use std::collections::HashMap;

use diesel::prelude::*;

use super::rules as rows;
use super::schema::{block_rules, caller_id_rules};
use super::{Db, on_each};
use crate::call::{Moment, Reason};
use crate::error::{Error, Result};
use crate::rules::{BlockAction, BlockRule, CallerIdRule};

/// Rows of one statement: few enough that it stays small, and far below the 32,766 parameters of SQLite.
const AT_ONCE: usize = 500;

/// Puts the caller-ID rules into this order: each id once, all of them.
///
/// # Errors
/// `Invalid` where `ids` is not exactly the rules that there are.
pub fn reorder(db: &mut Db, ids: &[i64]) -> Result<()> {
    let places: HashMap<i64, i32> =
        rows::caller_id_rules(db)?.iter().map(|rule| (rule.id, rule.position)).collect();
    let mut given = ids.to_vec();
    given.sort_unstable();
    given.dedup();
    if given.len() != ids.len() || ids.len() != places.len() || !ids.iter().all(|id| places.contains_key(id))
    {
        return Err(Error::field(
            "ids",
            "must name each caller-ID rule exactly once; read them anew and try again",
        ));
    }
    for (position, id) in (1_i32..).zip(ids) {
        if places[id] != position {
            diesel::update(caller_id_rules::table.find(id))
                .set(caller_id_rules::position.eq(position))
                .execute(db)?;
        }
    }
    Ok(())
}

/// Makes room at `position`: what stands there and behind it moves back by one.
///
/// # Errors
/// What the database says.
pub fn make_room(db: &mut Db, position: i32) -> QueryResult<()> {
    use caller_id_rules::position as place;
    diesel::update(caller_id_rules::table.filter(place.ge(position))).set(place.eq(place + 1)).execute(db)?;
    Ok(())
}

/// The position behind the last caller-ID rule.
///
/// # Errors
/// What the database says.
pub fn end(db: &mut Db) -> QueryResult<i32> {
    let last = caller_id_rules::table.order(caller_id_rules::position.desc());
    let last: Option<i32> = last.select(caller_id_rules::position).first(db).optional()?;
    Ok(last.unwrap_or(0) + 1)
}

/// What putting one set in the place of another did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Replaced {
    /// Rules that are as they were.
    pub kept: usize,
    /// Rules that kept their id and their hits, with other words or in another place.
    pub changed: usize,
    /// New rules.
    pub added: usize,
    /// Rules that are gone.
    pub removed: usize,
}

/// Replaces the whole set. A rule with the id and pattern of one that is there stays that one, with its hits; any
/// other is new. Within `settings::change`, so that no event ever meets half of it.
///
/// # Errors
/// What the database says.
pub fn replace_all(
    db: &mut Db,
    block: &[BlockRule],
    caller_id: &[CallerIdRule],
    now: Moment,
) -> QueryResult<Replaced> {
    let mut done = replace_block(db, block, now)?;
    done += replace_caller_id(db, caller_id, now)?;
    Ok(done)
}

fn replace_block(db: &mut Db, wanted: &[BlockRule], now: Moment) -> QueryResult<Replaced> {
    let uncounted = |rule| BlockRule { hits: 0, last_hit_at: None, ..rule };
    let present = rows::block_rules(db)?.into_iter().map(uncounted).collect();
    let plan = Plan::new(wanted, present, |rule| (rule.id, &rule.pattern));
    for ids in plan.gone.chunks(AT_ONCE) {
        diesel::delete(block_rules::table.filter(block_rules::id.eq_any(ids))).execute(db)?;
    }
    for rule in &plan.changed {
        rows::update_block(db, rule)?;
    }
    for rules in plan.new.chunks(AT_ONCE) {
        let new: Vec<NewBlock> = rules.iter().map(|rule| NewBlock::of(rule, now)).collect();
        on_each!(db, |conn| diesel::insert_into(block_rules::table).values(&new).execute(conn))?;
    }
    Ok(plan.size())
}

fn replace_caller_id(db: &mut Db, wanted: &[CallerIdRule], now: Moment) -> QueryResult<Replaced> {
    let uncounted = |rule| CallerIdRule { hits: 0, last_hit_at: None, ..rule };
    let present = rows::caller_id_rules(db)?.into_iter().map(uncounted).collect();
    let plan = Plan::new(wanted, present, |rule| (rule.id, &rule.destination));
    for ids in plan.gone.chunks(AT_ONCE) {
        diesel::delete(caller_id_rules::table.filter(caller_id_rules::id.eq_any(ids))).execute(db)?;
    }
    for rule in &plan.changed {
        rows::update_caller_id(db, rule)?;
    }
    for rules in plan.new.chunks(AT_ONCE) {
        let new: Vec<NewCallerId> = rules.iter().map(|rule| NewCallerId::of(rule, now)).collect();
        on_each!(db, |conn| diesel::insert_into(caller_id_rules::table).values(&new).execute(conn))?;
    }
    Ok(plan.size())
}

/// What has to be done so that `wanted` is there, and nothing else.
struct Plan<'a, R> {
    kept: usize,
    changed: Vec<&'a R>,
    new: Vec<&'a R>,
    gone: Vec<i64>,
}

impl<'a, R: PartialEq> Plan<'a, R> {
    /// `key`: a rule's id and its pattern.
    fn new(wanted: &'a [R], present: Vec<R>, key: impl Fn(&R) -> (i64, &str)) -> Self {
        let mut present: HashMap<i64, R> = present.into_iter().map(|rule| (key(&rule).0, rule)).collect();
        let mut plan = Self { kept: 0, changed: Vec::new(), new: Vec::new(), gone: Vec::new() };
        for rule in wanted {
            let (id, pattern) = key(rule);
            match present.get(&id) {
                Some(old) if key(old).1 == pattern => {
                    if old == rule {
                        plan.kept += 1;
                    } else {
                        plan.changed.push(rule);
                    }
                    present.remove(&id);
                }
                _ => plan.new.push(rule),
            }
        }
        plan.gone = present.into_keys().collect();
        plan
    }

    fn size(&self) -> Replaced {
        let Self { kept, changed, new, gone } = self;
        Replaced { kept: *kept, changed: changed.len(), added: new.len(), removed: gone.len() }
    }
}

impl std::ops::AddAssign for Replaced {
    fn add_assign(&mut self, other: Self) {
        self.kept += other.kept;
        self.changed += other.changed;
        self.added += other.added;
        self.removed += other.removed;
    }
}

#[derive(Insertable)]
#[diesel(table_name = block_rules, treat_none_as_default_value = false)]
struct NewBlock<'a> {
    pattern: &'a str,
    action: BlockAction,
    reason: Reason,
    pbx_id: Option<i64>,
    called: Option<&'a str>,
    expires_at: Option<Moment>,
    note: Option<&'a str>,
    created_at: Moment,
}

impl<'a> NewBlock<'a> {
    fn of(rule: &'a BlockRule, created_at: Moment) -> Self {
        let BlockRule { pattern, action, reason, pbx_id, to, expires_at, note, .. } = rule;
        Self {
            pattern,
            action: *action,
            reason: *reason,
            pbx_id: *pbx_id,
            called: to.as_deref(),
            expires_at: *expires_at,
            note: note.as_deref(),
            created_at,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = caller_id_rules, treat_none_as_default_value = false)]
struct NewCallerId<'a> {
    position: i32,
    destination: &'a str,
    caller_id: &'a str,
    caller: Option<&'a str>,
    pbx_id: Option<i64>,
    note: Option<&'a str>,
    created_at: Moment,
}

impl<'a> NewCallerId<'a> {
    fn of(rule: &'a CallerIdRule, created_at: Moment) -> Self {
        let CallerIdRule { position, destination, caller_id, from, pbx_id, note, .. } = rule;
        Self {
            position: *position,
            destination,
            caller_id,
            caller: from.as_deref(),
            pbx_id: *pbx_id,
            note: note.as_deref(),
            created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_stays_itself_while_its_id_and_pattern_do() {
        let rule = |id, pattern: &str, note: Option<&str>| (id, pattern.to_owned(), note.map(str::to_owned));
        let present = vec![rule(1, "49*", None), rule(2, "43*", None), rule(3, "41*", None)];
        let wanted = [
            rule(1, "49*", None),
            rule(2, "43*", Some("Austria")),
            rule(3, "33*", None), // not what was number 3
            rule(1, "49*", None), // twice: the second is a new one
            rule(0, "1*", None),
        ];
        let plan = Plan::new(&wanted, present, |(id, pattern, _)| (*id, pattern));
        assert_eq!(plan.size(), Replaced { kept: 1, changed: 1, added: 3, removed: 1 });
        assert_eq!(plan.changed, [&wanted[1]]);
        assert_eq!(plan.gone, [3]);
    }
}
