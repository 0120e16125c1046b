//! What ffprobe says of a source: its words on one side, the facts that decide on the other.
//!
//! The words come from the file, so every number is optional and doubted.

use std::time::Duration;

use serde::Deserialize;

/// What a source file holds, as far as an import cares. At least one of picture and sound is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    /// Says itself how long it plays, rather than letting ffmpeg guess from its size.
    pub(super) has_stated_duration: bool,
    pub(super) duration: Option<Duration>,
    /// Where its clock starts, in seconds; ffmpeg makes this 0.
    pub(super) start: f64,
    pub(super) picture: Option<Picture>,
    pub(super) sound: Option<Sound>,
    /// The stream with the picture of a record's sleeve.
    pub(super) cover: Option<u32>,
}

/// The moving picture.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    pub(super) stream: u32,
    pub(super) codec: String,
    pub(super) profile: String,
    pub(super) level: i32,
    pub(super) pixel_format: String,
    /// As stored: before rotation, in pixels that need not be square.
    pub(super) width: u32,
    pub(super) height: u32,
    /// Width of a pixel over its height.
    pub(super) pixel_aspect: f64,
    /// Degrees by which a player has to turn it.
    pub(super) rotation: i32,
    /// Has to be turned or mirrored before it is shown.
    pub(super) has_display_matrix: bool,
    pub(super) is_interlaced: bool,
    /// Its parameters stand once in the container's header, not among the frames.
    pub(super) has_one_header: bool,
    pub(super) average_rate: Option<Rate>,
    /// The lowest rate at which all its times can be told exactly.
    pub(super) base_rate: Option<Rate>,
    pub(super) start: f64,
    /// When it ends after the start of the file, as far as the container says.
    pub(super) end: Option<Duration>,
    pub(super) transfer: String,
    pub(super) primaries: String,
    pub(super) matrix: String,
    pub(super) range: String,
}

/// The sound.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sound {
    pub(super) stream: u32,
    pub(super) codec: String,
    pub(super) profile: String,
    pub(super) channels: u32,
    pub(super) start: f64,
    /// When it ends after the start of the file, as far as the container says.
    pub(super) end: Option<Duration>,
}

/// Frames per second as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) frames: u32,
    pub(super) seconds: u32,
}

impl Rate {
    pub(super) fn per_second(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds)
    }

    /// `30000/1001`; none for `0/0`, and for more than a million frames a second, which no camera makes.
    fn parse(text: &str) -> Option<Rate> {
        let (frames, seconds) = text.split_once('/')?;
        let rate = Rate { frames: frames.parse().ok()?, seconds: seconds.parse().ok()? };
        (rate.frames > 0 && rate.seconds > 0 && rate.per_second() <= 1e6).then_some(rate)
    }
}

impl Source {
    /// Reads ffprobe's JSON; `None` if there is nothing to see or hear in the file.
    pub(super) fn parse(json: &[u8]) -> serde_json::Result<Option<Source>> {
        Ok(Source::from_said(&serde_json::from_slice(json)?))
    }

    fn from_said(said: &Said) -> Option<Source> {
        let format_start = seconds(&said.format.start_time).unwrap_or(0.0);
        let is_matroska = said.format.is_one_of(&["matroska"]);
        let usable =
            |stream: &&SaidStream| !stream.codec_name.is_empty() && stream.codec_name != "unknown";
        let of_kind = |kind: &'static str| {
            said.streams.iter().filter(usable).filter(move |stream| stream.codec_type == kind)
        };
        let picture = of_kind("video")
            .find(|stream| {
                stream.disposition.attached_pic == 0 && stream.disposition.still_image == 0
            })
            .and_then(|stream| picture(stream, format_start, is_matroska));
        let sound = of_kind("audio").find(|stream| stream.channels > 0).map(|stream| Sound {
            stream: stream.index,
            codec: stream.codec_name.clone(),
            profile: stream.profile.clone(),
            channels: stream.channels,
            start: seconds(&stream.start_time).map_or(0.0, |start| start - format_start),
            end: end_of(stream, format_start, is_matroska),
        });
        if picture.is_none() && sound.is_none() {
            return None;
        }
        Some(Source {
            has_stated_duration: said.format.is_one_of(&STATES_DURATION),
            duration: playing_time(said, format_start, is_matroska),
            start: format_start,
            cover: of_kind("video")
                .find(|stream| stream.disposition.attached_pic != 0)
                .map(|stream| stream.index),
            picture,
            sound,
        })
    }
}

