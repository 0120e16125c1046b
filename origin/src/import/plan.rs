//! What is made of a source: which renditions, at which size and rate, remuxed or encoded. Decisions only, no IO.

use std::time::Duration;

use super::probe::{Picture, Rate, Source};

/// What is made, in which way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) way: Way,
    /// In the order of their publication; at least one.
    rungs: Vec<Rung>,
    /// Frames per second of every rendition.
    pub(super) rate: Rate,
}

/// How the first rendition comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The source's own frames, repackaged; the others follow its keyframes.
    Remux,
    /// Everything is encoded anew, on a frame grid of our own.
    Encode,
}

/// One rendition to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rung {
    /// What it's called after: its shorter side.
    pub(super) name: u32,
    pub(super) size: Size,
}

/// Pixels across and down, both even and square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Size {
    pub(super) fn short_side(self) -> u32 {
        self.width.min(self.height)
    }

    pub(super) fn pixels(self) -> f64 {
        f64::from(self.width) * f64::from(self.height)
    }
}

impl Plan {
    /// The first rendition is the source itself, the others lie strictly below it.
    pub(super) fn remux(picture: &Picture, heights: &[u32]) -> Plan {
        let size = Size { width: picture.width, height: picture.height };
        let top = Rung { name: size.short_side(), size };
        let below = ladder(size, heights).into_iter().filter(|rung| rung.name < top.name);
        Plan {
            way: Way::Remux,
            rungs: std::iter::once(top).chain(below).collect(),
            rate: rate_of(picture),
        }
    }

    /// All renditions are encoded, the smallest first.
    pub(super) fn encode(source: &Source, heights: &[u32]) -> Plan {
        let Some(picture) = &source.picture else { return Plan::drawn(heights) };
        Plan {
            way: Way::Encode,
            rungs: ladder(shown_size(picture), heights),
            rate: rate_of(picture),
        }
    }

    /// Sound alone gets a picture, which needs no more than 480 lines.
    fn drawn(heights: &[u32]) -> Plan {
        let mut small: Vec<u32> =
            heights.iter().copied().filter(|&height| height <= DRAWN_HEIGHT).collect();
        if small.is_empty() {
            small.push(DRAWN_HEIGHT);
        }
        Plan {
            way: Way::Encode,
            rungs: ladder(DRAWN_SHAPE, &small),
            rate: Rate { frames: 25, seconds: 1 },
        }
    }

    /// What is made alone and published first.
    pub(super) fn first(&self) -> Rung {
        self.rungs[0]
    }

    /// What is made in one run after it.
    pub(super) fn others(&self) -> &[Rung] {
        &self.rungs[1..]
    }

    /// The rendition with the most pixels.
    pub(super) fn largest(&self) -> Rung {
        self.rungs.iter().copied().max_by_key(|rung| rung.name).unwrap_or(self.rungs[0])
    }

    /// Bytes that the import will about take, for a look at the free space before it begins.
    ///
    /// Half the permitted bit rate, which ordinary films stay below: a guess too high would refuse what fits.
    pub(super) fn expected_bytes(&self, source: &Source, source_bytes: u64) -> u64 {
        let Some(duration) = source.duration else { return source_bytes.saturating_mul(2) };
        let skipped = if self.way == Way::Remux { 1 } else { 0 };
        let rate: u64 = self
            .rungs
            .iter()
            .skip(skipped)
            .map(|&rung| peak_rate_bps(rung, self.rate) / 2 + SOUND_BPS)
            .sum();
        let encoded = (rate as f64 / 8.0 * duration.as_secs_f64()) as u64;
        encoded.saturating_add(if self.way == Way::Remux { source_bytes } else { 0 })
    }
}

/// Every browser plays this source as it is, if its keyframes lie close enough, which only a look at all of it can tell.
pub(super) fn may_remux(source: &Source, heights: &[u32]) -> bool {
    source
        .picture
        .as_ref()
        .is_some_and(|picture| plays_everywhere(picture) && fits(picture, heights))
        && source.sound.as_ref().is_none_or(|sound| {
            sound.codec == "aac"
                && sound.profile == "LC"
                && sound.channels <= 6
                && sound.start.abs() <= LIP_SYNC
        })
        && missing_picture(source).is_none()
        && missing_sound(source).is_none_or(|missing| missing.lasts <= NOTICEABLE)
}

