//! The block list and the caller-ID rules: what a PBX is told of a new call, and why. Pure.

mod pattern;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use crate::call::{Decision, Direction, Moment, Reason};
use crate::number::{Number, Numbering};
use crate::words::words;

use pattern::{Index, Pattern, Seen};

words! {
    /// What a rule of the block list does with a caller.
    BlockAction { Block = "block", Allow = "allow" }
}

/// Turns callers away, or lets them through whatever else blocks them. Inbound calls only.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockRule {
    /// Unique among block rules; the lowest is named where several block a caller.
    pub id: i64,
    /// The callers: a number in any spelling, one with `*` in it, `anonymous`, or `*`.
    pub pattern: String,
    /// An allow wins over all blocks.
    pub action: BlockAction,
    /// As the caller hears it.
    pub reason: Reason,
    /// Calls of this PBX only.
    pub pbx_id: Option<i64>,
    /// Calls to this number (a pattern too) or queue (any letter case) only.
    pub to: Option<String>,
    /// From then on it does nothing.
    pub expires_at: Option<Moment>,
    /// A person's words.
    pub note: Option<String>,
    /// How many calls it decided.
    pub hits: i64,
    /// When it last did.
    pub last_hit_at: Option<Moment>,
}

/// Chooses the number that the callee sees. Outbound calls only.
#[derive(Debug, Clone, PartialEq)]
pub struct CallerIdRule {
    /// Unique among caller-ID rules.
    pub id: i64,
    /// The first rule that fits wins; of two in one position the one with the lower id.
    pub position: i32,
    /// The callees, as in a block rule. `*` at the end of the list is the default.
    pub destination: String,
    /// What the callee sees: E.164, sent as it is written here.
    pub caller_id: String,
    /// Calls from this number (a pattern too) or of this user (any letter case) only.
    pub from: Option<String>,
    /// Calls of this PBX only.
    pub pbx_id: Option<i64>,
    /// A person's words.
    pub note: Option<String>,
    /// How many calls it decided.
    pub hits: i64,
    /// When it last did.
    pub last_hit_at: Option<Moment>,
}

/// A new call, as far as rules look at it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Whose call.
    pub pbx_id: i64,
    /// Decides which rules are asked.
    pub direction: Direction,
    /// The caller; `None` counts as withheld.
    pub from: Option<&'a Number>,
    /// The callee.
    pub to: Option<&'a Number>,
    /// The queue that the caller came through.
    pub queue: Option<&'a str>,
    /// Who dials.
    pub users: &'a [String],
    /// Now.
    pub at: Moment,
}

/// All rules, read once and indexed, so that thousands cost a call no more than a few.
#[derive(Default)]
pub struct RuleSet {
    /// Allows first, then by id: the first that holds decides.
    block: Vec<(BlockRule, Pattern, Option<Limit>)>,
    callers: Index,
    /// By position, then id.
    caller_ids: Vec<(CallerIdRule, Pattern, Option<Limit>)>,
    destinations: Index,
}

impl RuleSet {
    /// `numbering` tells how a rule's numbers are read: as the PBX of that id reads them, for whose calls it is, or as
    /// all do. A rule whose pattern is blank does nothing.
    pub fn new<N: Borrow<Numbering>>(
        mut block: Vec<BlockRule>,
        mut caller_ids: Vec<CallerIdRule>,
        numbering: impl Fn(Option<i64>) -> N,
    ) -> Self {
        block.sort_by_key(|rule| (rule.action == BlockAction::Block, rule.id));
        caller_ids.sort_by_key(|rule| (rule.position, rule.id));
        let read = |pbx_id: Option<i64>, pattern: &str, limit: &Option<String>| {
            let numbering = numbering(pbx_id);
            let limit = limit.as_deref().and_then(|text| Limit::read(text, numbering.borrow()));
            Pattern::read(pattern, numbering.borrow()).map(|pattern| (pattern, limit))
        };
        let block = read_all(block, |rule| read(rule.pbx_id, &rule.pattern, &rule.to));
        let caller_ids = read_all(caller_ids, |rule| read(rule.pbx_id, &rule.destination, &rule.from));
        Self {
            callers: Index::new(block.iter().map(|(_, pattern, _)| pattern)),
            destinations: Index::new(caller_ids.iter().map(|(_, pattern, _)| pattern)),
            block,
            caller_ids,
        }
    }

    /// No rule at all?
    pub fn is_empty(&self) -> bool {
        self.block.is_empty() && self.caller_ids.is_empty()
    }

    /// What the PBX is told.
    pub fn decide(&self, q: &Question) -> Decision {
        self.rule(q).map_or(Decision::Accept, |rule| rule.decision(q))
    }

