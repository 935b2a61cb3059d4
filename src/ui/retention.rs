//! The page of what is kept: for how long, and erasing one number. Both show first how much they concern.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Query};
use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::did::Did;
use super::fields::Fields;
use super::frame::{Frame, Visit, html};
use super::said::said;
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::number::Number;
use crate::retention::{self, LONGEST, Policy};
use crate::store::audit::{self, Line};
use crate::store::erase::Found;
use crate::store::keys::Role;
use crate::store::retention::How;

/// So many lines of the audit log are shown.
const LINES: i64 = 100;

#[derive(Template)]
#[template(path = "retention.html")]
struct Page {
    frame: Frame,
    policy: Option<Policy>,
    /// What is thought of, and how many calls it concerns now.
    thought: Option<(Policy, i64)>,
    log: Vec<(DateTime<Utc>, Line)>,
}

#[derive(Template)]
#[template(path = "erase.html")]
struct ErasePage {
    frame: Frame,
    number: String,
    found: Found,
}

#[derive(Deserialize)]
struct Asked {
    days: Option<i64>,
    how: Option<How>,
}

/// Admins of all PBXes.
fn admits(visit: &Visit) -> Result<()> {
    visit.caller.at_least(Role::Admin)?;
    visit.caller.touches(None, "page")
}

async fn show(app: Data<App>, visit: Visit, asked: Query<Asked>) -> Result<HttpResponse> {
    admits(&visit)?;
    let thought = match (asked.days, asked.how) {
        (Some(days), Some(how)) => {
            let policy = Policy { how, days: within(days)? };
            Some((policy, retention::count(&app, policy, clock::now()).await?))
        }
        _ => None,
    };
    let log = app.store.query(|db| audit::newest(db, LINES)).await?;
    let log = log.into_iter().map(|line| (line.at.and_utc(), line)).collect();
    html(&Page { policy: retention::policy(&app).await?, frame: visit.frame, thought, log })
}

fn within(days: i64) -> Result<i64> {
    let right = (1..=LONGEST).contains(&days);
    if right { Ok(days) } else { Err(Error::field("days", format!("must be 1 to {LONGEST}"))) }
}

/// Says how long calls are kept; what is old already is taken away at once, beside the requests.
async fn set(app: Data<App>, visit: Visit, fields: Fields) -> Result<HttpResponse> {
    admits(&visit)?;
    let policy = match fields.read("days")? {
        Some(days) => Some(Policy { how: fields.need("how")?, days: within(days)? }),
        None => None,
    };
    let who = visit.caller.0.name.clone();
    retention::set_policy(&app, policy, who.clone()).await?;
    actix_web::rt::spawn(async move {
        if let Err(e) = retention::run(&app, &who, clock::now()).await {
            log::warn!("old calls are not taken away: {e}");
        }
    });
    Ok(Did::Saved.then(&visit, "/retention"))
}

fn number(app: &App, fields: &Fields) -> Result<Number> {
    let text = fields.text("number");
    let number = app.config.numbering.read(&text).filter(|number| !number.is_withheld() && text.len() <= 100);
    number.ok_or_else(|| Error::field("number", "must be a phone number or an extension"))
}

/// A form that is posted, so that the number stands in no address and no log.
async fn look(app: Data<App>, visit: Visit, fields: Fields) -> Result<HttpResponse> {
    admits(&visit)?;
    let number = number(&app, &fields)?;
    let found = retention::find(&app, &number).await?;
    html(&ErasePage { frame: visit.frame, number: number.key().to_owned(), found })
}

async fn erase(app: Data<App>, visit: Visit, fields: Fields) -> Result<HttpResponse> {
    admits(&visit)?;
    let (number, who) = (number(&app, &fields)?, visit.caller.0.name.clone());
    // goes on to its end, also where nobody waits for it any more
    let work = actix_web::rt::spawn(async move { retention::erase(&app, &number, who).await });
    let found = work.await.map_err(|e| Error::Internal(Box::new(e)))??;
    let Found { calls, contacts, rules, .. } = found;
    let what = format!("It was taken from {calls} calls, {contacts} contacts and {rules} rules.");
    said(visit, "The number is erased", vec![what], "/retention")
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/retention", web::get().to(show))
        .route("/retention", web::post().to(set))
        .route("/retention/number", web::post().to(look))
        .route("/retention/erase", web::post().to(erase));
}
