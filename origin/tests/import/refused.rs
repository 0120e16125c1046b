//! What can't be imported is refused in one sentence, and leaves nothing.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use origin::import::{Event, ImportError, Request, Settings, import};
use origin::library::Access;

use crate::studio::Studio;

#[track_caller]
fn check(studio: &Studio, file: &Path, wanted: &str) {
    let error = match studio.import(file) {
        Ok(_) => panic!("{file:?} was imported"),
        Err(error) => error.to_string(),
    };
    assert!(error.contains(wanted) && !error.contains('\n'), "{file:?} gave {error}");
    studio.assert_empty();
}

#[test]
fn what_is_no_video_is_called_so() {
    let studio = Studio::new();
    check(&studio, &studio.path("none.mp4"), "there is no file");
    check(&studio, &studio.path("data"), "is not a file");
    check(&studio, &studio.write("empty.mp4", b""), "is empty");
    for name in ["text.mp4", "text.mkv", "text.txt", "text.wav", "text"] {
        check(
            &studio,
            &studio.write(name, b"Nothing to see here, whatever the name says.\n"),
            "is not a video",
        );
    }
    check(&studio, &studio.write("noise.mp4", &[0xa5; 5000]), "is not a video");
    let still = "testsrc2=s=64x48:r=1:d=1";
    check(&studio, &studio.film_of("still.png", &[still], "-frames:v 1"), "is not a video");
    check(&studio, &studio.film_of("still.jpg", &[still], "-frames:v 1"), "is not a video");
}

#[test]
fn a_film_of_one_frame_is_too_short() {
    let studio = Studio::new();
    let frame = ["testsrc2=s=64x48:r=25:d=0.04"];
    let remuxed = studio.film_of("a.mp4", &frame, "-c:v libx264 -pix_fmt yuv420p");
    check(&studio, &remuxed, "too short to play: it lasts 40 ms, and at least 100 ms");
    check(&studio, &studio.film_of("b.mkv", &frame, "-c:v mpeg4"), "too short to play");
    check(&studio, &studio.film_of("c.m4a", &["sine=d=0.05"], "-c:a aac"), "too short to play");
}

#[test]
fn an_import_that_panics_takes_back_what_it_had_published() {
    let studio = Studio::new();
    let request = Request {
        id: None,
        file: studio.film("a.mkv", "-c:v mpeg4"),
        title: None,
        channel: None,
        access: Access::Open,
    };
    let settings = Settings { heights: vec![240, 360], ..Settings::default() };
    let unwound = std::panic::catch_unwind(|| {
        import(&studio.library, &request, &settings, None, &AtomicBool::new(false), &mut |event| {
            if let Event::Playable(_) = event {
                std::panic::resume_unwind(Box::new("of the caller's own making"));
            }
        })
    });
    assert!(unwound.is_err());
    studio.assert_empty();
}

#[test]
fn a_playlist_in_disguise_reads_no_other_file() {
    let studio = Studio::new();
    let secret = studio.film_of("secret.ts", &["testsrc2=s=64x48:r=10:d=1"], "-c:v mpeg2video");
    let path = secret.display();
    let hls =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:1,\nfile://{path}\n#EXT-X-ENDLIST\n");
    let concat = format!("ffconcat version 1.0\nfile '{path}'\n");
    let sdp =
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5000 RTP/AVP 96\n";
    for (text, ending) in [
        (&hls, "mp4"),
        (&hls, "m3u8"),
        (&concat, "mp4"),
        (&concat, "ffconcat"),
        (&sdp.to_owned(), "mp4"),
    ] {
        check(
            &studio,
            &studio.write(&format!("disguised.{ending}"), text.as_bytes()),
            "is not a video",
        );
    }
}

#[test]
fn a_film_cut_short_is_called_so() {
    let studio = Studio::new();
    let cut = |name: &str, words: &str, part: f64| {
        let whole =
            fs::read(studio.film_of(name, &["testsrc2=s=320x240:r=25:d=10", "sine=d=10"], words))
                .unwrap();
        studio.write(&format!("cut-{name}"), &whole[..(whole.len() as f64 * part) as usize])
    };
    let h264 = "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac";
    check(&studio, &cut("late.mp4", h264, 0.5), "the file is cut short: its index is missing");
    check(
        &studio,
        &cut("early.mp4", &format!("{h264} -movflags +faststart"), 0.5),
        "the file is cut short: it says",
    );
    check(&studio, &cut("a.mkv", h264, 0.5), "the file is cut short: it says");
    check(&studio, &cut("b.mkv", "-c:v mpeg4 -c:a flac", 0.5), "the file is cut short: it says");
}

#[test]
fn a_request_that_makes_no_sense_is_refused_before_any_work() {
    let studio = Studio::new();
    let file = studio.write("a.mp4", b"x");
    let refuse = |title: Option<&str>, channel: Option<&str>, settings: &Settings| {
        let request = Request {
            id: None,
            file: file.clone(),
            title: title.map(str::to_owned),
            channel: channel.map(str::to_owned),
            access: Access::Open,
        };
        import(&studio.library, &request, settings, None, &AtomicBool::new(false), &mut |_| {})
            .unwrap_err()
            .to_string()
    };
    let settings = Settings::default();
    assert!(refuse(Some(" "), None, &settings).contains("the title is empty"));
    assert!(refuse(None, Some("../a"), &settings).contains("is not the handle of a channel"));
    assert!(
        refuse(None, None, &Settings { heights: vec![1], ..settings })
            .contains("import.heights = [1] is out of bounds: it may be one or more of [240,")
    );
    studio.assert_empty();
}

#[test]
fn a_cancelled_import_takes_back_what_it_had_published() {
    let studio = Studio::new();
    let file = studio.film("a.mkv", "-c:v mpeg4 -c:a flac");
    let cancelled = AtomicBool::new(false);
    let mut was_playable = false;
    let request = Request { id: None, file, title: None, channel: None, access: Access::Open };
    let settings = Settings { heights: vec![240, 360], ..Settings::default() };
    let imported = import(&studio.library, &request, &settings, None, &cancelled, &mut |event| {
        if let Event::Playable(_) = event {
            was_playable = true;
            cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    assert!(was_playable && matches!(imported, Err(ImportError::Cancelled)));
    studio.assert_empty();
}
