//! `hookswitch webhook`: who is told of calls. A server that runs follows each change within a second.

use clap::{Args, Subcommand};
use diesel::Connection;

use super::{missing, open, plainly, print};
use crate::api::{DeliveryView, WebhookChange, WebhookView};
use crate::call::Direction;
use crate::clock;
use crate::config::{Database, WebhookLimits};
use crate::error::{Error, StartError};
use crate::store::deliveries::{self, Again};
use crate::store::webhooks::{self, Wanted, WebhookRow};
use crate::store::{Db, pbxes, settings};
use crate::webhooks::payload::{Message, Told};
use crate::webhooks::{
    Allowed, Definition, DeliveryState, EventKind, Filters, Method, Payload, new_secret, sample,
};

/// The most rows of a list.
const MOST: i64 = 500;

/// Set up webhooks.
#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Make a webhook; prints its signing secret, this once
    #[command(
        after_help = "Example: hookswitch webhook add https://crm.example/calls --event dial-in --event missed --extension 101"
    )]
    Add(Box<New>),
    /// List webhooks
    #[command(after_help = "Example: hookswitch webhook list --extension 101 --json")]
    List {
        /// Only those of this extension
        #[arg(long)]
        extension: Option<String>,
        /// Print JSON, as GET /api/v1/webhooks answers
        #[arg(long)]
        json: bool,
    },
    /// Change a webhook; what is left out stays
    #[command(after_help = "Example: hookswitch webhook edit 3 --enabled false")]
    Edit(Box<Edit>),
    /// Delete a webhook and what it was still to be told
    #[command(after_help = "Example: hookswitch webhook remove 3")]
    Remove {
        /// As `hookswitch webhook list` shows it
        id: i64,
    },
    /// List what a webhook was told, newest first
    #[command(after_help = "Example: hookswitch webhook deliveries 3 --state parked")]
    Deliveries {
        /// As `hookswitch webhook list` shows it
        id: i64,
        /// Only those that stand so: waiting, sending, delivered or parked
        #[arg(long)]
        state: Option<DeliveryState>,
        /// Print JSON, as GET /api/v1/webhooks/{id}/deliveries answers
        #[arg(long)]
        json: bool,
    },
    /// Tell a webhook again: all that was given up, or single deliveries
    #[command(after_help = "Example: hookswitch webhook redeliver 3 --delivery 1205")]
    Redeliver {
        /// As `hookswitch webhook list` shows it
        id: i64,
        /// As `hookswitch webhook deliveries` shows it; more than one may be given [default: all that are parked]
        #[arg(long = "delivery", value_name = "ID")]
        deliveries: Vec<i64>,
    },
    /// Show what a webhook would send of a made-up call; nothing is sent
    #[command(after_help = "Example: hookswitch webhook preview 3 --event hangup")]
    Preview {
        /// As `hookswitch webhook list` shows it
        id: i64,
        /// dial-in, dial-out, answer, hangup or missed
        #[arg(long, default_value = "dial-in")]
        event: EventKind,
    },
}

/// What a new webhook is to be.
#[derive(Debug, Args)]
pub struct New {
    /// http or https; with --payload template it holds placeholders, as in "https://crm.example/?from={{CallerID}}"
    url: String,
    #[command(flatten)]
    words: Words,
}

/// What shall be different.
#[derive(Debug, Args)]
pub struct Edit {
    /// As `hookswitch webhook list` shows it
    id: i64,
    /// Another URL
    #[arg(long)]
    url: Option<String>,
    #[command(flatten)]
    words: Words,
}

