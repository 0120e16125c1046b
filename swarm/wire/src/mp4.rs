//! What the boxes of fragmented MP4 say (ISO/IEC 14496-12): the codecs, and where each segment begins.
//!
//! The importer reads its own files, because ffmpeg's playlist rounds and the boxes are exact. The player reads
//! everybody's, to set up a decoder that no playlist named and to move media whose clock doesn't start at zero.

/// What an initialisation section says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Ticks a second of the first track, which is the picture if there is one.
    pub timescale: u32,
    /// One for each track as in a playlist's CODECS (RFC 6381), or `None` for a kind that isn't known here.
    pub codecs: Vec<Option<String>>,
    track: u32,
}

impl Header {
    /// Reads `ftyp` and `moov`, or `None` if there is no track in them.
    pub fn parse(init: &[u8]) -> Option<Header> {
        let moov = find(init, &[b"moov"])?;
        let mut tracks = boxes(moov).filter(|(name, _)| name == b"trak").map(|(_, track)| track);
        let first = tracks.next()?;
        let mdhd = find(first, &[b"mdia", b"mdhd"])?;
        let tkhd = find(first, &[b"tkhd"])?;
        Some(Header {
            timescale: number(mdhd, if *mdhd.first()? == 1 { 20 } else { 12 })
                .filter(|&timescale| timescale > 0)?,
            track: number(tkhd, if *tkhd.first()? == 1 { 20 } else { 12 })?,
            codecs: std::iter::once(first).chain(tracks).take(MOST_TRACKS).map(codec).collect(),
        })
    }

    /// When the first sample of a segment's first track is shown, in ticks, from the segment's first kilobytes.
    pub fn start_of(&self, head: &[u8]) -> Option<i64> {
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
        decode_time.checked_add(i64::from(first_offset(find(traf.1, &[b"trun"])?)?))
    }
}

/// Whether boxes fill a piece of media of `length` bytes exactly, as they do unless it was cut short or is something else.
///
/// `head_at` gives the 16 bytes at a position, or fewer at the end: media need not be copied to be looked through.
pub fn is_whole<H: AsRef<[u8]>>(length: u64, head_at: impl Fn(u64) -> H) -> bool {
    let mut at = 0;
    for _ in 0..MOST_BOXES {
        if at == length {
            return length > 0;
        }
        let head = head_at(at);
        match box_length(head.as_ref(), length - at) {
            Some(next) if next <= length - at => at += next,
            _ => return false,
        }
    }
    false
}

/// The length of the box that begins so; one of length 0 goes on to the end, `rest` bytes from here.
fn box_length(head: &[u8], rest: u64) -> Option<u64> {
    let is_named = head.get(4..8)?.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let length = match number(head, 0)? {
        0 => rest,
        1 => u64::from(number(head, 8)?) << 32 | u64::from(number(head, 12)?),
        length => u64::from(length),
    };
    (is_named && length >= 8).then_some(length)
}

/// The codec of a track: of H.264 with profile, constraints and level, of AAC with its object type.
fn codec(track: &[u8]) -> Option<String> {
    let (name, entry) =
        boxes(find(track, &[b"mdia", b"minf", b"stbl", b"stsd"])?.get(8..)?).next()?;
    match &name {
        b"avc1" | b"avc3" => {
            let avcc = find(entry.get(VISUAL_ENTRY..)?, &[b"avcC"])?;
            let [profile, constraints, level] = *avcc.get(1..4)? else { return None };
            Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
        }
        b"mp4a" => sound_codec(find(entry.get(AUDIO_ENTRY..)?, &[b"esds"])?.get(4..)?),
        b"Opus" => Some("opus".to_owned()),
        b"fLaC" => Some("flac".to_owned()),
        _ => None,
    }
}

/// Reads the elementary stream descriptor (ISO/IEC 14496-1 §7.2.6.5) down to the audio object type.
fn sound_codec(descriptors: &[u8]) -> Option<String> {
    let stream = descriptor(descriptors, 3)?;
    let decoder = descriptor(stream.get(3..)?, 4)?;
    let object_type = *decoder.first()?;
    if object_type != AAC {
        return Some(format!("mp4a.{object_type:02x}"));
    }
    let config = descriptor(decoder.get(13..)?, 5)?;
    Some(format!("mp4a.40.{}", config.first()? >> 3))
}

