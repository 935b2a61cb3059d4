//! A line of the journal as it is shown: the parameters as the PBX meant them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::dialect::params::Params;
use crate::store::journal::{Entry, Verdict};

/// What was sent, and what came of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = JournalEntry)]
pub struct JournalView {
    /// Its number in the feed.
    pub change: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// newCall, answer, hangup or a dialect's own word; of a person's change: done, undone, note; of ours: lost, reached.
    pub kind: Option<String>,
    /// What came of it.
    pub result: Verdict,
    /// Why it was ignored or refused; who ticked.
    pub why: Option<String>,
    /// Whence; null for what people and we did.
    pub address: Option<String>,
    /// The call that it is about.
    pub call: Option<i64>,
    /// As sent, by name; null where it cannot be read, and for what no PBX sent.
    pub params: Option<BTreeMap<String, Vec<String>>>,
    /// The request as it came, where it cannot be read.
    pub raw: Option<String>,
    /// The HTTP status of the answer.
    pub status: Option<i32>,
    /// Its body.
    pub answer: Option<String>,
}

impl From<Entry> for JournalView {
    fn from(entry: Entry) -> Self {
        let (params, raw) = sent(&entry);
        Self {
            change: entry.change,
            received_at: entry.received_at.and_utc(),
            kind: entry.kind,
            result: entry.result,
            why: entry.why,
            address: entry.address,
            call: entry.call,
            params,
            raw,
            status: entry.status,
            answer: entry.answer,
        }
    }
}

fn sent(entry: &Entry) -> (Option<BTreeMap<String, Vec<String>>>, Option<String>) {
    if entry.address.is_none() {
        return (None, None); // no PBX sent it
    }
    let query = entry.query.as_deref().unwrap_or_default();
    let body = entry.body.as_deref().unwrap_or_default();
    match Params::read(query, entry.content_type.as_deref(), body.as_bytes()) {
        Ok(params) => {
            let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (name, value) in params.iter() {
                by_name.entry(name.into()).or_default().push(value.into());
            }
            (Some(by_name), None)
        }
        Err(_) => {
            let parts = [query, body].into_iter().filter(|part| !part.is_empty());
            (None, Some(parts.collect::<Vec<_>>().join("\n")))
        }
    }
}
