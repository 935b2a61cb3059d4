//! Bodies that are not what they say, do not come, do not end, or are far more than they look.

use std::io::Write;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::raw::{Heard, Raw};
use super::{Besieged, CLIENT_TIMEOUT_S};
use crate::harness::spawn;

const FORM: &str = "application/x-www-form-urlencoded";
/// Long enough for whatever the server waits for, and its linger.
const PATIENCE: Duration = Duration::from_secs(4 * CLIENT_TIMEOUT_S + 10);

/// Where bodies are read: of a PBX that is known, by strangers, of people, of pages.
fn places(server: &Besieged) -> Vec<(String, String)> {
    let key = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\n",
        server.admin.key.as_deref().unwrap()
    );
    let page = format!("Sec-Fetch-Site: same-origin\r\nContent-Type: {FORM}\r\n");
    let form = format!("Content-Type: {FORM}\r\n");
    vec![
        (format!("POST {}", server.path), form.clone()),
        ("POST /api/v1/cti/unknown".into(), form.clone()),
        ("PUT /api/v1/rules".into(), key.clone()),
        ("POST /api/v1/contacts/import".into(), key.replace("application/json", "text/csv")),
        ("POST /api/v1/keys".into(), key),
        ("POST /api/v1/keys".into(), String::new()),
        ("POST /sign-in".into(), page),
        ("POST /servicemanager/rest/CallManagementAPI/subscribe".into(), form.clone()),
        ("POST /nothing".into(), form),
    ]
}

fn head(place: &(String, String), length: &str) -> String {
    format!("{} HTTP/1.1\r\nHost: x\r\n{}{length}\r\n\r\n", place.0, place.1)
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Besieged::start(&[]);
    let begun = Instant::now();
    let all = places(&server).into_iter().flat_map(|place| {
        ["Content-Length: 1000", "Transfer-Encoding: chunked"].map(|length| (place.clone(), length))
    });
    join_all(all.map(|(place, length)| drip(&server, place, length, b"", 0))).await;
    assert!(begun.elapsed() >= Duration::from_secs(CLIENT_TIMEOUT_S), "a slow one has its time");
    server.stands().await;
}

#[actix_web::test]
async fn a_body_that_drips_is_not_waited_for() {
    let server = Besieged::start(&[]);
    let all = places(&server).into_iter().flat_map(|place| {
        [("Content-Length: 100000", &b"a"[..]), ("Transfer-Encoding: chunked", b"1\r\na\r\n")]
            .map(|(length, drop)| (place.clone(), length, drop))
    });
    join_all(all.map(|(place, length, drop)| drip(&server, place, length, drop, usize::MAX))).await;
    server.stands().await;
}

/// Says the head, then drops of a body, and waits until it is given up.
async fn drip(server: &Besieged, place: (String, String), length: &str, drop: &[u8], drops: usize) {
    let mut connection = Raw::to(server.address).await;
    connection.say(head(&place, length)).await.unwrap();
    let begun = Instant::now();
    for _ in 0..drops {
        if connection.say(drop).await.is_err() {
            return; // closed
        }
        assert!(begun.elapsed() < PATIENCE, "{place:?}, {length}: still listened to");
        sleep(Duration::from_millis(50)).await;
    }
    let heard = connection.ended(PATIENCE).await;
    assert!(heard.is_ok(), "{place:?}, {length}: still open after {PATIENCE:?}");
}

#[actix_web::test]
async fn a_body_without_end_is_cut_off() {
    let server = Besieged::start(&[]);
    let (before, _) = server.program.memory_mib();
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let plain = "a".repeat(0x10000);
    for place in places(&server) {
        for (length, piece) in
            [("Transfer-Encoding: chunked", &chunk), ("Content-Length: 99999999999", &plain)]
        {
            let mut connection = Raw::to(server.address).await;
            connection.say(head(&place, length)).await.unwrap();
            let begun = Instant::now();
            let mut said = 0;
            while connection.say(piece).await.is_ok() {
                said += piece.len();
                assert!(begun.elapsed() < PATIENCE, "{place:?}, {length}: {said} bytes were taken");
            }
        }
    }
    server.stands().await;
    let (_, peak) = server.program.memory_mib();
    assert!(peak - before < 128.0, "from {before} to {peak} MiB"); // JSON and CSV may be 32 MiB
}

