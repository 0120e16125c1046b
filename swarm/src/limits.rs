//! Every bound and wait of the engine, with its reason.

use std::time::Duration;

/// Playing time that is fetched ahead of the playhead.
///
/// Long enough to sit out a server that restarts, short enough not to pay for what a leaver never watches.
pub const AHEAD: Duration = Duration::from_secs(30);

/// Playing time that is kept behind the playhead, for a short seek back.
pub const BEHIND: Duration = Duration::from_secs(30);

/// Behind this much is evicted in one go, so that the media element isn't asked for every segment.
pub const BEHIND_SLACK: Duration = Duration::from_secs(10);

/// Bytes that the media element may hold: well under the smallest desktop quota (Firefox, 100 MB; Chromium, 150 MB).
pub const HELD_BYTES: u64 = 64 << 20;

/// The least the byte bound shrinks to when a media element refuses more: two segments of high 4K.
pub const HELD_BYTES_FLOOR: u64 = 8 << 20;

/// How long a server may take for the first byte, and between bytes, before the request is given up.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long a segment may take in all. A trickle that never quite falls silent ends here.
pub const LONGEST_FETCH: Duration = Duration::from_secs(60);

/// Failures of a segment after which another rendition of it is tried, though the server may only be away.
pub const FAILURES_A_RENDITION: u32 = 2;

/// The stretch over which a running download's rate is judged.
pub const RATE_WINDOW: Duration = Duration::from_secs(1);

/// The first wait before a failed request is repeated; it doubles with every failure.
pub const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait between two tries.
///
/// A viewer whose server comes back should see it within one glance.
pub const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// The longest `Retry-After` that is honoured to the letter; a longer one is cut to this.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

/// Tries for a playlist before the player says that it can't play. About half a minute.
pub const PLAYLIST_TRIES: u32 = 6;

/// Tries for a segment that the server says it doesn't have: the second because it may just be moving house.
pub const MISSING_TRIES: u32 = 2;

/// How far two renditions' cuts may lie apart and still count as the same cut: a frame at 10 per second.
pub const CUT_TOLERANCE: Duration = Duration::from_millis(100);

/// The widest hole in the media that is jumped over without a word.
pub const SMALL_GAP: Duration = Duration::from_millis(500);

/// The estimate before anything was measured: 480p at once on most lines, one quick step from there.
pub const FIRST_ESTIMATE_BPS: u64 = 2_000_000;

/// Smaller answers measure latency rather than bandwidth.
pub const SMALLEST_SAMPLE: u64 = 16 << 10;

/// How long a running download is watched before it may be given up for a lower rendition.
pub const WATCH_BEFORE_ABANDON: Duration = Duration::from_millis(600);

/// How often a running download is looked at.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// Bytes of one segment or initialisation section; 40 s of 50 Mbit/s, and a bound on what a stranger can make us hold.
pub const SEGMENT_BYTES: u64 = 256 << 20;

/// Renditions of one video; a stranger's master may list more, the rest of which is left out.
pub const RENDITIONS: usize = 64;

/// Media elements that are set up anew after broken bytes before the video is given up.
pub const DECODE_TRIES: u32 = 3;

/// The latest moment that a driver's word is taken for: the longest playlist that is read, 50,000 segments of an hour.
///
/// Sums of moments can't overflow then, whatever the media element says.
pub const LATEST: Duration = Duration::from_secs(50_000 * 3600);
