//! A case that is told step by step.

use chrono::TimeDelta;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Map, Value};

use super::config::{Setup, list, text};
use super::{Outcome, expected, xml};
use crate::client::{Answer, Client};
use crate::past;

/// All of them, in order. The error names the step.
pub async fn run(setup: &Setup, steps: &[Value]) -> Outcome {
    for (index, step) in steps.iter().enumerate() {
        self::step(setup, step).await.map_err(|why| format!("step {} ({step}): {why}", index + 1))?;
    }
    Ok(())
}

async fn step(setup: &Setup, step: &Value) -> Outcome {
    let step = step.as_object().ok_or("not an object")?;
    if step.contains_key("path") {
        return request(setup, step).await;
    }
    for (kind, value) in step {
        match kind.as_str() {
            // nobody waits: what there is moves into the past
            "wait_s" => {
                let seconds = value.as_f64().ok_or("wait_s: not a number")?;
                past::let_pass(&setup.app, TimeDelta::milliseconds((seconds * 1000.0) as i64)).await;
            }
            "set_config" => setup.change(value).await?,
            "expect_call" => expected::call(setup, value).await?,
            "expect_no_call" => match expected::rows_of(setup, text(value)?).await {
                (None, None) => {}
                (row, call) => return Err(format!("no call is expected, there is {:?}", row.or(call))),
            },
            "expect_call_count" => count(setup, value).await?,
            _ => return Err(format!("{kind} is unknown to this runner")),
        }
    }
    Ok(())
}

/// Of all calls, or of those with one id.
async fn count(setup: &Setup, wanted: &Value) -> Outcome {
    let calls = setup.app.agent.get_json("/api/v1/calls?limit=500").await;
    let mut ids = list(&calls["data"])?.iter().map(|call| &call["call_id"]).collect::<Vec<_>>();
    let mut number = wanted;
    if wanted.is_object() {
        ids.retain(|id| **id == wanted["call_id"]);
        number = &wanted["count"];
    }
    let holds = number.as_u64() == Some(ids.len() as u64);
    if holds { Ok(()) } else { Err(format!("{} calls, expected {wanted}", ids.len())) }
}

async fn request(setup: &Setup, step: &Map<String, Value>) -> Outcome {
    let none = Value::Null;
    let given = |name: &str| step.get(name).unwrap_or(&none);
    let client: &Client = match given("auth").as_str() {
        Some("agent") => &setup.app.agent,
        Some("none") | None => &setup.app.nobody,
        Some(other) => return Err(format!("auth: {other} is unknown to this runner")),
    };
    let method: Method = text(given("method"))?.parse().map_err(|e| format!("method: {e}"))?;
    let request = client.request(method, &filled(setup, text(given("path"))?).await?);
    let fields = pairs(setup, given("form")).await?;
    let request = match (given("encoding").as_str(), given("json"), given("form")) {
        (None | Some("json"), json, Value::Null) if !json.is_null() => request.json(json),
        (Some("multipart"), Value::Null, Value::Object(_)) => request
            .multipart(fields.into_iter().fold(Form::new(), |form, (name, value)| form.text(name, value))),
        (None | Some("form"), Value::Null, Value::Object(_)) => request.form(&fields),
        (None, Value::Null, Value::Null) => request,
        other => return Err(format!("the body {other:?} is unknown to this runner")),
    };
    let answer = client.send(request).await;
    for (name, wanted) in step {
        let right = match name.as_str() {
            "method" | "path" | "form" | "json" | "encoding" | "auth" | "note" | "expect_json_exact" => true,
            "list_order" => wanted == "exact",
            "expect_status" => wanted == answer.status,
            "expect_json" if given("expect_json_exact") == true => answer.json() == *wanted,
            "expect_json" => holds(&answer.json(), wanted),
            "expect_xml" => xml::is(&answer, &xml::filled(setup, wanted).await?).map(|()| true)?,
            "expect_list_call_ids" => same_ids(&answer, wanted, given("list_order") == "exact")?,
            "expect_list_rows" => rows(&answer, wanted).map(|()| true)?,
            _ => return Err(format!("{name} is unknown to this runner")),
        };
        if !right {
            return Err(format!("{name}: expected {wanted}, got {} {}", answer.status, answer.body));
        }
    }
    Ok(())
}

/// A field whose value is a list is repeated.
async fn pairs(setup: &Setup, form: &Value) -> Outcome<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for (name, value) in form.as_object().into_iter().flatten() {
        for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            pairs.push((name.clone(), filled(setup, &value).await?));
        }
    }
    Ok(pairs)
}

/// With its placeholders replaced.
pub async fn filled(setup: &Setup, template: &str) -> Outcome<String> {
    let mut filled =
        template.replace("{token}", &setup.token).replace("{public_base_url}", &setup.public_base_url);
    while let Some((before, rest)) = filled.split_once("{id_of:") {
        let (call_id, after) = rest.split_once('}').ok_or("{id_of: without its end")?;
        let (row, _) = expected::rows_of(setup, call_id).await;
        let id = row.ok_or_else(|| format!("there is no call {call_id}"))?["id"].to_string();
        filled = format!("{before}{id}{after}");
    }
    Ok(filled)
}

/// Does `shown` hold all of `wanted`?
fn holds(shown: &Value, wanted: &Value) -> bool {
    match (shown, wanted) {
        (Value::Object(shown), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| shown.get(name).is_some_and(|shown| holds(shown, wanted)))
        }
        _ => shown == wanted,
    }
}

fn same_ids(answer: &Answer, wanted: &Value, in_order: bool) -> Outcome<bool> {
    let shown = answer.json();
    let mut shown: Vec<&str> =
        list(&shown["list"])?.iter().filter_map(|row| row["call_id"].as_str()).collect();
    let mut wanted: Vec<&str> = list(wanted)?.iter().filter_map(Value::as_str).collect();
    if !in_order {
        shown.sort_unstable();
        wanted.sort_unstable();
    }
    Ok(shown == wanted)
}

fn rows(answer: &Answer, wanted: &Value) -> Outcome {
    let shown = answer.json();
    for wanted in list(wanted)? {
        let row = list(&shown["list"])?.iter().find(|row| row["call_id"] == wanted["call_id"]);
        let row = row.ok_or_else(|| format!("no row of {}", wanted["call_id"]))?;
        expected::in_log(row, wanted.as_object().ok_or("a row is an object")?)?;
    }
    Ok(())
}
