//! Other hosts that keep copies of the videos of this instance, as `shoal mirror` makes them.

use std::fmt;

use serde::{Deserialize, Serialize};
use wire::id::VideoId;

use crate::config::ConfigError;

/// Where a mirror has its copies: the folder of a video is below it, by its id. Ends in a slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Mirror(String);

impl Mirror {
    /// Where it has the files of a video.
    pub(crate) fn folder(&self, id: &VideoId) -> String {
        format!("{}{id}/", self.0)
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Mirror> for String {
    fn from(mirror: Mirror) -> String {
        mirror.0
    }
}

impl TryFrom<String> for Mirror {
    type Error = ConfigError;

    /// What stands in an attribute among others with blanks between, and in a policy: nothing that could end either.
    fn try_from(text: String) -> Result<Mirror, ConfigError> {
        let refused = || ConfigError::Mirror(text.clone());
        let whole = format!("{}/", text.strip_suffix('/').unwrap_or(&text));
        let (scheme, rest) = whole.split_once("://").ok_or_else(refused)?;
        let (host, path) = rest.split_once('/').ok_or_else(refused)?;
        let is_plain = |text: &str, signs: &[u8]| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || signs.contains(&byte))
        };
        let is_good = matches!(scheme, "http" | "https")
            && !host.is_empty()
            && is_plain(host, b".-:[]")
            && is_plain(path, b"/-._~%")
            && whole.parse::<http::Uri>().is_ok();
        if is_good { Ok(Mirror(whole)) } else { Err(refused()) }
    }
}

/// Mirrors that pages name: one more wouldn't be asked for much.
pub(crate) const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_folder_of_a_host() {
        #[track_caller]
        fn check(text: &str, wanted: Option<&str>) {
            let read = Mirror::try_from(text.to_owned());
            assert_eq!(read.ok().map(String::from).as_deref(), wanted, "{text}");
        }
        check("https://a.example", Some("https://a.example/"));
        check("https://a.example/hls", Some("https://a.example/hls/"));
        check("http://127.0.0.1:8080/b/c/", Some("http://127.0.0.1:8080/b/c/"));
        check("http://[::1]:8080/", Some("http://[::1]:8080/"));
        for bad in [
            "",
            "a.example/hls",
            "ftp://a.example/",
            "https://",
            "https:///hls",
            "https://user@a.example/",
            "https://a.example/a b/",
            "https://a.example/?x",
            "https://a.example/#x",
            "https://a.example;script-src/",
            "https://a.example/;script-src *",
            "https://a.example/\"><script>",
            "https://a.example,b.example/",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_video_has_a_folder_of_its_own() {
        let mirror = Mirror::try_from("https://a.example/hls".to_owned()).unwrap();
        let id = VideoId::from_random([1; 16]);
        assert_eq!(mirror.folder(&id), format!("https://a.example/hls/{id}/"));
    }
}
