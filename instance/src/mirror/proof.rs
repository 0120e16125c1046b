//! What the video's own host says, and what of it can be believed: names that are a video's, playlists that tile their files, lists
//! that its key signed. No IO.

use std::collections::BTreeMap;

use origin::path::{Kind, MediaPath};
use origin::signing::{self, is_genuine};
use wire::digest::SegmentDigests;
use wire::id::VideoId;
use wire::pieces::{SegmentPieces, Signed, WINDOW, Windows, list_name};
use wire::playlist::{ByteRange, Master, Media, Signature};

use super::MirrorError;

/// The name of the file with checksums, its text, and what it says.
pub(super) type Digests = (String, String, SegmentDigests);

/// What the master says of the whole video.
#[derive(Debug)]
pub(super) struct Word {
    id: VideoId,
    /// The master's own name.
    pub(super) master: String,
    /// How all names begin, but for the hyphen.
    pub(super) generation: String,
    signed: Option<Signature>,
    /// The file with checksums.
    pub(super) digests: Option<String>,
}

/// What a playlist says of its rendition, of which nothing is proved.
#[derive(Debug)]
pub(super) struct Layout {
    playlist: (String, String),
    /// The file name of its media.
    pub(super) media: String,
    init: u64,
    ranges: Vec<ByteRange>,
}

/// A rendition whose files belong together.
#[derive(Debug)]
pub(super) struct Rendition {
    playlist: (String, String),
    list: Option<(String, Vec<u8>)>,
    /// The file name of its media.
    pub(super) media: String,
    /// Where its first segment begins: before that is what no list tells of.
    pub(super) init: u64,
    pub(super) segments: Vec<Segment>,
}

/// Some bytes of the media, and what they have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) range: ByteRange,
    proof: Proof,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Proof {
    Signed(SegmentPieces),
    Sha256([u8; 32]),
}

impl Segment {
    /// Whether this is what its bytes were found to be.
    pub(super) fn is(&self, found: &signing::Digests) -> bool {
        match &self.proof {
            Proof::Signed(pieces) => *pieces == found.pieces,
            Proof::Sha256(sha256) => *sha256 == found.sha256,
        }
    }
}

impl Word {
    /// What the master of this name says of this video.
    pub(super) fn of(file: &str, id: &VideoId, master: &Master) -> Result<Word, MirrorError> {
        let strange = |reason| MirrorError::strange(file, reason);
        let number = generation(file).ok_or_else(|| strange("is not called as masters are"))?;
        let mut word = Word {
            id: *id,
            master: file.to_owned(),
            generation: format!("g{number}"),
            signed: master.signed.clone(),
            digests: None,
        };
        if let Some(signed) = &word.signed
            && (signed.video != format!("{id}.g{number}") || signed.keys.is_empty())
        {
            return Err(strange("names keys of another video, or none"));
        }
        if let Some(name) = &master.digests {
            word.digests = Some(word.name(name, Kind::Digests)?);
        }
        if word.signed.is_none() && word.digests.is_none() {
            return Err(MirrorError::Unproven(file.to_owned()));
        }
        if master.variants.len() > MOST_RENDITIONS {
            return Err(strange("has more renditions than any video"));
        }
        Ok(word)
    }

    /// A name that a file of this generation of the video may have.
    pub(super) fn name(&self, name: &str, kind: Kind) -> Result<String, MirrorError> {
        let path = format!("/hls/{}/{name}", self.id);
        let is_good = MediaPath::parse(&path).is_some_and(|path| {
            path.file == name && path.kind == kind && path.capability.is_none()
        });
        let is_ours = name.strip_prefix(&self.generation).is_some_and(|rest| rest.starts_with('-'));
        if is_good && is_ours {
            return Ok(name.to_owned());
        }
        Err(MirrorError::strange(&self.master, "names a file that is none of the video's"))
    }

    /// What a playlist says.
    pub(super) fn layout(&self, playlist: &str, text: String) -> Result<Layout, MirrorError> {
        let strange = |reason| MirrorError::strange(playlist, reason);
        let read: Media = text.parse().map_err(|_| strange("is no playlist"))?;
        let (name, init, ranges) =
            tiles(&read).ok_or_else(|| strange("is not as Shoals write it"))?;
        let media = self.name(name, Kind::Media)?;
        Ok(Layout { playlist: (playlist.to_owned(), text), media, init, ranges })
    }

    /// What the list of a rendition is called and how many bytes it has, if there is one.
    pub(super) fn list(&self, layout: &Layout) -> Option<(String, u64)> {
        let signed = self.signed.as_ref()?;
        let playlist = &layout.playlist.0;
        let last = layout.ranges.len().saturating_sub(1);
        let lengths = layout.ranges.iter().map(|range| range.length);
        let (start, bytes) = Windows::of(&signed.video, playlist).range(last, lengths);
        let name = list_name(playlist, signed.keys.first()?);
        Some((name, start.saturating_add(bytes).min(MOST_LIST)))
    }

