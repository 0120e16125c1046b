//! What the boxes of our own fragmented MP4 say (ISO/IEC 14496-12): the codec, and where each segment begins.
//!
//! ffmpeg's playlist rounds, and adds up rounded frame durations where a container has them; the boxes are exact.

/// What the initialisation section says of the picture, which is the first track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Ticks a second.
    pub(super) timescale: u32,
    /// As in a playlist's CODECS (RFC 6381): profile, constraints and level from the avcC box, as `avc1.64001f`.
    pub(super) codec: String,
    track: u32,
}

impl Header {
    /// Reads `ftyp` and `moov`, or `None` if there is no H.264 in them.
    pub(super) fn parse(init: &[u8]) -> Option<Header> {
        let track = find(init, &[b"moov", b"trak"])?;
        let avc1 = find(find(track, &[b"mdia", b"minf", b"stbl", b"stsd"])?.get(8..)?, &[b"avc1"])?;
        let avcc = find(avc1.get(VISUAL_ENTRY..)?, &[b"avcC"])?;
        let mdhd = find(track, &[b"mdia", b"mdhd"])?;
        let tkhd = find(track, &[b"tkhd"])?;
        let [profile, constraints, level] = *avcc.get(1..4)? else { return None };
        Some(Header {
            timescale: number(mdhd, if *mdhd.first()? == 1 { 20 } else { 12 })
                .filter(|&timescale| timescale > 0)?,
            codec: format!("avc1.{profile:02x}{constraints:02x}{level:02x}"),
            track: number(tkhd, if *tkhd.first()? == 1 { 20 } else { 12 })?,
        })
    }

    /// When the first picture of a segment is shown, in ticks, from the segment's first few kilobytes.
    pub(super) fn start_of(&self, head: &[u8]) -> Option<i64> {
        let moof = find(head, &[b"moof"])?;
        let traf = boxes(moof).find(|(name, body)| {
            name == b"traf"
                && find(body, &[b"tfhd"]).and_then(|tfhd| number(tfhd, 4)) == Some(self.track)
        })?;
        let tfdt = find(traf.1, &[b"tfdt"])?;
        let decode_time = match *tfdt.first()? {
            1 => i64::from(number(tfdt, 4)?) << 32 | i64::from(number(tfdt, 8)?),
            _ => i64::from(number(tfdt, 4)?),
        };
        Some(decode_time + i64::from(first_offset(find(traf.1, &[b"trun"])?)?))
    }
}

/// How much later than it's decoded the first sample of a `trun` box is shown, in ticks.
fn first_offset(trun: &[u8]) -> Option<i32> {
    let flags = number(trun, 0)? & 0x00ff_ffff;
    if flags & TRUN_OFFSETS == 0 {
        return Some(0);
    }
    let words_before = [TRUN_DATA_OFFSET, TRUN_FIRST_FLAGS, TRUN_DURATIONS, TRUN_SIZES, TRUN_FLAGS];
    let skipped = words_before.iter().filter(|&&flag| flags & flag != 0).count();
    // Version 1 offsets have a sign; those of version 0 that would differ are longer than any film.
    number(trun, 8 + 4 * skipped).map(|offset| offset as i32)
}

/// The body of the box at the end of a path of boxes, each the first of its name in the one before.
fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |within, &name| {
        boxes(within).find(|(found, _)| found == name).map(|(_, body)| body)
    })
}

/// The boxes that lie side by side: name and body. The last may be cut off where our bytes end.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let length = number(bytes, 0)? as usize;
        let name = *bytes.get(4..)?.first_chunk()?;
        if length < 8 {
            return None;
        }
        let (this, rest) = bytes.split_at(length.min(bytes.len()));
        bytes = rest;
        Some((name, &this[8..]))
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&word| u32::from_be_bytes(word))
}

/// Bytes of a visual sample entry before the boxes in it.
const VISUAL_ENTRY: usize = 78;

const TRUN_DATA_OFFSET: u32 = 0x1;
const TRUN_FIRST_FLAGS: u32 = 0x4;
const TRUN_DURATIONS: u32 = 0x100;
const TRUN_SIZES: u32 = 0x200;
const TRUN_FLAGS: u32 = 0x400;
const TRUN_OFFSETS: u32 = 0x800;

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes(), name.as_slice(), body].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn init() -> Vec<u8> {
        let avcc = boxed(b"avcC", &[1, 0x64, 0, 0x1f, 0xff]);
        let avc1 = boxed(b"avc1", &[vec![0; VISUAL_ENTRY], avcc].concat());
        let stsd = boxed(b"stsd", &[words(&[0, 1]), avc1].concat());
        let minf = boxed(b"minf", &boxed(b"stbl", &stsd));
        let mdia = boxed(b"mdia", &[boxed(b"mdhd", &words(&[0, 0, 0, 15_360, 0])), minf].concat());
        let trak = boxed(b"trak", &[boxed(b"tkhd", &words(&[7, 0, 0, 1, 0])), mdia].concat());
        [boxed(b"ftyp", b"iso5"), boxed(b"moov", &[boxed(b"mvhd", &[]), trak].concat())].concat()
    }

    fn segment(track: u32, tfdt: &[u32], trun: &[u32]) -> Vec<u8> {
        let other = boxed(b"traf", &boxed(b"tfhd", &words(&[0, 2])));
        let boxes = [
            boxed(b"tfhd", &words(&[0, track])),
            boxed(b"tfdt", &words(tfdt)),
            boxed(b"trun", &words(trun)),
        ];
        let moof = boxed(b"moof", &[other, boxed(b"traf", &boxes.concat())].concat());
        [boxed(b"sidx", &[0; 20]), moof].concat()
    }

    #[test]
    fn the_codec_is_read_from_the_header() {
        let header = Header::parse(&init()).unwrap();
        assert_eq!(header, Header { timescale: 15_360, codec: "avc1.64001f".to_owned(), track: 1 });
    }

    #[test]
    fn a_segment_begins_when_its_first_picture_is_shown() {
        let header = Header::parse(&init()).unwrap();
        #[track_caller]
        fn check(header: &Header, segment: &[u8], wanted: Option<i64>) {
            assert_eq!(header.start_of(segment), wanted);
        }
        check(&header, &segment(1, &[0, 500], &[0, 1, 9]), Some(500));
        check(
            &header,
            &segment(1, &[0x0100_0000, 1, 5], &[0x0000_0801, 1, 99, 1024]),
            Some((1 << 32) + 5 + 1024),
        );
        check(
            &header,
            &segment(1, &[0, 500], &[0x0100_0f05, 1, 1, 2, 3, 4, 5, 0xffff_ffff]),
            Some(499),
        );
        check(&header, &segment(3, &[0, 500], &[0, 1]), None);
        check(&header, &segment(1, &[0, 500], &[0x0000_0f05, 1, 1]), None);
    }

    #[test]
    fn cut_off_boxes_never_panic() {
        let (init, segment) = (init(), segment(1, &[0, 5], &[0, 1]));
        let header = Header::parse(&init).unwrap();
        for length in 0..init.len() {
            let _ = Header::parse(&init[..length]);
        }
        for length in 0..segment.len() {
            let _ = header.start_of(&segment[..length]);
        }
        assert_eq!(Header::parse(&[0; 64]), None);
    }
}
