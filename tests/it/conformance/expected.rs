//! How a case names what a call shows: in Zammad's shape and in ours.

use serde_json::{Map, Value, json};

use super::config::text;
use super::{Outcome, Setup};

/// A row of Zammad's caller log has these values.
pub fn in_log(row: &Value, expected: &Map<String, Value>) -> Outcome {
    for (field, wanted) in expected {
        let shown = match field.as_str() {
            "call_id" | "direction" | "from" | "to" | "queue" | "state" | "done" => row[field].clone(),
            "from_name" => row["from_comment"].clone(),
            "to_name" => row["to_comment"].clone(),
            "cause" => row["comment"].clone(),
            "has_started" => json!(!row["start_at"].is_null()),
            "has_ended" => json!(!row["end_at"].is_null()),
            "waiting_s" => row["duration_waiting_time"].clone(),
            "talking_s" => row["duration_talking_time"].clone(),
            _ => return Err(format!("{field} is unknown to this runner")),
        };
        same(&format!("{field} in /api/v1/cti/log"), &shown, wanted)?;
    }
    Ok(())
}

/// And so has the call in our own list, as far as the two say the same.
pub fn in_calls(call: &Value, expected: &Map<String, Value>) -> Outcome {
    let inbound = call["direction"] == "in";
    let seconds = |ms: &Value| ms.as_i64().map_or(Value::Null, |ms| json!(ms / 1000));
    for (field, wanted) in expected {
        let mut wanted = wanted.clone();
        let shown = match field.as_str() {
            "from" | "to" => call[field]["number"].clone(),
            "from_name" if inbound => name(&call["from"], &mut wanted),
            "to_name" if !inbound => name(&call["to"], &mut wanted),
            "from_name" => users(call),
            "to_name" => first([call["answered_by"].clone(), users(call), call["queue"].clone()]),
            "queue" => {
                first([call["queue"].clone(), call[if inbound { "to" } else { "from" }]["number"].clone()])
            }
            "state" => match call["state"].as_str() {
                Some("ringing") => json!("newCall"),
                Some("connected") => json!("answer"),
                _ => json!("hangup"),
            },
            "cause" if call["cause"] == wanted => wanted.clone(),
            "cause" => first([call["raw_cause"].clone(), call["cause"].clone(), Value::Null]),
            "has_started" => json!(!call["answered_at"].is_null()),
            "has_ended" => json!(!call["ended_at"].is_null()),
            "waiting_s" => seconds(&call["waiting_ms"]),
            "talking_s" => seconds(&call["talking_ms"]),
            _ => call[field].clone(),
        };
        same(&format!("{field} in /api/v1/calls"), &shown, &wanted)?;
    }
    Ok(())
}

/// A list of two numbers is a range of seconds.
fn same(what: &str, shown: &Value, wanted: &Value) -> Outcome {
    let within = match wanted.as_array().map(Vec::as_slice) {
        Some([least, most]) => shown.as_f64() >= least.as_f64() && shown.as_f64() <= most.as_f64(),
        _ => shown == wanted,
    };
    if within { Ok(()) } else { Err(format!("{what} is {shown}, expected {wanted}")) }
}

/// We show the newest contact; Zammad all of them, the newest first.
fn name(end: &Value, wanted: &mut Value) -> Value {
    if let Some(names) = wanted.as_str() {
        *wanted = json!(names.split(',').next());
    }
    end["name"].clone()
}

fn users(call: &Value) -> Value {
    let names: Vec<&str> = call["users"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() { Value::Null } else { json!(names.join(", ")) }
}

fn first<const N: usize>(values: [Value; N]) -> Value {
    values.into_iter().find(|value| !value.is_null()).unwrap_or_default()
}

/// The newest row of that call id in both lists.
pub async fn rows_of(setup: &Setup, call_id: &str) -> (Option<Value>, Option<Value>) {
    let newest = |rows: &Value| {
        let mut rows = rows.as_array().into_iter().flatten();
        rows.find(|row| row["call_id"] == call_id).cloned()
    };
    let log = setup.app.agent.get_json("/api/v1/cti/log").await;
    let calls = setup.app.agent.get_json("/api/v1/calls?limit=500").await;
    (newest(&log["list"]), newest(&calls["data"]))
}

/// `expect_call`.
pub async fn call(setup: &Setup, expected: &Value) -> Outcome {
    let call_id = text(&expected["call_id"])?;
    let expected = expected.as_object().ok_or("expect_call: not an object")?;
    match rows_of(setup, call_id).await {
        (Some(row), Some(call)) => in_log(&row, expected).and_then(|()| in_calls(&call, expected)),
        (row, call) => Err(format!(
            "call {call_id} is expected; in /api/v1/cti/log: {}, in /api/v1/calls: {}",
            row.is_some(),
            call.is_some()
        )),
    }
}
