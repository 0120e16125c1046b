//! What ffmpeg made, examined, and published in the VOD layout: playlists, digests, signed lists, and the order of their appearance.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use hls_m3u8::{MasterPlaylist, MediaPlaylist};
use wire::digest::SegmentDigests;
use wire::id::VideoId;
use wire::mp4::Header;
use wire::pieces::{SegmentPieces, list_name};
use wire::playlist::{ByteRange, Master, Media, Resolution, Segment, Variant};

use super::encode;
use super::error::ImportError;
use super::fragments;
use super::plan::Rung;
use super::probe::Rate;
use super::storyboard;
use crate::library::{Rendition, write_atomically};
use crate::signing::{self, Digests, Signer};

/// A rendition that ffmpeg has finished, in the folder of work.
#[derive(Debug)]
pub(super) struct Made {
    rung: Rung,
    init: ByteRange,
    segments: Vec<MadeSegment>,
    codecs: Vec<String>,
    bytes: u64,
}

#[derive(Debug)]
struct MadeSegment {
    range: ByteRange,
    /// When its first picture is shown, counted from the first segment's.
    start: Duration,
    duration: Duration,
    digests: Digests,
}

impl Made {
    /// Reads it once through: that its ranges tile the file, where each segment begins, its digests, its codec.
    pub(super) fn examine(folder: &Path, rung: Rung) -> Result<Made, ImportError> {
        let playlist = folder.join(encode::playlist_name(rung));
        let text = fs::read_to_string(&playlist)
            .map_err(|error| ImportError::writing(&playlist, error))?;
        let media: Media = text
            .parse()
            .map_err(|error| ImportError::Unusable(format!("its playlist: {error}")))?;
        let path = folder.join(encode::media_name(rung));
        let unreadable = |error| ImportError::writing(&path, error);
        let bytes = fs::metadata(&path).map_err(unreadable)?.len();
        let (init, ranges) = tiles(&media, bytes)?;
        let ranges = fragments::cut_file(&path, init, ranges).map_err(unreadable)?;
        let bytes = ranges.last().map_or(bytes, |last| last.start + last.length);

        let mut file = File::open(&path).map_err(unreadable)?;

        let mut header = Vec::new();
        (&mut file).take(init.length).read_to_end(&mut header).map_err(unreadable)?;
        let header = Header::parse(&header)
            .ok_or_else(|| ImportError::Unusable("no tracks in it".to_owned()))?;
        let codecs = header.codecs.iter().cloned().collect::<Option<Vec<_>>>();
        let codecs = codecs
            .ok_or_else(|| ImportError::Unusable("a codec that nobody asked for".to_owned()))?;
        let read = ranges.iter().map(|range| digest(&mut file, range.length));
        let (heads, digests): (Vec<_>, Vec<_>) =
            read.collect::<io::Result<Vec<_>>>().map_err(unreadable)?.into_iter().unzip();

        let starts = heads.iter().map(|head| header.start_of(head)).collect::<Option<Vec<_>>>();
        let starts = starts.and_then(|starts| since_first(&starts, header.timescale));
        let starts = starts.ok_or_else(|| {
            ImportError::Unusable("its segments have no order in time".to_owned())
        })?;
        let last = media.segments.last().map_or(Duration::ZERO, |segment| segment.duration);
        let ends = starts.iter().skip(1).copied().chain(starts.last().map(|&start| start + last));
        let segments = starts.iter().zip(ends).zip(ranges).zip(digests).map(
            |(((&start, end), range), digests)| MadeSegment {
                range,
                start,
                duration: end.saturating_sub(start),
                digests,
            },
        );
        Ok(Made { rung, init, segments: segments.collect(), codecs, bytes })
    }

    /// How long it plays.
    pub(super) fn duration(&self) -> Duration {
        self.segments.last().map_or(Duration::ZERO, |last| last.start + last.duration)
    }

    /// When its segments begin.
    pub(super) fn starts(&self) -> impl Iterator<Item = Duration> {
        self.segments.iter().map(|segment| segment.start)
    }

    /// Both are cut at the same times, as players expect who change from one to the other.
    pub(super) fn is_aligned_with(&self, other: &Made, frame: Duration) -> bool {
        self.segments.len() == other.segments.len()
            && self
                .starts()
                .zip(other.starts())
                .all(|(ours, theirs)| ours.abs_diff(theirs) <= frame)
    }