fn plays_everywhere(picture: &Picture) -> bool {
    picture.codec == "h264"
        // Plain "Baseline" may use slices in any order, which browsers don't decode.
        && ["Constrained Baseline", "Main", "High"].contains(&picture.profile.as_str())
        && picture.pixel_format == "yuv420p"
        && (1..=52).contains(&picture.level)
        && picture.has_one_header
        && !picture.is_interlaced
        && !picture.has_display_matrix
        && !is_hdr(picture)
}

fn fits(picture: &Picture, heights: &[u32]) -> bool {
    let highest = heights.iter().max().copied().unwrap_or(0);
    picture.pixel_aspect == 1.0
        && picture.width.is_multiple_of(2)
        && picture.height.is_multiple_of(2)
        && picture.width.min(picture.height) <= highest
        && picture.average_rate.is_some_and(|rate| rate.per_second() <= FASTEST + 0.5)
        && picture.start.abs() <= LIP_SYNC
}

/// The time for which the sound goes on after the picture, if that's long enough to notice.
pub(super) fn missing_picture(source: &Source) -> Option<Duration> {
    let picture = source.picture.as_ref()?;
    let sound = source.sound.as_ref()?;
    let missing = sound.end?.checked_sub(picture.end?)?;
    (missing > NOTICEABLE).then_some(missing)
}

/// Silence that a source needs to last as long as its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Silence {
    pub(super) lasts: Duration,
    /// After the start of the file.
    pub(super) until: Duration,
}

/// The silence from the sound's end to the picture's: players stop where one of both is missing.
pub(super) fn missing_sound(source: &Source) -> Option<Silence> {
    let until = source.picture.as_ref()?.end?;
    let lasts = until.checked_sub(source.sound.as_ref()?.end?)?;
    (lasts > FRAMES_OF_SOUND).then_some(Silence { lasts, until })
}

/// Both picture and sound are there, and the container doesn't say when one of them ends.
pub(super) fn hides_an_end(source: &Source) -> bool {
    match (&source.picture, &source.sound) {
        (Some(picture), Some(sound)) => picture.end.is_none() || sound.end.is_none(),
        _ => false,
    }
}

/// Brightness beyond what eight bits tell: PQ or HLG.
pub(super) fn is_hdr(picture: &Picture) -> bool {
    matches!(picture.transfer.as_str(), "smpte2084" | "arib-std-b67")
}

/// The ordered, even sizes at the configured heights that don't enlarge; if none fits, the source's own.
fn ladder(shown: Size, heights: &[u32]) -> Vec<Rung> {
    let short = shown.short_side();
    let mut fitting: Vec<u32> = heights.iter().copied().filter(|&height| height <= short).collect();
    fitting.sort_unstable();
    fitting.dedup();
    if fitting.is_empty() {
        fitting.push((short & !1).max(2));
    }
    let side = |side: u32, height: u32| {
        if side == short {
            return height;
        }
        let pixels = f64::from(side) * f64::from(height) / f64::from(short);
        ((pixels / 2.0).round() as u32 * 2).max(2)
    };
    let rung = |name| Rung {
        name,
        size: Size { width: side(shown.width, name), height: side(shown.height, name) },
    };
    fitting.into_iter().map(rung).collect()
}

/// The size at which a player would show the source: turned, and with square pixels.
fn shown_size(picture: &Picture) -> Size {
    let width = (f64::from(picture.width) * picture.pixel_aspect).round().max(1.0) as u32;
    let is_turned = picture.rotation.rem_euclid(180) == 90;
    if is_turned {
        Size { width: picture.height, height: width }
    } else {
        Size { width, height: picture.height }
    }
}

/// The source's own rate where it's constant, else the nearest usual one; at most 60 frames a second.
fn rate_of(picture: &Picture) -> Rate {
    let Some(average) = picture.average_rate.or(picture.base_rate) else {
        return Rate { frames: 25, seconds: 1 };
    };
    let is_constant = picture.base_rate.is_some_and(|base| {
        (base.per_second() - average.per_second()).abs() <= CONSTANT * average.per_second()
    });
    let mut rate =
        if is_constant { picture.base_rate.unwrap_or(average) } else { nearest_usual(average) };
    while rate.per_second() > FASTEST {
        rate.seconds *= 2;
    }
    rate
}

