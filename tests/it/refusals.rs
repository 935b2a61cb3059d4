//! What a PBX hears when something is wrong: always JSON, always what to mend, and never a 5xx.

use hookswitch::store::journal::Verdict;
use hookswitch::store::pbxes::{self, PbxChange};
use reqwest::Method;
use serde_json::json;

use crate::client::Answer;
use crate::harness::{TestApp, spawn, spawn_with};

const CALL: [(&str, &str); 3] = [("event", "newCall"), ("direction", "in"), ("callId", "1")];

/// The `error` of a refusal.
#[track_caller]
fn reason(answer: &Answer) -> String {
    assert!(answer.header("content-type").starts_with("application/json"), "{answer:?}");
    answer.json()["error"].as_str().unwrap().into()
}

#[actix_web::test]
async fn a_wrong_token_is_told_in_zammads_words() {
    let app = spawn();
    let post = async |url: String| app.nobody.send(app.nobody.http.post(url).form(&CALL)).await;
    let refused = post(format!("{}x", app.pbx_url)).await.is(401);
    assert_eq!(reason(&refused), "Invalid token, please contact your admin!");
    post(app.pbx_url.to_lowercase()).await.is(401);
}

#[actix_web::test]
async fn guessing_is_slowed_down_and_locks_nobody_out() {
    let app = spawn_with(&["--failed-tokens-per-minute=3"]);
    let guess = async || app.nobody.send(app.nobody.http.post(format!("{}x", app.pbx_url)).form(&CALL)).await;
    for _ in 0..3 {
        guess().await.is(401);
    }
    let limited = guess().await.is(429);
    assert_eq!(limited.header("retry-after"), "60");
    assert!(reason(&limited).contains("wait a minute"));
    app.post_form(&CALL).await.is(200);
    app.admin.get("/api/v1/keys").await.is(200);
}

#[actix_web::test]
async fn each_refusal_names_the_field() {
    let app = spawn();
    let (long, longer) = ("x".repeat(101), "ü".repeat(251));
    let crowd: Vec<(&str, &str)> = vec![("user[]", "u"); 51];
    for (fields, told) in [
        (&[("event", "newCall"), ("callId", "1")][..], "Invalid direction!"),
        (&[("event", "newCall"), ("callId", "1"), ("direction", "up")], "Invalid direction!"),
        (&[("event", "ring"), ("callId", "1"), ("direction", "in")], "event: unknown event \"ring\""),
        (&[("callId", "1"), ("direction", "in")], "event: missing"),
        (&[("event", "newCall"), ("direction", "in")], "callId: missing"),
        (&[("event", "newCall"), ("direction", "in"), ("callId", "  ")], "callId: missing"),
        (
            &[("event", "newCall"), ("direction", "in"), ("callId", &longer)],
            "callId: 251 characters, at most 250",
        ),
        (&[&CALL[..], &[("from", &long)]].concat(), "from: 101 characters, at most 100"),
        (&[&CALL[..], &[("to", &long)]].concat(), "to: 101 characters, at most 100"),
        (&[&CALL[..], &[("queue", &longer)]].concat(), "queue: 251 characters, at most 250"),
        (&[&CALL[..], &[("user", &longer)]].concat(), "user: 251 characters, at most 250"),
        (&[&CALL[..], &crowd].concat(), "user: 51 users, at most 50"),
    ] {
        let answer = app.post_form(fields).await.is(422);
        assert!(reason(&answer).starts_with(told), "{}", answer.body);
    }
    let latest = &app.journal().await[0];
    assert_eq!((latest.result, latest.status), (Verdict::Refused, Some(422)));
    assert!(latest.why.as_deref().is_some_and(|why| why.starts_with("user: 51")), "the journal says why");
    app.post_form(&[&CALL[..], &[("user", &longer[..500])]].concat()).await.is(200);
}

