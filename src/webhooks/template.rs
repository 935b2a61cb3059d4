//! URLs with placeholders, as FocalScope's adapters have them: `https://crm.example/?from={{CallerID}}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::placeholders::NAMES;

/// What JavaScript's `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Behind any name: the value as base64. `_asURIComponent`, which says what is done anyway, may stand there, too.
const BASE64: &str = "_asBase64";
const COMPONENT_SUFFIX: &str = "_asURIComponent";

enum Piece<'t> {
    Text(&'t str),
    Place { name: &'t str, base64: bool },
}

/// Does it hold any placeholder?
pub fn has_placeholders(text: &str) -> bool {
    text.contains("{{") || text.contains("}}")
}

/// Are its placeholders whole, and known?
///
/// # Errors
/// What is wrong, and what could stand there.
pub fn check(text: &str) -> Result<(), String> {
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) if has_placeholders(text) => {
                return Err("has a {{ without its }}, or the other way round".into());
            }
            Piece::Place { name, .. } if !NAMES.contains(&name) => {
                let known = NAMES.join(", ");
                return Err(format!(
                    "there is no placeholder {{{{{name}}}}}: known are {known}, each also with {BASE64} behind it"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// With each placeholder's value in its place, encoded so that it can stand anywhere behind the host. What has no
/// value is empty.
pub fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(2 * text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Place { name, base64 } => {
                let value = value(name).unwrap_or_default();
                let value = if base64 { STANDARD.encode(value) } else { value };
                filled.extend(utf8_percent_encode(&value, COMPONENT));
            }
        }
    }
    filled
}

/// Does what is filled in make another path of it? A segment that comes out as `.` or `..` is none to a URL, however it
/// is encoded.
pub fn climbs(template: &str, filled: &str) -> bool {
    let path = |text: &str| text.split(['?', '#']).next().unwrap_or_default().to_owned();
    let (template, filled) = (path(template), path(filled));
    let segments = template.split(['/', '\\']).zip(filled.split(['/', '\\']));
    let dots = |segment: &str| [".", ".."].contains(&&*segment.to_lowercase().replace("%2e", "."));
    segments.into_iter().any(|(template, filled)| has_placeholders(template) && dots(filled))
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, place)) = rest.split_once("{{")
        && let Some((name, after)) = place.split_once("}}")
    {
        let name = name.trim();
        let bare = name.strip_suffix(BASE64);
        pieces.push(Piece::Text(before));
        pieces.push(Piece::Place {
            name: bare.or_else(|| name.strip_suffix(COMPONENT_SUFFIX)).unwrap_or(name),
            base64: bare.is_some(),
        });
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_as_components() {
        let value = |name: &str| (name == "CallerID").then(|| "a b&c=d+é/?".to_owned());
        let filled = fill("https://x/{{CallerID}}?a={{ CallerID }}&b={{DID}}&c={{CallerID_asBase64}}", value);
        assert_eq!(
            filled,
            "https://x/a%20b%26c%3Dd%2B%C3%A9%2F%3F?a=a%20b%26c%3Dd%2B%C3%A9%2F%3F&b=&c=YSBiJmM9ZCvDqS8%2F"
        );
        let component = fill("{{CallerID_asURIComponent}}", value);
        assert_eq!(component, fill("{{CallerID}}", value));
        assert_eq!(
            fill("{{CallerID}}", |_| Some("{{DID}}".into())),
            "%7B%7BDID%7D%7D",
            "what is filled in stays text"
        );
    }

    #[test]
    fn no_value_climbs_out_of_its_path() {
        let climbs_with =
            |template: &str, value: &str| climbs(template, &fill(template, |_| Some(value.into())));
        for (template, value) in [
            ("https://x/a/{{CallerID}}/b", ".."),
            ("https://x/a/{{CallerID}}?c=d", "."),
            ("https://x/a/{{CallerID}}{{DID}}", "."),
            ("https://x/a/%2e{{CallerID}}", "."),
        ] {
            assert!(climbs_with(template, value), "{template}");
        }
        for template in
            ["https://x/a/v{{CallerID}}", "https://x/../a?b={{CallerID}}", "https://x/a?b=/{{DID}}/"]
        {
            assert!(!climbs_with(template, ".."), "{template}");
        }
        assert!(!climbs_with("https://x/{{CallerID}}/", "../.."), "a slash is encoded");
    }

    #[test]
    fn a_template_is_checked_when_it_is_saved() {
        for good in
            ["https://x/", "https://x/?a={{CallID}}&b={{RecordingURL_asBase64}}&c={{DID_asURIComponent}}"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "https://x/{{CallID",
            "https://x/CallID}}",
            "https://x/{{Nonsense}}",
            "https://x/{{}}",
            "https://x/{{callid}}",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
