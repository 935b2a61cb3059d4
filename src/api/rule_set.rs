//! All rules as one document, and what they would say.

use actix_web::web::{Data, Json};
use actix_web::{get, post, put};
use utoipa_actix_web::service_config::ServiceConfig;

use super::auth::Caller;
use super::body::Sent;
use super::openapi::{ReadRefusals, WriteRefusals};
use crate::app::App;
use crate::error::Result;
use crate::rulebook::{Check, Checked, RuleEntry, Rulebook};
use crate::store::keys::Role;
use crate::store::rule_set::Replaced;
use crate::store::{Db, rules as rows};
use crate::{clock, housekeeping};

/// The whole set, as it can be put back. A key limited to some PBXes gets their rules and those for all.
#[utoipa::path(tag = "rules", responses((status = 200, body = Rulebook), ReadRefusals))]
#[get("/rules")]
pub async fn read(app: Data<App>, caller: Caller) -> Result<Json<Rulebook>> {
    housekeeping::write_hits(&app).await;
    let visible = move |pbx: Option<i64>| pbx.is_none_or(|id| caller.0.sees(id));
    Ok(Json(app.store.query(move |db| Rulebook::read(db, visible)).await?))
}

/// Puts a whole set in the place of the one that there is, all or nothing. A rule that comes with the id and the
/// pattern of one that is there stays that one, with its hits; all others are new.
#[utoipa::path(tag = "rules", request_body = Rulebook, responses((status = 200, body = Replaced), WriteRefusals))]
#[put("/rules")]
pub async fn replace(app: Data<App>, caller: Caller, Sent(set): Sent<Rulebook>) -> Result<Json<Replaced>> {
    Ok(Json(put(&app, &caller, set).await?))
}

/// Puts a whole set in the place of the one that there is.
///
/// # Errors
/// What is wrong with it, rule by rule, or that the caller may not.
pub async fn put(app: &Data<App>, caller: &Caller, set: Rulebook) -> Result<Replaced> {
    caller.at_least(Role::Manager)?;
    caller.touches(None, "rule")?;
    housekeeping::write_hits(app).await;
    let this = app.clone();
    let set = app.store.query(move |db| set.check(db, &this.config.numbering)).await?;
    App::change(app, move |db| Ok(set.put(db, clock::now())?)).await
}

/// What would be answered to a call, by which rule, and why. Nothing is counted or kept.
#[utoipa::path(tag = "rules", request_body = Check, responses((status = 200, body = Checked), WriteRefusals))]
#[post("/rules/check")]
pub async fn check(app: Data<App>, caller: Caller, Sent(call): Sent<Check>) -> Result<Json<Checked>> {
    Ok(Json(ask(&app, &caller, &call).await?))
}

/// What would be answered.
///
/// # Errors
/// What is wrong with the call.
pub async fn ask(app: &Data<App>, caller: &Caller, call: &Check) -> Result<Checked> {
    let visible = |pbx| caller.0.sees(pbx);
    let mut checked = call.ask(&app.snapshot(), &app.config.numbering, clock::now(), visible)?;
    if let Some(rule) = checked.rule.take() {
        housekeeping::write_hits(app).await;
        checked.rule = app.store.query(move |db| counted(db, rule)).await?;
    }
    Ok(checked)
}

/// The rule with its hits as of now: what is held in memory knows only those of its reading.
fn counted(db: &mut Db, rule: RuleEntry) -> diesel::QueryResult<Option<RuleEntry>> {
    use diesel::OptionalExtension;
    Ok(match &rule {
        RuleEntry::Block(held) => {
            let now = rows::block_rule(db, held.id.unwrap_or(0)).optional()?;
            now.map(|rule| RuleEntry::Block(rule.into()))
        }
        RuleEntry::CallerId(held) => {
            let now = rows::caller_id_rule(db, held.id.unwrap_or(0)).optional()?;
            now.map(|rule| RuleEntry::CallerId(rule.into()))
        }
    }
    .or(Some(rule))) // deleted since: as it was when it was asked
}

/// All of them.
pub fn routes(config: &mut ServiceConfig) {
    config.service(check).service(read).service(replace);
}
