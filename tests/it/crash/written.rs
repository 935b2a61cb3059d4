//! Is all there that was answered?

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use hookswitch::call::Moment;
use hookswitch::store::journal::Verdict;
use hookswitch::store::schema::{calls, feed, journal, live_calls};
use hookswitch::store::target::Target;

use super::load::{Answered, STORY};
use crate::client::Client;

/// What differs.
type Outcome<T = ()> = Result<T, String>;

/// Each answered event has its effect and its line in the journal. `seen` is the newest change number of the rounds
/// before; the newest of this one is answered.
pub async fn through_the_api(admin: &Client, round: usize, answered: &Answered, seen: i64) -> Outcome<i64> {
    let mut shown = BTreeMap::new();
    for call in admin.rows(&format!("/api/v1/calls?queue=r{round}"), |_| true).await {
        let call_id = call["call_id"].as_str().unwrap().to_owned();
        if shown.insert(call_id.clone(), call).is_some() {
            return Err(format!("{call_id} is there twice"));
        }
    }
    for (call_id, events) in answered {
        let call = shown.get(call_id).ok_or_else(|| format!("{call_id} is not there"))?;
        let reached = match events {
            1 => true,
            2 => !call["answered_at"].is_null(),
            _ => {
                call["state"] == "ended" && call["outcome"] == "answered" && call["cause"] == "normalClearing"
            }
        };
        if !reached {
            return Err(format!("{events} events of {call_id} were answered, but it is {call}"));
        }
    }
    let entries = admin.rows("/api/v1/pbxes/1/journal", |entry| entry["change"].as_i64() > Some(seen)).await;
    let changes: Vec<i64> = entries.iter().map(|entry| entry["change"].as_i64().unwrap()).collect();
    if !changes.is_sorted_by(|newer, older| newer > older) {
        return Err(format!("change numbers are not unique or not in order: {changes:?}"));
    }
    let mut heard = BTreeMap::new();
    for entry in &entries {
        let key = (entry["params"]["callId"].as_str().unwrap(), entry["kind"].as_str().unwrap());
        if entry["result"] != "applied" || entry["status"] != 200 || heard.insert(key, entry).is_some() {
            return Err(format!("sent once, but the journal says {entry}"));
        }
    }
    for (call_id, events) in answered {
        for (event, _) in &STORY[..*events] {
            if !heard.contains_key(&(call_id.as_str(), *event)) {
                return Err(format!("{event} of {call_id} was answered, but the journal lacks it"));
            }
        }
    }
    Ok(changes.first().copied().unwrap_or(seen))
}

/// Tables agree with each other.
pub fn in_the_tables(url: &str) -> Outcome {
    let mut db = url.parse::<Target>().unwrap().connect().unwrap();
    db.transaction(|db| {
        let calls: Vec<(i64, i64, Option<Moment>)> =
            calls::table.select((calls::id, calls::change, calls::ended_at)).load(db)?;
        let line = (journal::change, journal::call, journal::result.eq(Verdict::Repeat));
        let lines: Vec<(i64, Option<i64>, bool)> =
            journal::table.select(line).order(journal::change).load(db)?;
        let live: Vec<i64> = live_calls::table.select(live_calls::id).load(db)?;
        let newest: i64 = feed::table.find(1).select(feed::change).first(db)?;
        Ok::<_, diesel::result::Error>(agree(&calls, &lines, &live, newest))
    })
    .unwrap()
}

fn agree(
    calls: &[(i64, i64, Option<Moment>)],
    lines: &[(i64, Option<i64>, bool)],
    live: &[i64],
    newest: i64,
) -> Outcome {
    let not_ended = calls.iter().filter(|(_, _, ended)| ended.is_none()).map(|(id, ..)| *id);
    let (not_ended, live): (BTreeSet<i64>, BTreeSet<i64>) =
        (not_ended.collect(), live.iter().copied().collect());
    if not_ended != live {
        let differ: Vec<_> = not_ended.symmetric_difference(&live).collect();
        return Err(format!("live calls and calls without an end differ in {differ:?}"));
    }
    let mut told: BTreeMap<i64, Vec<(i64, bool)>> = BTreeMap::new();
    for (change, call, repeat) in lines {
        let call = call.ok_or_else(|| format!("change {change} is about no call"))?;
        told.entry(call).or_default().push((*change, *repeat));
    }
    for (id, change, _) in calls {
        let lines = told.remove(id).unwrap_or_default();
        let first = lines.first().map(|(first, _)| first);
        // what was heard before may be a call's last change, where it came with news, and else changes nothing
        let behind: Vec<_> = lines.iter().skip_while(|(line, _)| line != change).collect();
        if first != Some(id) || behind.is_empty() || !behind[1..].iter().all(|(_, repeat)| *repeat) {
            return Err(format!("the journal does not tell how call {id} came to change {change}"));
        }
    }
    let unknown: Vec<_> = told.keys().collect();
    let last = lines.last().map_or(0, |(change, ..)| *change);
    match (unknown.as_slice(), last <= newest) {
        ([], true) => Ok(()),
        ([], false) => Err(format!("change {last} was written, but the feed stands at {newest}")),
        _ => Err(format!("the journal is about calls that are not there: {unknown:?}")),
    }
}
