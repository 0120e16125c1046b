//! Bounds that no configuration moves, each with its reason.

use std::time::Duration;

/// Bytes of one request's body: the longest that is asked for here, preferences with a description, is under 16 KB.
pub(crate) const BODY_BYTES: usize = 64 << 10;

/// How long a body may take to come: a phone at the edge of its network sends 64 KB in that time.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(20);

/// Passwords hashed at the same time: each takes 48 MB and a core for tens of milliseconds, which a small server has once.
pub(crate) const HASHES_AT_ONCE: usize = 1;

/// Those that may wait for it, some seconds in the queue; one more is told to come back.
pub(crate) const HASHES_WAITING: usize = 64;

/// Sessions of one user: a person's devices and programs; the oldest makes room for one more.
pub(crate) const SESSIONS: i64 = 50;

/// Channels of one account, as with PeerTube.
pub(crate) const CHANNELS: i64 = 20;

/// Requests for an account that may wait for a moderator, who reads each.
pub(crate) const REGISTRATIONS_WAITING: i64 = 1_000;

/// Entries of a list that one answer has at most, as with PeerTube.
pub(crate) const LIST: u64 = 100;

/// Addresses and accounts whose attempts are remembered, about 100 bytes each.
pub(crate) const REMEMBERED: usize = 10_000;

/// How long an access token is good, as with PeerTube.
pub(crate) const ACCESS_LIFE: Duration = Duration::from_secs(86_400);

/// How long a capability to read a video is good at least: the longest film, its pauses and a night's sleep in it.
///
/// Whoever is shut out may go on for so long with the address that they have, unless the video is removed.
pub const READ_LIFE: Duration = Duration::from_secs(8 * 3600);

/// Capabilities end on the hour.
pub(crate) const READ_STEP: Duration = Duration::from_secs(3600);

/// How long a refresh token is good, as with PeerTube.
pub(crate) const REFRESH_LIFE: Duration = Duration::from_secs(14 * 86_400);
