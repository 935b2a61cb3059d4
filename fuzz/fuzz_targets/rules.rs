//! A whole set of rules, as it is put back: refused with its mistakes, or good for asking and reading again.
//!
//! Input: the set as JSON.
#![no_main]

use std::sync::LazyLock;

use hookswitch::call::{Direction, Moment};
use hookswitch::error::Error;
use hookswitch::number::Numbering;
use hookswitch::rulebook::{Rulebook, World};
use hookswitch::rules::Question;
use libfuzzer_sys::fuzz_target;

static GERMAN: LazyLock<Numbering> = LazyLock::new(|| Numbering::new("DE", None).expect("a region"));

fuzz_target!(|data: &[u8]| {
    let Ok(book) = serde_json::from_slice::<Rulebook>(data) else { return };
    let world = World::of([1, 2], &GERMAN);
    let set = match book.check_in(&world) {
        Ok(set) => set,
        Err(Error::Invalid(mistakes)) => return assert!(mistakes.iter().all(|it| !it.message.is_empty())),
        Err(e) => panic!("{e}"),
    };
    let written = serde_json::to_vec(&set.written()).expect("it can be written");
    let again: Rulebook = serde_json::from_slice(&written).expect("what is exported can be imported");
    let again =
        again.check_in(&world).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&written)));
    assert_eq!(again.written(), set.written());
    let rules = set.rules(&GERMAN);
    for (direction, number) in
        [(Direction::In, "+493012345678"), (Direction::Out, "0171123456"), (Direction::In, "")]
    {
        let number = GERMAN.read(number);
        let question = Question {
            pbx_id: 1,
            direction,
            from: number.as_ref(),
            to: number.as_ref(),
            queue: Some("support"),
            users: &[],
            at: Moment::default(),
        };
        let _whatever = rules.decide(&question);
    }
});
