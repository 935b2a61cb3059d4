#![expect(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;

use super::*;

fn german() -> Numbering {
    Numbering::new("DE", None).unwrap()
}

fn at(seconds: i64) -> Moment {
    chrono::DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap().naive_utc()
}

fn block(id: i64, pattern: &str) -> BlockRule {
    BlockRule {
        id,
        pattern: pattern.into(),
        action: BlockAction::Block,
        reason: Reason::Busy,
        pbx_id: None,
        to: None,
        expires_at: None,
        note: None,
        hits: 0,
        last_hit_at: None,
    }
}

fn choose(id: i64, destination: &str, caller_id: &str) -> CallerIdRule {
    CallerIdRule {
        id,
        position: 0,
        destination: destination.into(),
        caller_id: caller_id.into(),
        from: None,
        pbx_id: None,
        note: None,
        hits: 0,
        last_hit_at: None,
    }
}

/// What `rules` say of a call; the id of the rule, 0 for accept.
fn ask(rules: &RuleSet, direction: Direction, from: &str, to: &str) -> i64 {
    let (from, to) = (german().read(from), german().read(to));
    let users = ["Alice".to_owned()];
    id_of(&rules.decide(&Question {
        pbx_id: 1,
        direction,
        from: from.as_ref(),
        to: to.as_ref(),
        queue: Some("Support"),
        users: &users,
        at: at(0),
    }))
}

fn id_of(decision: &Decision) -> i64 {
    match decision {
        Decision::Accept => 0,
        Decision::Reject { rule_id, .. } | Decision::Dial { rule_id, .. } => *rule_id,
    }
}

fn blocks(pattern: &str, from: &str) -> bool {
    ask(&RuleSet::new(vec![block(7, pattern)], vec![], |_| german()), Direction::In, from, "4930600000000")
        == 7
}

/// zammad.md section 2, with what section 12 wants better: normalised numbers, and stars.
#[test]
fn block_list() {
    for (pattern, from, expected) in [
        ("493055555555", "493055555555", true),
        ("+49 30 55555555", "493055555555", true),
        ("030/55555555", "0049 30 55555555", true),
        ("493055555555", "493055555556", false),
        ("anonymous", "anonymous", true),
        ("anonymous", "<unknown>", true),
        ("anonymous", "", true),
        ("anonymous", "4930123456", false),
        ("*", "4930123456", true),
        ("*", "anonymous", true),
        ("*", "", true),
        ("+4917*", "01701234567", true),
        ("004917*", "+491701234567", true),
        ("017*", "491701234567", true),
        ("4917*", "0170 1234567", true),
        ("4917*", "anonymous", false),
        ("+44*", "442079460958", true),
        ("+44*", "441", false),          // no valid number: an extension
        ("44*", "441", true),            // bare: extensions too
        ("+44*", "+447700900666", true), // valid nowhere, and says that it is British
        ("+44*", "00447700900666", true),
        ("+44*", "447700900666", true),
        ("+44*", "+441234567", true), // too short for any, and says so, too
        ("+44*", "00441234567", true),
        ("+44*", "441234567", false),
        ("+44*", "+441", false),
        ("+*", "+441234567", true),
        ("sip:alice@*", "sip:alice@pbx.example", true),
        ("41*", "41", false), // one or more
        ("10*", "101", true),
        ("10*", "+49101", false),
        ("101", "101", true),
        ("101", "+49 30 101", false),
        ("0049 99999 2222222", "49999992222222", true), // valid nowhere, still one number
        ("+49(0)30*", "030 1234567", true),
        ("30*", "0301234567", false),
        ("30*", "301234567", true), // as it was sent
        ("+30*", "301234567", false),
        ("0*", "030 1234567", true), // every German number
        ("0*", "100", false),
        ("+*", "101", false),
        ("+*", "030 1234567", true),
        ("*4567", "0301234567", true),
        ("*4567", "4567", false),
        ("49*4567", "+49301234567", true),
        ("+49*4567", "+49301234567", true),
        ("4**9*", "49301234567", false),
        ("49**7", "49301234567", true),
        ("4930.*", "49301234567", true), // a dot is a separator, not any character
        ("4.30*", "49301234567", false),
        ("493[0]*", "49301234567", true),
        ("4930?234567", "49301234567", false),
        ("0003*210", "0003*210", true),
        ("*43", "*43", true),
        ("alice@*", "Alice@pbx.example", true),
        ("sip:alice@pbx.example", "alice@PBX.example", true),
        ("Alice@pbx.example", "bob@pbx.example", false),
        ("", "4930123456", false),
    ] {
        assert_eq!(blocks(pattern, from), expected, "{pattern:?} of {from:?}");
    }
    let set = RuleSet::new(vec![block(7, "4917*")], vec![], |_| german());
    assert_eq!(ask(&set, Direction::Out, "491701234567", "491701234567"), 0); // inbound only
}