fn nearest_usual(rate: Rate) -> Rate {
    let distance = |&(frames, seconds): &(u32, u32)| {
        (Rate { frames, seconds }.per_second() / rate.per_second()).ln().abs()
    };
    let nearest = USUAL_RATES.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    let (frames, seconds) = *nearest.expect("the list of usual rates is not empty");
    Rate { frames, seconds }
}

/// The bit rate that a rendition may peak at.
///
/// A tenth of a bit for each pixel at 720p30 (2.8 Mbit/s); small pictures need more a pixel, large and fast ones less.
pub(super) fn peak_rate_bps(rung: Rung, rate: Rate) -> u64 {
    let pixels = rung.size.pixels();
    let frugality = (921_600.0 / pixels).powf(0.25);
    let speed = 30.0 * (rate.per_second() / 30.0).powf(0.75);
    ((0.1 * pixels * speed * frugality / 1000.0).ceil() as u64 * 1000).max(64_000)
}

/// What AAC gets for two channels.
pub(super) const SOUND_BPS: u64 = 128_000;

/// Half of what people begin to notice (ITU-R BT.1359: 45 ms early, 125 ms late): a start that late may be lost, since
/// browsers ignore an empty edit at the start of a track.
const LIP_SYNC: f64 = 0.045;

/// How much longer picture or sound may last than the other in a remux.
const NOTICEABLE: Duration = Duration::from_secs(1);

/// Less than this is the rounding of ends to whole frames: five of AAC at 48 kHz.
const FRAMES_OF_SOUND: Duration = Duration::from_millis(100);

/// More frames a second than this need twice the bits for nothing that most screens show.
const FASTEST: f64 = 60.0;

/// How far the average rate of a constant one is off, for its last frame's sake: one in a thousand.
const CONSTANT: f64 = 0.001;

const USUAL_RATES: [(u32, u32); 12] = [
    (10, 1),
    (12, 1),
    (15, 1),
    (20, 1),
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60, 1),
];

/// The shape of a picture drawn for sound alone: 16:9.
const DRAWN_SHAPE: Size = Size { width: 1280, height: 720 };
const DRAWN_HEIGHT: u32 = 480;

#[cfg(test)]
pub(super) mod tests {
    use super::super::probe::Sound;
    use super::*;

    const HEIGHTS: [u32; 4] = [240, 480, 720, 1080];

    /// A plain film as most cameras make it.
    pub(in super::super) fn film() -> Source {
        let rate = Some(Rate { frames: 30, seconds: 1 });
        Source {
            has_stated_duration: true,
            duration: Some(Duration::from_secs(60)),
            start: 0.0,
            cover: None,
            picture: Some(Picture {
                stream: 0,
                codec: "h264".to_owned(),
                profile: "High".to_owned(),
                level: 31,
                pixel_format: "yuv420p".to_owned(),
                width: 1280,
                height: 720,
                pixel_aspect: 1.0,
                rotation: 0,
                has_display_matrix: false,
                is_interlaced: false,
                has_one_header: true,
                average_rate: rate,
                base_rate: rate,
                start: 0.0,
                end: Some(Duration::from_secs(60)),
                transfer: String::new(),
                primaries: String::new(),
                matrix: String::new(),
                range: String::new(),
            }),
            sound: Some(Sound {
                stream: 1,
                codec: "aac".to_owned(),
                profile: "LC".to_owned(),
                channels: 2,
                start: 0.0,
                end: Some(Duration::from_secs(60)),
            }),
        }
    }

    fn with_picture(change: impl FnOnce(&mut Picture)) -> Source {
        let mut source = film();
        change(source.picture.as_mut().unwrap());
        source
    }

    fn with_sound(change: impl FnOnce(&mut Sound)) -> Source {
        let mut source = film();
        change(source.sound.as_mut().unwrap());
        source
    }

