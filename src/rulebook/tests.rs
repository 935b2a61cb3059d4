#![expect(clippy::unwrap_used, reason = "a test may fail")]

use super::*;
use crate::call::Reason;
use crate::rules::BlockAction;

fn world(numbering: &Numbering) -> World<'_> {
    World { numbering, pbx_ids: HashSet::from([1, 2]) }
}

fn german() -> Numbering {
    Numbering::new("DE", None).unwrap()
}

fn read(json: &str) -> Rulebook {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}"))
}

#[test]
fn a_rule_needs_no_more_than_its_pattern() {
    let book = read(r#"{"block_rules": [{"pattern": " 030/1234567 "}], "caller_id_rules": []}"#);
    let entry = book.block_rules.into_iter().next().unwrap();
    assert_eq!((entry.action, entry.reason), (BlockAction::Block, Reason::Busy));
    let numbering = german();
    let mut mistakes = Mistakes::default();
    let rule = entry.rule(&world(&numbering), &mut mistakes);
    assert_eq!((rule.id, rule.pattern.as_str()), (0, "030/1234567"));
    assert!(mistakes.none(()).is_ok());
}

#[test]
fn what_was_read_can_be_sent_back() {
    let rule = BlockRule {
        id: 7,
        pattern: "+4917*".into(),
        action: BlockAction::Allow,
        reason: Reason::Rejected,
        pbx_id: Some(1),
        to: Some("Sales".into()),
        expires_at: Some("2001-02-03T04:05:06.789".parse().unwrap()), // over: still part of the set
        note: Some("n".into()),
        hits: 3,
        last_hit_at: Some("2001-02-03T04:05:06".parse().unwrap()),
    };
    let caller_id = CallerIdRule {
        id: 8,
        position: 2_000_000,
        destination: "*".into(),
        caller_id: "49301234567".into(),
        from: Some("Alice".into()),
        pbx_id: None,
        note: None,
        hits: 0,
        last_hit_at: None,
    };
    let book = Rulebook { block_rules: vec![rule.clone().into()], caller_id_rules: vec![caller_id.into()] };
    let text = serde_json::to_string(&book).unwrap();
    assert!(text.contains(r#""expires_at":"2001-02-03T04:05:06.789Z""#), "{text}");
    assert_eq!(read(&text), book);
    let numbering = german();
    let mut mistakes = Mistakes::default();
    let again = book.block_rules[0].clone().rule(&world(&numbering), &mut mistakes);
    assert!(mistakes.none(()).is_ok());
    assert_eq!(again, BlockRule { hits: 0, last_hit_at: None, ..rule });
}

#[test]
fn both_lists_must_be_there() {
    let refused = |text| serde_json::from_str::<Rulebook>(text).unwrap_err().to_string();
    assert!(refused("{}").contains("block_rules"));
    assert!(refused(r#"{"block_rules": []}"#).contains("caller_id_rules"));
    assert!(
        refused(r#"{"block_rules": [{"pattern": "1", "expire": 1}], "caller_id_rules": []}"#)
            .contains("expire")
    );
}

#[test]
fn each_mistake_names_its_field() {
    let entry = BlockEntry {
        pattern: "[0-9]".into(),
        pbx_id: Some(9),
        to: Some(" ".into()),
        note: Some("a\0".into()),
        ..read(r#"{"block_rules": [{"pattern": "1"}], "caller_id_rules": []}"#).block_rules.remove(0)
    };
    let numbering = german();
    let mut mistakes = Mistakes::default();
    mistakes.within("block_rules[3].".into());
    entry.rule(&world(&numbering), &mut mistakes);
    let Err(Error::Invalid(found)) = mistakes.none(()) else { panic!("it is refused") };
    let fields: Vec<&str> = found.iter().map(|e| e.field.as_str()).collect();
    assert_eq!(
        fields,
        ["block_rules[3].pattern", "block_rules[3].to", "block_rules[3].note", "block_rules[3].pbx_id"]
    );
}
