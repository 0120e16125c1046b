//! What the pages show, ready for their templates, which escape every value.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use origin::library::{Rendition, Video};
use wire::id::VideoId;

use crate::assets::Assets;
use crate::config::{Config, Sharing};
use crate::embed::Options;
use crate::visit::Visit;
use crate::when;

/// What every page has around it.
pub(crate) struct Frame {
    /// Scheme and host, without a slash at the end.
    pub(crate) public_url: String,
    /// `None` if this build has no player inside.
    pub(crate) player: Option<PlayerFiles>,
    /// How far viewers may share here.
    sharing: Sharing,
    /// Where players ask for their address, if not at the usual port of this host.
    stun: Option<String>,
    pub(crate) style: String,
    pub(crate) stage_style: String,
    pub(crate) icon: String,
    pub(crate) script: String,
}

/// Where the player's two files are.
pub(crate) struct PlayerFiles {
    pub(crate) script: String,
    pub(crate) wasm: String,
}

impl Frame {
    /// `address` is the one really listened on.
    pub(crate) fn new(config: &Config, address: SocketAddr, assets: &Assets) -> Frame {
        let public_url = config.public_url(address);
        let url = |name: &str| assets.url(name).unwrap_or_else(|| format!("/{name}"));
        let player = assets
            .url("player.js")
            .zip(assets.wasm_url())
            .map(|(script, wasm)| PlayerFiles { script, wasm });
        Frame {
            stun: config.unusual_stun(&public_url),
            sharing: config.player.p2p,
            public_url,
            player,
            style: url("site.css"),
            stage_style: url("stage.css"),
            icon: url("favicon.svg"),
            script: url("pages.js"),
        }
    }
}

/// `/`: all videos, newest first.
#[derive(Template)]
#[template(path = "shelf.html")]
pub(crate) struct Shelf<'a> {
    visit: &'a Visit<'a>,
    cards: Vec<Card>,
    newer: Option<usize>,
    older: Option<usize>,
}

struct Card {
    href: String,
    poster: String,
    title: String,
    clock: String,
    duration: String,
    date: String,
    age: String,
    is_importing: bool,
}

impl<'a> Shelf<'a> {
    /// Page `page` from 1; `None` past the last.
    pub(crate) fn new(
        visit: &'a Visit<'a>,
        videos: &[Video],
        page: usize,
        now_ms: u64,
    ) -> Option<Shelf<'a>> {
        let pages = videos.len().div_ceil(CARDS).max(1);
        let start = page.checked_sub(1).filter(|_| page <= pages)? * CARDS;
        let cards =
            videos[start..].iter().take(CARDS).filter_map(|video| Card::new(visit, video, now_ms));
        Some(Shelf {
            visit,
            cards: cards.collect(),
            newer: (page > 1).then(|| page - 1),
            older: (page < pages).then(|| page + 1),
        })
    }
}

impl Card {
    fn new(visit: &Visit<'_>, video: &Video, now_ms: u64) -> Option<Card> {
        let id: VideoId = video.id.parse().ok()?;
        Some(Card {
            href: format!("/w/{}", id.short()),
            poster: format!("/hls/{id}/{}", video.poster),
            title: video.title.clone(),
            clock: when::clock(video.duration_ms),
            duration: when::duration(video.duration_ms),
            date: when::date(video.published_at_ms),
            age: visit.age(video.published_at_ms, now_ms),
            is_importing: video.is_importing,
        })
    }
}

/// The player element and what it needs to begin at once.
pub(crate) struct Stage {
    src: String,
    poster: String,
    title: String,
    opening: Arc<str>,
    /// Shown without scripts: the smallest rendition's file, which browsers play by themselves.
    plain_src: Option<String>,
    /// What the player's own embed button offers; the watch page has it beside the player.
    snippet: Option<String>,
    /// The page is nothing but the player, which so may have every key.
    has_page_keys: bool,
    sharing: Sharing,
    options: Options,
}

impl Stage {
    fn new(
        frame: &Frame,
        id: &VideoId,
        video: &Video,
        opening: Arc<str>,
        options: Options,
    ) -> Stage {
        Stage {
            src: format!("/hls/{id}/{}", video.master),
            poster: format!("/hls/{id}/{}", video.poster),
            title: video.title.clone(),
            opening,
            plain_src: video
                .renditions
                .iter()
                .min_by_key(|rendition| rendition.bytes)
                .map(|rendition| format!("/hls/{id}/{}", rendition.media)),
            snippet: None,
            has_page_keys: false,
            sharing: if options.allows_sharing { frame.sharing } else { Sharing::Off },
            options,
        }
    }
}

/// `/w/<short>`: one video to watch.
#[derive(Template)]
#[template(path = "watch.html")]
pub(crate) struct Watch<'a> {
    visit: &'a Visit<'a>,
    stage: Stage,
    /// Who sends it to whom.
    source: String,
    short: String,
    id: String,
    shape: &'static str,
    clock: String,
    date: String,
    age: String,
    renditions: Vec<RenditionLine>,
    is_importing: bool,
    width: u32,
    height: u32,
    snippet: String,
}

