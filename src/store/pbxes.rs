//! PBXes as rows.

use diesel::prelude::*;

use super::Db;
use super::schema::{agents, pbxes};
use crate::call::Moment;
use crate::error::Error;
use crate::secret::Hash;

/// A PBX as the table holds it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = pbxes)]
pub struct PbxRow {
    /// Its number.
    pub id: i64,
    /// For people.
    pub name: String,
    /// Of `dialect::ALL`.
    pub dialect: String,
    /// ISO 3166 alpha-2.
    pub region: String,
    /// What only its dialect knows: a JSON object.
    pub options: String,
    /// CIDRs: a JSON list; empty for anywhere.
    pub allowed_addresses: String,
    /// Switched off?
    pub enabled: bool,
    /// SHA-256.
    pub token_hash: Vec<u8>,
    /// Of the token before the last rotation.
    pub old_token_hash: Option<Vec<u8>>,
    /// Until when that is good.
    pub old_token_until: Option<Moment>,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

/// What a new PBX needs.
#[derive(Debug, Clone)]
pub struct NewPbx {
    /// For people.
    pub name: String,
    /// Of `dialect::ALL`.
    pub dialect: String,
    /// ISO 3166 alpha-2.
    pub region: String,
    /// A JSON object.
    pub options: String,
    /// A JSON list of CIDRs.
    pub allowed_addresses: String,
    /// Of its token.
    pub token_hash: Hash,
}

/// What may be changed; `None` stays as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = pbxes)]
pub struct PbxChange {
    /// For people.
    pub name: Option<String>,
    /// ISO 3166 alpha-2.
    pub region: Option<String>,
    /// A JSON object.
    pub options: Option<String>,
    /// A JSON list of CIDRs.
    pub allowed_addresses: Option<String>,
    /// Switched on?
    pub enabled: Option<bool>,
    /// When.
    pub updated_at: Option<Moment>,
}

/// All of them, oldest first.
///
/// # Errors
/// What the database says.
pub fn all(db: &mut Db) -> QueryResult<Vec<PbxRow>> {
    pbxes::table.order(pbxes::id).select(PbxRow::as_select()).load(db)
}

/// Those of `ids`, behind `after`, oldest first.
///
/// # Errors
/// What the database says.
pub fn page(db: &mut Db, ids: Option<&[i64]>, after: Option<i64>, limit: i64) -> QueryResult<Vec<PbxRow>> {
    let mut query = pbxes::table.order(pbxes::id).limit(limit).select(PbxRow::as_select()).into_boxed();
    if let Some(after) = after {
        query = query.filter(pbxes::id.gt(after));
    }
    if let Some(ids) = ids {
        query = query.filter(pbxes::id.eq_any(ids));
    }
    query.load(db)
}

/// One.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn get(db: &mut Db, id: i64) -> QueryResult<PbxRow> {
    pbxes::table.find(id).select(PbxRow::as_select()).first(db)
}

/// Makes one.
///
/// # Errors
/// What the database says.
pub fn insert(db: &mut Db, new: &NewPbx, now: Moment) -> QueryResult<PbxRow> {
    let id: i64 = diesel::insert_into(pbxes::table)
        .values((
            pbxes::name.eq(&new.name),
            pbxes::dialect.eq(&new.dialect),
            pbxes::region.eq(&new.region),
            pbxes::options.eq(&new.options),
            pbxes::allowed_addresses.eq(&new.allowed_addresses),
            pbxes::enabled.eq(true),
            pbxes::token_hash.eq(&new.token_hash.0[..]),
            pbxes::created_at.eq(now),
            pbxes::updated_at.eq(now),
        ))
        .returning(pbxes::id)
        .get_result(db)?;
    get(db, id)
}

/// Changes one.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn update(db: &mut Db, id: i64, change: &PbxChange) -> QueryResult<PbxRow> {
    let changed = diesel::update(pbxes::table.find(id)).set(change).execute(db)?;
    if changed == 0 {
        return Err(diesel::NotFound);
    }
    get(db, id)
}

/// Gives it a new token; the one it had stays good until `old_until`.
///
/// # Errors
/// `NotFound`; `Conflict` while one of before is still good, which the PBX may be using: there are never three; or what
/// the database says.
pub fn rotate(db: &mut Db, id: i64, token: &Hash, old_until: Moment, now: Moment) -> Result<PbxRow, Error> {
    let old = get(db, id).optional()?.ok_or(Error::NotFound("PBX"))?;
    if let Some(until) = old.old_token_until.filter(|until| *until > now && old_until > now) {
        let until = until.format("%Y-%m-%d %H:%M");
        return Err(Error::Conflict(format!(
            "an older URL stays good until {until} UTC, and the PBX may be using it: change the URL after that, or with a \
             grace of 0, which ends both older ones at once"
        )));
    }
    diesel::update(pbxes::table.find(id))
        .set((
            pbxes::token_hash.eq(&token.0[..]),
            pbxes::old_token_hash.eq(Some(old.token_hash)),
            pbxes::old_token_until.eq(Some(old_until)),
            pbxes::updated_at.eq(now),
        ))
        .execute(db)?;
    Ok(get(db, id)?)
}

/// Deletes one, with its agents. Its calls and its journal stay.
///
/// # Errors
/// `NotFound`, or what the database says.
pub fn delete(db: &mut Db, id: i64) -> QueryResult<()> {
    diesel::delete(agents::table.filter(agents::pbx_id.eq(id))).execute(db)?;
    match diesel::delete(pbxes::table.find(id)).execute(db)? {
        0 => Err(diesel::NotFound),
        _ => Ok(()),
    }
}
