//! What only some PBXes need to be told: the options of a dialect, as an admin sets them (a JSON object).

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::number::Numbering;
use crate::text::{self, Mistakes};

/// What is shown in place of a secret; sent back, it leaves the secret as it is.
pub const HIDDEN: &str = "••••••••";

/// The most entries of a list or a map.
const ENTRIES: usize = 1000;

/// The most bytes of a compiled pattern.
const PATTERN: usize = 64 * 1024;

/// The options of a PBX. Which of them it may have, its dialect says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Any dialect: the area of numbers that are written without area code, such as `30`.
    pub area_code: Option<String>,
    /// sipgate: the PEM of the public key by which `X-Sipgate-Signature` is checked.
    pub public_key: Option<String>,
    /// Placetel: the secret by which `X-PLACETEL-SIGNATURE` is checked. Never shown.
    pub secret: Option<String>,
    /// Placetel: its numbers are routed by "External API", so that it does what we answer.
    pub external_api: Option<bool>,
    /// VoipNow: 3 (old systems, which tell no answer) or 5 events.
    pub events: Option<u8>,
    /// VoipNow, Telphin: the extensions that are queues.
    pub queues: Vec<String>,
    /// VoipNow, Telphin: the extensions that are IVRs.
    pub ivrs: Vec<String>,
    /// VoipNow, Telphin: what an extension's number looks like (a regular expression for the whole of it): a call
    /// between two of them is internal.
    pub internal: Option<String>,
    /// FocalScope: which placeholder each name of the query stands for, where it is not as in the sample.
    pub names: BTreeMap<String, String>,
    /// FocalScope: `CallerID` or `DID`, whichever holds the caller of an outgoing call.
    pub outgoing_from: Option<String>,
    #[serde(skip)]
    internal_pattern: Option<Regex>,
}

impl Options {
    /// Reads what an admin wrote. Each mistake names its field.
    pub fn check(
        written: &Value,
        dialect: Option<&dyn Dialect>,
        region: &str,
        mistakes: &mut Mistakes,
    ) -> Self {
        let Value::Object(written) = written else {
            mistakes.note("options", Err("must be an object, such as {\"area_code\": \"30\"}".into()));
            return Self::default();
        };
        let mut good = Map::new();
        for (name, value) in written.iter().filter(|(_, value)| !value.is_null()) {
            let checked = known(name, dialect).and_then(|()| well_formed(name, value));
            if checked.is_ok() {
                good.insert(name.clone(), value.clone());
            }
            mistakes.note(&format!("options.{name}"), checked);
        }
        let mut options: Self = serde_json::from_value(Value::Object(good)).unwrap_or_default(); // each was tried
        options.check_meaning(region, mistakes);
        if let Some(dialect) = dialect {
            dialect.check(&options, mistakes);
        }
        options
    }

    fn check_meaning(&mut self, region: &str, mistakes: &mut Mistakes) {
        if Numbering::new(region, None).is_ok() {
            // else the region is at fault, and named
            let area = Numbering::new(region, self.area_code.as_deref()).map(drop);
            mistakes.note("options.area_code", area);
        }
        mistakes.note("options.public_key", text::optional(self.public_key.as_deref(), 1, 10_000));
        mistakes.note("options.secret", text::optional(self.secret.as_deref(), 1, 250));
        if self.events.is_some_and(|events| ![3, 5].contains(&events)) {
            mistakes.note("options.events", Err("must be 3 or 5".into()));
        }
        if self.outgoing_from.as_deref().is_some_and(|name| !["CallerID", "DID"].contains(&name)) {
            mistakes.note("options.outgoing_from", Err("must be CallerID or DID".into()));
        }
        for (name, entries) in [("queues", &self.queues), ("ivrs", &self.ivrs)] {
            mistakes.note(&format!("options.{name}"), short(entries.len(), entries.iter()));
        }
        let names =
            short(self.names.len(), self.names.iter().flat_map(|(name, stands_for)| [name, stands_for]));
        mistakes.note("options.names", names);
        if let Some(pattern) = &self.internal {
            match RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN).build() {
                Ok(pattern) => self.internal_pattern = Some(pattern),
                Err(e) => mistakes.note("options.internal", Err(format!("is no regular expression: {e}"))),
            }
        }
    }

    /// What an extension's number looks like; `None` where the admin does not say.
    pub fn internal_pattern(&self) -> Option<&Regex> {
        self.internal_pattern.as_ref()
    }

    /// `written` as it may be shown.
    pub fn hide(mut written: Value) -> Value {
        if let Some(secret) = written.get_mut("secret").filter(|secret| secret.is_string()) {
            *secret = HIDDEN.into();
        }
        written
    }

    /// `written` with the secret that `old` holds, where it was sent back as it was shown.
    pub fn keep_hidden(mut written: Value, old: &Value) -> Value {
        if let Some(secret) = written.get_mut("secret").filter(|secret| *secret == HIDDEN) {
            *secret = old.get("secret").cloned().unwrap_or_default();
        }
        written
    }
}

fn known(name: &str, dialect: Option<&dyn Dialect>) -> Result<(), String> {
    let Some(dialect) = dialect else { return Ok(()) }; // it is at fault, and named
    if name == "area_code" || dialect.options().contains(&name) {
        return Ok(());
    }
    let others = dialect.options().iter().map(|name| format!(", `{name}`")).collect::<String>();
    Err(format!("is not known for {}; there is `area_code`{others}", dialect.name()))
}

fn well_formed(name: &str, value: &Value) -> Result<(), String> {
    let alone = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
    serde_json::from_value::<Options>(alone).map(drop).map_err(|e| e.to_string())
}

fn short<'a>(count: usize, mut texts: impl Iterator<Item = &'a String>) -> Result<(), String> {
    if count > ENTRIES {
        return Err(format!("must be at most {ENTRIES}"));
    }
    texts.try_for_each(|text| text::check(text, 1, 250))
}