#[test]
fn conditions_of_a_block() {
    let german = german();
    let from = german.read("0170 1234567");
    let to = german.read("+49 30 6000000");
    let question = Question {
        pbx_id: 1,
        direction: Direction::In,
        from: from.as_ref(),
        to: to.as_ref(),
        queue: Some("Support"),
        users: &[],
        at: at(0),
    };
    let asked = |change: &dyn Fn(&mut BlockRule)| {
        let mut rule = block(7, "4917*");
        change(&mut rule);
        id_of(&RuleSet::new(vec![rule], vec![], |_| &german).decide(&question))
    };
    assert_eq!(asked(&|rule| rule.expires_at = Some(at(1))), 7);
    assert_eq!(asked(&|rule| rule.expires_at = Some(at(0))), 0);
    assert_eq!(asked(&|rule| rule.pbx_id = Some(1)), 7);
    assert_eq!(asked(&|rule| rule.pbx_id = Some(2)), 0);
    for (limit, expected) in
        [("sUPPORT", 7), ("sales", 0), ("030 600 00 00", 7), ("+4930*", 7), ("+4940*", 0), (" ", 7), ("*", 7)]
    {
        assert_eq!(asked(&|rule| rule.to = Some(limit.into())), expected, "{limit:?}");
    }
    assert_eq!(asked(&|rule| rule.action = BlockAction::Allow), 0);

    let allow = |id, pattern| BlockRule { action: BlockAction::Allow, ..block(id, pattern) };
    let decide = |rules| id_of(&RuleSet::new(rules, vec![], |_| &german).decide(&question));
    assert_eq!(decide(vec![block(9, "4917*"), block(8, "*"), block(12, "01701234567")]), 8);
    assert_eq!(decide(vec![block(8, "*"), allow(9, "0170*")]), 0);
    assert_eq!(decide(vec![block(8, "*"), allow(9, "0171*")]), 8);
    assert_eq!(decide(vec![block(8, "*"), BlockRule { expires_at: Some(at(-1)), ..allow(9, "*") }]), 8);

    let set =
        RuleSet::new(vec![BlockRule { reason: Reason::Rejected, ..block(7, "4917*") }], vec![], |_| &german);
    let why = "block rule 7: 4917*".to_owned();
    assert_eq!(set.decide(&question), Decision::Reject { reason: Reason::Rejected, rule_id: 7, why });
    assert!(RuleSet::new(vec![], vec![], |_| &german).is_empty() && !set.is_empty());
}

