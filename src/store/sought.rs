//! A number that is looked for in what was sent, however it is written there.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::dialect::params::Params;
use crate::number::Numbering;

/// The longest text that may be a number.
const LONGEST: usize = 100;
/// So many last digits are alike however a number is written; what lacks them is looked at no closer.
const TAIL: usize = 4;

/// Whose, and how numbers are read.
#[derive(Debug, Clone)]
pub struct Sought {
    key: String,
    numbering: Numbering,
}

impl Sought {
    /// The number of that key.
    pub fn new(key: &str, numbering: &Numbering) -> Self {
        Self { key: key.to_owned(), numbering: numbering.clone() }
    }

    /// Its normal form.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Is it this text?
    pub fn is(&self, text: &str) -> bool {
        text.len() <= LONGEST && self.numbering.read(text).is_some_and(|number| number.key() == self.key)
    }

    /// Is it in this field, which may name several users?
    pub fn is_some(&self, text: Option<&str>) -> bool {
        text.is_some_and(|text| self.may_stand_in(text) && text.split(", ").any(|part| self.is(part)))
    }

    /// Such a field without it; `None` where nothing is left.
    pub fn without(&self, text: &str) -> Option<String> {
        let others: Vec<&str> = text.split(", ").filter(|part| !self.is(part)).collect();
        (!others.is_empty()).then(|| others.join(", "))
    }

    /// Is it any text in this JSON?
    pub fn in_json(&self, text: &str) -> bool {
        self.may_stand_in(text)
            && serde_json::from_str::<Value>(text).is_ok_and(|value| self.in_value(&value))
    }

    fn in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is(text),
            Value::Array(values) => values.iter().any(|value| self.in_value(value)),
            Value::Object(fields) => fields.values().any(|value| self.in_value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Does it stand in a request? In one that nobody can read, among whatever looks like a number.
    pub fn in_request(&self, content_type: Option<&str>, query: &str, body: &str) -> bool {
        match Params::read(query, content_type, body.as_bytes()) {
            Ok(params) => params.iter().any(|(_, value)| self.is(value)),
            Err(_) => [query, body].iter().any(|text| self.in_text(text)),
        }
    }

    fn in_text(&self, text: &str) -> bool {
        let text = percent_decode_str(text).decode_utf8_lossy();
        let part_of_one = |c: char| c.is_ascii_digit() || " +-()/.".contains(c);
        text.split(|c| !part_of_one(c)).map(str::trim).any(|run| {
            let key = digits(&self.key);
            let written_out = key.len() > TAIL && digits(run).contains(&key);
            written_out || self.is(run) || self.is(&run.replace('+', " ")) // a form's blanks
        })
    }

    /// Fast, for most texts do not.
    fn may_stand_in(&self, text: &str) -> bool {
        let key = digits(&self.key);
        digits(text).contains(&key[key.len().saturating_sub(TAIL)..])
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_written() {
        let sought = Sought::new("+493023125001", &Numbering::new("DE", None).expect("a region"));
        let unreadable = |text| sought.in_request(Some("application/json"), "", text);
        for text in [
            "{from: +49 (30) 23125001",
            "{ from=030%2023125001&to=4930",
            "{<from>0049-30-23125001</from>",
            "{from=030+23125001",
            "{493023125001",
        ] {
            assert!(unreadable(text), "{text}");
        }
        assert!(!unreadable("{from: +49 30 23125002") && !unreadable("{030 2312500"));
        assert!(sought.in_json(r#"{"legs": [{"users": ["030/23125001"]}]}"#));
        assert!(!sought.in_json(r#"{"why": "30 23125001 is what 030 23125002 was"}"#));
        assert!(
            sought.is_some(Some("030 23125001")) && !sought.is_some(Some("5001")) && !sought.is_some(None)
        );
    }
}
