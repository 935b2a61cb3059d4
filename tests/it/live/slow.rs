//! A reader that does not take what it is told.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use super::event;
use crate::follower::Follower;
use crate::harness::{TestApp, spawn};

/// So many calls, each with so much text that no socket holds them all.
const CALLS: usize = 900;

#[actix_web::test]
async fn a_reader_that_is_too_slow_is_sent_away_and_others_do_not_notice() {
    let app = spawn();
    let mut slow = connect(&app);
    let mut quick = Follower::open(&app.agent, "", None).await;
    let users = "Somebody with a long name. ".repeat(9).trim().to_owned();
    let users = vec![("user[]", users.as_str()); 50];
    let posted = futures_util::future::join_all((0..4).map(async |client| {
        for call in (client..CALLS).step_by(4) {
            event(&app, "newCall", &call.to_string(), &[&[("from", "493023125001")], &users[..]].concat())
                .await;
        }
    }));
    let (_, told) = futures_util::future::join(posted, quick.some(CALLS)).await;
    let all: BTreeSet<i64> = told.iter().map(|event| event.id).collect();
    assert_eq!(all.len(), CALLS, "who keeps up hears everything");

    let mut text = String::new();
    slow.read_to_string(&mut text).unwrap(); // to the end
    let ids = || text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse::<i64>().ok());
    let end = text.rsplit("event: ").next().unwrap();
    assert!(end.starts_with("dropped") && end.contains(r#"{"reason":"too slow"#), "{end:.300}");
    let heard: BTreeSet<i64> = ids().filter(|id| all.contains(id)).collect();
    assert!(heard.len() < CALLS, "it was too slow");
    let missing = CALLS - heard.len();
    let mut again = Follower::open(&app.agent, "", ids().next_back()).await;
    let rest: BTreeSet<i64> = again.some(missing).await.iter().map(|event| event.id).collect();
    assert_eq!(&heard | &rest, all, "it goes on where it was sent away");
    let metrics = app.nobody.get("/metrics").await.body;
    assert!(metrics.contains("hookswitch_dropped_readers_total 1"), "{metrics}");
}

/// Asks for the stream, and takes no more than the head of the answer.
fn connect(app: &TestApp) -> TcpStream {
    let server: SocketAddr = app.base_url.trim_start_matches("http://").parse().unwrap();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1 << 17).unwrap(); // else the system would take it all for a while
    socket.connect(&server.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    let key = app.agent.key.as_deref().unwrap();
    let head = "GET /api/v1/stream HTTP/1.1\r\nHost: here\r\nConnection: close";
    let request = format!("{head}\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}
