//! What a driver tells the engine, and what the engine wants of it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use wire::announce::{OfferId, Reply};
use wire::identity::InfoHash;
use wire::peer::PeerId;
use wire::pieces::Key;
use wire::playlist::{ByteRange, PlaylistError};

use crate::Time;

/// One request, for as long as it or its bytes live. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// One connection to another viewer, from the wish for it until its end. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// How far this viewer takes part in sharing; what is allowed more orders after what is allowed less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sharing {
    /// Not at all: no tracker, no connection.
    #[default]
    Off,
    /// It takes segments from other viewers and gives none.
    Receive,
    /// It takes and gives.
    Full,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A page named a playlist, absolute, and where to start.
    Opened {
        /// The master playlist, or a lone media playlist.
        url: String,
        /// Where the viewer wants to start.
        position: Duration,
    },
    /// The viewer pressed play, or the page did.
    Started,
    /// Something of a body came: `bytes` are held so far.
    Progressed {
        /// Of this request.
        request: RequestId,
        /// All that is held under it now.
        bytes: u64,
    },
    /// A request ended well.
    Fetched {
        /// This one.
        request: RequestId,
        /// Where the answer came from in the end, after redirects; relative addresses in it start there.
        url: String,
        /// What came.
        body: Body,
        /// From asking to the last byte.
        took: Duration,
    },
    /// A request ended badly. What has come of it stays until it is forgotten.
    Failed {
        /// This one.
        request: RequestId,
        /// How.
        failure: Failure,
    },
    /// The media element is ready after [`Output::Prepare`].
    Prepared,
    /// The media element carried out what [`Output::Append`] or [`Output::Evict`] asked.
    Updated,
    /// The bytes are not what they should be, or of an unknown kind; the media element wasn't touched.
    Rejected,
    /// The media element had no room for it.
    Overfull,
    /// The media element could make nothing of it, and is of no use until it is prepared anew.
    Undecodable,
    /// Where playback is; sent a few times a second, and whenever something about it changed.
    Played {
        /// The playhead.
        position: Duration,
        /// What the media element holds, in order, apart.
        buffered: Vec<Span>,
        /// It waits for bytes that it should be playing.
        is_starved: bool,
        /// Playing time a second, while it plays: 1, unless the viewer chose another.
        speed: f64,
    },
    /// The viewer jumped.
    Seeked {
        /// To here.
        position: Duration,
    },
    /// The viewer chose a quality.
    Chosen(Quality),
    /// The deadline came.
    Woken,
    /// The page and the viewer allow this much from now on. Until they say, nothing is allowed.
    Permitted(Sharing),
    /// The connection to the tracker stands, after [`Output::OpenTracker`].
    TrackerOpened,
    /// It can't be had, or ended.
    TrackerClosed,
    /// The tracker sent a message.
    TrackerSaid(Heard),
    /// This viewer's end of a connection, after [`Output::Offer`].
    Offered {
        /// Which connection.
        link: LinkId,
        /// The session description with its candidates (RFC 8866, RFC 8839).
        sdp: String,
    },
    /// The same after [`Output::Answer`].
    Answered {
        /// Which connection.
        link: LinkId,
        /// The session description with its candidates.
        sdp: String,
    },
    /// Both ends have met, and messages pass.
    Connected {
        /// Which connection.
        link: LinkId,
    },
    /// It can't be had, or ended; nothing more comes of it.
    Disconnected {
        /// Which connection.
        link: LinkId,
    },
    /// A message came that is a command or part of one, as its frame tells: [`wire::peer::is_command`].
    Said {
        /// From there.
        link: LinkId,
        /// All of it.
        message: Vec<u8>,
    },
    /// Any other message came: bytes of a segment, which the driver keeps under the request that [`Output::Receive`] named
    /// last, and drops if it named none.
    Received {
        /// From there.
        link: LinkId,
        /// How many.
        bytes: u64,
    },
    /// What was given to a connection is sent, or almost.
    Drained {
        /// Which connection.
        link: LinkId,
    },
    /// The digest of bytes held under a request, after [`Output::Check`].
    Checked {
        /// Whose bytes.
        request: RequestId,
        /// Which of them.
        bytes: Range<u64>,
        /// What came of the hash that was asked for.
        digest: [u8; 32],
    },
    /// The signature was that of the key over the message, or not, after [`Output::Verify`].
    Verified(bool),
    /// Digests and signatures can't be computed here: no [`Output::Check`] or [`Output::Verify`] is answered, now or later.
    Unverifiable,
    /// No STUN server told this viewer its address: others far away can't reach it.
    Unreflected,
}

