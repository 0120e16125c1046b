//! The master playlist: which renditions of a video there are.

use std::fmt;
use std::str::FromStr;

use crate::digest::{hex, read_hex};
use crate::pieces::Key;

use super::{ENTRY_LIMIT, PlaylistError, scan};

/// A master playlist, in the order of its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Master {
    /// The renditions; a finished one is appended, never inserted, so that positions stay true.
    pub variants: Vec<Variant>,
    /// The [digests](crate::digest) of all segments, relative to the master, for those who take segments from others.
    ///
    /// Written as session data (RFC 8216 §4.3.4.4) named [`DIGESTS_ID`], which other players pass over.
    pub digests: Option<String>,
    /// Who signs what the video's pieces have to be, if anybody does.
    ///
    /// Written as session data named [`SIGNED_ID`], whose value is the name and then the keys in hex digits, with blanks between.
    pub signed: Option<Signature>,
}

/// By what name and which keys a video's [piece lists](crate::pieces) are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The video and its generation; visible ASCII without quotes, at most 255 characters.
    pub video: String,
    /// At most four, the one that is used first. Further ones were used before, or will be soon.
    pub keys: Vec<Key>,
}

/// One rendition of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its media playlist, relative to the master.
    pub uri: String,
    /// Peak bit rate of the whole rendition.
    pub bandwidth_bps: u64,
    /// Absent for sound alone, or when the server doesn't tell.
    pub resolution: Option<Resolution>,
    /// Frames per second, as written.
    pub frame_rate: Option<String>,
    /// RFC 6381 codecs, in the order given: `avc1.64001f`, `mp4a.40.2`.
    pub codecs: Vec<String>,
    /// `SDR`, `HLG` or `PQ`.
    pub video_range: Option<String>,
    /// Its sound lies in a playlist of its own (`EXT-X-MEDIA` with a URI).
    pub has_separate_audio: bool,
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Resolution {
    /// What a rendition is called after: the shorter side, so that an upright 720p is 720 too.
    pub fn short_side(&self) -> u32 {
        self.width.min(self.height)
    }

    fn read(size: &str) -> Option<Resolution> {
        let (width, height) = size.split_once(['x', 'X'])?;
        Some(Resolution { width: width.parse().ok()?, height: height.parse().ok()? })
    }
}

impl FromStr for Master {
    type Err = PlaylistError;

    fn from_str(text: &str) -> Result<Master, PlaylistError> {
        let text = scan::body(text)?;
        let separate_audio = audio_groups(text);
        let mut variants = Vec::new();
        let mut lines = scan::lines(text);
        while let Some(line) = lines.next() {
            let Some(attributes) = line.strip_prefix(STREAM_INF) else { continue };
            let uri = lines.by_ref().find(|line| !line.starts_with('#'));
            let uri = uri.ok_or(PlaylistError::Malformed("a rendition without an address"))?;
            if variants.len() == ENTRY_LIMIT {
                return Err(PlaylistError::TooManyEntries);
            }
            let variant = Variant::read(attributes, uri, &separate_audio);
            variants.push(variant.ok_or_else(|| PlaylistError::line(line))?);
        }
        if variants.is_empty() {
            return Err(PlaylistError::Empty);
        }
        let digests = session_data(text, DIGESTS_ID, "URI").map(str::to_owned);
        let signed = session_data(text, SIGNED_ID, "VALUE").map(Signature::read);
        Ok(Master { variants, digests, signed })
    }
}

impl Variant {
    fn read(attributes: &str, uri: &str, separate_audio: &[&str]) -> Option<Variant> {
        let attribute = |name| scan::attribute(attributes, name);
        let resolution = match attribute("RESOLUTION") {
            Some(size) => Some(Resolution::read(size)?),
            None => None,
        };
        let codecs = attribute("CODECS").unwrap_or_default().split(',').map(str::trim);
        Some(Variant {
            uri: uri.to_owned(),
            bandwidth_bps: attribute("BANDWIDTH")?.parse().ok()?,
            resolution,
            frame_rate: attribute("FRAME-RATE").map(str::to_owned),
            codecs: codecs.filter(|codec| !codec.is_empty()).map(str::to_owned).collect(),
            video_range: attribute("VIDEO-RANGE").map(str::to_owned),
            has_separate_audio: attribute("AUDIO")
                .is_some_and(|group| separate_audio.contains(&group)),
        })
    }
}

