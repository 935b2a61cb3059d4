//! What the database knows of spools: how far it has each of them, which of their events it has already, and whether it
//! takes anything at all.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};

use super::arrival::Arrival;
use super::journal::Verdict;
use super::schema::journal;
use super::{Db, settings};
use crate::call::Moment;
use crate::secret::random_bytes;

/// The number of the last event of that spool that the database has; 0 for none.
///
/// # Errors
/// What the database says.
pub fn position(db: &mut Db, spool: &str) -> QueryResult<u64> {
    let known = settings::get(db, &name(spool))?;
    known.map_or(Ok(0), |text| text.parse().map_err(|e| Error::DeserializationError(Box::new(e))))
}

/// It has it up to that event: said in the transaction that writes the event, so that each is written once.
pub(super) fn advance(db: &mut Db, spool: &str, number: u64) -> QueryResult<()> {
    settings::set(db, &name(spool), &number.to_string())
}

/// It has all of it, and the spool is no more.
pub(super) fn forget(db: &mut Db, spool: &str) -> QueryResult<()> {
    settings::forget(db, &name(spool))
}

fn name(spool: &str) -> String {
    format!("spool:{spool}")
}

/// Requests in the journal that may be those that are looked for.
pub(super) struct Standing(Vec<Row>);

#[derive(Queryable, Selectable)]
#[diesel(table_name = journal)]
struct Row {
    pbx_id: i64,
    received_at: Moment,
    address: Option<String>,
    query: Option<String>,
    body: Option<String>,
    result: Verdict,
}

impl Standing {
    /// Reads what was written of the PBXes of these arrivals at their times, each after the change beside it.
    pub fn read(db: &mut Db, arrivals: &[(&Arrival, i64)]) -> QueryResult<Self> {
        let times = || arrivals.iter().map(|(arrival, _)| arrival.received_at);
        let (Some(first), Some(last), Some(after)) =
            (times().min(), times().max(), arrivals.iter().map(|(_, after)| *after).min())
        else {
            return Ok(Self(Vec::new()));
        };
        let mut pbxes: Vec<i64> = arrivals.iter().map(|(arrival, _)| arrival.pbx.id).collect();
        pbxes.sort_unstable();
        pbxes.dedup();
        let rows = journal::table
            .filter(journal::pbx_id.eq_any(pbxes).and(journal::change.gt(after)))
            .filter(journal::received_at.between(first, last))
            .select(Row::as_select())
            .load(db)?;
        Ok(Self(rows))
    }

    /// What came of this arrival, where it is there. Each row answers for one.
    pub fn take(&mut self, arrival: &Arrival) -> Option<Verdict> {
        let same = |row: &Row| {
            row.pbx_id == arrival.pbx.id
                && row.received_at == arrival.received_at
                && row.address.as_ref() == Some(&arrival.address)
                && row.query == arrival.query
                && row.body.as_ref() == Some(&arrival.body)
        };
        let found = self.0.iter().position(same);
        found.map(|index| self.0.swap_remove(index).result)
    }
}

/// Tries whether the database takes what needs room on its disk.
pub(super) fn try_to_write(db: &mut Db) -> QueryResult<()> {
    const PROBE: &str = "write_probe";
    // by chance, so that nothing can press it together; two transactions, since SQLite writes nothing of what is undone
    let text: String =
        (0..4096).flat_map(|_| random_bytes::<16>()).map(|byte| format!("{byte:02x}")).collect();
    settings::set(db, PROBE, &text)?;
    settings::forget(db, PROBE)
}

/// Is it about the database's state, as far as the error itself tells, and not about what it was asked?
pub fn is_away(e: &Error) -> bool {
    // libpq says the same words in other languages, where the server was made so: then `try_to_write` has to tell
    const SHORTAGES: [&str; 12] = [
        "space",
        "disk",
        "is full",
        "extend",
        "lock",
        "memory",
        "read-only",
        "readonly",
        "cancel",
        "could not",
        "connection",
        "i/o",
    ];
    match e {
        Error::DatabaseError(DatabaseErrorKind::Unknown, told) => {
            let told = told.message().to_lowercase();
            SHORTAGES.iter().any(|word| told.contains(word))
        }
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::UnableToSendCommand,
            _,
        )
        | Error::BrokenTransactionManager => true,
        _ => false,
    }
}
