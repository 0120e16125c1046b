//! A video whose file is replaced plays the old one until the new one is whole, and either is there whole.

use std::fs;
use std::sync::atomic::AtomicBool;

use origin::import::{Event, ImportError, Request, Settings, import};
use origin::library::{Access, Library, Video};

use crate::studio::Studio;

fn replace(studio: &Studio, video: &Video, file: &str) -> Result<Video, ImportError> {
    let request = Request {
        id: Some(video.id.parse().unwrap()),
        file: studio.path(file),
        title: Some("another".to_owned()),
        channel: None,
        access: Access::Open,
    };
    let (heights, preset) = (vec![240, 360], "ultrafast".to_owned());
    let settings = Settings { heights, preset, ..Settings::default() };
    let cancelled = AtomicBool::new(false);
    import(&studio.library, &request, &settings, None, &cancelled, &mut |event| {
        assert!(matches!(event, Event::Progress(_)), "it is shown before it is whole");
        assert_eq!(recorded(studio, video).as_ref(), Some(video));
    })
}

fn recorded(studio: &Studio, video: &Video) -> Option<Video> {
    studio.library.video(&video.id.parse().unwrap()).unwrap()
}

/// The generations of which files are there.
fn generations(studio: &Studio, video: &Video) -> Vec<String> {
    let names = fs::read_dir(studio.library.hls_dir().join(&video.id)).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut generations: Vec<_> =
        names.map(|name| name.split_once('-').unwrap().0.to_owned()).collect();
    generations.sort();
    generations.dedup();
    generations
}

#[test]
fn a_new_file_takes_the_place_of_the_old_one_and_leaves_nothing_of_it() {
    let studio = Studio::new();
    let mut video = studio.import(&studio.film("a.mkv", "-c:v mpeg4 -c:a flac")).unwrap().video;
    studio.film_of("b.mkv", &["testsrc2=s=320x240:r=10:d=2"], "-c:v mpeg4");
    for generation in ["g2", "g3"] {
        let replaced = replace(&studio, &video, "b.mkv").unwrap();
        assert_eq!(
            (&replaced.title, replaced.published_at_ms),
            (&video.title, video.published_at_ms)
        );
        assert!(replaced.duration_ms < 3_000 && !replaced.is_importing, "{replaced:?}");
        assert_eq!(replaced.master, format!("{generation}-master.m3u8"));
        assert_eq!(recorded(&studio, &video).as_ref(), Some(&replaced));
        assert_eq!(generations(&studio, &video), [generation]);
        video = replaced;
    }
}

#[test]
fn a_new_file_that_is_none_leaves_the_old_one() {
    let studio = Studio::new();
    let video = studio.import(&studio.film("a.mkv", "-c:v mpeg4 -c:a flac")).unwrap().video;
    studio.write("b.mkv", b"just words");
    assert!(matches!(replace(&studio, &video, "b.mkv"), Err(ImportError::NotAVideo(_))));
    assert_eq!(recorded(&studio, &video), Some(video.clone()));
    // What a killed process leaves of another generation goes with the next start.
    let folder = studio.library.hls_dir().join(&video.id);
    fs::write(folder.join("g2-240.m3u8"), "").unwrap();
    let id: wire::id::VideoId = video.id.parse().unwrap();
    let work = studio.path("data/work").join(id.short());
    fs::create_dir(&work).unwrap();
    fs::write(work.join("video"), &video.id).unwrap();
    Library::open(&studio.path("data")).unwrap();
    assert_eq!(generations(&studio, &video), ["g1"]);
    assert_eq!(recorded(&studio, &video), Some(video));
}
