//! stub
use crate::call::*;
use crate::number::*;
use crate::words::words;
words! { /// a
BlockAction { Block = "block", Allow = "allow" } }
#[derive(Clone, Debug)]
pub struct BlockRule {
    pub id: i64,
    pub pattern: String,
    pub action: BlockAction,
    pub reason: Reason,
    pub pbx_id: Option<i64>,
    pub to: Option<String>,
    pub expires_at: Option<Moment>,
    pub note: Option<String>,
    pub hits: i64,
    pub last_hit_at: Option<Moment>,
}
#[derive(Clone, Debug)]
pub struct CallerIdRule {
    pub id: i64,
    pub position: i32,
    pub destination: String,
    pub caller_id: String,
    pub from: Option<String>,
    pub pbx_id: Option<i64>,
    pub note: Option<String>,
    pub hits: i64,
    pub last_hit_at: Option<Moment>,
}
pub struct Question<'a> {
    pub pbx_id: i64,
    pub direction: Direction,
    pub from: Option<&'a Number>,
    pub to: Option<&'a Number>,
    pub queue: Option<&'a str>,
    pub users: &'a [String],
    pub at: Moment,
}
pub struct RuleSet;
impl RuleSet {
    pub fn new(_: Vec<BlockRule>, _: Vec<CallerIdRule>, _: &Numbering) -> Self {
        Self
    }
    pub fn decide(&self, _: &Question) -> Decision {
        Decision::Accept
    }
}
