//! Which swarm a rendition belongs to, as the 20-byte info-hash of the WebTorrent tracker protocol.
//!
//! Every rendition is a swarm of its own. Each family of players derives the hash in its way; who computes the same one
//! as we do meets us. Facts and worked examples: p2p-media-loader 2.3.1 ([`PropertyHash`]), 1.x to 2.2.x
//! ([`PositionHash`]), PeerTube 6.x with its fork of 0.6 ([`PeerTubeHash`]).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::{Digest, Sha1};

use crate::playlist::Variant;

/// What trackers call a swarm by: 20 bytes, which families 2 and 3 fill with ASCII text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct InfoHash(pub [u8; 20]);

/// A way to name the swarm of a rendition.
pub trait Family {
    /// The swarm of the rendition at `position` in the master playlist.
    ///
    /// `swarm_id` is the master's address on the video's own host, cut before the first `?`.
    fn info_hash(&self, swarm_id: &str, position: usize, stream: &StreamProperties) -> InfoHash;
}

/// p2p-media-loader 2.3.x to 4.x, and ours: by what the rendition is like.
#[derive(Debug, Clone, Copy)]
pub struct PropertyHash;

/// p2p-media-loader 1.x to 2.2.x: by the rendition's position.
#[derive(Debug, Clone, Copy)]
pub struct PositionHash;

/// PeerTube 6.x: by the rendition's position, as a bare SHA-1.
#[derive(Debug, Clone, Copy)]
pub struct PeerTubeHash;

/// What a master playlist says of a rendition, as far as its identity goes. Empty text where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamProperties {
    /// Peak bits per second; 0 for sound alone.
    pub bitrate_bps: u64,
    /// RFC 6381, comma-separated: of the picture alone, or of the sound alone.
    pub codecs: String,
    /// Pixels across and down.
    pub resolution: Option<(u32, u32)>,
    /// Of sound.
    pub language: String,
    /// Of sound.
    pub channels: String,
    /// Of sound.
    pub name: String,
    /// Frames per second.
    pub frame_rate: String,
    /// `SDR`, `HLG`, `PQ`.
    pub video_range: String,
    /// Sound in a playlist of its own.
    pub is_secondary: bool,
}

impl StreamProperties {
    /// Of a rendition with a picture, as the hls.js adapter reads it: without the codec of its sound.
    pub fn of(variant: &Variant) -> StreamProperties {
        let is_picture =
            |codec: &&String| PICTURE_CODECS.iter().any(|family| codec.starts_with(family));
        let codecs: Vec<&str> =
            variant.codecs.iter().filter(is_picture).map(String::as_str).collect();
        StreamProperties {
            bitrate_bps: variant.bandwidth_bps,
            codecs: codecs.join(","),
            resolution: variant.resolution.map(|resolution| (resolution.width, resolution.height)),
            frame_rate: variant.frame_rate.clone().unwrap_or_default(),
            video_range: variant.video_range.clone().unwrap_or_default(),
            ..StreamProperties::default()
        }
    }

    /// The nine fields, normalised, joined by hyphens.
    fn line(&self) -> String {
        let (width, height) =
            self.resolution.map_or_else(Default::default, |(w, h)| (w.to_string(), h.to_string()));
        let language: String = self.language.trim().to_lowercase().chars().take(2).collect();
        let fields = [
            self.bitrate_bps.to_string(),
            normal_codecs(&self.codecs),
            width,
            height,
            if self.language.trim().eq_ignore_ascii_case("und") { String::new() } else { language },
            self.channels.split('/').next().unwrap_or_default().trim().to_owned(),
            self.name.trim().to_lowercase(),
            self.frame_rate
                .trim()
                .parse()
                .map_or_else(|_| String::new(), |rate: f64| rate.to_string()),
            self.video_range.trim().to_uppercase(),
        ];
        fields.join("-")
    }

    fn role(&self) -> &'static str {
        if self.is_secondary { "secondary" } else { "main" }
    }
}

impl Family for PropertyHash {
    fn info_hash(&self, swarm_id: &str, _position: usize, stream: &StreamProperties) -> InfoHash {
        let index = STANDARD.encode(Sha1::digest(stream.line()));
        let name = format!("v2-{swarm_id}-{}-{index}", stream.role());
        as_text(&Sha1::digest(name)[..15])
    }
}

impl Family for PositionHash {
    fn info_hash(&self, swarm_id: &str, position: usize, stream: &StreamProperties) -> InfoHash {
        let name = format!("v2-{swarm_id}-{}-{position}", stream.role());
        as_text(&Md5::digest(name)[1..])
    }
}

