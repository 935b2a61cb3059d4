//! Whence a request comes: the peer, or what a trusted proxy says of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The client's address: the last one in X-Forwarded-For that no trusted proxy has, if the peer is one.
pub fn of(http: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = http.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let is_proxy = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_proxy(&peer) {
        return peer;
    }
    let forwarded = http.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<IpAddr> = forwarded
        .flat_map(|value| value.split(','))
        .filter_map(|hop| hop.trim().parse::<IpAddr>().ok())
        .map(|hop| hop.to_canonical())
        .collect();
    hops.into_iter().rev().find(|hop| !is_proxy(hop)).unwrap_or(peer)
}

/// A network, or one address, as flags name them.
///
/// # Errors
/// What it must be.
pub fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address)))
        .map_err(|_| "must be an address or a network such as 203.0.113.0/24".into())
}

/// By what a client is counted: its address, or of IPv6 the network of which everybody has 2^64 addresses (/64).
pub fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn seen(peer: &str, forwarded: &str, trusted: &[&str]) -> String {
        let request = TestRequest::default()
            .peer_addr(format!("{peer}:1").parse().expect("an address"))
            .insert_header(("X-Forwarded-For", forwarded))
            .to_http_request();
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().expect("a network")).collect();
        of(&request, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(seen("203.0.113.9", "198.51.100.1", &[]), "203.0.113.9");
        assert_eq!(seen("10.0.0.2", "198.51.100.1", &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn what_the_client_itself_put_in_front_is_not_believed() {
        assert_eq!(seen("10.0.0.2", "1.2.3.4, 198.51.100.1, 10.0.0.7", &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn a_proxy_that_says_nothing_useful_is_the_client() {
        assert_eq!(seen("10.0.0.2", "unknown", &["10.0.0.0/8"]), "10.0.0.2");
    }

    #[test]
    fn who_has_an_ipv6_network_is_one() {
        let by = |text: &str| counted(text.parse().expect("an address"));
        assert_eq!(by("2001:db8:1:2:3:4:5:6"), by("2001:db8:1:2::1"));
        assert_ne!(by("2001:db8:1:3::1"), by("2001:db8:1:2::1"));
        assert_ne!(by("203.0.113.1"), by("203.0.113.2"));
    }
}