/// What a tracker says, as far as it matters here. Drivers read its JSON with what they have for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The announcement was taken note of.
    Counted {
        /// In which swarm.
        info_hash: InfoHash,
        /// How many are there, this viewer included.
        members: usize,
        /// When to announce again.
        interval: Duration,
    },
    /// Somebody else's offer.
    Offer(End),
    /// Somebody took an offer of this viewer.
    Answer(End),
    /// A request was refused.
    Refused,
}

/// Somebody's end of a connection, as the tracker passes it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// In which swarm.
    pub info_hash: InfoHash,
    /// Whose.
    pub peer_id: PeerId,
    /// The offer, or the one that is answered.
    pub offer_id: OfferId,
    /// The session description.
    pub sdp: String,
}

impl Heard {
    /// The same of a message that was read by [`Reply::read`]; counts alone say nothing new.
    pub fn of(reply: Reply<'_>) -> Option<Heard> {
        match reply {
            Reply::Announced { info_hash, counts, interval } => {
                let members = counts.complete.saturating_add(counts.incomplete);
                Some(Heard::Counted { info_hash, members, interval })
            }
            Reply::Offer { info_hash, peer_id, offer_id, sdp } => {
                Some(Heard::Offer(End { info_hash, peer_id, offer_id, sdp: sdp.text() }))
            }
            Reply::Answer { info_hash, peer_id, offer_id, sdp } => {
                Some(Heard::Answer(End { info_hash, peer_id, offer_id, sdp: sdp.text() }))
            }
            Reply::Failed { .. } => Some(Heard::Refused),
            Reply::Scraped(_) => None,
        }
    }
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Of [`Wanted::Text`].
    Text(String),
    /// Of [`Wanted::Bytes`]: this many, which the driver holds under the request's id.
    Held(u64),
    /// Of [`Wanted::List`]; the driver holds nothing.
    List(Vec<u8>),
}

/// How a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer, or it broke off.
    Unreachable,
    /// The server answered with this status.
    Status {
        /// HTTP's three digits.
        code: u16,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It wasn't what was asked for: the wrong length, or no text.
    Wrong,
}

/// A stretch of playing time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// It begins here.
    pub start: Duration,
    /// And ends before here.
    pub end: Duration,
}

/// Which rendition the viewer wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quality {
    /// Whatever the line carries.
    #[default]
    Auto,
    /// This one, by its number in [`Event::Opened`].
    Fixed(usize),
}