#[actix_web::test]
async fn a_compressed_body_is_measured_by_what_comes_of_it() {
    let server = Besieged::start(&[]);
    let (before, _) = server.program.memory_mib();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; 1024 * 1024];
    for _ in 0..512 {
        gzip.write_all(&zeros).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 1024 * 1024, "512 MiB in {} bytes", bomb.len());
    for place in places(&server) {
        let mut connection = Raw::to(server.address).await;
        let length = format!("Content-Encoding: gzip\r\nContent-Length: {}", bomb.len());
        connection.say(head(&place, &length)).await.unwrap();
        let _cut_off = connection.say(&bomb).await;
        if let Some(heard) = connection.answer().await {
            assert!((400..500).contains(&heard.status), "{place:?}: {heard:?}");
        }
    }
    let (_, peak) = server.program.memory_mib();
    assert!(peak - before < 200.0, "from {before} to {peak} MiB"); // rules may be 32 MiB, twice while they are read
    server.stands().await;
}

#[actix_web::test]
async fn json_that_is_too_deep_and_forms_that_are_too_many_are_refused() {
    let app = spawn();
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let parts = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n".repeat(1_100) + "--b--\r\n";
    let pairs = "a=1&".repeat(16_000);
    let nothing = "&".repeat(64_000);
    let percents = "%41".repeat(21_000);
    for (content_type, body, status) in [
        ("application/json", format!("{{\"event\":\"newCall\",\"x\":{deep}}}"), 422),
        ("application/json", deep.clone(), 400),
        ("application/json", "{".repeat(60_000), 400),
        ("multipart/form-data; boundary=b", parts, 400),
        (FORM, pairs, 400),
        (FORM, nothing, 422),
        (FORM, percents, 422),
    ] {
        let began = Instant::now();
        let answer = app.post_raw(Some(content_type), body.clone()).await;
        assert_eq!(answer.status, status, "{content_type} {body:.40}: {}", answer.body);
        assert!(began.elapsed() < Duration::from_secs(5), "{body:.40}: {:?}", began.elapsed());
    }
    for path in ["/api/v1/keys", "/api/v1/rules/check", "/api/v1/webhooks"] {
        let body = format!("{{\"name\":{deep}}}");
        let request =
            app.admin.request(reqwest::Method::POST, path).header("Content-Type", "application/json");
        let answer = app.admin.send(request.body(body)).await;
        assert!([400, 404, 405, 422].contains(&answer.status), "{path}: {answer:?}");
    }
    app.post_form(&[("event", "newCall"), ("direction", "in"), ("callId", "1")]).await.is(200);
}

#[ignore = "measures"]
#[actix_web::test]
async fn two_thousand_clients_drip_their_requests() {
    const CLIENTS: u8 = 200;
    let server = Besieged::measured(&[]).await;
    let drips = |body: bool| {
        let (address, path) = (server.address, server.path.clone());
        let one = move |n: u64, at: Ipv4Addr, path: String| async move {
            sleep(Duration::from_millis(2 * n)).await; // 500 new ones a second
            let begun = Instant::now();
            let mut connection = Raw::from(at, address).await.unwrap();
            let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n");
            let (at_once, slowly) = if body { (format!("{head}\r\n"), "a") } else { (head, "x: y\r\n") };
            let mut said = connection.say(at_once).await;
            while said.is_ok() {
                sleep(Duration::from_millis(500)).await;
                said = connection.say(slowly).await;
                assert!(begun.elapsed() < PATIENCE, "it is still listened to");
            }
        };
        join_all(
            (1..=10)
                .flat_map(move |net| (1..=CLIENTS).map(move |host| Ipv4Addr::new(127, 0, net, host)))
                .zip(0..)
                .map(move |(at, n)| one(n, at, path.clone())),
        )
    };
    server.during("2,000 connections that drip heads, 1,000 at once", 64.0, drips(false)).await;
    server.during("2,000 connections that drip bodies, 1,000 at once", 64.0, drips(true)).await;
}

/// Not read as text where it is none.
#[actix_web::test]
async fn a_length_that_lies_harms_nobody_else() {
    let server = Besieged::start(&[]);
    let body = "event=newCall&direction=in&callId=1";
    let mut connection = Raw::to(server.address).await;
    // the rest is read as another request, which is none
    let request = format!("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{body}", server.path);
    let Heard { status, .. } = connection.ask(request).await;
    assert_eq!(status, 422);
    let second = connection.answer().await;
    assert!(second.as_ref().is_none_or(|heard| heard.status == 400), "{second:?}");
    server.stands().await;
}
