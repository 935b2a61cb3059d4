//! The address of a recording. FocalScope writes it into the query as it is, so that its own `?` and `&` fall apart
//! into parameters; or encoded in one of two ways, where the administrator chose so.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::names::Names;
use crate::dialect::Refusal;

/// The longest that is kept, in characters.
const LONGEST: usize = 2000;

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, ANY_PADDING);
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, ANY_PADDING);

/// Whole and decoded; `None` where the call is not recorded.
pub fn url(f: &Names) -> Result<Option<String>, Refusal> {
    let encoded = || f.get("RecordingURL_asURIComponent").map(str::to_owned);
    let base64 =
        || f.get("RecordingURL_asBase64").map(|text| decode(text).unwrap_or_else(|| text.to_owned()));
    let plain = || f.get("RecordingURL").map(|url| raw(f).unwrap_or(url).to_owned());
    let Some(url) = plain().or_else(encoded).or_else(base64) else { return Ok(None) };
    match url.chars().count() {
        count if count > LONGEST => Err(Refusal::unprocessable(format!(
            "RecordingURL: {count} characters, at most {LONGEST} are kept"
        ))),
        _ => Ok(Some(url)),
    }
}

/// What was written without encoding: up to the next parameter whose name we know, or the end.
fn raw<'r>(f: &Names<'r>) -> Option<&'r str> {
    let (name, request) = (f.name("RecordingURL")?, f.request());
    let of_body = || std::str::from_utf8(request.body).ok();
    let text = if request.query.is_empty() { of_body()? } else { request.query };
    let starts = std::iter::once(0).chain(text.match_indices('&').map(|(at, _)| at + 1));
    let value_of = |at: usize| text[at..].strip_prefix(name)?.strip_prefix('=');
    let value = starts.into_iter().find_map(value_of)?;
    let scheme = value.split_once("://")?.0;
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let known = |at: &usize| value[at + 1..].split_once('=').is_some_and(|(name, _)| f.is_one(name));
    let end = value.match_indices('&').map(|(at, _)| at).find(known);
    Some(&value[..end.unwrap_or(value.len())])
}

/// Either alphabet, with padding or without; a `+` came out of the query as a blank.
fn decode(text: &str) -> Option<String> {
    let text = text.replace(' ', "+");
    let bytes = PLAIN.decode(&text).or_else(|_| FOR_URLS.decode(&text)).ok()?;
    let url = String::from_utf8(bytes).ok()?;
    (!url.contains('\0')).then_some(url)
}