/// Something that the driver shall do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ask a server; answer with `Fetched` or `Failed`, and `Progressed` on the way.
    Fetch {
        /// The name of the request from now on.
        request: RequestId,
        /// Absolute; what `uri` is relative to.
        base: Arc<str>,
        /// As the playlist has it.
        uri: Arc<str>,
        /// The part wanted; all when absent.
        range: Option<ByteRange>,
        /// What the answer is for.
        wanted: Wanted,
    },
    /// Give up a request; no answer to it counts any more. What has come of it stays until it is forgotten.
    Cancel(RequestId),
    /// Let go of the bytes of a request.
    Forget(RequestId),
    /// Make the media element ready, anew if it was before; answer `Prepared`. It holds nothing then.
    Prepare {
        /// Playing time of the whole video; `None` of a live stream, whose end nobody knows.
        duration: Option<Duration>,
        /// The type with its codecs, as `MediaSource.addSourceBuffer` takes it.
        mime: Mime,
    },
    /// Give the media element bytes of a request and keep them; answer `Updated`, `Rejected`, `Overfull` or `Undecodable`.
    Append {
        /// Whose bytes.
        request: RequestId,
        /// What they are.
        content: Content,
        /// Which of them.
        bytes: Range<u64>,
    },
    /// Take this stretch out of the media element; answer `Updated`.
    Evict(Span),
    /// There is nothing after what has been appended.
    Finish,
    /// Move the playhead over a hole in the media.
    Jump(Duration),
    /// Let a new request hold the first so many bytes of each of these, one after the other. They stay where they are, too.
    Join {
        /// Whose bytes they become.
        request: RequestId,
        /// Whose bytes they are, and how many of them are taken.
        parts: Vec<(RequestId, u64)>,
    },
    /// Compute the digest of bytes held under a request, of which more may come; answer `Checked`, in the order asked.
    Check {
        /// Whose bytes.
        request: RequestId,
        /// Which of them.
        bytes: Range<u64>,
        /// By what.
        hash: Hash,
    },
    /// Verify a signature (Ed25519, RFC 8032); answer `Verified`, in the order asked.
    Verify {
        /// Who is said to have signed.
        key: Key,
        /// What.
        message: Vec<u8>,
        /// So.
        signature: [u8; 64],
    },
    /// Connect to the tracker; answer `TrackerOpened` or `TrackerClosed`, and `TrackerSaid` for each message.
    OpenTracker,
    /// Send the tracker this text.
    TellTracker(String),
    /// End the connection to the tracker; no answer to it counts any more.
    CloseTracker,
    /// Make one end of a connection to whoever will take it, with a data channel that is ordered and reliable; answer
    /// `Offered` or `Disconnected`.
    Offer {
        /// The name of the connection from now on.
        link: LinkId,
    },
    /// Make the other end of a connection that somebody offered; answer `Answered` or `Disconnected`, later `Connected`.
    Answer {
        /// The name of the connection from now on.
        link: LinkId,
        /// The offer.
        sdp: String,
    },
    /// Somebody took an offer; answer `Connected` or `Disconnected`.
    Accept {
        /// Which connection.
        link: LinkId,
        /// The answer.
        sdp: String,
    },
    /// End a connection and all that belongs to it; no answer to it counts any more.
    Disconnect {
        /// Which connection.
        link: LinkId,
    },
    /// Send a message as it is.
    Say {
        /// Over which connection.
        link: LinkId,
        /// A whole message, of at most [`wire::peer::MESSAGE_BYTES`].
        message: Vec<u8>,
    },
    /// Send bytes of a request as data, in messages that nobody takes for commands, and answer `Drained`.
    Give {
        /// Over which connection.
        link: LinkId,
        /// Whose bytes.
        request: RequestId,
        /// From this one on.
        start: u64,
        /// How many.
        bytes: u64,
    },
    /// Keep the data that come from now on under this request, after those that it has; drop them if there is none.
    Receive {
        /// Over which connection.
        link: LinkId,
        /// Under which request.
        request: Option<RequestId>,
    },
    /// Tell the page.
    Report(Event),
}

/// What kind of media a rendition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mime {
    /// As the master playlist says: `video/mp4; codecs="avc1.64001f,mp4a.40.2"`.
    Told(String),
    /// No playlist says; the bytes of this request, an initialisation section, do.
    In(RequestId),
}

/// What is appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An initialisation section; segments of the same kind follow.
    Init(Mime),
    /// A segment that plays from here on, whatever its own clock says.
    Segment(Duration),
    /// The beginning of one. The rest of it is appended next, unless the viewer turns elsewhere before it has come.
    Head(Duration),
    /// What follows that, up to a later place in the segment, in a body of its own.
    More,
    /// What follows the beginning that was appended last, in a body that has all of the segment.
    Rest,
}

/// How a digest is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// As PeerTube's lists have it.
    Sha256,
    /// As signed lists have it.
    Blake3,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A playlist.
    Text,
    /// Media of at most [`limits::SEGMENT_BYTES`](crate::limits::SEGMENT_BYTES).
    Bytes,
    /// Part of a piece list, of at most [`WINDOW_BYTES`](wire::pieces::WINDOW_BYTES), for the engine itself.
    List,
}

/// News for the page.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The renditions are known, lowest bit rate first.
    Opened(Vec<RenditionInfo>),
    /// From now on this rendition is fetched.
    Switched(usize),
    /// The chosen quality can't be had; it is chosen by the engine again.
    Released,
    /// Something is amiss, and being worked on.
    Trouble(Trouble),
    /// It is no longer.
    Recovered,
    /// It can't be played.
    Failed(Fatal),
    /// What keeps viewers from sharing, while playback goes on; `None` when nothing does any more.
    Hindered(Option<Hindrance>),
}

