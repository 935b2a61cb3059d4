//! Query, form, JSON, multipart as one list in which blank is absent.

use std::borrow::Cow;
use std::fmt;

use futures_util::{FutureExt, stream};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// More is nobody's call event.
const MOST: usize = 200;

/// What a PBX sent, by name, in order of arrival, the body before the query. No value is blank.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A request that cannot be read (400). Says what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl<'a> Params<'a> {
    /// Reads the parts of a request. `query`: as it stands behind the `?`, still encoded. A parameter of the body
    /// hides one of the query. A body of no known type is a form: the Asterisk bridge sends one without Content-Type.
    pub fn read(query: &'a str, content_type: Option<&str>, body: &'a [u8]) -> Result<Self, Malformed> {
        let mut params = Self(Vec::with_capacity(12));
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body); // .NET's mark of UTF-8
        match Format::of(content_type, body)? {
            Format::Json => params.read_json(body)?,
            Format::Multipart(_) if body.trim_ascii().is_empty() => {}
            Format::Multipart(boundary) => params.read_multipart(boundary, body)?,
            Format::Form => params.read_form(body, "form")?,
        }
        let of_body = params.0.len();
        params.read_form(query.as_bytes(), "query")?;
        if of_body > 0 {
            let of_query = params.0.split_off(of_body);
            let said = |name: &str| params.0.iter().any(|(known, _)| plain(known) == plain(name));
            let rest: Vec<_> = of_query.into_iter().filter(|(name, _)| !said(name)).collect();
            params.0.extend(rest);
        }
        Ok(params)
    }

    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The first of the names that is there.
    pub fn any(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// All values of any of the names, in order of arrival.
    pub fn all(&self, names: &[&str]) -> Vec<String> {
        self.iter().filter(|(known, _)| names.contains(known)).map(|(_, value)| value.to_owned()).collect()
    }

    /// All of them, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    fn add(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) -> Result<(), Malformed> {
        if [&name, &value].iter().any(|text| memchr::memchr(0, text.as_bytes()).is_some()) {
            return Err(Malformed(format!("the parameter {name:?} holds a NUL byte")));
        }
        self.add_clean(name, value)
    }

    /// Without a NUL byte.
    fn add_clean(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) -> Result<(), Malformed> {
        if value.trim_start().is_empty() || name.is_empty() {
            return Ok(());
        }
        if self.0.len() == MOST {
            return Err(Malformed(format!("more than {MOST} parameters")));
        }
        self.0.push((name, value));
        Ok(())
    }

    fn read_form(&mut self, text: &'a [u8], place: &str) -> Result<(), Malformed> {
        let text = std::str::from_utf8(text.trim_ascii_end())
            .map_err(|_| Malformed(format!("text that is not UTF-8 in the {place}")))?;
        let clean = memchr::memchr(0, text.as_bytes()).is_none();
        let mut rest = text;
        while !rest.is_empty() {
            let (pair, after) = cut(rest, b'&');
            rest = after;
            let (name, value) = cut(pair, b'=');
            let wrong = |what| {
                Malformed(format!("{what} in the {place}: {:?}", pair.chars().take(80).collect::<String>()))
            };
            match (decode(name).map_err(wrong)?, decode(value).map_err(wrong)?) {
                (name @ Cow::Borrowed(_), value @ Cow::Borrowed(_)) if clean => {
                    self.add_clean(name, value)?
                }
                (name, value) => self.add(name, value)?,
            }
        }
        Ok(())
    }

    fn read_json(&mut self, body: &'a [u8]) -> Result<(), Malformed> {
        if body.trim_ascii().is_empty() {
            return Ok(());
        }
        let wrong = |e: serde_json::Error| Malformed(format!("broken JSON: {e}"));
        let Object(fields) = serde_json::from_slice(body).map_err(wrong)?;
        for (name, value) in fields {
            if !value.get().starts_with('[') {
                self.add_json(name, value)?;
                continue;
            }
            let elements = serde_json::from_str::<Vec<&RawValue>>(value.get()).map_err(wrong)?;
            for element in elements {
                self.add_json(name.clone(), element)?;
            }
        }
        Ok(())
    }

    /// Text as it is meant, numbers (of any size) and all else as they are written.
    fn add_json(&mut self, name: Cow<'a, str>, value: &'a RawValue) -> Result<(), Malformed> {
        let value = match value.get() {
            "null" => Cow::Borrowed(""),
            text if text.starts_with('"') => {
                serde_json::from_str::<Text>(text)
                    .map_err(|e| Malformed(format!("broken JSON text in the parameter {name:?}: {e}")))?
                    .0
            }
            nested if nested.contains("\\u0000") => Cow::Borrowed("\0"),
            written => whole(written),
        };
        self.add(name, value)
    }

    /// Text parts only; files are left out.
    fn read_multipart(&mut self, boundary: String, body: &[u8]) -> Result<(), Malformed> {
        let body = body.to_vec();
        let mut parts = multer::Multipart::new(stream::iter([Ok::<_, std::io::Error>(body)]), boundary);
        let all = async {
            let wrong = |e: multer::Error| Malformed(format!("broken multipart body: {e}"));
            while let Some(part) = parts.next_field().await.map_err(wrong)? {
                let name = part.name().unwrap_or_default().to_owned();
                let is_file = part.file_name().is_some();
                let value = part.bytes().await.map_err(wrong)?;
                if !is_file {
                    let value = std::str::from_utf8(&value)
                        .map_err(|_| Malformed(format!("the parameter {name:?} is not UTF-8")))?;
                    self.add(name.into(), value.to_owned().into())?;
                }
            }
            Ok(())
        };
        // The whole body is there, so nothing in it can be waited for.
        all.now_or_never()
            .unwrap_or_else(|| Err(Malformed("broken multipart body: it ends too early".into())))
    }
}

