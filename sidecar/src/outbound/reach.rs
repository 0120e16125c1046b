//! Which addresses are everybody's: those that IANA's registries of special purposes (RFC 6890) don't set apart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet's, and leads nowhere else in disguise.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|&(network, bits)| {
        let mask = u32::MAX << (32 - bits);
        address.to_bits() & mask == Ipv4Addr::from(network).to_bits()
    })
}

/// Global unicast, 2000::/3, but for what is set apart in it; and what NAT64 stands for where it is public itself.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let within = |network: Ipv6Addr, bits: u32| {
        let mask = u128::MAX << (128 - bits);
        address.to_bits() & mask == network.to_bits()
    };
    if within(NAT64, 96) {
        return is_public_v4(Ipv4Addr::from_bits(address.to_bits() as u32));
    }
    within(GLOBAL, 3) && !SPECIAL_V6.iter().any(|&(network, bits)| within(network, bits))
}

const SPECIAL_V4: [([u8; 4], u32); 15] = [
    // This network.
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    // Carriers' own (CGNAT).
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local; clouds tell secrets there.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    // Protocols' own.
    ([192, 0, 0, 0], 24),
    // Documentation.
    ([192, 0, 2, 0], 24),
    // Relays of 6to4.
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    // Benchmarks.
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast.
    ([224, 0, 0, 0], 4),
    // Reserved, and broadcast.
    ([240, 0, 0, 0], 4),
];

const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);

/// RFC 6052; the prefix that networks choose for themselves, 64:ff9b:1::/48, isn't public.
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    // Protocols' own: Teredo, ORCHID, benchmarks.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4, which has an IPv4 address within.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: bool) {
        assert_eq!(is_public(text.parse().unwrap()), wanted, "{text}");
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_reached() {
        for public in ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"] {
            check(public, true);
        }
        for public in
            ["172.15.255.255", "172.32.0.0", "192.0.1.0", "198.17.255.255", "223.255.255.255"]
        {
            check(public, true);
        }
        for public in ["2606:4700:4700::1111", "2a00:1450::1", "64:ff9b::101:101"] {
            check(public, true);
        }
    }

    #[test]
    fn this_machine_and_its_networks_are_not() {
        check("0.0.0.0", false);
        check("127.0.0.1", false);
        check("127.255.255.254", false);
        check("10.1.2.3", false);
        check("172.16.0.1", false);
        check("172.31.255.255", false);
        check("192.168.1.1", false);
        check("100.64.0.1", false);
        check("100.127.255.255", false);
        check("169.254.169.254", false);
        check("::", false);
        check("::1", false);
        check("fe80::1", false);
        check("fec0::1", false);
        check("fc00::1", false);
        check("fd00:ec2::254", false);
    }

    #[test]
    fn what_is_set_apart_is_not() {
        check("192.0.0.1", false);
        check("192.0.2.1", false);
        check("198.51.100.1", false);
        check("203.0.113.1", false);
        check("198.18.0.1", false);
        check("192.88.99.1", false);
        check("224.0.0.1", false);
        check("239.255.255.255", false);
        check("240.0.0.1", false);
        check("255.255.255.255", false);
        check("2001:db8::1", false);
        check("3fff::1", false);
        check("ff02::1", false);
        check("100::1", false);
        check("5f00::1", false);
    }

    #[test]
    fn an_address_within_another_is_seen() {
        check("::ffff:127.0.0.1", false);
        check("::ffff:1.1.1.1", false);
        check("::127.0.0.1", false);
        check("64:ff9b::7f00:1", false);
        check("64:ff9b::a9fe:a9fe", false);
        check("64:ff9b:1::101:101", false);
        check("2002:7f00:1::", false);
        check("2001:0:7f00:1::", false);
    }
}
