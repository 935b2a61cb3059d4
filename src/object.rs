//! JSON objects where objects are meant: serde would also take a list for a struct, field by field. And which field it
//! is that does not fit.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_path_to_error::{Path, Segment};

use crate::error::Error;

/// What is read from an object and from nothing else.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        from.deserialize_map(Fields(PhantomData))
    }
}

/// For a field that holds an object, or null.
///
/// # Errors
/// What is wrong with the value.
pub fn optional<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(from)?.map(|Object(inner)| inner))
}

/// For a field that holds a list of objects.
///
/// # Errors
/// What is wrong with one of them.
pub fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::<Object<T>>::deserialize(from)?.into_iter().map(|Object(inner)| inner).collect())
}

/// Reads a text that holds one object.
///
/// # Errors
/// `Malformed` where this is not JSON, `Invalid` naming the field that does not fit, as in `block_rules[2].action`.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json);
    let Object(read) = read.map_err(|e| refusal(&e.path().clone(), &e.into_inner()))?;
    json.end().map_err(|e| not_json(&e))?;
    Ok(read)
}

/// What can be read neither as this nor as anything else.
pub fn not_json(e: &serde_json::Error) -> Error {
    Error::Malformed(format!("this is not JSON: {e}"))
}

fn refusal(path: &Path, e: &serde_json::Error) -> Error {
    if !e.is_data() {
        return not_json(e);
    }
    let said = e.to_string();
    let message = said.rsplit_once(" at line ").map_or(said.as_str(), |(message, _)| message);
    let place: Vec<&Segment> = path.iter().filter(|part| !matches!(part, Segment::Unknown)).collect();
    match message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        // what is not there has no place of its own
        Some(name) if place.is_empty() => Error::field(name, "is missing"),
        Some(name) => Error::field(&format!("{path}.{name}"), "is missing"),
        None if place.is_empty() => Error::field("body", message),
        None => Error::field(&path.to_string(), message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Outer {
        name: String,
        done: Option<bool>,
        #[serde(default, deserialize_with = "list")]
        parts: Vec<Part>,
        #[serde(default, deserialize_with = "optional")]
        part: Option<Part>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Part {
        color: Color,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
        Green,
    }

    #[test]
    fn the_field_that_does_not_fit_is_named() {
        let refused = |text: &str| read::<Outer>(text).map(drop).map_err(|e| e.to_string());
        assert_eq!(
            refused(r#"{"name": "x", "parts": [{"color": "red"}], "part": {"color": "green"}}"#),
            Ok(())
        );
        for (text, told) in [
            ("{}", "name: is missing"),
            (r#"{"name": 1}"#, "name: invalid type: integer `1`, expected a string"),
            (r#"{"name": "x", "done": "yes"}"#, "done: invalid type: string \"yes\", expected a boolean"),
            (r#"{"name": "x", "nope": 1}"#, "nope: unknown field"),
            (r#"{"name": "x", "part": {}}"#, "part.color: is missing"),
            (r#"{"name": "x", "part": {"hue": 1}}"#, "part.hue: unknown field"),
            (
                r#"{"name": "x", "parts": [{"color": "red"}, {"color": "blue"}]}"#,
                "parts[1].color: unknown variant",
            ),
            (r#"{"name": "x", "parts": [{"color": "red"}, {}]}"#, "parts[1].color: is missing"),
            (
                r#"{"name": "x", "parts": [["red"]]}"#,
                "parts[0]: invalid type: sequence, expected a JSON object",
            ),
            (r#"["x"]"#, "body: invalid type: sequence, expected a JSON object"),
            (r#"{"name": "x"} {}"#, "this is not JSON: trailing characters"),
            (r#"{"name": "\ud800"}"#, "this is not JSON: "),
            (r#"{"name":"#, "this is not JSON: EOF"),
        ] {
            let said = refused(text).err().unwrap_or_default();
            assert!(said.starts_with(told), "{text}: {said}");
        }
    }
}
