//! What somebody types into the one search field.
//!
//! Digits are the beginning of a number. Text is in a contact's name or company, or stands in a call's queue, users or note.
//! Numbers with not too many calls and the numbers of a few contacts are found in the whole log, by their indexes.
//! All else, and text that stands in the calls themselves, is searched among the newest [`WINDOW`] calls only, of the
//! PBXes that are meant.

use std::collections::HashSet;

use chrono::{DurationRound, TimeDelta};
use diesel::prelude::*;

use super::super::Db;
use super::super::contacts::escaped;
use super::super::schema::{calls, contact_numbers, contacts};
use super::arms::{self, Arm, both_ends};
use super::conditions::{self, Condition};
use super::{Order, Position, Wanted, positions};
use crate::call::Moment;
use crate::number::{self, Numbering};

/// The most calls whose text is read.
const WINDOW: i64 = 10_000;
/// The most calls of all PBXes among which those are looked for that are of the PBXes meant.
const NEIGHBOURS: i64 = 10 * WINDOW;
/// Up to so many numbers of contacts are looked up one by one.
const FEW: usize = 20;
/// The most numbers of named contacts that are kept in mind.
const CONTACTS: i64 = 20_000;

/// What is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// A number or the beginning of one.
    Digits {
        /// How the keys may begin.
        prefixes: Vec<String>,
        /// The key, if it is all of a valid number.
        key: Option<String>,
    },
    /// In lower case; and the key that it would be, since ids such as `alice` are numbers too.
    Text {
        /// What is contained.
        text: String,
        /// What is equal.
        key: Option<String>,
    },
}

impl Search {
    /// Reads what was typed. `None` for blank text.
    pub fn read(typed: &str, numbering: &Numbering) -> Option<Self> {
        let typed = typed.trim();
        let spelled = (!typed.contains('*')).then(|| numbering.read_pattern(typed)).flatten();
        if let Some((_, digits)) = spelled {
            // a valid number's key has a plus, any other has none: see `number`
            let valid = number::e164(numbering.read(typed)?.key()).map(str::to_owned);
            return Some(Self::Digits { prefixes: vec![format!("+{digits}"), digits], key: valid });
        }
        let key = numbering.read(typed).map(|number| number.key().to_owned());
        (!typed.is_empty()).then(|| Self::Text { text: typed.to_lowercase(), key })
    }
}

/// How a search is answered.
pub(super) struct Plan {
    pub arms: Vec<Arm>,
    pub window: Option<Window>,
}

/// The newest calls, read one by one.
pub(super) struct Window {
    look_for: LookFor,
    /// The oldest of them; `None` where that is all.
    pub back_to: Option<Position>,
}

#[derive(Default)]
struct LookFor {
    text: Option<String>,
    keys: HashSet<String>,
    prefixes: Vec<String>,
}

/// Which arms and which window together answer what is wanted.
pub(super) fn plan(db: &mut Db, wanted: &Wanted) -> QueryResult<Plan> {
    let (arms, look_for) = match &wanted.search {
        None => return Ok(Plan { arms: arms::plain(db, wanted)?, window: None }),
        Some(Search::Digits { prefixes, key }) => match arms::of_prefixes(db, wanted, prefixes)? {
            Some(arms) => return Ok(Plan { arms, window: None }),
            None => {
                let whole = key.as_deref().map(both_ends).unwrap_or_default();
                let look_for = LookFor { prefixes: prefixes.clone(), ..LookFor::default() };
                (arms::of_numbers(db, wanted, whole)?, look_for)
            }
        },
        Some(Search::Text { text, key }) => {
            let mut keys = named(db, text)?;
            keys.extend(key.clone());
            let few = keys.len() <= FEW;
            let numbers = keys.iter().filter(|_| few).flat_map(|key| both_ends(key)).collect();
            let arms = arms::of_numbers(db, wanted, numbers)?;
            (arms, LookFor { text: Some(text.clone()), keys, ..LookFor::default() })
        }
    };
    let back_to = edge(db, wanted)?;
    Ok(Plan { arms, window: Some(Window { look_for, back_to }) })
}

