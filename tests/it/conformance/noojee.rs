//! A case of Noojee's long poll: what happens, what is asked, and what is replied. Ids and cursors are the server's own.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use reqwest::Method;
use serde_json::Value;

use super::Outcome;
use super::config::{Setup, list, text};
use crate::client::Answer;

const SUBSCRIBE: &str = "/servicemanager/rest/CallManagementAPI/subscribe";
/// The calls under way, and the cursor.
const NOW: &str = "timeOut=0&apiKey=KEY&lastSequenceNumber=0&exten=400,410";

/// Plays it.
pub async fn run(setup: &Setup, case: &Value) -> Outcome {
    let mut calls = 0;
    if !case["precondition"].is_null() {
        for given in ["400 dials 410", "410 answers", "one side hangs up"] {
            happens(setup, given, &mut calls).await?;
        }
    }
    let mut cursor = seq(&ask(setup, Method::POST, NOW, "0").await?.json())?;
    let mut same = Same::default();
    for (index, request) in list(&case["requests"])?.iter().enumerate() {
        for given in list(&request["given"])? {
            happens(setup, text(given)?, &mut calls).await?;
        }
        let after = if request["query"].as_str().is_some_and(|query| query.contains("lastSequenceNumber=0")) {
            0
        } else {
            cursor
        };
        let reply = one(setup, request, &case["compare"], after, &mut same).await;
        let reply = reply.map_err(|why| format!("request {}: {why}", index + 1))?;
        cursor = reply.map_or(Ok(cursor), |reply| seq(&reply))?;
    }
    Ok(())
}

/// The reply, where one is expected.
async fn one(
    setup: &Setup,
    request: &Value,
    compare: &Value,
    after: i64,
    same: &mut Same,
) -> Outcome<Option<Value>> {
    let method: Method = text(&request["method"])?.parse().map_err(|e| format!("{e}"))?;
    let asked = Instant::now();
    let answer = ask(setup, method, text(&request["query"])?, &after.to_string()).await?;
    let waited = asked.elapsed().as_millis();
    let bound = |name: &str, usual| compare[name].as_u64().map_or(usual, u128::from);
    if waited < bound("min_wait_ms", 0) || waited > bound("max_wait_ms", 3_000) {
        return Err(format!("it took {waited} ms"));
    }
    if let Some(statuses) = request["expect_status"].as_array() {
        let right = statuses.contains(&answer.status.into());
        return if right { Ok(None) } else { Err(format!("{answer:?}, expected {statuses:?}")) };
    }
    let (reply, expected) = (answer.json(), &request["expect_response"]);
    if answer.status != 200 || reply["Code"] != expected["Code"] {
        return Err(format!("{answer:?}"));
    }
    data(&reply["Data"], &expected["Data"], same).map_err(|why| format!("{why} in {reply}"))?;
    let moved = reply["Data"].as_object().is_some_and(|data| !data.is_empty());
    if seq(&reply)? < after + i64::from(moved) {
        return Err(format!("seq did not grow after {after}: {reply}"));
    }
    Ok(Some(reply))
}

async fn ask(setup: &Setup, method: Method, query: &str, after: &str) -> Outcome<Answer> {
    let key = setup.app.agent.key.as_deref().unwrap_or_default();
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some(("lastSequenceNumber", _)) => format!("lastSequenceNumber={after}"),
        _ => pair.replace("KEY", key),
    });
    let path = format!("{SUBSCRIBE}?{}", pairs.collect::<Vec<_>>().join("&"));
    Ok(setup.app.nobody.send(setup.app.nobody.request(method, &path)).await)
}

fn seq(reply: &Value) -> Outcome<i64> {
    reply["seq"].as_i64().ok_or_else(|| format!("no seq in {reply}"))
}

