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

/// Bytes of a file with captions: those of a long film have 200 KB.
pub(crate) const CAPTION_BYTES: usize = 2 << 20;

/// How long it may take to come: half a Mbit/s.
pub(crate) const CAPTION_PATIENCE: Duration = Duration::from_secs(40);

/// Bytes of a picture that shall stand for a video, as with PeerTube.
pub(crate) const THUMBNAIL_BYTES: usize = 4 << 20;

/// Languages in which one video may have captions: more than anybody translates into.
pub(crate) const CAPTIONS: i64 = 50;

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

/// Entries that a list may pass over: ten times the catalogue that lists are measured with.
pub(crate) const START: u32 = 1_000_000;

/// Values of one filter: more than a form has boxes that somebody ticks.
pub(crate) const CHOICES: usize = 30;

/// Videos that are counted when several filters meet; beyond it a total says this many.
pub(crate) const COUNTED: i64 = 10_000;

/// Whom a channel has beside its owner: an editorial team.
pub(crate) const COLLABORATORS: i64 = 20;

/// Channels that one user may subscribe to: more than anybody watches, and few enough to be looked at for each list.
pub(crate) const SUBSCRIPTIONS: i64 = 1_000;

/// Pages of lists that are kept for a second, of up to 150 KB each: those that many ask for at once are few.
pub(crate) const PAGES: usize = 64;

/// Bytes of objects of videos that are kept as they were told, with what they are known again by: some 800, of 10 KB each.
pub(crate) const ENCODED_BYTES: usize = 8 << 20;

/// Views of the current hour that are known again: at 24 bytes each less than 5 MB.
pub(crate) const VIEWED: usize = 100_000;

/// Videos that a user's history has; the oldest make room.
pub(crate) const HISTORY: i64 = 10_000;
/// Bytes of one uploaded file: a day of good film; more is a mistake, and no disk of ours has it.
pub(crate) const UPLOAD_BYTES: u64 = 256 << 30;

/// Uploads of one user that are under way: whoever sends more at once only slows all of them down.
pub(crate) const UPLOADS_OPEN: i64 = 20;

/// Imports of one user that are under way: each takes a part of the line.
pub(crate) const IMPORTS_OPEN: i64 = 10;

/// Imports that are remembered of one user, those under way apart; the oldest make room.
pub(crate) const IMPORTS_KEPT: i64 = 1_000;

/// How long an upload waits for its next byte before it is removed.
pub(crate) const UPLOAD_LIFE: Duration = Duration::from_secs(86_400);

/// How long the file of a video that could not be transcoded is kept, so that its owner can try again.
pub(crate) const FAILED_LIFE: Duration = Duration::from_secs(7 * 86_400);

/// How long a job is a worker's without a word from it: a machine under load is silent for some seconds.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// How often a job is tried when it isn't the file's fault: a full disk, a missing program, a killed process.
pub(crate) const ATTEMPTS: i64 = 4;

/// How long a failed job waits for the second try; each next one four times as long.
pub(crate) const BACK_OFF: Duration = Duration::from_secs(30);

/// How long what is known of a finished job is kept, for the administrators' list.
pub(crate) const JOB_LIFE: Duration = Duration::from_secs(7 * 86_400);

/// Bytes of a picture or a file in a form that nobody asked for: they are read over and dropped.
pub(crate) const FORM_BYTES: u64 = 16 << 20;

/// Fields of a form: PeerTube's programs send about 30.
pub(crate) const FORM_FIELDS: usize = 128;

/// Letters that may wait to be sent, at 200 bytes each: a mail server that is away for a day in a big house.
pub(crate) const LETTERS: i64 = 10_000;

/// How long whoever takes a letter may take to send it, before it is taken to be lost.
pub(crate) const LETTER_LEASE: Duration = Duration::from_secs(120);

/// How often a letter is tried: with the back-off below for seven hours, and at each start once more.
pub(crate) const LETTER_ATTEMPTS: i64 = 7;

/// How long a letter waits for the second try; each next one four times as long.
pub(crate) const LETTER_BACK_OFF: Duration = Duration::from_secs(20);

/// How long the link in a mail proves an address: until tomorrow.
pub(crate) const VERIFY_LIFE: Duration = Duration::from_secs(86_400);

/// How long the link in a mail sets a password: whoever asked for it waits for it.
pub(crate) const RESET_LIFE: Duration = Duration::from_secs(3_600);

/// How long somebody may take to read a code off a telephone that they set up for it.
pub(crate) const FACTOR_LIFE: Duration = Duration::from_secs(600);

/// How long somebody may take between the password and the code.
pub(crate) const CODE_LIFE: Duration = Duration::from_secs(300);

/// How long an export can be had before its file goes: a weekend away.
pub(crate) const EXPORT_LIFE: Duration = Duration::from_secs(3 * 86_400);

