//! Rules: which patterns are taken, what they mean, and that the index finds what trying each would find.
//!
//! Input: the numbers of a caller and a callee, a line each, then one pattern a line.
#![no_main]

use std::sync::LazyLock;

use hookswitch::call::{Decision, Direction, Moment, Reason};
use hookswitch::number::{Number, Numbering};
use hookswitch::rules::{BlockAction, BlockRule, CallerIdRule, Question, RuleSet, check_pattern};
use libfuzzer_sys::fuzz_target;

static GERMAN: LazyLock<Numbering> = LazyLock::new(|| Numbering::new("DE", None).expect("a region"));

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let mut number = || lines.next().and_then(|line| GERMAN.read(line));
    let (from, to) = (number(), number());
    let patterns: Vec<&str> = lines.take(20).filter(|text| check_pattern(text, &GERMAN).is_ok()).collect();
    let (from, to) = (from.as_ref(), to.as_ref());

    for pattern in patterns.iter().filter(|pattern| !pattern.contains('*')) {
        let itself = GERMAN.read(pattern).expect("a pattern that is taken means something");
        let decision = blocking(&[pattern]).decide(&question(Direction::In, Some(&itself), None));
        assert_eq!(decided_by(&decision), Some(1), "{pattern:?} means itself");
    }
    let inbound = question(Direction::In, from, to);
    let alone = |pattern: &&str| decided_by(&blocking(&[pattern]).decide(&inbound)).is_some();
    let first = patterns.iter().position(alone).map(|place| place as i64 + 1);
    assert_eq!(decided_by(&blocking(&patterns).decide(&inbound)), first, "{patterns:?} for {from:?}");

    let outbound = question(Direction::Out, from, to);
    let alone = |pattern: &&str| decided_by(&choosing(&[pattern]).decide(&outbound)).is_some();
    let first = patterns.iter().position(alone).map(|place| place as i64 + 1);
    assert_eq!(decided_by(&choosing(&patterns).decide(&outbound)), first, "{patterns:?} for {to:?}");
});

fn question<'a>(direction: Direction, from: Option<&'a Number>, to: Option<&'a Number>) -> Question<'a> {
    Question { pbx_id: 1, direction, from, to, queue: None, users: &[], at: Moment::default() }
}

fn decided_by(decision: &Decision) -> Option<i64> {
    match decision {
        Decision::Accept => None,
        Decision::Reject { rule_id, .. } | Decision::Dial { rule_id, .. } => Some(*rule_id),
    }
}

fn blocking(patterns: &[&str]) -> RuleSet {
    let rule = |(id, pattern): (i64, &&str)| BlockRule {
        id,
        pattern: (*pattern).into(),
        action: BlockAction::Block,
        reason: Reason::Busy,
        pbx_id: None,
        to: None,
        expires_at: None,
        note: None,
        hits: 0,
        last_hit_at: None,
    };
    RuleSet::new((1..).zip(patterns).map(rule).collect(), Vec::new(), |_| &*GERMAN)
}

fn choosing(patterns: &[&str]) -> RuleSet {
    let rule = |(id, pattern): (i64, &&str)| CallerIdRule {
        id,
        position: 1,
        destination: (*pattern).into(),
        caller_id: "49301234567".into(),
        from: None,
        pbx_id: None,
        note: None,
        hits: 0,
        last_hit_at: None,
    };
    RuleSet::new(Vec::new(), (1..).zip(patterns).map(rule).collect(), |_| &*GERMAN)
}
