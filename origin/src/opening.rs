//! Where each rendition begins, told to the player by the page, so that it can fetch before it has read a playlist.

use std::sync::Arc;

use serde::Serialize;
use wire::id::VideoId;
use wire::playlist::{ByteRange, Master, Media};

use crate::cache::Cache;
use crate::etag::Etag;
use crate::library::Video;
use crate::limits::OPENINGS;
use crate::path::MediaPath;

/// The openings computed so far.
#[derive(Debug)]
pub(crate) struct Openings {
    /// With the tag of the master that they were read from.
    known: moka::sync::Cache<VideoId, (Etag, Arc<str>)>,
}

impl Default for Openings {
    fn default() -> Openings {
        Openings { known: moka::sync::Cache::new(OPENINGS) }
    }
}

impl Openings {
    /// The JSON list of one video, in the order of its master; what can't be read is left out.
    pub(crate) async fn of(&self, cache: &Cache, video: &Video) -> Arc<str> {
        self.compute(cache, video).await.unwrap_or_else(|| "[]".into())
    }

    async fn compute(&self, cache: &Cache, video: &Video) -> Option<Arc<str>> {
        let id: VideoId = video.id.parse().ok()?;
        let (etag, text) = read(cache, &format!("/hls/{id}/{}", video.master)).await?;
        if let Some((known, json)) = self.known.get(&id)
            && known == etag
        {
            return Some(json);
        }
        let master: Master = text.parse().ok()?;
        let mut openings = Vec::new();
        for variant in &master.variants {
            let playlist = format!("/hls/{id}/{}", variant.uri);
            if let Some((_, text)) = read(cache, &playlist).await {
                openings.extend(Opening::of(variant.bandwidth_bps, &playlist, &text));
            }
        }
        let json: Arc<str> = serde_json::to_string(&openings).ok()?.into();
        self.known.insert(id, (etag, Arc::clone(&json)));
        Some(json)
    }
}

/// How one rendition begins: paths on this host, byte ranges as in HTTP.
#[derive(Debug, PartialEq, Serialize)]
struct Opening {
    bandwidth: u64,
    playlist: String,
    media: String,
    init: String,
    first: String,
}

impl Opening {
    /// `None` for a playlist whose first segment is not a part of the one file that holds the initialisation section.
    fn of(bandwidth: u64, playlist: &str, text: &str) -> Option<Opening> {
        let media: Media = text.parse().ok()?;
        let (init, first) = (media.init?, media.segments.first()?);
        let (folder, _) = playlist.rsplit_once('/')?;
        let same_file = init.uri == first.uri;
        same_file.then_some(Opening {
            bandwidth,
            playlist: playlist.to_owned(),
            media: format!("{folder}/{}", init.uri),
            init: init.range.as_ref().map(ByteRange::to_string)?,
            first: first.range.as_ref().map(ByteRange::to_string)?,
        })
    }
}

async fn read(cache: &Cache, path: &str) -> Option<(Etag, String)> {
    let entry = cache.open(&MediaPath::parse(path)?).await.ok()?;
    let text = String::from_utf8(entry.slice(0..entry.len()).to_vec()).ok()?;
    Some((entry.etag().clone(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peertubes_playlist_opens_with_its_first_two_ranges() {
        let text = include_str!("../../swarm/wire/fixtures/hls-media-240.m3u8");
        let opening = Opening::of(309_269, "/hls/x/g1-240.m3u8", text).unwrap();
        assert_eq!((opening.init.as_str(), opening.first.as_str()), ("0-1356", "1357-151103"));
        assert_eq!(opening.media, "/hls/x/c44bb2ea-251c-41b3-991e-821e3adce803-240-fragmented.mp4");
    }

    #[test]
    fn a_playlist_of_many_files_has_no_opening() {
        let text =
            "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:4,\na.mp4\n";
        assert_eq!(Opening::of(1, "/hls/x/g1-240.m3u8", text), None);
        assert_eq!(Opening::of(1, "/hls/x/g1-240.m3u8", "<html>"), None);
    }
}
