//! Segments cut into fragments that can be shown one after another as they come.
//!
//! ffmpeg makes one fragment of a segment: all that is said of its samples, then all pictures, then all sound. Browsers show nothing of a
//! fragment with both before its last byte is there (Chromium: `MP4StreamParser::HaveEnoughDataToEnqueueSamples`), so that whoever begins,
//! or is fed piece by piece, would wait for four seconds of media at once. ffmpeg's own `frag_duration` gives some pictures wrong times
//! (5.1) and its HLS playlist a wrong first segment.
//!
//! ```text
//! sidx sidx moof mdat(■■■■■■■■♪♪♪♪)  ─▶  moof mdat(■■♪)  moof mdat(■■♪)  moof mdat(■■♪)  moof mdat(■■♪)
//! ```
//!
//! Samples, their times and their order stay. `sidx` boxes go: their offsets would be wrong, and playlists tell where segments are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use mp4_atom::{
    Atom, Decode, Encode, FourCC, Header, Mfhd, Moof, Moov, Tfdt, Tfhd, Traf, Trun, TrunEntry,
};
use wire::playlist::ByteRange;

/// How long a fragment plays: the first is there with the first picture, and each costs about 170 bytes.
const FRAGMENT_MS: u64 = 500;

/// More of one segment aren't made: whatever its times say, it doesn't grow by more than some kilobytes.
const MOST_FRAGMENTS: u64 = 256;

/// A longer segment is left as it is, rather than held in memory.
const LONGEST_SEGMENT: u64 = 64 << 20;

/// Cuts all segments of a file, which tile it behind its initialisation section. Tells where they are then.
///
/// If one isn't built as ffmpeg builds them, or the disk has no room for both files, the file stays as it was.
///
/// # Errors
/// When the file can't be read, or another can't be written beside it.
pub(super) fn cut_file(
    path: &Path,
    init: ByteRange,
    segments: Vec<ByteRange>,
) -> io::Result<Vec<ByteRange>> {
    let beside = path.with_extension("cut");
    match cut_beside(path, &beside, init, &segments) {
        Ok(Some(ranges)) => {
            fs::rename(beside, path)?;
            return Ok(ranges);
        }
        Err(error) if error.kind() != io::ErrorKind::StorageFull => return Err(error),
        Ok(None) | Err(_) => {}
    }
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(segments),
    }
}

/// Writes what is cut to another file; `None` if a segment can't be cut.
fn cut_beside(
    path: &Path,
    beside: &Path,
    init: ByteRange,
    segments: &[ByteRange],
) -> io::Result<Option<Vec<ByteRange>>> {
    let mut file = File::open(path)?;
    let mut header = vec![0; usize::try_from(init.length).map_err(io::Error::other)?];
    file.read_exact(&mut header)?;
    let Some(timescales) = timescales(&header) else { return Ok(None) };
    let mut cut_ones = BufWriter::new(File::create(beside)?);
    cut_ones.write_all(&header)?;
    let (mut ranges, mut start, mut sequence) = (Vec::new(), init.length, 0);
    for segment in segments {
        let mut whole = Vec::new();
        if segment.length <= LONGEST_SEGMENT {
            (&mut file).take(segment.length).read_to_end(&mut whole)?;
        }
        let cut = cut(&whole, &timescales, &mut sequence).filter(|cut| !cut.is_empty());
        let Some(cut) = cut else { return Ok(None) };
        cut_ones.write_all(&cut)?;
        ranges.push(ByteRange { start, length: cut.len() as u64 });
        start += cut.len() as u64;
    }
    cut_ones.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(Some(ranges))
}

/// Ticks a second, by track.
fn timescales(init: &[u8]) -> Option<BTreeMap<u32, u32>> {
    let at = boxes(init).find(|(_, kind, _)| *kind == Moov::KIND)?.0;
    let moov = Moov::decode(&mut init.get(at..)?).ok()?;
    let tracks = moov.trak.iter();
    Some(tracks.map(|trak| (trak.tkhd.track_id, trak.mdia.mdhd.timescale)).collect())
}

