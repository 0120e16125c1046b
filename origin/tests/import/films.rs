//! Whatever ffmpeg reads becomes a ladder of aligned H.264 renditions.

use std::time::Duration;

use crate::studio::{PICTURE, Studio, TONE, packets};

#[test]
fn a_film_that_browsers_play_is_remuxed_and_the_others_follow_its_keyframes() {
    let studio = Studio::new();
    let film = studio.film_of(
        "a.mp4",
        &["testsrc2=s=1280x720:r=30000/1001:d=14", "sine=d=14"],
        "-c:v libx264 -preset ultrafast -bf 2 -g 90 -sc_threshold 0 -force_key_frames 0,1.3,5.9,9.1 -pix_fmt yuv420p -c:a aac -ac 2",
    );
    let imported = studio.import(&film).unwrap();
    imported.assert_sound();
    assert_eq!(imported.playable_first, [720]);
    assert_eq!(imported.heights(), [720, 240, 360]);
    let starts: Vec<_> =
        imported.media()[1].segments.iter().map(|segment| segment.duration.as_millis()).collect();
    assert!(starts[0] > 4000 && starts.len() >= 3, "cut at the source's own keyframes: {starts:?}");
    let text = imported.read(&imported.video.master);
    let head = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.segments-sha256\",URI=\"g1-segments-sha256.json\"\n\
        #EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.signed\",VALUE=\"";
    assert!(text.starts_with(head), "{text}");
    let rest =
        ",RESOLUTION=426x240,FRAME-RATE=29.97,CODECS=\"avc1.42c015,mp4a.40.2\"\ng1-240.m3u8\n";
    assert!(text.contains(rest), "{text}");
    let sound: Vec<_> = imported
        .video
        .renditions
        .iter()
        .map(|rendition| imported.streams(&rendition.media)[1].clone())
        .collect();
    assert!(
        sound.iter().all(|stream| stream["sample_rate"] == "44100"),
        "the sound is copied: {sound:?}"
    );
}

#[test]
fn what_is_cut_into_fragments_has_the_very_samples_of_the_source_at_their_times() {
    let studio = Studio::new();
    let film = studio.film_of(
        "a.mp4",
        &["testsrc2=s=426x240:r=25:d=12", "sine=d=12"],
        "-c:v libx264 -preset ultrafast -bf 3 -g 50 -pix_fmt yuv420p -c:a aac -ac 2",
    );
    let imported = studio.import_to(&film, &[240]).unwrap();
    imported.assert_sound();
    let made = imported.folder.join(&imported.video.renditions[0].media);
    for kind in ["v:0", "a:0"] {
        let (source, made) = (packets(kind, &film), packets(kind, &made));
        assert!(source.len() > 250);
        assert_eq!(source, made, "{kind}");
    }
}

#[test]
fn every_common_container_is_imported() {
    #[track_caller]
    fn check(name: &str, words: &str) {
        let studio = Studio::new();
        let imported = studio.import(&studio.film(name, words)).unwrap();
        imported.assert_sound();
        assert_eq!(
            (imported.playable_first.as_slice(), imported.heights().as_slice()),
            ([240].as_slice(), [240, 360].as_slice())
        );
        assert!(
            (4900..5200).contains(&imported.video.duration_ms),
            "{name}: {}",
            imported.video.duration_ms
        );
        assert_eq!(imported.video.title, name.split('.').next().unwrap());
        for variant in imported.master().variants {
            assert_eq!(variant.codecs.len(), 2, "{variant:?}");
            assert_eq!(variant.frame_rate.as_deref(), Some("25"));
        }
    }
    check("matroska.mkv", "-c:v mpeg4 -c:a flac");
    check(
        "web.webm",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p -c:a libopus",
    );
    check("quicktime.mov", "-c:v mjpeg -pix_fmt yuvj422p -c:a pcm_s16le");
    check("old.avi", "-c:v mpeg4 -q:v 5 -c:a libmp3lame");
    check("flash.flv", "-c:v flv1 -c:a libmp3lame");
    check("broadcast.ts", "-c:v mpeg2video -q:v 5 -c:a mp2");
}

#[test]
fn a_film_without_sound_has_renditions_without_sound() {
    let studio = Studio::new();
    for words in ["-c:v libx264 -g 50 -pix_fmt yuv420p", "-c:v mpeg4"] {
        let imported = studio.import(&studio.film_of("mute.mp4", &[PICTURE], words)).unwrap();
        imported.assert_sound();
        assert!(imported.master().variants.iter().all(|variant| variant.codecs.len() == 1));
    }
}