    #[track_caller]
    fn check_ladder(width: u32, height: u32, wanted: &[(u32, u32, u32)]) {
        let rungs = ladder(Size { width, height }, &HEIGHTS);
        let found: Vec<_> =
            rungs.iter().map(|rung| (rung.name, rung.size.width, rung.size.height)).collect();
        assert_eq!(found, wanted, "{width}x{height}");
    }

    #[test]
    fn renditions_are_even_and_never_larger_than_the_source() {
        check_ladder(1280, 720, &[(240, 426, 240), (480, 854, 480), (720, 1280, 720)]);
        check_ladder(720, 1280, &[(240, 240, 426), (480, 480, 854), (720, 720, 1280)]);
        check_ladder(640, 480, &[(240, 320, 240), (480, 640, 480)]);
        check_ladder(500, 500, &[(240, 240, 240), (480, 480, 480)]);
        check_ladder(321, 241, &[(240, 320, 240)]);
        check_ladder(301, 201, &[(200, 300, 200)]);
        check_ladder(1920, 800, &[(240, 576, 240), (480, 1152, 480), (720, 1728, 720)]);
        check_ladder(1, 1, &[(2, 2, 2)]);
        check_ladder(9, 3001, &[(8, 8, 2668)]);
    }

    #[track_caller]
    fn check_shown(change: impl FnOnce(&mut Picture), wanted: (u32, u32)) {
        let size = shown_size(with_picture(change).picture.as_ref().unwrap());
        assert_eq!((size.width, size.height), wanted);
    }

    #[test]
    fn rotation_and_pixel_shape_count() {
        check_shown(|_| {}, (1280, 720));
        check_shown(|picture| picture.rotation = -90, (720, 1280));
        check_shown(|picture| picture.rotation = 270, (720, 1280));
        check_shown(|picture| picture.rotation = 180, (1280, 720));
        check_shown(
            |picture| {
                (picture.width, picture.height, picture.pixel_aspect) = (720, 576, 64.0 / 45.0)
            },
            (1024, 576),
        );
    }

    #[track_caller]
    fn check_rate(average: (u32, u32), base: (u32, u32), wanted: (u32, u32)) {
        let rate = |(frames, seconds)| Some(Rate { frames, seconds });
        let source = with_picture(|picture| {
            (picture.average_rate, picture.base_rate) = (rate(average), rate(base))
        });
        let found = rate_of(source.picture.as_ref().unwrap());
        assert_eq!((found.frames, found.seconds), wanted);
    }

    #[test]
    fn a_constant_rate_is_kept_and_a_variable_one_made_usual() {
        check_rate((30_000, 1001), (30_000, 1001), (30_000, 1001));
        check_rate((25, 1), (25, 1), (25, 1));
        check_rate((1, 2), (1, 2), (1, 2));
        check_rate((2_997, 100), (90_000, 1), (30_000, 1001));
        check_rate((27, 1), (60, 1), (25, 1));
        check_rate((14, 1), (30, 1), (15, 1));
        check_rate((120, 1), (120, 1), (120, 2));
        check_rate((240, 1), (240, 1), (240, 4));
        check_rate((200, 1), (1000, 1), (60, 1));
    }

    #[track_caller]
    fn check_remux(source: &Source, wanted: bool) {
        assert_eq!(may_remux(source, &HEIGHTS), wanted, "{source:?}");
    }

