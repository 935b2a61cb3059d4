//! Webhooks and their deliveries as they are shown, and how a webhook is changed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::body::given;
use crate::call::Moment;
use crate::object;
use crate::store::deliveries::DeliveryRow;
use crate::store::webhooks::WebhookRow;
use crate::webhooks::{Definition, DeliveryState, EventKind, Filters, Method, Payload};

/// A webhook as it is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookView {
    /// Its number.
    pub id: i64,
    /// Whom it tells.
    pub url: String,
    /// How.
    pub method: Method,
    /// Of what.
    pub events: Vec<EventKind>,
    /// Only calls that this extension is in.
    pub extension: Option<String>,
    /// Only calls of this PBX.
    pub pbx_id: Option<i64>,
    /// What is sent.
    pub payload: Payload,
    /// Only such calls.
    pub filters: Filters,
    /// Disabled, it is told nothing.
    pub enabled: bool,
    /// Why it was disabled, where no person did.
    pub disabled_why: Option<String>,
    /// A person's.
    pub notes: Option<String>,
    /// The key that made it; null for the command line.
    pub created_by: Option<i64>,
    /// Since when its receiver takes nothing; null while it does.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When a person last changed it.
    pub updated_at: DateTime<Utc>,
}

impl From<WebhookRow> for WebhookView {
    fn from(row: WebhookRow) -> Self {
        Self {
            id: row.id,
            url: row.url,
            method: row.method,
            events: serde_json::from_str(&row.events).unwrap_or_default(), // none says that it is broken
            extension: row.extension,
            pbx_id: row.pbx_id,
            payload: row.payload,
            filters: serde_json::from_str(&row.filters).unwrap_or_default(),
            enabled: row.enabled,
            disabled_why: row.disabled_why,
            notes: row.notes,
            created_by: row.created_by,
            failing_since: row.failing_since.map(|at| at.and_utc()),
            created_at: row.created_at.and_utc(),
            updated_at: row.updated_at.and_utc(),
        }
    }
}

impl From<WebhookView> for Definition {
    fn from(view: WebhookView) -> Self {
        Self {
            url: view.url,
            method: Some(view.method),
            events: Some(view.events),
            extension: view.extension,
            pbx_id: view.pbx_id,
            payload: Some(view.payload),
            filters: Some(view.filters),
            enabled: Some(view.enabled),
            notes: view.notes,
        }
    }
}

/// A webhook, this once with its secret.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CreatedWebhook {
    #[serde(flatten)]
    pub(crate) webhook: WebhookView,
    /// What deliveries are signed with: shown only now.
    pub(crate) secret: String,
}

/// What shall be different; what is left out stays, null takes away.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each field is documented at `WebhookView`")]
pub struct WebhookChange {
    #[schema(min_length = 1, max_length = 2000)]
    pub url: Option<String>,
    pub method: Option<Method>,
    #[schema(min_items = 1, max_items = 5)]
    pub events: Option<Vec<EventKind>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 250)]
    pub extension: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub pbx_id: Option<Option<i64>>,
    pub payload: Option<Payload>,
    #[serde(deserialize_with = "object::optional")]
    pub filters: Option<Filters>,
    pub enabled: Option<bool>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub notes: Option<Option<String>>,
}

impl WebhookChange {
    /// Does it go anywhere that it did not go before? Else it can be changed, and disabled, though its address is not
    /// allowed any more.
    pub fn goes_anew(&self, old: &WebhookRow) -> bool {
        let elsewhere = self.url.as_ref().is_some_and(|url| url.trim() != old.url);
        elsewhere || !old.enabled && self.enabled == Some(true)
    }

    /// The webhook as it is to be.
    pub fn apply(self, old: WebhookRow) -> Definition {
        let old = Definition::from(WebhookView::from(old));
        Definition {
            url: self.url.unwrap_or(old.url),
            method: self.method.or(old.method),
            events: self.events.or(old.events),
            extension: self.extension.unwrap_or(old.extension),
            pbx_id: self.pbx_id.unwrap_or(old.pbx_id),
            payload: self.payload.or(old.payload),
            filters: self.filters.or(old.filters),
            enabled: self.enabled.or(old.enabled),
            notes: self.notes.unwrap_or(old.notes),
        }
    }
}

/// What came of telling a webhook of an event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryView {
    /// Its number; the receiver sees it as `webhook-id: msg_…`.
    pub id: i64,
    /// The call that it is about.
    pub call_id: i64,
    /// The change of that call that it tells of.
    pub change: i64,
    /// What happened.
    pub event: EventKind,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried since it was last asked for.
    pub attempts: i32,
    /// When the event was committed.
    pub created_at: DateTime<Utc>,
    /// When it is to be sent next; null where it is done.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was delivered or parked.
    pub done_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last answer.
    pub status: Option<i32>,
    /// How long the last attempt took, in ms.
    pub took_ms: Option<i64>,
    /// The first KiB of the last answer.
    pub answer: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            call_id: row.call,
            change: row.change,
            event: row.kind,
            state: row.state,
            attempts: row.attempts,
            created_at: row.created_at.and_utc(),
            due_at: row.done_at.is_none().then(|| row.due_at.and_utc()),
            done_at: row.done_at.as_ref().map(Moment::and_utc),
            status: row.status,
            took_ms: row.took_ms,
            answer: row.answer,
            error: row.error,
        }
    }
}
