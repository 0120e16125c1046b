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

/// So do those of less than three pieces, unless they take four times as long as a first byte, or show that the line is better than was
/// known.
pub const SMALL_SAMPLE: u64 = 3 * wire::pieces::PIECE;

/// How long a running download is watched before it may be given up for a lower rendition.
pub const WATCH_BEFORE_ABANDON: Duration = Duration::from_millis(600);

/// How often a running download is looked at.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// The same while a segment plays whose rest is still to come.
pub const HEAD_WATCH_INTERVAL: Duration = Duration::from_millis(50);

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

/// Segments between the end of a live stream and where it is watched (RFC 8216 §6.3.3): nearer, a late playlist stalls.
pub const LIVE_SEGMENTS: u32 = 3;

/// Segments of a live stream that are known after its playlist has dropped them: for viewers who are a little behind, whom
/// others can still serve.
pub const KEPT_SEGMENTS: usize = 64;

/// So often in a row a peer may refuse what it announces before that is no longer counted on.
pub const REFUSALS: u32 = 3;

/// Stretches that are known to be missing: twice as many as there can be among what is looked at ahead.
pub const HOLES: usize = 32;

/// How long a peer may stay silent before it is given up: as long as stock peers wait.
pub const PEER_PATIENCE: Duration = Duration::from_secs(2);

/// How long a peer that failed once isn't asked again.
pub const PEER_REST: Duration = Duration::from_secs(3);

/// After this time without a byte a peer has stalled: the slowest line sends a message in less, unless it is shared.
pub const STALL: Duration = Duration::from_secs(1);

/// Who has too much to do says so within this time; a later refusal has cost as much as a false announcement.
pub const PROMPT_REFUSAL: Duration = Duration::from_millis(500);

/// How long a peer that had too much to do isn't asked again.
pub const BUSY_REST: Duration = Duration::from_millis(400);

/// How long a peer may take for its first bytes before the server is asked for the same, however urgent it is: a round trip
/// around the world, and a little.
pub const WATCH_BEFORE_RACE: Duration = Duration::from_millis(400);

/// From asking a server to the first byte, as long as nothing better is known.
pub const LATENCY: Duration = Duration::from_millis(200);

/// The least that is counted with, whatever caches answer: what comes after them is slower.
pub const LEAST_LATENCY: Duration = Duration::from_millis(50);

/// Spare time beyond twice what the server is likely to take. What is needed sooner isn't left to peers.
pub const URGENT_MARGIN: Duration = Duration::from_millis(700);

/// The same for what follows a beginning that is on, where each piece can be played as it comes: one that comes late costs little.
pub const BEGUN_MARGIN: Duration = Duration::from_millis(150);

/// Who was asked, or said something of it, so lately may bring something yet: two round trips around a continent.
pub const JUST_HEARD: Duration = Duration::from_millis(300);

/// What is needed within this time, of a segment that is being played, is asked of peers in stretches of [`CLOSE_BYTES`]: who turns
/// out to be slow holds up little, and whoever is met next goes on.
pub const CLOSE: Duration = Duration::from_millis(1_500);

/// A few pieces: with a round trip for each, a peer would give less than it could.
pub const CLOSE_BYTES: u64 = 128 << 10;

/// Who was asked for that and has brought nothing for so long is silent, and somebody else is asked, too: a round trip, and a little.
pub const SILENT: Duration = Duration::from_millis(100);

/// The same of who brought something before.
pub const FALLEN_SILENT: Duration = Duration::from_millis(300);

/// Peers that are asked for the same at most.
pub const HEDGED: usize = 3;

/// What will come later than this is asked of faster peers where they are free: the sooner somebody has it, the sooner others do.
pub const RELIEF: Duration = Duration::from_millis(600);

/// More time than this isn't left to a server, however slow it is: it is slow since too many ask it, and asking it earlier for more
/// would make it slower.
pub const LONGEST_RESERVE: Duration = Duration::from_secs(1);

/// Parts that come from peers at once. Together they fill any line, and one slow peer holds up one of them.
pub const PEER_FETCHES: usize = 8;

/// Segments, or stretches of them, that come from the server at once: one for the plan, one for what has become urgent meanwhile.
pub const SERVER_FETCHES: usize = 2;

/// By how much the turn to fetch what nobody has passes from one peer to the next: long enough to fetch a segment and tell.
pub const TURN: Duration = Duration::from_secs(1);

/// By how much the turn to fetch a live segment that nobody is known to own passes on at least: about as long as the word that
/// somebody does takes to go through the swarm.
pub const FRESH_TURN: Duration = Duration::from_millis(240);

