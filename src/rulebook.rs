//! Rules as people write them: one by one, or the whole set as a document that can be exported, edited and put back.

mod check;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use chrono::{DateTime, SubsecRound, Utc};
use diesel::QueryResult;
use serde::{Deserialize, Serialize};

use crate::call::{Moment, Reason};
use crate::error::{Error, FieldError, Result};
use crate::number::Numbering;
use crate::rules::{BlockAction, BlockRule, CallerIdRule, check_caller_id, check_pattern};
use crate::store::rule_set::Replaced;
use crate::store::{self, Db};
use crate::text;

pub use check::{Check, Checked, RuleEntry};

/// The most rules of one set.
pub const MOST: usize = 50_000;

/// The most mistakes that are told at once.
const MISTAKES: usize = 50;

/// The longest queue or user name, in characters.
const NAME: usize = 250;

/// The longest note, in characters.
const NOTE: usize = 2_000;

/// A rule of the block list. What is marked as read-only is ignored when it is sent, so that what was read can be
/// sent back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BlockRule)]
pub struct BlockEntry {
    /// Its number.
    #[schema(read_only)]
    pub id: Option<i64>,
    /// The callers: a number in any spelling, how it begins (`+4917*`), `anonymous`, or `*` for everybody.
    #[schema(min_length = 1, max_length = 100)]
    pub pattern: String,
    /// An allow rule wins over all block rules.
    #[serde(default = "block")]
    #[schema(default = "block")]
    pub action: BlockAction,
    /// What the caller hears.
    #[serde(default = "busy")]
    #[schema(default = "busy")]
    pub reason: Reason,
    /// Calls of this PBX only.
    pub pbx_id: Option<i64>,
    /// Calls to this number (a pattern too) or queue only.
    #[schema(min_length = 1, max_length = 250)]
    pub to: Option<String>,
    /// From then on it does nothing.
    pub expires_at: Option<DateTime<Utc>>,
    /// Yours.
    #[schema(max_length = 2000)]
    pub note: Option<String>,
    /// How many calls it decided.
    #[schema(read_only)]
    pub hits: Option<i64>,
    /// When it last did.
    #[schema(read_only)]
    pub last_hit_at: Option<DateTime<Utc>>,
}

/// A rule that chooses the number which the callee sees. What is marked as read-only is ignored when it is sent, so
/// that what was read can be sent back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallerIdRule)]
pub struct CallerIdEntry {
    /// Its number.
    #[schema(read_only)]
    pub id: Option<i64>,
    /// Rules are tried in this order; the first that fits wins. A new rule pushes back what stands there; without a
    /// position it comes last. In a whole set the order of the list counts instead.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub position: Option<i32>,
    /// The callees: a number in any spelling, how it begins (`+4930*`), or `*` (at the end: the default).
    #[schema(min_length = 1, max_length = 100)]
    pub destination: String,
    /// What they see: country code and digits, as in +49301234567; sent to the PBX as it is written here.
    #[schema(min_length = 7, max_length = 16)]
    pub caller_id: String,
    /// Calls from this number (a pattern too) or of this user only.
    #[schema(min_length = 1, max_length = 250)]
    pub from: Option<String>,
    /// Calls of this PBX only.
    pub pbx_id: Option<i64>,
    /// Yours.
    #[schema(max_length = 2000)]
    pub note: Option<String>,
    /// How many calls it decided.
    #[schema(read_only)]
    pub hits: Option<i64>,
    /// When it last did.
    #[schema(read_only)]
    pub last_hit_at: Option<DateTime<Utc>>,
}

/// The whole set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rulebook {
    /// The block list.
    #[schema(max_items = 50_000)]
    pub block_rules: Vec<BlockEntry>,
    /// In the order in which they are tried.
    #[schema(max_items = 50_000)]
    pub caller_id_rules: Vec<CallerIdEntry>,
}

fn block() -> BlockAction {
    BlockAction::Block
}

fn busy() -> Reason {
    Reason::Busy
}

impl From<BlockRule> for BlockEntry {
    fn from(rule: BlockRule) -> Self {
        Self {
            id: Some(rule.id),
            pattern: rule.pattern,
            action: rule.action,
            reason: rule.reason,
            pbx_id: rule.pbx_id,
            to: rule.to,
            expires_at: rule.expires_at.map(|at| at.and_utc()),
            note: rule.note,
            hits: Some(rule.hits),
            last_hit_at: rule.last_hit_at.map(|at| at.and_utc()),
        }
    }
}

impl From<CallerIdRule> for CallerIdEntry {
    fn from(rule: CallerIdRule) -> Self {
        Self {
            id: Some(rule.id),
            position: Some(rule.position),
            destination: rule.destination,
            caller_id: rule.caller_id,
            from: rule.from,
            pbx_id: rule.pbx_id,
            note: rule.note,
            hits: Some(rule.hits),
            last_hit_at: rule.last_hit_at.map(|at| at.and_utc()),
        }
    }
}

impl BlockEntry {
    /// The rule as it is kept; its id is that of the entry, or 0. What is wrong with it goes to `mistakes`.
    pub fn rule(self, world: &World, mistakes: &mut Mistakes) -> BlockRule {
        mistakes.note("pattern", check_pattern(&self.pattern, world.numbering));
        mistakes.note("to", text::optional(self.to.as_deref(), 1, NAME));
        mistakes.note("note", text::optional(self.note.as_deref(), 0, NOTE));
        mistakes.note("pbx_id", world.check_pbx(self.pbx_id));
        mistakes.note("expires_at", self.expires_at.map_or(Ok(()), check_year));
        BlockRule {
            id: self.id.unwrap_or(0),
            pattern: self.pattern.trim().into(),
            action: self.action,
            reason: self.reason,
            pbx_id: self.pbx_id,
            to: self.to.map(|to| to.trim().into()),
            expires_at: self.expires_at.map(moment),
            note: self.note.filter(|note| !note.is_empty()),
            hits: 0,
            last_hit_at: None,
        }
    }
}

