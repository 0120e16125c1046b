//! Which renditions a playlist offers that can be played here.

use std::sync::Arc;

use wire::identity::StreamProperties;
use wire::playlist::{Master, Media, Variant};

use crate::Time;
use crate::limits::RENDITIONS;
use crate::message::{Fatal, Mime, RenditionInfo, RequestId};
use crate::table::Table;
use crate::timeline::Timeline;

/// A rendition, and how far it is known.
#[derive(Debug)]
pub(crate) struct Rendition {
    /// What `uri` is relative to.
    pub(crate) base: Arc<str>,
    /// Its media playlist.
    pub(crate) uri: Arc<str>,
    /// Type and codecs, if the playlist tells.
    pub(crate) mime: Option<String>,
    pub(crate) info: RenditionInfo,
    /// What its swarm is named after.
    pub(crate) stream: StreamProperties,
    pub(crate) playlist: Known,
    /// The answer that holds its initialisation section, and how long that is.
    pub(crate) init: Option<(RequestId, u64)>,
    /// Segments that its server lacks, or that don't decode.
    pub(crate) missing: Table<usize, ()>,
}

#[derive(Debug)]
pub(crate) enum Known {
    NotYet,
    Yes(Timeline),
    /// It can't be had or read.
    Broken(Fatal),
}

impl Rendition {
    pub(crate) fn timeline(&self) -> Option<&Timeline> {
        match &self.playlist {
            Known::Yes(timeline) => Some(timeline),
            _ => None,
        }
    }

    pub(crate) fn timeline_mut(&mut self) -> Option<&mut Timeline> {
        match &mut self.playlist {
            Known::Yes(timeline) => Some(timeline),
            _ => None,
        }
    }

    /// What it is, once that is known.
    pub(crate) fn kind(&self) -> Option<Mime> {
        self.mime.clone().map(Mime::Told).or(self.init.map(|(request, _)| Mime::In(request)))
    }

    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.playlist, Known::Broken(_))
    }
}

/// The renditions of a master that the media element plays, lowest bit rate first.
pub(crate) fn of_master(
    url: &str,
    master: Master,
    supports: fn(&str) -> bool,
) -> Result<Vec<Rendition>, Fatal> {
    let base: Arc<str> = url.into();
    let codecs =
        master.variants.first().map(|variant| variant.codecs.join(",")).unwrap_or_default();
    let mut playable: Vec<Variant> = master.variants;
    playable.retain(|variant| mime(variant).is_none_or(|mime| supports(&mime)));
    if playable.is_empty() {
        return Err(Fatal::Unsupported(codecs));
    }
    playable.retain(|variant| !variant.has_separate_audio);
    if playable.is_empty() {
        return Err(Fatal::Layout("its sound in a playlist of its own"));
    }
    if playable.iter().any(|variant| variant.resolution.is_some()) {
        playable.retain(|variant| variant.resolution.is_some());
    }
    playable.truncate(RENDITIONS);
    Ok(playable.into_iter().fold(Vec::new(), |mut sorted: Vec<Rendition>, variant| {
        let at = sorted.partition_point(|lower| lower.info.bandwidth_bps <= variant.bandwidth_bps);
        sorted.insert(at, rendition(&base, variant));
        sorted
    }))
}

/// The one rendition of a lone media playlist.
pub(crate) fn of_media(url: &str, media: Media, asked_at: Time) -> Result<Vec<Rendition>, Fatal> {
    let info = RenditionInfo { height: None, bandwidth_bps: 0 };
    let playlist = Known::Yes(Timeline::new(url, playable(media)?, asked_at, None));
    let mime = None;
    Ok(vec![Rendition {
        base: url.into(),
        uri: url.into(),
        mime,
        info,
        stream: StreamProperties::default(),
        playlist,
        init: None,
        missing: Table::default(),
    }])
}

/// A media playlist, if it is of a kind that can be played.
pub(crate) fn playable(media: Media) -> Result<Media, Fatal> {
    if media.is_encrypted {
        return Err(Fatal::Encrypted);
    }
    if media.init.is_none() {
        return Err(Fatal::Layout("its media in MPEG-TS segments"));
    }
    Ok(media)
}

fn rendition(base: &Arc<str>, variant: Variant) -> Rendition {
    Rendition {
        base: base.clone(),
        mime: mime(&variant),
        stream: StreamProperties::of(&variant),
        info: RenditionInfo {
            height: variant.resolution.map(|resolution| resolution.short_side()),
            bandwidth_bps: variant.bandwidth_bps,
        },
        uri: variant.uri.into(),
        playlist: Known::NotYet,
        init: None,
        missing: Table::default(),
    }
}

fn mime(variant: &Variant) -> Option<String> {
    let codecs = variant.codecs.join(",");
    (!codecs.is_empty()).then(|| format!("video/mp4; codecs=\"{codecs}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: &str = "#EXTM3U\n\
        #EXT-X-STREAM-INF:BANDWIDTH=900,RESOLUTION=720x1280,CODECS=\"avc1.64001f,mp4a.40.2\"\nb.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=300,RESOLUTION=426x240,CODECS=\"avc1.640015,mp4a.40.2\"\na.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2000,RESOLUTION=1920x1080,CODECS=\"hvc1.1.6.L120.90,mp4a.40.2\"\nc.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=64,CODECS=\"mp4a.40.2\"\nsound.m3u8\n";

    fn infos(text: &str, supports: fn(&str) -> bool) -> Result<Vec<(Option<u32>, u64)>, Fatal> {
        let renditions = of_master("http://a/", text.parse().unwrap(), supports)?;
        Ok(renditions
            .iter()
            .map(|rendition| (rendition.info.height, rendition.info.bandwidth_bps))
            .collect())
    }

    #[test]
    fn what_plays_is_listed_lowest_first_under_its_shorter_side() {
        assert_eq!(
            infos(MASTER, |mime| !mime.contains("hvc1")),
            Ok(vec![(Some(240), 300), (Some(720), 900)])
        );
    }

    #[test]
    fn a_master_that_does_not_play_says_why() {
        assert_eq!(
            infos(MASTER, |_| false),
            Err(Fatal::Unsupported("avc1.64001f,mp4a.40.2".into()))
        );
        let separate = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",URI=\"a.m3u8\"\n\
                        #EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO=\"a\"\nv.m3u8\n";
        assert!(matches!(infos(separate, |_| true), Err(Fatal::Layout(_))));
    }

    #[test]
    fn a_media_playlist_that_does_not_play_says_why() {
        let check = |lines: &str, wanted: Fatal| {
            let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{lines}");
            assert_eq!(playable(text.parse().unwrap()).err(), Some(wanted));
        };
        check("#EXTINF:4,\na.ts\n#EXT-X-ENDLIST", Fatal::Layout("its media in MPEG-TS segments"));
        check(
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:4,\na\n#EXT-X-ENDLIST",
            Fatal::Encrypted,
        );
    }
}
