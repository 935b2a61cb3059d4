//! Two databases behind one enum.
#![allow(missing_docs, reason = "the derive makes public items of its own")]

use diesel::{PgConnection, SqliteConnection};

/// A connection to whichever database was chosen.
#[derive(diesel::MultiConnection)]
pub enum Db {
    /// Production.
    Postgres(PgConnection),
    /// The default, in a file of ours.
    Sqlite(SqliteConnection),
}
