//! The pages of PBXes: the list, and one of them with its journal, which shows why a call does not show up.

use std::fmt::Display;

use actix_web::web::{self, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::call::Step;
use super::did::Did;
use super::fields::Fields;
use super::frame::{Frame, Visit, html, our_address};
use super::once::{self, Once};
use crate::api::pbx_journal::{self, Which};
use crate::api::pbxes::{self, NewToken, PbxChange, PbxDetails, PbxRequest, PbxView, PbxWithUrl};
use crate::app::App;
use crate::dialect;
use crate::error::{Error, Result};
use crate::store::keys::Role;
use crate::store::{Db, journal, pbxes as rows};

#[derive(Template)]
#[template(path = "pbxes.html")]
struct List {
    frame: Frame,
    pbxes: Vec<PbxView>,
    /// Each with the options that it knows.
    dialects: Vec<(&'static str, String)>,
    region: String,
}

async fn list(app: Data<App>, visit: Visit) -> Result<HttpResponse> {
    visit.caller.at_least(Role::Admin)?;
    let key = visit.caller.0.clone();
    let found = app.store.query(move |db| rows::page(db, key.pbx_ids.as_deref(), None, i64::MAX)).await?;
    html(&List {
        frame: visit.frame,
        pbxes: found.into_iter().map(PbxView::full).collect(),
        dialects: dialect::ALL.iter().map(|dialect| (dialect.name(), dialect.options().join(", "))).collect(),
        region: app.config.numbering.region(),
    })
}

async fn add(app: Data<App>, visit: Visit, request: HttpRequest, fields: Fields) -> Result<HttpResponse> {
    let new = PbxRequest {
        name: fields.text("name"),
        dialect: fields.text("dialect"),
        region: fields.filled("region"),
        options: Some(options(&fields)?),
        allowed_addresses: Some(fields.list("allowed_addresses")),
    };
    let made = pbxes::add(&app, &visit.caller, new, &our_address(&app, &request)).await?;
    once(visit, &made)
}

/// The area code has a field of its own; the options of its dialect are JSON.
fn options(fields: &Fields) -> Result<Value> {
    let written = fields.filled("options").unwrap_or_else(|| "{}".into());
    let wrong =
        |e| Error::field("options", format!("must be a JSON object, such as {{\"secret\": \"…\"}}: {e}"));
    let mut options: Map<String, Value> = serde_json::from_str(&written).map_err(wrong)?;
    if let Some(code) = fields.filled("area_code") {
        options.insert("area_code".into(), code.into());
    }
    Ok(options.into())
}

/// The URL, and what to do with it. It is shown here and nowhere else.
fn once(visit: Visit, made: &PbxWithUrl) -> Result<HttpResponse> {
    let steps = dialect::named(&made.pbx.dialect).map(|dialect| dialect.instructions(&made.url));
    once::show(
        visit,
        Once {
            title: made.pbx.name.clone(),
            what: "The PBX’s URL",
            secret: made.url.clone(),
            steps,
            next: format!("/pbxes/{}", made.pbx.id),
            next_name: "To its journal: see its requests come in",
        },
    )
}

#[derive(Template)]
#[template(path = "pbx.html")]
struct One {
    frame: Frame,
    pbx: PbxView,
    details: PbxDetails,
    steps: String,
    result: Option<journal::Verdict>,
    /// The newest page goes on by itself.
    follows: bool,
    /// The last change that the page knows of.
    after: i64,
    entries: Vec<Step>,
    more: Option<String>,
}

/// Rows of the journal that came since.
#[derive(Template)]
#[template(path = "journal_fresh.html")]
struct Fresh {
    frame: Frame,
    after: i64,
    entries: Vec<Step>,
}

/// Which entries of the journal.
#[derive(Deserialize)]
struct Asked {
    result: Option<String>,
    cursor: Option<String>,
    after: Option<i64>,
}

impl Asked {
    /// Blank, as the form sends it, means all.
    fn result(&self) -> Result<Option<journal::Verdict>> {
        let word = self.result.as_deref().filter(|word| !word.is_empty());
        word.map(str::parse).transpose().map_err(|why| Error::field("result", why))
    }
}

async fn show(
    app: Data<App>,
    visit: Visit,
    request: HttpRequest,
    id: Path<i64>,
    asked: Query<Asked>,
) -> Result<HttpResponse> {
    pbxes::admits(&visit.caller, *id)?;
    let result = asked.result()?;
    let which = Which { result, limit: None, cursor: asked.cursor.clone() };
    let id = id.into_inner();
    // first: what comes meanwhile is told again
    let read = move |db: &mut Db| Ok::<_, Error>((journal::newest(db)?, pbxes::find(db, id)?));
    let (newest, row) = app.store.query(read).await?;
    let page = pbx_journal::page(&app, &visit.caller, id, which).await?;
    let mut pbx = PbxView::full(row);
    let details = pbx.details.take().ok_or(Error::NotFound(pbxes::WHAT))?;
    let url =
        format!("{}{}/…", our_address(&app, &request), dialect::named(&pbx.dialect).map_or("", |d| d.path()));
    let word = result.map_or("", journal::Verdict::as_str);
    html(&One {
        steps: dialect::named(&pbx.dialect).map(|dialect| dialect.instructions(&url)).unwrap_or_default(),
        after: page.data.first().map_or(newest, |entry| newest.max(entry.change)),
        more: page.next.map(|cursor| format!("/pbxes/{id}?result={word}&cursor={cursor}")),
        entries: page.data.into_iter().map(Step::of).collect(),
        follows: asked.cursor.is_none(),
        frame: visit.frame,
        result,
        details,
        pbx,
    })
}

async fn fresh(app: Data<App>, visit: Visit, id: Path<i64>, asked: Query<Asked>) -> Result<HttpResponse> {
    let after = asked.after.unwrap_or(0);
    let entries = pbx_journal::behind(&app, &visit.caller, *id, asked.result()?, after).await?;
    let after = entries.first().map_or(after, |entry| entry.change);
    html(&Fresh { frame: visit.frame, after, entries: entries.into_iter().map(Step::of).collect() })
}

async fn change(app: Data<App>, visit: Visit, id: Path<i64>, fields: Fields) -> Result<HttpResponse> {
    let change = PbxChange {
        name: Some(fields.text("name")),
        region: Some(fields.text("region")),
        options: Some(options(&fields)?),
        allowed_addresses: Some(fields.list("allowed_addresses")),
        enabled: None,
    };
    pbxes::changed(&app, &visit.caller, *id, change).await?;
    Ok(Did::Saved.then(&visit, &format!("/pbxes/{id}")))
}

async fn enable(app: Data<App>, visit: Visit, id: Path<i64>, fields: Fields) -> Result<HttpResponse> {
    let change = PbxChange { enabled: Some(fields.need("enabled")?), ..PbxChange::default() };
    pbxes::changed(&app, &visit.caller, *id, change).await?;
    Ok(Did::Saved.then(&visit, &format!("/pbxes/{id}")))
}

async fn rotate(
    app: Data<App>,
    visit: Visit,
    request: HttpRequest,
    id: Path<i64>,
    fields: Fields,
) -> Result<HttpResponse> {
    let new = NewToken { grace_s: fields.read("grace_s")? };
    let made = pbxes::new_url(&app, &visit.caller, *id, new, &our_address(&app, &request)).await?;
    once(visit, &made)
}

async fn delete(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    pbxes::end(&app, &visit.caller, *id).await?;
    Ok(Did::Deleted.then(&visit, "/pbxes"))
}

impl One {
    /// Shows the journal only entries of that kind? `all` where nothing is chosen.
    fn shows(&self, result: impl Display) -> bool {
        self.result.map_or("all", journal::Verdict::as_str) == result.to_string()
    }

    fn word(&self) -> &'static str {
        self.result.map_or("", journal::Verdict::as_str)
    }

    fn area_code(&self) -> &str {
        self.details.options.get("area_code").and_then(Value::as_str).unwrap_or_default()
    }

    /// The others, as JSON; blank where there are none. A secret is hidden, and stays where it is sent back so.
    fn other_options(&self) -> String {
        let mut others = self.details.options.as_object().cloned().unwrap_or_default();
        others.remove("area_code");
        if others.is_empty() { String::new() } else { format!("{:#}", Value::Object(others)) }
    }

    fn old_until(&self) -> Option<&DateTime<Utc>> {
        self.details.old_token_until.as_ref()
    }
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/pbxes", web::get().to(list))
        .route("/pbxes", web::post().to(add))
        .route("/pbxes/{id}", web::get().to(show))
        .route("/pbxes/{id}", web::post().to(change))
        .route("/pbxes/{id}/fresh", web::get().to(fresh))
        .route("/pbxes/{id}/enabled", web::post().to(enable))
        .route("/pbxes/{id}/token", web::post().to(rotate))
        .route("/pbxes/{id}/delete", web::post().to(delete));
}
