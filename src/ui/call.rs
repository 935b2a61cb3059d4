//! The page of one call: what is known of it, its story event by event, and earlier calls of the same number.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path};
use askama::Template;
use chrono::{DateTime, Utc};

use super::call_row::{Row, Show};
use super::frame::{Frame, Visit, html};
use crate::api::calls::with_journal;
use crate::api::journal_view::JournalView;
use crate::api::{CallFilter, read_page};
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::Db;
use crate::store::call_list::{Order, Position};
use crate::store::deliveries::{self, DeliveryRow};
use crate::store::journal::TAKEN_BACK;
use crate::store::keys::Role;

/// So many earlier calls are shown.
const EARLIER: i64 = 10;

#[derive(Template)]
#[template(path = "call.html")]
struct Page {
    frame: Frame,
    row: Row,
    journal: Vec<Step>,
    deliveries: Vec<Delivery>,
    earlier: Vec<Row>,
    more: bool,
}

/// A line of the story.
pub(super) struct Step {
    pub(super) entry: JournalView,
    /// What was sent, name by name.
    pub(super) params: Vec<(String, String)>,
}

impl Step {
    pub(super) fn of(entry: JournalView) -> Self {
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(all) => {
                all.iter().filter_map(|one| one.as_str()).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        let sent = entry.params.iter().flatten();
        Self { params: sent.map(|(name, value)| (name.clone(), text(value))).collect(), entry }
    }

    /// Did a person or this server do it, and no PBX?
    fn is_ours(&self) -> bool {
        self.entry.address.is_none()
    }

    /// What happened, in words.
    pub(super) fn says(&self) -> String {
        let who = self.entry.why.as_deref().unwrap_or("somebody");
        match self.entry.kind.as_deref() {
            Some("done") => format!("ticked by {who}"),
            Some("undone") => format!("opened again by {who}"),
            Some(TAKEN_BACK) => format!("tick taken back by {who}"),
            Some("note") => format!("note by {who}"),
            Some("reached") => format!("ticked: {who}"),
            Some("lost") => format!("closed: {who}"),
            Some("erased") => format!("number erased by {who}"),
            Some(kind) => kind.to_owned(),
            None => "request".to_owned(),
        }
    }
}

/// Somebody who was told of it.
struct Delivery {
    row: DeliveryRow,
    /// The receiver's host: the rest of its address may hold a secret.
    host: String,
    at: DateTime<Utc>,
}

impl Delivery {
    fn of((row, url): (DeliveryRow, String)) -> Self {
        let authority = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default().to_owned();
        Self { at: row.done_at.or(row.first_tried_at).unwrap_or(row.created_at).and_utc(), host, row }
    }
}

async fn show(app: Data<App>, visit: Visit, id: Path<i64>) -> Result<HttpResponse> {
    let (id, caller, this) = (id.into_inner(), visit.caller.clone(), app.clone());
    let read = move |db: &mut Db| {
        let found = with_journal(db, &caller, id)?;
        let filter = CallFilter { number: found.call.far_number().cloned(), ..CallFilter::default() };
        let mut earlier = (Vec::new(), false);
        if filter.number.is_some() {
            let wanted = filter.wanted(&this.config.numbering, Some(&caller.0))?;
            let before = Position(found.call.started_at.naive_utc(), id);
            let page = read_page(db, &wanted, Order::Newest, Some(before), EARLIER)?;
            earlier = (page.data, page.next.is_some());
        }
        let told = if caller.0.role >= Role::Manager {
            deliveries::of_call(db, id, caller.0.pbx_ids.as_deref())?
        } else {
            Vec::new()
        };
        Ok::<_, Error>((found, told, earlier))
    };
    let (found, told, (earlier, more)) = app.store.query(read).await?;
    let show = Show::to(&app, &visit);
    html(&Page {
        row: show.row(found.call),
        journal: found.journal.into_iter().map(Step::of).collect(),
        deliveries: told.into_iter().map(Delivery::of).collect(),
        earlier: earlier.into_iter().map(|call| show.row(call)).collect(),
        frame: visit.frame,
        more,
    })
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/calls/{id}", web::get().to(show));
}
