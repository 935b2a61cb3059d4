//! Heads with too much in them.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;

use super::Besieged;
use super::raw::Raw;

#[actix_web::test]
async fn a_head_has_its_limits() {
    let server = Besieged::start(&[]);
    let (before, _) = server.program.memory_mib();
    let long = "a".repeat(1024 * 1024);
    let many = |count| {
        (0..count).fold(String::new(), |mut all, n| {
            let _never_fails = write!(all, "x-{n}: {n}\r\n");
            all
        })
    };
    for (what, head) in [
        ("a long header", format!("GET / HTTP/1.1\r\nHost: x\r\nx: {long}\r\n\r\n")),
        ("a long name", format!("GET / HTTP/1.1\r\nHost: x\r\n{long}: x\r\n\r\n")),
        ("a long path", format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a long query", format!("GET /?{long} HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a long method", format!("{long} / HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("no line end", long.clone()),
        ("1,000 headers", format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", many(1_000))),
        ("100,000 headers", format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", many(100_000))),
        (
            "100,000 cookies",
            format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "a=b; ".repeat(100_000)),
        ),
    ] {
        let mut connection = Raw::to(server.address).await;
        let _cut_off = connection.say(head).await;
        if let Some(heard) = connection.answer().await {
            assert!([400, 413, 414, 431].contains(&heard.status), "{what}: {heard:?}");
        }
        assert!(connection.ended(Duration::from_secs(5)).await.is_ok(), "{what}: still open");
    }
    let (_, peak) = server.program.memory_mib();
    assert!(peak - before < 32.0, "from {before} to {peak} MiB");
    server.stands().await;
}

#[actix_web::test]
async fn what_is_asked_in_advance_is_answered_in_order() {
    let server = Besieged::start(&[]);
    let mut connection = Raw::to(server.address).await;
    let all: String = (0..500).map(|n| format!("GET /nothing-{n} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    connection.say(all).await.unwrap();
    for _ in 0..500 {
        assert_eq!(connection.answer().await.expect("an answer to each").status, 404);
    }
    server.stands().await;
}

#[ignore = "measures"]
#[actix_web::test]
async fn heads_come_as_a_flood() {
    const LINES: u8 = 20;
    let server = Besieged::measured(&[]).await;
    let headers: String = (0..90).map(|n| format!("x-{n}: {}\r\n", "a".repeat(1024))).collect();
    let flood = |request: String, rounds: usize, pause: Duration| {
        let address = server.address;
        join_all((1..=LINES).map(move |host| {
            let request = request.clone();
            async move {
                for _ in 0..rounds {
                    let mut connection = Raw::from(Ipv4Addr::new(127, 0, 2, host), address).await.unwrap();
                    let _cut_off = connection.say(&request).await;
                    let _answer = connection.answer().await;
                    tokio::time::sleep(pause).await;
                }
            }
        }))
    };
    let full = format!("GET /nothing HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let pause = Duration::from_millis(50);
    server.during("4,000 heads of 90 headers and 90 KiB", 64.0, flood(full, 200, pause)).await;
    let endless = format!("GET /nothing HTTP/1.1\r\nHost: x\r\n{}\r\n", "x: y\r\n".repeat(100_000));
    server.during("2,000 heads of 100,000 headers", 64.0, flood(endless, 100, pause)).await;
}