/// What keeps viewers from sharing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hindrance {
    /// The tracker can't be reached, or refuses.
    #[error(
        "No other viewers can be found just now: the tracker does not answer, or refuses. The video plays on."
    )]
    Tracker,
    /// No STUN server told this viewer its address.
    #[error(
        "The address helper (STUN) does not answer, so viewers far away may not be reached. The video plays on."
    )]
    Stun,
    /// The video's host publishes no digests, so that nothing that others give could be checked.
    #[error(
        "This video's server publishes no checksums, so nothing can be taken from other viewers."
    )]
    Unverifiable,
    /// The list isn't signed by who the master playlist says.
    #[error(
        "The list that says which bytes of this video are right is not signed by its server. Nothing is taken from others; the video plays on from its own server."
    )]
    ListForged,
    /// It is cut short, or no list.
    #[error(
        "The list that says which bytes of this video are right is cut short or unreadable. Nothing is taken from others; the video plays on from its own server."
    )]
    ListBroken,
    /// It is of another video, of an older version of this one, or of other segments.
    #[error(
        "The list that says which bytes are right belongs to another video, or to an older version of this one. Nothing is taken from others; the video plays on from its own server."
    )]
    ListForeign,
    /// The server hasn't got it.
    #[error(
        "The list that says which bytes of this video are right is missing on its server. Nothing is taken from others; the video plays on from its own server."
    )]
    ListMissing,
    /// What computes digests didn't load.
    #[error(
        "This browser could not load what checks the bytes that others send. Nothing is taken from others; the video plays on from its own server."
    )]
    Uncheckable,
}

/// Whose word what others send is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Nothing has been asked or said yet.
    #[default]
    Unknown,
    /// A list that the video's own host signed, piece by piece.
    Signed,
    /// Digests of whole segments from the video's own host.
    Digests,
    /// Nobody's: nothing is taken from others.
    Nobody,
}

/// A rendition, as the quality menu shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionInfo {
    /// The shorter side in pixels: 720 of 720p; `None` when the server doesn't tell.
    pub height: Option<u32>,
    /// Peak bits per second.
    pub bandwidth_bps: u64,
}

/// What is amiss while the engine goes on trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The server can't be reached.
    #[error("The server does not answer. Trying again…")]
    Unreachable,
    /// The server has too much to do, or is ill.
    #[error("The server is busy (status {0}). Trying again…")]
    Busy(u16),
    /// The server lacks a segment, or its bytes are broken, in every rendition.
    #[error("A part of this video is missing or broken. Playback skips it.")]
    Hole,
}

/// Why a video can't be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fatal {
    /// Nothing is at the address.
    #[error("This video is not here (status {0}).")]
    NotFound(u16),
    /// The server stayed silent or ill through every try.
    #[error("The server of this video does not answer.")]
    Unreachable,
    /// The text at the address is no playlist.
    #[error("This video's playlist cannot be read: {0}.")]
    Playlist(#[from] PlaylistError),
    /// No rendition has codecs that this browser knows.
    #[error("This browser cannot play the formats of this video ({0}).")]
    Unsupported(String),
    /// Its segments are encrypted.
    #[error("This video is encrypted, and this player has no keys.")]
    Encrypted,
    /// Sound in a playlist of its own, or MPEG-TS.
    #[error("This video keeps {0}, which this player cannot play yet.")]
    Layout(&'static str),
    /// The media element refuses every rendition's bytes.
    #[error("The media of this video is broken.")]
    Undecodable,
}

/// When the engine wants to be woken, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// Not later than this.
    pub at: Time,
    /// What is decided then.
    pub why: Why,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A failed request is repeated.
    Retry,
    /// A silent server is given up.
    Silence,
    /// A live playlist may list more.
    Look,
    /// A running download is weighed against a lower rendition.
    Watch,
    /// The tracker is to hear of this viewer again.
    Announce,
    /// What has changed is told to others, a few changes at once.
    News,
    /// A connection took too long, or an offer that nobody took is old.
    Link,
    /// A peer took too long, or a segment that a peer was to bring becomes urgent.
    Peer,
    /// There is room to give more.
    Upload,
}