/// What a case says happens, as a PBX tells it.
async fn happens(setup: &Setup, given: &str, calls: &mut usize) -> Outcome {
    const INSIDE: &[(&str, &str)] = &[("from", "400"), ("to", "410"), ("user", "410")];
    const OUTSIDE: &[(&str, &str)] = &[("from", "493023125001"), ("to", "410"), ("user", "410")];
    let tell = async |event: &str, call: usize, fields: &[(&str, &str)]| {
        let call_id = call.to_string();
        let fields = [&[("event", event), ("direction", "in"), ("callId", &*call_id)], fields].concat();
        let answer = setup.app.nobody.send(setup.app.nobody.http.post(&setup.pbx_url).form(&fields)).await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    };
    let new = given.contains("dials 410") || given.contains("rings");
    *calls += usize::from(new);
    let call = *calls;
    match given {
        "nothing happens; S = current seq" => {}
        "400 dials 410"
        | "400 dials 410, 410 rings"
        | "400 dials 410 (first call)"
        | "400 dials 410 again (second call)" => tell("newCall", call, INSIDE).await?,
        "410 answers" => tell("answer", call, &[("user", "410")]).await?,
        "one side hangs up" => tell("hangup", call, &[("cause", "normalClearing")]).await?,
        "410 is busy" => tell("hangup", call, &[("cause", "busy")]).await?,
        "both calls are rejected" => {
            tell("hangup", call - 1, &[("cause", "noAnswer")]).await?;
            tell("hangup", call, &[("cause", "noAnswer")]).await?;
        }
        "410 rings, is answered and hangs up before the poll" => {
            tell("newCall", call, OUTSIDE).await?;
            tell("answer", call, &[("user", "410")]).await?;
            tell("hangup", call, &[("cause", "normalClearing")]).await?;
        }
        "a call with queue=helpdesk rings at 410" => {
            tell("newCall", call, &[OUTSIDE, &[("queue", "helpdesk")]].concat()).await?;
        }
        "inbound call rings at 410" => tell("newCall", call, OUTSIDE).await?,
        "hangup with cause congestion, never answered" => {
            tell("hangup", call, &[("cause", "congestion")]).await?
        }
        _ => return Err(format!("given: {given:?} is unknown to this runner")),
    }
    Ok(())
}

/// What the case names in its own way stays the same thing, and different things stay different.
#[derive(Default)]
struct Same(HashMap<(&'static str, String), String>);

impl Same {
    fn is(&mut self, what: &'static str, expected: &Value, shown: &Value) -> Outcome {
        let (expected, shown) = (expected.to_string(), shown.to_string());
        let known = self.0.entry((what, expected.clone())).or_insert_with(|| shown.clone()).clone();
        let taken = self.0.iter().any(|((w, e), s)| *w == what && *s == shown && *e != expected);
        if known != shown || (taken && what != "callStartTime") {
            return Err(format!("{what} {expected} was {known}, now it is {shown}; taken: {taken}"));
        }
        Ok(())
    }
}

fn data(shown: &Value, expected: &Value, same: &mut Same) -> Outcome {
    // a set, since the members of an object have no order
    let names = |data: &Value| -> BTreeSet<String> {
        data.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    if names(shown) != names(expected) {
        return Err(format!("extensions {:?}, expected {:?}", names(shown), names(expected)));
    }
    for name in names(expected) {
        let (shown, expected) = (list(&shown[&name])?, list(&expected[&name])?);
        if shown.len() != expected.len() {
            return Err(format!("{} entries of {name}, expected {}", shown.len(), expected.len()));
        }
        for (shown, expected) in shown.iter().zip(expected) {
            entry(shown, expected, same)?;
        }
    }
    Ok(())
}

fn entry(shown: &Value, expected: &Value, same: &mut Same) -> Outcome {
    let call = &shown["CallData"];
    if let Some(words) = expected.as_str() {
        let right = words == "one entry, status Hungup"
            && call["status"] == "Hungup"
            && call["hangupCause"].is_null()
            && is_time(&call["callStartTime"]);
        return if right { Ok(()) } else { Err(format!("not {words}")) };
    }
    if let (Some(_), id) = (expected["CallID"].as_i64(), &shown["CallID"]) {
        id.as_i64().ok_or("CallID is no integer")?;
        same.is("CallID", &expected["CallID"], id)?;
    }
    for (name, wanted) in expected["CallData"].as_object().ok_or("no CallData")? {
        let shown = &call[name];
        match name.as_str() {
            "uniqueCallId" => same.is("uniqueCallId", wanted, shown)?,
            "callStartTime" if wanted != "" => {
                if !is_time(shown) {
                    return Err(format!("callStartTime {shown}"));
                }
                same.is("callStartTime", wanted, shown)?;
            }
            _ if shown == wanted => {}
            _ => return Err(format!("{name} is {shown}, expected {wanted}")),
        }
    }
    let none = expected["CallData"]["hangupCause"].is_null();
    let right = call["hangupCause"].is_null() == none && shown["Code"] == expected["Code"];
    if right { Ok(()) } else { Err("hangupCause or Code".into()) }
}

/// `2014/10/08 17:25:18`
fn is_time(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| chrono::NaiveDateTime::parse_from_str(text, "%Y/%m/%d %H:%M:%S").is_ok())
}
