//! An answer in XML, as a case writes it: `{element, attributes, children, text}`.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value, json};

use super::Outcome;
use super::config::Setup;
use super::steps;
use crate::client::Answer;

/// The same elements in the same order, with the same attributes and text, and nothing else.
pub fn is(answer: &Answer, wanted: &Value) -> Outcome {
    let kind = answer.header("content-type");
    if !kind.starts_with("application/xml") {
        return Err(format!("Content-Type {kind}"));
    }
    same(&tree(&answer.body)?, wanted).map_err(|why| format!("{why} in {}", answer.body))
}

/// With the placeholders of its texts replaced.
pub async fn filled(setup: &Setup, wanted: &Value) -> Outcome<Value> {
    let filled = steps::filled(setup, &wanted.to_string()).await?;
    serde_json::from_str(&filled).map_err(|e| e.to_string())
}

fn same(shown: &Value, wanted: &Value) -> Outcome {
    for field in ["element", "attributes", "text"] {
        if !wanted[field].is_null() && shown[field] != wanted[field] {
            return Err(format!("{field} is {}, expected {}", shown[field], wanted[field]));
        }
    }
    let children = |element: &Value| element["children"].as_array().cloned().unwrap_or_default();
    let (shown, wanted) = (children(shown), children(wanted));
    if shown.len() != wanted.len() {
        return Err(format!("{} children, expected {}", shown.len(), wanted.len()));
    }
    shown.iter().zip(&wanted).try_for_each(|(shown, wanted)| same(shown, wanted))
}

fn tree(text: &str) -> Outcome<Value> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![json!({ "children": [] })];
    loop {
        match reader.read_event().map_err(|e| format!("{text}: {e}"))? {
            Event::Start(start) => open.push(element(&start)?),
            Event::Empty(start) => close(&mut open, element(&start)?)?,
            Event::End(_) => {
                let done = open.pop().ok_or("an end without a start")?;
                close(&mut open, done)?;
            }
            Event::Text(part) => {
                let part = part.xml10_content();
                let so_far = &mut open.last_mut().ok_or("text outside")?["text"];
                *so_far = json!(format!("{}{part}", so_far.as_str().unwrap_or_default()));
            }
            Event::Eof => break,
            Event::Decl(_) => {}
            other => return Err(format!("{other:?} is unknown to this runner")),
        }
    }
    let [document] = open.as_slice() else { return Err(format!("{text}: an element does not end")) };
    match document["children"].as_array().map(Vec::as_slice) {
        Some([root]) => Ok(root.clone()),
        _ => Err(format!("{text}: not one element")),
    }
}

fn element(start: &BytesStart) -> Outcome<Value> {
    let mut attributes = Map::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|e| e.to_string())?;
        attributes.insert(attribute.key.as_ref().to_owned(), json!(value));
    }
    Ok(json!({ "element": start.name().as_ref(), "attributes": attributes, "children": [] }))
}

fn close(open: &mut [Value], done: Value) -> Outcome {
    let children = open.last_mut().and_then(|parent| parent["children"].as_array_mut());
    children.ok_or("an end without a start")?.push(done);
    Ok(())
}
