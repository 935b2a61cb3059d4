//! What a page of the caller log is asked for: the API's filter, and days in the viewer's zone. It stands in the
//! address bar, so that it can be passed on.

use actix_web::web::Query;
use chrono::{Days, NaiveDate};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::zone::Zone;
use crate::api::call_filter::CallFilter;
use crate::api::query::{Asked, Own};
use crate::error::{Error, Result};

/// What need not be escaped in a query, for addresses that people can read.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// What the form has fields for; the rest of a filter is kept as it came.
const FIELDS: &[&str] = &["q", "direction", "outcome", "done", "queue", "user", "pbx", "from_day", "to_day"];

/// Of these, what is not hidden away.
const ALWAYS_SHOWN: &[&str] = &["q", "direction", "outcome", "done"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    from_day: Option<NaiveDate>,
    to_day: Option<NaiveDate>,
    cursor: Option<String>,
}

impl Own for Extra {
    const NAMES: &'static [&'static str] = &["from_day", "to_day", "cursor"];
}

/// Which calls, and from where on.
pub struct Filter {
    /// As the API has it.
    pub calls: CallFilter,
    /// Where the page before ended.
    pub cursor: Option<String>,
    pairs: Vec<(String, String)>,
}

impl Filter {
    /// Of an address. What is blank, as forms send it, is as if it were not there.
    ///
    /// # Errors
    /// 422 naming the field.
    pub fn read(query: &str, zone: Zone) -> Result<Self> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|e| Error::field("query", e.to_string()))?
            .into_inner();
        let given: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
        let Asked { mut filter, own } = Asked::<Extra>::read(&written(&given))?;
        if let Some(day) = own.from_day {
            filter.since = Some(zone.begin_of(day));
        }
        if let Some(day) = own.to_day {
            filter.until = Some(zone.begin_of(day.checked_add_days(Days::new(1)).unwrap_or(day)));
        }
        let pairs = given.into_iter().filter(|(name, _)| name != "cursor").collect();
        Ok(Self { calls: filter, cursor: own.cursor, pairs })
    }

    /// As it stands in the address bar; empty where all calls are meant.
    pub fn query(&self) -> String {
        written(&self.pairs)
    }

    /// The first page's address.
    pub fn address(&self) -> String {
        address(&self.pairs)
    }

    /// The address of the page that begins there.
    pub fn page(&self, cursor: &str) -> String {
        self.with("cursor", cursor)
    }

    /// The address with one more condition, in the place of its like.
    pub fn with(&self, name: &str, value: &str) -> String {
        let mut pairs = self.without(name);
        pairs.push((name.into(), value.into()));
        address(&pairs)
    }

    /// The address of the CSV file. The API knows no days, but times.
    pub fn csv(&self) -> String {
        let mut pairs: Vec<_> =
            self.pairs.iter().filter(|(name, _)| !Extra::NAMES.contains(&name.as_str())).cloned().collect();
        let times = [("since", self.calls.since), ("until", self.calls.until)];
        pairs.retain(|(name, _)| times.iter().all(|(time, _)| time != name));
        let given = times.into_iter().filter_map(|(name, at)| Some((name.to_owned(), at?.to_rfc3339())));
        pairs.extend(given);
        format!("/api/v1/calls.csv{}", query_of(&pairs))
    }

    /// What a field of the form holds.
    pub fn value(&self, name: &str) -> &str {
        self.pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Does that field hold this?
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    /// Conditions that the form has no field for: name, value, and the address without them.
    pub fn others(&self) -> Vec<(&str, &str, String)> {
        let others = self.pairs.iter().filter(|(name, _)| !FIELDS.contains(&name.as_str()));
        others.map(|(name, value)| (name.as_str(), value.as_str(), address(&self.without(name)))).collect()
    }

    /// Is there any condition?
    pub fn is_set(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// Is there a condition among those that the form shows when asked to?
    pub fn is_wider(&self) -> bool {
        let shown_when_asked = |name: &str| FIELDS.contains(&name) && !ALWAYS_SHOWN.contains(&name);
        self.pairs.iter().any(|(name, _)| shown_when_asked(name))
    }

    fn without(&self, name: &str) -> Vec<(String, String)> {
        self.pairs.iter().filter(|(known, _)| known != name).cloned().collect()
    }
}

fn written(pairs: &[(String, String)]) -> String {
    let escaped = |text| utf8_percent_encode(text, ESCAPED).to_string();
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn query_of(pairs: &[(String, String)]) -> String {
    if pairs.is_empty() { String::new() } else { format!("?{}", written(pairs)) }
}

fn address(pairs: &[(String, String)]) -> String {
    format!("/{}", query_of(pairs))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use actix_web::cookie::Cookie;
    use actix_web::test::TestRequest;

    fn filter(query: &str) -> Filter {
        let berlin = TestRequest::get().cookie(Cookie::new("zone", "Europe/Berlin")).to_http_request();
        Filter::read(query, Zone::of(&berlin)).unwrap()
    }

    #[test]
    fn blank_fields_are_dropped_and_the_rest_can_be_passed_on() {
        let read = filter("q=&direction=in&queue=Sales+%26+Co&number=%2B4930&cursor=abc&user=");
        assert_eq!(read.query(), "direction=in&queue=Sales%20%26%20Co&number=%2B4930");
        assert_eq!(read.cursor.as_deref(), Some("abc"));
        assert_eq!(read.value("queue"), "Sales & Co");
        assert_eq!(read.with("direction", "out"), "/?queue=Sales%20%26%20Co&number=%2B4930&direction=out");
        let others = read.others();
        assert_eq!(others, [("number", "+4930", "/?direction=in&queue=Sales%20%26%20Co".to_owned())]);
        assert_eq!(filter("").address(), "/");
    }

    #[test]
    fn days_are_the_viewers() {
        let read = filter("from_day=2026-11-20&to_day=2026-11-21");
        assert_eq!(read.calls.since.unwrap().to_rfc3339(), "2026-11-19T23:00:00+00:00");
        assert_eq!(read.calls.until.unwrap().to_rfc3339(), "2026-11-21T23:00:00+00:00");
        assert!(read.csv().ends_with("?since=2026-11-19T23:00:00%2B00:00&until=2026-11-21T23:00:00%2B00:00"));
    }

    #[test]
    fn what_is_no_filter_is_refused_by_name() {
        let berlin = Zone::of(&TestRequest::get().to_http_request());
        let refused = |query| Filter::read(query, berlin).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refused("direction=up").starts_with("direction: "));
        assert!(refused("from_day=today").starts_with("from_day: "));
        assert!(refused("nope=1").starts_with("nope: "));
    }
}