/// A sample of a track.
struct Sample {
    entry: TrunEntry,
    decoded_at: u64,
    start: usize,
    length: usize,
}

/// What is said of a track in one of ffmpeg's fragments, and the samples that follow from it.
struct Track {
    tfhd: Tfhd,
    samples: Vec<Sample>,
    ticks_per_fragment: u64,
}

/// The same segment in fragments of half a second. `timescales` are ticks a second by track; `sequence` is the number of the last
/// fragment before it, and then of its own last one.
///
/// `None` if it isn't built as ffmpeg builds segments: then it is best left as it is.
pub(super) fn cut(
    segment: &[u8],
    timescales: &BTreeMap<u32, u32>,
    sequence: &mut u32,
) -> Option<Vec<u8>> {
    let mut cut = Vec::with_capacity(segment.len() + segment.len() / 64);
    let (mut end, mut last) = (0, *sequence);
    for (at, kind, length) in boxes(segment) {
        end = at + length;
        match kind.as_ref() {
            b"moof" => {
                let moof = Moof::decode(&mut segment.get(at..end)?).ok()?;
                let tracks = moof.traf.iter().map(|traf| track(traf, at, segment, timescales));
                write(&tracks.collect::<Option<Vec<_>>>()?, segment, &mut last, &mut cut)?;
            }
            b"sidx" | b"mdat" | b"styp" => {}
            _ => return None,
        }
    }
    *sequence = last;
    (end == segment.len()).then_some(cut)
}

/// Where each box begins, what it is, and how long, as long as they are whole.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = (usize, FourCC, usize)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let at = next;
        let mut rest = bytes.get(at..)?;
        let before = rest.len();
        let header = Header::decode(&mut rest).ok()?;
        let length = (before - rest.len()).checked_add(header.size?)?;
        next = at.checked_add(length).filter(|end| *end <= bytes.len())?;
        Some((at, header.kind, length))
    })
}

/// Reads what a fragment that begins at `moof` says of a track.
fn track(
    traf: &Traf,
    moof: usize,
    segment: &[u8],
    timescales: &BTreeMap<u32, u32>,
) -> Option<Track> {
    let Traf { tfhd, tfdt, trun: runs, .. } = traf;
    // What several runs leave to defaults isn't always the same.
    let is_plain =
        tfhd.default_base_is_moof && traf.senc.is_none() && traf.saio.is_empty() && runs.len() <= 1;
    let timescale = u64::from(*timescales.get(&tfhd.track_id)?);
    let mut decoded_at = tfdt.as_ref()?.base_media_decode_time;
    let (mut samples, mut left) = (Vec::new(), segment.len());
    for run in runs {
        let mut start = moof.checked_add(usize::try_from(run.data_offset?).ok()?)?;
        for entry in &run.samples {
            let length = usize::try_from(entry.size.or(tfhd.default_sample_size)?).ok()?;
            segment.get(start..start.checked_add(length)?)?;
            // No two samples have the same bytes.
            left = left.checked_sub(length.max(1))?;
            samples.push(Sample { entry, decoded_at, start, length });
            let duration = entry.duration.or(tfhd.default_sample_duration)?;
            decoded_at = decoded_at.checked_add(u64::from(duration))?;
            start += length;
        }
    }
    let ticks_per_fragment = (timescale * FRAGMENT_MS / 1000).max(1);
    is_plain.then_some(Track { tfhd: tfhd.clone(), samples, ticks_per_fragment })
}

