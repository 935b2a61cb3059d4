//! The rule set of the measurement with many rules. The calls know it: see `calls::parties`.

use serde_json::{Value, json};

use crate::Failure;
use crate::calls::{self, Party};

const BLOCK_RULES: usize = 10_000;
const BLOCK_PREFIXES: usize = 200;
const CALLER_ID_RULES: usize = 1_000;
const CALLER_ID_PREFIXES: usize = 300;

/// Outbound calls that begin so get a caller ID. Its rule is the last one, so that all others are passed over.
pub const DIALLED_PREFIX: &str = "41";
/// The caller ID that they get.
pub const CALLER_ID: &str = "4930609811100";

/// Prints the document for `PUT /api/v1/rules`.
pub fn main() -> Result<(), Failure> {
    println!("{}", serde_json::to_string(&document(&calls::parties()))?);
    Ok(())
}

/// Few callers are blocked; the other rules match nobody, as most rules do.
fn document(parties: &[Party]) -> Value {
    let blocked = parties.iter().filter(|party| party.blocked).map(|party| format!("+{}", party.number));
    let prefixes = (0..BLOCK_PREFIXES).map(|n| format!("+4420{:04}*", 7000 + n));
    let numbers = (0..BLOCK_RULES).map(|n| format!("+49160{:07}", 1_000_000 + n * 773));
    let block_rules: Vec<Value> = blocked
        .chain(prefixes)
        .chain(numbers)
        .take(BLOCK_RULES)
        .map(|pattern| json!({"pattern": pattern, "reason": "busy"}))
        .collect();

    let prefixes = (0..CALLER_ID_PREFIXES).map(|n| format!("3906{:03}*", 100 + n));
    let numbers = (0..CALLER_ID_RULES).map(|n| format!("49162{:07}", 1_000_000 + n * 773));
    let caller_id_rules: Vec<Value> = prefixes
        .chain(numbers)
        .take(CALLER_ID_RULES - 1)
        .chain([format!("{DIALLED_PREFIX}*")])
        .map(|destination| json!({"destination": destination, "caller_id": CALLER_ID}))
        .collect();
    json!({"block_rules": block_rules, "caller_id_rules": caller_id_rules})
}