    /// A rendition as its playlist says, every segment of it proved by the list; by checksums only where the master names no key.
    pub(super) fn rendition(
        &self,
        layout: Layout,
        list: Option<Vec<u8>>,
        digests: Option<&Digests>,
    ) -> Result<Rendition, MirrorError> {
        let list_name = self.list(&layout).map(|(name, _)| name).unwrap_or_default();
        let Layout { playlist: (playlist, text), media, init, ranges } = layout;
        let (list, proofs) = match &self.signed {
            Some(signed) => {
                let bytes = list.unwrap_or_default();
                let proofs = read_list(signed, &playlist, &bytes, &ranges)
                    .map_err(|reason| MirrorError::Forged { file: list_name.clone(), reason })?;
                (Some((list_name, bytes)), proofs)
            }
            None => {
                let of_media = digests.iter().flat_map(|(.., digests)| digests.of_file(&media));
                let said: BTreeMap<ByteRange, [u8; 32]> = of_media.collect();
                let proof = |range: &ByteRange| said.get(range).copied().map(Proof::Sha256);
                let proofs = ranges.iter().map(proof).collect::<Option<Vec<_>>>();
                let missing = || MirrorError::strange(&playlist, "has segments without a checksum");
                (None, proofs.ok_or_else(missing)?)
            }
        };
        let segments = ranges.into_iter().zip(proofs);
        Ok(Rendition {
            playlist: (playlist, text),
            list,
            media,
            init,
            segments: segments.map(|(range, proof)| Segment { range, proof }).collect(),
        })
    }
}

impl Layout {
    /// Of its media.
    pub(super) fn bytes(&self) -> u64 {
        self.ranges.last().map_or(self.init, |last| last.start + last.length)
    }
}

impl Rendition {
    /// Of its media.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.last().map_or(self.init, |last| last.range.start + last.range.length)
    }

    /// What is to stand beside the media: the list first, then the playlist that needs it.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let list = self.list.as_ref().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        list.into_iter().chain([(self.playlist.0.as_str(), self.playlist.1.as_bytes())])
    }
}

/// Of `g2-master.m3u8`, 2.
pub(super) fn generation(name: &str) -> Option<u32> {
    let (number, _) = name.strip_prefix('g')?.split_once('-')?;
    number.parse().ok()
}

/// The one file of a finished playlist, what is before its first segment, and its segments, end to end.
fn tiles(media: &Media) -> Option<(&str, u64, Vec<ByteRange>)> {
    let init = media.init.as_ref()?;
    let is_one = |range: &ByteRange| range.start == 0 && range.length <= MOST_INIT;
    let before = init.range.filter(is_one)?.length;
    let name = init.uri.as_str();
    let mut end = before;
    let mut ranges = Vec::new();
    for segment in &media.segments {
        let range = segment.range.filter(|range| range.start == end && segment.uri == name)?;
        end = end.checked_add(range.length)?;
        ranges.push(range);
    }
    (media.is_ended && !ranges.is_empty()).then_some((name, before, ranges))
}

/// What a whole list says, if the first key that the master names signed it for this rendition.
fn read_list(
    signed: &Signature,
    playlist: &str,
    list: &[u8],
    ranges: &[ByteRange],
) -> Result<Vec<Proof>, &'static str> {
    let windows = Windows::of(&signed.video, playlist);
    let lengths = || ranges.iter().map(|range| range.length);
    let mut proofs = Vec::new();
    let mut end = 0;
    for no in (0..ranges.len()).step_by(WINDOW) {
        let (start, bytes) = windows.range(no, lengths());
        end = start.saturating_add(bytes);
        let part = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let part = part.and_then(|(start, end)| list.get(start..end)).ok_or("is cut short")?;
        let read = Signed::parse(part).map_err(|_| "is no list")?;
        let is_fitting = read.window.video == signed.video
            && read.window.rendition == playlist
            && read.window.first == no as u64;
        if !is_fitting {
            return Err("is for another video, rendition or place");
        }
        if signed.keys.first() != Some(&read.key) || !is_genuine(&read) {
            return Err("is not signed by the key that the master names");
        }
        proofs.extend(read.window.segments);
    }
    if end != list.len() as u64 || !lengths().eq(proofs.iter().map(|segment| segment.bytes)) {
        return Err("doesn't fit its playlist");
    }
    Ok(proofs.into_iter().map(Proof::Signed).collect())
}

/// No video of ours has more than eight.
pub(super) const MOST_RENDITIONS: usize = 32;

/// Bytes before the first segment: nothing proves them, and tracks are named in some hundred.
const MOST_INIT: u64 = 64 << 10;

/// A day of 4-second segments of 4 MiB has 25 MB.
const MOST_LIST: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_proves_is_short_and_before_the_first_segment() {
        #[track_caller]
        fn check(init: &str, first: &str, wanted: Option<u64>) {
            let text = format!(
                "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n\
                 #EXT-X-MAP:URI=\"g1-a.mp4\",BYTERANGE=\"{init}\"\n\
                 #EXTINF:4.0,\n#EXT-X-BYTERANGE:{first}\ng1-a.mp4\n#EXT-X-ENDLIST\n"
            );
            let media: Media = text.parse().unwrap();
            assert_eq!(tiles(&media).map(|(_, init, _)| init), wanted, "{init} {first}");
        }
        check("800@0", "1000@800", Some(800));
        check("65536@0", "1000@65536", Some(65_536));
        check("65537@0", "1000@65537", None);
        check("50000000@0", "1000@50000000", None);
        check("800@1", "1000@801", None);
        check("800@0", "1000@801", None);
    }
}
