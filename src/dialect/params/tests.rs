#![expect(clippy::unwrap_used, reason = "a test may fail")]

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const JSON: Option<&str> = Some("application/json; charset=utf-8");

fn read<'a>(content_type: Option<&str>, body: &'a str) -> Params<'a> {
    Params::read("", content_type, body.as_bytes()).unwrap()
}

/// The message of the error.
fn refused(query: &str, content_type: Option<&str>, body: &[u8]) -> String {
    Params::read(query, content_type, body).unwrap_err().to_string()
}

fn pairs<'a>(params: &'a Params<'_>) -> Vec<(&'a str, &'a str)> {
    params.iter().collect()
}

/// clients.md section 1, "Bytes as seen".
#[test]
fn real_clients() {
    let p = read(
        FORM,
        "event=newCall&from=%2B49+30+1234567&to=4930609811111&direction=in&callId=c-1&user=Alice+M%C3%BCller&user=Bob+Smith&queue=support",
    );
    assert_eq!(p.get("from"), Some("+49 30 1234567"));
    assert_eq!(p.all(&["user", "user[]"]), ["Alice Müller", "Bob Smith"]);

    let bridge = r#"{"event":"newCall","from":"030123456","to":"150","direction":"in","call_id":"u-1","callid":"u-1","answeringNumber":"150","user":"Alice Müller"}"#;
    assert_eq!(read(JSON, bridge).get("user"), Some("Alice Müller"));
    let legacy = r#"{"event": "hangup", "from": "anonymous", "to": 816, "call_id": "u", "cause": "cancel", "answeringNumber": null, "user": ""}"#;
    let p = read(JSON, legacy);
    assert_eq!((p.get("to"), p.get("answeringNumber"), p.get("user")), (Some("816"), None, None));
    assert_eq!(p.any(&["callId", "call_id", "callid"]), Some("u"));

    let asterisk = read(
        None,
        "callId=support1545241916.41&user=agent.name&direction=in&event=answer&from=%3Cunknown%3E",
    );
    assert_eq!(asterisk.get("callId"), Some("support1545241916.41"));
    assert_eq!(asterisk.get("from"), Some("<unknown>"));

    let fusion =
        read(FORM, "event=newCall&from=+491701234567&callId=7a1c@10.0.0.5&user[]=Ticket%20System\r\n");
    assert_eq!(fusion.get("from"), Some(" 491701234567"));
    assert_eq!(fusion.all(&["user", "user[]"]), ["Ticket System"]);

    let node_red = read(Some("application/json"), r#"{"event":"newCall","callId":"0"}"#);
    assert_eq!(node_red.get("callId"), Some("0"));
}

/// crates.md section 5; lists as all their spellings come.
#[test]
fn forms() {
    let users = |body| read(FORM, body).all(&["user", "user[]"]);
    assert_eq!(users("user[]=Alice&user[]=Bob"), ["Alice", "Bob"]);
    assert_eq!(users("user%5B%5D=Alice&user%5b%5d=Bob"), ["Alice", "Bob"]);
    assert_eq!(users("user=John+Doe"), ["John Doe"]);
    assert_eq!(users("user[]=a&user=b&user[]=c"), ["a", "b", "c"]);
    assert_eq!(users("user[]=a&from=x&user[]=b"), ["a", "b"]);
    assert_eq!(users("user[x]=1"), Vec::<String>::new());
    let p = read(FORM, "&from&=x&to=&queue=+%20%09&a=b=c&&user[x]=1");
    assert_eq!(pairs(&p), [("a", "b=c"), ("user[x]", "1")]);
    assert_eq!(read(FORM, "from=1&from=2").get("from"), Some("1"));
    assert_eq!(read(FORM, "from=&from=2").get("from"), Some("2"));
    assert_eq!(read(FORM, ""), Params::default());
}

#[test]
fn the_body_wins() {
    fn both<'a>(query: &'a str, body: &'a str) -> Params<'a> {
        Params::read(query, FORM, body.as_bytes()).unwrap()
    }
    let p = both("event=hangup&to=2&user[]=x", "to=1&user=y&from=");
    assert_eq!(pairs(&p), [("to", "1"), ("user", "y"), ("event", "hangup")]);
    assert_eq!(both("from=3", "from=").get("from"), Some("3"));
    assert_eq!(both("from=+49&from=4", "").all(&["from"]), [" 49", "4"]);
}

#[test]
fn json() {
    let p = read(
        None,
        r#" {"to":816,"id":49301234567890123456789,"f":1.50,"yes":true,"user":["A","",null,"B",3],"o":{"x": [1]},
            "deep":[{"y":1}],"none":null,"e":"\u00fc\n","a\"b":"c"} "#,
    );
    let expected = [
        ("to", "816"),
        ("id", "49301234567890123456789"),
        ("f", "1.50"),
        ("yes", "true"),
        ("user", "A"),
        ("user", "B"),
        ("user", "3"),
        ("o", r#"{"x": [1]}"#),
        ("deep", r#"{"y":1}"#),
        ("e", "ü\n"),
        ("a\"b", "c"),
    ];
    assert_eq!(pairs(&p), expected);
    assert_eq!(read(Some("text/plain"), r#"{"a":"b"}"#).get("a"), Some("b"));
    assert_eq!(read(FORM, r#"{"a":"b"}"#).get("a"), Some("b")); // curl -d
    assert_eq!(read(Some("Application/Vnd.x+JSON"), r#"{"a":"b"}"#).get("a"), Some("b"));
    assert_eq!(read(JSON, ""), Params::default());
    assert_eq!(pairs(&read(JSON, "\u{feff}{\"a\":\"b\"}")), [("a", "b")]); // .NET's mark of UTF-8
    let numbers = r#"{"from":49301234567.0,"to":4.9301234567e10,"id":1446647157.10,"small":1e-3}"#;
    let expected =
        [("from", "49301234567"), ("to", "49301234567"), ("id", "1446647157.10"), ("small", "1e-3")];
    assert_eq!(pairs(&read(JSON, numbers)), expected);
    for (body, part) in [
        (r#"["a"]"#, "expected an object of parameters at line 1"),
        ("12", "expected an object"),
        ("{\"a\":1,\n \"b\":}", "line 2 column 6"),
        ("{\"a\":1", "line 1 column 6"),
        (r#"{"a":1} x"#, "trailing characters"),
        (r#"{"a":"\u0000"}"#, "NUL"),
        (r#"{"a":{"b":"\u0000"}}"#, "NUL"),
        (r#"{"a\u0000":1}"#, "NUL"),
        (r#"{"a":"\ud800"}"#, "broken JSON"),
    ] {
        assert!(
            refused("", JSON, body.as_bytes()).contains(part),
            "{body}: {}",
            refused("", JSON, body.as_bytes())
        );
    }
    assert!(refused("", JSON, b"{\"a\":\"\xff\"}").contains("broken JSON"));
}

#[test]
fn multipart() {
    let body = "--XX\r\nContent-Disposition: form-data; name=\"event\"\r\n\r\nnewCall\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"user[]\"\r\nContent-Type: text/plain\r\n\r\nAlice M\u{fc}ller\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"user[]\"\r\n\r\nBob\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"log\"; filename=\"a.txt\"\r\n\r\nx\0y\r\n--XX--\r\n";
    let kind = Some("multipart/form-data; boundary=XX");
    let p = Params::read("to=1", kind, body.as_bytes()).unwrap();
    assert_eq!(pairs(&p), [("event", "newCall"), ("user[]", "Alice Müller"), ("user[]", "Bob"), ("to", "1")]);
    assert!(refused("", kind, &body.as_bytes()[..body.len() - 20]).contains("multipart"));
    assert_eq!(pairs(&Params::read("to=1", kind, b"").unwrap()), [("to", "1")]);
    assert!(refused("", kind, body.replace("Bob", "B\0b").as_bytes()).contains("NUL"));
    assert!(refused("", Some("multipart/form-data"), body.as_bytes()).contains("Content-Type"));
}

#[test]
fn malformed() {
    assert_eq!(refused("a=%zz", None, b""), r#"a % without two hexadecimal digits in the query: "a=%zz""#);
    assert!(refused("", FORM, b"a=b&c=%4").contains("in the form: \"c=%4\""));
    assert!(refused("", FORM, b"a%=b").contains('%'));
    assert!(refused("", FORM, b"from=%ff").contains("not UTF-8"));
    assert!(refused("", FORM, b"from=\xff").contains("not UTF-8"));
    assert!(refused("", FORM, b"from=4%00").contains("\"from\" holds a NUL"));
    assert!(refused("", FORM, b"from=\0").contains("NUL"));
    assert!(refused("a%00=1", FORM, b"").contains("NUL"));
    let many = "a=1&".repeat(MOST);
    assert_eq!(read(FORM, &many).iter().count(), MOST);
    assert!(refused("b=1", FORM, many.as_bytes()).contains("more than 200"));
    let many = format!("{{\"a\":[{}1]}}", "1,".repeat(MOST));
    assert!(refused("", JSON, many.as_bytes()).contains("more than 200"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_it(query in any::<String>(), kind in 0..5usize, body in any::<Vec<u8>>(), text in "[{}\\[\\]\":,a0%&=+\\\\u-]{0,40}") {
        let kind = [None, FORM, JSON, Some("multipart/form-data; boundary=a"), Some("multipart/form-data; boundary=")][kind];
        let _ = Params::read(&query, kind, &body);
        let _ = Params::read(&text, kind, text.as_bytes());
        let _ = Params::read("", kind, format!("--a\r\n{text}\r\n\r\n{query}\r\n--a--").as_bytes());
    }

    #[test]
    fn what_is_written_is_read(list in prop::collection::vec(("[a-z\\[\\]&=+% ü]{1,6}", any::<String>()), 0..12)) {
        let list: Vec<_> = list.into_iter().map(|(name, value)| (name, value.replace('\0', ""))).collect();
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let form: Vec<_> = list.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let quote = |text: &str| serde_json::to_string(text).unwrap();
        let json: Vec<_> = list.iter().map(|(name, value)| format!("{}:{}", quote(name), quote(value))).collect();
        let expected: Vec<_> = list.iter().filter(|(_, value)| !value.trim().is_empty()).cloned().collect();
        for params in [
            Params::read("", FORM, form.join("&").as_bytes()),
            Params::read(&form.join("&"), None, b""),
            Params::read(&form.join("&").replace("%20", "+"), None, b""),
            Params::read("", JSON, format!("{{{}}}", json.join(",")).as_bytes()),
        ] {
            let read: Vec<(String, String)> = params.unwrap().iter().map(|(n, v)| (n.into(), v.into())).collect();
            prop_assert_eq!(&read, &expected);
        }
    }
}
