#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::call::Cause::{Busy, Cancel, Congestion, Forwarded, NoAnswer, NormalClearing, NotFound};

#[test]
fn words_as_switches_send_them() {
    let known = [
        ("busy", Busy),
        ("normalClearing", NormalClearing),
        ("NORMAL_CLEARING", NormalClearing),
        ("Normal Clearing", NormalClearing),
        ("ORIGINATOR_CANCEL", Cancel),
        ("NO_USER_RESPONSE", NoAnswer),
        ("USER_NOT_REGISTERED", NotFound),
        ("NOANSWER", NoAnswer),
        ("no answer", NoAnswer),
        ("CHANUNAVAIL", NotFound),
        ("User alerting, no answer", NoAnswer),
        ("16", NormalClearing),
        ("19 - User alerting, no answer", NoAnswer),
        ("Q.850;cause=17;text=\"USER_BUSY\"", Busy),
        ("SIP;cause=487", Cancel),
        ("sip:404", NotFound),
        ("SIP 603 Decline", NoAnswer),
        ("SIP/2.0 302 Moved Temporarily", Forwarded),
        ("486", Busy),
        ("403", Congestion),
        ("503", Congestion),
    ];
    for (word, cause) in known {
        assert_eq!(understand(word), Some(cause), "{word}");
    }
    for unknown in ["", "127", "0", "4xxx", "128", "1000", "700", "UNKNOWN", "wegen Reichtum", "ü", "_"] {
        assert_eq!(understand(unknown), None, "{unknown}");
    }
}

#[test]
fn each_word_has_one_meaning() {
    for row in rows() {
        for word in row.words.iter().filter(|word| !word.ends_with("xx")) {
            assert_eq!(understand(word), row.cause, "{word} means something else in an earlier row");
        }
    }
}

proptest! {
    #[test]
    fn any_text_will_do(word in "\\PC{0,20}", number in 0..2000u32) {
        understand(&word);
        understand(&format!("{number}{word}"));
        understand(&format!("{word}cause={number}{word}"));
    }
}

/// The tables in docs/pbx are these. `UPDATE_TABLES=1 cargo test causes` writes them anew.
#[test]
fn the_documentation_shows_these_tables() {
    let mut shown = HashSet::new();
    for page in files("docs/pbx", &["md"]) {
        let text = std::fs::read_to_string(&page).unwrap();
        let mut right = text.clone();
        for table in ALL {
            let (begin, end) = (format!("<!-- causes: {} -->\n", table.name), "<!-- end of causes -->");
            let Some(from) = right.find(&begin).map(|at| at + begin.len()) else { continue };
            let to = from + right[from..].find(end).unwrap_or_else(|| panic!("{page:?} lacks {end}"));
            right.replace_range(from..to, &markdown(table));
            shown.insert(table.name);
        }
        if std::env::var_os("UPDATE_TABLES").is_some() {
            std::fs::write(&page, &right).unwrap();
        } else {
            assert!(
                text == right,
                "{page:?} differs from src/dialect/causes: run UPDATE_TABLES=1 cargo test causes"
            );
        }
    }
    assert_eq!(shown.len(), ALL.len(), "of all tables, only {shown:?} are in docs/pbx");
}

/// Whatever an example or a recipe sends as a cause is understood, be it `cause=busy` or `cause = "busy"`.
#[test]
fn what_examples_send_is_understood() {
    let mut found = 0;
    let examples = files("examples", &["md", "cfg", "conf", "lua", "json"]);
    for page in files("docs/pbx", &["md"]).into_iter().chain(examples) {
        let text = std::fs::read_to_string(&page).unwrap().to_lowercase();
        for behind in text.split("cause").skip(1) {
            let quoted = || {
                behind
                    .trim_start_matches([')', ' '])
                    .strip_prefix('=')?
                    .trim_start()
                    .strip_prefix(['"', '\''])
            };
            let value = behind.strip_prefix('=').or_else(quoted).unwrap_or_default();
            let word: String = value.chars().take_while(char::is_ascii_alphanumeric).collect();
            if word.is_empty() {
                continue; // no value, or a variable of the switch
            }
            assert!(understand(&word).is_some(), "{page:?} sends cause={word}");
            found += 1;
        }
    }
    assert!(found > 20, "only {found} causes found: has the way of writing them changed?");
}

fn markdown(table: &Table) -> String {
    let mut text = String::from("| they say | meaning | cause |\n| --- | --- | --- |\n");
    for row in table.rows {
        let words: Vec<_> = row.words.iter().map(|word| format!("`{word}`")).collect();
        let cause = row.cause.map_or_else(|| "–".into(), |cause| format!("`{cause}`"));
        text += &format!("| {} | {} | {cause} |\n", words.join(", "), row.meaning);
    }
    text
}

fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| endings.iter().any(|it| ending == *it)) {
                found.push(path);
            }
        }
    }
    found
}