impl fmt::Display for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS")?;
        if let Some(uri) = &self.digests {
            writeln!(f, "{SESSION_DATA}DATA-ID=\"{DIGESTS_ID}\",URI=\"{uri}\"")?;
        }
        if let Some(signed) = &self.signed {
            writeln!(f, "{SESSION_DATA}DATA-ID=\"{SIGNED_ID}\",VALUE=\"{signed}\"")?;
        }
        self.variants.iter().try_for_each(|variant| variant.fmt(f))
    }
}

impl Signature {
    /// What can't be read has no key, so that nothing can be right by it.
    fn read(value: &str) -> Signature {
        let mut words = value.split(' ').filter(|word| !word.is_empty());
        let video = words.next().unwrap_or_default().to_owned();
        let is_name = video.len() <= 255 && video.bytes().all(|byte| byte.is_ascii_graphic());
        let most = if is_name { MOST_KEYS } else { 0 };
        let keys = words.map_while(|word| read_hex(word.as_bytes())).take(most).collect();
        Signature { video, keys }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.video)?;
        self.keys.iter().try_for_each(|key| write!(f, " {}", hex(key)))
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{STREAM_INF}BANDWIDTH={}", self.bandwidth_bps)?;
        if let Some(Resolution { width, height }) = self.resolution {
            write!(f, ",RESOLUTION={width}x{height}")?;
        }
        if let Some(frame_rate) = &self.frame_rate {
            write!(f, ",FRAME-RATE={frame_rate}")?;
        }
        if !self.codecs.is_empty() {
            write!(f, ",CODECS=\"{}\"", self.codecs.join(","))?;
        }
        if let Some(video_range) = &self.video_range {
            write!(f, ",VIDEO-RANGE={video_range}")?;
        }
        writeln!(f, "\n{}", self.uri)
    }
}

/// The groups of sound that has a playlist of its own.
fn audio_groups(text: &str) -> Vec<&str> {
    let media = scan::lines(text).filter_map(|line| line.strip_prefix("#EXT-X-MEDIA:"));
    let is_separate = |attributes: &&str| {
        scan::attribute(attributes, "TYPE") == Some("AUDIO")
            && scan::attribute(attributes, "URI").is_some()
    };
    media
        .filter(is_separate)
        .filter_map(|attributes| scan::attribute(attributes, "GROUP-ID"))
        .collect()
}

/// What the session data of this name says in this attribute.
fn session_data<'a>(text: &'a str, id: &str, name: &str) -> Option<&'a str> {
    let data = scan::lines(text).filter_map(|line| line.strip_prefix(SESSION_DATA));
    let mut ours = data.filter(|attributes| scan::attribute(attributes, "DATA-ID") == Some(id));
    scan::attribute(ours.next()?, name)
}

/// The name of the session data that tells where the digests are.
pub const DIGESTS_ID: &str = "org.shoal.segments-sha256";

/// The name of the session data that tells who signs.
pub const SIGNED_ID: &str = "org.shoal.signed";

/// Keys that are read of it.
const MOST_KEYS: usize = 4;

const SESSION_DATA: &str = "#EXT-X-SESSION-DATA:";
const STREAM_INF: &str = "#EXT-X-STREAM-INF:";

#[cfg(test)]
mod tests {
    use super::*;

    const PEERTUBE: &str = include_str!("../../fixtures/hls-master.m3u8");

    #[test]
    fn peertubes_master_is_read() {
        let master: Master = PEERTUBE.parse().unwrap();
        let heights: Vec<_> =
            master.variants.iter().map(|variant| variant.resolution.unwrap().height).collect();
        assert_eq!(heights, [240, 480, 720]);
        assert_eq!(master.variants[0].bandwidth_bps, 309_269);
        assert_eq!(master.variants[0].codecs, ["avc1.640015", "mp4a.40.2"]);
        assert_eq!(master.variants[2].uri, "619000de-84dc-4087-84dc-d22b890a620f-720.m3u8");
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let mut master: Master = PEERTUBE.parse().unwrap();
        master.variants[1].video_range = Some("SDR".into());
        master.variants[1].frame_rate = Some("29.97".into());
        master.variants[2].resolution = None;
        master.digests = Some("g1-segments-sha256.json".into());
        master.signed = Some(Signature { video: "a.g1".into(), keys: vec![[0xab; 32], [1; 32]] });
        assert_eq!(master.to_string().parse(), Ok(master));
    }

