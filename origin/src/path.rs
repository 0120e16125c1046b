//! Which file a URL path under `/hls/` means, if any.

use std::borrow::Cow;

use wire::id::VideoId;

/// A path `/hls/<uuid>/<file>` or `/hls/<uuid>/~<capability>/<file>` that is safe to look up: it names one file of one
/// video and can't leave its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaPath<'a> {
    /// The video.
    pub id: VideoId,
    /// What the request shows to be let in, which may be anything: [`wire::capability::Key::check`] reads it.
    pub capability: Option<&'a str>,
    /// The file's name: ASCII letters, digits, `.`, `_` and `-`, and no dot first.
    pub file: &'a str,
    /// What the name's ending says.
    pub kind: Kind,
    /// What follows `/hls/`.
    text: &'a str,
}

/// What a file is, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `*-master.m3u8`: grows while renditions are made.
    Master,
    /// Any other `*.m3u8`.
    MediaPlaylist,
    /// `*.mp4`.
    Media,
    /// `*.json`: digests, which grow with the master.
    Digests,
    /// `*.jpg`.
    Poster,
    /// `*.vtt`.
    Captions,
    /// `*.pieces`: a signed list.
    Pieces,
}

impl<'a> MediaPath<'a> {
    /// Reads the path of a request; `None` for whatever is not exactly of this form, percent-encoding included.
    pub fn parse(path: &'a str) -> Option<MediaPath<'a>> {
        let text = path.strip_prefix("/hls/")?;
        let (folder, rest) = text.split_once('/')?;
        let (capability, file) =
            match rest.strip_prefix(CAPABILITY).map(|rest| rest.split_once('/')) {
                Some(parts) => parts.map(|(capability, file)| (Some(capability), file))?,
                None => (None, rest),
            };
        let id: VideoId = folder.parse().ok()?;
        let is_plain =
            file.len() <= NAME_LIMIT && !file.starts_with('.') && file.bytes().all(is_name_byte);
        if !is_plain || id.to_string() != folder {
            return None;
        }
        Some(MediaPath { id, capability, file, kind: Kind::of(file)?, text })
    }

    /// Whether people put the file beside the video, and no import made it.
    pub(crate) fn is_companion(&self) -> bool {
        COMPANIONS.iter().any(|prefix| self.file.starts_with(prefix))
    }

    /// `<uuid>/<file>`, of which there is one spelling per file.
    pub(crate) fn key(&self) -> Cow<'a, str> {
        match self.capability {
            None => self.text.into(),
            Some(_) => format!("{}/{}", self.id, self.file).into(),
        }
    }
}

impl Kind {
    fn of(file: &str) -> Option<Kind> {
        match file.rsplit_once('.')? {
            (stem, "m3u8") if stem.ends_with("-master") => Some(Kind::Master),
            (_, "m3u8") => Some(Kind::MediaPlaylist),
            (_, "mp4") => Some(Kind::Media),
            (_, "json") => Some(Kind::Digests),
            (_, "jpg") => Some(Kind::Poster),
            (_, "vtt") => Some(Kind::Captions),
            (_, "pieces") => Some(Kind::Pieces),
            _ => None,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Kind::Master | Kind::MediaPlaylist => "application/vnd.apple.mpegurl",
            Kind::Media => "video/mp4",
            Kind::Digests => "application/json",
            Kind::Poster => "image/jpeg",
            Kind::Captions => "text/vtt; charset=utf-8",
            Kind::Pieces => "application/octet-stream",
        }
    }

    /// Names carry a generation, so all is kept for good but the two files that grow under one name. What isn't open to
    /// all is kept by the viewer's own browser only, for an hour, within which they seek back; the next person at the same
    /// machine may be another.
    pub(crate) fn cache_control(self, kept_by: KeptBy) -> &'static str {
        match (kept_by, self.grows()) {
            (KeptBy::Everybody, true) => "public, max-age=5",
            (KeptBy::Everybody, false) => "public, max-age=31536000, immutable",
            (KeptBy::Viewer, true) => "private, no-store",
            (KeptBy::Viewer, false) => "private, max-age=3600, immutable",
        }
    }

    fn grows(self) -> bool {
        matches!(self, Kind::Master | Kind::Digests)
    }
}

/// Who may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeptBy {
    /// Caches that many viewers share, too.
    Everybody,
    /// The browser that asked.
    Viewer,
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// How the names of files begin that people put beside a video; those of an import begin with a generation.
const COMPANIONS: [&str; 2] = ["caption-", "thumbnail-"];