/// The same at most: where there is time, one alone fetches it nearly always.
pub const LONGEST_FRESH_TURN: Duration = Duration::from_millis(800);

/// Such turns pass in the time that is left, where that is between both.
pub const FRESH_TURNS: f64 = 10.0;

/// How long the word is believed that somebody owns a segment, where nothing of it comes near: an owner may lie, or be gone.
pub const OWNED_LIFE: Duration = Duration::from_secs(2);

/// The same of those who say that it comes to them from others, but have nothing of it that we lack: who had the rest may be gone,
/// and all who wait would wait for each other.
pub const COMING_LIFE: Duration = Duration::from_secs(4);

/// How long a segment takes from one viewer to the next, as long as nothing better is known.
pub const HOP: Duration = Duration::from_secs(1);

/// Longer ones don't count: they go through those who can give least, and others don't wait for them.
pub const LONGEST_HOP: Duration = Duration::from_secs(2);

/// How many times as many viewers have a live segment after each hop, as a power of two.
pub const SPREAD: u32 = 3;

/// How often others are told of changes at most: several at once cost no more than one.
pub const NEWS_INTERVAL: Duration = Duration::from_millis(100);

/// How far beyond what is listed a peer's word of new segments is believed to be one.
pub const FRESH_AHEAD: usize = 3;

/// How often peers may have a live playlist looked at early before it lists something new.
pub const PROMPTS: u32 = 4;

/// Who gives so many kilobits a second is fast: a live segment goes to such viewers first, who pass it on the sooner.
pub const FAST_KBPS: u64 = 8_000;

/// Who gives less, or hasn't shown what it gives, is slow: a segment of 1.5 Mbit/s takes it three seconds and more.
pub const SLOW_KBPS: u64 = 2_000;

/// Turns that others leave to fast viewers, where there are any; slow ones three times as many.
pub const SLOW_TURNS: f64 = 2.0;

/// How long others wait for a fast viewer to ask first: a few round trips.
pub const HEAD_START: Duration = Duration::from_millis(500);

/// Peers that give parts of one segment at once.
pub const PARTS: usize = 4;

/// Bytes of such a part at least.
pub const PART_BYTES: u64 = 128 << 10;

/// Turns that viewers of a finished video wait for at most: then half of what is fetched ahead is still there.
pub const TURNS: usize = 12;

/// How long segments are left to the tracker's answer, and not fetched from the server, unless they are urgent.
pub const TRACKER_PATIENCE: Duration = Duration::from_millis(1500);

/// How long they are left to peers that the tracker has counted: as long as a slow connection takes to be made.
pub const MEETING_PATIENCE: Duration = Duration::from_secs(4);

/// How long a new peer may take to tell what it holds before segments are fetched as if it held nothing.
pub const GREETING_PATIENCE: Duration = Duration::from_secs(1);

/// Neighbours that are looked for in one swarm.
///
/// Enough that the few that are slow or leave don't matter; each costs a few milliseconds of work when it is met.
pub const NEIGHBOURS: usize = 16;

/// The same on a phone, whose battery and memory each connection costs.
pub const NEIGHBOURS_ON_A_PHONE: usize = 8;

/// Connections of all kinds, offers apart, at once.
pub const LINKS: usize = 24;

/// With more neighbours than are looked for, one is left after this time, and so on, so that newcomers find room.
pub const LEAVE_INTERVAL: Duration = Duration::from_secs(4);

/// How long a neighbour may be of no use before it can be left for that.
pub const PROBATION: Duration = Duration::from_secs(20);

/// Viewers of one swarm that a tracker is believed to have counted. With more of them than that nothing would be decided
/// otherwise, but sums might overflow.
pub const MEMBERS: usize = 1_000_000;

/// With fewer others than that a viewer of a live stream is taken for one of the first of a crowd, who have nothing for each other yet:
/// it fetches for those who follow.
pub const FIRST_COMERS: usize = 6;

/// Offers of one announcement: as many as trackers pass on. Of those who get them some can't be reached, some have come as late as we,
/// and the picture goes on when the first brings what is missing.
pub const OFFERS_AT_ONCE: usize = wire::announce::OFFERS;

/// How long the first word to the tracker waits for offers that go with it. Addresses are gathered in a tenth of a second, unless
/// a STUN server doesn't answer.
pub const FIRST_WORD_PATIENCE: Duration = Duration::from_millis(500);

/// How long an offer waits for somebody to take it. Who takes it does so at once, but may be slow to gather addresses.
pub const OFFER_LIFE: Duration = Duration::from_secs(10);

