#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use actix_web::http::header::HeaderMap;

use super::*;
use crate::call::CallEvent;
use crate::clock;
use crate::dialect::params::Params;
use crate::dialect::{Said, named};
use crate::number::Numbering;
use crate::pbx::Options;

/// What a dialect makes of a query; its PBX is in the USA.
fn read(dialect: &str, tail: &str, query: &str, options: &Options) -> CallEvent {
    let said = named(dialect).unwrap().parse(&Request {
        params: &Params::read(query, None, b"").unwrap(),
        numbering: &Numbering::new("US", None).unwrap(),
        options,
        tail: Some(tail),
        query,
        headers: &HeaderMap::new(),
        body: b"",
        received: clock::now(),
    });
    match said {
        Ok(Said::Event(event)) => event,
        other => panic!("{query}: {other:?}"),
    }
}

#[test]
fn a_plus_that_nobody_escaped_is_kept() {
    let keys = |event: &CallEvent| [&event.from, &event.to].map(|it| it.as_ref().unwrap().key().to_owned());
    let query =
        "CallID=1&CallerIDNum=+4312345678&CalledDID=+493023125000&CalledExtension=0003*210&CallFlow=in";
    for dialect in ["voipnow", "telphin"] {
        let event = read(dialect, "dial-in", query, &Options::default());
        assert_eq!(keys(&event), ["+4312345678", "+493023125000"], "{dialect}");
        assert_eq!(event.more.unwrap().extra.did.as_deref(), Some("+493023125000"), "{dialect}");
    }
    let event = read("telphin", "dial-in", &format!("{query}&RemoteNumber=+4312345679"), &Options::default());
    assert_eq!(keys(&event)[0], "+4312345679");
    let query = "CallID=1&CallerExtension=0003*210&CalledNumber=+4312345678&CallFlow=out&CallStatus=ANSWER";
    for dialect in ["voipnow", "telphin"] {
        let event = read(dialect, "answer", query, &Options::default());
        assert_eq!(keys(&event), ["0003*210", "+4312345678"], "{dialect}");
        assert_eq!(event.answering_number.as_deref(), Some("+4312345678"), "{dialect}");
    }
}

#[test]
fn the_first_parameter_may_be_joined_by_a_second_question_mark() {
    for joined in ["x=1?CallID=7", "ev=dial-in?CallID=7", "x?CallID=7", "?CallID=7"] {
        let event = read("voipnow", "dial-in", &format!("{joined}&CallFlow=IN"), &Options::default());
        assert_eq!(event.call_id, "7", "{joined}");
    }
}

#[test]
fn the_admin_names_a_machine_with_its_prefix_or_without() {
    let place = |queue: &str| {
        let mut options = Options::default();
        options.queues.push(queue.into());
        let event = read("voipnow", "dial-in", "CallID=1&CalledExtension=0003*300&CallFlow=IN", &options);
        event.leg().unwrap().place
    };
    for queue in ["0003*300", "300", " 300 ", "0003*300@sip.example.org"] {
        assert_eq!(place(queue), Place::Queue, "{queue}");
    }
    for other in ["30", "00", "0004*300", "*300"] {
        assert_eq!(place(other), Place::Extension, "{other}");
    }
}

#[test]
fn words_are_read_in_any_spelling() {
    let reads = |word| happened(word).map(|it| (it.kind, it.direction));
    for word in ["dial-in", "Dial-In", "DIALIN", "dial_in", "0"] {
        assert_eq!(reads(word), Some((Kind::NewCall, Some(Direction::In))), "{word}");
    }
    for word in ["answer-out", "4"] {
        assert_eq!(reads(word), Some((Kind::Answer, Some(Direction::Out))), "{word}");
    }
    assert_eq!(reads("hangup?CallID=1"), Some((Kind::Hangup, None)));
    assert_eq!(reads("voicemail"), None);
}

#[test]
fn extensions_look_like_extensions() {
    for text in ["13596*106", "17608s*101", "0003*210"] {
        assert!(EXTENSION.is_match(text), "{text}");
    }
    for text in ["+79214567892", "79214567892", "106", "*43", "13596*106@sip.example.org", "1*2"] {
        assert!(!EXTENSION.is_match(text), "{text}");
    }
    assert_eq!(local("13596*106@sip.example.org"), "13596*106");
}