/// What can be said of a webhook.
#[derive(Debug, Args)]
pub struct Words {
    /// GET or POST [default: POST for json, else GET]
    #[arg(long)]
    method: Option<Method>,
    /// What is told: dial-in, dial-out, answer, hangup, missed; more than one may be given [default: all]
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<EventKind>,
    /// Only calls that this extension is in
    #[arg(long)]
    extension: Option<String>,
    /// Only calls of this PBX
    #[arg(long, value_name = "ID")]
    pbx: Option<i64>,
    /// json, template or callapi (VoipNow, Telphin) [default: json]
    #[arg(long)]
    payload: Option<Payload>,
    /// Only calls through this queue; more than one may be given
    #[arg(long = "queue", value_name = "NAME")]
    queues: Vec<String>,
    /// Only calls in that direction: in or out
    #[arg(long)]
    direction: Option<Direction>,
    /// No calls between two extensions
    #[arg(long, value_name = "TRUE OR FALSE", num_args = 0..=1, default_missing_value = "true")]
    no_internal: Option<bool>,
    /// Only while nobody has answered
    #[arg(long, value_name = "TRUE OR FALSE", num_args = 0..=1, default_missing_value = "true")]
    unanswered_only: Option<bool>,
    /// Is it told anything?
    #[arg(long, value_name = "TRUE OR FALSE")]
    enabled: Option<bool>,
    /// Yours
    #[arg(long)]
    notes: Option<String>,
    #[command(flatten)]
    limits: WebhookLimits,
}

impl Words {
    /// As a change, on top of the filters that there are.
    fn change(self, url: Option<String>, old: Filters) -> WebhookChange {
        let filters = Filters {
            no_internal: self.no_internal.unwrap_or(old.no_internal),
            direction: self.direction.or(old.direction),
            queues: if self.queues.is_empty() { old.queues } else { self.queues },
            unanswered_only: self.unanswered_only.unwrap_or(old.unanswered_only),
        };
        WebhookChange {
            url,
            method: self.method,
            events: (!self.events.is_empty()).then_some(self.events),
            extension: self.extension.map(Some),
            pbx_id: self.pbx.map(Some),
            payload: self.payload,
            filters: Some(filters),
            enabled: self.enabled,
            notes: self.notes.map(Some),
        }
    }
}

impl Webhook {
    /// Does it.
    pub fn run(self, database: &Database) -> Result<(), StartError> {
        let mut db = open(database)?;
        match self {
            Self::Add(new) => add(&mut db, *new),
            Self::List { extension, json } => list(&mut db, extension, json),
            Self::Edit(edit) => change(&mut db, *edit),
            Self::Remove { id } => remove(&mut db, id),
            Self::Deliveries { id, state, json } => list_deliveries(&mut db, id, state, json),
            Self::Redeliver { id, deliveries } => redeliver(&mut db, id, deliveries),
            Self::Preview { id, event } => preview(&mut db, id, event),
        }
    }
}

fn add(db: &mut Db, new: New) -> Result<(), StartError> {
    let limits = new.words.limits.clone();
    let change = new.words.change(None, Filters::default());
    let definition = Definition {
        url: new.url,
        method: change.method,
        events: change.events,
        extension: change.extension.flatten(),
        pbx_id: change.pbx_id.flatten(),
        payload: change.payload,
        filters: change.filters,
        enabled: change.enabled,
        notes: change.notes.flatten(),
    };
    let insert = |db: &mut Db| {
        let values = check(db, definition, Some(&limits.allowed()))?;
        webhooks::room_for(db, &values, limits.webhooks_per_extension)?;
        Ok(webhooks::insert(db, &values, &new_secret(), None)?)
    };
    let made: WebhookRow = settings::change(db, insert).map_err(plainly)?;
    print::line(&format!(
        "Webhook {} is there.\nSecret: {}\nIt is shown this once: its receiver verifies signatures with it.",
        made.id, made.secret
    ))
}

fn check(db: &mut Db, new: Definition, allowed: Option<&Allowed>) -> Result<webhooks::WebhookValues, Error> {
    let known: Vec<i64> = pbxes::all(db)?.into_iter().map(|pbx| pbx.id).collect();
    new.check(allowed, |id| known.contains(&id), clock::now())
}

