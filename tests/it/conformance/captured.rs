//! A case that is a list of requests as somebody captured or printed them, sent unchanged to the PBX's URL.

use reqwest::Method;
use serde_json::{Value, json};

use super::Outcome;
use super::config::{Setup, list, text};

/// Sends them in order; then exactly the expected calls are there.
pub async fn run(setup: &Setup, requests: &[Value], expected: &Value) -> Outcome {
    for (index, request) in requests.iter().enumerate() {
        let nothing = expected.as_array().is_some_and(Vec::is_empty);
        send(setup, request, nothing)
            .await
            .map_err(|why| format!("request {} ({request}): {why}", index + 1))?;
    }
    let shown = setup.app.agent.get_json("/api/v1/calls?limit=500&order=oldest").await;
    let (shown, expected) = (list(&shown["data"])?, list(expected)?);
    if shown.len() != expected.len() {
        return Err(format!("{} calls, expected {}", shown.len(), expected.len()));
    }
    for wanted in expected {
        let call = shown.iter().find(|call| call["call_id"] == wanted["call_id"]);
        let call = call.ok_or_else(|| format!("no call {}", wanted["call_id"]))?;
        compare(call, wanted).map_err(|why| format!("call {}: {why}", wanted["call_id"]))?;
    }
    Ok(())
}

/// Where the case says neither the status nor that a call comes of it, it may be refused or ignored.
async fn send(setup: &Setup, given: &Value, nothing: bool) -> Outcome {
    let (mut path, mut query) = (setup.pbx_url.clone(), String::new());
    let (mut body, mut content_type) = (None, None);
    let mut statuses = vec![json!(200)];
    let mut headers = Vec::new();
    for (name, value) in given.as_object().ok_or("not an object")? {
        match name.as_str() {
            "method" | "note" | "owner_extension" => {} // of the PBX: an option, see `config::options`
            "kind_hint" => path = format!("{path}/{}", text(value)?),
            "owner_type" if given.get("owner_extension").is_some() || value == "phone" => {}
            "owner_type" => path = format!("{path}/{}", text(value)?),
            "secret" => {} // of the PBX: an option, see `config::options`
            "headers" => headers.extend(value.as_object().ok_or("headers: not an object")?),
            "query" => query = format!("?{}", text(value)?),
            "form" => {
                (body, content_type) = (Some(text(value)?.into()), Some("application/x-www-form-urlencoded"));
            }
            "json" => (body, content_type) = (Some(value.to_string()), Some("application/json")),
            "expect_status" => statuses = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]),
            _ => return Err(format!("{name} is unknown to this runner")),
        }
    }
    let method: Method = given["method"].as_str().unwrap_or("POST").parse().map_err(|e| format!("{e}"))?;
    let mut request =
        setup.app.nobody.http.request(method, format!("{path}{query}")).body(body.unwrap_or_default());
    if let Some(content_type) = content_type {
        request = request.header("Content-Type", content_type);
    }
    for (name, value) in headers {
        request = request.header(name, text(value)?);
    }
    let answer = setup.app.nobody.send(request).await;
    let free = nothing && given.get("expect_status").is_none() && answer.status < 500;
    let right = free || statuses.contains(&json!(answer.status));
    if right { Ok(()) } else { Err(format!("{answer:?}, expected {statuses:?}")) }
}

fn compare(call: &Value, expected: &Value) -> Outcome {
    let ignored =
        |field: &str| expected["ignore"].as_array().is_some_and(|fields| fields.contains(&json!(field)));
    let accepted = expected["accept"].as_object();
    let fields = expected.as_object().into_iter().flatten().map(|(field, _)| field);
    for field in fields.chain(accepted.into_iter().flatten().map(|(field, _)| field)) {
        if ["accept", "ignore"].contains(&field.as_str()) || ignored(field) {
            continue;
        }
        let shown = shown(call, field)?;
        if expected[field] == "~now" {
            near(&shown, call)?;
            continue;
        }
        let also = accepted.and_then(|accepted| accepted.get(field)?.as_array());
        let raw = if field == "cause" { &call["raw_cause"] } else { &shown };
        let exact = expected.get(field).is_some_and(|wanted| shown == *wanted || raw == wanted);
        if !exact && !also.is_some_and(|also| also.contains(&shown)) {
            return Err(format!("{field} is {shown}, expected {} or {also:?}", expected[field]));
        }
    }
    Ok(())
}

fn shown(call: &Value, field: &str) -> Outcome<Value> {
    Ok(match field {
        "call_id" | "direction" | "answered_by" | "answering_number" | "queue" | "leg_id" | "did"
        | "diversion" | "recording_url" | "recording_id" | "internal" | "answered" | "outcome" | "links"
        | "callback_id" | "cause" => call[field].clone(),
        "from" | "to" => call[field]["number"].clone(),
        "user" => call["users"].clone(),
        "started_at" | "answered_at" | "ended_at" => ms(&call[field])?,
        "wait_ms" => reported(call, "waiting_ms"),
        "talk_ms" => reported(call, "talking_ms"),
        "state" => match call["state"].as_str() {
            Some("ringing") => json!("newCall"),
            Some("connected") => json!("answer"),
            _ => json!("hangup"),
        },
        _ => return Err(format!("{field} is unknown to this runner")),
    })
}

/// The time of arrival: within a minute.
fn near(shown: &Value, call: &Value) -> Outcome {
    let now = chrono::Utc::now().timestamp_millis();
    let near = shown.as_i64().is_some_and(|at| (now - 60_000..=now).contains(&at));
    if near { Ok(()) } else { Err(format!("{shown} is not now: {call}")) }
}

/// What the PBX says counts more than what we reckon.
fn reported(call: &Value, field: &str) -> Value {
    let reported = &call[format!("reported_{field}")];
    if reported.is_null() { call[field].clone() } else { reported.clone() }
}

/// RFC 3339 to ms since 1970.
fn ms(time: &Value) -> Outcome<Value> {
    let Some(text) = time.as_str() else { return Ok(Value::Null) };
    let time = chrono::DateTime::parse_from_rfc3339(text).map_err(|e| format!("{text}: {e}"))?;
    Ok(json!(time.timestamp_millis()))
}
