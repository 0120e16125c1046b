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

/// RFC 8489 §18.6.
const STUN_PORT: u16 = 3478;