/// How long a driver may take to make an offer or an answer.
pub const GATHER_PATIENCE: Duration = Duration::from_secs(8);

/// How long a connection may take from the answer on: that of stock peers.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(15);

/// With fewer than three quarters of the neighbours that are looked for, the tracker hears of it after this time, then after
/// twice as long, and so on.
pub const EAGER_INTERVAL: Duration = Duration::from_millis(1500);

/// The first interval between two announcements; it grows with the time that a viewer is there, up to the tracker's own.
pub const YOUNG_INTERVAL: Duration = Duration::from_secs(15);

/// The shortest interval that a tracker is believed to want.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);

/// The longest interval between two announcements, and the one until a tracker says another.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(120);

/// How long the swarm of a rendition that is no longer watched is still served: as long as stock peers do.
pub const SWARM_GRACE: Duration = Duration::from_secs(30);

/// How soon the list of digests is asked for again when it lacks a rendition that was finished later.
pub const DIGESTS_AGAIN: Duration = Duration::from_secs(30);

/// Mirrors that are used beside the video's own host.
pub const MIRRORS: usize = 8;

/// So often in a row a mirror may fail; then it isn't asked again.
pub const MIRROR_FAILURES: u32 = 3;

/// Bytes of segments that are held for others: three minutes of 5 Mbit/s, or an hour of what a phone watches.
pub const STORE_BYTES: u64 = 128 << 20;

/// Segments whose beginning is kept when a peer fails.
pub const PARTIALS: usize = 8;

/// After so many more pieces of a segment that isn't whole yet others are told again which of it are there.
pub const TOLD_AGAIN: usize = 3;

/// What is needed within this time, others near need as soon, and are told of each piece.
pub const TOLD_AT_ONCE: Duration = Duration::from_secs(3);

/// So often they are told of a segment at most, eight times a second of four seconds.
pub const TOLD_TIMES: usize = 32;

/// Bytes that a viewer who fetches a live segment alone passes on in time. Of a longer one others fetch parts.
pub const SHARED_OUT: u64 = 3 << 19;

/// Parts in which so long a segment is fetched by several at most.
pub const OWNERS: u64 = 4;

/// Bytes of such a part at most, and what is fetched for a peer that has brought nothing yet.
pub const LONGEST_ERRAND: u64 = 4 << 20;

/// Segments whose first pieces others are told of, and have told of, each.
pub const BEGUN: usize = 16;

/// Segments that came wrong from peers and are remembered for it.
pub const DISTRUSTED: usize = 256;

/// Cheats that are remembered by their ids, which they may change.
pub const BANNED_PEERS: usize = 256;

/// Peers that are given to at once: each then gets a good share of the line, and passes on the sooner.
pub const UPLOAD_SLOTS: usize = 2;

/// Kilobits a second that each of several is given at least: thrice what is watched most, and a quarter more than what is watched.
pub const SLOT_KBPS: u64 = 6_000;

/// How long a peer waits for room before it is told to ask elsewhere: within the patience of stock peers.
pub const UPLOAD_PATIENCE: Duration = Duration::from_millis(1500);

/// How long given bytes may take to be sent before somebody else is given to beside: those of the slowest line take a second.
pub const SLOT_PATIENCE: Duration = Duration::from_secs(2);

/// How long given bytes may take to be sent before the one who doesn't read them is left.
pub const UPLOAD_STALL: Duration = Duration::from_secs(10);

/// How many times as much as was taken is given in all: three of ten viewers, on fast lines, carry most of a swarm.
pub const UPLOAD_SHARE: u64 = 4;

/// Bytes that are given beyond that: who comes early into a crowd has taken little yet, and has what all want.
pub const UPLOAD_ADVANCE: u64 = 8 << 20;

/// Bytes a second that are given at most: 20 Mbit/s, less than most lines that could give more.
pub const UPLOAD_BYTES_PER_SECOND: u64 = 2_500_000;

/// Bytes that may be given at once: a segment of high quality, so that a newcomer is served without a pause.
pub const UPLOAD_BURST_BYTES: u64 = 4 << 20;

/// Bytes that may come unasked, of transfers that were taken back meanwhile.
pub const UNASKED_BYTES: u64 = 1 << 20;

/// Windows of a live stream that are being verified, beyond which no more are begun: all that is fetched ahead, of segments of a second.
pub const VERIFICATIONS: usize = 32;

/// Commands a second from one peer. Stock peers send one or two for each segment that they get.
pub const COMMANDS_PER_SECOND: u64 = 20;

/// Commands that may come at once: of a peer that seeks about in a full cache.
pub const COMMANDS_AT_ONCE: u64 = 200;