#[actix_web::test]
async fn unreadable_bytes_are_refused_and_kept_in_the_journal() {
    let app = spawn();
    for (content_type, body, told) in [
        (None, &b"event=newCall&direction=in&callId=a\0b"[..], "NUL"),
        (None, b"event=newCall&direction=in&callId=a%00b", "NUL"),
        (Some("application/json"), br#"{"event":"newCall","direction":"in","callId":"a\u0000"}"#, "NUL"),
        (None, b"event=newCall&direction=in&callId=\xff", "UTF-8"),
        (None, b"event=newCall&direction=in&callId=%ff", "UTF-8"),
        (None, b"event=newCall&direction=in&callId=%zz", "hexadecimal"),
        (Some("application/json"), b"{\"event\":", "JSON"),
        (Some("application/json"), b"[1]", "JSON"),
        (Some("multipart/form-data"), b"--x", "boundary"),
    ] {
        let answer = app.post_raw(content_type, body).await.is(400);
        assert!(reason(&answer).contains(told), "{told}: {}", answer.body);
        assert_eq!(app.journal().await[0].status, Some(400), "{told}");
    }
}

#[actix_web::test]
async fn a_body_may_be_64_kib() {
    let app = spawn();
    let body = |size| format!("event=newCall&direction=in&callId=1&other={:x<size$}", "");
    let head = body(0).len();
    app.post_raw(None, body(64 * 1024 - head)).await.is(200);
    assert!(reason(&app.post_raw(None, body(64 * 1024 - head + 1)).await.is(422)).starts_with("body: "));
}

#[actix_web::test]
async fn other_methods_and_paths_are_told_so_in_json() {
    let app = spawn();
    let path = app.pbx_url.strip_prefix(&app.base_url).unwrap();
    for (method, path, status) in [
        (Method::GET, path, 404), // as Zammad answers
        (Method::PUT, path, 404),
        (Method::POST, "/api/v1/cti", 404),
        (Method::POST, "/api/v1/nothing", 404),
        (Method::GET, "/nothing", 404),
        (Method::PUT, "/api/v1/keys", 405),
        (Method::POST, "/api/v1/calls/7", 405),
    ] {
        let answer = app.nobody.send(app.nobody.request(method.clone(), path)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.json()["status"], answer.status, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{method} {path}");
    }
    let answer = app.nobody.send(app.nobody.request(Method::PUT, "/api/v1/keys")).await;
    assert_eq!(answer.header("allow"), "GET, HEAD, POST");
}

#[actix_web::test]
async fn a_pbx_may_be_bound_to_its_addresses() {
    let app = spawn();
    let allow =
        |networks: &'static str| PbxChange { allowed_addresses: Some(networks.into()), ..Default::default() };
    let id = app.pbx_id;
    app.configure(move |db| pbxes::update(db, id, &allow(r#"["203.0.113.0/24"]"#))).await;
    let refused = app.post_form(&CALL).await.is(403);
    assert!(reason(&refused).contains("127.0.0.1 is not among this PBX's allowed addresses"));
    forwarded(&app, "203.0.113.7").await.is(403); // said by nobody whom we trust
    app.configure(move |db| pbxes::update(db, id, &allow(r#"["127.0.0.0/8"]"#))).await;
    app.post_form(&CALL).await.is(200);
}

#[actix_web::test]
async fn a_trusted_proxy_tells_the_address() {
    let app = spawn_with(&["--trusted-proxies=127.0.0.0/8"]);
    let change = PbxChange { allowed_addresses: Some(r#"["203.0.113.0/24"]"#.into()), ..Default::default() };
    let id = app.pbx_id;
    app.configure(move |db| pbxes::update(db, id, &change)).await;
    forwarded(&app, "198.51.100.1, 203.0.113.7").await.is(200);
    assert_eq!(app.journal().await[0].address.as_deref(), Some("203.0.113.7"));
    forwarded(&app, "203.0.113.7, 198.51.100.1").await.is(403); // the first one anybody may write
    for last in ["198.51.100.1:4711", "[2001:db8::1]:4711", "unknown"] {
        forwarded(&app, &format!("203.0.113.7, {last}")).await.is(403);
    }
}

async fn forwarded(app: &TestApp, header: &str) -> Answer {
    let request = app.nobody.http.post(&app.pbx_url).header("X-Forwarded-For", header).form(&CALL);
    app.nobody.send(request).await
}

#[actix_web::test]
async fn a_rotated_token_is_good_for_its_grace_time() {
    let app = spawn();
    let id = app.pbx_id;
    let path = format!("/api/v1/pbxes/{id}/token");
    let rotate = async |grace_s: i64| app.admin.post_json(&path, &json!({ "grace_s": grace_s })).await;
    let url = |answer: Answer| app.here(answer.is(201).json()["url"].as_str().unwrap());
    let post = async |url: &str| app.nobody.send(app.nobody.http.post(url).form(&CALL)).await;
    let second = url(rotate(3600).await);
    app.post_form(&CALL).await.is(200);
    post(&second).await.is(200);
    let refused = rotate(3600).await.is(409).json();
    assert!(
        refused["detail"].as_str().unwrap().contains("grace of 0"),
        "the PBX may still use the first one"
    );
    app.post_form(&CALL).await.is(200);
    let third = url(rotate(0).await);
    app.post_form(&CALL).await.is(401);
    post(&second).await.is(401);
    post(&third).await.is(200);
}

#[actix_web::test]
async fn a_disabled_pbx_is_told_as_zammad_tells_it() {
    let app = spawn();
    let change = PbxChange { enabled: Some(false), ..Default::default() };
    let id = app.pbx_id;
    app.configure(move |db| pbxes::update(db, id, &change)).await;
    let refused = app.post_form(&CALL).await.is(422);
    assert_eq!(reason(&refused), "Feature not configured, please contact your admin!");
}

#[actix_web::test]
async fn no_token_is_ever_kept() {
    let app = spawn();
    let token = app.pbx_url.rsplit('/').next().unwrap();
    let url = format!("{}?token={token}&hook={}", app.pbx_url, app.pbx_url);
    let fields = [&CALL[..], &[("user", app.pbx_url.as_str())]].concat();
    let request = app.nobody.http.post(url).header("Referer", &app.pbx_url).form(&fields);
    app.nobody.send(request).await.is(200);
    let entry = format!("{:?}", app.journal().await[0]);
    assert!(entry.contains("newCall") && !entry.contains(token), "{entry}");
}

#[actix_web::test]
async fn guessing_of_keys_is_answered_as_what_it_is() {
    let app = spawn_with(&["--failed-tokens-per-minute=1"]);
    let guess = async || {
        let request = app.nobody.request(Method::GET, "/api/v1/calls").bearer_auth("hsk_wrong");
        app.nobody.send(request).await
    };
    guess().await.is(401);
    let limited = guess().await.is(429);
    assert_eq!(limited.header("retry-after"), "60");
    assert_eq!(limited.header("www-authenticate"), "");
    assert_eq!(limited.header("cache-control"), "no-store");
    assert_eq!(limited.json()["status"], 429);
    assert_eq!(limited.json()["title"], "Too Many Requests");
    app.agent.get("/api/v1/calls").await.is(200);
}