#[test]
fn an_upright_film_is_stored_upright() {
    let studio = Studio::new();
    let flat = studio.film("flat.mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac");
    let upright = studio.path("upright.mp4");
    let status = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&flat)
        .args(["-c", "copy", "-metadata:s:v", "rotate=90"])
        .arg(&upright)
        .status()
        .unwrap();
    assert!(status.success());
    let imported = studio.import(&upright).unwrap();
    imported.assert_sound();
    let sizes: Vec<_> = imported
        .video
        .renditions
        .iter()
        .map(|rendition| (rendition.width, rendition.height))
        .collect();
    assert_eq!(sizes, [(240, 426), (360, 640)]);
}

#[test]
fn odd_and_oblong_pixels_become_even_and_square() {
    #[track_caller]
    fn check(source: &str, words: &str, heights: &[u32], wanted: &[(u32, u32)]) {
        let studio = Studio::new();
        let film = studio.film_of("a.mkv", &[source, TONE], &format!("{words} -c:a aac -shortest"));
        let imported = studio.import_to(&film, heights).unwrap();
        imported.assert_sound();
        let sizes: Vec<_> = imported
            .video
            .renditions
            .iter()
            .map(|rendition| (rendition.width, rendition.height))
            .collect();
        assert_eq!(sizes, wanted, "{source}");
    }
    let (odd, wide) = ("testsrc2=s=321x241:r=25:d=2", "testsrc2=s=720x576:r=25:d=2,setsar=64/45");
    check(odd, "-c:v libx264 -preset ultrafast -pix_fmt yuv444p", &[240, 480], &[(320, 240)]);
    check(odd, "-c:v ffv1", &[480], &[(320, 240)]);
    check(wide, "-c:v mpeg4", &[240, 480, 720], &[(426, 240), (854, 480)]);
}

#[test]
fn a_variable_frame_rate_is_no_trouble() {
    let studio = Studio::new();
    let jerky = "testsrc2=s=640x360:r=50:d=9,select='lt(mod(n\\,10)\\,7)'";
    let remuxed = studio.film_of(
        "a.mp4",
        &[jerky, "sine=d=9"],
        "-vsync vfr -c:v libx264 -preset ultrafast -g 60 -pix_fmt yuv420p -c:a aac",
    );
    let imported = studio.import(&remuxed).unwrap();
    imported.assert_sound();
    assert_eq!(imported.heights(), [360, 240]);
    let encoded = studio.film_of("b.mkv", &[jerky, "sine=d=9"], "-vsync vfr -c:v mpeg4 -c:a aac");
    let imported = studio.import(&encoded).unwrap();
    imported.assert_sound();
    assert_eq!(imported.heights(), [240, 360]);
    assert!(imported.master().variants.iter().all(|variant| variant.frame_rate.is_some()));
}

#[test]
fn sound_alone_gets_a_picture() {
    let studio = Studio::new();
    let song = studio.film_of("song.mp3", &[TONE], "-c:a libmp3lame");
    let imported = studio.import(&song).unwrap();
    imported.assert_sound();
    assert_eq!(imported.heights(), [240, 360]);
    assert!((4900..5200).contains(&imported.video.duration_ms), "{}", imported.video.duration_ms);

    let sleeve = studio.film_of("sleeve.jpg", &["testsrc2=s=300x300:r=1:d=1"], "-frames:v 1");
    let with_sleeve = studio.path("with sleeve.mp3");
    let status = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&song)
        .arg("-i")
        .arg(&sleeve)
        .args(["-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic"])
        .arg(&with_sleeve)
        .status()
        .unwrap();
    assert!(status.success());
    let imported = studio.import_to(&with_sleeve, &[240]).unwrap();
    imported.assert_sound();
    assert!((4900..5200).contains(&imported.video.duration_ms), "{}", imported.video.duration_ms);
}

#[test]
fn ten_bits_and_high_dynamic_range_become_plain() {
    #[track_caller]
    fn check(words: &str) {
        let studio = Studio::new();
        let film = studio.film_of(
            "a.mp4",
            &["testsrc2=s=640x360:r=25:d=2", TONE],
            &format!("{words} -shortest"),
        );
        let imported = studio.import(&film).unwrap();
        imported.assert_sound();
        let picture = &imported.streams(&imported.video.renditions[1].media)[0];
        assert_ne!(picture["color_transfer"], "smpte2084");
        assert_ne!(picture["color_transfer"], "arib-std-b67");
    }
    let bits = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -c:a aac";
    check(bits);
    check(&format!("{bits} -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc"));
    check(&format!("{bits} -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc"));
}

#[test]
fn interlaced_pictures_are_put_together() {
    let studio = Studio::new();
    let film = studio.film_of(
        "a.ts",
        &["testsrc2=s=720x576:r=50:d=3,tinterlace=mode=interleave_top,fieldorder=tff", "sine=d=3"],
        "-c:v mpeg2video -flags +ilme+ildct -q:v 4 -c:a mp2",
    );
    let imported = studio.import(&film).unwrap();
    imported.assert_sound();
    assert_eq!(
        imported.streams(&imported.video.renditions[0].media)[0]["field_order"],
        "progressive"
    );
}

