//! What a host may set about the tracker, with defaults for a small server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The section `[tracker]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Viewers' connections at once; one more is answered 503.
    pub connections: usize,
    /// Addresses to answer STUN on; none turns it off.
    pub stun_listen: Vec<SocketAddr>,
    /// Swarms of other instances' videos are admitted too.
    pub open: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            // About 6 KB each while idle, and each needs a file descriptor.
            connections: 10_000,
            stun_listen: vec![
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, STUN_PORT)),
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, STUN_PORT)),
            ],
            open: false,
        }
    }
}

impl Config {
    /// Answers STUN on this machine's own addresses in place of all: for an instance that nobody else can reach.
    pub fn keep_to_loopback(&mut self) {
        for address in self.stun_listen.iter_mut().filter(|address| address.ip().is_unspecified()) {
            match address {
                SocketAddr::V4(address) => address.set_ip(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(address) => address.set_ip(Ipv6Addr::LOCALHOST),
            }
        }
    }
}

/// RFC 8489 §18.6.
const STUN_PORT: u16 = 3478;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_for_this_machine_answers_stun_to_it_alone() {
        let mut config = Config::default();
        config.stun_listen.push("192.0.2.1:9".parse().unwrap());
        config.keep_to_loopback();
        let addresses: Vec<String> = config.stun_listen.iter().map(SocketAddr::to_string).collect();
        assert_eq!(addresses, ["127.0.0.1:3478", "[::1]:3478", "192.0.2.1:9"]);
    }
}
