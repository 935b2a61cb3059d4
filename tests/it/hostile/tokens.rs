//! Who tries tokens, and who does it from everywhere.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Besieged;
use super::raw::Raw;
use hookswitch::secret::{new_token, random_bytes};

/// Tokens that are tried.
const TOKENS: usize = 100_000;
/// Connections on which they are.
const LINES: usize = 16;

#[ignore = "measures"]
#[actix_web::test]
async fn a_hundred_thousand_tokens_are_tried() {
    let server = Besieged::measured(&[]).await;
    let statuses = server
        .during("100,000 wrong tokens from one address", 16.0, try_tokens(&server, |_| String::new()))
        .await;
    assert_eq!(statuses.iter().filter(|status| **status == 401).count() + limited(&statuses), TOKENS);
    assert!(limited(&statuses) > TOKENS * 9 / 10, "it is slowed down: {} of {TOKENS}", limited(&statuses));
    let complaints = server.program.log().lines().count();
    assert!(complaints < TOKENS / 20, "the log does not grow with it: {complaints} lines");
}

#[ignore = "measures"]
#[actix_web::test]
async fn tokens_are_tried_from_a_hundred_thousand_addresses() {
    let server = Besieged::measured(&["--trusted-proxies=127.0.0.66/32"]).await;
    let anywhere = |_| format!("X-Forwarded-For: {}\r\n", Ipv4Addr::from(random_bytes::<4>()));
    let statuses = server
        .during("100,000 wrong tokens from as many addresses", 48.0, try_tokens(&server, anywhere))
        .await;
    assert!(statuses.iter().all(|status| [401, 429].contains(status)));
    // whoever has IPv6 has more addresses than anybody can count: they are one
    let neighbours = |n: usize| {
        let one = (0x2001_0db8_u128 << 96) + n as u128;
        format!("X-Forwarded-For: {}\r\n", Ipv6Addr::from_bits(one))
    };
    let statuses = server
        .during("100,000 wrong tokens from one IPv6 network", 16.0, try_tokens(&server, neighbours))
        .await;
    assert!(limited(&statuses) > TOKENS * 9 / 10, "only {} were slowed down", limited(&statuses));
}

/// Tries them all, in pieces as a scanner would; the statuses.
async fn try_tokens(server: &Besieged, header: impl Fn(usize) -> String + Copy + 'static) -> Vec<u16> {
    let address = server.address;
    let lines: Vec<_> = (0..LINES)
        .map(|line| {
            actix_web::rt::spawn(async move {
                let mut connection = Raw::from(Ipv4Addr::new(127, 0, 0, 66), address).await.unwrap();
                let mut statuses = Vec::new();
                for n in 0..TOKENS / LINES {
                    let request = format!(
                        "POST /api/v1/cti/{} HTTP/1.1\r\nHost: x\r\n{}Content-Length: 0\r\n\r\n",
                        new_token(),
                        header(n * LINES + line)
                    );
                    statuses.push(connection.ask(request).await.status);
                    if n % 32 == 31 {
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await; // about 5,000 a second
                    }
                }
                statuses
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for line in lines {
        statuses.extend(line.await.unwrap());
    }
    statuses
}

fn limited(statuses: &[u16]) -> usize {
    statuses.iter().filter(|status| **status == 429).count()
}
