//! The words of ffmpeg's command lines. Nothing that a file says of itself becomes one of them but numbers.

use std::ffi::OsString;
use std::path::Path;

use super::Settings;
use super::plan::{self, Plan, Rung, SOUND_BPS, Size, Way};
use super::probe::{Picture, Source, WANTED};

/// Where keyframes are forced.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Keyframes {
    /// Every [`SEGMENT_SECONDS`] on our own frame grid.
    Regular,
    /// At the first frame from each of these seconds on: those of a remux, a hair early.
    At(Vec<f64>),
}

/// ffprobe's words for what a file holds.
pub(super) fn probe(input: &Path) -> Vec<OsString> {
    let mut words = reading();
    words.extend(["-of", "json", "-show_entries", WANTED].map(OsString::from));
    words.extend(from(input));
    words
}

/// ffprobe's words for the times and the kind of each packet.
pub(super) fn packets(input: &Path) -> Vec<OsString> {
    let mut words = reading();
    let wanted = "packet=stream_index,pts_time,dts_time,duration_time,flags";
    words.extend(["-of", "csv=p=0", "-show_entries", wanted].map(OsString::from));
    words.extend(from(input));
    words
}

/// ffmpeg's words for the source's own frames in our layout.
pub(super) fn remux(input: &Path, source: &Source, rung: Rung) -> Vec<OsString> {
    let mut words = Vec::new();
    let streams = [
        source.picture.as_ref().map(|picture| picture.stream),
        source.sound.as_ref().map(|sound| sound.stream),
    ];
    for stream in streams.into_iter().flatten() {
        words.extend(["-map".to_owned(), format!("0:{stream}")]);
    }
    words.extend(["-c", "copy"].map(str::to_owned));
    words.extend(hls(rung, SEGMENT_SECONDS.to_string()));
    ffmpeg(input, &[], words)
}

/// ffmpeg's words for some renditions, all from one decoding of the source.
pub(super) fn encode(
    input: &Path,
    source: &Source,
    plan: &Plan,
    rungs: &[Rung],
    keyframes: &Keyframes,
    settings: &Settings,
) -> Vec<OsString> {
    let mut words = vec!["-filter_complex".to_owned(), graph(source, plan, rungs)];
    for &rung in rungs {
        words.extend(["-map".to_owned(), format!("[v{}]", rung.name)]);
        if let Some(sound) = &source.sound {
            words.extend(["-map".to_owned(), format!("0:{}", sound.stream)]);
            words.extend(sound_words(plan.way, source));
        }
        words.extend(picture_words(plan, rung, keyframes, settings));
        // Each forced keyframe begins a segment, and there are no others.
        words.extend(hls(rung, "0.001".to_owned()));
    }
    ffmpeg(input, &[], words)
}

/// ffmpeg's words for a still picture of a file, `seconds` in.
pub(super) fn poster(
    input: &Path,
    picture: Option<&Picture>,
    size: Size,
    seconds: f64,
) -> Vec<OsString> {
    let mut filters = vec![format!("scale={}:{}:flags=bicubic", size.width, size.height)];
    if let Some(picture) = picture.filter(|picture| plan::is_hdr(picture)) {
        filters.push(tone_mapping(picture));
    }
    filters.push("format=yuvj420p,setsar=1".to_owned());
    let stream = picture.map_or(0, |picture| picture.stream);
    let mut words =
        vec!["-filter_complex".to_owned(), format!("[0:{stream}]{}[p]", filters.join(","))];
    words.extend(["-map", "[p]", "-frames:v", "1", "-q:v", "6"].map(str::to_owned));
    words
        .extend(["-map_metadata", "-1", "-f", "image2", "-update", "1", POSTER].map(str::to_owned));
    ffmpeg(input, &["-ss", &format!("{seconds:.3}")], words)
}

