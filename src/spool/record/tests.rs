use super::*;
use crate::call::Kind;
use crate::clock;
use crate::number::Numbering;

const TOKEN: &str = "a-secret-token";

/// As the first version wrote them, each of another sort.
const FIRST: [&str; 4] = [
    include_str!("first/event.json"),
    include_str!("first/refused.json"),
    include_str!("first/ignored.json"),
    include_str!("first/presence.json"),
];

fn pbx() -> Arc<Pbx> {
    Arc::new(Pbx::of_test(7, "sipgate", TOKEN))
}

#[test]
fn what_the_first_version_wrote_can_be_read() {
    for text in FIRST {
        let record = Record::read(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"));
        let after = record.after;
        let arrival = record.into_arrival(pbx());
        assert_eq!(String::from_utf8(Record::of(&arrival, after).to_bytes()).expect("text"), text.trim_end());
    }
}

#[test]
fn an_arrival_comes_back_as_it_was_but_for_the_token() {
    let numbering = Numbering::new("DE", None).expect("a country");
    let event = crate::call::CallEvent {
        direction: Some(crate::call::Direction::In),
        from: numbering.read("0171 1234567"),
        users: vec!["Alice".into()],
        more: Some(Box::default()),
        ..crate::call::CallEvent::bare("1", Kind::NewCall, clock::now())
    };
    let arrival = Arrival {
        pbx: pbx(),
        received_at: clock::now(),
        address: "192.0.2.1".into(),
        content_type: None,
        query: None,
        body: "event=newCall".into(),
        hook: Some(Hook {
            url: format!("https://calls.example.org/api/v1/sipgate/{TOKEN}"),
            token: TOKEN.into(),
        }),
        said: Ok((Said::Event(event), Decision::Accept)),
        rule: Some(RuleHit::Block(3)),
        given_up: false.into(),
    };
    let bytes = Record::of(&arrival, Some(9)).to_bytes();
    assert!(memchr::memmem::find(&bytes, TOKEN.as_bytes()).is_none());
    let record = Record::read(&bytes).expect("a record");
    assert_eq!((record.pbx_id, record.after), (7, Some(9)));
    let back = record.into_arrival(pbx());
    assert_eq!((back.said, back.rule, back.received_at), (arrival.said, arrival.rule, arrival.received_at));
    assert_eq!(back.hook.expect("a hook").url, "https://calls.example.org/api/v1/sipgate/…");
}