fn picture(stream: &SaidStream, format_start: f64, is_matroska: bool) -> Option<Picture> {
    if stream.width == 0 || stream.height == 0 {
        return None;
    }
    let matrix = stream.side_data_list.iter().find(|side| side.side_data_type == "Display Matrix");
    Some(Picture {
        stream: stream.index,
        codec: stream.codec_name.clone(),
        profile: stream.profile.clone(),
        level: stream.level,
        pixel_format: stream.pix_fmt.clone(),
        width: stream.width,
        height: stream.height,
        pixel_aspect: aspect(&stream.sample_aspect_ratio),
        rotation: matrix.map_or(0, |matrix| matrix.rotation as i32),
        has_display_matrix: matrix.is_some(),
        is_interlaced: !matches!(stream.field_order.as_str(), "" | "unknown" | "progressive"),
        has_one_header: stream.is_avc == "true",
        average_rate: Rate::parse(&stream.avg_frame_rate),
        base_rate: Rate::parse(&stream.r_frame_rate),
        start: seconds(&stream.start_time).map_or(0.0, |start| start - format_start),
        end: end_of(stream, format_start, is_matroska),
        transfer: stream.color_transfer.clone(),
        primaries: stream.color_primaries.clone(),
        matrix: stream.color_space.clone(),
        range: stream.color_range.clone(),
    })
}

/// What a look at all packets tells: ffprobe's `packet=stream_index,pts_time,dts_time,duration_time,flags`, one a line.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Packets {
    picture: Option<u32>,
    sound: Option<u32>,
    /// Of the picture.
    pub(super) keyframes: Keyframes,
    picture_end: Option<f64>,
    sound_end: Option<f64>,
}

impl Packets {
    /// Of these two streams of a source, none seen yet.
    pub(super) fn of(source: &Source) -> Packets {
        Packets {
            picture: source.picture.as_ref().map(|picture| picture.stream),
            sound: source.sound.as_ref().map(|sound| sound.stream),
            ..Packets::default()
        }
    }

    /// Takes in one line: `0,4.700000,4.620000,0.040000,K_`.
    pub(super) fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(',').collect();
        let [stream, shown, decoded, duration, flags, ..] = words[..] else { return };
        let Ok(stream) = stream.parse::<u32>() else { return };
        let shown: Option<f64> = shown.parse().ok();
        let time = shown.or_else(|| decoded.parse().ok());
        let is_shown = !flags.contains('D');
        let end =
            time.filter(|_| is_shown).map(|time| time + duration.parse::<f64>().unwrap_or(0.0));
        if self.picture == Some(stream) {
            self.keyframes.note(shown, flags);
            self.picture_end = later(self.picture_end, end);
        } else if self.sound == Some(stream) {
            self.sound_end = later(self.sound_end, end);
        }
    }

    /// What really comes last counts more than what the container says.
    pub(super) fn correct_ends(&self, source: &mut Source) {
        let start = source.start;
        let since_start = |end: Option<f64>| {
            let seconds = end? - start;
            (0.0..=LONGEST).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
        };
        if let Some(picture) = &mut source.picture {
            picture.end = since_start(self.picture_end).or(picture.end);
        }
        if let Some(sound) = &mut source.sound {
            sound.end = since_start(self.sound_end).or(sound.end);
        }
    }
}

fn later(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).max_by(f64::total_cmp)
}

/// The keyframes of a stream, watched as its packets pass.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Keyframes {
    /// The first packet's time in seconds, and whether it's a keyframe.
    first: Option<(f64, bool)>,
    last: f64,
    latest_time: f64,
    longest_gap: f64,
    /// Some packet has no time, or is there only to be decoded and thrown away.
    is_irregular: bool,
}