struct RenditionLine {
    name: String,
    size: String,
    bytes: String,
    href: String,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(
        visit: &'a Visit<'a>,
        id: &VideoId,
        video: &Video,
        opening: Arc<str>,
        now_ms: u64,
    ) -> Watch<'a> {
        let frame = visit.frame;
        let mut best_first: Vec<&Rendition> = video.renditions.iter().collect();
        best_first.sort_by_key(|rendition| std::cmp::Reverse(rendition.height));
        let (width, height) = best_first.first().map_or((16, 9), |top| (top.width, top.height));
        let renditions = best_first.into_iter().map(|rendition| RenditionLine {
            name: format!("{}p", rendition.width.min(rendition.height)),
            size: format!("{}×{}", rendition.width, rendition.height),
            bytes: megabytes(rendition.bytes),
            href: format!("/hls/{id}/{}", rendition.media),
        });
        let stage = Stage::new(frame, id, video, opening, Options::default());
        Watch {
            visit,
            source: visit.name(source_key(stage.sharing), &frame.public_url),
            short: id.short(),
            id: id.to_string(),
            shape: shape(width, height),
            clock: when::clock(video.duration_ms),
            date: when::date(video.published_at_ms),
            age: visit.age(video.published_at_ms, now_ms),
            renditions: renditions.collect(),
            is_importing: video.is_importing,
            width,
            height,
            snippet: snippet(frame, id, &video.title),
            stage,
        }
    }
}

/// `/videos/embed/<id>`: the player and nothing else.
#[derive(Template)]
#[template(path = "embed.html")]
pub(crate) struct Embed<'a> {
    frame: &'a Frame,
    stage: Stage,
    short: String,
}

impl<'a> Embed<'a> {
    pub(crate) fn new(
        frame: &'a Frame,
        id: &VideoId,
        video: &Video,
        opening: Arc<str>,
        options: Options,
    ) -> Embed<'a> {
        let snippet = Some(snippet(frame, id, &video.title));
        let stage = Stage {
            snippet,
            has_page_keys: true,
            ..Stage::new(frame, id, video, opening, options)
        };
        Embed { frame, stage, short: id.short() }
    }
}

/// The page for an address that leads nowhere.
#[derive(Template)]
#[template(path = "missing.html")]
pub(crate) struct Missing<'a> {
    pub(crate) visit: &'a Visit<'a>,
}

/// The page that says why something wasn't done.
#[derive(Template)]
#[template(path = "refusal.html")]
pub(crate) struct Refusal<'a> {
    pub(crate) visit: &'a Visit<'a>,
    pub(crate) reason: String,
}

/// The sentence about who sends a video to whom.
fn source_key(sharing: Sharing) -> &'static str {
    match sharing {
        Sharing::Off => "source-off",
        Sharing::Receive => "source-receive",
        Sharing::Full => "source-full",
        Sharing::Ask => "source-ask",
    }
}

/// What a site owner pastes.
///
/// The title is escaped here, because the snippet is HTML of its own; the template escapes it again as text.
fn snippet(frame: &Frame, id: &VideoId, title: &str) -> String {
    let title = askama::filters::escape(title, askama::filters::Html)
        .map_or_else(|_| String::new(), |text| text.to_string());
    format!(
        "<iframe src=\"{}/videos/embed/{}\" title=\"{title}\" width=\"560\" height=\"315\" style=\"border:0\" \
         allow=\"autoplay; fullscreen; picture-in-picture\" allowfullscreen loading=\"lazy\"></iframe>",
        frame.public_url,
        id.short()
    )
}

/// The nearest shape for which `site.css` keeps room before the player is there.
fn shape(width: u32, height: u32) -> &'static str {
    let ratio = f64::from(width) / f64::from(height.max(1));
    let off = |shape: &(f64, &str)| (shape.0.ln() - ratio.max(0.01).ln()).abs();
    SHAPES.iter().min_by(|a, b| off(a).total_cmp(&off(b))).map_or("wide", |shape| shape.1)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Width to height, and the class in `site.css`.
const SHAPES: [(f64, &str); 6] = [
    (21.0 / 9.0, "cinema"),
    (16.0 / 9.0, "wide"),
    (4.0 / 3.0, "classic"),
    (1.0, "square"),
    (3.0 / 4.0, "portrait"),
    (9.0 / 16.0, "upright"),
];

/// Videos on one page of the shelf: eight rows of six, or twelve of four.
const CARDS: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_finds_its_nearest() {
        assert_eq!(shape(1280, 720), "wide");
        assert_eq!(shape(426, 240), "wide");
        assert_eq!(shape(720, 1280), "upright");
        assert_eq!(shape(640, 480), "classic");
        assert_eq!(shape(2560, 1080), "cinema");
        assert_eq!(shape(0, 0), "upright");
    }
}
