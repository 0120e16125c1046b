//! Bounds that no configuration moves, each with its reason. Those that depend on the machine are in [`crate::config`].

use std::time::Duration;

/// How long a viewer waits between two announcements: what other trackers say, too.
pub const INTERVAL: Duration = Duration::from_secs(120);

/// A member that hasn't announced for this long is gone, though its connection may serve others: two intervals and a
/// half, for timers of pages in the background run late.
pub const MEMBER_PATIENCE: Duration = Duration::from_secs(300);

/// After this time no answer to an offer is passed on: clients give their offers up after 50 seconds.
pub const OFFER_LIFE: Duration = Duration::from_secs(60);

/// How long the connection that holds a peer id may take to answer a ping before another one gets the id.
///
/// A round trip around the world and a lost packet on the way.
pub const CLAIM_PATIENCE: Duration = Duration::from_secs(2);

/// When a viewer whose id another connection still holds shall announce again: after the holder's patience.
pub const CLAIM_INTERVAL: Duration = Duration::from_secs(5);

/// Swarms that one connection may be in, under whatever ids: pages with several players share a connection, and each
/// rendition that a player tries is a swarm, which older players leave without a word.
pub const MEMBERSHIPS: usize = 64;

/// Ids that one connection may have in one swarm: a page may show the same video more than once.
pub const IDS_PER_SWARM: usize = 4;

/// Offers that wait for the answer of one member. The oldest makes room.
///
/// A member gets as many offers as others send; most are answered within a second.
pub const OFFERS_PER_MEMBER: usize = 64;

/// Members of one swarm: above it a newcomer is told so, and plays by HTTP.
pub const MEMBERS_PER_SWARM: usize = 20_000;

/// Swarms at once: an instance with 10,000 videos of four renditions, all watched in two hash forms.
pub const SWARMS: usize = 100_000;

/// How often members that fell silent are looked for.
pub const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// Bytes of one message: ten offers with session descriptions of 3,300 bytes, and as much again.
pub const MESSAGE_BYTES: usize = 64 << 10;

/// Bytes that wait for one viewer to read them. One that lets more pile up is cut off, not silently skipped.
///
/// Some 190 offers of usual size: more than a healthy line lets wait even when a whole swarm starts at once.
pub const QUEUE_BYTES: usize = 256 << 10;

/// How much is read from a socket at once: larger costs memory for each idle connection, smaller costs system calls.
pub const READ_BYTES: usize = 1 << 10;

/// How long a new connection may take until it is in a swarm.
pub const FIRST_ANNOUNCE: Duration = Duration::from_secs(30);

/// How often a silent connection is pinged: proxies cut silent ones after 60 seconds.
pub const PING: Duration = Duration::from_secs(30);

/// How long a ping may stay without any sign of life before the connection counts as dead.
pub const PONG_PATIENCE: Duration = Duration::from_secs(20);

/// How long a goodbye may take.
pub const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// Messages a second that one connection is read at. A faster one waits; it is not cut off.
///
/// The answers of a viewer who gets every offer of a busy swarm stay far below it.
pub const MESSAGES_PER_SECOND: u32 = 50;

/// Messages that may come at once: a page with several players that starts, and the answers to its neighbours.
pub const MESSAGE_BURST: u32 = 200;

/// How long the head of a request may take.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// Connections at once that aren't WebSockets yet, of a tracker alone: thousands a second come through.
pub const HEADS: usize = 1_024;

/// Bytes of one request's line and headers, as at the origin.
pub const HEADER_BYTES: usize = 16 << 10;

/// Pause after a failed `accept`, which means that the process is out of file descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// STUN requests a second that are answered in all: half a percent of a core.
pub const STUN_PER_SECOND: u32 = 5_000;

/// STUN requests a second from one network (/24 or /48): each connection that a page prepares asks once or twice.
pub const STUN_PER_NETWORK: u32 = 100;

/// Buckets of the table that counts STUN requests by network; networks that fall into one share its budget.
pub const STUN_NETWORKS: usize = 4_096;

/// Longest STUN request that is read: those of browsers have 20 to 108 bytes.
pub const STUN_BYTES: usize = 548;
