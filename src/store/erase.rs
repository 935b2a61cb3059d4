//! One number, erased wherever it stands: in calls, contacts and rules, in what was sent and is to be told.

use std::collections::HashSet;

use diesel::prelude::*;

use super::journal::NewEntry;
use super::schema::{block_rules, caller_id_rules, calls, contact_numbers, contacts, journal, live_calls};
use super::sought::Sought;
use super::{Db, numbers, retention, rules, stories};
use crate::call::{ERASED, Moment};

/// So many lines or calls are looked through at once.
const AT_ONCE: i64 = 2_000;

/// Where a number stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Calls that ended.
    pub calls: i64,
    /// Calls that go on: they can only be erased once they ended.
    pub under_way: i64,
    /// Contacts that have it.
    pub contacts: i64,
    /// Rules that name it, and it alone.
    pub rules: i64,
}

/// Looks for a number by its key; of calls, those that it is an end of.
///
/// # Errors
/// What the database says.
pub fn find(db: &mut Db, sought: &Sought) -> QueryResult<Found> {
    let key = sought.key();
    let with = || calls::table.filter(calls::from_key.eq(key).or(calls::to_key.eq(key)));
    let has: Vec<i64> = contact_numbers::table
        .filter(contact_numbers::number_key.eq(key))
        .select(contact_numbers::contact_id)
        .distinct()
        .load(db)?;
    let (block, caller_id) = rules_with(db, sought)?;
    Ok(Found {
        calls: with().filter(calls::ended_at.is_not_null()).count().get_result(db)?,
        under_way: with().filter(calls::ended_at.is_null()).count().get_result(db)?,
        contacts: has.len() as i64,
        rules: (block.len() + caller_id.len()) as i64,
    })
}

/// A call that ended, and where else a number may stand in it than at its ends.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = calls)]
struct Ended {
    id: i64,
    pbx_id: i64,
    from_key: Option<String>,
    to_key: Option<String>,
    dialed_from: Option<String>,
    users: String,
    answered_by: Option<String>,
    answering_number: Option<String>,
    decision: Option<String>,
    extra: Option<String>,
}

impl Ended {
    /// Does it, elsewhere than at its ends?
    fn names(&self, sought: &Sought) -> bool {
        if [&self.from_key, &self.to_key].into_iter().any(|key| key.as_deref() == Some(sought.key())) {
            return false;
        }
        let fields = [&self.dialed_from, &self.answered_by, &self.answering_number];
        let lists = [Some(&self.users), self.decision.as_ref(), self.extra.as_ref()];
        fields.into_iter().any(|text| sought.is_some(text.as_deref()))
            || lists.into_iter().flatten().any(|json| sought.in_json(json))
    }

    /// Takes the number away.
    fn clean(&mut self, sought: &Sought) {
        for field in [&mut self.dialed_from, &mut self.answered_by, &mut self.answering_number] {
            *field = field.take().and_then(|text| sought.without(&text));
        }
        let users: Vec<String> = serde_json::from_str(&self.users).unwrap_or_default();
        let others: Vec<&String> = users.iter().filter(|user| !sought.is(user)).collect();
        self.users = serde_json::json!(others).to_string();
    }
}

/// The ended calls behind `after` that name the number though it is no end of theirs: who rang, where it was taken, what
/// was decided. And up to which it looked; `None` at the end.
///
/// # Errors
/// What the database says.
pub fn naming(db: &mut Db, sought: &Sought, after: i64) -> QueryResult<(Vec<i64>, Option<i64>)> {
    let some: Vec<Ended> = calls::table
        .filter(calls::id.gt(after).and(calls::ended_at.is_not_null()))
        .order(calls::id)
        .limit(AT_ONCE)
        .select(Ended::as_select())
        .load(db)?;
    let with = some.iter().filter(|call| call.names(sought)).map(|call| call.id);
    Ok((with.collect(), some.last().map(|call| call.id)))
}

/// From which calls a number is taken.
#[derive(Debug, Clone)]
pub enum From {
    /// Those that it is an end of, at most so many.
    Ends(i64),
    /// These.
    These(Vec<i64>),
}