#[test]
fn keyframes_too_far_apart_mean_encoding() {
    let studio = Studio::new();
    let film = studio.film_of(
        "a.mp4",
        &["testsrc2=s=640x360:r=25:d=12", "sine=d=12"],
        "-c:v libx264 -preset ultrafast -g 250 -sc_threshold 0 -pix_fmt yuv420p -c:a aac",
    );
    let imported = studio.import(&film).unwrap();
    imported.assert_sound();
    assert_eq!(imported.heights(), [240, 360]);
    let durations: Vec<_> =
        imported.media()[0].segments.iter().map(|segment| segment.duration).collect();
    assert_eq!(durations, [Duration::from_secs(4); 3]);
}

#[test]
fn a_picture_that_ends_early_is_held_and_sound_that_comes_late_stays_late() {
    let studio = Studio::new();
    let film = studio.film_of(
        "a.mp4",
        &["testsrc2=s=426x240:r=25:d=3", "sine=d=6"],
        "-c:v libx264 -g 50 -pix_fmt yuv420p -c:a aac",
    );
    let imported = studio.import(&film).unwrap();
    imported.assert_sound();
    assert!((5900..6200).contains(&imported.video.duration_ms), "{}", imported.video.duration_ms);

    let late = studio.path("late.mkv");
    let status = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&film)
        .args(["-itsoffset", "1", "-i"])
        .arg(&film)
        .args(["-map", "0:v", "-map", "1:a", "-t", "3", "-c", "copy"])
        .arg(&late)
        .status()
        .unwrap();
    assert!(status.success());
    let imported = studio.import(&late).unwrap();
    imported.assert_sound();
    let starts: Vec<f64> = imported
        .streams(&imported.video.renditions[0].media)
        .iter()
        .map(|stream| stream["start_time"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(
        starts.iter().all(|start| start.abs() < 0.05),
        "silence fills the beginning: {starts:?}"
    );
}

#[test]
fn sound_that_ends_early_is_followed_by_silence() {
    #[track_caller]
    fn check(name: &str, words: &str, heights: &[u32]) {
        let studio = Studio::new();
        let film = studio.film_of(name, &["testsrc2=s=426x360:r=25:d=6", "sine=d=2"], words);
        let imported = studio.import(&film).unwrap();
        imported.assert_sound();
        assert_eq!(imported.heights(), heights, "{name}: encoded, not remuxed");
        for rendition in &imported.video.renditions {
            let [picture, sound] = ["v", "a"].map(|kind| imported.end_of(kind, &rendition.media));
            assert!((5.9..6.1).contains(&picture), "{name} {}: {picture}", rendition.media);
            assert!((picture - sound).abs() < 0.2, "{name} {}: {picture} {sound}", rendition.media);
        }
    }
    let h264 = "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac";
    check("a.mp4", h264, &[240, 360]);
    check("b.mkv", "-c:v mpeg4 -c:a libmp3lame", &[240, 360]);
    // Here no stream says how long it is.
    check("c.flv", h264, &[240, 360]);
    check("d.flv", "-c:v flv1 -c:a libmp3lame", &[240, 360]);
}

#[test]
fn a_film_that_starts_late_on_its_clock_plays_as_long_as_it_plays() {
    #[track_caller]
    fn check(name: &str, words: &str) {
        let studio = Studio::new();
        let inputs = ["testsrc2=s=64x48:r=25:d=4", "sine=d=4"];
        let film = studio.film_of(name, &inputs, &format!("{words} -output_ts_offset 500"));
        let imported = studio.import(&film).unwrap_or_else(|error| panic!("{name}: {error}"));
        imported.assert_sound();
        let length = imported.video.duration_ms;
        assert!((3900..4200).contains(&length), "{name}: {length}");
    }
    let (h264, mpeg4) =
        ("-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac", "-c:v mpeg4 -c:a aac");
    check("a.mkv", h264);
    check("b.mkv", mpeg4);
    check("a.mp4", h264);
    check("c.mov", mpeg4);
    check("d.mp4", &format!("{mpeg4} -movflags frag_keyframe+empty_moov"));
    check("e.webm", "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus");
    check("f.flv", h264);
    check("g.ts", "-c:v mpeg2video -c:a mp2");
}

#[test]
fn half_a_second_is_enough_for_a_film() {
    let studio = Studio::new();
    for (name, words) in [
        ("a.mp4", "-c:v libx264 -pix_fmt yuv420p -c:a aac"),
        ("b.mkv", "-c:v mpeg4 -c:a libmp3lame"),
    ] {
        let inputs = ["testsrc2=s=64x48:r=25:d=0.5", "sine=d=0.5"];
        let imported = studio.import(&studio.film_of(name, &inputs, words)).unwrap();
        imported.assert_sound();
        let length = imported.video.duration_ms;
        assert!((450..600).contains(&length), "{name}: {length}");
    }
    let slow = studio.film_of("c.mkv", &["testsrc2=s=64x48:r=1:d=1"], "-c:v mpeg4");
    assert_eq!(studio.import(&slow).unwrap().video.duration_ms, 1000);
    let still = ["testsrc2=s=64x48:r=25:d=0.04", "sine=d=3"];
    let held = studio.film_of("d.mkv", &still, "-c:v mpeg4 -c:a aac");
    assert!(studio.import(&held).unwrap().video.duration_ms >= 3000);
}

#[test]
fn a_recording_that_does_not_say_how_long_it_is_is_imported() {
    let studio = Studio::new();
    let known =
        studio.film("known.webm", "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus");
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&known)
        .args(["-c", "copy", "-f", "webm", "pipe:1"])
        .output()
        .unwrap();
    let imported = studio.import(&studio.write("unknown.webm", &output.stdout)).unwrap();
    imported.assert_sound();
    assert!((4900..5200).contains(&imported.video.duration_ms), "{}", imported.video.duration_ms);
}

