//! API keys as rows.

use diesel::prelude::*;

use super::Db;
use super::schema::keys;
use crate::call::Moment;
use crate::secret::Hash;
use crate::words::words;

words! {
    /// What a key may do: each role may do what the ones before it may.
    Role {
        /// Sees the caller log, ticks, writes notes.
        Agent = "agent",
        /// Also steers: rules, contacts, figures.
        Manager = "manager",
        /// Also sets up: PBXes, keys, the journal.
        Admin = "admin",
    }
}

/// A key as the table holds it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = keys)]
pub struct KeyRow {
    /// Its number.
    pub id: i64,
    /// Whose it is, or for what.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// SHA-256.
    pub key_hash: Vec<u8>,
    /// The only PBXes that it sees: a JSON list. `None` for all.
    pub pbx_ids: Option<String>,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Moment>,
    /// When it stopped being good.
    pub revoked_at: Option<Moment>,
}

/// All of them, oldest first.
///
/// # Errors
/// What the database says.
pub fn all(db: &mut Db) -> QueryResult<Vec<KeyRow>> {
    keys::table.order(keys::id).select(KeyRow::as_select()).load(db)
}

/// One.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn get(db: &mut Db, id: i64) -> QueryResult<KeyRow> {
    keys::table.find(id).select(KeyRow::as_select()).first(db)
}

/// Makes one.
///
/// # Errors
/// What the database says.
pub fn insert(
    db: &mut Db,
    name: &str,
    role: Role,
    hash: &Hash,
    pbx_ids: Option<&str>,
    now: Moment,
) -> QueryResult<KeyRow> {
    let id: i64 = diesel::insert_into(keys::table)
        .values((
            keys::name.eq(name),
            keys::role.eq(role),
            keys::key_hash.eq(&hash.0[..]),
            keys::pbx_ids.eq(pbx_ids),
            keys::created_at.eq(now),
        ))
        .returning(keys::id)
        .get_result(db)?;
    get(db, id)
}

/// Is it the only admin key that is good, and for all PBXes? Then it must stay.
///
/// # Errors
/// What the database says.
pub fn is_last_admin(db: &mut Db, id: i64) -> QueryResult<bool> {
    let good = keys::role.eq(Role::Admin).and(keys::revoked_at.is_null()).and(keys::pbx_ids.is_null());
    let ids: Vec<i64> = keys::table.filter(good).select(keys::id).limit(2).load(db)?;
    Ok(ids == [id])
}

/// Ends one. A second time changes nothing.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn revoke(db: &mut Db, id: i64, now: Moment) -> QueryResult<KeyRow> {
    diesel::update(keys::table.filter(keys::id.eq(id).and(keys::revoked_at.is_null())))
        .set(keys::revoked_at.eq(Some(now)))
        .execute(db)?;
    get(db, id)
}

/// Notes that a key was used.
///
/// # Errors
/// What the database says.
pub fn used(db: &mut Db, id: i64, now: Moment) -> QueryResult<()> {
    diesel::update(keys::table.find(id)).set(keys::last_used_at.eq(Some(now))).execute(db).map(drop)
}
