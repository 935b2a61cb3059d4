//! Query strings, read strictly: an endpoint's own parameters, or those and the filter that many share. (serde cannot
//! flatten one struct into another and refuse unknown names at once.)

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Query;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;

use super::call_filter::CallFilter;
use crate::error::{Error, Result};

/// The parameters of an endpoint that takes no filter. All of them are optional.
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Parameters<T> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parsed(&pairs(request.query_string()), &[]).map(Self))
    }
}

/// The parameters of one endpoint beside the filter. All of them are optional.
pub trait Own: DeserializeOwned {
    /// Their names.
    const NAMES: &'static [&'static str];
}

/// No parameter beside the filter.
#[derive(serde::Deserialize)]
pub struct Nothing {}

impl Own for Nothing {
    const NAMES: &'static [&'static str] = &[];
}

/// A query string, read strictly.
pub struct Asked<T> {
    /// Which calls.
    pub filter: CallFilter,
    /// The rest.
    pub own: T,
}

impl<T: Own> FromRequest for Asked<T> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request.query_string()))
    }
}

impl<T: Own> Asked<T> {
    /// Of a query string.
    ///
    /// # Errors
    /// 422 naming the parameter.
    pub fn read(query: &str) -> Result<Self> {
        let (own, filter): (Vec<&str>, Vec<&str>) =
            pairs(query).into_iter().partition(|pair| T::NAMES.contains(&name(pair)));
        Ok(Self { filter: parsed(&filter, T::NAMES)?, own: parsed(&own, &[])? })
    }
}

fn pairs(query: &str) -> Vec<&str> {
    query.split('&').filter(|pair| !pair.is_empty()).collect()
}

fn name(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}

/// All fields are optional, so the pair that is refused alone is the one at fault. `others` are known, too.
fn parsed<T: DeserializeOwned>(pairs: &[&str], others: &[&str]) -> Result<T> {
    let read = |text: &str| Query::<T>::from_query(text).map(Query::into_inner);
    read(&pairs.join("&")).map_err(|all| {
        let culprit = pairs.iter().find_map(|pair| Some((name(pair), read(pair).err()?)));
        let (field, e) = culprit.unwrap_or(("query", all));
        let said = e.to_string();
        let mut message = plainly(said.trim_start_matches("Query deserialize error: ")).to_owned();
        if message.starts_with("unknown field") {
            message.extend(others.iter().map(|name| format!(", `{name}`")));
        }
        Error::field(field, message)
    })
}

/// What the standard library says of numbers tells nobody what to send.
fn plainly(said: &str) -> &str {
    match said {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "must be a whole number"
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> Option<String> {
        Asked::<Nothing>::read(query).err().map(|e| e.to_string())
    }

    #[test]
    fn a_refusal_names_the_parameter() {
        assert_eq!(refused("queue=a&done=true&since=2026-11-21T08:00:00Z"), None);
        for (query, field) in [
            ("queue=a&done=perhaps", "done: "),
            ("nope=1", "nope: unknown field"),
            ("direction=up", "direction: unknown variant"),
            ("since=today", "since: "),
            ("pbx=x", "pbx: must be a whole number"),
            ("queue=a&queue=b", "query: duplicate field"),
        ] {
            let said = refused(query).unwrap_or_default();
            assert!(said.starts_with(field), "{query}: {said}");
        }
    }

    #[test]
    fn a_plus_that_was_not_escaped_is_still_one_in_a_time() {
        assert_eq!(refused("since=2026-11-21T08:00:00+01:00"), None);
    }
}
