//! What would be answered to a call, by which rule, and why.

use serde::{Deserialize, Serialize};

use super::{BlockEntry, CallerIdEntry};
use crate::call::{Decision, Direction, Moment};
use crate::error::Result;
use crate::number::Numbering;
use crate::rules::{Question, Rule};
use crate::snapshot::Snapshot;
use crate::text::{self, Mistakes};

/// Where a PBX only reports, or is not asked to be steered.
const NOT_STEERED: &str = "this PBX only reports its calls and heeds no answer: no rule applies to it";

/// A call that somebody thinks of.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Seen from the PBX's owner.
    pub direction: Direction,
    /// The caller, as the PBX sends it; leave it out for a withheld number.
    #[schema(max_length = 100)]
    pub from: Option<String>,
    /// The callee, as the PBX sends it.
    #[schema(max_length = 100)]
    pub to: Option<String>,
    /// Whose call. Where there is only one PBX it is that one's; else, left out, rules for one PBX do not apply.
    pub pbx_id: Option<i64>,
    /// The queue that the caller came through.
    #[schema(max_length = 250)]
    pub queue: Option<String>,
    /// Who rings or dials.
    #[schema(max_length = 250)]
    pub user: Option<String>,
}

/// What would be answered.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Checked {
    /// As a call shows it.
    pub decision: Decision,
    /// The rule that decides; null where none does.
    pub rule: Option<RuleEntry>,
    /// In words.
    pub why: String,
}

/// One of either list.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum RuleEntry {
    /// Of the block list.
    Block(BlockEntry),
    /// Of the caller-ID rules.
    CallerId(CallerIdEntry),
}

impl Check {
    /// Asks the rules. `numbering` is the server's own, for a call of no PBX. `visible`: may this PBX be named?
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn ask(
        &self,
        snapshot: &Snapshot,
        numbering: &Numbering,
        now: Moment,
        visible: impl Fn(i64) -> bool,
    ) -> Result<Checked> {
        let pbxes = snapshot.pbxes();
        let mut seen = pbxes.values().filter(|pbx| visible(pbx.id));
        let pbx = match (self.pbx_id, seen.next()) {
            (None, Some(only)) => Some(only).filter(|_| seen.next().is_none()),
            (None, None) => None,
            (Some(id), _) => pbxes.get(&id).filter(|pbx| visible(pbx.id)),
        };
        let mut mistakes = Mistakes::default();
        let fields = [
            ("from", &self.from, 100),
            ("to", &self.to, 100),
            ("queue", &self.queue, 250),
            ("user", &self.user, 250),
        ];
        for (field, value, most) in fields {
            mistakes.note(field, text::optional(value.as_deref(), 0, most));
        }
        if let (Some(id), None) = (self.pbx_id, pbx) {
            mistakes.note("pbx_id", Err(format!("there is no PBX {id}")));
        }
        mistakes.none(())?;

        let numbering = pbx.map_or(numbering, |pbx| &pbx.numbering);
        let read = |number: &Option<String>| number.as_deref().and_then(|text| numbering.read(text));
        let (from, to) = (read(&self.from), read(&self.to));
        let question = Question {
            pbx_id: pbx.map_or(0, |pbx| pbx.id), // no PBX has the id 0
            direction: self.direction,
            from: from.as_ref(),
            to: to.as_ref(),
            queue: self.queue.as_deref(),
            users: self.user.as_slice(),
            at: now,
        };
        let steered = pbx.is_none_or(|pbx| pbx.dialect.is_steered(&pbx.options));
        let rule = snapshot.rules.rule(&question).filter(|_| steered);
        let no_rule = if steered { self.no_rule() } else { NOT_STEERED };
        Ok(Checked {
            decision: rule.map_or(Decision::Accept, |rule| rule.decision(&question)),
            why: rule.map_or_else(|| no_rule.into(), Rule::why),
            rule: rule.map(|rule| match rule {
                Rule::Block(rule) => RuleEntry::Block(rule.clone().into()),
                Rule::CallerId(rule) => RuleEntry::CallerId(rule.clone().into()),
            }),
        })
    }

    fn no_rule(&self) -> &'static str {
        match self.direction {
            Direction::In => "no block rule fits: the call goes on",
            Direction::Out => "no caller ID rule fits: the PBX dials as it would",
        }
    }
}
