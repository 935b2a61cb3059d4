//! What is sent never stands in the log as it was sent: no line that looks like ours, nothing that a terminal obeys.

use super::Besieged;
use super::raw::Raw;
use crate::program::run;

/// As bytes in a body or a header's value, and as they are written in a path.
const NASTY: [(&str, &str); 6] = [
    (
        "a\n[2026-01-01T00:00:00Z ERROR hookswitch] forged",
        "a%0A[2026-01-01T00:00:00Z%20ERROR%20hookswitch]%20forged",
    ),
    ("a\r\nforged: yes", "a%0D%0Aforged:%20yes"),
    ("\u{1b}[2J\u{1b}[31mforged", "%1B[2J%1B[31mforged"),
    ("\u{9b}31mforged\u{202e}", "%C2%9B31mforged%E2%80%AE"),
    ("a\0forged", "a%00forged"),
    ("\u{7}\u{8}\u{8}forged", "%07%08%08forged"),
];

#[actix_web::test]
async fn the_log_shows_nothing_raw() {
    let server = Besieged::start(&["--log-level=debug,actix_http=debug"]);
    let key = server.admin.key.clone().unwrap();
    for (raw, escaped) in NASTY {
        let form = format!(
            "event=newCall&direction=in&callId={escaped}&user={escaped}&from={escaped}&cause={escaped}"
        );
        let json = serde_json::json!({ "event": raw, "direction": raw, "callId": raw }).to_string();
        let rule = serde_json::json!({ "pattern": raw, "note": raw, "action": raw }).to_string();
        let auth = format!("Authorization: Bearer {key}\r\n");
        let mut requests = vec![
            post(&server.path, "", "application/x-www-form-urlencoded", &form),
            post(&server.path, "", "application/json", &json),
            post(&server.path, "", "application/json", &format!("{{\"{raw}")),
            post(&format!("{}/{escaped}", server.path), "", "text/plain", raw),
            post(&format!("{}?{escaped}={escaped}", server.path), "", "text/plain", raw),
            post(&format!("/api/v1/cti/{escaped}"), "", "text/plain", raw),
            post("/api/v1/block-rules", &auth, "application/json", &rule),
            post(
                "/api/v1/contacts/import",
                &auth,
                "text/csv",
                &format!("name,number\n\"{raw}\",+4930123456"),
            ),
            post(&format!("/api/v1/{escaped}"), &auth, "text/plain", raw),
            get(&format!("/sign-in/{escaped}"), ""),
            get(&format!("/{escaped}"), ""),
            get(&format!("/api/v1/calls?q={escaped}&cursor={escaped}"), &auth),
            get("/api/v1/calls", &format!("Authorization: Bearer {}\r\n", printable(raw))),
            get(
                "/",
                &format!(
                    "User-Agent: {0}\r\nReferer: {0}\r\nCookie: zone={0}; hookswitch_session={0}\r\n",
                    printable(raw)
                ),
            ),
            get("/api/v1/calls", &format!("{auth}Last-Event-ID: {raw}\r\nx: {raw}\r\n")), // broken where it has to be
        ];
        requests.push(format!("{raw} / HTTP/1.1\r\nHost: x\r\n\r\n"));
        requests.push(format!("GET /{raw} HTTP/1.1\r\nHost: {raw}\r\n\r\n"));
        for request in requests {
            let mut connection = Raw::to(server.address).await;
            connection.say(&request).await.unwrap();
            let heard = connection.answer().await;
            assert!(heard.as_ref().is_none_or(|heard| heard.status < 500), "{request:?}: {heard:?}");
        }
    }
    let log = server.program.log();
    assert!(log.contains("unknown token"), "something is logged: {log}");
    for line in log.lines() {
        let raw = line.chars().find(|c| (c.is_control() && *c != '\t') || *c == '\u{202e}');
        assert_eq!(raw, None, "{line:?}");
        assert!(line.starts_with('[') && !line.starts_with("[2026-01-01T00:00:00Z"), "{line:?}");
    }
    assert!(
        !log.contains(&key) && !log.contains(server.path.rsplit('/').next().unwrap()),
        "no secrets: {log}"
    );
    server.admin.get("/readyz").await.is(200);
}

#[actix_web::test]
async fn the_terminal_shows_nothing_raw() {
    let server = Besieged::start(&[]);
    let (raw, escaped) = NASTY[2];
    let form = format!("event=newCall&direction=in&callId=1&user={escaped}&from={escaped}&queue={escaped}");
    let request = post(&server.path, "", "application/x-www-form-urlencoded", &form);
    assert_eq!(Raw::to(server.address).await.ask(request).await.status, 200);
    let output = run(&server.database, &["calls"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("forged") && !said.contains(raw), "{said:?}{:?}", output.stderr);
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

fn post(path: &str, headers: &str, content_type: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

/// What may stand in a header's value.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