/// ffmpeg's words: how to read the input, and what to make of it.
pub(super) fn ffmpeg(input: &Path, reading_so: &[&str], making: Vec<String>) -> Vec<OsString> {
    let mut words: Vec<OsString> =
        ["-nostdin", "-y", "-nostats", "-progress", "pipe:1"].map(OsString::from).into();
    words.extend(reading());
    words.extend(reading_so.iter().map(OsString::from));
    words.extend(from(input));
    words.extend(making.into_iter().map(OsString::from));
    words
}

/// What an input may be: a lone file on disk, in a container that holds its media itself.
fn reading() -> Vec<OsString> {
    ["-hide_banner", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", CONTAINERS]
        .map(OsString::from)
        .into()
}

fn from(input: &Path) -> [OsString; 2] {
    let mut name = OsString::from("file:");
    name.push(input);
    ["-i".into(), name]
}

fn sound_words(way: Way, source: &Source) -> Vec<String> {
    match way {
        Way::Remux => ["-c:a", "copy"].map(str::to_owned).into(),
        // From the very start and without holes: browsers ignore a late start.
        Way::Encode => {
            let mut filters = "aresample=async=1:first_pts=0".to_owned();
            if let Some(silence) = plan::missing_sound(source) {
                filters += &format!(",apad=whole_dur={:.3}", silence.until.as_secs_f64());
            }
            let mut words = vec!["-af".to_owned(), filters];
            words.extend(["-c:a", "aac"].map(str::to_owned));
            words.extend(["-b:a".to_owned(), SOUND_BPS.to_string()]);
            words.extend(["-ac", "2", "-ar", "48000"].map(str::to_owned));
            words
        }
    }
}

fn picture_words(
    plan: &Plan,
    rung: Rung,
    keyframes: &Keyframes,
    settings: &Settings,
) -> Vec<String> {
    let peak = plan::peak_rate_bps(rung, plan.rate);
    let mut words: Vec<String> =
        ["-c:v", "libx264", "-preset", settings.preset.as_str()].map(str::to_owned).into();
    words.extend(["-crf".to_owned(), settings.crf.to_string()]);
    words.extend([
        "-maxrate".to_owned(),
        peak.to_string(),
        "-bufsize".to_owned(),
        (2 * peak).to_string(),
    ]);
    words.extend(
        ["-profile:v", "high", "-pix_fmt", "yuv420p", "-flags", "+cgop"].map(str::to_owned),
    );
    words.extend(["-sc_threshold", "0", "-g", "1000000", "-force_key_frames"].map(str::to_owned));
    words.push(match keyframes {
        // The millisecond is for times that a float can't tell exactly.
        Keyframes::Regular => format!("expr:gte(t,n_forced*{SEGMENT_SECONDS}-0.001)"),
        Keyframes::At(times) => {
            times.iter().map(|time| format!("{time:.3}")).collect::<Vec<_>>().join(",")
        }
    });
    words.extend(["-fps_mode", "passthrough"].map(str::to_owned));
    if plan.way == Way::Remux {
        // The source's own times, which need no grid.
        words.extend(["-enc_time_base", "1:90000"].map(str::to_owned));
    }
    words
}

/// Single-file fragmented MP4, with times that begin at 0 in every rendition alike.
fn hls(rung: Rung, seconds: String) -> Vec<String> {
    let mut words: Vec<String> =
        ["-map_metadata", "-1", "-map_chapters", "-1"].map(str::to_owned).into();
    words.extend(
        ["-avoid_negative_ts", "disabled", "-f", "hls", "-hls_playlist_type", "vod"]
            .map(str::to_owned),
    );
    words.extend(
        ["-hls_segment_type", "fmp4", "-hls_flags", "single_file", "-hls_list_size", "0"]
            .map(str::to_owned),
    );
    words.extend([
        "-hls_time".to_owned(),
        seconds,
        "-hls_segment_filename".to_owned(),
        media_name(rung),
    ]);
    words.push(playlist_name(rung));
    words
}

/// From the source to `[v<name>]` for each rendition: the largest is scaled from the source, each other from the next
/// larger one, which has fewer pixels to read.
fn graph(source: &Source, plan: &Plan, rungs: &[Rung]) -> String {
    let mut rungs = rungs.to_vec();
    rungs.sort_by_key(|rung| std::cmp::Reverse(rung.name));
    let top = rungs[0];
    let mut graph = match &source.picture {
        Some(picture) => shown(source, picture, plan, top.size),
        None => drawn(source, top.size),
    };
    for (at, rung) in rungs.iter().enumerate() {
        if at > 0 {
            graph +=
                &format!("scale={}:{}:flags=bicubic,setsar=1", rung.size.width, rung.size.height);
        }
        graph += &match rungs.get(at + 1) {
            Some(next) => format!(",split=2[v{}][to{}];[to{}]", rung.name, next.name, next.name),
            None => format!("[v{}]", rung.name),
        };
    }
    graph
}

fn shown(source: &Source, picture: &Picture, plan: &Plan, size: Size) -> String {
    let mut filters = Vec::new();
    if picture.is_interlaced {
        filters.push("bwdif=mode=send_frame:deint=interlaced".to_owned());
    }
    if plan.way == Way::Encode {
        filters.push(format!("fps={}/{}:start_time=0", plan.rate.frames, plan.rate.seconds));
        if let Some(missing) = plan::missing_picture(source) {
            filters
                .push(format!("tpad=stop_mode=clone:stop_duration={:.3}", missing.as_secs_f64()));
        }
    }
    let scale = format!("scale={}:{}:flags=bicubic", size.width, size.height);
    if plan::is_hdr(picture) {
        filters.extend([
            scale,
            tone_mapping(picture),
            "format=yuv420p,setsar=1".to_owned(),
            colours("bt709"),
        ]);
    } else {
        let (from, to) = matrices(picture);
        filters.push(format!("{scale}:in_color_matrix={from}:out_color_matrix={to}:out_range=tv"));
        filters.extend(["format=yuv420p,setsar=1".to_owned(), colours(to)]);
    }
    format!("[0:{}]{}", picture.stream, filters.join(","))
}

/// A calm wave, and the record's sleeve in its middle if there is one.
fn drawn(source: &Source, size: Size) -> String {
    let Size { width, height } = size;
    let sound = source.sound.as_ref().map_or(0, |sound| sound.stream);
    let mut graph = format!(
        "color=c=0x141a22:s={width}x{height}:r=25[ground];\
         [0:{sound}]aformat=channel_layouts=mono,showwaves=s={width}x{height}:mode=cline:rate=25:colors=0x5b8fb9[wave];\
         [ground][wave]overlay=shortest=1"
    );
    if let Some(cover) = source.cover {
        let side = height * 2 / 3;
        graph += &format!(
            "[under];[0:{cover}]scale={side}:{side}:force_original_aspect_ratio=decrease[cover];\
             [under][cover]overlay=(W-w)/2:(H-h)/2"
        );
    }
    graph + ",format=yuv420p,setsar=1"
}

/// PQ or HLG in BT.2020 becomes what an ordinary screen shows, highlights rolled off rather than cut.
fn tone_mapping(picture: &Picture) -> String {
    let transfer = if picture.transfer == "arib-std-b67" { "arib-std-b67" } else { "smpte2084" };
    format!(
        "zscale=tin={transfer}:pin=bt2020:min=bt2020nc:rin=tv:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,\
         tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
    )
}

/// How the source's numbers mean colours, and how ours will. What doesn't say is taken as players would: by its size.
fn matrices(picture: &Picture) -> (&'static str, &'static str) {
    let is_small = picture.height.min(picture.width) < 720;
    match picture.matrix.as_str() {
        "bt709" => ("bt709", "bt709"),
        "smpte170m" | "bt470bg" => ("smpte170m", "smpte170m"),
        "bt2020nc" | "bt2020c" => ("bt2020", "bt709"),
        "" | "unknown" if is_small => ("smpte170m", "smpte170m"),
        "" | "unknown" => ("bt709", "bt709"),
        _ => ("auto", "bt709"),
    }
}

/// Says what the colours mean, so that no player has to guess, and differently for each size.
fn colours(matrix: &str) -> String {
    format!("setparams=range=tv:color_primaries={matrix}:color_trc={matrix}:colorspace={matrix}")
}

/// File names in the folder of work: ours alone, so that no percent sign or colon means anything to ffmpeg.
pub(super) fn media_name(rung: Rung) -> String {
    format!("{}.mp4", rung.name)
}

/// See [`media_name`].
pub(super) fn playlist_name(rung: Rung) -> String {
    format!("{}.m3u8", rung.name)
}

pub(super) const POSTER: &str = "poster.jpg";

/// How long segments are meant to be: 4 s, as PeerTube's.
pub(super) const SEGMENT_SECONDS: u32 = 4;

/// Containers that hold their media themselves. Never one that names other files or addresses, such as a playlist, and
/// none that would let ffmpeg take any bytes for raw samples, or a lone picture for a film.
const CONTAINERS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,kux,mpegts,mpeg,mpegvideo,ogg,asf,mxf,\
    gxf,nut,ivf,dv,rm,ivr,wtv,nsv,nuv,vob,vivo,roq,smjpeg,mpjpeg,amv,swf,gif,apng,h264,hevc,obu,av1,m4v,yuv4mpegpipe,\
    wav,w64,aiff,au,caf,mp3,aac,ac3,eac3,dts,dtshd,truehd,flac,ape,tta,wv,mpc,mpc8,tak,opus,amr,amrnb,amrwb,voc,dsf,aa,\
    iff,gsm";

#[cfg(test)]
mod tests {
    use super::super::plan::tests::film;
    use super::*;
    use crate::import::probe::Rate;

    const HEIGHTS: [u32; 3] = [240, 480, 720];

    fn all(plan: &Plan) -> Vec<Rung> {
        std::iter::once(plan.first()).chain(plan.others().iter().copied()).collect()
    }

    fn line(words: &[OsString]) -> String {
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    fn with_picture(change: impl FnOnce(&mut Picture)) -> Source {
        let mut source = film();
        change(source.picture.as_mut().unwrap());
        source
    }

    #[test]
    fn the_input_is_named_once_as_a_file_behind_its_limits() {
        let hostile = Path::new("/v/-i $(reboot).mp4");
        let plan = Plan::encode(&film(), &HEIGHTS);
        for words in [
            probe(hostile),
            packets(hostile),
            remux(hostile, &film(), plan.first()),
            encode(hostile, &film(), &plan, &all(&plan), &Keyframes::Regular, &Settings::default()),
            poster(hostile, None, plan.first().size, 1.0),
        ] {
            let at = words.iter().position(|word| word == "-i").unwrap();
            assert_eq!(words[at + 1], "file:/v/-i $(reboot).mp4");
            assert_eq!(words.iter().filter(|&word| word == "-i").count(), 1);
            assert!(words[..at].iter().any(|word| word == "-format_whitelist"));
            assert!(words[..at].windows(2).any(|pair| pair == ["-protocol_whitelist", "file"]));
        }
    }

    #[test]
    fn nothing_that_reads_other_files_may_be_an_input() {
        let allowed: Vec<_> = CONTAINERS.split(',').collect();
        for banned in [
            "hls",
            "concat",
            "concatf",
            "dash",
            "sdp",
            "rtsp",
            "image2",
            "lavfi",
            "tee",
            "imf",
            "webm_dash_manifest",
        ] {
            assert!(!allowed.contains(&banned), "{banned}");
        }
    }

    #[track_caller]
    fn check_graph(source: &Source, heights: &[u32], wanted: &str) {
        let plan = Plan::encode(source, heights);
        assert_eq!(graph(source, &plan, &all(&plan)), wanted);
    }

    #[test]
    fn each_rendition_is_scaled_from_the_next_larger() {
        let head = "[0:0]fps=30/1:start_time=0,scale=1280:720:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt709:\
             out_range=tv,format=yuv420p,setsar=1,\
             setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709";
        check_graph(&film(), &[720], &format!("{head}[v720]"));
        let rest = ",split=2[v720][to480];[to480]scale=854:480:flags=bicubic,setsar=1,split=2[v480][to240];\
             [to240]scale=426:240:flags=bicubic,setsar=1[v240]";
        check_graph(&film(), &HEIGHTS, &format!("{head}{rest}"));
    }

    #[test]
    fn the_followers_of_a_remux_keep_its_times_and_sound() {
        let source = film();
        let plan = Plan::remux(source.picture.as_ref().unwrap(), &HEIGHTS);
        let keyframes = Keyframes::At(vec![0.0, 3.98]);
        let words = line(&encode(
            Path::new("/a"),
            &source,
            &plan,
            plan.others(),
            &keyframes,
            &Settings::default(),
        ));
        assert!(
            words.contains("-force_key_frames 0.000,3.980 ")
                && words.contains("-enc_time_base 1:90000"),
            "{words}"
        );
        assert!(
            words.contains("-c:a copy") && !words.contains("fps=") && !words.contains("aresample"),
            "{words}"
        );
    }

    #[test]
    fn special_pictures_get_their_filters() {
        #[track_caller]
        fn check(source: &Source, wanted: &str) {
            let plan = Plan::encode(source, &[240]);
            let graph = graph(source, &plan, &all(&plan));
            assert!(graph.contains(wanted), "{wanted} in {graph}");
        }
        check(&with_picture(|picture| picture.is_interlaced = true), "[0:0]bwdif=");
        check(
            &with_picture(|picture| picture.transfer = "smpte2084".to_owned()),
            "zscale=tin=smpte2084",
        );
        check(
            &with_picture(|picture| picture.transfer = "arib-std-b67".to_owned()),
            "zscale=tin=arib-std-b67",
        );
        check(
            &with_picture(|picture| picture.matrix = "bt470bg".to_owned()),
            "colorspace=smpte170m",
        );
        check(
            &with_picture(|picture| picture.matrix = "gbr".to_owned()),
            "in_color_matrix=auto:out_color_matrix=bt709",
        );
        check(&with_picture(|picture| picture.height = 480), "colorspace=smpte170m");
        check(
            &with_picture(|picture| picture.end = Some(std::time::Duration::from_secs(50))),
            "stop_duration=10.000",
        );
        check(&with_picture(|picture| picture.stream = 3), "[0:3]");
        let odd = Some(Rate { frames: 30_000, seconds: 1001 });
        check(
            &with_picture(|picture| (picture.average_rate, picture.base_rate) = (odd, odd)),
            "fps=30000/1001:",
        );
        check(
            &Source { picture: None, ..film() },
            "[0:1]aformat=channel_layouts=mono,showwaves=s=426x240",
        );
        check(&Source { picture: None, cover: Some(2), ..film() }, "[0:2]scale=160:160");
    }

    #[test]
    fn sound_that_ends_early_is_followed_by_silence() {
        #[track_caller]
        fn check(millis: u64, wanted: &str) {
            let mut source = film();
            source.sound.as_mut().unwrap().end = Some(std::time::Duration::from_millis(millis));
            let plan = Plan::encode(&source, &HEIGHTS);
            let settings = Settings::default();
            let words = encode(
                Path::new("/a"),
                &source,
                &plan,
                &all(&plan),
                &Keyframes::Regular,
                &settings,
            );
            let words = line(&words);
            assert_eq!(words.matches(wanted).count(), 3, "{wanted} in {words}");
        }
        check(10_000, "-af aresample=async=1:first_pts=0,apad=whole_dur=60.000 ");
        check(59_950, "-af aresample=async=1:first_pts=0 ");
        check(70_000, "-af aresample=async=1:first_pts=0 ");
    }

    #[test]
    fn without_sound_nothing_of_sound_is_said() {
        let source = Source { sound: None, ..film() };
        let plan = Plan::encode(&source, &HEIGHTS);
        let words = line(&encode(
            Path::new("/a"),
            &source,
            &plan,
            &all(&plan),
            &Keyframes::Regular,
            &Settings::default(),
        ));
        assert!(!words.contains("-c:a") && !words.contains("-map 0:"), "{words}");
    }
}