impl Keyframes {
    /// Takes in when a packet is shown, if it says so, and its flags: `K_`.
    fn note(&mut self, time: Option<f64>, flags: &str) {
        let Some(time) = time else {
            self.is_irregular = true;
            return;
        };
        self.is_irregular |= flags.contains('D');
        let is_key = flags.starts_with('K');
        if self.first.is_none() {
            self.first = Some((time, is_key));
            self.last = time;
        }
        if is_key {
            self.is_irregular |= time < self.last;
            self.longest_gap = self.longest_gap.max(time - self.last);
            self.last = time;
        }
        self.latest_time = self.latest_time.max(time);
    }

    /// Every stretch from one keyframe to the next, and from the last to the end, is at most this many seconds long,
    /// and the first frame is a keyframe.
    pub(super) fn are_within(&self, gap: f64) -> bool {
        !self.is_irregular
            && self.first.is_some_and(|(_, is_key)| is_key)
            && self.longest_gap.max(self.latest_time - self.last) <= gap
    }
}

/// What of a source is asked of ffprobe.
pub(super) const WANTED: &str = "format=format_name,start_time,duration\
    :stream=index,codec_type,codec_name,profile,level,pix_fmt,field_order,width,height,sample_aspect_ratio,\
    avg_frame_rate,r_frame_rate,is_avc,start_time,duration,channels,color_range,color_space,color_transfer,color_primaries\
    :stream_disposition=attached_pic,still_image:stream_tags=DURATION:stream_side_data=side_data_type,rotation";

/// Containers whose header says how long they play; of others, ffmpeg guesses.
const STATES_DURATION: [&str; 4] = ["mov", "matroska", "avi", "flv"];

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    streams: Vec<SaidStream>,
    #[serde(default)]
    format: SaidFormat,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SaidFormat {
    format_name: String,
    start_time: Option<String>,
    duration: Option<String>,
}