enum Format {
    Form,
    Json,
    Multipart(String),
}

impl Format {
    /// Also believes a body that begins as JSON: `curl -d '{..}'` calls it a form.
    fn of(content_type: Option<&str>, body: &[u8]) -> Result<Self, Malformed> {
        let content_type = content_type.unwrap_or_default();
        let media = content_type.split(';').next().unwrap_or_default().trim();
        let ends = |with: &str| {
            let from = media.len().checked_sub(with.len());
            from.and_then(|from| media.get(from..)).is_some_and(|it| it.eq_ignore_ascii_case(with))
        };
        let begins = |with: &str| media.get(..with.len()).is_some_and(|it| it.eq_ignore_ascii_case(with));
        if begins("multipart/") {
            let wrong = |e| Malformed(format!("Content-Type {content_type:?}: {e}"));
            return multer::parse_boundary(content_type).map(Self::Multipart).map_err(wrong);
        }
        let json = media.eq_ignore_ascii_case("application/json") || ends("+json");
        Ok(if json || body.trim_ascii_start().starts_with(b"{") { Self::Json } else { Self::Form })
    }
}

/// A JSON number that is whole, though it was written as 49301234567.0 or 4.93e10: a phone number has no point.
fn whole(written: &str) -> Cow<'_, str> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    let point = written.contains(['.', 'e', 'E']) && written.starts_with(|c: char| c.is_ascii_digit());
    match written.parse::<f64>() {
        Ok(number) if point && number.fract() == 0.0 && number < EXACT => format!("{number:.0}").into(),
        _ => written.into(),
    }
}

/// `user[]` is `user`, written as PHP, Rails and sipgate write lists.
fn plain(name: &str) -> &str {
    name.strip_suffix("[]").unwrap_or(name)
}

/// What stands before and behind the first `at`; all before where there is none.
fn cut(text: &str, at: u8) -> (&str, &str) {
    match memchr::memchr(at, text.as_bytes()) {
        Some(index) => (&text[..index], &text[index + 1..]),
        None => (text, ""),
    }
}

/// Undoes a form's encoding. Strict, unlike browsers: text that was cut or encoded twice should not pass as a number.
fn decode(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if memchr::memchr2(b'%', b'+', text.as_bytes()).is_none() {
        return Ok(text.into());
    }
    let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(b) = rest.next() {
        out.push(match b {
            b'+' => b' ',
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err("a % without two hexadecimal digits"),
            },
            b => b,
        });
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| "text that is not UTF-8")
}

/// A JSON object's fields in their order, each value as it is written.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// JSON text, borrowed where it holds no escape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of parameters")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests;
