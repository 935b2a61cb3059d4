//! Rules as people write them: one by one, or the whole set as a document that can be exported, edited and put back.

mod check;
mod entry;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use diesel::QueryResult;
use serde::{Deserialize, Serialize};

use crate::call::Moment;
use crate::error::{Error, Result};
use crate::number::Numbering;
use crate::object;
use crate::rules::{BlockRule, CallerIdRule, RuleSet};
use crate::store::rule_set::Replaced;
use crate::store::{self, Db};
use crate::text::Mistakes;

pub use check::{Check, Checked, RuleEntry};
pub use entry::{BlockEntry, CallerIdEntry, moment};

/// The most rules of one set.
pub const MOST: usize = 50_000;

/// May there be one rule more? Within `settings::change`.
///
/// # Errors
/// `Invalid` where there are as many as a set holds: what GET shows could not be put back.
pub fn room_for_one(db: &mut Db) -> Result<()> {
    match usize::try_from(store::rules::count(db)?) {
        Ok(0..MOST) => Ok(()),
        _ => Err(Error::field(
            "body",
            format!("there are {MOST} rules, and no more can be: delete some first"),
        )),
    }
}

/// The whole set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rulebook {
    /// The block list.
    #[serde(deserialize_with = "object::list")]
    #[schema(max_items = 50_000)]
    pub block_rules: Vec<BlockEntry>,
    /// In the order in which they are tried.
    #[serde(deserialize_with = "object::list")]
    #[schema(max_items = 50_000)]
    pub caller_id_rules: Vec<CallerIdEntry>,
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
        Ok(Self::of(pbx_ids, numbering))
    }

    /// These PBXes may be named.
    pub fn of(pbx_ids: impl IntoIterator<Item = i64>, numbering: &'a Numbering) -> Self {
        Self { numbering, pbx_ids: pbx_ids.into_iter().collect() }
    }

    fn check_pbx(&self, id: Option<i64>) -> Result<(), String> {
        match id {
            Some(id) if !self.pbx_ids.contains(&id) => Err(format!("there is no PBX {id}")),
            _ => Ok(()),
        }
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

    /// The rules as they are kept. Before `settings::change`, so that no call waits for it.
    ///
    /// # Errors
    /// `Invalid` naming each wrong rule by its place in the list, counted from 0; or what the database says.
    pub fn check(self, db: &mut Db, numbering: &Numbering) -> Result<NewSet> {
        self.check_in(&World::load(db, numbering, |_| true)?)
    }

    /// The same, where the PBXes are known.
    ///
    /// # Errors
    /// `Invalid` naming each wrong rule by its place in the list, counted from 0.
    pub fn check_in(self, world: &World) -> Result<NewSet> {
        if self.block_rules.len() + self.caller_id_rules.len() > MOST {
            return Err(Error::field("block_rules", format!("a set holds at most {MOST} rules")));
        }
        let mut mistakes = Mistakes::default();
        let mut set = NewSet::default();
        for (index, entry) in self.block_rules.into_iter().enumerate() {
            mistakes.within(format!("block_rules[{index}]."));
            set.block.push(entry.rule(world, &mut mistakes));
        }
        for ((index, entry), position) in self.caller_id_rules.into_iter().enumerate().zip(1..) {
            mistakes.within(format!("caller_id_rules[{index}]."));
            let entry = CallerIdEntry { position: None, ..entry };
            set.caller_id.push(CallerIdRule { position, ..entry.rule(world, &mut mistakes) });
        }
        mistakes.none(set)
    }
}

/// A whole set, checked.
#[derive(Debug, Default)]
pub struct NewSet {
    block: Vec<BlockRule>,
    caller_id: Vec<CallerIdRule>,
}

impl NewSet {
    /// All of them, to be asked.
    pub fn rules(self, numbering: &Numbering) -> RuleSet {
        RuleSet::new(self.block, self.caller_id, |_| numbering)
    }

    /// The set as people write it.
    pub fn written(&self) -> Rulebook {
        Rulebook {
            block_rules: self.block.iter().cloned().map(Into::into).collect(),
            caller_id_rules: self.caller_id.iter().cloned().map(Into::into).collect(),
        }
    }

    /// Puts it in the place of the one that there is. Within `settings::change`.
    ///
    /// # Errors
    /// What the database says.
    pub fn put(&self, db: &mut Db, now: Moment) -> QueryResult<Replaced> {
        store::rule_set::replace_all(db, &self.block, &self.caller_id, now)
    }
}
