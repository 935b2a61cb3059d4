//! Where webhooks may go: not into the server's own network unless the operator allows it. A receiver's name is looked
//! up by us, and the connection goes to the very addresses that were checked, so a name that changes its address
//! between check and use (DNS rebinding) gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;

use crate::outbound;

/// The networks that the operator allows beside the public internet. Clones share one list.
#[derive(Debug, Clone)]
pub struct Allowed(Arc<[IpNet]>);

/// A receiver's address is none that may be asked.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} is a private, local or reserved address; the operator can allow its network by starting the server with \
     --webhook-allow"
)]
pub struct Forbidden(IpAddr);

impl Allowed {
    /// These, and what is public.
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// May a webhook go there?
    ///
    /// # Errors
    /// `Forbidden`, with what the operator can do about it.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let address = address.to_canonical(); // ::ffff:10.0.0.1 is 10.0.0.1
        let allowed = self.0.iter().any(|network| network.contains(&address));
        if allowed || is_public(address) { Ok(()) } else { Err(Forbidden(address)) }
    }

    /// The same for a URL whose host is an address: no resolver is asked for it.
    ///
    /// # Errors
    /// As `check`.
    pub fn check_literal(&self, url: &Url) -> Result<(), Forbidden> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host.parse().map_or(Ok(()), |address| self.check(address))
    }
}

/// A client that asks only what is allowed, follows no redirect and knows no proxy.
///
/// # Errors
/// What cannot be had of it.
pub fn client(allowed: &Allowed, timeout: Duration, lookups: usize) -> reqwest::Result<reqwest::Client> {
    let resolver = Arc::new(Resolver { allowed: allowed.clone(), room: Arc::new(Semaphore::new(lookups)) });
    outbound::client(|builder| {
        builder
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .user_agent(concat!("Hookswitch/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .timeout(timeout)
            .dns_resolver(resolver.clone())
    })
}

/// Looks names up and refuses forbidden addresses.
struct Resolver {
    allowed: Allowed,
    /// Each lookup holds a thread for as long as it takes.
    room: Arc<Semaphore>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, room) = (self.allowed.clone(), self.room.clone());
        Box::pin(async move {
            let _one = room.acquire_owned().await?;
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            found.iter().try_for_each(|found| allowed.check(found.ip()))?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// By the IANA's registries of special-purpose addresses: anything that is not plainly global is not.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let special = match v4.octets() {
        [0 | 10 | 127, ..] | [169, 254, ..] | [192, 168, ..] | [192, 0, 0 | 2, _] => true,
        [100, b, ..] => (64..128).contains(&b), // carriers' shared space
        [172, b, ..] => (16..32).contains(&b),
        [198, b, c, _] => b == 18 || b == 19 || (b == 51 && c == 100), // benchmarks, documentation
        [203, 0, 113, _] | [192, 88, 99, _] => true,                   // documentation, 6to4 relays
        [168, 63, 129, 16] => true, // public by its number, but in Azure's machines their host's own service
        [a, ..] => a >= 224,        // multicast, reserved, broadcast
    };
    !special
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d)) // NAT64: leads to that address
        }
        [0x2001, 0..0x200, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..0x1000, ..] => false, // Teredo …, 6to4
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(networks: &[&str], address: &str) -> bool {
        let networks: Vec<IpNet> = networks.iter().map(|net| net.parse().expect("a network")).collect();
        Allowed::new(&networks).check(address.parse().expect("an address")).is_ok()
    }

    #[test]
    fn only_public_addresses_are_asked() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a00:1",
            "::ffff:169.254.169.254",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "ff02::1",
            "::127.0.0.1",
            "fec0::1",
        ] {
            assert!(!admits(&[], private), "{private}");
        }
        for public in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.3.1", "2606:4700::1111", "64:ff9b::808:808"]
        {
            assert!(admits(&[], public), "{public}");
        }
    }

    #[test]
    fn the_operator_may_allow_more() {
        assert!(admits(&["127.0.0.0/8"], "127.0.0.1") && admits(&["127.0.0.0/8"], "::ffff:127.0.0.1"));
        assert!(admits(&["fd00::/8"], "fd12::1") && !admits(&["fd00::/8"], "10.0.0.1"));
    }

    #[test]
    fn an_address_in_a_url_is_seen_however_it_is_written() {
        let allowed = Allowed::new(&[]);
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://0/",
            "http://0x0/",
            "http://\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}/", // digits in circles
            "http://127\u{3002}0\u{3002}0\u{3002}1/",                      // Chinese full stops
            "http://%31%32%37.0.0.1/",
            "http://user@169.254.169.254/latest/meta-data/",
            "http://evil.example@10.0.0.1/",
            "http:/\\/10.0.0.1/",
            "http:10.0.0.1/",
            "http://[::]/",
            "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[fe80::1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[::1]:80/x",
            "http://[::ffff:7f00:1]/",
        ] {
            assert!(allowed.check_literal(&url.parse().expect("a URL")).is_err(), "{url}");
        }
        assert!(
            allowed.check_literal(&"http://localhost/".parse().expect("a URL")).is_ok(),
            "the resolver's"
        );
    }
}
