//! HEAD, wherever there is GET: the same status and headers, and no body.

use std::time::Duration;

use crate::harness::{TestApp, spawn};
use crate::hostile::raw::Raw;

/// All that comes on a connection of its own.
async fn all(app: &TestApp, method: &str, path: &str) -> String {
    let key = app.admin.key.as_deref().unwrap_or_default();
    let mut connection = Raw::to(app.base_url.strip_prefix("http://").unwrap().parse().unwrap()).await;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    );
    connection.say(request).await.unwrap();
    connection.ended(Duration::from_secs(5)).await.unwrap_or_else(|e| panic!("{method} {path}: {e}"))
}

fn head(answer: &str) -> (Vec<&str>, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> =
        head.lines().filter(|line| !line.to_lowercase().starts_with("date:")).collect();
    lines[1..].sort_unstable();
    (lines, body)
}

#[actix_web::test]
async fn head_is_answered_as_get_without_a_body() {
    let app = spawn();
    for path in [
        "/healthz",
        "/readyz",
        "/sign-in",
        "/",
        "/nothing",
        "/api/docs/",
        "/api/v1/openapi.json",
        "/api/v1/calls",
        "/api/v1/calls.csv",
        "/api/v1/calls/999",
        "/api/v1/nothing",
    ] {
        let (got, asked) = (all(&app, "GET", path).await, all(&app, "HEAD", path).await);
        let ((of_get, shown), (of_head, body)) = (head(&got), head(&asked));
        assert_eq!(of_head, of_get, "{path}");
        assert!(body.is_empty() && (path == "/" || !shown.is_empty()), "{path}: {asked}");
    }
    assert!(all(&app, "HEAD", "/metrics").await.starts_with("HTTP/1.1 200 OK"));
    assert!(all(&app, "HEAD", "/api/v1/keys/1").await.contains("405 Method Not Allowed"), "no GET, no HEAD");
}

#[actix_web::test]
async fn what_never_ends_ends_for_head() {
    let app = spawn();
    let asked = all(&app, "HEAD", "/api/v1/stream").await;
    let (lines, body) = head(&asked);
    assert_eq!((lines[0], body), ("HTTP/1.1 200 OK", ""), "{asked}");
    assert!(lines.iter().any(|line| line.ends_with("text/event-stream")), "{asked}");
}

#[actix_web::test]
async fn a_connection_goes_on_after_head() {
    let app = spawn();
    let mut connection = Raw::to(app.base_url.strip_prefix("http://").unwrap().parse().unwrap()).await;
    for path in ["/healthz", "/api/docs/"] {
        connection.say(format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await.unwrap();
        assert!(connection.head().await.unwrap().starts_with("HTTP/1.1 200 OK"));
        let next = connection.ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!((next.status, next.body.as_str()), (200, r#"{"status":"ok"}"#));
    }
}
