//! Who works at the PBXes, as far as they say.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::auth::Caller;
use super::openapi::ReadRefusals;
use super::page::{Page, Paging};
use super::query::Parameters;
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::Db;
use crate::store::agents::{self as rows, AgentRow};

/// An agent, or an extension whose status the PBX tells.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Agent)]
pub struct AgentView {
    /// At which PBX.
    pub pbx_id: i64,
    /// The agent's id there; `extension` and its id for an extension's own status.
    pub agent: String,
    /// Where the agent works.
    pub extension: Option<String>,
    /// The PBX's word for the latest event, such as `agent-login`.
    pub event: String,
    /// The PBX's word for how it stands, such as `available`.
    pub status: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl From<AgentRow> for AgentView {
    fn from(row: AgentRow) -> Self {
        Self {
            pbx_id: row.pbx_id,
            agent: row.agent,
            extension: row.extension,
            event: row.kind,
            status: row.status,
            since: row.since.and_utc(),
        }
    }
}

/// Agents and extensions with their latest status, by PBX and id. Only some PBXes tell (Telphin).
#[utoipa::path(tag = "calls", params(Paging), responses((status = 200, body = Page<AgentView>), ReadRefusals))]
#[get("/agents")]
pub async fn list(
    app: Data<App>,
    caller: Caller,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Page<AgentView>>> {
    let (limit, after) = paging.read::<(i64, String)>()?;
    if after.as_ref().is_some_and(|(_, agent)| agent.contains('\0')) {
        return Err(Error::field("cursor", "send the `next` of the page before"));
    }
    let page = move |db: &mut Db| rows::page(db, caller.0.pbx_ids.as_deref(), after.as_ref(), limit + 1);
    let key = |row: &AgentRow| (row.pbx_id, row.agent.clone());
    Ok(Json(Page::of(app.store.query(page).await?, limit, key, AgentView::from)))
}
