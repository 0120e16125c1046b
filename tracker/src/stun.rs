//! STUN Binding requests (RFC 8489): a viewer asks under which address the world sees it.
//!
//! ```text
//! viewer → us   Binding request, 20 bytes or more
//! us → viewer   Binding success response: XOR-MAPPED-ADDRESS, and FINGERPRINT if the request had one
//! ```
//!
//! Nothing else is answered, errors included: UDP's sender can be forged, and an answer goes to whom the request names.
//! It has 32 bytes, or 44 with IPv6, and 8 more for a fingerprint that the request had, too: with the headers of IP and
//! UDP at most 1.4 times the request, so that forging gains nobody anything.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use rustix::net::{AddressFamily, SocketType, bind as bind_socket, socket, sockopt};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::limits::{STUN_BYTES, STUN_NETWORKS, STUN_PER_NETWORK, STUN_PER_SECOND};
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::swarms::Time;

/// The answer to a datagram from `source`, or `None` if it isn't a Binding request.
pub fn answer(request: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = request.split_at_checked(HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_request = header[..2] == BINDING_REQUEST && header[4..8] == COOKIE;
    if !is_request || length != attributes.len() {
        return None;
    }
    let has_fingerprint = check(request)?;
    let value = xor_mapped(source, header[4..].try_into().ok()?);
    let mut response = Vec::with_capacity(ROOM);
    response.extend(BINDING_SUCCESS);
    let fingerprint = if has_fingerprint { 8 } else { 0 };
    response.extend(u16::try_from(4 + value.len() + fingerprint).ok()?.to_be_bytes());
    response.extend(&header[4..]);
    response.extend(XOR_MAPPED_ADDRESS);
    response.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
    response.extend(value);
    if has_fingerprint {
        let crc = crc32(&response) ^ FINGERPRINT_XOR;
        response.extend(FINGERPRINT);
        response.extend([0, 4]);
        response.extend(crc.to_be_bytes());
    }
    Some(response)
}

/// A socket for one address; an IPv6 one leaves IPv4 to its sibling.
///
/// # Errors
/// When the address is in use, not allowed or not this machine's.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let bound = socket(family, SocketType::DGRAM, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&bound, true)?;
    }
    bind_socket(&bound, &address)?;
    let bound = std::net::UdpSocket::from(bound);
    bound.set_nonblocking(true)?;
    UdpSocket::from_std(bound)
}

/// Answers requests, for ever.
pub async fn serve(socket: UdpSocket, metrics: Arc<Metrics>) {
    let begun = Instant::now();
    let mut limiter = Limiter::new(getrandom::u64().unwrap_or_default());
    let mut request = [0; STUN_BYTES];
    loop {
        // Errors are those of earlier answers that nobody took.
        let Ok((length, source)) = socket.recv_from(&mut request).await else { continue };
        let Some(response) = answer(&request[..length], source) else { continue };
        if limiter.allows(begun.elapsed(), source.ip()) {
            metrics.stun_answered.add();
            let _ = socket.try_send_to(&response, source);
        } else {
            metrics.stun_limited.add();
        }
    }
}

/// How many requests are answered, in all and for each network.
#[derive(Debug)]
struct Limiter {
    seed: u64,
    all: Pace,
    networks: Vec<Pace>,
}

impl Limiter {
    fn new(seed: u64) -> Limiter {
        Limiter { seed, all: Pace::default(), networks: vec![Pace::default(); STUN_NETWORKS] }
    }

    fn allows(&mut self, now: Time, source: IpAddr) -> bool {
        let at = mix(self.seed ^ network(source)) as usize % self.networks.len();
        self.networks[at].take(now, STUN_PER_NETWORK, STUN_PER_NETWORK).is_ok()
            && self.all.take(now, STUN_PER_SECOND, STUN_PER_SECOND).is_ok()
    }
}

/// The /24 or /48 that an address is in.
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits() >> 8),
        IpAddr::V6(address) => (Ipv6Addr::to_bits(address) >> 80) as u64 | 1 << 63,
    }
}

/// The last step of SplitMix64: whoever doesn't know the seed can't choose whose bucket to empty.
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Whether the attributes end with a fingerprint; `None` if they are none, or the fingerprint is wrong.
fn check(request: &[u8]) -> Option<bool> {
    let mut at = HEADER;
    while at < request.len() {
        let header = request.get(at..at + 4)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let value = request.get(at + 4..at + 4 + length)?;
        let next = at + 4 + length.next_multiple_of(4);
        if header[..2] == FINGERPRINT {
            let wanted = (crc32(&request[..at]) ^ FINGERPRINT_XOR).to_be_bytes();
            return (next == request.len() && value == wanted).then_some(true);
        }
        at = next;
    }
    (at == request.len()).then_some(false)
}

