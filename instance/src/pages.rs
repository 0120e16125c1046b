//! What every page has around it, and what several of them show.

use std::net::SocketAddr;

use askama::Template;
use sidecar::House;
use wire::id::VideoId;

use crate::assets::Assets;
use crate::config::{Config, Sharing};
use crate::mirrors::Mirror;
use crate::visit::Visit;

/// What every page has around it.
pub(crate) struct Frame {
    /// Scheme and host, without a slash at the end.
    pub(crate) public_url: String,
    /// `None` if this build has no player inside.
    pub(crate) player: Option<PlayerFiles>,
    /// How far viewers may share here.
    pub(crate) sharing: Sharing,
    /// Who keeps copies of public videos.
    pub(crate) mirrors: Vec<Mirror>,
    /// Where players ask for their address, if not at the usual port of this host.
    pub(crate) stun: Option<String>,
    pub(crate) style: String,
    pub(crate) stage_style: String,
    pub(crate) icon: String,
    pub(crate) script: String,
    pub(crate) upload: String,
    /// What the instance says of itself.
    pub(crate) house: House,
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
            mirrors: config.player.mirrors.clone(),
            public_url,
            player,
            style: url("site.css"),
            stage_style: url("stage.css"),
            icon: url("favicon.svg"),
            script: url("pages.js"),
            upload: url("upload.js"),
            house: config.instance.clone(),
        }
    }
}

impl Frame {
    /// What crawlers are told: everything public may be found, and is listed in the sitemap.
    pub(crate) fn robots(&self) -> String {
        format!(
            "User-agent: *\nDisallow: /my/\nDisallow: /admin/\nSitemap: {}/sitemap.xml\n",
            self.public_url
        )
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

/// What a site owner pastes.
///
/// The title is escaped here, because the snippet is HTML of its own; the template escapes it again as text.
pub(crate) fn snippet(frame: &Frame, id: &VideoId, title: &str) -> String {
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
pub(crate) fn shape(width: u32, height: u32) -> &'static str {
    let ratio = f64::from(width) / f64::from(height.max(1));
    let off = |shape: &(f64, &str)| (shape.0.ln() - ratio.max(0.01).ln()).abs();
    SHAPES.iter().min_by(|a, b| off(a).total_cmp(&off(b))).map_or("wide", |shape| shape.1)
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