/// Takes the number from ended calls, with what was said of them and what webhooks were told or are to be told: all at
/// once, since a call without its number is not found again. Each is told of as changed. How many.
///
/// # Errors
/// What the database says; then nothing changed.
pub fn calls(db: &mut Db, from: &From, sought: &Sought, who: &str, now: Moment) -> QueryResult<i64> {
    let (nobody, key) = (None::<String>, sought.key());
    let ended = calls::table.filter(calls::ended_at.is_not_null()).select(Ended::as_select());
    db.transaction(|db| {
        let limit = match from {
            From::Ends(limit) => *limit,
            From::These(ids) => ids.len() as i64,
        };
        // this also tells the writer, which remembers calls, that these are not as it wrote them
        let before = numbers::take(db, limit)?;
        let found: Vec<Ended> = match from {
            From::Ends(_) => {
                ended.filter(calls::from_key.eq(key).or(calls::to_key.eq(key))).limit(limit).load(db)?
            }
            From::These(ids) => ended.filter(calls::id.eq_any(ids)).load(db)?,
        };
        let ids: Vec<i64> = found.iter().map(|call| call.id).collect();
        retention::what_was_told(db, &ids)?;
        stories::forget(db, &ids)?;
        for (mut call, change) in found.into_iter().zip(before + 1..) {
            call.clean(sought);
            diesel::update(calls::table.find(call.id))
                .set((
                    calls::dialed_from.eq(&call.dialed_from),
                    calls::users.eq(&call.users),
                    calls::answered_by.eq(&call.answered_by),
                    calls::answering_number.eq(&call.answering_number),
                    calls::note.eq(&nobody),
                    calls::extra.eq(&nobody),
                    calls::decision.eq(&nobody),
                    calls::change.eq(change),
                ))
                .execute(db)?;
            let line = NewEntry::ours(change, call.pbx_id, Some(call.id), now, "erased", Some(who));
            diesel::insert_into(journal::table).values(line).execute(db)?;
        }
        diesel::update(calls::table.filter(calls::id.eq_any(&ids).and(calls::from_key.eq(key))))
            .set((calls::from_number.eq(&nobody), calls::from_key.eq(ERASED), calls::dialed_from.eq(&nobody)))
            .execute(db)?;
        diesel::update(calls::table.filter(calls::id.eq_any(&ids).and(calls::to_key.eq(key))))
            .set((calls::to_number.eq(&nobody), calls::to_key.eq(ERASED)))
            .execute(db)?;
        Ok(ids.len() as i64)
    })
}

/// Takes the number from contacts; those that have no other go. How many had it.
///
/// # Errors
/// What the database says.
pub fn contacts(db: &mut Db, key: &str) -> QueryResult<usize> {
    let with = || contact_numbers::table.filter(contact_numbers::number_key.eq(key));
    let ids: HashSet<i64> = with().select(contact_numbers::contact_id).load(db)?.into_iter().collect();
    diesel::delete(with()).execute(db)?;
    for id in &ids {
        let left = contact_numbers::table.filter(contact_numbers::contact_id.eq(id));
        if left.count().get_result::<i64>(db)? == 0 {
            diesel::delete(contacts::table.find(id)).execute(db)?;
        }
    }
    Ok(ids.len())
}

/// Deletes the rules that name the number, and it alone. How many. Within `settings::change`.
///
/// # Errors
/// What the database says.
pub fn rules(db: &mut Db, sought: &Sought) -> QueryResult<usize> {
    let (block, caller_id) = rules_with(db, sought)?;
    let gone = diesel::delete(block_rules::table.filter(block_rules::id.eq_any(block))).execute(db)?;
    let also = caller_id_rules::table.filter(caller_id_rules::id.eq_any(caller_id));
    Ok(gone + diesel::delete(also).execute(db)?)
}

/// Rules of each list in which it stands as caller or callee.
fn rules_with(db: &mut Db, sought: &Sought) -> QueryResult<(Vec<i64>, Vec<i64>)> {
    let is = |text: &str| sought.is(text);
    let in_field = |text: &Option<String>| text.as_deref().is_some_and(is);
    let block = rules::block_rules(db)?.into_iter().filter(|rule| is(&rule.pattern) || in_field(&rule.to));
    let block = block.map(|rule| rule.id).collect();
    let caller_id = rules::caller_id_rules(db)?;
    let with = caller_id.into_iter().filter(|rule| is(&rule.destination) || in_field(&rule.from));
    Ok((block, with.map(|rule| rule.id).collect()))
}

/// Looks through the journal's lines behind the change `after`, but for those of calls that go on. Those in which the
/// number stands are deleted; of such a line about a call what was sent goes, the line stays. How many, and up to which
/// change it looked; `None` at the end.
///
/// # Errors
/// What the database says.
pub fn requests(db: &mut Db, sought: &Sought, after: i64) -> QueryResult<(usize, Option<i64>)> {
    let under_way = journal::call.eq_any(live_calls::table.select(live_calls::id.nullable()));
    let lines: Vec<Line> = journal::table
        .filter(journal::change.gt(after))
        .filter(journal::call.is_null().or(diesel::dsl::not(under_way)))
        .order(journal::change)
        .limit(AT_ONCE)
        .select(Line::as_select())
        .load(db)?;
    let (of_calls, others): (Vec<&Line>, Vec<&Line>) =
        lines.iter().filter(|line| line.names(sought)).partition(|line| line.call.is_some());
    let changes = |lines: Vec<&Line>| lines.into_iter().map(|line| line.change).collect::<Vec<i64>>();
    let nothing = None::<String>;
    let emptied = diesel::update(journal::table.filter(journal::change.eq_any(changes(of_calls))))
        .set((journal::query.eq(&nothing), journal::body.eq(&nothing), journal::answer.eq(&nothing)))
        .execute(db)?;
    let gone = diesel::delete(journal::table.filter(journal::change.eq_any(changes(others)))).execute(db)?;
    Ok((emptied + gone, lines.last().map(|line| line.change)))
}

/// A line of the journal.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = journal)]
struct Line {
    change: i64,
    call: Option<i64>,
    content_type: Option<String>,
    query: Option<String>,
    body: Option<String>,
}

impl Line {
    fn names(&self, sought: &Sought) -> bool {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        sought.in_request(self.content_type.as_deref(), &text(&self.query), &text(&self.body))
    }
}
