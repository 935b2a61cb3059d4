//! A past that never was, for demonstrations and benchmarks: events that lie back, folded and written by the very code
//! that writes real ones, many to a transaction, each under the lock that hands out change numbers.

use std::collections::HashMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Timestamp};

use super::arrival::Arrival;
use super::batch::{Batch, Reached};
use super::calls::CallRow;
use super::journal::NewEntry;
use super::schema::calls;
use super::writer::REACHED;
use super::{Db, batch_postgres, batch_sqlite, numbers};
use crate::call::{Call, Kind, Moment};
use crate::number::Number;

/// One thing that happened.
#[derive(Debug)]
pub enum Deed {
    /// A PBX said something.
    Came(Box<Arrival>),
    /// A person ticked a call, where it was still open. It must have come before, among the same deeds.
    Ticked {
        /// The call, as its PBX names it.
        call_id: String,
        /// Who.
        by: String,
        /// When.
        at: Moment,
    },
}

impl Deed {
    /// When it happened.
    pub fn at(&self) -> Moment {
        match self {
            Self::Came(arrival) => arrival.received_at,
            Self::Ticked { at, .. } => *at,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// New calls.
    pub calls: u64,
    /// Lines of the journal.
    pub lines: u64,
}

/// Settings of a session that only fills: a power cut may take its last transactions, but tears none apart.
///
/// # Errors
/// What the database says.
pub fn prepare(db: &mut Db) -> QueryResult<()> {
    match db {
        Db::Postgres(conn) => {
            conn.batch_execute(batch_postgres::SESSION)?;
            conn.batch_execute("SET synchronous_commit = off")
        }
        // pages are changed many times before they are copied from the log: 256 MB of it, and as much memory
        Db::Sqlite(conn) => conn.batch_execute(
            "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -256000; PRAGMA wal_autocheckpoint = 64000",
        ),
    }
}

/// Tells PostgreSQL's planner what is there now: its own look comes a minute later.
///
/// # Errors
/// What the database says.
pub fn finish(db: &mut Db) -> QueryResult<()> {
    match db {
        Db::Postgres(conn) => conn.batch_execute("ANALYZE calls, journal"),
        Db::Sqlite(_) => Ok(()),
    }
}

/// Writes what happened at one PBX, in the order of time; all its calls are new and end within it. Webhooks are not
/// told.
///
/// # Errors
/// What the database says; then nothing of it is written.
pub fn write(db: &mut Db, pbx_id: i64, deeds: &[Deed]) -> QueryResult<Written> {
    db.transaction(|db| {
        numbers::lock(db)?;
        let mut batch = Batch::with_capacity(deeds.len());
        let mut open = Open::default();
        for call in missed(db, pbx_id, deeds)? {
            open.add(&call, batch.touched.len());
            batch.touch_stored(call, 0);
        }
        let new_from = batch.touched.len();
        for deed in deeds {
            take_in(&mut batch, &mut open, deed);
        }
        match db {
            Db::Postgres(conn) => {
                batch_postgres::write(conn, &mut batch)?;
                write_ticks(conn, &batch)?;
            }
            Db::Sqlite(conn) => drop(batch_sqlite::write_within(conn, &mut batch)?),
        }
        let calls = batch.touched.len() - new_from;
        Ok(Written { calls: calls as u64, lines: batch.entries.len() as u64 })
    })
}

/// The calls that want a person, as positions in the batch.
#[derive(Default)]
struct Open {
    by_party: HashMap<String, Vec<usize>>,
    by_id: HashMap<String, usize>,
}

impl Open {
    fn add(&mut self, call: &Call, index: usize) {
        self.by_id.insert(call.call_id.clone(), index);
        if let Some(party) = call.party() {
            self.by_party.entry(party.to_owned()).or_default().push(index);
        }
    }
}

fn take_in<'a>(batch: &mut Batch<'a>, open: &mut Open, deed: &'a Deed) {
    match deed {
        Deed::Came(arrival) => {
            batch.add(arrival, |_| None);
            if let Some(index) = batch.about.last().copied().flatten()
                && batch.touched[index].call.open
            {
                open.add(&batch.touched[index].call, index);
            }
            for Reached { party, .. } in std::mem::take(&mut batch.reached) {
                for index in open.by_party.remove(&party).unwrap_or_default() {
                    tick(batch, index, "reached", "the caller was reached", REACHED, arrival.received_at);
                }
            }
        }
        Deed::Ticked { call_id, by, at } => {
            if let Some(index) = open.by_id.remove(call_id) {
                tick(batch, index, "done", by, by, *at);
            }
        }
    }
}

/// As `amend` does it. A call that began later, or that somebody ticked or unticked, stays as it is.
fn tick<'a>(batch: &mut Batch<'a>, index: usize, kind: &'a str, why: &'a str, by: &str, at: Moment) {
    let touched = &mut batch.touched[index];
    let call = &mut touched.call;
    if !call.open || call.done_by.is_some() || call.started_at > at {
        return;
    }
    call.tick(true, by, at);
    touched.last = Some(batch.entries.len());
    batch.about.push(Some(index));
    batch.entries.push(NewEntry::ours(0, call.pbx_id, None, at, kind, Some(why)));
}

/// The stored calls that want a person and may be reached by these deeds.
fn missed(db: &mut Db, pbx_id: i64, deeds: &[Deed]) -> QueryResult<Vec<Call>> {
    let mut parties: Vec<&str> = deeds.iter().filter_map(answered).flatten().map(Number::key).collect();
    parties.sort_unstable();
    parties.dedup();
    let rows: Vec<CallRow> = calls::table
        // bare, as in the index `calls_open_from`
        .filter(calls::open)
        .filter(calls::pbx_id.eq(pbx_id).and(calls::from_key.eq_any(parties)))
        .order(calls::id)
        .select(CallRow::as_select())
        .load(db)?;
    Ok(rows.into_iter().map(Call::from).collect())
}

/// Both ends of a call that is being answered.
fn answered(deed: &Deed) -> Option<impl Iterator<Item = &Number>> {
    let Deed::Came(arrival) = deed else { return None };
    let event = arrival.event().filter(|event| event.kind == Kind::Answer)?;
    Some([&event.from, &event.to].into_iter().flatten().filter(|number| !number.is_withheld()))
}

/// Who ticked and when: no event says so, so the statement for events does not write it.
fn write_ticks(conn: &mut PgConnection, batch: &Batch) -> QueryResult<usize> {
    let ticked = batch.changed().map(|it| &it.call);
    let ticked: Vec<(i64, &str, Moment)> =
        ticked.filter_map(|call| Some((call.id, call.done_by.as_deref()?, call.done_at?))).collect();
    diesel::sql_query(
        "UPDATE calls SET done_by = t.done_by, done_at = t.done_at \
         FROM unnest($1, $2, $3) AS t (id, done_by, done_at) WHERE calls.id = t.id",
    )
    .bind::<Array<BigInt>, _>(ticked.iter().map(|it| it.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(ticked.iter().map(|it| it.1).collect::<Vec<_>>())
    .bind::<Array<Timestamp>, _>(ticked.iter().map(|it| it.2).collect::<Vec<_>>())
    .execute(conn)
}
