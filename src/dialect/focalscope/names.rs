//! Which name of the query stands for which of FocalScope's placeholders.

use std::collections::BTreeMap;

use super::moment;
use crate::call::Moment;
use crate::dialect::{Refusal, Request};
use crate::number::Number;
use crate::pbx::Options;

/// Placeholders and their names in the samples of FocalScope's help center.
const SAMPLE: &[(&str, &str)] = &[
    ("DialApiEventName", "Event"),
    ("DialApiEventCode", "EventCode"),
    ("CallID", "CallId"),
    ("CallUUID", "CallGuid"),
    ("CallerID", "CallerID"),
    ("DID", "DID"),
    ("ResponderAgent", "ResponderAgent"),
    ("LastQueueName", "QueueName"),
    ("CallTypeCode", "CallTypeCode"),
    ("CallTypeName", "CallTypeName"),
    ("StartTimestampUTC", "StartTimestampUTC"),
    ("PickupTimestampUTC", "PickupTimestampUTC"),
    ("TotalWaitTimeMs", "TotalWaitTimeMs"),
    ("EndTimestampUTC", "EndTimestampUTC"),
    ("IsCallAnswered", "IsCallAnswered"),
    ("IsCallRecorded", "IsCallRecorded"),
    ("RecordingURL", "RecordingURL"),
];

/// Those that the samples do not have. They are looked for under their own name.
const MORE: &[&str] = &[
    "ResponderAgentExt",
    "ResponderUserID",
    "ResponderUserName",
    "DialApiRequestID",
    "RecordingURL_asURIComponent",
    "RecordingURL_asBase64",
];

/// Each placeholder, and its name where the administrator chose none.
fn usual() -> impl Iterator<Item = (&'static str, &'static str)> {
    SAMPLE.iter().copied().chain(MORE.iter().map(|own| (*own, *own)))
}

/// The query of the samples, to paste.
pub fn template() -> String {
    SAMPLE.iter().map(|(_, name)| format!("{name}=")).collect::<Vec<_>>().join("&")
}

/// Can this be the option `names`?
///
/// # Errors
/// Which placeholder is none.
pub fn check(names: &BTreeMap<String, String>) -> Result<(), String> {
    let known = |stands_for: &str| usual().any(|(placeholder, _)| placeholder == stands_for);
    match names.values().find(|stands_for| !known(stands_for)) {
        Some(wrong) => {
            Err(format!("{wrong:?} is no placeholder of FocalScope; write it without braces, such as CallID"))
        }
        None => Ok(()),
    }
}

/// A request, asked by placeholder.
pub struct Names<'r>(&'r Request<'r>);

impl<'r> Names<'r> {
    pub fn new(request: &'r Request<'r>) -> Self {
        Self(request)
    }

    pub fn request(&self) -> &'r Request<'r> {
        self.0
    }

    pub fn options(&self) -> &'r Options {
        self.0.options
    }

    /// The name in the query; `None` where it stands for another placeholder.
    pub fn name(&self, placeholder: &'static str) -> Option<&'r str> {
        let names = &self.0.options.names;
        let chosen = names.iter().find(|(_, stands_for)| *stands_for == placeholder);
        let usual = || usual().find(|(known, name)| *known == placeholder && !names.contains_key(*name));
        chosen.map(|(name, _)| name.as_str()).or_else(|| usual().map(|(_, name)| name))
    }

    /// What is wrong is said of its name.
    pub fn missing(&self, placeholder: &'static str) -> Refusal {
        let name = self.name(placeholder).unwrap_or(placeholder);
        Refusal::unprocessable(format!("{name}: missing; map it to {{{{{placeholder}}}}}"))
    }

    /// Is it the name of some placeholder?
    pub fn is_one(&self, name: &str) -> bool {
        let names = &self.0.options.names;
        names.contains_key(name) || usual().any(|(_, usual)| usual == name)
    }

    pub fn get(&self, placeholder: &'static str) -> Option<&'r str> {
        self.0.params.get(self.name(placeholder)?).map(str::trim)
    }

    pub fn text(&self, placeholder: &'static str) -> Result<Option<String>, Refusal> {
        self.name(placeholder).map_or(Ok(None), |name| self.0.text(name))
    }

    pub fn number(&self, placeholder: &'static str) -> Result<Option<Number>, Refusal> {
        self.name(placeholder).map_or(Ok(None), |name| self.0.number(name))
    }

    /// A number that is kept as text.
    pub fn number_text(&self, placeholder: &'static str) -> Result<Option<String>, Refusal> {
        self.name(placeholder).map_or(Ok(None), |name| self.0.number_text(name))
    }

    /// A call's id.
    pub fn id(&self, placeholder: &'static str) -> Result<Option<String>, Refusal> {
        let named = self.name(placeholder).filter(|name| self.0.params.get(name).is_some());
        named.map(|name| self.0.call_id(&[name])).transpose()
    }

    /// Java's time: ms since 1970.
    pub fn moment(&self, placeholder: &'static str) -> Option<Moment> {
        moment(self.get(placeholder)?, self.0.received)
    }
}