    /// The rule that decides: for who wants to know why.
    pub fn rule(&self, q: &Question) -> Option<Rule<'_>> {
        match q.direction {
            Direction::In => self.block_rule(q).map(Rule::Block),
            Direction::Out => self.caller_id_rule(q).map(Rule::CallerId),
        }
    }

    fn block_rule(&self, q: &Question) -> Option<&BlockRule> {
        let caller = Seen::of(q.from);
        let place = self.callers.first(&caller, |place| {
            let (rule, pattern, to) = &self.block[place];
            rule.expires_at.is_none_or(|end| q.at < end)
                && rule.pbx_id.is_none_or(|pbx| pbx == q.pbx_id)
                && pattern.matches(&caller)
                && to.as_ref().is_none_or(|to| to.holds(q.to, q.queue.into_iter()))
        })?;
        Some(&self.block[place].0)
    }

    fn caller_id_rule(&self, q: &Question) -> Option<&CallerIdRule> {
        let to = q.to.filter(|to| !to.is_withheld())?;
        let callee = Seen::of(Some(to));
        let place = self.destinations.first(&callee, |place| {
            let (rule, pattern, from) = &self.caller_ids[place];
            rule.pbx_id.is_none_or(|pbx| pbx == q.pbx_id)
                && pattern.matches(&callee)
                && from.as_ref().is_none_or(|from| from.holds(q.from, q.users.iter().map(String::as_str)))
        })?;
        Some(&self.caller_ids[place].0)
    }
}

/// Keeps room for exactly so many, since thousands stay in memory.
fn read_all<R>(
    rules: Vec<R>,
    read: impl Fn(&R) -> Option<(Pattern, Option<Limit>)>,
) -> Vec<(R, Pattern, Option<Limit>)> {
    let mut all = Vec::with_capacity(rules.len());
    all.extend(rules.into_iter().filter_map(|rule| {
        let (pattern, limit) = read(&rule)?;
        Some((rule, pattern, limit))
    }));
    all
}

/// A rule that decides a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule<'a> {
    /// Blocks or allows a caller.
    Block(&'a BlockRule),
    /// Chooses a caller ID.
    CallerId(&'a CallerIdRule),
}

impl Rule<'_> {
    /// What the PBX is told because of it.
    pub fn decision(self, q: &Question) -> Decision {
        match self {
            Self::Block(rule) if rule.action == BlockAction::Allow => Decision::Accept,
            Self::Block(rule) => Decision::Reject { reason: rule.reason, rule_id: rule.id, why: self.why() },
            Self::CallerId(rule) => Decision::Dial {
                caller_id: rule.caller_id.clone(),
                number: q.to.map(|to| to.raw().to_owned()).unwrap_or_default(), // it has matched: it is there
                rule_id: rule.id,
                why: self.why(),
            },
        }
    }

    /// In words.
    pub fn why(self) -> String {
        match self {
            Self::Block(rule) => format!("{} rule {}: {}", rule.action, rule.id, rule.pattern),
            Self::CallerId(rule) => format!("caller ID rule {}: {}", rule.id, rule.destination),
        }
    }
}

/// A rule's second condition: a number, or the name of a queue or user.
struct Limit {
    number: Option<Pattern>,
    name: String,
}

impl Limit {
    /// `None` for blank text, which limits nothing.
    fn read(text: &str, numbering: &Numbering) -> Option<Self> {
        let name = text.trim().to_lowercase();
        // a queue that is called Private does not mean every call whose number is not known
        let number =
            Pattern::read(text, numbering).filter(|it| !it.is_withheld() || name == Number::WITHHELD);
        (!name.is_empty()).then_some(Self { number, name })
    }

    fn holds<'a>(&self, number: Option<&Number>, mut names: impl Iterator<Item = &'a str>) -> bool {
        self.number.as_ref().is_some_and(|pattern| pattern.matches(&Seen::of(number)))
            || names.any(|name| name.trim().to_lowercase() == self.name)
    }
}

/// Is `text` a pattern that somebody can have meant? The error names the remedy.
pub fn check_pattern(text: &str, numbering: &Numbering) -> Result<(), String> {
    const LONGEST: usize = 100;
    if text.chars().count() > LONGEST {
        return Err(format!("no number is that long; {LONGEST} characters at most"));
    }
    let odd = |c: &char| c.is_control() || "^$\\{}[]?|,;".contains(*c);
    if let Some(c) = text.chars().find(odd) {
        return Err(format!(
            "{c:?} cannot stand in a pattern: one number per rule, `*` for any characters, as in +4917*"
        ));
    }
    let text = text.trim();
    let nothing = || "write a number, how it begins (+4917*), `anonymous`, or `*` for everybody".to_owned();
    if text.is_empty() || Pattern::read(text, numbering).is_none() {
        return Err(nothing());
    }
    let word = text.trim_matches(['*', ' ']);
    if word.len() < text.len() && numbering.read(word).is_some_and(|number| number.is_withheld()) {
        return Err(format!("{word} means all who withhold their number: write it without a star"));
    }
    let begins_abroad = text.starts_with('+') || text.starts_with("00");
    match numbering.read_pattern(text) {
        Some((true, digits)) if begins_abroad && digits.len() <= 5 && !digits.contains('*') => {
            Err(format!("{text} is no whole number; for all that begin so write {text}*"))
        }
        None if !text.contains(|c: char| c.is_alphabetic() || matches!(c, '@' | '#')) => Err(nothing()),
        _ => Ok(()),
    }
}

/// Is `text` a caller ID that a carrier takes: E.164, with or without the plus, 7 to 15 digits?
pub fn check_caller_id(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if !(7..=15).contains(&digits.len())
        || digits.starts_with('0')
        || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return Err("write the caller ID with its country code and digits only, as in +49301234567".into());
    }
    Ok(())
}