/// How long an address to download an export by is good, as with PeerTube.
pub(crate) const DOWNLOAD_LIFE: Duration = Duration::from_secs(900);

/// Videos, likes or entries of a history that an export has at most, at some 2 KB each.
pub(crate) const EXPORTED: i64 = 10_000;

/// Servers and people whom an instance blocks: kept in memory, at 100 bytes each.
pub(crate) const BLOCKS: i64 = 50_000;

/// Deliveries that failed in a row before a server is taken to be gone: with the back-off below, after three and a half days. What
/// goes to all followers isn't kept for it from then on, until it is heard of again.
pub(crate) const PARKED: i64 = 8;

/// Deliveries that may wait for a server in trouble, at 100 bytes each and one activity of 8 KB for all: what a busy instance has to
/// say in four days.
pub(crate) const DELIVERIES_OF_HOST: i64 = 10_000;

/// Of what goes to one inbox alone, those that may wait for a server that was given up: answers, which are asked for again.
pub(crate) const DELIVERIES_OF_PARKED: i64 = 100;

/// Servers to which is delivered at the same time: so many dead ones may keep a connection waiting before living ones wait, too.
pub(crate) const DELIVERED_AT_ONCE: usize = 64;

/// Of these, those of one site: a big house's two or three programs, and a sixteenth of all for who invents names.
pub(crate) const DELIVERED_OF_SITE: usize = 4;

/// How long one server is delivered to before another's turn comes: two hundred to one that lives, six to the slowest.
pub(crate) const DELIVERY_TURN: Duration = Duration::from_secs(60);

/// Videos that may wait to be fetched: some hours of work, at 300 bytes each.
pub(crate) const VIDEO_TASKS: i64 = 12_000;

/// Of anything else: comments that nobody can have never keep a video from being fetched.
pub(crate) const OTHER_TASKS: i64 = 2_000;

/// Of these, those of one site: ten more may have as much to tell as the largest.
pub(crate) const VIDEO_TASKS_OF_SITE: i64 = 2_000;
pub(crate) const OTHER_TASKS_OF_SITE: i64 = 200;

/// Fetchers of anything, and of videos alone, which are what somebody waits for.
pub(crate) const FETCHERS: usize = 4;

/// How long one task may last before it is another site's turn: a video of a slow server, a hundred of a quick one.
pub(crate) const TASK_SLICE: Duration = Duration::from_secs(60);

/// How often something is fetched before it is given up: with the back-off below for some two days.
pub(crate) const TASK_ATTEMPTS: i64 = 8;

/// How long a task that failed waits for the second try; each next one four times as long.
pub(crate) const TASK_BACK_OFF: Duration = Duration::from_secs(30);

/// How long a task is somebody's without a word of theirs: longer than its slice, and what began within it.
pub(crate) const TASK_LEASE: Duration = Duration::from_secs(180);

/// Requests that one video may take: itself, its channel and account, its counts and chapters, with their redirects.
pub(crate) const VIDEO_BUDGET: u32 = 16;

/// Videos that one actor's outbox is asked for, PeerTube's own bound: two thousand pages of ten.
pub(crate) const BACKFILL: i64 = 20_000;

/// Things of one page of an outbox; others tell ten or twenty.
pub(crate) const OUTBOX_PAGE: usize = 100;

/// Videos that one server is asked for at once: as many connections as a browser makes.
pub(crate) const BACKFILL_AT_ONCE: usize = 4;

/// Answers of one thread that one answer of the API has, at some 1 KB each: programs that know no pages of a thread have all of
/// nearly every one.
pub(crate) const THREAD: i64 = 1_000;

/// Answers of one thread on one page: what somebody reads in one go, and a page of 200 KB at most unless they are long.
pub(crate) const THREAD_PAGE: i64 = 100;

/// Levels of answers that are told within each other; what is deeper stands beside the last. Readers of JSON stop at 128 levels,
/// of which each of these takes two.
pub(crate) const THREAD_DEPTH: usize = 50;

/// Characters of a comment, as with PeerTube.
pub(crate) const COMMENT: usize = 10_000;

/// Reports of other servers that may be open, at 3 KB: more than anybody reads; and those of one site, so that ten can report.
pub(crate) const REPORTS_ELSEWHERE: i64 = 1_000;
pub(crate) const REPORTS_OF_SITE: i64 = 100;

/// What a user is told of and that is kept: the oldest make room.
pub(crate) const NOTIFICATIONS: i64 = 1_000;

/// Requests for the comments of one video of another server's, which may name whomever: more than anybody reads, and no burden.
pub(crate) const COMMENTS_ASKED: u32 = 500;

/// Of the comments that a server tells of below its video, those of one other site that are asked for there: whom it names didn't ask
/// for that.
pub(crate) const COMMENTS_ELSEWHERE: u32 = 20;

/// Requests that one comment may take that leads to its video through many others: each with its author.
pub(crate) const NOTE_BUDGET: u32 = 250;
