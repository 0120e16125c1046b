//! The sitemap (sitemaps.org): the newest videos, the newest channels, and the pages that lead to the others.

use std::fmt::Write;

use super::xml::escape;
use super::{HEAD, document};
use crate::error::ApiError;
use crate::limits::LIST;
use crate::listing::{ListQuery, Nsfw};
use crate::table::{channel, listing};
use crate::{Reply, Sidecar};

impl Sidecar {
    pub(super) async fn sitemap(&self) -> Result<Reply, ApiError> {
        let mut text =
            format!("{HEAD}<urlset {NAMES}><url><loc>{}/</loc></url>", escape(&self.public_url));
        for page in 0..PAGES {
            let mut query =
                ListQuery { start: page * LIST as u32, count: LIST as u32, ..ListQuery::default() };
            query.filters.nsfw = Nsfw::Without;
            query.filters.is_local = Some(true);
            let cards = listing::list(&self.database, &query, 0).await?.cards;
            for card in &cards {
                let picture = self.picture_url(card).unwrap_or_default();
                let _ = write!(
                    text,
                    "<url><loc>{}</loc><video:video><video:thumbnail_loc>{}</video:thumbnail_loc>\
                     <video:title>{}</video:title><video:description>{}</video:description>\
                     <video:player_loc>{}/videos/embed/{}</video:player_loc></video:video></url>",
                    escape(&self.watch_url(card)),
                    escape(&picture),
                    escape(&card.name),
                    escape(card.beginning.as_deref().unwrap_or(&card.name)),
                    escape(&self.public_url),
                    card.uuid,
                );
            }
            if cards.len() < LIST as usize {
                break;
            }
        }
        for channel in channel::page(&self.database, 0, LIST as i64).await?.1 {
            let _ = write!(
                text,
                "<url><loc>{}/c/{}</loc></url>",
                escape(&self.public_url),
                channel.name
            );
        }
        text.push_str("</urlset>\n");
        Ok(document(text, "application/xml; charset=utf-8"))
    }
}

/// Of as many videos as a list answers at once: programs come again for newer ones.
const PAGES: u32 = 10;

const NAMES: &str = "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" \
                     xmlns:video=\"http://www.google.com/schemas/sitemap-video/1.1\"";