impl Family for PeerTubeHash {
    fn info_hash(&self, swarm_id: &str, position: usize, _stream: &StreamProperties) -> InfoHash {
        InfoHash(Sha1::digest(format!("2{swarm_id}+V{position}")).into())
    }
}

/// 15 bytes as the 20 characters of their base 64.
fn as_text(bytes: &[u8]) -> InfoHash {
    let mut hash = [0; 20];
    let text = STANDARD.encode(bytes);
    hash.iter_mut().zip(text.bytes()).for_each(|(byte, character)| *byte = character);
    InfoHash(hash)
}

/// Trimmed, lower-case, sorted; the decimal form of AVC rewritten in hexadecimal.
fn normal_codecs(codecs: &str) -> String {
    let mut normal: Vec<String> = codecs
        .split(',')
        .map(|codec| codec.trim().to_lowercase())
        .filter(|codec| !codec.is_empty())
        .map(|codec| hexadecimal_avc(&codec).unwrap_or(codec))
        .collect();
    normal.sort_unstable();
    normal.join(",")
}

/// `avc1.100.31` → `avc1.64001f`.
fn hexadecimal_avc(codec: &str) -> Option<String> {
    let (profile, level) = codec.strip_prefix("avc1.")?.split_once('.')?;
    let (profile, level): (u8, u8) = (profile.parse().ok()?, level.parse().ok()?);
    Some(format!("avc1.{profile:02x}00{level:02x}"))
}

/// What the codecs of pictures begin with.
const PICTURE_CODECS: [&str; 8] = ["avc", "hvc", "hev", "dvh", "vp0", "vp8", "vp9", "av01"];

#[cfg(test)]
mod tests {
    use super::*;

    const SWARM: &str = "https://example.com/live/master.m3u8";

    fn hd() -> StreamProperties {
        StreamProperties {
            bitrate_bps: 2_149_280,
            codecs: "avc1.64001f".to_owned(),
            resolution: Some((1280, 720)),
            ..StreamProperties::default()
        }
    }

    fn text(hash: InfoHash) -> String {
        String::from_utf8(hash.0.to_vec()).unwrap()
    }

    #[test]
    fn the_worked_example_of_family_3_comes_out() {
        assert_eq!(hd().line(), "2149280-avc1.64001f-1280-720-----");
        assert_eq!(text(PropertyHash.info_hash(SWARM, 3, &hd())), "F123ZzViggOyOP6N+87T");
    }

    #[test]
    fn properties_are_normalised_as_the_package_does() {
        let sound = StreamProperties {
            codecs: " MP4A.40.2".to_owned(),
            language: "en-GB".to_owned(),
            channels: "2/JOC".to_owned(),
            name: " English ".to_owned(),
            is_secondary: true,
            ..StreamProperties::default()
        };
        let index = |stream: &StreamProperties| STANDARD.encode(Sha1::digest(stream.line()));
        assert_eq!(sound.line(), "0-mp4a.40.2---en-2-english--");
        assert_eq!(index(&sound), "bdjQ1B4N2yrcTDHyU5j7iDGV9sY=");
        assert_eq!(index(&StreamProperties::default()), "UYnLxGhQilEV4D0HbCx+kRv0ZF0=");
        let picture = StreamProperties {
            codecs: "avc1.100.31".to_owned(),
            frame_rate: "30.000".to_owned(),
            ..hd()
        };
        assert_eq!(picture.line(), "2149280-avc1.64001f-1280-720----30-");
        let unknown = StreamProperties { language: "und".to_owned(), ..hd() };
        assert_eq!(unknown.line(), hd().line());
    }

    #[test]
    fn the_older_families_come_out_too() {
        let stream = StreamProperties::default();
        let swarm_of = |host: &str| format!("https://{host}/m.m3u8");
        assert_eq!(text(PositionHash.info_hash(SWARM, 0, &stream)), "L2uYwMcHhsstZuLv8ZqU");
        let peertube = PeerTubeHash.info_hash(&swarm_of("example.com"), 0, &stream);
        let hex: String = peertube.0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ebd9e37d7d6aedff7103bd54cd73cc48b00ac9e1");
    }

    #[test]
    fn a_master_s_rendition_is_known_by_its_picture() {
        let line = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2149280,RESOLUTION=1280x720,CODECS=\"mp4a.40.2,avc1.64001f\"\nv\n";
        let master: crate::playlist::Master = line.parse().unwrap();
        assert_eq!(StreamProperties::of(&master.variants[0]), hd());
    }
}
