//! What a reader sends: a cursor, and which calls are meant.
//!
//! Input: the cursor up to the first line end, then the filter as JSON.
#![no_main]

use std::sync::LazyLock;

use hookswitch::api::{CallFilter, page_position};
use hookswitch::number::Numbering;
use libfuzzer_sys::fuzz_target;

static GERMAN: LazyLock<Numbering> = LazyLock::new(|| Numbering::new("DE", None).expect("a region"));

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (cursor, filter) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(Some(position)) = page_position(Some(cursor)) {
        let year = position.0.format("%Y").to_string();
        assert_eq!(year.len(), 4, "both databases hold it: {position:?}");
    }
    let Ok(filter) = serde_json::from_str::<CallFilter>(filter) else { return };
    let Ok(wanted) = filter.wanted(&GERMAN, None) else { return };
    for key in [wanted.number, wanted.from, wanted.to].into_iter().flatten() {
        assert!(!key.is_empty() && !key.contains('\0'));
    }
    for text in [wanted.queue, wanted.user, wanted.cause].into_iter().flatten() {
        assert!(!text.contains('\0'), "no database holds a NUL");
    }
});
