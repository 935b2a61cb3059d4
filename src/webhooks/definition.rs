//! A webhook as people write it, and what may stand in it.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{Allowed, EventKind, Filters, Method, Payload, template};
use crate::call::Moment;
use crate::error::Result;
use crate::object;
use crate::store::webhooks::WebhookValues;
use crate::text::{self, Mistakes};

/// The longest URL, in characters.
const URL: usize = 2_000;
/// The longest extension or queue, in characters.
const NAME: usize = 250;
/// The longest note, in characters.
const NOTES: usize = 2_000;
/// The most queues of a filter.
const QUEUES: usize = 100;

/// Whom to tell what, and how.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook)]
pub struct Definition {
    /// http or https. With the payload `template` it holds placeholders, as in `https://crm.example/?from={{CallerID}}`.
    #[schema(min_length = 1, max_length = 2000)]
    pub url: String,
    /// Where it is left out: POST for `json`, else GET.
    pub method: Option<Method>,
    /// What is told; all where it is left out.
    #[schema(min_items = 1, max_items = 5)]
    pub events: Option<Vec<EventKind>>,
    /// Only calls that this extension is in: it rang, dialled, answered, or is an end of it.
    #[schema(min_length = 1, max_length = 250)]
    pub extension: Option<String>,
    /// Calls of this PBX only.
    pub pbx_id: Option<i64>,
    /// What is sent; `json` where it is left out, which is always posted.
    pub payload: Option<Payload>,
    /// Only such calls.
    #[serde(default, deserialize_with = "object::optional")]
    pub filters: Option<Filters>,
    /// Disabled, it is told nothing.
    pub enabled: Option<bool>,
    /// Yours.
    #[schema(max_length = 2000)]
    pub notes: Option<String>,
}

impl Definition {
    /// What is sent.
    pub fn payload(&self) -> Payload {
        self.payload.unwrap_or(Payload::Json)
    }

    /// How it is sent.
    pub fn method(&self) -> Method {
        self.method.unwrap_or(if self.payload() == Payload::Json { Method::Post } else { Method::Get })
    }

    /// As it is kept. `allowed`: where it may go; `None` where that was asked before, and it goes nowhere else. `pbx`: may
    /// that PBX be named?
    ///
    /// # Errors
    /// `Invalid` with all that is wrong.
    pub fn check(
        self,
        allowed: Option<&Allowed>,
        pbx: impl Fn(i64) -> bool,
        now: Moment,
    ) -> Result<WebhookValues> {
        let mut mistakes = Mistakes::default();
        let (payload, method) = (self.payload(), self.method());
        let url = self.url.trim().to_owned();
        mistakes.note("url", text::check(&url, 1, URL).and_then(|()| check_url(&url, payload, allowed)));
        if payload == Payload::Json && method == Method::Get {
            mistakes.note("method", Err("json is posted: say POST, or choose another payload".into()));
        }
        let mut events = self.events.unwrap_or_else(|| EventKind::ALL.to_vec());
        events.sort_unstable();
        events.dedup();
        if events.is_empty() {
            mistakes.note("events", Err("must name at least one; leave it out for all".into()));
        }
        mistakes.note("extension", text::optional(self.extension.as_deref(), 1, NAME));
        mistakes.note("notes", text::optional(self.notes.as_deref(), 0, NOTES));
        mistakes.note(
            "pbx_id",
            match self.pbx_id {
                Some(id) if !pbx(id) => Err(format!("there is no PBX {id}")),
                _ => Ok(()),
            },
        );
        let filters = self.filters.unwrap_or_default();
        let queues = filters.queues.iter().try_for_each(|queue| text::check(queue, 1, NAME));
        let few =
            if filters.queues.len() > QUEUES { Err(format!("must be at most {QUEUES}")) } else { Ok(()) };
        mistakes.note("filters.queues", few.and(queues));
        mistakes.none(WebhookValues {
            url,
            method,
            events: serde_json::json!(events).to_string(),
            extension: self.extension.map(|extension| extension.trim().into()),
            pbx_id: self.pbx_id,
            payload,
            filters: serde_json::json!(filters).to_string(),
            enabled: self.enabled.unwrap_or(true),
            notes: self.notes.filter(|notes| !notes.is_empty()),
            updated_at: now,
        })
    }
}

fn check_url(text: &str, payload: Payload, allowed: Option<&Allowed>) -> Result<(), String> {
    if payload == Payload::Template {
        template::check(text)?;
    } else if template::has_placeholders(text) {
        return Err("has placeholders: choose the payload template, or take them out".into());
    }
    let filled = |value: &str| -> Result<Url, String> {
        template::fill(text, |_| Some(value.into())).parse().map_err(|e| format!("is no URL: {e}"))
    };
    let (one, other) = (filled("a")?, filled("b")?);
    if !["http", "https"].contains(&one.scheme()) || !one.has_host() {
        return Err("must begin with http:// or https:// and name a host".into());
    }
    let before_path = |url: &Url| {
        let user = (url.username().to_owned(), url.password().map(str::to_owned));
        (url.scheme().to_owned(), user, url.host_str().map(str::to_owned), url.port())
    };
    if before_path(&one) != before_path(&other) {
        return Err("placeholders may stand behind the host only".into());
    }
    allowed.map_or(Ok(()), |allowed| allowed.check_literal(&one).map_err(|e| e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str, payload: Payload) -> Result<(), String> {
        check_url(url, payload, Some(&Allowed::new(&[])))
    }

    #[test]
    fn a_url_names_its_host_itself() {
        for url in [
            "https://crm.example/x?a={{CallerID}}",
            "http://crm.example:8080/{{CallID}}/y",
            "https://u:p@crm.example/",
        ] {
            assert_eq!(checked(url, Payload::Template), Ok(()), "{url}");
        }
        for url in [
            "https://{{DID}}.example/",
            "{{RecordingURL}}",
            "https://crm.example:{{CallID}}/",
            "https://{{DID}}@crm.example/",
            "https://crm.example{{DID}}/",
            "ftp://crm.example/",
            "crm.example/x",
            "http://10.0.0.1/",
            "",
        ] {
            assert!(checked(url, Payload::Template).is_err(), "{url}");
        }
        assert!(checked("https://crm.example/{{CallID}}", Payload::Json).is_err());
    }
}
