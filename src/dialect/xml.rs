//! The XML that sipgate and Placetel are answered with: one element `Response`, and in it at most one thing to do.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::Reply;
use crate::call::Decision;

/// What stands in the `Response`.
#[derive(Debug)]
pub enum Inside<'a> {
    /// Nothing: go on.
    Nothing,
    /// Turn the caller away.
    Reject {
        /// Left out where the PBX has no word for it.
        reason: Option<&'a str>,
    },
    /// Call on with this caller ID.
    Dial {
        /// As the rule's owner wrote it.
        caller_id: &'a str,
        /// The number to dial.
        number: &'a str,
    },
    /// What is wrong, as Zammad says it to both.
    Error(&'a str),
}

impl<'a> Inside<'a> {
    /// Of a decision; `reason` is the PBX's word for how the caller is turned away.
    pub fn of(decision: &'a Decision, reason: impl FnOnce(crate::call::Reason) -> Option<&'a str>) -> Self {
        match decision {
            Decision::Accept => Self::Nothing,
            Decision::Reject { reason: why, .. } => Self::Reject { reason: reason(*why) },
            Decision::Dial { caller_id, number, .. } => Self::Dial { caller_id, number },
        }
    }

    fn write(&self, to: &mut Writer<Vec<u8>>) -> io::Result<()> {
        match self {
            Self::Nothing => {}
            Self::Reject { reason } => {
                let reason = reason.map(|word| ("reason", word));
                to.create_element("Reject").with_attributes(reason).write_empty()?;
            }
            Self::Dial { caller_id, number } => {
                let caller_id = ("callerId", &*printable(caller_id));
                to.create_element("Dial").with_attribute(caller_id).write_inner_content(|to| {
                    let number = printable(number);
                    to.create_element("Number").write_text_content(BytesText::new(&number)).map(drop)
                })?;
            }
            Self::Error(why) => {
                let why = printable(why);
                to.create_element("Error").write_text_content(BytesText::new(&why))?;
            }
        }
        Ok(())
    }
}

/// Go on: what most requests are answered with.
const NOTHING: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;

/// The answer, with these attributes of `Response`.
pub fn response(status: u16, attributes: &[(&str, &str)], inside: &Inside) -> Reply {
    if attributes.is_empty() && matches!(inside, Inside::Nothing) {
        return Reply::xml(status, NOTHING);
    }
    let mut to = Writer::new(Vec::with_capacity(256));
    to.get_mut().extend_from_slice(br#"<?xml version="1.0" encoding="UTF-8"?>"#);
    let response = to.create_element("Response").with_attributes(attributes.iter().copied());
    let written = match inside {
        Inside::Nothing => response.write_empty().map(drop),
        inside => response.write_inner_content(|to| inside.write(to)).map(drop),
    };
    debug_assert!(written.is_ok(), "memory takes whatever is written");
    Reply::xml(status, String::from_utf8_lossy(&to.into_inner()).into_owned())
}

/// XML 1.0 cannot say control characters, not even escaped.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;

    /// Numbers come from the PBX as they are: none can add an element to the answer.
    #[test]
    fn nothing_breaks_out() {
        let (caller_id, number) = ("\"/><Reject a='&\u{1}", "</Number><Hangup/>&\u{0}\n]]>");
        let reply =
            response(200, &[("onAnswer", "http://x/?a=1&b=\"2\"")], &Inside::Dial { caller_id, number });
        let mut reader = Reader::from_str(&reply.body);
        let mut names = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(element) | Event::Empty(element) => {
                    names.push(element.name().as_ref().to_owned())
                }
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(names, ["Response", "Dial", "Number"], "{}", reply.body);
        assert!(!reply.body.contains(['\u{1}', '\u{0}']));
    }
}