/// The oldest call whose text is read; `None` where that is all of them.
fn edge(db: &mut Db, wanted: &Wanted) -> QueryResult<Option<Position>> {
    let mut first = |conditions: Vec<Condition>, order, skip| {
        let found = positions(db, conditions::all_of(conditions), order, skip, 1)?;
        Ok::<_, diesel::result::Error>(found.first().copied())
    };
    if wanted.pbx.is_none() && wanted.visible.is_none() {
        return first(conditions::between(wanted), Order::Newest, WINDOW - 1);
    }
    // no index knows the PBX: so that a busy neighbour's calls are not all walked through
    let far = first(conditions::between(wanted), Order::Newest, NEIGHBOURS - 1)?;
    let meant = || {
        let mut all = conditions::between(wanted);
        all.extend(conditions::of_pbxes(wanted));
        all.extend(far.map(conditions::not_older));
        all
    };
    if let Some(own) = first(meant(), Order::Newest, WINDOW - 1)? {
        return Ok(Some(own));
    }
    let Some(far) = far else { return Ok(None) };
    // the neighbour's own times are not told
    let own = first(meant(), Order::Oldest, 0)?;
    Ok(Some(own.unwrap_or_else(|| Position(next_hour(far.0), 0))))
}

fn next_hour(at: Moment) -> Moment {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at) + TimeDelta::hours(1)
}

/// The number keys of the contacts whose name or company contains the text.
fn named(db: &mut Db, text: &str) -> QueryResult<HashSet<String>> {
    let keys: Vec<String> = contact_numbers::table
        .inner_join(contacts::table)
        .filter(contacts::sort_key.like(format!("%{}%", escaped(text))).escape('\\'))
        .order(contacts::id.desc())
        .limit(CONTACTS)
        .select(contact_numbers::number_key)
        .load(db)?;
    Ok(keys.into_iter().collect())
}

/// What is read of each call in the window.
#[derive(Queryable)]
struct Texts {
    at: (Moment, i64),
    from_key: Option<String>,
    to_key: Option<String>,
    queue: Option<String>,
    users: String,
    answered_by: Option<String>,
    note: Option<String>,
}

/// The calls in the window that hold what is looked for, in no particular order.
pub(super) fn within(db: &mut Db, wanted: &Wanted, window: &Window) -> QueryResult<Vec<Position>> {
    let mut conditions: Vec<Condition> = conditions::between(wanted);
    conditions.extend(conditions::narrowed(wanted, &Arm::WHOLE_LOG));
    conditions.extend(window.back_to.map(conditions::not_older));
    let texts: Vec<Texts> = calls::table
        .filter(conditions::all_of(conditions))
        .order((calls::started_at.desc(), calls::id.desc()))
        .limit(WINDOW)
        .select((
            (calls::started_at, calls::id),
            calls::from_key,
            calls::to_key,
            calls::queue,
            calls::users,
            calls::answered_by,
            calls::note,
        ))
        .load(db)?;
    Ok(texts
        .into_iter()
        .filter(|call| window.look_for.is_in(call))
        .map(|c| Position(c.at.0, c.at.1))
        .collect())
}

impl LookFor {
    fn is_in(&self, call: &Texts) -> bool {
        let mut numbers = [&call.from_key, &call.to_key].into_iter().flatten();
        let number = numbers
            .any(|key| self.keys.contains(key) || self.prefixes.iter().any(|p| key.starts_with(p.as_str())));
        let users: Vec<String> = serde_json::from_str(&call.users).unwrap_or_default();
        let texts = [&call.queue, &call.answered_by, &call.note].into_iter().flatten().chain(&users);
        number
            || self
                .text
                .as_ref()
                .is_some_and(|text| texts.into_iter().any(|t| t.to_lowercase().contains(text)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(typed: &str) -> Option<Search> {
        Search::read(typed, &Numbering::new("DE", None).unwrap())
    }

    fn digits(digits: &str, key: Option<&str>) -> Option<Search> {
        let prefixes = vec![format!("+{digits}"), digits.to_owned()];
        Some(Search::Digits { prefixes, key: key.map(str::to_owned) })
    }

    #[test]
    fn digits_are_a_number_or_its_beginning_in_any_spelling() {
        for typed in ["+49 171 23", "0049171-23", "0171/23", "(0171) 23", " 4917123"] {
            assert_eq!(read(typed), digits("4917123", None), "{typed}");
        }
        assert_eq!(read("030 1234567"), digits("49301234567", Some("+49301234567")));
        assert_eq!(read("100"), digits("100", None));
    }

    #[test]
    fn all_else_is_text() {
        let text = |text: &str, key: &str| Some(Search::Text { text: text.into(), key: Some(key.into()) });
        assert_eq!(read(" Müller "), text("müller", "müller"));
        assert_eq!(read("Anonymous"), text("anonymous", "anonymous"));
        assert_eq!(read("*43"), text("*43", "*43"));
        assert_eq!(read("   "), None);
    }
}
