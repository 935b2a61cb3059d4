//! A reader that does not take what it is told.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::event;
use crate::follower::Follower;
use crate::harness::{TestApp, spawn};

/// So many tellings does the feed keep for whoever is behind.
const KEPT: f64 = 128.0;
/// So many calls are told of in a row.
const CALLS: usize = 20;
/// No socket holds what is told of so many.
const MOST: usize = 5_000;

#[actix_web::test]
async fn a_reader_that_is_too_slow_is_sent_away_and_others_do_not_notice() {
    let app = spawn();
    let mut slow = connect(&app);
    let mut quick = Follower::open(&app.agent, "", None).await;
    let (mut all, mut taken) = (BTreeSet::new(), Vec::new());
    // first until the sockets are full; then one call after the other, so that each is a telling of its own
    for (clients, enough) in [(4, 1.0), (1, KEPT)] {
        while app.nobody.metric("hookswitch_feed_unheard").await < enough {
            assert!(all.len() < MOST, "the reader that takes half of it is not behind");
            tell(&app, &mut quick, clients, &mut all).await;
            // the system cuts off who takes nothing at all for a while
            Read::by_ref(&mut slow).take(CALLS as u64 * 6_000).read_to_end(&mut taken).unwrap();
        }
    }
    tell(&app, &mut quick, 1, &mut all).await; // more than can be kept

    slow.read_to_end(&mut taken).expect("it is sent away");
    let text = String::from_utf8(taken).unwrap();
    let ids = || text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse::<i64>().ok());
    let end = text.rsplit("event: ").next().unwrap();
    assert!(end.starts_with("dropped") && end.contains(r#"{"reason":"too slow"#), "{end:.300}");
    let heard: BTreeSet<i64> = ids().filter(|id| all.contains(id)).collect();
    assert!(heard.len() < all.len(), "it was too slow");
    let missing = all.len() - heard.len();
    let mut again = Follower::open(&app.agent, "", ids().next_back()).await;
    let rest: BTreeSet<i64> = again.some(missing).await.iter().map(|event| event.id).collect();
    assert_eq!(&heard | &rest, all, "it goes on where it was sent away");
    let metrics = app.nobody.get("/metrics").await.body;
    assert!(metrics.contains("hookswitch_dropped_readers_total 1"), "{metrics}");
}

/// Calls with long texts, 12 kB each, by so many clients at once. Who keeps up hears them.
async fn tell(app: &TestApp, quick: &mut Follower, clients: usize, all: &mut BTreeSet<i64>) {
    let users = "Somebody with a long name. ".repeat(9).trim().to_owned();
    let users = vec![("user[]", users.as_str()); 50];
    let begun = all.len();
    for first in (begun..begun + CALLS).step_by(clients) {
        let calls = (first..first + clients).map(async |call| {
            event(app, "newCall", &call.to_string(), &[&[("from", "493023125001")], &users[..]].concat())
                .await;
        });
        futures_util::future::join_all(calls).await;
        all.extend(quick.some(clients).await.iter().map(|event| event.id));
    }
    assert_eq!(all.len(), begun + CALLS, "who keeps up hears everything");
}

/// Asks for the stream, and takes no more than the head of the answer.
fn connect(app: &TestApp) -> TcpStream {
    let server: SocketAddr = app.base_url.trim_start_matches("http://").parse().unwrap();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1 << 17).unwrap(); // else the system would take it all for a while
    socket.connect(&server.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    // less than the time between two signs of life: who is not sent away makes the test fail, not wait
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let key = app.agent.key.as_deref().unwrap();
    let head = "GET /api/v1/stream HTTP/1.1\r\nHost: here\r\nConnection: close";
    let request = format!("{head}\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}
