//! The journal: what was sent and what came of it. Its key is the feed.

use std::borrow::Cow;

use diesel::prelude::*;

use super::Db;
use super::schema::journal;
use crate::call::Moment;
use crate::words::words;

words! {
    /// What came of a request.
    Verdict {
        /// A call changed.
        Applied = "applied",
        /// We had heard it before.
        Repeat = "repeat",
        /// Taken, but no call is made of it.
        Ignored = "ignored",
        /// Answered with an error.
        Refused = "refused",
    }
}

/// One line of the journal.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = journal)]
pub struct Entry {
    /// Its number in the feed.
    pub change: i64,
    /// At whose URL.
    pub pbx_id: i64,
    /// The row of the call that it is about.
    pub call: Option<i64>,
    /// When it came.
    pub received_at: Moment,
    /// What it said, in our words; of a person's change: done, undone, taken back, note; of ours: lost, reached, erased.
    pub kind: Option<String>,
    /// What came of it.
    pub result: Verdict,
    /// Why it was ignored or refused, who ticked.
    pub why: Option<String>,
    /// Whence; `None` for what people and we did.
    pub address: Option<String>,
    /// As sent.
    pub content_type: Option<String>,
    /// As sent, without the token.
    pub query: Option<String>,
    /// As sent, without the token.
    pub body: Option<String>,
    /// The HTTP status of the answer.
    pub status: Option<i32>,
    /// Its body.
    pub answer: Option<String>,
}

/// One line to be written; the fields are `Entry`'s.
#[derive(Debug, Insertable)]
#[diesel(table_name = journal, treat_none_as_default_value = false)]
pub(super) struct NewEntry<'a> {
    pub change: i64,
    pub pbx_id: i64,
    pub call: Option<i64>,
    pub received_at: Moment,
    pub kind: Option<&'a str>,
    pub result: Verdict,
    pub why: Option<&'a str>,
    pub address: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub query: Option<&'a str>,
    pub body: Option<&'a str>,
    pub status: Option<i32>,
    pub answer: Option<Cow<'static, str>>,
}

impl<'a> NewEntry<'a> {
    /// What people or we did, not a PBX. `call` may come later, as in a batch.
    pub fn ours(
        change: i64,
        pbx_id: i64,
        call: Option<i64>,
        at: Moment,
        kind: &'a str,
        why: Option<&'a str>,
    ) -> Self {
        Self {
            change,
            pbx_id,
            call,
            received_at: at,
            kind: Some(kind),
            result: Verdict::Applied,
            why,
            address: None,
            content_type: None,
            query: None,
            body: None,
            status: None,
            answer: None,
        }
    }
}

/// What is known of one call, oldest first.
///
/// # Errors
/// What the database says.
pub fn of_call(db: &mut Db, call: i64) -> QueryResult<Vec<Entry>> {
    journal::table
        .filter(journal::call.eq(call))
        .order(journal::change)
        .limit(500)
        .select(Entry::as_select())
        .load(db)
}

/// The calls that somebody ticked, among these changes.
///
/// # Errors
/// What the database says.
pub fn ticked(db: &mut Db, first: i64, last: i64, who: &str) -> QueryResult<Vec<i64>> {
    journal::table
        .filter(journal::change.between(first, last))
        .filter(journal::kind.eq("done").and(journal::why.eq(who)).and(journal::address.is_null()))
        .filter(journal::call.is_not_null())
        .order(journal::change)
        .select(journal::call.assume_not_null())
        .load(db)
}

/// The word for a tick that was taken back, as if it had not been.
pub const TAKEN_BACK: &str = "taken back";

/// A tick or an untick.
#[derive(Queryable)]
pub struct Tick {
    /// Of which call.
    pub call: i64,
    /// done, undone or taken back.
    pub kind: String,
    /// Who did it.
    pub who: Option<String>,
    /// When.
    pub at: Moment,
}

/// What people ticked and unticked of these calls, up to a change; oldest first.
///
/// # Errors
/// What the database says.
pub fn ticks(db: &mut Db, calls: &[i64], last: i64) -> QueryResult<Vec<Tick>> {
    journal::table
        .filter(journal::call.eq_any(calls).and(journal::change.le(last)))
        .filter(journal::kind.eq_any(["done", "undone", TAKEN_BACK]).and(journal::address.is_null()))
        .order(journal::change)
        .select((
            journal::call.assume_not_null(),
            journal::kind.assume_not_null(),
            journal::why,
            journal::received_at,
        ))
        .load(db)
}

/// The change number of the `count`th request to one PBX's URL before `before`; `None` where there are fewer.
///
/// # Errors
/// What the database says.
pub fn so_far_back(db: &mut Db, pbx_id: i64, before: Option<i64>, count: i64) -> QueryResult<Option<i64>> {
    // by index alone: entries of people's changes are counted too, which brings it no further back
    let of_pbx = journal::pbx_id.eq(pbx_id).and(journal::change.lt(before.unwrap_or(i64::MAX)));
    let entries = journal::table.filter(of_pbx).order(journal::change.desc()).offset(count - 1);
    entries.select(journal::change).first(db).optional()
}

/// The requests to one PBX's URL, newest first, older than `before`, and no older than `end`.
///
/// # Errors
/// What the database says.
pub fn of_pbx(
    db: &mut Db,
    pbx_id: i64,
    result: Option<Verdict>,
    before: Option<i64>,
    end: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<Entry>> {
    let mut query = journal::table
        .filter(journal::pbx_id.eq(pbx_id).and(journal::address.is_not_null()))
        .order(journal::change.desc())
        .limit(limit)
        .select(Entry::as_select())
        .into_boxed();
    if let Some(result) = result {
        query = query.filter(journal::result.eq(result));
    }
    if let Some(before) = before {
        query = query.filter(journal::change.lt(before));
    }
    if let Some(end) = end {
        query = query.filter(journal::change.ge(end));
    }
    query.load(db)
}

/// The last change number.
///
/// # Errors
/// What the database says.
pub fn newest(db: &mut Db) -> QueryResult<i64> {
    use super::schema::feed;
    feed::table.select(feed::change).first(db)
}
