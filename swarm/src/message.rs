//! What a driver tells the engine, and what the engine wants of it.

use std::sync::Arc;
use std::time::Duration;

use wire::playlist::{ByteRange, PlaylistError};

use crate::Time;

/// One request, for as long as it or its bytes live. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

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
    /// Some bytes of a body came: `bytes` so far.
    Progressed {
        /// Of this request.
        request: RequestId,
        /// All that has come of it until now.
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
    /// A request ended badly.
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
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Of [`Wanted::Text`].
    Text(String),
    /// Of [`Wanted::Bytes`]: this many, which the driver holds under the request's id.
    Held(u64),
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
    /// Give up a request; no answer to it counts any more.
    Cancel(RequestId),
    /// Let go of the bytes of a request.
    Forget(RequestId),
    /// Make the media element ready, anew if it was before; answer `Prepared`. It holds nothing then.
    Prepare {
        /// Playing time of the whole video.
        duration: Duration,
        /// The type with its codecs, as `MediaSource.addSourceBuffer` takes it.
        mime: Mime,
    },
    /// Give the media element the bytes of a request and keep them; answer `Updated`, `Rejected`, `Overfull` or
    /// `Undecodable`.
    Append {
        /// Whose bytes.
        request: RequestId,
        /// What they are.
        content: Content,
    },
    /// Take this stretch out of the media element; answer `Updated`.
    Evict(Span),
    /// There is nothing after what has been appended.
    Finish,
    /// Move the playhead over a hole in the media.
    Jump(Duration),
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
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A playlist.
    Text,
    /// Media of at most [`limits::SEGMENT_BYTES`](crate::limits::SEGMENT_BYTES).
    Bytes,
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
    /// A live stream.
    #[error("This is a live stream, which this player cannot play yet.")]
    Live,
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
    /// A running download is weighed against a lower rendition.
    Watch,
}
