//! Which swarm a rendition belongs to, as the 20-byte info-hash of the WebTorrent tracker protocol.
//!
//! Every rendition is a swarm of its own. Each family of players derives the hash in its way; who computes the same one
//! as we do meets us: p2p-media-loader 2.3.x to 4.x ([`PropertyHash`], ours too), 1.x to 2.2.x ([`PositionHash`]), 5.x
//! ([`ManifestHash`]), and PeerTube 6.x with its fork of 0.6 ([`PeerTubeHash`]). `docs/protocol.md` has worked examples.

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

/// p2p-media-loader 1.x to 2.2.x: by the rendition's position, among the pictures or among the sounds apart.
///
/// With hls.js, renditions whose codecs it doesn't know are not counted if there are others.
#[derive(Debug, Clone, Copy)]
pub struct PositionHash;

/// p2p-media-loader 5.x: by what the rendition is like, as the master playlist words it.
///
/// The bit rate, which some servers compute anew for each viewer, counts only where renditions couldn't be told apart
/// without it.
#[derive(Debug, Clone, Copy)]
pub struct ManifestHash<'a> {
    /// All streams of the master playlist.
    pub streams: &'a [StreamProperties],
}

/// PeerTube 6.x: by the rendition's position, as a bare SHA-1.
#[derive(Debug, Clone, Copy)]
pub struct PeerTubeHash;

/// What a master playlist says of a rendition, as far as its identity goes. Empty text where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamProperties {
    /// Peak bits per second; 0 for sound apart, and for a media playlist without a master, which says nothing else.
    pub bitrate_bps: u64,
    /// RFC 6381, comma-separated, as the playlist lists them; for sound apart, those of the sound.
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
    /// Of a rendition with a picture.
    pub fn of(variant: &Variant) -> StreamProperties {
        StreamProperties {
            bitrate_bps: variant.bandwidth_bps,
            codecs: variant.codecs.join(","),
            resolution: variant.resolution.map(|resolution| (resolution.width, resolution.height)),
            frame_rate: variant.frame_rate.clone().unwrap_or_default(),
            video_range: variant.video_range.clone().unwrap_or_default(),
            ..StreamProperties::default()
        }
    }

    /// The nine fields as family 3 joins them, read as its adapter for hls.js does: normalised, without the codecs of
    /// sound, and with nothing at all if no bit rate is told.
    fn normal_line(&self) -> String {
        if self.is_secondary { self.normal_line_of_sound() } else { self.normal_line_of_picture() }
    }

    /// Players name swarms of pictures alone, and so don't carry the tables of letters that names of sound take.
    fn normal_line_of_picture(&self) -> String {
        if self.bitrate_bps == 0 {
            return line(["0", "", "", "", "", "", "", "", ""]);
        }
        let is_picture =
            |codec: &str| codec.get(..4).is_some_and(|kind| HLSJS_PICTURES.contains(&kind));
        line([
            &self.bitrate_bps.to_string(),
            &normal_codecs(&self.picture_codecs(is_picture)),
            &self.width(),
            &self.height(),
            "",
            "",
            "",
            &number(&self.frame_rate),
            self.video_range.to_ascii_uppercase().trim(),
        ])
    }

    fn normal_line_of_sound(&self) -> String {
        let language = if self.language == "und" { "" } else { &self.language };
        line([
            &self.bitrate_bps.to_string(),
            &normal_codecs(&self.codecs),
            &self.width(),
            &self.height(),
            &language.chars().take(2).collect::<String>().to_lowercase(),
            self.channels.split('/').next().unwrap_or_default(),
            self.name.to_lowercase().trim(),
            &number(&self.frame_rate),
            self.video_range.to_ascii_uppercase().trim(),
        ])
    }

    /// The nine fields as family 4 joins them: as they stand in the playlist.
    fn plain_line(&self, bitrate_bps: u64) -> String {
        line([
            &bitrate_bps.to_string(),
            &self.picture_codecs(|codec| {
                let codec = codec.to_ascii_lowercase();
                VHS_PICTURES.iter().any(|kind| codec.starts_with(kind))
            }),
            &self.width(),
            &self.height(),
            &self.language,
            &self.channels,
            &self.name,
            &number(&self.frame_rate),
            &self.video_range,
        ])
    }

    /// Those that are of pictures; all, if this is sound.
    fn picture_codecs(&self, is_picture: impl Fn(&str) -> bool) -> String {
        if self.is_secondary {
            return self.codecs.clone();
        }
        let codecs = self.codecs.split(',').map(str::trim).filter(|codec| is_picture(codec));
        codecs.collect::<Vec<_>>().join(",")
    }

    fn width(&self) -> String {
        self.resolution.map_or_else(String::new, |(width, _)| width.to_string())
    }

    fn height(&self) -> String {
        self.resolution.map_or_else(String::new, |(_, height)| height.to_string())
    }

    fn role(&self) -> &'static str {
        if self.is_secondary { "secondary" } else { "main" }
    }
}