    #[test]
    fn hls_m3u8_reads_what_is_written_as_we_do() {
        let mut ours: Master = PEERTUBE.parse().unwrap();
        ours.digests = Some("g1-segments-sha256.json".into());
        ours.signed = Some(Signature { video: "a.g1".into(), keys: vec![[0xab; 32]] });
        let text = ours.to_string();
        let theirs = hls_m3u8::MasterPlaylist::try_from(text.as_str()).unwrap();
        let bandwidths = |master: &hls_m3u8::MasterPlaylist| {
            master.variant_streams.iter().map(|stream| stream.bandwidth()).collect::<Vec<_>>()
        };
        assert_eq!(
            bandwidths(&theirs),
            ours.variants.iter().map(|variant| variant.bandwidth_bps).collect::<Vec<_>>()
        );
    }

    #[test]
    fn newer_versions_and_unknown_tags_do_not_matter() {
        let text = "\u{feff}#EXTM3U\n#EXT-X-VERSION:12\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n\
                    #EXT-X-STREAM-INF:BANDWIDTH=9,SCORE=1.0\nv.m3u8\n";
        assert_eq!(text.parse::<Master>().unwrap().variants[0].uri, "v.m3u8");
    }

    #[test]
    fn the_digests_are_found_among_other_session_data() {
        #[track_caller]
        fn check(data: &str, wanted: Option<&str>) {
            let text = format!("#EXTM3U\n{data}\n#EXT-X-STREAM-INF:BANDWIDTH=9\nv.m3u8\n");
            assert_eq!(text.parse::<Master>().unwrap().digests.as_deref(), wanted, "{data}");
        }
        check(
            "#EXT-X-SESSION-DATA:DATA-ID=\"a.title\",VALUE=\"b\"\n#EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.segments-sha256\",URI=\"d.json\"",
            Some("d.json"),
        );
        check("#EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.segments-sha256\",VALUE=\"d.json\"", None);
        check("#EXT-X-SESSION-DATA:DATA-ID=\"a.b\",URI=\"d.json\"", None);
    }

    #[test]
    fn who_signs_is_read_and_what_is_unreadable_has_no_key() {
        #[track_caller]
        fn check(value: &str, video: &str, keys: usize) {
            let data =
                format!("#EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.signed\",VALUE=\"{value}\"");
            let text = format!("#EXTM3U\n{data}\n#EXT-X-STREAM-INF:BANDWIDTH=9\nv.m3u8\n");
            let signed = text.parse::<Master>().unwrap().signed.unwrap();
            assert_eq!((signed.video.as_str(), signed.keys.len()), (video, keys), "{value}");
        }
        let key = "0f".repeat(32);
        check(&format!("a.g1 {key}"), "a.g1", 1);
        check(&format!("a.g1 {key} {key} {key} {key} {key}"), "a.g1", MOST_KEYS);
        check(&format!("a.g1 {key} 0f {key}"), "a.g1", 1);
        check("a.g1", "a.g1", 0);
        check(&format!("é.g1 {key}"), "é.g1", 0);
        check(&format!("{} {key}", "a".repeat(255)), &"a".repeat(255), 1);
        check(&format!("{} {key}", "a".repeat(256)), &"a".repeat(256), 0);
        check("", "", 0);
    }

    #[test]
    fn separate_audio_is_noticed() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",URI=\"a.m3u8\"\n\
                    #EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO=\"a\"\nv.m3u8\n";
        assert!(text.parse::<Master>().unwrap().variants[0].has_separate_audio);
    }

    #[test]
    fn bad_masters_are_named_not_panicked_on() {
        #[track_caller]
        fn check(text: &str, wanted: &str) {
            let error = text.parse::<Master>().unwrap_err();
            assert!(error.to_string().contains(wanted), "{text:?} gave {error}");
        }
        check("", "does not begin with #EXTM3U");
        check("<html>", "does not begin with #EXTM3U");
        check("#EXTM3U\n", "empty");
        check(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=none\nv.m3u8",
            "unreadable line: #EXT-X-STREAM-INF",
        );
        check("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=7\nv.m3u8", "unreadable line");
        check("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1", "a rendition without an address");
        check(&"#".repeat(super::super::TEXT_LIMIT + 1), "too long");
    }
}
