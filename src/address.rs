//! Whence a request comes: the peer, or what a trusted proxy says of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// Who is behind a proxy that does not say it: no list of allowed addresses holds it.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The client's address. If the peer is a trusted proxy: the last one in X-Forwarded-For that no trusted proxy has, or
/// the first where all are. What stands before that is the client's own word.
pub fn of(http: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let mut client = http.peer_addr().map_or(NOBODY, |peer| peer.ip().to_canonical());
    let is_proxy = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let headers: Vec<_> = http.headers().get_all("x-forwarded-for").collect();
    let mut hops = headers.iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    while is_proxy(&client)
        && let Some(said) = hops.next()
    {
        client = hop(said).unwrap_or(NOBODY);
    }
    client
}

/// An address, as some proxies write it with its port.
fn hop(said: &[u8]) -> Option<IpAddr> {
    let said = std::str::from_utf8(said).ok()?.trim();
    let bare = said.strip_prefix('[').and_then(|said| said.strip_suffix(']')).unwrap_or(said);
    let address = bare.parse().ok().or_else(|| Some(said.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
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
    fn where_all_are_proxies_the_first_is_the_client() {
        assert_eq!(seen("10.0.0.2", "10.0.0.9, 10.0.0.7", &["10.0.0.0/8"]), "10.0.0.9");
    }

    #[test]
    fn ports_are_read() {
        assert_eq!(seen("10.0.0.2", "1.2.3.4, 198.51.100.1:4711", &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.2", "1.2.3.4, [2001:db8::1]:4711", &["10.0.0.0/8"]), "2001:db8::1");
        assert_eq!(seen("10.0.0.2", "1.2.3.4, [2001:db8::1]", &["10.0.0.0/8"]), "2001:db8::1");
    }

    #[test]
    fn what_cannot_be_read_hides_nobody_behind_what_the_client_said() {
        for last in ["unknown", "", "_hidden", "1.2.3", "198.51.100.1;proto=https"] {
            assert_eq!(seen("10.0.0.2", &format!("1.2.3.4, {last}"), &["10.0.0.0/8"]), "0.0.0.0", "{last}");
        }
        let broken = actix_web::http::header::HeaderValue::from_bytes(b"\xe9").expect("a value");
        let request = TestRequest::default()
            .peer_addr("10.0.0.2:1".parse().expect("an address"))
            .append_header(("X-Forwarded-For", "1.2.3.4"))
            .append_header(("X-Forwarded-For", broken))
            .to_http_request();
        assert_eq!(of(&request, &["10.0.0.0/8".parse().expect("a network")]), NOBODY);
    }

    #[test]
    fn who_has_an_ipv6_network_is_one() {
        let by = |text: &str| counted(text.parse().expect("an address"));
        assert_eq!(by("2001:db8:1:2:3:4:5:6"), by("2001:db8:1:2::1"));
        assert_ne!(by("2001:db8:1:3::1"), by("2001:db8:1:2::1"));
        assert_ne!(by("203.0.113.1"), by("203.0.113.2"));
    }
}
