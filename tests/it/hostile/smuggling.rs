//! Requests that two servers in a row could read differently. Whoever is unsure refuses and hangs up.

use std::time::Duration;

use super::Besieged;
use super::raw::Raw;

/// What stands behind the first request must never be answered as a second one.
const SMUGGLED: &str = "GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n";

#[actix_web::test]
async fn where_a_body_ends_is_never_in_doubt() {
    let server = Besieged::start(&[]);
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 18446744073709551621\r\n",
        "Content-Length:\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
        "Content-Length: 5\r\n folded: yes\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
    ] {
        let mut connection = Raw::to(server.address).await;
        let request = format!("POST {} HTTP/1.1\r\nHost: x\r\n{headers}\r\n0\r\n\r\n{SMUGGLED}", server.path);
        connection.say(request).await.unwrap();
        let first = connection.answer().await;
        assert!(first.as_ref().is_none_or(|heard| heard.status >= 400), "{headers:?}: {first:?}");
        let rest = connection.ended(Duration::from_secs(9)).await;
        assert!(rest.as_ref().is_ok_and(|rest| !rest.contains(" 200 ")), "{headers:?}: {rest:?}");
    }
    server.stands().await;
}

#[actix_web::test]
async fn chunks_are_read_strictly() {
    let server = Besieged::start(&[]);
    for chunks in [
        "-1\r\na\r\n0\r\n\r\n",
        "fffffffffffffffff\r\na\r\n",
        "0x1\r\na\r\n0\r\n\r\n",
        "g\r\na\r\n0\r\n\r\n",
        "1\na\n0\n\n",
        "1\r\naa\r\n0\r\n\r\n",
        "\r\n\r\n",
    ] {
        let mut connection = Raw::to(server.address).await;
        let head = format!("POST {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", server.path);
        connection.say(format!("{head}{chunks}{SMUGGLED}")).await.unwrap();
        let first = connection.answer().await;
        assert!(first.as_ref().is_none_or(|heard| heard.status >= 400), "{chunks:?}: {first:?}");
        let rest = connection.ended(Duration::from_secs(9)).await;
        assert!(rest.as_ref().is_ok_and(|rest| !rest.contains(" 200 ")), "{chunks:?}: {rest:?}");
    }
    server.stands().await;
}

#[actix_web::test]
async fn strange_request_lines_are_harmless() {
    let server = Besieged::start(&[]);
    let path = &server.path;
    for (line, statuses) in [
        ("GET /healthz HTTP/9.9".to_owned(), &[400][..]),
        ("GET /healthz".into(), &[400]),
        ("GET  /healthz HTTP/1.1".into(), &[400]),
        ("GET healthz HTTP/1.1".into(), &[400, 404]),
        ("GET\t/healthz HTTP/1.1".into(), &[400]),
        ("G\u{e4}T /healthz HTTP/1.1".into(), &[400]),
        ("GET http://elsewhere.example/healthz HTTP/1.1".into(), &[200]),
        ("GET //elsewhere.example/%2e%2e/healthz HTTP/1.1".into(), &[404]),
        ("GET /static/../../../../etc/passwd HTTP/1.1".into(), &[404]),
        ("GET /static/%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1".into(), &[404]),
        ("GET /healthz/..%00 HTTP/1.1".into(), &[400, 404]),
        ("CONNECT elsewhere.example:443 HTTP/1.1".into(), &[400, 404, 405]),
        ("TRACE / HTTP/1.1".into(), &[404, 405]),
        ("OPTIONS * HTTP/1.1".into(), &[400, 404, 405]),
        ("PRI * HTTP/2.0".into(), &[400]),
        (format!("POST {path}/../../keys HTTP/1.1"), &[400, 404, 422]),
        (format!("POST {path}%00 HTTP/1.1"), &[401]),
        (format!("POST {path}%0d%0aX:y HTTP/1.1"), &[401]),
    ] {
        let mut connection = Raw::to(server.address).await;
        connection.say(format!("{line}\r\nHost: x\r\n\r\n")).await.unwrap();
        if let Some(heard) = connection.answer().await {
            assert!(statuses.contains(&heard.status), "{line}: {heard:?}");
            assert!(!heard.head.to_lowercase().contains("\nx:"), "{line}: {heard:?}");
        }
    }
    server.stands().await;
}

#[actix_web::test]
async fn nobody_is_upgraded_and_no_host_is_believed() {
    let server = Besieged::start(&[]);
    let upgrade = "GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    assert_eq!(Raw::to(server.address).await.ask(upgrade).await.status, 401);
    let h2c = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
               HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    assert_eq!(Raw::to(server.address).await.ask(h2c).await.status, 200, "and not 101");

    let key = server.admin.key.as_deref().unwrap();
    let lies = "Host: evil.example\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n\
                X-Forwarded-Proto: gopher\r\nX-Original-URL: /evil.example\r\n";
    let auth = format!("Authorization: Bearer {key}\r\n");
    for (request, headers) in [
        ("GET / HTTP/1.1", ""),
        ("GET /sign-in HTTP/1.1", ""),
        ("GET /calls/1 HTTP/1.1", ""),
        ("GET /api/v1/pbxes HTTP/1.1", auth.as_str()),
        ("GET /api/v1/openapi.json HTTP/1.1", ""),
        ("GET /api/docs HTTP/1.1", ""),
        ("GET /api/docs/ HTTP/1.1", ""),
    ] {
        let heard = Raw::to(server.address).await.ask(format!("{request}\r\n{lies}{headers}\r\n")).await;
        let believed = heard.head.contains("evil.example") || heard.body.contains("evil.example");
        assert!(!believed, "{request}: {heard:?}");
    }
    let body = "key=wrong";
    let sign_in = format!(
        "POST /sign-in HTTP/1.1\r\n{lies}Origin: http://third.example\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(Raw::to(server.address).await.ask(sign_in).await.status, 403);
    server.stands().await;
}
