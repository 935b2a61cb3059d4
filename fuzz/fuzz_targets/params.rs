//! A request's parameters in every encoding, and what the dialect makes of them.
//!
//! Input: a letter for the Content-Type, the query up to the first line end, then the body.
#![no_main]

use std::sync::LazyLock;

use actix_web::http::header::HeaderMap;
use hookswitch::dialect::params::Params;
use hookswitch::dialect::{self, Request};
use hookswitch::number::Numbering;
use hookswitch::pbx::Options;
use libfuzzer_sys::fuzz_target;

static GERMAN: LazyLock<Numbering> = LazyLock::new(|| Numbering::new("DE", None).expect("a region"));

fuzz_target!(|data: &[u8]| {
    let Some((letter, rest)) = data.split_first() else { return };
    let content_type = match letter {
        b'f' => Some("application/x-www-form-urlencoded"),
        b'j' => Some("application/json; charset=utf-8"),
        b'm' => Some("multipart/form-data; boundary=b"),
        b'p' => Some("text/plain"),
        _ => None,
    };
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    let Ok(query) = std::str::from_utf8(&rest[..end]) else { return };
    let body = rest.get(end + 1..).unwrap_or_default();
    let Ok(params) = Params::read(query, content_type, body) else { return };

    for (name, value) in params.iter() {
        assert!(!name.is_empty() && !value.trim_start().is_empty(), "blank is absent: {name:?} {value:?}");
        assert!(!name.contains('\0') && !value.contains('\0'), "no database holds a NUL");
    }
    let form = params.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    let form = form.collect::<Vec<_>>().join("&");
    let again = Params::read("", None, form.as_bytes()).expect("what was read can be sent again");
    assert_eq!(again, params);

    let (options, headers) = (Options::default(), HeaderMap::new());
    let request = Request {
        params: &params,
        numbering: &GERMAN,
        options: &options,
        received: chrono::NaiveDateTime::default(),
        tail: None,
        query,
        headers: &headers,
        body,
    };
    for dialect in dialect::ALL {
        if let Err(refusal) = dialect.parse(&request) {
            assert!((400..500).contains(&refusal.status) && !refusal.why.is_empty());
            let reply = dialect.refuse(&refusal);
            assert!(!reply.body.is_empty());
        }
    }
});

fn escaped(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02x}")).collect()
}
