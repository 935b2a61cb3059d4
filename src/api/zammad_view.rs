//! Calls in the shape of Zammad's caller log, so that its clients work unchanged.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::call::{Call, Direction, Moment, Outcome, State};
use crate::number;
use crate::store::matches::Match;

/// The caller log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CtiLog {
    /// The newest 60 calls.
    list: Vec<CtiCall>,
    assets: CtiAssets,
    /// The integrations that Zammad has: which PBXes there are.
    backends: Vec<CtiBackend>,
}

/// What the rows refer to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CtiAssets {
    /// Contacts, by their id.
    #[serde(rename = "User")]
    user: BTreeMap<String, CtiUser>,
}

/// A contact as a user of Zammad.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CtiUser {
    id: i64,
    firstname: String,
    lastname: String,
    fullname: String,
    organization: Option<String>,
    note: Option<String>,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// An integration of Zammad.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CtiBackend {
    name: &'static str,
    enabled: bool,
    url: &'static str,
}

/// A call. Durations are in whole seconds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CtiCall {
    id: i64,
    direction: Option<Direction>,
    /// newCall, answer or hangup.
    state: &'static str,
    from: Option<String>,
    from_comment: Option<String>,
    to: Option<String>,
    to_comment: Option<String>,
    queue: Option<String>,
    call_id: String,
    /// Why it ended.
    comment: Option<String>,
    initialized_at: DateTime<Utc>,
    start_at: Option<DateTime<Utc>>,
    end_at: Option<DateTime<Utc>>,
    duration_waiting_time: Option<i64>,
    duration_talking_time: Option<i64>,
    done: bool,
    preferences: CtiPreferences,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    from_pretty: Option<String>,
    to_pretty: Option<String>,
}

/// Who the far end may be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CtiPreferences {
    /// The caller of an inbound call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    from: Vec<CtiMatch>,
    /// The callee of an outbound call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    to: Vec<CtiMatch>,
    from_pretty: Option<String>,
    to_pretty: Option<String>,
}

/// A contact that has the number.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CtiMatch {
    id: i64,
    caller_id: String,
    comment: Option<String>,
    /// known: it is a contact's number.
    level: &'static str,
    object: &'static str,
    o_id: i64,
    user_id: i64,
    #[schema(value_type = Object)]
    preferences: serde_json::Map<String, serde_json::Value>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl CtiLog {
    /// `matches` by number key, newest contact first. `speaks`: is there a PBX of that dialect?
    pub fn new(
        calls: Vec<Call>,
        matches: &HashMap<String, Vec<Match>>,
        speaks: impl Fn(&str) -> bool,
    ) -> Self {
        let mut user = BTreeMap::new();
        let list = calls
            .into_iter()
            .map(|call| {
                let far = far_end(&call).and_then(|key| matches.get(key)).map_or(&[][..], Vec::as_slice);
                user.extend(far.iter().map(|found| (found.contact_id.to_string(), CtiUser::of(found))));
                CtiCall::of(call, far)
            })
            .collect();
        let backend = |name, dialect, url| CtiBackend { name, enabled: speaks(dialect), url };
        let backends = vec![
            backend("CTI (generic)", "zammad", "#system/integration/cti"),
            backend("sipgate.io", "sipgate", "#system/integration/sipgate"),
            backend("Placetel", "placetel", "#system/integration/placetel"),
        ];
        Self { list, assets: CtiAssets { user }, backends }
    }
}

/// The key of the end that is looked up.
pub fn far_end(call: &Call) -> Option<&String> {
    if call.direction == Some(Direction::Out) { call.to_key.as_ref() } else { call.from_key.as_ref() }
}

impl CtiCall {
    /// `far`: the contacts of the far end.
    fn of(call: Call, far: &[Match]) -> Self {
        let out = call.direction == Some(Direction::Out);
        let seconds = |ms: Option<i64>| ms.map(|ms| ms / 1000);
        let names: Vec<&str> = far.iter().map(|found| found.name.as_str()).collect();
        let far_name = (!names.is_empty()).then(|| names.join(","));
        let users = (!call.users.is_empty()).then(|| call.users.join(", "));
        let (from_comment, to_comment) = if out {
            (users, far_name)
        } else {
            let taker = call.answered_by.clone().or(users).or_else(|| call.queue.clone());
            (far_name.or_else(|| call.extra().from_name.clone()), taker)
        };
        let ours = if out { &call.from_number } else { &call.to_number };
        let pretty = |raw: &Option<String>, key: &Option<String>| {
            raw.as_ref().map(|raw| number::display(raw, key.as_deref().unwrap_or_default()))
        };
        let from_pretty = pretty(&call.from_number, &call.from_key);
        let to_pretty = pretty(&call.to_number, &call.to_key);
        let matches: Vec<CtiMatch> = far.iter().map(CtiMatch::of).collect();
        let (from, to) = if out { (Vec::new(), matches) } else { (matches, Vec::new()) };
        let last = [call.answered_at, call.ended_at, call.done_at].into_iter().flatten().max();
        Self {
            id: call.id,
            direction: call.direction,
            state: match call.state {
                State::Ringing => "newCall",
                State::Connected => "answer",
                State::Ended => "hangup",
            },
            from_comment,
            to_comment,
            queue: call.queue.clone().or_else(|| ours.clone()),
            comment: comment(&call),
            initialized_at: call.started_at.and_utc(),
            start_at: call.answered_at.as_ref().map(Moment::and_utc),
            end_at: call.ended_at.as_ref().map(Moment::and_utc),
            duration_waiting_time: seconds(call.waiting_ms()),
            duration_talking_time: seconds(call.talking_ms()),
            done: call.done,
            preferences: CtiPreferences {
                from,
                to,
                from_pretty: from_pretty.clone(),
                to_pretty: to_pretty.clone(),
            },
            created_at: call.started_at.and_utc(),
            updated_at: last.unwrap_or(call.started_at).max(call.started_at).and_utc(),
            from_pretty,
            to_pretty,
            from: call.from_number,
            to: call.to_number,
            call_id: call.call_id,
        }
    }
}

/// Zammad stores the cause as sent. That a call was blocked it means to write there, and does not.
fn comment(call: &Call) -> Option<String> {
    let ours = || call.cause.map(|cause| cause.to_string());
    let blocked = || (call.outcome == Some(Outcome::Blocked)).then(|| "blocked".to_owned());
    call.raw_cause.clone().or_else(ours).or_else(blocked)
}

impl CtiMatch {
    fn of(found: &Match) -> Self {
        Self {
            id: found.id,
            caller_id: found.number_key.trim_start_matches('+').to_owned(),
            comment: None,
            level: "known",
            object: "User",
            o_id: found.contact_id,
            user_id: found.contact_id,
            preferences: serde_json::Map::new(),
            created_at: found.created_at.and_utc(),
            updated_at: found.updated_at.and_utc(),
        }
    }
}

impl CtiUser {
    fn of(found: &Match) -> Self {
        let (firstname, lastname) = found.name.rsplit_once(' ').unwrap_or(("", &found.name));
        Self {
            id: found.contact_id,
            firstname: firstname.into(),
            lastname: lastname.into(),
            fullname: found.name.clone(),
            organization: found.company.clone(),
            note: found.note.clone(),
            active: true,
            created_at: found.created_at.and_utc(),
            updated_at: found.updated_at.and_utc(),
        }
    }
}

#[cfg(test)]
#[path = "zammad_tests.rs"]
mod tests;