#[test]
fn names_are_only_names() {
    let studio = Studio::new();
    let plain = studio.film_of(
        "plain.mp4",
        &["testsrc2=s=64x48:r=10:d=1"],
        "-c:v libx264 -g 5 -pix_fmt yuv420p",
    );
    for name in [
        "-i.mp4",
        "$(reboot).mp4",
        "a;b|c 'x\".mkv",
        "new\nline.mp4",
        "100%d %03d.mp4",
        "concat:a|b.mp4",
        "ü %.mp4",
        "\\.mp4",
    ] {
        let path = studio.path(name);
        std::fs::copy(&plain, &path).unwrap();
        let imported = studio.import(&path).unwrap_or_else(|error| panic!("{name:?}: {error}"));
        imported.assert_sound();
        assert!(!imported.video.title.contains('\n') && !imported.video.title.is_empty());
    }
    assert_eq!(studio.library.videos().unwrap().len(), 8);
}

#[test]
fn a_data_folder_may_have_any_name_too() {
    let studio = Studio::new();
    let film = studio.film_of(
        "a.mp4",
        &["testsrc2=s=64x48:r=10:d=1"],
        "-c:v libx264 -g 5 -pix_fmt yuv420p",
    );
    let data = studio.path("100% %d 'data'");
    let library = origin::library::Library::open(&data).unwrap();
    let request = origin::import::Request {
        id: None,
        file: film,
        title: Some("Ein Titel".to_owned()),
        channel: Some("anna".to_owned()),
        access: origin::library::Access::Open,
    };
    let cancelled = std::sync::atomic::AtomicBool::new(false);
    let video = origin::import::import(
        &library,
        &request,
        &Default::default(),
        None,
        &cancelled,
        &mut |_| {},
    )
    .unwrap();
    assert_eq!((video.title.as_str(), video.channel.as_deref()), ("Ein Titel", Some("anna")));
    assert!(data.join("hls").join(&video.id).join(&video.master).exists());
}

#[test]
fn a_film_has_a_picture_for_every_few_seconds_in_their_order() {
    let studio = Studio::new();
    let brighter = "color=black:s=320x240:r=10:d=30,geq=lum='16+7*T':cb=128:cr=128";
    for (name, words) in [
        ("encoded.mkv", "-c:v mpeg4 -q:v 2"),
        ("remuxed.mp4", "-c:v libx264 -preset ultrafast -g 33 -sc_threshold 0 -pix_fmt yuv420p"),
    ] {
        let imported = studio.import(&studio.film_of(name, &[brighter], words)).unwrap();
        imported.assert_sound();
        let sheet = imported.video.storyboard.as_ref().unwrap();
        assert_eq!((sheet.sprite_width, sheet.sprite_height, sheet.sprite_duration), (192, 144, 4));
        assert_eq!((sheet.total_width, sheet.total_height), (3 * 192, 3 * 144));
        let found = imported.storyboard();
        // Full range: black is 0, and a second is 8.
        for (at, &found) in found[..8].iter().enumerate() {
            let wanted = 8.15 * 4.0 * at as f64;
            let is_near = (f64::from(found) - wanted).abs() <= 8.15 * 2.0 + 3.0;
            assert!(is_near, "{name}: picture {at} is {found} and not {wanted}");
        }
        assert!(found[8] < 4, "{name}: no ninth picture");
    }
}

#[test]
fn sound_alone_has_no_storyboard() {
    let studio = Studio::new();
    let imported = studio.import(&studio.film_of("a.flac", &[TONE], "-c:a flac")).unwrap();
    imported.assert_sound();
    assert_eq!(imported.video.storyboard, None);
}