/// Begins the part of a path that is a capability, and never a file's name.
const CAPABILITY: char = '~';

/// Bytes of a file name; ours are under 60, and every file system takes 255.
const NAME_LIMIT: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4";

    #[track_caller]
    fn check(rest: &str, wanted: Option<Kind>) {
        let path = format!("/hls/{ID}/{rest}");
        assert_eq!(MediaPath::parse(&path).map(|path| path.kind), wanted, "{path}");
    }

    #[test]
    fn files_are_known_by_the_end_of_their_names() {
        check("g1-master.m3u8", Some(Kind::Master));
        check("g1-240.m3u8", Some(Kind::MediaPlaylist));
        check("g1-240-fragmented.mp4", Some(Kind::Media));
        check("g1-segments-sha256.json", Some(Kind::Digests));
        check("g1-poster.jpg", Some(Kind::Poster));
        check("g1-240-0a1b2c3d.pieces", Some(Kind::Pieces));
        check("caption-en-a.vtt", Some(Kind::Captions));
        check("g1.txt", None);
        check("mp4", None);
    }

    #[test]
    fn what_could_leave_the_folder_is_no_path() {
        for rest in [
            "",
            ".mp4",
            "../x.mp4",
            "..",
            "%2e%2e/x.mp4",
            "..%2fx.mp4",
            "a/b.mp4",
            "/x.mp4",
            "x.mp4/",
            "a\\b.mp4",
            "a\0.mp4",
            "a b.mp4",
            "é.mp4",
            "~x.mp4",
            "~a/",
            "~a/../x.mp4",
            "~a/.mp4",
            "~a/b/x.mp4",
            "~a/~b/x.mp4",
            "a/~b/x.mp4",
            "~a//x.mp4",
        ] {
            check(rest, None);
        }
        check(&format!("{}.mp4", "a".repeat(NAME_LIMIT)), None);
    }

    #[test]
    fn a_file_has_one_spelling() {
        assert!(MediaPath::parse(&format!("/hls/{}/a.mp4", ID.to_uppercase())).is_none());
        assert!(MediaPath::parse("/hls/83b4fymrueQZj9EdVRKYZj/a.mp4").is_none());
        assert!(MediaPath::parse(&format!("//hls/{ID}/a.mp4")).is_none());
        assert!(MediaPath::parse(&format!("/hls//{ID}/a.mp4")).is_none());
    }

    #[test]
    fn a_capability_may_stand_before_the_file_and_is_no_part_of_what_is_looked_up() {
        for shown in ["", "AWAA-_", "..", "%2e%2e", "~"] {
            let text = format!("/hls/{ID}/~{shown}/g1-240.m3u8");
            let path = MediaPath::parse(&text).unwrap();
            assert_eq!((path.capability, path.file), (Some(shown), "g1-240.m3u8"));
            assert_eq!(path.key(), format!("{ID}/g1-240.m3u8"));
        }
        assert_eq!(MediaPath::parse(&format!("/hls/{ID}/a.mp4")).unwrap().capability, None);
    }

    #[test]
    fn what_is_not_open_to_all_is_kept_by_no_shared_cache() {
        let all = [Kind::Master, Kind::MediaPlaylist, Kind::Media, Kind::Digests, Kind::Poster];
        for kind in all.into_iter().chain([Kind::Captions, Kind::Pieces]) {
            assert!(kind.cache_control(KeptBy::Everybody).starts_with("public, "));
            assert!(kind.cache_control(KeptBy::Viewer).starts_with("private, "));
        }
    }

    proptest::proptest! {
        #[test]
        fn every_accepted_path_is_two_plain_components(rest in "[a-z0-9./%~_\\\\\u{0}-]{0,24}", end in "(\\.mp4|\\.m3u8)?") {
            let text = format!("/hls/{ID}/{rest}{end}");
            if let Some(path) = MediaPath::parse(&text) {
                let key = path.key();
                let parts: Vec<_> = std::path::Path::new(&*key).components().collect();
                assert_eq!(parts.len(), 2);
                assert!(parts.iter().all(|part| matches!(part, std::path::Component::Normal(_))));
                let shown = path.capability.map(|shown| format!("~{shown}/")).unwrap_or_default();
                assert_eq!(format!("/hls/{}/{shown}{}", path.id, path.file), text);
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = MediaPath::parse(&text);
        }
    }
}
