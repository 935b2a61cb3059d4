//! One rule of either list: its page, and what one does to it.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path};
use askama::Template;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::call_row::Show;
use super::did::Did;
use super::fields::Fields;
use super::frame::{Frame, Visit, html};
use super::rules::{blank_block, blank_caller_id, to_rules};
use super::zone::Zone;
use crate::api::block_rules::{self, BlockRuleChange};
use crate::api::caller_id_rules::{self, CallerIdRuleChange};
use crate::app::App;
use crate::error::{Error, Result};
use crate::rulebook::{BlockEntry, CallerIdEntry};
use crate::store::keys::Role;

#[derive(Template)]
#[template(path = "block_rule.html")]
struct Block {
    frame: Frame,
    pbxes: BTreeMap<i64, String>,
    rule: BlockEntry,
    until_day: String,
}

#[derive(Template)]
#[template(path = "caller_id_rule.html")]
struct CallerId {
    frame: Frame,
    pbxes: BTreeMap<i64, String>,
    rule: CallerIdEntry,
}

async fn block(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    visit.caller.at_least(Role::Manager)?;
    let rule = block_rules::one(&app, &visit.caller, *id).await?;
    let pbxes = Show::to(&app, &visit).pbxes;
    let until_day = rule.expires_at.map(|at| last_day(visit.frame.zone, at)).unwrap_or_default();
    html(&Block { frame: visit.frame, pbxes, rule, until_day })
}

/// The last day on which a rule does something that expires then.
fn last_day(zone: Zone, expires_at: DateTime<Utc>) -> String {
    zone.iso(&(expires_at - TimeDelta::milliseconds(1))).chars().take(10).collect()
}

fn expires_at(fields: &Fields, zone: Zone) -> Result<Option<DateTime<Utc>>> {
    let day: Option<NaiveDate> = fields.read("until_day")?;
    day.map(|day| {
        day.checked_add_days(Days::new(1)).ok_or_else(|| Error::field("until_day", "is too far off"))
    })
    .transpose()
    .map(|end| end.map(|day| zone.begin_of(day)))
}

async fn add_block(app: Data<App>, visit: Visit, fields: Fields) -> Result<HttpResponse> {
    let rule = BlockEntry {
        pattern: fields.text("pattern"),
        action: fields.need("action")?,
        reason: fields.need("reason")?,
        pbx_id: fields.read("pbx_id")?,
        to: fields.filled("to"),
        expires_at: expires_at(&fields, visit.frame.zone)?,
        note: fields.filled("note"),
        ..blank_block()
    };
    block_rules::add(&app, visit.caller.clone(), rule).await?;
    Ok(to_rules(&visit, Did::Saved))
}

async fn change_block(app: Data<App>, visit: Visit, id: Path<i64>, fields: Fields) -> Result<HttpResponse> {
    let zone = visit.frame.zone;
    let old = block_rules::one(&app, &visit.caller, *id).await?.expires_at;
    // a time within the day, as the API can give it, stays unless another day was chosen
    let same_day = old.map(|at| last_day(zone, at)) == fields.filled("until_day");
    let to = BlockRuleChange {
        pattern: Some(fields.text("pattern")),
        action: fields.read("action")?,
        reason: fields.read("reason")?,
        pbx_id: Some(fields.read("pbx_id")?),
        to: Some(fields.filled("to")),
        expires_at: if same_day { None } else { Some(expires_at(&fields, zone)?) },
        note: Some(fields.filled("note")),
    };
    block_rules::changed(&app, visit.caller.clone(), *id, to).await?;
    Ok(to_rules(&visit, Did::Saved))
}

async fn delete_block(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    block_rules::end(&app, visit.caller.clone(), *id).await?;
    Ok(to_rules(&visit, Did::Deleted))
}

async fn caller_id(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    visit.caller.at_least(Role::Manager)?;
    let rule = caller_id_rules::one(&app, &visit.caller, *id).await?;
    let pbxes = Show::to(&app, &visit).pbxes;
    html(&CallerId { frame: visit.frame, pbxes, rule })
}

async fn add_caller_id(app: Data<App>, visit: Visit, fields: Fields) -> Result<HttpResponse> {
    let rule = CallerIdEntry {
        destination: fields.text("destination"),
        caller_id: fields.text("caller_id"),
        from: fields.filled("from"),
        pbx_id: fields.read("pbx_id")?,
        note: fields.filled("note"),
        ..blank_caller_id()
    };
    caller_id_rules::add(&app, visit.caller.clone(), rule).await?;
    Ok(to_rules(&visit, Did::Saved))
}

async fn change_caller_id(
    app: Data<App>,
    visit: Visit,
    id: Path<i64>,
    fields: Fields,
) -> Result<HttpResponse> {
    let to = CallerIdRuleChange {
        position: None,
        destination: Some(fields.text("destination")),
        caller_id: Some(fields.text("caller_id")),
        from: Some(fields.filled("from")),
        pbx_id: Some(fields.read("pbx_id")?),
        note: Some(fields.filled("note")),
    };
    caller_id_rules::changed(&app, visit.caller.clone(), *id, to).await?;
    Ok(to_rules(&visit, Did::Saved))
}

/// Puts a rule at another place; what stands there moves back.
async fn place(app: Data<App>, visit: Visit, id: Path<i64>, fields: Fields) -> Result<HttpResponse> {
    let to = CallerIdRuleChange { position: Some(fields.need("position")?), ..CallerIdRuleChange::default() };
    caller_id_rules::changed(&app, visit.caller.clone(), *id, to).await?;
    Ok(Did::Saved.then(&visit, "/rules#caller-ids"))
}

async fn delete_caller_id(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    caller_id_rules::end(&app, visit.caller.clone(), *id).await?;
    Ok(to_rules(&visit, Did::Deleted))
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/rules/block", web::post().to(add_block))
        .route("/rules/block/{id}", web::get().to(block))
        .route("/rules/block/{id}", web::post().to(change_block))
        .route("/rules/block/{id}/delete", web::post().to(delete_block))
        .route("/rules/caller-ids", web::post().to(add_caller_id))
        .route("/rules/caller-ids/{id}", web::get().to(caller_id))
        .route("/rules/caller-ids/{id}", web::post().to(change_caller_id))
        .route("/rules/caller-ids/{id}/place", web::post().to(place))
        .route("/rules/caller-ids/{id}/delete", web::post().to(delete_caller_id));
}