impl SaidFormat {
    fn is_one_of(&self, names: &[&str]) -> bool {
        self.format_name.split(',').any(|name| names.contains(&name))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SaidStream {
    index: u32,
    codec_type: String,
    codec_name: String,
    profile: String,
    level: i32,
    pix_fmt: String,
    field_order: String,
    width: u32,
    height: u32,
    sample_aspect_ratio: String,
    avg_frame_rate: String,
    r_frame_rate: String,
    is_avc: String,
    start_time: Option<String>,
    duration: Option<String>,
    channels: u32,
    color_range: String,
    color_space: String,
    color_transfer: String,
    color_primaries: String,
    disposition: SaidDisposition,
    tags: SaidTags,
    side_data_list: Vec<SaidSideData>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SaidDisposition {
    attached_pic: u8,
    still_image: u8,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SaidTags {
    #[serde(rename = "DURATION")]
    duration: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SaidSideData {
    side_data_type: String,
    rotation: f64,
}

/// How long the whole plays. The headers of Matroska and MP4 count from 0, even if their clock starts later.
fn playing_time(said: &Said, format_start: f64, is_matroska: bool) -> Option<Duration> {
    let stated = said.format.duration.as_deref().and_then(duration)?;
    if is_matroska {
        return Some(since(format_start, stated));
    }
    let end = |stream: &SaidStream| {
        let played = stream.duration.as_deref().and_then(duration)?;
        Some(seconds(&stream.start_time)? + played.as_secs_f64())
    };
    let last = said.streams.iter().filter_map(end).max_by(f64::total_cmp);
    // Near the end of the last stream, or near that less the start: which is nearer?
    let counts_from_zero =
        last.is_some_and(|last| stated.as_secs_f64() > last - format_start / 2.0);
    Some(if counts_from_zero { since(format_start, stated) } else { stated })
}

/// When a stream ends after the file's start; Matroska says it in a tag that counts as its header does.
fn end_of(stream: &SaidStream, format_start: f64, is_matroska: bool) -> Option<Duration> {
    let tagged = || Some(since(format_start, stream.tags.duration.as_deref().and_then(clock)?));
    if is_matroska && stream.tags.duration.is_some() {
        return tagged();
    }
    let start = seconds(&stream.start_time).map_or(0.0, |start| start - format_start);
    let played = stream.duration.as_deref().and_then(duration)?;
    Some(played + Duration::from_secs_f64(start.max(0.0)))
}

/// What is left of a time on the clock after its start. One before the start was no such time: mkvmerge writes lengths.
fn since(start: f64, time: Duration) -> Duration {
    let left = time.checked_sub(Duration::from_secs_f64(start.max(0.0)));
    left.filter(|left| !left.is_zero()).unwrap_or(time)
}

fn seconds(text: &Option<String>) -> Option<f64> {
    text.as_deref()?.parse().ok().filter(|seconds: &f64| seconds.abs() <= LONGEST)
}

fn duration(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    (seconds > 0.0 && seconds <= LONGEST).then(|| Duration::from_secs_f64(seconds))
}

/// Matroska's `00:01:00.033000000`.
fn clock(text: &str) -> Option<Duration> {
    let mut parts = text.trim_end_matches('\0').splitn(3, ':');
    let hours: f64 = parts.next()?.parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next()?.parse().ok()?;
    duration(&format!("{}", hours * 3600.0 + minutes * 60.0 + seconds))
}

/// Width over height of a pixel from `64:45`; square when unknown or absurd.
fn aspect(text: &str) -> f64 {
    let parse = |side: &str| side.parse::<f64>().ok().filter(|side| *side > 0.0);
    let parsed =
        text.split_once(':').and_then(|(width, height)| Some(parse(width)? / parse(height)?));
    parsed.filter(|aspect| (0.1..=10.0).contains(aspect)).unwrap_or(1.0)
}

/// A year in seconds, and far below what would overflow anything.
const LONGEST: f64 = 366.0 * 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: &str = r#"{"streams":[
        {"index":0,"codec_type":"video","codec_name":"h264","profile":"High","width":1920,"height":1080,"level":40,
         "pix_fmt":"yuv420p","field_order":"progressive","is_avc":"true","avg_frame_rate":"30000/1001",
         "r_frame_rate":"30000/1001","sample_aspect_ratio":"1:1","start_time":"1.5","duration":"3.0",
         "disposition":{"attached_pic":0},"side_data_list":[{"side_data_type":"Display Matrix","rotation":-90}]},
        {"index":1,"codec_type":"data","codec_name":"bin_data"},
        {"index":2,"codec_type":"audio","codec_name":"aac","profile":"LC","channels":2,"start_time":"1.0"}],
        "format":{"format_name":"mov,mp4,m4a,3gp,3g2,mj2","start_time":"1.0","duration":"3.5"}}"#;

    fn source(json: &str) -> Option<Source> {
        Source::parse(json.as_bytes()).unwrap()
    }

    /// A container's words for a picture that is shown for 20 s from `start` on.
    #[track_caller]
    fn check_times(name: &str, format: (f64, f64), stream: &str, wanted: (u64, u64)) {
        let (start, duration) = format;
        let json = format!(
            r#"{{"streams":[{{"codec_type":"video","codec_name":"h264","width":2,"height":2,"start_time":"{start}",{stream}}}],
            "format":{{"format_name":"{name}","start_time":"{start}","duration":"{duration}"}}}}"#
        );
        let source = source(&json).unwrap();
        let end = source.picture.and_then(|picture| picture.end);
        let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs();
        assert_eq!((seconds(source.duration), seconds(end)), wanted, "{json}");
    }

