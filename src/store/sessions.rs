//! Browsers that are signed in, and links that sign one in.

use diesel::prelude::*;

use super::Db;
use super::schema::{sessions, sign_in_links};
use crate::call::Moment;
use crate::secret::Hash;

/// The most sessions of one key; a further one ends the oldest.
const MOST: i64 = 50;

/// A browser that is signed in.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct SessionRow {
    /// Its number.
    pub id: i64,
    /// As whom.
    pub key_id: i64,
    /// SHA-256 of what the cookie holds.
    pub token_hash: Vec<u8>,
    /// The browser, as it calls itself.
    pub device: String,
    /// Whence it signed in.
    pub address: String,
    /// When it signed in.
    pub created_at: Moment,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Moment>,
    /// From then on it must sign in again.
    pub expires_at: Moment,
}

/// A browser that signs in.
#[derive(Debug, Insertable)]
#[diesel(table_name = sessions)]
#[expect(missing_docs, reason = "each field is documented at `SessionRow`")]
pub struct NewSession {
    pub key_id: i64,
    pub token_hash: Vec<u8>,
    pub device: String,
    pub address: String,
    pub created_at: Moment,
    pub expires_at: Moment,
}

/// All that have not expired, oldest first.
///
/// # Errors
/// What the database says.
pub fn good(db: &mut Db, now: Moment) -> QueryResult<Vec<SessionRow>> {
    let good = sessions::table.filter(sessions::expires_at.gt(now));
    good.order(sessions::id).select(SessionRow::as_select()).load(db)
}

/// A key's sessions that have not expired, newest first.
///
/// # Errors
/// What the database says.
pub fn of_key(db: &mut Db, key_id: i64, now: Moment) -> QueryResult<Vec<SessionRow>> {
    let mine = sessions::table.filter(sessions::key_id.eq(key_id).and(sessions::expires_at.gt(now)));
    mine.order(sessions::id.desc()).select(SessionRow::as_select()).load(db)
}

/// Signs one in.
///
/// # Errors
/// What the database says.
pub fn insert(db: &mut Db, new: &NewSession) -> QueryResult<()> {
    diesel::insert_into(sessions::table).values(new).execute(db)?;
    let mine = sessions::table.filter(sessions::key_id.eq(new.key_id));
    let oldest_kept = mine.order(sessions::id.desc()).offset(MOST - 1).select(sessions::id);
    if let Some(oldest) = oldest_kept.first::<i64>(db).optional()? {
        let older = sessions::table.filter(sessions::key_id.eq(new.key_id).and(sessions::id.lt(oldest)));
        diesel::delete(older).execute(db)?;
    }
    Ok(())
}

/// Ends one of a key's sessions. Whether it was there.
///
/// # Errors
/// What the database says.
pub fn end(db: &mut Db, key_id: i64, id: i64) -> QueryResult<bool> {
    let mine = sessions::table.filter(sessions::id.eq(id).and(sessions::key_id.eq(key_id)));
    Ok(diesel::delete(mine).execute(db)? > 0)
}

/// Notes that one was used.
///
/// # Errors
/// What the database says.
pub fn used(db: &mut Db, id: i64, now: Moment) -> QueryResult<()> {
    diesel::update(sessions::table.find(id)).set(sessions::last_used_at.eq(Some(now))).execute(db).map(drop)
}

/// Deletes sessions and links whose time is over.
///
/// # Errors
/// What the database says.
pub fn delete_expired(db: &mut Db, now: Moment) -> QueryResult<()> {
    diesel::delete(sessions::table.filter(sessions::expires_at.le(now))).execute(db)?;
    diesel::delete(sign_in_links::table.filter(sign_in_links::expires_at.le(now))).execute(db).map(drop)
}

/// Makes a link that signs in as that key, once, until then.
///
/// # Errors
/// What the database says.
pub fn insert_link(db: &mut Db, key_id: i64, token: &Hash, expires_at: Moment) -> QueryResult<()> {
    diesel::insert_into(sign_in_links::table)
        .values((
            sign_in_links::key_id.eq(key_id),
            sign_in_links::token_hash.eq(&token.0[..]),
            sign_in_links::expires_at.eq(expires_at),
        ))
        .execute(db)
        .map(drop)
}

/// Uses a link up: as which key it signs in; `None` where it was used before, or its time is over.
///
/// # Errors
/// What the database says.
pub fn take_link(db: &mut Db, token: &Hash, now: Moment) -> QueryResult<Option<i64>> {
    let same = sign_in_links::token_hash.eq(token.0.to_vec()).and(sign_in_links::expires_at.gt(now));
    let link = sign_in_links::table.filter(same).select((sign_in_links::id, sign_in_links::key_id));
    let Some((id, key_id)) = link.first::<(i64, i64)>(db).optional()? else { return Ok(None) };
    // of two who come at once, one deletes it
    let taken = diesel::delete(sign_in_links::table.find(id)).execute(db)? == 1;
    Ok(taken.then_some(key_id))
}
