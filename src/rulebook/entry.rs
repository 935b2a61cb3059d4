//! One rule, as it is written and as it is kept.

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use super::World;
use crate::call::{Moment, Reason};
use crate::clock;
use crate::rules::{BlockAction, BlockRule, CallerIdRule, check_caller_id, check_pattern};
use crate::text::{self, Mistakes};

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
    #[serde(default, deserialize_with = "clock::optional")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Yours.
    #[schema(max_length = 2000)]
    pub note: Option<String>,
    /// How many calls it decided.
    #[schema(read_only)]
    pub hits: Option<i64>,
    /// When it last did.
    #[serde(default, deserialize_with = "clock::optional")]
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
    #[schema(pattern = r"^\+?[1-9][0-9]{6,14}$")]
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
    #[serde(default, deserialize_with = "clock::optional")]
    #[schema(read_only)]
    pub last_hit_at: Option<DateTime<Utc>>,
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