    #[test]
    fn a_late_start_is_no_part_of_the_playing_time() {
        let tag = r#""tags":{"DURATION":"00:08:40.000000000"}"#;
        check_times("matroska,webm", (500.0, 520.0), tag, (20, 20));
        check_times("matroska,webm", (500.0, 20.0), r#""channels":0"#, (20, 0));
        check_times("matroska,webm", (0.0, 20.0), r#""tags":{"DURATION":"00:00:20.0"}"#, (20, 20));
        check_times("mov,mp4", (500.0, 520.0), r#""duration":"20.0""#, (20, 20));
        check_times("mov,mp4", (500.0, 20.0), r#""duration":"20.0""#, (20, 20));
        check_times("mov,mp4", (0.0, 20.0), r#""duration":"20.0""#, (20, 20));
        check_times("mpegts", (500.0, 20.0), r#""duration":"20.0""#, (20, 20));
        check_times("flv", (500.0, 20.0), r#""channels":0"#, (20, 0));
    }

    #[test]
    fn packets_tell_when_their_streams_end() {
        let mut source = source(PHONE).unwrap();
        let mut packets = Packets::of(&source);
        for line in [
            "0,1.5,1.4,0.04,K_",
            "2,1.0,1.0,0.02,K_",
            "0,N/A,3.0,0.04,__",
            "1,9.0,9.0,1.0,K_",
            "x",
            "2,2.0",
        ] {
            packets.note(line);
        }
        packets.correct_ends(&mut source);
        let millis = |time: Option<Duration>| time.unwrap().as_millis();
        assert_eq!(millis(source.picture.unwrap().end), 2040);
        assert_eq!(millis(source.sound.unwrap().end), 20);
        assert!(packets.keyframes.is_irregular);
    }

    #[test]
    fn an_upright_phone_film_is_understood() {
        let source = source(PHONE).unwrap();
        let picture = source.picture.unwrap();
        assert_eq!((picture.rotation, picture.start), (-90, 0.5));
        assert_eq!(picture.average_rate, Some(Rate { frames: 30_000, seconds: 1001 }));
        let sound = source.sound.unwrap();
        assert_eq!((sound.stream, sound.start), (2, 0.0));
        assert_eq!(source.duration, Some(Duration::from_millis(3500)));
        assert!(source.has_stated_duration);
    }

    #[test]
    fn a_sleeve_is_no_moving_picture() {
        let song = r#"{"streams":[{"index":0,"codec_type":"audio","codec_name":"mp3","channels":2},
            {"index":1,"codec_type":"video","codec_name":"mjpeg","width":500,"height":500,"disposition":{"attached_pic":1}}],
            "format":{"format_name":"mp3"}}"#;
        let source = source(song).unwrap();
        assert_eq!(
            (source.picture, source.cover, source.has_stated_duration),
            (None, Some(1), false)
        );
    }

    #[test]
    fn a_file_without_picture_and_sound_is_no_source() {
        for json in [
            "{}",
            r#"{"streams":[{"codec_type":"subtitle","codec_name":"srt"}]}"#,
            r#"{"streams":[{"codec_type":"video","codec_name":"unknown","width":5,"height":5}]}"#,
            r#"{"streams":[{"codec_type":"video","codec_name":"h264"}]}"#,
            r#"{"streams":[{"codec_type":"audio","codec_name":"aac"}]}"#,
        ] {
            assert_eq!(source(json), None, "{json}");
        }
        for json in ["", "{", "[1]"] {
            assert!(Source::parse(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn absurd_numbers_are_not_believed() {
        assert_eq!(duration("inf"), None);
        assert_eq!(duration("NaN"), None);
        assert_eq!(duration("-1"), None);
        assert_eq!(duration("9e99"), None);
        assert_eq!(seconds(&Some("-9e99".to_owned())), None);
        assert_eq!(Rate::parse("0/0"), None);
        assert_eq!(Rate::parse("4294967295/1"), None);
        assert_eq!(aspect("0:1"), 1.0);
        assert_eq!(aspect("1:1000000"), 1.0);
        assert_eq!(aspect("N/A"), 1.0);
        assert_eq!(clock("00:01:00.500000000"), Some(Duration::from_millis(60_500)));
        assert_eq!(clock("1:2"), None);
    }

    #[track_caller]
    fn check_keyframes(lines: &str, wanted: bool) {
        let mut keyframes = Keyframes::default();
        for (time, flags) in lines.split(' ').filter_map(|line| line.split_once(',')) {
            keyframes.note(time.parse().ok(), flags);
        }
        assert_eq!(keyframes.are_within(6.0), wanted, "{lines}");
    }

    #[test]
    fn keyframes_are_close_enough_or_not() {
        check_keyframes("0.0,K_ 3.0,__ 6.0,K_ 9.0,__", true);
        check_keyframes("0.5,K_ 6.4,K_ 12.3,K_", true);
        check_keyframes("0.0,K_ 7.0,K_", false);
        check_keyframes("0.0,K_ 3.0,__ 6.5,__", false);
        check_keyframes("0.0,__ 1.0,K_", false);
        check_keyframes("-0.1,KD 1.0,K_", false);
        check_keyframes("0.0,K_ N/A,__", false);
        check_keyframes("0.0,K_ 5.0,K_ 1.0,K_", false);
        check_keyframes("", false);
    }
}
