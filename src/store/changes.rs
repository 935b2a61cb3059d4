//! What changed since a reader last looked, read from the journal: each call once, as it stands now.
//!
//! A call is told of at its last change. One whose last change lies behind the stretch that is read is left to the
//! stretch that holds it: so a reader that goes on where it stopped misses nothing and sees nothing twice.

use std::collections::HashMap;
use std::time::Instant;

use diesel::prelude::*;

use super::Db;
use super::calls;
use super::journal::Verdict;
use super::schema::journal;
use crate::call::{Call, Kind, State};

/// The longest stretch of change numbers that is read at once.
pub const SPAN: i64 = 1_000;

/// The journal's word for a call that the sweep closed.
pub const LOST: &str = "lost";

/// A call that changed.
#[derive(Debug, Clone)]
pub struct Moved {
    /// As it is after that.
    pub call: Call,
    /// It began, was taken or ended; else only more became known, or a person ticked it.
    pub state_is_new: bool,
}

/// What one transaction of this node's writer changed.
#[derive(Debug)]
pub struct Committed {
    /// The change number before its first.
    pub after: i64,
    /// Its last.
    pub newest: i64,
    /// In the order of their changes.
    pub calls: Vec<Moved>,
    /// When.
    pub at: Instant,
}

/// The calls that changed last in one stretch of change numbers.
#[derive(Debug)]
pub struct Stretch {
    /// In the order of their changes.
    pub calls: Vec<Moved>,
    /// Up to which it was read: to go on after.
    pub upto: i64,
}

/// Reads on after `after`, up to `end` (which must be committed) or less far.
///
/// # Errors
/// What the database says.
pub fn between(db: &mut Db, after: i64, end: i64) -> QueryResult<Stretch> {
    let upto = end.min(after.saturating_add(SPAN));
    // repeats, too: where one came together with a call's first event, it is the call's last change
    let entries: Vec<(i64, Option<String>, Verdict)> = journal::table
        .filter(journal::change.gt(after).and(journal::change.le(upto)))
        .filter(journal::call.is_not_null())
        .select((journal::call.assume_not_null(), journal::kind, journal::result))
        .load(db)?;
    let mut kinds: HashMap<i64, Vec<String>> = HashMap::new();
    for (call, kind, result) in entries {
        kinds.entry(call).or_default().extend(kind.filter(|_| result == Verdict::Applied));
    }
    let ids: Vec<i64> = kinds.keys().copied().collect();
    let found = if ids.is_empty() { Vec::new() } else { calls::by_ids(db, &ids)? };
    let mut calls: Vec<Moved> = found
        .into_iter()
        .filter(|call| call.change > after && call.change <= upto)
        .map(|call| Moved { state_is_new: is_new(&call, after, &kinds), call })
        .collect();
    calls.sort_unstable_by_key(|moved| moved.call.change);
    Ok(Stretch { calls, upto })
}

/// Did the call come into its state behind `after`? What happened since then tells, and tells rather too much: where
/// legs are told apart, one that begins may make a call go on, and an answer's word may be that of a hangup.
fn is_new(call: &Call, after: i64, kinds: &HashMap<i64, Vec<String>>) -> bool {
    let any =
        |words: &[&str]| kinds.get(&call.id).is_some_and(|it| it.iter().any(|kind| words.contains(&&**kind)));
    let (new_call, answer, hangup) = (Kind::NewCall.as_str(), Kind::Answer.as_str(), Kind::Hangup.as_str());
    let has_legs = !call.extra().legs.is_empty();
    call.id > after
        || match call.state {
            State::Ringing | State::Connected if has_legs => any(&[new_call, answer]),
            State::Ringing => false,
            State::Connected => any(&[answer]),
            State::Ended if has_legs => any(&[answer, hangup, LOST]),
            State::Ended => any(&[hangup, LOST]),
        }
}