    #[test]
    fn only_what_every_browser_plays_is_remuxed() {
        check_remux(&film(), true);
        check_remux(&Source { sound: None, ..film() }, true);
        check_remux(&Source { picture: None, ..film() }, false);
        check_remux(&with_picture(|picture| picture.codec = "hevc".to_owned()), false);
        check_remux(&with_picture(|picture| picture.profile = "High 10".to_owned()), false);
        check_remux(&with_picture(|picture| picture.profile = "Baseline".to_owned()), false);
        check_remux(
            &with_picture(|picture| picture.profile = "Constrained Baseline".to_owned()),
            true,
        );
        check_remux(&with_picture(|picture| picture.pixel_format = "yuv422p".to_owned()), false);
        check_remux(&with_picture(|picture| picture.pixel_format = "yuvj420p".to_owned()), false);
        check_remux(&with_picture(|picture| picture.level = 60), false);
        check_remux(&with_picture(|picture| picture.is_interlaced = true), false);
        check_remux(&with_picture(|picture| picture.has_display_matrix = true), false);
        check_remux(&with_picture(|picture| picture.has_one_header = false), false);
        check_remux(&with_picture(|picture| picture.pixel_aspect = 1.01), false);
        check_remux(&with_picture(|picture| picture.width = 1279), false);
        check_remux(&with_picture(|picture| (picture.width, picture.height) = (3840, 2160)), false);
        check_remux(&with_picture(|picture| (picture.width, picture.height) = (160, 90)), true);
        check_remux(&with_picture(|picture| picture.average_rate = None), false);
        check_remux(
            &with_picture(|picture| picture.average_rate = Some(Rate { frames: 120, seconds: 1 })),
            false,
        );
        check_remux(&with_picture(|picture| picture.start = 0.5), false);
        check_remux(&with_picture(|picture| picture.transfer = "smpte2084".to_owned()), false);
        check_remux(&with_picture(|picture| picture.end = Some(Duration::from_secs(30))), false);
        check_remux(&with_sound(|sound| sound.end = Some(Duration::from_secs(10))), false);
        check_remux(&with_sound(|sound| sound.end = Some(Duration::from_millis(59_500))), true);
        check_remux(&with_sound(|sound| sound.codec = "mp3".to_owned()), false);
        check_remux(&with_sound(|sound| sound.profile = "HE-AAC".to_owned()), false);
        check_remux(&with_sound(|sound| sound.channels = 8), false);
        check_remux(&with_sound(|sound| sound.start = -0.5), false);
    }

    #[test]
    fn a_remuxed_top_comes_first_and_the_others_lie_below_it() {
        let names = |source: &Source| -> Vec<u32> {
            let plan = Plan::remux(source.picture.as_ref().unwrap(), &HEIGHTS);
            plan.rungs.iter().map(|rung| rung.name).collect()
        };
        assert_eq!(names(&film()), [720, 240, 480]);
        assert_eq!(
            names(&with_picture(|picture| (picture.width, picture.height) = (1920, 800))),
            [800, 240, 480, 720]
        );
        assert_eq!(
            names(&with_picture(|picture| (picture.width, picture.height) = (160, 90))),
            [90]
        );
    }

    #[test]
    fn sound_alone_is_drawn_small() {
        let plan = Plan::encode(&Source { picture: None, ..film() }, &HEIGHTS);
        assert_eq!(plan.rungs.iter().map(|rung| rung.name).collect::<Vec<_>>(), [240, 480]);
        let plan = Plan::encode(&Source { picture: None, ..film() }, &[1080]);
        assert_eq!(plan.rungs.iter().map(|rung| rung.name).collect::<Vec<_>>(), [480]);
    }

    #[test]
    fn bits_grow_with_pixels_and_frames_but_slower() {
        let bps = |width, height, frames| {
            let size = Size { width, height };
            peak_rate_bps(Rung { name: size.short_side(), size }, Rate { frames, seconds: 1 })
        };
        assert_eq!(bps(1280, 720, 30), 2_765_000);
        assert!((400_000..600_000).contains(&bps(426, 240, 30)));
        assert!((4_500_000..6_000_000).contains(&bps(1920, 1080, 30)));
        assert!((1.5..1.9).contains(&(bps(1280, 720, 60) as f64 / bps(1280, 720, 30) as f64)));
        assert_eq!(bps(2, 2, 1), 64_000);
    }

    #[test]
    fn the_expected_size_counts_a_remux_once() {
        let source = film();
        let remux = Plan::remux(source.picture.as_ref().unwrap(), &HEIGHTS)
            .expected_bytes(&source, 9_000_000);
        let encode = Plan::encode(&source, &HEIGHTS).expected_bytes(&source, 9_000_000);
        assert!(
            (9_000_000..30_000_000).contains(&remux) && (10_000_000..40_000_000).contains(&encode)
        );
        let unknown = Source { duration: None, ..film() };
        assert_eq!(Plan::encode(&unknown, &HEIGHTS).expected_bytes(&unknown, 7), 14);
    }
}
