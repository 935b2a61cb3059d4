//! What a PBX tells of its calls in each dialect, what becomes of them, and what it is answered.
//!
//! Input: the dialect's first letter, then requests, parted by the byte 0x1e. A request: a letter for the Content-Type, a
//! digit that chooses what stands behind the token, the query up to the first line end, then the body.
#![no_main]

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use hookswitch::call::{Call, CallEvent, Decision, Moment, Reason};
use hookswitch::dialect::params::Params;
use hookswitch::dialect::{self, Dialect, Reply, Request, Said};
use hookswitch::number::Numbering;
use hookswitch::pbx::Options;
use libfuzzer_sys::fuzz_target;
use quick_xml::events::Event;

static GERMAN: LazyLock<Numbering> = LazyLock::new(|| Numbering::new("DE", None).expect("a region"));

fuzz_target!(|data: &[u8]| {
    let Some((letter, rest)) = data.split_first() else { return };
    let Some(dialect) = dialect::ALL.iter().find(|known| known.name().as_bytes()[0] == *letter) else {
        return;
    };
    let mut calls = HashMap::<(String, String), Call>::new();
    for (second, request) in rest.split(|byte| *byte == 0x1e).take(20).enumerate() {
        let at = Moment::default() + chrono::TimeDelta::seconds(1_700_000_000 + second as i64);
        tell(*dialect, request, at, &mut calls);
    }
});

fn tell(dialect: &dyn Dialect, request: &[u8], at: Moment, calls: &mut HashMap<(String, String), Call>) {
    let [letter, digit, rest @ ..] = request else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let Ok(query) = std::str::from_utf8(&rest[..end]) else { return };
    let body = rest.get(end + 1..).unwrap_or_default();
    let content_type = match letter {
        b'f' => Some("application/x-www-form-urlencoded"),
        b'j' => Some("application/json"),
        b'm' => Some("multipart/form-data; boundary=b"),
        _ => None,
    };
    let Ok(params) = Params::read(query, content_type, body) else { return };
    let tail = dialect.tails().get(usize::from(digit.wrapping_sub(b'0'))).copied();
    let options = options(dialect);
    let mut headers = HeaderMap::new();
    if let Some(signature) = params.get("signature").and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(HeaderName::from_static("x-placetel-signature"), signature.clone());
        headers.insert(HeaderName::from_static("x-sipgate-signature"), signature);
    }
    let request = Request {
        params: &params,
        numbering: &GERMAN,
        options: &options,
        received: at,
        tail,
        query,
        headers: &headers,
        body,
    };
    match dialect.parse(&request) {
        Ok(Said::Event(event)) => {
            within_limits(&event);
            answer(dialect, &event);
            let key = (event.call_id.clone(), event.leg_id.clone());
            let call = calls.entry(key).or_insert_with(|| Call::begin(1, 1, &event));
            hear(call, &event);
        }
        Ok(Said::Presence(presence)) => {
            assert!(
                short(&presence.agent, 250) && short(&presence.kind, 250) && short(&presence.status, 250)
            );
            well_formed(&dialect.acknowledge());
        }
        Ok(Said::Ignored { kind, .. }) => {
            assert!(short(&kind, 40));
            well_formed(&dialect.acknowledge());
        }
        Err(refusal) => {
            assert!((400..500).contains(&refusal.status) && !refusal.why.is_empty());
            let reply = dialect.refuse(&refusal);
            assert_eq!(reply.status, refusal.status);
            well_formed(&reply);
        }
    }
}

/// What is repeated changes nothing, and a call is kept as it is.
fn hear(call: &mut Call, event: &CallEvent) {
    call.apply(event, Decision::Accept);
    let mut again = call.clone();
    again.apply(event, Decision::Accept);
    assert_eq!(again, *call, "{event:?}");
    assert!(
        call.waiting_ms().is_none_or(|ms| ms >= 0) && call.talking_ms().is_none_or(|ms| ms >= 0),
        "{call:?}"
    );
    let kept = serde_json::to_string(call).expect("it can be kept");
    assert_eq!(serde_json::from_str::<Call>(&kept).expect("it can be read"), *call);
    assert!(!kept.contains("\\u0000"), "no database holds a NUL: {kept}");
}

fn within_limits(event: &CallEvent) {
    assert!(!event.call_id.trim().is_empty() && short(&event.call_id, 250) && short(&event.leg_id, 250));
    assert!(event.users.len() <= 50 && event.users.iter().all(|user| short(user, 250)), "{event:?}");
    let numbers = [&event.from, &event.to].into_iter().flatten();
    assert!(numbers.clone().all(|number| short(number.raw(), 100) && short(number.key(), 120)), "{event:?}");
    let texts = [&event.queue, &event.answering_number, &event.raw_cause].into_iter().flatten();
    assert!(texts.clone().all(|text| short(text, 250)), "{event:?}");
}

fn short(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.contains('\0')
}

fn answer(dialect: &dyn Dialect, event: &CallEvent) {
    let number = event.to.as_ref().map_or_else(|| "</Number>&\"{}".to_owned(), |to| to.raw().to_owned());
    let reject = Decision::Reject { reason: Reason::Busy, rule_id: 1, why: "a rule".into() };
    let caller_id = event.from.as_ref().map_or_else(|| "1".to_owned(), |from| from.raw().to_owned());
    let dial = Decision::Dial { caller_id, number, rule_id: 1, why: "a rule".into() };
    for decision in [Decision::Accept, reject, dial] {
        let reply = dialect.render(event, &decision, "https://calls.example/hook?a=1&b=\"2\"");
        assert_eq!(reply.status, 200);
        well_formed(&reply);
    }
}

fn well_formed(reply: &Reply) {
    if reply.content_type.starts_with("application/json") {
        serde_json::from_str::<serde_json::Value>(&reply.body).expect("JSON");
    }
    if !reply.content_type.starts_with("application/xml") {
        return;
    }
    let mut reader = quick_xml::Reader::from_str(&reply.body);
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(element) | Event::Empty(element) => {
                let known = ["Response", "Reject", "Dial", "Number", "Error"];
                assert!(known.contains(&element.name().as_ref()), "{}", reply.body);
                element.attributes().for_each(|attribute| drop(attribute.expect("an attribute")));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let forbidden = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    assert!(!reply.body.contains(forbidden), "{:?}", reply.body);
}

fn options(dialect: &dyn Dialect) -> Options {
    let mut options = Options::default();
    match dialect.name() {
        "placetel" => options.external_api = Some(true),
        "voipnow" | "telphin" => {
            options.queues = vec!["200".into(), "0003*200".into()];
            options.ivrs = vec!["300".into()];
        }
        _ => {}
    }
    options
}