impl PropertyHash {
    /// The swarm of a rendition with a picture.
    pub fn of_picture(self, swarm_id: &str, stream: &StreamProperties) -> InfoHash {
        by_properties("v2", swarm_id, "main", &stream.normal_line_of_picture())
    }
}

impl Family for PropertyHash {
    fn info_hash(&self, swarm_id: &str, _position: usize, stream: &StreamProperties) -> InfoHash {
        by_properties("v2", swarm_id, stream.role(), &stream.normal_line())
    }
}

impl Family for PositionHash {
    fn info_hash(&self, swarm_id: &str, position: usize, stream: &StreamProperties) -> InfoHash {
        let name = format!("v2-{swarm_id}-{}-{position}", stream.role());
        as_text(&Md5::digest(name)[1..])
    }
}

impl Family for ManifestHash<'_> {
    fn info_hash(&self, swarm_id: &str, _position: usize, stream: &StreamProperties) -> InfoHash {
        let line = stream.plain_line(0);
        let is_like_it = |other: &&StreamProperties| {
            other.is_secondary == stream.is_secondary && other.plain_line(0) == line
        };
        let is_alone = self.streams.iter().filter(is_like_it).count() < 2;
        let bitrate_bps = if is_alone { 0 } else { stream.bitrate_bps };
        by_properties("v3", swarm_id, stream.role(), &stream.plain_line(bitrate_bps))
    }
}

impl Family for PeerTubeHash {
    fn info_hash(&self, swarm_id: &str, position: usize, _stream: &StreamProperties) -> InfoHash {
        InfoHash(Sha1::digest(format!("2{swarm_id}+V{position}")).into())
    }
}

fn by_properties(version: &str, swarm_id: &str, role: &str, line: &str) -> InfoHash {
    let mut name = [version, "-", swarm_id, "-", role, "-"].concat().into_bytes();
    name.extend(base64::<28>(&Sha1::digest(line)));
    as_text(&Sha1::digest(name)[..15])
}

/// 15 bytes as the 20 characters of their base 64.
fn as_text(bytes: &[u8]) -> InfoHash {
    InfoHash(base64(bytes))
}

/// The base 64 of bytes that make just so many characters.
fn base64<const LENGTH: usize>(bytes: &[u8]) -> [u8; LENGTH] {
    let mut text = [0; LENGTH];
    // It fails only where they make more.
    let _ = STANDARD.encode_slice(bytes, &mut text);
    text
}

/// Bit rate, codecs, width, height, language, channels, name, frames per second, range.
fn line(fields: [&str; 9]) -> String {
    fields.join("-")
}

/// Trimmed, lower-case, sorted; the decimal form of AVC rewritten in hexadecimal.
fn normal_codecs(codecs: &str) -> String {
    let normal = codecs.split(',').take(MOST_CODECS).map(|codec| {
        let codec = codec.trim().to_ascii_lowercase();
        hexadecimal_avc(&codec).unwrap_or(codec)
    });
    let sorted = normal.fold(Vec::new(), |mut sorted: Vec<String>, codec| {
        let at = sorted.iter().take_while(|other| **other <= codec).count();
        sorted.insert(at, codec);
        sorted
    });
    sorted.join(",")
}