/// Writes one of ffmpeg's fragments as several.
fn write(tracks: &[Track], segment: &[u8], sequence: &mut u32, cut: &mut Vec<u8>) -> Option<()> {
    let count = tracks.iter().map(Track::fragments).max()?.min(MOST_FRAGMENTS);
    for no in 0..count {
        let is_last = no + 1 == count;
        let parts = tracks.iter().map(|track| (track, track.fragment(no, is_last)));
        let parts: Vec<_> = parts.filter(|(_, samples)| !samples.is_empty()).collect();
        if parts.is_empty() {
            continue;
        }
        *sequence = sequence.checked_add(1)?;
        let traf = parts.iter().map(|(track, samples)| track.describe(samples)).collect();
        let mut moof = Moof { mfhd: Mfhd { sequence_number: *sequence }, traf };
        let mut described = Vec::new();
        moof.encode(&mut described).ok()?;
        // The offsets have their place already, so that the length stays.
        let mut offset = described.len() + MDAT_HEADER;
        for (traf, (_, samples)) in moof.traf.iter_mut().zip(&parts) {
            for run in &mut traf.trun {
                run.data_offset = Some(i32::try_from(offset).ok()?);
            }
            offset += bytes(samples);
        }
        moof.encode(cut).ok()?;
        let length = parts.iter().map(|(_, samples)| bytes(samples)).sum::<usize>() + MDAT_HEADER;
        cut.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
        cut.extend_from_slice(b"mdat");
        for sample in parts.iter().flat_map(|(_, samples)| samples.iter()) {
            cut.extend_from_slice(segment.get(sample.start..sample.start + sample.length)?);
        }
    }
    Some(())
}

impl Track {
    /// In which fragment a sample is.
    fn fragment_of(&self, sample: &Sample) -> u64 {
        let first = self.samples.first().map_or(0, |first| first.decoded_at);
        (sample.decoded_at - first) / self.ticks_per_fragment
    }

    fn fragments(&self) -> u64 {
        self.samples.last().map_or(0, |last| self.fragment_of(last) + 1)
    }

    /// The samples of a fragment; the last has all that are left.
    fn fragment(&self, no: u64, is_last: bool) -> &[Sample] {
        let before = |end: u64| self.samples.partition_point(|it| self.fragment_of(it) < end);
        let end = if is_last { self.samples.len() } else { before(no + 1) };
        &self.samples[before(no).min(end)..end]
    }

    fn describe(&self, samples: &[Sample]) -> Traf {
        let base_media_decode_time = samples.first().map_or(0, |first| first.decoded_at);
        let entries: Vec<TrunEntry> = samples.iter().map(|sample| sample.entry).collect();
        Traf {
            tfhd: self.tfhd.clone(),
            tfdt: Some(Tfdt { base_media_decode_time }),
            trun: vec![Trun { data_offset: Some(0), samples: entries.into() }],
            ..Traf::default()
        }
    }
}

fn bytes(samples: &[Sample]) -> usize {
    samples.iter().map(|sample| sample.length).sum()
}

