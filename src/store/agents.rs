//! Who works at a PBX, as rows: agents who signed in or out, extensions whose status changed.

use diesel::prelude::*;

use super::Db;
use super::schema::agents;
use crate::call::Moment;
use crate::dialect::Presence;

/// An agent as the table holds it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = agents)]
pub struct AgentRow {
    /// At which PBX.
    pub pbx_id: i64,
    /// The agent's or the extension's id there.
    pub agent: String,
    /// Where the agent works.
    pub extension: Option<String>,
    /// What the PBX called the event.
    pub kind: String,
    /// In the PBX's word.
    pub status: String,
    /// Since when.
    pub since: Moment,
}

/// Takes down what a PBX says of an agent; the newest word counts. For the writer's transaction.
pub(super) fn put(db: &mut Db, pbx_id: i64, said: &Presence) -> QueryResult<()> {
    let one = agents::table.find((pbx_id, &said.agent));
    let known =
        one.select((agents::since, agents::extension)).first::<(Moment, Option<String>)>(db).optional()?;
    let values = |extension| {
        let word = (agents::kind.eq(&said.kind), agents::status.eq(&said.status), agents::since.eq(said.at));
        (agents::extension.eq(extension), word)
    };
    match known {
        Some((since, _)) if since > said.at => return Ok(()),
        Some((_, extension)) => {
            diesel::update(one).set(values(said.extension.clone().or(extension))).execute(db)?
        }
        None => {
            let key = (agents::pbx_id.eq(pbx_id), agents::agent.eq(&said.agent));
            diesel::insert_into(agents::table).values((key, values(said.extension.clone()))).execute(db)?
        }
    };
    Ok(())
}

/// Those behind `after`, by PBX and agent. `visible`: the only PBXes that the reader may see.
///
/// # Errors
/// What the database says.
pub fn page(
    db: &mut Db,
    visible: Option<&[i64]>,
    after: Option<&(i64, String)>,
    limit: i64,
) -> QueryResult<Vec<AgentRow>> {
    let mut rows = agents::table.select(AgentRow::as_select()).into_boxed();
    if let Some(ids) = visible {
        rows = rows.filter(agents::pbx_id.eq_any(ids.to_vec()));
    }
    if let Some((pbx_id, agent)) = after {
        let same = agents::pbx_id.eq(*pbx_id).and(agents::agent.gt(agent.clone()));
        rows = rows.filter(agents::pbx_id.gt(*pbx_id).or(same));
    }
    rows.order((agents::pbx_id, agents::agent)).limit(limit).load(db)
}
