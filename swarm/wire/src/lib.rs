//! What Shoal's parts say to each other: bytes on one side, values on the other.
//!
//! Nothing here does IO, and everything here treats what it reads as hostile: a wrong byte is a named error, never a
//! panic, and every list that a stranger can lengthen has a bound.
//!
//! - [`id`]: which video, in its long and its short form
//! - [`playlist`]: HLS master and media playlists, read and written
//! - [`mp4`]: what the boxes of fragmented MP4 say
//! - [`digest`]: PeerTube's `segments-sha256.json`
//! - [`pieces`]: signed lists of what each piece of a video has to be
//! - [`identity`]: which swarm a rendition belongs to, as an info-hash of the WebTorrent tracker protocol
//! - [`peer`]: what viewers say to each other, and what they call themselves
//! - [`capability`]: what lets somebody read a video that isn't open to all
//! - [`announce`]: what viewers and the tracker say to each other

pub mod announce;
pub mod capability;
pub mod digest;
pub mod id;
pub mod identity;
pub mod mp4;
pub mod peer;
pub mod pieces;
pub mod playlist;