/// Its length and its name.
const MDAT_HEADER: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pictures of a quarter of a second at 100 ticks a second, sounds of a tenth at 50; each sample has bytes of its own.
    fn segment(pictures: usize, sounds: usize) -> Vec<u8> {
        let track = |track_id, count: usize, duration, size: u32| {
            let entries: Vec<TrunEntry> = (0..count)
                .map(|no| TrunEntry { size: Some(size + no as u32), ..TrunEntry::default() })
                .collect();
            let tfhd = Tfhd {
                track_id,
                default_sample_duration: Some(duration),
                default_base_is_moof: true,
                ..Tfhd::default()
            };
            let tfdt = Some(Tfdt { base_media_decode_time: 1000 });
            let samples = entries.into();
            let trun = vec![Trun { data_offset: Some(0), samples }];
            Traf { tfhd, tfdt, trun, ..Traf::default() }
        };
        let traf = vec![track(1, pictures, 25, 100), track(2, sounds, 5, 10)];
        let mut moof = Moof { mfhd: Mfhd { sequence_number: 1 }, traf };
        let mut bytes = Vec::new();
        moof.encode(&mut bytes).unwrap();
        let picture_bytes: usize = (0..pictures).map(|no| 100 + no).sum();
        let sound_bytes: usize = (0..sounds).map(|no| 10 + no).sum();
        let start = bytes.len() + MDAT_HEADER;
        moof.traf[0].trun[0].data_offset = Some(start as i32);
        moof.traf[1].trun[0].data_offset = Some((start + picture_bytes) as i32);
        bytes.clear();
        moof.encode(&mut bytes).unwrap();
        let length = (picture_bytes + sound_bytes + MDAT_HEADER) as u32;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(b"mdat");
        let body = |no: usize, size: usize| std::iter::repeat_n(no as u8, size);
        bytes.extend((0..pictures).flat_map(|no| body(no, 100 + no)));
        bytes.extend((0..sounds).flat_map(|no| body(100 + no, 10 + no)));
        bytes
    }

    fn timescales() -> BTreeMap<u32, u32> {
        BTreeMap::from([(1, 100), (2, 50)])
    }

    /// When each sample is decoded, in ticks of its track, with its bytes; by track.
    fn samples(bytes: &[u8]) -> BTreeMap<u32, Vec<(u64, Vec<u8>)>> {
        let mut found: BTreeMap<u32, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
        for (at, ..) in boxes(bytes).filter(|(_, kind, _)| *kind == Moof::KIND) {
            for traf in Moof::decode(&mut &bytes[at..]).unwrap().traf {
                let track = track(&traf, at, bytes, &timescales()).unwrap();
                let all = track.samples.iter().map(|sample| {
                    let end = sample.start + sample.length;
                    (sample.decoded_at, bytes[sample.start..end].to_vec())
                });
                found.entry(traf.tfhd.track_id).or_default().extend(all);
            }
        }
        found
    }

    fn fragments(bytes: &[u8]) -> usize {
        boxes(bytes).filter(|(_, kind, _)| *kind == Moof::KIND).count()
    }

    #[test]
    fn each_half_second_has_its_pictures_and_its_sound() {
        let (whole, mut sequence) = (segment(8, 20), 6);
        let cut = cut(&whole, &timescales(), &mut sequence).unwrap();
        assert_eq!((fragments(&whole), fragments(&cut), sequence), (1, 4, 10));
        assert_eq!(samples(&cut), samples(&whole));
        let second = boxes(&cut).nth(2).unwrap().0;
        let tracks = Moof::decode(&mut &cut[second..]).unwrap().traf;
        let begin = |traf: &Traf| traf.tfdt.as_ref().unwrap().base_media_decode_time;
        assert_eq!(tracks.iter().map(begin).collect::<Vec<_>>(), [1050, 1025]);
    }

    #[test]
    fn what_is_cut_already_stays_so() {
        let mut sequence = 0;
        let once = cut(&segment(8, 20), &timescales(), &mut sequence).unwrap();
        sequence = 0;
        assert_eq!(cut(&once, &timescales(), &mut sequence).unwrap(), once);
    }

    #[test]
    fn one_kind_may_end_before_the_other() {
        for (pictures, sounds) in [(8, 3), (1, 20), (8, 0), (0, 20)] {
            let whole = segment(pictures, sounds);
            let cut = cut(&whole, &timescales(), &mut 0).unwrap();
            let has_some = |(_, all): &(u32, Vec<_>)| !all.is_empty();
            assert!(samples(&cut).into_iter().eq(samples(&whole).into_iter().filter(has_some)));
        }
    }

    #[test]
    fn what_is_built_otherwise_is_left_as_it_is() {
        let whole = segment(8, 20);
        let refused = |bytes: &[u8], scales: &[(u32, u32)]| {
            cut(bytes, &scales.iter().copied().collect(), &mut 0).is_none()
        };
        assert!(refused(&whole, &[(1, 100)]), "a track that nobody named");
        let both = [(1, 100), (2, 50)];
        assert!(refused(&whole[..whole.len() - 1], &both), "cut short");
        assert!(refused(&[&whole[..], b"\0\0\0\x08free"].concat(), &both));
    }

    proptest! {
        #[test]
        fn changed_bytes_do_no_harm(at in 0..600_usize, byte: u8) {
            let mut bytes = segment(8, 20);
            bytes[at] = byte;
            let (length, mut sequence) = (bytes.len(), 0);
            if let Some(cut) = cut(&bytes, &timescales(), &mut sequence) {
                prop_assert!(cut.len() < 2 * length + 200 * MOST_FRAGMENTS as usize);
            }
        }
    }
}