impl CallerIdEntry {
    /// The rule as it is kept; its id and position are those of the entry, or 0. What is wrong with it goes to
    /// `mistakes`.
    pub fn rule(self, world: &World, mistakes: &mut Mistakes) -> CallerIdRule {
        mistakes.note("destination", check_pattern(&self.destination, world.numbering));
        mistakes.note("caller_id", check_caller_id(self.caller_id.trim()));
        mistakes.note("from", text::optional(self.from.as_deref(), 1, NAME));
        mistakes.note("note", text::optional(self.note.as_deref(), 0, NOTE));
        mistakes.note("pbx_id", world.check_pbx(self.pbx_id));
        if self.position.is_some_and(|position| !(1..=1_000_000).contains(&position)) {
            mistakes.note("position", Err("must be 1 to 1000000".into()));
        }
        CallerIdRule {
            id: self.id.unwrap_or(0),
            position: self.position.unwrap_or(0),
            destination: self.destination.trim().into(),
            caller_id: self.caller_id.trim().into(),
            from: self.from.map(|from| from.trim().into()),
            pbx_id: self.pbx_id,
            note: self.note.filter(|note| !note.is_empty()),
            hits: 0,
            last_hit_at: None,
        }
    }
}

/// What a time of a request is kept as.
pub fn moment(at: DateTime<Utc>) -> Moment {
    at.naive_utc().trunc_subsecs(3)
}

/// Not every year that can be written can be kept.
fn check_year(at: DateTime<Utc>) -> Result<(), String> {
    use chrono::Datelike;
    if (1970..=9999).contains(&at.year()) { Ok(()) } else { Err("must be in the years 1970 to 9999".into()) }
}

/// Against what rules are checked.
pub struct World<'a> {
    numbering: &'a Numbering,
    pbx_ids: HashSet<i64>,
}

impl<'a> World<'a> {
    /// `numbering` is the server's own. `visible`: may this PBX be named?
    ///
    /// # Errors
    /// What the database says.
    pub fn load(db: &mut Db, numbering: &'a Numbering, visible: impl Fn(i64) -> bool) -> QueryResult<Self> {
        let pbx_ids = store::pbxes::all(db)?.into_iter().map(|pbx| pbx.id).filter(|id| visible(*id));
        Ok(Self { numbering, pbx_ids: pbx_ids.collect() })
    }

    fn check_pbx(&self, id: Option<i64>) -> Result<(), String> {
        match id {
            Some(id) if !self.pbx_ids.contains(&id) => Err(format!("there is no PBX {id}")),
            _ => Ok(()),
        }
    }
}

/// What is wrong with a request, field by field.
#[derive(Debug, Default)]
pub struct Mistakes {
    prefix: String,
    found: Vec<FieldError>,
}

impl Mistakes {
    /// Takes down an error as that of `field`.
    pub fn note(&mut self, field: &str, checked: Result<(), String>) {
        if let Err(message) = checked
            && self.found.len() < MISTAKES
        {
            self.found.push(FieldError { field: format!("{}{field}", self.prefix), message });
        }
    }

    /// `value`, if there was none.
    ///
    /// # Errors
    /// `Invalid` with all of them.
    pub fn none<T>(self, value: T) -> Result<T> {
        if self.found.is_empty() { Ok(value) } else { Err(Error::Invalid(self.found)) }
    }
}

impl Rulebook {
    /// The set that there is, as far as it is `visible`.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(db: &mut Db, visible: impl Fn(Option<i64>) -> bool) -> QueryResult<Self> {
        let (block, caller_id) = (store::rules::block_rules(db)?, store::rules::caller_id_rules(db)?);
        Ok(Self {
            block_rules: block.into_iter().filter(|rule| visible(rule.pbx_id)).map(Into::into).collect(),
            caller_id_rules: caller_id
                .into_iter()
                .filter(|rule| visible(rule.pbx_id))
                .map(Into::into)
                .collect(),
        })
    }

    /// Puts this set in the place of the one that there is. Within `settings::change`.
    ///
    /// # Errors
    /// `Invalid` naming each wrong rule by its place in the list, counted from 0; or what the database says.
    pub fn put(self, db: &mut Db, numbering: &Numbering, now: Moment) -> Result<Replaced> {
        if self.block_rules.len() + self.caller_id_rules.len() > MOST {
            return Err(Error::field("block_rules", format!("a set holds at most {MOST} rules")));
        }
        let world = World::load(db, numbering, |_| true)?;
        let mut mistakes = Mistakes::default();
        let mut block = Vec::with_capacity(self.block_rules.len());
        for (index, entry) in self.block_rules.into_iter().enumerate() {
            mistakes.prefix = format!("block_rules[{index}].");
            block.push(entry.rule(&world, &mut mistakes));
        }
        let mut caller_id = Vec::with_capacity(self.caller_id_rules.len());
        for ((index, entry), position) in self.caller_id_rules.into_iter().enumerate().zip(1..) {
            mistakes.prefix = format!("caller_id_rules[{index}].");
            let entry = CallerIdEntry { position: None, ..entry };
            caller_id.push(CallerIdRule { position, ..entry.rule(&world, &mut mistakes) });
        }
        mistakes.none(())?;
        Ok(store::rule_set::replace_all(db, &block, &caller_id, now)?)
    }
}
