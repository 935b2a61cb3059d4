//! More connections than anybody needs.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::Besieged;
use super::raw::Raw;

/// Idle connections.
const CONNECTIONS: usize = 10_000;

#[ignore = "measures"]
#[actix_web::test]
async fn ten_thousand_connections_stay_open() {
    let open_files =
        rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let count = CONNECTIONS.min((open_files as usize).saturating_sub(200));
    if count < CONNECTIONS {
        println!("only {count} connections: no more than {open_files} files may be open");
    }
    rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        rustix::process::Rlimit { current: Some(open_files), maximum: Some(open_files) },
    )
    .unwrap();
    let server = Besieged::measured(&["--keep-alive-s=30"]).await;
    let open = async {
        let mut all = Vec::with_capacity(count);
        for first in (0..count).step_by(100) {
            let some = join_all((first..count.min(first + 100)).map(|n| connect(&server, n)));
            all.extend(some.await);
            sleep(Duration::from_millis(100)).await; // about 1,000 new ones a second
        }
        sleep(Duration::from_secs(5)).await;
        for connection in all.iter_mut().step_by(50) {
            assert_eq!(connection.ask(PROBE).await.status, 200, "each of them is served");
        }
        all.len()
    };
    assert_eq!(server.during("10,000 open connections", 400.0, open).await, count);
}

const PROBE: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// One that asked once and then stays, as keep-alive allows.
async fn connect(server: &Besieged, n: usize) -> Raw {
    let address = Ipv4Addr::new(127, 1, (n / 250) as u8, 1 + (n % 250) as u8);
    let mut connection = Raw::from(address, server.address).await.unwrap();
    assert_eq!(connection.ask(PROBE).await.status, 200);
    connection
}

#[actix_web::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let server = Besieged::start(&["--max-connections-per-address=20"]);
    let greedy = Ipv4Addr::new(127, 0, 0, 7);
    let mut all = Vec::new();
    for _ in 0..20 {
        let mut connection = Raw::from(greedy, server.address).await.unwrap();
        assert_eq!(connection.ask(PROBE).await.status, 200);
        all.push(connection);
    }
    let mut more = Raw::from(greedy, server.address).await.unwrap();
    let refused = more.say(PROBE).await.is_err() || more.answer().await.is_none();
    assert!(refused, "the next one is ended at once");
    assert_eq!(Raw::to(server.address).await.ask(PROBE).await.status, 200, "others are let in");
    all.pop();
    let mut again = false;
    for _ in 0..100 {
        let mut connection = Raw::from(greedy, server.address).await.unwrap();
        again = connection.say(PROBE).await.is_ok() && connection.answer().await.is_some();
        if again {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(again, "where one ends, another may begin");
    server.stands().await;
}
