//! A line of the journal as it is shown: the parameters as the PBX meant them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

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
    /// newCall, answer, hangup or a dialect's own word; of a person's change: done, undone, taken back, note; of ours: lost, reached, erased.
    pub kind: Option<String>,
    /// What came of it.
    pub result: Verdict,
    /// Why it was ignored or refused; who ticked.
    pub why: Option<String>,
    /// Whence; null for what people and we did.
    pub address: Option<String>,
    /// The call that it is about.
    pub call: Option<i64>,
    /// As sent, by name: text, or a list where a name was repeated. Null where it cannot be read, and for what no PBX
    /// sent.
    #[schema(value_type = Option<Object>)]
    pub params: Option<Map<String, Value>>,
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

/// The request's parameters, or else its text.
fn sent(entry: &Entry) -> (Option<Map<String, Value>>, Option<String>) {
    if entry.address.is_none() {
        return (None, None);
    }
    let query = entry.query.as_deref().unwrap_or_default();
    let body = entry.body.as_deref().unwrap_or_default();
    match Params::read(query, entry.content_type.as_deref(), body.as_bytes()) {
        Ok(params) => (Some(by_name(&params)), None),
        Err(_) => {
            let parts = [query, body].into_iter().filter(|part| !part.is_empty());
            (None, Some(parts.collect::<Vec<_>>().join("\n")))
        }
    }
}

fn by_name(params: &Params) -> Map<String, Value> {
    let mut named = Map::new();
    for (name, value) in params.iter() {
        match named.get_mut(name) {
            None => drop(named.insert(name.into(), value.into())),
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = Value::Array(vec![first.take(), value.into()]),
        }
    }
    named
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::call::Moment;

    fn entry(body: &str, address: Option<&str>) -> Entry {
        Entry {
            change: 1,
            pbx_id: 1,
            call: None,
            received_at: Moment::default(),
            kind: None,
            result: Verdict::Applied,
            why: None,
            address: address.map(Into::into),
            content_type: None,
            query: Some("event=newCall".into()),
            body: Some(body.into()),
            status: None,
            answer: None,
        }
    }

    #[test]
    fn parameters_are_shown_as_meant_and_unreadable_requests_as_they_came() {
        let shown = JournalView::from(entry("from=%2B4930&user[]=Alice&user[]=Bob", Some("::1")));
        let params = serde_json::to_value(shown.params.unwrap()).unwrap();
        assert_eq!(
            params,
            serde_json::json!({ "event": "newCall", "from": "+4930", "user[]": ["Alice", "Bob"] })
        );
        let shown = JournalView::from(entry("from=%ZZ", Some("::1")));
        assert_eq!((shown.params, shown.raw.as_deref()), (None, Some("event=newCall\nfrom=%ZZ")));
        let shown = JournalView::from(entry("", None));
        assert_eq!((shown.params, shown.raw), (None, None));
    }
}