/// zammad.md section 3 and the documentation's sample rules.
#[test]
fn caller_ids() {
    let german = german();
    let mut rules = vec![
        choose(1, "4989*", "498999998145"),
        choose(2, "4930*", "493023125877"),
        choose(3, "*", "496990009111"),
    ];
    rules[2].position = 9;
    let set = RuleSet::new(vec![block(7, "*")], rules, |_| &german);
    for (to, rule) in [
        ("4989123456", 1),
        ("+49 89 123456", 1),
        ("0049 30 1234567", 2),
        ("030/1234567", 2),
        ("492214710334", 3),
        ("101", 3),
        ("", 0),
        ("anonymous", 0),
    ] {
        assert_eq!(ask(&set, Direction::Out, "101", to), rule, "{to}");
    }
    assert_eq!(
        ask(&RuleSet::new(vec![], vec![choose(1, "41*", "1")], |_| &german), Direction::Out, "101", "41"),
        0
    );

    let to = german.read("0049 89-123456");
    let question = Question {
        pbx_id: 1,
        direction: Direction::Out,
        from: None,
        to: to.as_ref(),
        queue: None,
        users: &[],
        at: at(0),
    };
    let expected = Decision::Dial {
        caller_id: "498999998145".into(),
        number: "0049 89-123456".into(),
        rule_id: 1,
        why: "caller ID rule 1: 4989*".into(),
    };
    assert_eq!(set.decide(&question), expected);
}

#[test]
fn conditions_of_a_caller_id() {
    let asked = |change: &dyn Fn(&mut CallerIdRule)| {
        let mut rule = choose(5, "4989*", "1");
        change(&mut rule);
        ask(&RuleSet::new(vec![], vec![rule], |_| german()), Direction::Out, "23", "4989123456")
    };
    for (from, expected) in [("23", 5), ("2*", 5), ("234", 0), ("alice", 5), ("bob", 0), ("*", 5), ("", 5)] {
        assert_eq!(asked(&|rule| rule.from = Some(from.into())), expected, "{from:?}");
    }
    assert_eq!(asked(&|rule| rule.pbx_id = Some(2)), 0);
    let place = |id, position, destination| CallerIdRule { position, ..choose(id, destination, "1") };
    let first = |rules| ask(&RuleSet::new(vec![], rules, |_| german()), Direction::Out, "23", "4989123456");
    assert_eq!(first(vec![place(1, 2, "498912*"), place(2, 1, "49*"), place(3, 3, "*")]), 2); // first, not longest
    assert_eq!(first(vec![place(2, 1, "49*"), place(1, 1, "*")]), 1);
}

#[test]
fn patterns_are_checked() {
    for good in [
        "+4917*",
        "0170 1234567",
        "101",
        "*43",
        "0003*210",
        "anonymous",
        "*",
        "+49 (0)30*",
        "sip:bob@pbx",
        "0*",
    ] {
        assert_eq!(check_pattern(good, &german()), Ok(()), "{good}");
    }
    for (bad, part) in [
        ("", "how it begins"),
        ("  ", "how it begins"),
        ("--", "how it begins"),
        ("49+30*", "how it begins"),
        ("^49.*$", "`*` for any characters"),
        ("49[0-9]*", "`*` for any characters"),
        ("4917*, 4918*", "one number per rule"),
        ("49\u{0}", "`*` for any"),
        ("anonymous*", "without a star"),
        ("*unknown", "without a star"),
        ("+49", "write +49*"),
        ("0049", "write 0049*"),
        (&"1".repeat(101), "100 characters"),
    ] {
        assert!(check_pattern(bad, &german()).unwrap_err().contains(part), "{bad:?}");
    }
    for good in ["+49301234567", "49301234567", "1234567", "+123456789012345"] {
        assert_eq!(check_caller_id(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "+",
        "030123456",
        "+0301234567",
        "123456",
        "1234567890123456",
        "+49 30 1234567",
        "anonymous",
        "++4930123",
    ] {
        assert!(check_caller_id(bad).unwrap_err().contains("country code"), "{bad}");
    }
}

/// The rules of patterns once more, as plainly as can be.
fn means(pattern: &str, number: Option<&Number>) -> bool {
    fn stars(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), Some((_, left))) => (0..=left.len()).any(|n| stars(rest, &left[n..])),
            (Some((p, rest)), Some((t, left))) => p == t && stars(rest, left),
            _ => false,
        }
    }
    if pattern.bytes().all(|b| b == b'*') {
        return true;
    }
    let Some(number) = number.filter(|number| !number.is_withheld()) else { return pattern == "anonymous" };
    let digits = number.key().trim_start_matches('+');
    let sent: String = number.raw().chars().filter(|c| *c != '+').collect();
    let Some((international, body)) = german().read_pattern(pattern) else { return false };
    if !pattern.contains('*') && german().read(pattern).unwrap().key() == number.key() {
        return true;
    }
    let body = body.replace("***", "*").replace("**", "*");
    match (international, pattern.contains('*')) {
        (true, false) => false,
        (true, true) => number.key() != digits && stars(body.as_bytes(), digits.as_bytes()),
        (false, _) => stars(body.as_bytes(), digits.as_bytes()) || stars(body.as_bytes(), sent.as_bytes()),
    }
}