fn list(db: &mut Db, extension: Option<String>, json: bool) -> Result<(), StartError> {
    let none = match &extension {
        Some(extension) => format!("No webhook for the extension {extension} alone."),
        None => "No webhook yet: `hookswitch webhook add URL` makes one.".into(),
    };
    let wanted = Wanted { extension, ..Wanted::default() };
    let rows = webhooks::page(db, &wanted, webhooks::MOST)?;
    let rows = rows.into_iter().map(WebhookView::from);
    if json {
        return print::json(&rows.collect::<Vec<_>>());
    }
    let rows = rows.map(|hook| {
        let events: Vec<&str> = hook.events.iter().map(|event| event.as_str()).collect();
        let stands = match (hook.enabled, hook.failing_since) {
            (false, _) => "disabled".into(),
            (true, Some(since)) => format!("fails since {}", print::moment(Some(since.naive_utc()))),
            (true, None) => "enabled".into(),
        };
        vec![
            hook.id.to_string(),
            format!("{} {}", hook.method, hook.url),
            hook.payload.to_string(),
            events.join(", "),
            hook.extension.unwrap_or_else(|| "all".into()),
            hook.pbx_id.map_or_else(|| "all".into(), |id| id.to_string()),
            stands,
        ]
    });
    print::table(&["id", "URL", "payload", "events", "extension", "PBX", "stands"], rows.collect(), &none)
}

fn get(db: &mut Db, id: i64) -> Result<WebhookRow, StartError> {
    webhooks::get(db, id).map_err(|e| missing("webhook", id, "webhook list", e))
}

fn change(db: &mut Db, edit: Edit) -> Result<(), StartError> {
    let limits = edit.words.limits.clone();
    let old = get(db, edit.id)?;
    let filters = WebhookView::from(old.clone()).filters;
    let change = edit.words.change(edit.url, filters);
    let update = |db: &mut Db| {
        let allowed = change.goes_anew(&old).then(|| limits.allowed());
        let values = check(db, change.apply(old.clone()), allowed.as_ref())?;
        if (&old.extension, old.pbx_id) != (&values.extension, values.pbx_id) {
            webhooks::room_for(db, &values, limits.webhooks_per_extension)?;
        }
        if !values.enabled {
            deliveries::park_all(db, edit.id, "the webhook was disabled", clock::now())?;
        }
        Ok(webhooks::update(db, edit.id, &values)?)
    };
    let row: WebhookRow = settings::change(db, update).map_err(plainly)?;
    print::line(&format!("Webhook {} is changed.", row.id))
}

fn remove(db: &mut Db, id: i64) -> Result<(), StartError> {
    get(db, id)?;
    settings::change(db, |db| webhooks::delete(db, &[id]))?;
    deliveries::forget_all(db, &[id])?;
    print::line(&format!("Webhook {id} is deleted."))
}

fn list_deliveries(db: &mut Db, id: i64, state: Option<DeliveryState>, json: bool) -> Result<(), StartError> {
    let hook = get(db, id)?;
    let rows = deliveries::page(db, &hook, state, None, MOST)?.into_iter().map(DeliveryView::from);
    if json {
        return print::json(&rows.collect::<Vec<_>>());
    }
    let rows = rows.map(|row| {
        vec![
            row.id.to_string(),
            row.event.to_string(),
            row.call_id.to_string(),
            print::moment(Some(row.created_at.naive_utc())),
            row.state.to_string(),
            row.attempts.to_string(),
            row.error.or(row.status.map(|status| format!("HTTP {status}"))).unwrap_or_default(),
        ]
    });
    let headings = ["id", "event", "call", "since (UTC)", "stands", "attempts", "answer"];
    print::table(&headings, rows.collect(), "It was told nothing yet.")
}

fn redeliver(db: &mut Db, id: i64, these: Vec<i64>) -> Result<(), StartError> {
    let hook = get(db, id)?;
    if !hook.enabled {
        return Err(StartError(format!(
            "webhook {id} is disabled: `hookswitch webhook edit {id} --enabled true` first"
        )));
    }
    let again = if these.is_empty() { Again::Parked } else { Again::These(these) };
    let count = db.transaction(|db| deliveries::redeliver(db, &hook, &again, clock::now()))?;
    print::line(&format!("{count} deliveries are sent again."))
}

fn preview(db: &mut Db, id: i64, kind: EventKind) -> Result<(), StartError> {
    let hook = get(db, id)?;
    let (call, view) = sample::call(kind);
    let told = Told { kind, call: &call, view: &view, extension: hook.extension.as_deref() };
    let message = Message::new(&hook.url, hook.method, hook.payload, &told);
    print::line(format!("{} {}\n{}", message.method, message.url, message.body).trim_end())
}
