//! What somebody types into the one search field.
//!
//! Digits are the beginning of a number. Text is a contact's name, or stands in a call's queue, users or note.
//! Numbers and names that are few are found in the whole log, each by its index. Numbers that are many and text
//! that stands in the calls themselves are searched among the newest [`WINDOW`] calls only.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::super::Db;
use super::super::schema::{calls, contact_numbers, contacts};
use super::conditions::{self, Condition};
use super::{Arm, Order, Position, Side, Wanted, parts, positions};
use crate::call::Moment;
use crate::number::Numbering;

/// The most calls whose text is read.
const WINDOW: i64 = 10_000;
/// Up to so many numbers are looked up one by one.
const FEW: usize = 20;
/// The most numbers of named contacts that are kept in mind.
const CONTACTS: i64 = 20_000;

diesel::define_sql_function! {
    /// In SQLite of ASCII letters only.
    fn lower(text: Text) -> Text;
}

/// What is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// How the keys of the numbers may begin.
    Digits(Vec<String>),
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
            return Some(Self::Digits(vec![format!("+{digits}"), digits]));
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
    let mut look_for = LookFor::default();
    let sides = match &wanted.search {
        None => sides_of(wanted.number.as_ref()),
        Some(Search::Digits(prefixes)) => match with_prefixes(db, prefixes)? {
            Some(sides) => sides,
            None => {
                look_for.prefixes.clone_from(prefixes);
                Vec::new()
            }
        },
        Some(Search::Text { text, key }) => {
            let mut keys = named(db, text)?;
            keys.extend(key.clone());
            look_for.text = Some(text.clone());
            if keys.len() > FEW {
                look_for.keys = keys;
                Vec::new()
            } else {
                keys.iter().flat_map(|key| sides_of(Some(key))).collect()
            }
        }
    };
    let in_window = look_for.text.is_some() || !look_for.prefixes.is_empty();
    let window = in_window
        .then(|| {
            let within = conditions::all_of(conditions::between(wanted));
            let oldest = positions(db, within, Order::Newest, WINDOW - 1, 1)?;
            QueryResult::Ok(Window { look_for, back_to: oldest.first().copied() })
        })
        .transpose()?;
    let arms = sides
        .into_iter()
        .flat_map(|side| parts(wanted).iter().map(move |part| Arm { side: side.clone(), part: *part }));
    Ok(Plan { arms: arms.collect(), window })
}

fn sides_of(number: Option<&String>) -> Vec<Side> {
    number.map_or(vec![Side::Any], |key| vec![Side::From(key.clone()), Side::To(key.clone())])
}

/// The numbers that begin so, where they are few.
fn with_prefixes(db: &mut Db, prefixes: &[String]) -> QueryResult<Option<Vec<Side>>> {
    let mut sides = Vec::new();
    for prefix in prefixes {
        let (from, to) = (calls::from_key, calls::to_key);
        let callers = distinct(prefix, |at, end| {
            let first = calls::table.filter(from.ge(at).and(from.lt(end))).order(from).select(from);
            first.first::<Option<String>>(db).optional().map(Option::flatten)
        })?;
        let callees = distinct(prefix, |at, end| {
            let first = calls::table.filter(to.ge(at).and(to.lt(end))).order(to).select(to);
            first.first::<Option<String>>(db).optional().map(Option::flatten)
        })?;
        let (Some(callers), Some(callees)) = (callers, callees) else { return Ok(None) };
        sides.extend(callers.into_iter().map(Side::From));
        sides.extend(callees.into_iter().map(Side::To));
    }
    Ok((sides.len() <= FEW).then_some(sides))
}

/// Leaps from key to key through an index. `None` where there are more than a few.
fn distinct(
    prefix: &str,
    mut first: impl FnMut(&str, &str) -> QueryResult<Option<String>>,
) -> QueryResult<Option<Vec<String>>> {
    let end = behind(prefix);
    let mut keys: Vec<String> = Vec::new();
    let mut at = prefix.to_owned();
    while let Some(key) = first(&at, &end)? {
        if keys.len() == FEW {
            return Ok(None);
        }
        at = format!("{key}\u{1}"); // the next text that any key could be
        keys.push(key);
    }
    Ok(Some(keys))
}

/// The first text behind all that begin with these digits.
fn behind(prefix: &str) -> String {
    let mut chars: Vec<char> = prefix.chars().collect();
    if let Some(last) = chars.last_mut() {
        *last = char::from_u32(u32::from(*last) + 1).unwrap_or(char::MAX);
    }
    chars.into_iter().collect()
}

/// The number keys of the contacts whose name contains the text.
fn named(db: &mut Db, text: &str) -> QueryResult<HashSet<String>> {
    let found: Vec<(String, String)> = contact_numbers::table
        .inner_join(contacts::table)
        .filter(lower(contacts::name).like(like(text)).escape('\\'))
        .order(contacts::id.desc())
        .limit(CONTACTS)
        .select((contact_numbers::number_key, contacts::name))
        .load(db)?;
    let really = |name: &str| name.to_lowercase().contains(text);
    Ok(found.into_iter().filter(|(_, name)| really(name)).map(|(key, _)| key).collect())
}

/// A pattern for LIKE that finds the text and perhaps more: letters that SQLite cannot lower-case may be any.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        match c {
            '%' | '_' | '\\' => pattern.extend(['\\', c]),
            c if c.is_ascii() => pattern.push(c),
            _ => pattern.push('_'),
        }
    }
    pattern + "%"
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
    conditions.extend(conditions::narrowed(wanted));
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

    #[test]
    fn digits_are_the_beginning_of_a_number_in_any_spelling() {
        for typed in ["+49 30 12", "004930-12", "030/12", "(030) 12", " 4930 12"] {
            assert_eq!(read(typed), Some(Search::Digits(vec!["+493012".into(), "493012".into()])), "{typed}");
        }
        assert_eq!(read("100"), Some(Search::Digits(vec!["+100".into(), "100".into()])));
    }

    #[test]
    fn all_else_is_text() {
        let text = |text: &str, key: &str| Some(Search::Text { text: text.into(), key: Some(key.into()) });
        assert_eq!(read(" Müller "), text("müller", "müller"));
        assert_eq!(read("Anonymous"), text("anonymous", "anonymous"));
        assert_eq!(read("*43"), text("*43", "*43"));
        assert_eq!(read("   "), None);
    }

    #[test]
    fn a_pattern_is_no_wildcard_of_the_typist() {
        assert_eq!(like("100% a_b\\"), "%100\\% a\\_b\\\\%");
        assert_eq!(like("öz"), "%_z%");
    }

    #[test]
    fn leaps_from_key_to_key_and_gives_up_where_they_are_many() {
        let held = ["+4930", "+49301", "+4931"].map(String::from);
        let first = |held: &[String]| {
            let held = held.to_vec();
            move |at: &str, end: &str| {
                Ok(held.iter().filter(|key| key.as_str() >= at && key.as_str() < end).min().cloned())
            }
        };
        assert_eq!(distinct("+4930", first(&held)).unwrap(), Some(held[..2].to_vec()));
        let many: Vec<String> = (0..=FEW).map(|n| format!("+49{n}")).collect();
        assert_eq!(distinct("+49", first(&many)).unwrap(), None);
    }
}