/// Few digits, so that they often meet.
fn any_digits() -> impl Strategy<Value = String> {
    prop_oneof![4 => "([+]49|0049|49|0|)30[12]{5,6}", 2 => "[12]{2,4}", 1 => Just("anonymous".to_owned())]
}

fn any_pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any_digits(),
        3 => "([+]49|0049|49|0|)30[12]{0,4}[*]",
        2 => "[+]?[0123]{0,3}[*]{1,2}[12]{0,3}[*]?",
        1 => Just("*".to_owned()),
    ]
}

prop_compose! {
    fn any_block()(
        pattern in any_pattern(), id in 1i64..50, allow in prop::bool::weighted(0.2), pbx_id in prop::option::of(1i64..3),
        to in prop::option::weighted(0.3, any_pattern()), end in prop::option::of(-1i64..2),
    ) -> BlockRule {
        let action = if allow { BlockAction::Allow } else { BlockAction::Block };
        BlockRule { action, pbx_id, to, expires_at: end.map(at), ..block(id, &pattern) }
    }
}

prop_compose! {
    fn any_choice()(
        destination in any_pattern(), id in 1i64..50, position in 0..5, pbx_id in prop::option::of(1i64..3),
        from in prop::option::weighted(0.3, any_pattern()),
    ) -> CallerIdRule {
        CallerIdRule { position, pbx_id, from, ..choose(id, &destination, "1") }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_changes_nothing(
        blocks in prop::collection::vec(any_block(), 0..12),
        choices in prop::collection::vec(any_choice(), 0..12),
        from in prop::option::of(any_digits()), to in prop::option::of(any_digits()),
    ) {
        let german = german();
        let (from, to) = (from.and_then(|from| german.read(&from)), to.and_then(|to| german.read(&to)));
        let (from, to) = (from.as_ref(), to.as_ref());
        let set = RuleSet::new(blocks.clone(), choices.clone(), |_| &german);
        let ask = |direction| {
            let question = Question { pbx_id: 1, direction, from, to, queue: None, users: &[], at: at(0) };
            id_of(&set.decide(&question))
        };

        let mine = |pbx_id: Option<i64>| pbx_id.is_none_or(|pbx| pbx == 1);
        let limited = |limit: &Option<String>, number| limit.as_ref().is_none_or(|limit| means(limit, number));
        let live = blocks.iter().filter(|rule| {
            rule.expires_at.is_none_or(|end| end > at(0)) && mine(rule.pbx_id) && limited(&rule.to, to)
                && means(&rule.pattern, from)
        }).collect::<Vec<_>>();
        let allowed = live.iter().any(|rule| rule.action == BlockAction::Allow);
        let blocked = live.iter().map(|rule| rule.id).min().filter(|_| !allowed).unwrap_or(0);
        prop_assert_eq!(ask(Direction::In), blocked);

        let fits = choices.iter().filter(|rule| mine(rule.pbx_id) && limited(&rule.from, from) && means(&rule.destination, to));
        let chosen = fits.min_by_key(|rule| (rule.position, rule.id)).map_or(0, |rule| rule.id);
        let known = to.is_some_and(|to| !to.is_withheld());
        prop_assert_eq!(ask(Direction::Out), if known { chosen } else { 0 });
    }

    #[test]
    fn no_text_breaks_it(pattern in any::<String>(), from in any::<String>()) {
        let _ = check_pattern(&pattern, &german());
        let _ = check_caller_id(&pattern);
        blocks(&pattern, &from);
    }
}