/// The body of the descriptor that comes first, if it has this tag; its length has seven bits in each byte.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(&[tag])?;
    let mut length = 0;
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length = (length << 7 | usize::from(byte & 0x7f)) & 0x0fff_ffff;
        if byte & 0x80 == 0 {
            return Some(rest.get(..length).unwrap_or(rest));
        }
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
/// Bytes of a sound sample entry before the boxes in it.
const AUDIO_ENTRY: usize = 28;
/// The object type of MPEG-4 audio.
const AAC: u8 = 0x40;
/// Boxes side by side in one segment: a fragment for each frame of ten seconds at 60 a second makes 1,200.
const MOST_BOXES: usize = 4096;
/// Tracks that are looked at: a picture, a sound and room for more than anybody has.
const MOST_TRACKS: usize = 8;

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
        let sound =
            boxed(b"trak", &boxed(b"mdia", &boxed(b"minf", &boxed(b"stbl", &sound_entry()))));
        let moov = boxed(b"moov", &[boxed(b"mvhd", &[]), trak, sound].concat());
        [boxed(b"ftyp", b"iso5"), moov].concat()
    }

    /// As ffmpeg writes it for AAC-LC, with lengths in four bytes.
    fn sound_entry() -> Vec<u8> {
        let config = [5, 0x80, 0x80, 0x80, 2, 0x12, 0x10];
        let decoder = [&[4, 0x80, 0x80, 0x80, 20, 0x40][..], &[0; 12], &config].concat();
        let stream = [&[3, 0x80, 0x80, 0x80, 28, 0, 2, 0][..], &decoder].concat();
        let esds = boxed(b"esds", &[&[0; 4][..], &stream].concat());
        let mp4a = boxed(b"mp4a", &[vec![0; AUDIO_ENTRY], esds].concat());
        boxed(b"stsd", &[words(&[0, 1]), mp4a].concat())
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
    fn codecs_are_read_from_the_header() {
        let header = Header::parse(&init()).unwrap();
        assert_eq!((header.timescale, header.track), (15_360, 1));
        assert_eq!(header.codecs, [Some("avc1.64001f".to_owned()), Some("mp4a.40.2".to_owned())]);
    }

    #[test]
    fn a_kind_that_is_not_known_is_not_guessed() {
        let mut init = init();
        let at = init.windows(4).position(|name| name == b"avc1").unwrap();
        init[at..at + 4].copy_from_slice(b"hvc1");
        assert_eq!(Header::parse(&init).unwrap().codecs[0], None);
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
    fn only_what_boxes_fill_is_whole() {
        #[track_caller]
        fn check(bytes: &[u8], wanted: bool) {
            let head_at =
                |at: u64| bytes[at as usize..].iter().take(16).copied().collect::<Vec<u8>>();
            assert_eq!(is_whole(bytes.len() as u64, head_at), wanted);
        }
        let segment = [segment(1, &[0, 5], &[0, 1]), boxed(b"mdat", &[7; 30])].concat();
        check(&segment, true);
        check(&segment[..segment.len() - 1], false);
        check(&[0x41; 64], false);
        check(&[], false);
        check(&[&[0, 0, 0, 0][..], b"mdat", &[1; 9]].concat(), true);
        check(&[&[0, 0, 0, 1][..], b"mdat", &[0, 0, 0, 0, 0, 0, 0, 20], &[1; 4]].concat(), true);
        check(&[&[0, 0, 0, 1][..], b"mdat", &[0xff; 8]].concat(), false);
        check(&[0, 0, 0, 8].repeat(20_000), false);
        check(&boxed(b"free", b"").repeat(MOST_BOXES + 1), false);
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

    proptest::proptest! {
        #[test]
        fn perturbed_boxes_never_panic(at in 0..400usize, byte: u8) {
            let (mut init, mut segment) = (init(), segment(1, &[0x0100_0000, 1, 5], &[0x0000_0801, 1, 99, 1024]));
            let header = Header::parse(&init).unwrap();
            let (init_at, segment_at) = (at % init.len(), at % segment.len());
            init[init_at] = byte;
            segment[segment_at] = byte;
            let _ = Header::parse(&init);
            let _ = header.start_of(&segment);
        }
    }
}
