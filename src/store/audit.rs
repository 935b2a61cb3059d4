//! Who deleted what, and when. It never says whose number it was.

use diesel::prelude::*;

use super::Db;
use super::schema::audit_log;
use crate::call::Moment;

/// A line of it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_log)]
pub struct Line {
    /// When.
    pub at: Moment,
    /// The key's name, or `retention` where nobody asked.
    pub who: String,
    /// What was done.
    pub action: String,
    /// More of it.
    pub detail: String,
    /// How many rows.
    pub affected: i64,
}

/// Adds a line.
///
/// # Errors
/// What the database says.
pub fn add(db: &mut Db, who: &str, action: &str, detail: &str, affected: i64, at: Moment) -> QueryResult<()> {
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::at.eq(at),
            audit_log::who.eq(who),
            audit_log::action.eq(action),
            audit_log::detail.eq(detail),
            audit_log::affected.eq(affected),
        ))
        .execute(db)
        .map(drop)
}

/// The newest lines.
///
/// # Errors
/// What the database says.
pub fn newest(db: &mut Db, limit: i64) -> QueryResult<Vec<Line>> {
    audit_log::table.order(audit_log::id.desc()).limit(limit).select(Line::as_select()).load(db)
}