/// `avc1.100.31` → `avc1.64001f`.
fn hexadecimal_avc(codec: &str) -> Option<String> {
    let mut parts = codec.split('.');
    let kind = parts.next().filter(|&kind| kind == "avc1" || kind == "avc")?;
    let (profile, level) = (decimal(parts.next()?)?, decimal(parts.next()?)?);
    parts.next().is_none().then(|| format!("{kind}.{profile:02x}00{level:02x}"))
}

/// A number written without anything that it doesn't need.
fn decimal(digits: &str) -> Option<u32> {
    digits.parse().ok().filter(|number: &u32| number.to_string() == digits)
}

/// A decimal number as JavaScript writes it: `30.000` → `30`; nothing if it is none.
///
/// By its digits, since reading and writing fractions takes a player 12 KB. Of more than the 15 digits that every number
/// keeps, JavaScript might change the last; a playlist has five or six.
fn number(text: &str) -> String {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || whole.len() + fraction.len() == 0 {
        return String::new();
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { whole.to_owned() } else { [whole, ".", fraction].concat() }
}

/// Codecs of one rendition that are put in order. There are two or three; sorting a stranger's million would take hours.
const MOST_CODECS: usize = 64;

/// What hls.js 1.7 takes for codecs of pictures, by their first four characters.
const HLSJS_PICTURES: [&str; 29] = [
    "avc1", "avc2", "avc3", "avc4", "avcp", "av01", "dav1", "drac", "dva1", "dvav", "dvh1", "dvhe",
    "encv", "hev1", "hvc1", "mjp2", "mp4v", "mvc1", "mvc2", "mvc3", "mvc4", "resv", "rv60", "s263",
    "svc1", "svc2", "vc-1", "vp08", "vp09",
];

/// What family 4, by way of vhs-utils, takes for codecs of pictures: beginnings, in either case.
const VHS_PICTURES: [&str; 18] = [
    "av1", "av01", "avc1", "avc2", "avc3", "avc4", "avc01", "avc02", "avc03", "avc04", "vp8",
    "vp9", "vp08", "vp09", "hvc1", "hev1", "theora", "mp4v",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::Playlist;

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

    fn hex(hash: InfoHash) -> String {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn as_many_codecs_as_a_playlist_has_room_for_are_borne() {
        let codecs = "avc1.64001f,".repeat(300_000);
        let stream = StreamProperties { bitrate_bps: 1, codecs, ..StreamProperties::default() };
        let swarm = PropertyHash.of_picture("https://a/m.m3u8", &stream);
        assert_eq!(swarm, PropertyHash.info_hash("https://a/m.m3u8", 0, &stream));
    }

    #[test]
    fn the_worked_example_of_family_3_comes_out() {
        assert_eq!(hd().normal_line(), "2149280-avc1.64001f-1280-720-----");
        assert_eq!(text(PropertyHash.info_hash(SWARM, 3, &hd())), "F123ZzViggOyOP6N+87T");
    }

    #[test]
    fn properties_are_normalised_as_family_3_does() {
        #[track_caller]
        fn check(stream: &StreamProperties, wanted: &str, index: &str) {
            assert_eq!(stream.normal_line(), wanted);
            assert_eq!(STANDARD.encode(Sha1::digest(wanted)), index);
        }
        check(&english(), "0-mp4a.40.2---en-2-english--", "bdjQ1B4N2yrcTDHyU5j7iDGV9sY=");
        check(&StreamProperties::default(), "0--------", "UYnLxGhQilEV4D0HbCx+kRv0ZF0=");
        check(&decimal_avc(), "800000-avc1.42001e-640-360-----", "NCMJrr57E8a6HDMfQTyx2FBIVq8=");
        check(
            &hdr(),
            "6000000-hvc1.2.4.l153.b0-3840-2160----25-HLG",
            "xRZQlAX26agaIEVBIZ0SppKubi0=",
        );
    }

    #[test]
    fn the_older_families_come_out_too() {
        let stream = StreamProperties::default();
        let swarm_of = |host: &str| format!("https://{host}/m.m3u8");
        assert_eq!(text(PositionHash.info_hash(SWARM, 0, &stream)), "L2uYwMcHhsstZuLv8ZqU");
        let peertube = PeerTubeHash.info_hash(&swarm_of("example.com"), 0, &stream);
        assert_eq!(hex(peertube), "ebd9e37d7d6aedff7103bd54cd73cc48b00ac9e1");
    }

    #[test]
    fn the_swarms_that_a_recorded_peertube_announced_are_ours_too() {
        let master = "http://127.0.0.1:9000/static/streaming-playlists/hls/38fda7c9-bbb7-464f-bb9b-d64d33f575c4/\
                      00ad06f6-57b9-4f73-9f8f-b8955a09d0ee-master.m3u8";
        let announced = [
            "05f273111d1b864ca9c3e993d148f5d776efc676",
            "56cf3636f19b032a11127a122e8c41bd2b0f9a24",
            "966eb8b52f23547f30c5d3dd2f03d1a52014b536",
        ];
        for (position, wanted) in announced.into_iter().enumerate() {
            let stream = StreamProperties::default();
            assert_eq!(hex(PeerTubeHash.info_hash(master, position, &stream)), wanted);
        }
    }

    /// The vectors are those that p2p-media-loader's own tests hold version 5 to: it isn't on npm, so we can't run it.
    #[test]
    fn the_vectors_of_family_4_come_out() {
        #[track_caller]
        fn check(stream: &StreamProperties, is_twice: bool, wanted: &str) {
            let other = StreamProperties { bitrate_bps: 1, ..stream.clone() };
            let streams = if is_twice { vec![stream.clone(), other] } else { vec![stream.clone()] };
            let swarm = "https://example.com/hls/master.m3u8";
            let hash = ManifestHash { streams: &streams }.info_hash(swarm, 0, stream);
            assert_eq!(text(hash), wanted, "{}", stream.plain_line(stream.bitrate_bps));
        }
        check(&wide(), false, "joEux5p8lWAcP8C0ak25");
        check(&decimal_avc(), true, "uXQspfYQVGGZBRkck6tA");
        check(
            &StreamProperties {
                language: "en-US".into(),
                channels: "2/0".into(),
                name: "English".into(),
                codecs: "mp4a.40.2".into(),
                ..english()
            },
            false,
            "A6g5A9j7J9F2myVq+nOB",
        );
        check(&StreamProperties::default(), false, "s/SEXqQzSgMtVKrBDDMm");
        check(&hdr(), true, "8j/DDr/IBPiF9kRGBJRV");
    }

    #[test]
    fn family_4_hashes_the_bit_rate_only_to_tell_renditions_apart() {
        let bit_rates = [1, 2, 3];
        let mut streams = bit_rates.map(|bitrate_bps| StreamProperties { bitrate_bps, ..hd() });
        streams[0].resolution = Some((426, 240));
        streams[2].is_secondary = true;
        let hashes = |streams: &[StreamProperties]| -> Vec<_> {
            let family = ManifestHash { streams };
            streams.iter().map(|stream| family.info_hash(SWARM, 0, stream)).collect()
        };
        let before = hashes(&streams);
        streams.iter_mut().for_each(|stream| stream.bitrate_bps += 7);
        assert_eq!(hashes(&streams), before);
        streams[0].resolution = streams[1].resolution;
        let collided = hashes(&streams);
        assert!(collided[0] != collided[1] && collided[1] != before[1]);
        assert_eq!(collided[2], before[2]);
    }

    #[test]
    fn the_document_s_example_is_worked_rightly() {
        let streams = [hd()];
        let manifest = ManifestHash { streams: &streams };
        let families: [&dyn Family; 3] = [&PositionHash, &PropertyHash, &manifest];
        let document = include_str!("../../../docs/protocol.md");
        for family in families {
            let hash = text(family.info_hash(SWARM, 0, &hd()));
            assert!(document.contains(&format!("`{hash}`")), "{hash} isn't in the document");
        }
        for line in
            [hd().normal_line(), hd().plain_line(0), hex(PeerTubeHash.info_hash(SWARM, 0, &hd()))]
        {
            assert!(document.contains(&format!("`{line}`")), "{line} isn't in the document");
        }
    }

    #[derive(serde::Deserialize)]
    struct Fixture {
        swarm_id: String,
        masters: Vec<RecordedMaster>,
    }

    #[derive(serde::Deserialize)]
    struct RecordedMaster {
        name: String,
        text: String,
        tracks: Vec<Track>,
        property: Hashes,
        position: Hashes,
    }

    /// A sound apart, as hls.js reads it.
    #[derive(serde::Deserialize)]
    struct Track {
        #[serde(rename = "audioCodec", default)]
        codecs: String,
        #[serde(default)]
        lang: String,
        #[serde(default)]
        channels: String,
        name: String,
    }

    #[derive(serde::Deserialize)]
    struct Hashes {
        main: Vec<String>,
        secondary: Vec<String>,
    }

    #[test]
    fn every_swarm_has_the_hash_that_the_packages_give_it() {
        let fixture: Fixture =
            serde_json::from_str(include_str!("../fixtures/p2p-media-loader-2.3.1.json")).unwrap();
        let hashes = |family: &dyn Family, streams: &[StreamProperties]| -> Vec<String> {
            let positions = streams.iter().enumerate();
            positions.map(|(at, one)| text(family.info_hash(&fixture.swarm_id, at, one))).collect()
        };
        for recorded in &fixture.masters {
            let main: Vec<_> = match recorded.text.parse().unwrap() {
                Playlist::Master(master) => {
                    master.variants.iter().map(StreamProperties::of).collect()
                }
                Playlist::Media(_) => vec![StreamProperties::default()],
            };
            let sound: Vec<_> = recorded.tracks.iter().map(sound_apart).collect();
            assert_eq!(hashes(&PropertyHash, &main), recorded.property.main, "{}", recorded.name);
            assert_eq!(hashes(&PositionHash, &main), recorded.position.main, "{}", recorded.name);
            assert_eq!(hashes(&PropertyHash, &sound), recorded.property.secondary);
            assert_eq!(hashes(&PositionHash, &sound), recorded.position.secondary);
        }
    }

    fn sound_apart(track: &Track) -> StreamProperties {
        StreamProperties {
            codecs: track.codecs.clone(),
            language: track.lang.clone(),
            channels: track.channels.clone(),
            name: track.name.clone(),
            is_secondary: true,
            ..StreamProperties::default()
        }
    }

    fn english() -> StreamProperties {
        StreamProperties {
            codecs: " MP4A.40.2".to_owned(),
            language: "en-GB".to_owned(),
            channels: "2/JOC".to_owned(),
            name: " English ".to_owned(),
            is_secondary: true,
            ..StreamProperties::default()
        }
    }

    fn decimal_avc() -> StreamProperties {
        StreamProperties {
            bitrate_bps: 800_000,
            codecs: "avc1.66.30".to_owned(),
            resolution: Some((640, 360)),
            ..StreamProperties::default()
        }
    }

    fn hdr() -> StreamProperties {
        StreamProperties {
            bitrate_bps: 6_000_000,
            codecs: "hvc1.2.4.L153.B0".to_owned(),
            resolution: Some((3840, 2160)),
            frame_rate: "25".to_owned(),
            video_range: "hlg".to_owned(),
            ..StreamProperties::default()
        }
    }

    fn wide() -> StreamProperties {
        StreamProperties {
            bitrate_bps: 5_000_000,
            codecs: "avc1.64002a,mp4a.40.2".to_owned(),
            resolution: Some((1920, 1080)),
            frame_rate: "30.000".to_owned(),
            language: "en".to_owned(),
            name: "Wide".to_owned(),
            ..StreamProperties::default()
        }
    }
}