    fn playlist(&self, media_name: &str) -> Media {
        let segment = |segment: &MadeSegment| Segment {
            uri: media_name.to_owned(),
            duration: segment.duration,
            range: Some(segment.range),
            sha256: None,
            signed: None,
        };
        Media {
            target_duration: target(self.segments.iter().map(|segment| segment.duration)),
            media_sequence: 0,
            init: Some(wire::playlist::InitSection {
                uri: media_name.to_owned(),
                range: Some(self.init),
            }),
            segments: self.segments.iter().map(segment).collect(),
            is_ended: true,
            is_encrypted: false,
        }
    }

    fn peak_rate_bps(&self) -> u64 {
        let sizes: Vec<_> =
            self.segments.iter().map(|segment| (segment.range.length, segment.duration)).collect();
        peak_rate_bps(&sizes)
    }
}

/// A video's files of one generation in `hls/<uuid>/`, as they are by now.
#[derive(Debug)]
pub(super) struct Publication<'a> {
    /// `hls/<uuid>/`.
    folder: &'a Path,
    id: VideoId,
    generation: u32,
    signer: Option<&'a Signer>,
    master: Master,
    digests: SegmentDigests,
    renditions: Vec<Rendition>,
}

impl Publication<'_> {
    /// Nothing yet; the folder exists. Without a signer, others sign it.
    pub(super) fn new<'a>(
        folder: &'a Path,
        id: VideoId,
        generation: u32,
        signer: Option<&'a Signer>,
    ) -> Publication<'a> {
        let mut publication = Publication {
            folder,
            id,
            generation,
            signer,
            master: Master { variants: Vec::new(), digests: None, signed: None },
            digests: SegmentDigests::default(),
            renditions: Vec::new(),
        };
        publication.master.digests = Some(publication.digests_name());
        publication.master.signed = signer.map(|signer| signer.alone(&publication.signed_name()));
        publication
    }

    /// Moves finished renditions in: first the media, then the lists of what it has to be, then the playlists, then the master.
    pub(super) fn add(
        &mut self,
        work: &Path,
        made: &[Made],
        rate: Rate,
    ) -> Result<(), ImportError> {
        for made in made {
            let media_name = self.name(&format!("{}-fragmented.mp4", made.rung.name));
            let playlist_name = self.name(&format!("{}.m3u8", made.rung.name));
            let (from, to) =
                (work.join(encode::media_name(made.rung)), self.folder.join(&media_name));
            move_in(&from, &to).map_err(|error| ImportError::writing(&to, error))?;
            if let Some(signer) = self.signer {
                self.write_list(signer, &playlist_name, made)?;
            }
            let playlist = made.playlist(&media_name).to_string();
            self.write_playlist(&playlist_name, &playlist, |text| {
                MediaPlaylist::try_from(text).map(drop)
            })?;
            for segment in &made.segments {
                self.digests.insert(&media_name, segment.range, segment.digests.sha256);
            }
            let (width, height) = (made.rung.size.width, made.rung.size.height);
            self.master.variants.push(Variant {
                uri: playlist_name.clone(),
                bandwidth_bps: made.peak_rate_bps(),
                resolution: Some(Resolution { width, height }),
                frame_rate: Some(frame_rate(rate)),
                codecs: made.codecs.clone(),
                video_range: None,
                has_separate_audio: false,
            });
            let bytes = made.bytes;
            self.renditions.push(Rendition {
                width,
                height,
                playlist: playlist_name,
                media: media_name,
                bytes,
            });
        }
        self.write(&self.digests_name(), self.digests.to_json().as_bytes())?;
        self.write_playlist(&self.master_name(), &self.master.to_string(), |text| {
            MasterPlaylist::try_from(text).map(drop)
        })
    }

    /// Moves the poster in.
    pub(super) fn add_poster(&self, work: &Path) -> Result<(), ImportError> {
        let to = self.folder.join(self.poster_name());
        move_in(&work.join(encode::POSTER), &to).map_err(|error| ImportError::writing(&to, error))
    }

    /// Moves the storyboard in.
    pub(super) fn add_storyboard(&self, work: &Path) -> Result<String, ImportError> {
        let name = self.name("storyboard.jpg");
        let to = self.folder.join(&name);
        move_in(&work.join(storyboard::FILE), &to)
            .map_err(|error| ImportError::writing(&to, error))?;
        Ok(name)
    }

    fn write_list(&self, signer: &Signer, playlist: &str, made: &Made) -> Result<(), ImportError> {
        let pieces: Vec<SegmentPieces> =
            made.segments.iter().map(|segment| segment.digests.pieces.clone()).collect();
        let list = signer.list(&self.signed_name(), playlist, &pieces);
        let list = list.ok_or_else(|| {
            ImportError::Unusable("segments that are too large for viewers' lists".to_owned())
        })?;
        self.write(&list_name(playlist, signer.key()), &list)
    }

    fn signed_name(&self) -> String {
        signing::name(&self.id.to_string(), self.generation)
    }

    fn digests_name(&self) -> String {
        self.name("segments-sha256.json")
    }

    pub(super) fn renditions(&self) -> &[Rendition] {
        &self.renditions
    }

    pub(super) fn master_name(&self) -> String {
        self.name("master.m3u8")
    }

    pub(super) fn poster_name(&self) -> String {
        self.name("poster.jpg")
    }

    fn name(&self, rest: &str) -> String {
        format!("g{}-{rest}", self.generation)
    }

    /// Writes a playlist only if a stranger's parser makes sense of it too.
    fn write_playlist(
        &self,
        name: &str,
        text: &str,
        second_opinion: impl Fn(&str) -> Result<(), hls_m3u8::Error>,
    ) -> Result<(), ImportError> {
        second_opinion(text)
            .map_err(|error| ImportError::Unusable(format!("{name} is no playlist: {error}")))?;
        self.write(name, text.as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ImportError> {
        Ok(write_atomically(&self.folder.join(name), bytes)?)
    }
}

/// The initialisation section and the segments, which lie end to end from the first byte to the last.
fn tiles(media: &Media, bytes: u64) -> Result<(ByteRange, Vec<ByteRange>), ImportError> {
    let unusable =
        || ImportError::Unusable("its segments don't fill the file end to end".to_owned());
    let init = media.init.as_ref().and_then(|init| init.range).ok_or_else(unusable)?;
    let ranges = media
        .segments
        .iter()
        .map(|segment| segment.range)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(unusable)?;
    let end = std::iter::once(&init)
        .chain(&ranges)
        .try_fold(0, |end, range| (range.start == end).then(|| range.start + range.length));
    if end == Some(bytes) { Ok((init, ranges)) } else { Err(unusable()) }
}

/// The first of the next `length` bytes, and the digests of all of them.
fn digest(file: &mut impl Read, length: u64) -> io::Result<(Vec<u8>, Digests)> {
    let mut head = Vec::new();
    let digests = signing::digest(file, length, |piece| {
        if head.is_empty() {
            head = piece[..piece.len().min(HEAD)].to_vec();
        }
        Ok(())
    })?;
    Ok((head, digests))
}

/// Ticks as time since the first of them, or `None` if they don't rise.
fn since_first(ticks: &[i64], timescale: u32) -> Option<Vec<Duration>> {
    let first = *ticks.first()?;
    let time = |&tick: &i64| {
        let microseconds =
            u128::try_from(tick.checked_sub(first)?).ok()? * 1_000_000 / u128::from(timescale);
        u64::try_from(microseconds).ok().map(Duration::from_micros)
    };
    let times = ticks.iter().map(time).collect::<Option<Vec<_>>>()?;
    times.is_sorted_by(|a, b| a < b).then_some(times)
}

/// The longest duration, rounded to seconds as RFC 8216 §4.3.3.1 has it.
fn target(durations: impl Iterator<Item = Duration>) -> Duration {
    let longest = durations.max().unwrap_or_default();
    Duration::from_secs(longest.as_secs_f64().round().max(1.0) as u64)
}

/// The largest bit rate of any run of segments that is half to one and a half target durations long (RFC 8216
/// §4.1); of all together where none is.
fn peak_rate_bps(segments: &[(u64, Duration)]) -> u64 {
    let target = target(segments.iter().map(|&(_, duration)| duration));
    let rate = |bytes: u64, duration: Duration| {
        (bytes as f64 * 8.0 / duration.as_secs_f64().max(0.001)).ceil() as u64
    };
    let peak_from = |from: usize| {
        let runs = segments[from..].iter().scan((0, Duration::ZERO), |run, &(bytes, duration)| {
            *run = (run.0 + bytes, run.1 + duration);
            (run.1 <= target * 3 / 2).then_some(*run)
        });
        runs.filter(|&(_, duration)| duration >= target / 2)
            .map(|(bytes, duration)| rate(bytes, duration))
            .max()
    };
    let peak = (0..segments.len()).filter_map(peak_from).max();
    let whole = || {
        segments
            .iter()
            .fold((0, Duration::ZERO), |sum, &(bytes, duration)| (sum.0 + bytes, sum.1 + duration))
    };
    peak.unwrap_or_else(|| rate(whole().0, whole().1))
}

/// Frames per second with at most three digits behind the point: `30`, `29.97`.
fn frame_rate(rate: Rate) -> String {
    let text = format!("{:.3}", rate.per_second());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Makes sure that the disk has a file before any playlist names it.
fn move_in(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    fs::rename(from, to)
}

/// Bytes of a segment that are looked at for its time: its first boxes are below 1 KiB.
const HEAD: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn media(ranges: &[(u64, u64)]) -> Media {
        let lines = ranges[1..]
            .iter()
            .map(|(start, length)| format!("#EXTINF:4,\n#EXT-X-BYTERANGE:{length}@{start}\na\n"));
        let (start, length) = ranges[0];
        let map = format!("#EXT-X-MAP:URI=\"a\",BYTERANGE=\"{length}@{start}\"");
        let text = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:4\n{map}\n{}#EXT-X-ENDLIST",
            lines.collect::<String>()
        );
        text.parse().unwrap()
    }

    #[track_caller]
    fn check_tiles(ranges: &[(u64, u64)], bytes: u64, wanted: bool) {
        assert_eq!(tiles(&media(ranges), bytes).is_ok(), wanted, "{ranges:?}");
    }

    #[test]
    fn ranges_tile_the_file_or_are_refused() {
        check_tiles(&[(0, 10), (10, 5), (15, 5)], 20, true);
        check_tiles(&[(0, 10), (10, 5), (15, 5)], 21, false);
        check_tiles(&[(0, 10), (10, 5), (16, 4)], 20, false);
        check_tiles(&[(1, 9), (10, 10)], 20, false);
    }

    #[track_caller]
    fn check_peak(segments: &[(u64, f64)], wanted: u64) {
        let segments: Vec<_> =
            segments.iter().map(|&(bytes, time)| (bytes, Duration::from_secs_f64(time))).collect();
        assert_eq!(peak_rate_bps(&segments), wanted);
    }

    #[test]
    fn the_peak_rate_is_that_of_the_largest_real_segment() {
        check_peak(&[(1000, 4.0), (2000, 4.0)], 4000);
        check_peak(&[(1000, 4.0), (500, 0.04)], 2971);
        check_peak(&[(1000, 0.1)], 80_000);
        check_peak(&[], 0);
    }

    #[test]
    fn times_count_from_the_first_segment() {
        let seconds = |times: Option<Vec<Duration>>| {
            times.map(|times| times.iter().map(Duration::as_millis).collect::<Vec<_>>())
        };
        assert_eq!(
            seconds(since_first(&[1024, 16_384, 77_824], 15_360)),
            Some(vec![0, 1000, 5000])
        );
        assert_eq!(since_first(&[5, 5], 10), None);
        assert_eq!(since_first(&[5, 4], 10), None);
        assert_eq!(since_first(&[i64::MIN, i64::MAX], 1), None);
        assert_eq!(since_first(&[], 1), None);
    }

    #[test]
    fn rates_are_written_as_peertube_writes_them() {
        let text = |frames, seconds| frame_rate(Rate { frames, seconds });
        assert_eq!(text(30, 1), "30");
        assert_eq!(text(30_000, 1001), "29.97");
        assert_eq!(text(24_000, 1001), "23.976");
        assert_eq!(text(25, 2), "12.5");
        assert_eq!(text(100, 1), "100");
    }
}
