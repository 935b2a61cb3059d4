//! What is sent: method, URL and body, from a webhook's words and a call.

use chrono::SecondsFormat;
use reqwest::Url;
use serde::Serialize;

use super::{EventKind, Method, Payload, callapi, placeholders, template};
use crate::api::CallView;
use crate::call::Call;

/// What is told: an event of a call.
pub struct Told<'a> {
    /// What happened.
    pub kind: EventKind,
    /// To this call, as it was then.
    pub call: &'a Call,
    /// The same as it is shown, with the names of its numbers.
    pub view: &'a CallView,
    /// The webhook's own, where it is for one alone.
    pub extension: Option<&'a str>,
}

impl Told<'_> {
    /// When it happened, RFC 3339.
    pub fn time(&self) -> String {
        self.kind.at(self.call).and_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

/// What is sent to a receiver, but for the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = WebhookMessage)]
pub struct Message {
    /// How.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Null where there is no body.
    pub content_type: Option<&'static str>,
    /// Empty where there is none.
    pub body: String,
}

/// The body of `json`, in the shape that the Standard Webhooks specification proposes.
#[derive(Serialize)]
struct Envelope<'a> {
    r#type: EventKind,
    timestamp: String,
    data: &'a CallView,
}

impl Message {
    /// From a webhook's words.
    pub fn new(url: &str, method: Method, payload: Payload, told: &Told) -> Self {
        let empty = Self { method, url: url.into(), content_type: None, body: String::new() };
        match (payload, method) {
            (Payload::Json, _) => {
                let body = Envelope { r#type: told.kind, timestamp: told.time(), data: told.view };
                let body = serde_json::to_string(&body).unwrap_or_default(); // plain values: cannot fail
                Self { content_type: Some("application/json"), body, ..empty }
            }
            (Payload::Template, _) => {
                Self { url: template::fill(url, |name| placeholders::value(told, name)), ..empty }
            }
            (Payload::CallApi, Method::Get) => Self { url: with_params(url, told), ..empty },
            (Payload::CallApi, Method::Post) => {
                let form = with_params("http://form/", told);
                let body = form.split_once('?').map(|(_, form)| form.to_owned()).unwrap_or_default();
                Self { content_type: Some("application/x-www-form-urlencoded"), body, ..empty }
            }
        }
    }
}

/// The fixed parameters behind those that the URL has.
fn with_params(url: &str, told: &Told) -> String {
    let Ok(mut parsed) = url.parse::<Url>() else { return url.into() }; // it was checked when it was saved
    parsed.query_pairs_mut().extend_pairs(callapi::params(told));
    parsed.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::sample;

    fn message(url: &str, method: Method, payload: Payload) -> Message {
        let (call, view) = sample::call(EventKind::Answer);
        Message::new(
            url,
            method,
            payload,
            &Told { kind: EventKind::Answer, call: &call, view: &view, extension: None },
        )
    }

    #[test]
    fn json_is_the_call_as_the_api_shows_it() {
        let sent = message("https://x/", Method::Post, Payload::Json);
        let body: serde_json::Value = serde_json::from_str(&sent.body).expect("JSON");
        assert_eq!(body["type"], "answer");
        assert_eq!(body["data"]["from"]["e164"], "+493055571600");
        assert_eq!(body["timestamp"], body["data"]["answered_at"]);
    }

    #[test]
    fn fixed_parameters_are_appended_or_posted() {
        let got = message("https://x/a?key=1", Method::Get, Payload::CallApi);
        assert!(got.url.starts_with("https://x/a?key=1&EventType=answer&CallID=sample-1&"), "{}", got.url);
        assert!(got.url.contains("&CallerIDNum=%2B493055571600&") && got.body.is_empty());
        let posted = message("https://x/a?key=1", Method::Post, Payload::CallApi);
        assert_eq!(
            (posted.url.as_str(), posted.body.starts_with("EventType=answer&")),
            ("https://x/a?key=1", true)
        );
    }

    #[test]
    fn a_template_is_filled() {
        let sent = message("https://x/?e={{Event}}&n={{CallerID}}", Method::Get, Payload::Template);
        assert_eq!(sent.url, "https://x/?e=answer&n=%2B493055571600");
    }
}
