//! Files of contacts: CSV and vCard in any encoding.
//!
//! Input: a letter for the Content-Type, then the file.
#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use hookswitch::import;
use hookswitch::number::Numbering;
use libfuzzer_sys::fuzz_target;

static GERMAN: LazyLock<Numbering> = LazyLock::new(|| Numbering::new("DE", None).expect("a region"));

fuzz_target!(|data: &[u8]| {
    let Some((letter, file)) = data.split_first() else { return };
    let content_type = match letter {
        b'c' => Some("text/csv"),
        b'v' => Some("text/vcard"),
        _ => None,
    };
    let Ok(contacts) = import::read(file, content_type, &GERMAN) else { return };
    for (line, contact) in &contacts.found {
        assert!(*line > 0);
        let (company, note) = (contact.company.as_deref(), contact.note.as_deref());
        import::check(&contact.name, company, note, contact.numbers.len()).expect("it is checked already");
        let keys: HashSet<&str> = contact.numbers.iter().map(|number| number.key()).collect();
        assert!(!keys.is_empty() && keys.len() == contact.numbers.len(), "each number once: {contact:?}");
    }
    for skipped in &contacts.skipped {
        assert!(skipped.line > 0 && !skipped.why.is_empty());
    }
});
