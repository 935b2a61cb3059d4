//! Small things that all nodes share, and the version of what they hold in memory.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::schema::settings;
use super::{Db, on_each};

const CONFIG_VERSION: &str = "config_version";

/// The channel on which PostgreSQL tells other nodes to look again.
pub const CHANNEL: &str = "hookswitch_config";

/// Grows with each change of PBXes, rules or keys.
///
/// # Errors
/// What the database says.
pub fn config_version(db: &mut Db) -> QueryResult<i64> {
    let text: String = settings::table.find(CONFIG_VERSION).select(settings::value).first(db)?;
    text.parse().map_err(|e| diesel::result::Error::DeserializationError(Box::new(e)))
}

/// Does `f` in one transaction and tells every node that what it holds in memory has changed.
///
/// # Errors
/// What `f` or the database says; then nothing changed.
pub fn change<T, E: From<diesel::result::Error>>(
    db: &mut Db,
    f: impl FnOnce(&mut Db) -> Result<T, E>,
) -> Result<T, E> {
    db.transaction(|db| {
        // a write first: SQLite then takes its lock at once
        diesel::update(settings::table.find(CONFIG_VERSION))
            .set(settings::name.eq(CONFIG_VERSION))
            .execute(db)?;
        let version = config_version(db)?;
        diesel::update(settings::table.find(CONFIG_VERSION))
            .set(settings::value.eq((version + 1).to_string()))
            .execute(db)?;
        let answer = f(db)?;
        if let Db::Postgres(conn) = db {
            conn.batch_execute(&format!("NOTIFY {CHANNEL}"))?;
        }
        Ok(answer)
    })
}

/// A setting; `None` where it was never made.
///
/// # Errors
/// What the database says.
pub fn get(db: &mut Db, name: &str) -> QueryResult<Option<String>> {
    settings::table.find(name).select(settings::value).first(db).optional()
}

/// Takes a setting away.
///
/// # Errors
/// What the database says.
pub fn forget(db: &mut Db, name: &str) -> QueryResult<()> {
    diesel::delete(settings::table.find(name)).execute(db).map(drop)
}

/// Makes a setting, or changes it.
///
/// # Errors
/// What the database says.
pub fn set(db: &mut Db, name: &str, value: &str) -> QueryResult<()> {
    let row = (settings::name.eq(name), settings::value.eq(value));
    on_each!(db, |conn| diesel::insert_into(settings::table)
        .values(row)
        .on_conflict(settings::name)
        .do_update()
        .set(settings::value.eq(value))
        .execute(conn))
    .map(drop)
}
