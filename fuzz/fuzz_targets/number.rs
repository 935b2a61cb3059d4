//! Numbers in any spelling, read in several countries.
//!
//! Input: a byte that chooses the country, then the text.
#![no_main]

use std::sync::LazyLock;

use hookswitch::number::{Numbering, display, e164};
use libfuzzer_sys::fuzz_target;

/// With and without a trunk zero, with an area code, where the country code is also a national prefix, and small ones.
static NUMBERINGS: LazyLock<Vec<Numbering>> = LazyLock::new(|| {
    let all = [
        ("DE", None),
        ("DE", Some("30")),
        ("AT", Some("1")),
        ("US", Some("212")),
        ("IT", Some("06")),
        ("GB", None),
        ("FR", None),
        ("RU", None),
        ("BR", None),
        ("MX", None),
        ("HU", None),
        ("SM", None),
    ];
    all.map(|(region, area)| Numbering::new(region, area).expect("a region")).into()
});

fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let numbering = &NUMBERINGS[usize::from(*which) % NUMBERINGS.len()];
    let Some(number) = numbering.read(text) else { return };
    let key = number.key();
    let read = |text: &str| numbering.read(text).map(|number| number.key().to_owned());

    assert!(!key.is_empty() && key.trim() == key, "{number:?}");
    assert_eq!(read(key).as_deref(), Some(key), "a key reads as itself: {number:?}");
    assert_eq!(read(number.raw()).as_deref(), Some(key), "what was kept reads as it did: {number:?}");
    assert_eq!(key.starts_with('+'), e164(key).is_some());
    match key.strip_prefix('+') {
        Some(digits) => {
            assert!(digits.bytes().all(|b| b.is_ascii_digit()), "{number:?}");
            assert!((4..=17).contains(&digits.len()) && !digits.starts_with('0'), "{number:?}");
        }
        // no plus: no valid number, whatever is put before it
        None if key.len() > 5 && !key.starts_with('0') && key.bytes().all(|b| b.is_ascii_digit()) => {
            let with_plus = read(&format!("+{key}")).unwrap_or_default();
            assert!(!with_plus.starts_with('+'), "{number:?} is {with_plus}");
        }
        None => {}
    }
    assert!(!display(number.raw(), key).is_empty());
});
