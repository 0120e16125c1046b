//! Where a request comes from, as far as budgets need to know it; never logged, never kept on disk.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;

/// Whose budget a request is counted on: an IPv4 address, or a /64 of IPv6, which is what one customer has.
///
/// `X-Forwarded-For` is believed where a trusted proxy sends it, up to the last address that is no trusted proxy itself.
pub(crate) fn counted(headers: &HeaderMap, peer: SocketAddr, trusted: &[IpAddr]) -> String {
    let peer = peer.ip().to_canonical();
    if !trusted.contains(&peer) {
        return network(peer);
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let texts = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    let mut hops = texts.map_while(|text| text.trim().parse::<IpAddr>().ok());
    let client = hops.find(|hop| !trusted.contains(&hop.to_canonical()));
    network(client.map_or(peer, |client| client.to_canonical()))
}

fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, forwarded: &[&str], wanted: &str) {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        assert_eq!(counted(&headers, peer.parse().unwrap(), &trusted), wanted);
    }

    #[test]
    fn only_a_trusted_proxy_s_word_counts_and_only_its_last() {
        check("192.0.2.1:9", &["198.51.100.7"], "192.0.2.1");
        check("127.0.0.1:9", &["198.51.100.7"], "198.51.100.7");
        check("127.0.0.1:9", &["10.9.9.9, 198.51.100.7"], "198.51.100.7");
        check("127.0.0.1:9", &["10.9.9.9", "198.51.100.7, 127.0.0.1"], "198.51.100.7");
        check("127.0.0.1:9", &["10.9.9.9, nonsense"], "127.0.0.1");
        check("127.0.0.1:9", &[], "127.0.0.1");
    }

    #[test]
    fn a_customer_s_ipv6_network_counts_as_one() {
        check("[2001:db8:1:2:3:4:5:6]:9", &[], "2001:db8:1:2::");
        check("[::ffff:192.0.2.1]:9", &[], "192.0.2.1");
        check("[::1]:9", &["2001:db8:1:2:ffff::1"], "2001:db8:1:2::");
    }
}