/// The value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2); `mask` is the cookie and the transaction id.
fn xor_mapped(source: SocketAddr, mask: [u8; 16]) -> Vec<u8> {
    let port = source.port() ^ u16::from_be_bytes([mask[0], mask[1]]);
    let (family, address) = match source.ip().to_canonical() {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (2, address.octets().to_vec()),
    };
    let mut value = vec![0, family];
    value.extend(port.to_be_bytes());
    value.extend(address.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    value
}

/// The checksum of ISO 3309, as in Ethernet and zip.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0, 1];
const BINDING_SUCCESS: [u8; 2] = [1, 1];
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0, 0x20];
const FINGERPRINT: [u8; 2] = [0x80, 0x28];
/// "STUN" in ASCII: RFC 8489 §14.7.
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// The longest response: IPv6 and a fingerprint.
const ROOM: usize = 52;

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "192.0.2.1:32853";
    const V6: &str = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
    const TRANSACTION: &str = "2112a442b7e7a701bc34d686fa87dfae";
    /// RFC 5769 §2.1: with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, MESSAGE-INTEGRITY and FINGERPRINT.
    const SAMPLE: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
                          002400046e0001ff80290008932ff9b151263b36000600096576746a3a683676592020200008001\
                          49aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    fn bare() -> Vec<u8> {
        hex(&format!("00010000{TRANSACTION}"))
    }

    fn ask(request: &[u8], source: &str) -> Option<Vec<u8>> {
        answer(request, source.parse().unwrap())
    }

    #[test]
    fn the_addresses_of_rfc_5769_come_out() {
        #[track_caller]
        fn check(source: &str, length: &str, attribute: &str) {
            let wanted = format!("0101{length}{TRANSACTION}{attribute}");
            assert_eq!(ask(&bare(), source), Some(hex(&wanted)), "{source}");
        }
        check(V4, "000c", "002000080001a147e112a643");
        check("[::ffff:192.0.2.1]:32853", "000c", "002000080001a147e112a643");
        check(V6, "0018", "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9");
    }

    #[test]
    fn a_fingerprint_is_checked_and_returned() {
        let sample = hex(SAMPLE);
        let response = ask(&sample, V4).unwrap();
        assert_eq!((response.len(), check(&response)), (40, Some(true)));
        for at in 0..sample.len() {
            let mut wrong = sample.clone();
            wrong[at] ^= 1;
            assert!(ask(&wrong, V4).is_none() || at >= sample.len() - 8, "{at}");
        }
    }

    #[test]
    fn nothing_but_a_request_is_answered() {
        #[track_caller]
        fn check(text: &str) {
            assert_eq!(ask(&hex(text), V4), None, "{text}");
        }
        check("");
        check("0001");
        check(&format!("00010004{TRANSACTION}"));
        check(&format!("00010000{TRANSACTION}00"));
        check(&format!("01010000{TRANSACTION}"));
        check(&format!("00110000{TRANSACTION}"));
        check(&format!("00030000{TRANSACTION}"));
        check("00010000aaaaaaaab7e7a701bc34d686fa87dfae");
        check(&format!("00010004{TRANSACTION}80220001"));
        let (response, other) = (ask(&bare(), V4).unwrap(), ask(&bare(), V6).unwrap());
        assert_eq!((ask(&response, V4), ask(&other, V4)), (None, None));
    }

    #[test]
    fn an_answer_is_hardly_larger_than_its_request() {
        let headers = |source: &str| if source == V4 { 28 } else { 48 };
        for source in [V4, V6] {
            for request in [bare(), hex(SAMPLE)] {
                let response = ask(&request, source).unwrap();
                let ratio = (response.len() + headers(source)) as f64
                    / (request.len() + headers(source)) as f64;
                assert!(response.len() <= ROOM && ratio <= 1.4, "{source}: {ratio}");
            }
        }
    }

    #[test]
    fn a_flood_from_one_network_leaves_the_others_alone() {
        let mut limiter = Limiter::new(7);
        let now = Time::from_secs(1);
        let flood = |no: u32| IpAddr::from([192, 0, 2, no as u8]);
        let granted = (0..10_000).filter(|&no| limiter.allows(now, flood(no))).count();
        assert_eq!(granted, STUN_PER_NETWORK as usize);
        assert!(limiter.allows(now, IpAddr::from([198, 51, 100, 1])));
        let everybody = (0..1_000_000).map(|no: u32| IpAddr::from((no << 8).to_be_bytes()));
        let granted = everybody.filter(|&source| limiter.allows(now, source)).count();
        assert!(granted <= STUN_PER_SECOND as usize);
    }

    proptest::proptest! {
        #[test]
        fn no_datagram_panics(mut bytes: Vec<u8>, is_request: bool) {
            if is_request && bytes.len() >= HEADER {
                let length = u16::try_from(bytes.len() - HEADER).unwrap_or_default();
                bytes[..2].copy_from_slice(&BINDING_REQUEST);
                bytes[2..4].copy_from_slice(&length.to_be_bytes());
                bytes[4..8].copy_from_slice(&COOKIE);
            }
            let _ = ask(&bytes, V6);
        }
    }
}
