//! What other programs read of the catalogue: feeds, oEmbed and the sitemap. All of it is public, so it asks nobody who they are.

mod oembed;
mod sitemap;
mod xml;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode, Uri};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::field::line;
use crate::listing::{ListQuery, Nsfw, Scope};
use crate::media::{Media, Rendition};
use crate::query::Query;
use crate::table::card::Card;
use crate::table::channel::{self, Channel};
use crate::table::listing;
use crate::when::{iso, rfc822};
use crate::{Reply, Sidecar, now_ms};
use xml::escape;

/// What form a feed has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Rss,
    Atom,
    Json,
    /// RSS of one channel as programs for podcasts read it.
    Podcast,
}

/// What a feed is about.
#[derive(Debug)]
struct Subject {
    title: String,
    description: String,
    /// The page that shows the same.
    page: String,
    /// The feed's own address.
    own: String,
    scope: Scope,
    channel: Option<Channel>,
}

impl Sidecar {
    /// Answers `/feeds/…`, `/services/oembed` and `/sitemap.xml`; `None` if the path is none of them.
    pub async fn answer_public(&self, uri: &Uri) -> Option<Reply> {
        let query = Query::parse(uri.query().unwrap_or_default());
        let answered = match uri.path() {
            "/services/oembed" => self.oembed(query).await,
            "/sitemap.xml" => self.sitemap().await,
            path => {
                let (form, kind) = form_of(path)?;
                self.feed(path, form, kind, query).await
            }
        };
        let mut reply = answered.unwrap_or_else(|error| error.answer());
        let headers = reply.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Some(reply)
    }

    async fn feed(
        &self,
        path: &str,
        form: Form,
        kind: &'static str,
        query: Query,
    ) -> Result<Reply, ApiError> {
        let subject = self.subject(path, query).await?;
        if form == Form::Podcast && subject.channel.is_none() {
            return Err(ApiError::NotFound("Video channel"));
        }
        let mut wanted = ListQuery { scope: subject.scope, count: ENTRIES, ..ListQuery::default() };
        wanted.filters.nsfw = Nsfw::Without;
        // Others' feeds tell of theirs.
        wanted.filters.is_local = (subject.scope == Scope::All).then_some(true);
        let cards = listing::list(&self.database, &wanted, 0).await?.cards;
        let text = match form {
            Form::Rss | Form::Podcast => self.rss(&subject, &cards, form == Form::Podcast),
            Form::Atom => self.atom(&subject, &cards),
            Form::Json => self.json_feed(&subject, &cards).to_string(),
        };
        Ok(document(text, kind))
    }

    /// Everybody's, or one channel's or account's, by number or handle.
    async fn subject(&self, path: &str, mut query: Query) -> Result<Subject, ApiError> {
        let text = |text: &str| line(text, 1, 300).map(str::to_owned);
        let channel_id = query.optional("videoChannelId", text);
        let channel_name = query.optional("videoChannelName", text);
        let account_id = query.optional("accountId", text);
        let account_name = query.optional("accountName", text);
        query.finish(())?;
        let base = &self.public_url;
        if let Some(key) = channel_id.or(channel_name) {
            let found = match key.parse::<u32>() {
                Ok(id) => channel::by_id(&self.database, id.into()).await?,
                Err(_) => {
                    channel::by_name(&self.database, &self.kept_name(&key).unwrap_or_default())
                        .await?
                }
            };
            let channel = found.ok_or(ApiError::NotFound("Video channel"))?;
            return Ok(Subject {
                title: channel.display_name.clone(),
                description: channel.description.clone().unwrap_or_default(),
                page: format!("{base}/c/{}", channel.name),
                own: format!("{base}{path}?videoChannelId={}", channel.id),
                scope: Scope::Channel(channel.id),
                channel: Some(channel),
            });
        }
        if let Some(key) = account_id.or(account_name) {
            let found = match key.parse::<u32>() {
                Ok(id) => crate::table::account::by_id(&self.database, id.into()).await?,
                Err(_) => {
                    let name = self.kept_name(&key).unwrap_or_default();
                    crate::table::account::by_name(&self.database, &name).await?
                }
            };
            let account = found.ok_or(ApiError::NotFound("Account"))?;
            return Ok(Subject {
                title: account.display_name,
                description: account.description.unwrap_or_default(),
                page: format!("{base}/a/{}", account.name),
                own: format!("{base}{path}?accountId={}", account.id),
                scope: Scope::Account(account.id),
                channel: None,
            });
        }
        Ok(Subject {
            title: self.house.name.clone(),
            description: self.house.short_description.clone(),
            page: base.clone(),
            own: format!("{base}{path}"),
            scope: Scope::All,
            channel: None,
        })
    }

    fn rss(&self, subject: &Subject, cards: &[Card], is_podcast: bool) -> String {
        let names = if is_podcast { PODCAST_NAMES } else { RSS_NAMES };
        let owner = subject.channel.as_ref().filter(|_| is_podcast).map_or(String::new(), |channel| {
            let name = escape(&channel.account_label);
            format!(
                "<podcast:medium>video</podcast:medium><itunes:owner><itunes:name>{name}</itunes:name></itunes:owner>\
                 <itunes:author>{name}</itunes:author><itunes:explicit>no</itunes:explicit>"
            )
        });
        let items: String = cards.iter().map(|card| self.rss_item(card, is_podcast)).collect();
        format!(
            "{HEAD}<rss version=\"2.0\" {names}><channel><title>{}</title><link>{}</link><description>{}</description>\
             <lastBuildDate>{}</lastBuildDate><generator>Shoal</generator>\
             <atom:link href=\"{}\" rel=\"self\" type=\"application/rss+xml\"/>{owner}{items}</channel></rss>\n",
            escape(&subject.title),
            escape(&subject.page),
            escape(&subject.description),
            rfc822(now_ms()),
            escape(&subject.own),
        )
    }

    fn rss_item(&self, card: &Card, is_podcast: bool) -> String {
        let page = escape(&self.watch_url(card));
        let (title, about) =
            (escape(&card.name), escape(card.beginning.as_deref().unwrap_or_default()));
        let picture = self.picture_url(card).map(|url| escape(&url)).unwrap_or_default();
        let best = self.best_file(card);
        let enclosure = best.as_ref().map_or(String::new(), |(url, file)| {
            format!(
                "<enclosure url=\"{}\" length=\"{}\" type=\"video/mp4\"/>",
                escape(url),
                file.bytes
            )
        });
        let pictures = match (picture.is_empty(), is_podcast) {
            (true, _) => String::new(),
            (false, true) => format!("<itunes:image href=\"{picture}\"/>"),
            (false, false) => format!("<media:thumbnail url=\"{picture}\"/>"),
        };
        let more = if is_podcast {
            format!("<itunes:duration>{}</itunes:duration>", card.duration_ms / 1000)
        } else {
            let embed = escape(&format!("{}/videos/embed/{}", self.public_url, card.uuid));
            let file = best.map_or(String::new(), |(url, file)| {
                format!(
                    "<media:content url=\"{}\" type=\"video/mp4\" medium=\"video\" height=\"{}\" fileSize=\"{}\" duration=\"{}\"/>",
                    escape(&url),
                    file.height,
                    file.bytes,
                    card.duration_ms / 1000
                )
            });
            format!(
                "<media:title type=\"plain\">{title}</media:title><media:description type=\"plain\">{about}</media:description>\
                 <media:rating>{}</media:rating><media:community><media:statistics views=\"{}\"/></media:community>\
                 <media:embed url=\"{embed}\"/><media:player url=\"{page}\"/>{file}",
                if card.nsfw { "adult" } else { "nonadult" },
                card.views
            )
        };
        format!(
            "<item><title>{title}</title><link>{page}</link><guid>{page}</guid><pubDate>{}</pubDate>\
             <description>{about}</description><dc:creator>{}</dc:creator>{enclosure}{pictures}{more}</item>",
            rfc822(card.published_at.unwrap_or(card.created_at)),
            escape(&card.channel_label),
        )
    }

    fn atom(&self, subject: &Subject, cards: &[Card]) -> String {
        let entries = cards.iter().map(|card| {
            let page = escape(&self.watch_url(card));
            format!(
                "<entry><title>{}</title><id>{page}</id><link href=\"{page}\"/><updated>{}</updated>\
                 <summary>{}</summary><author><name>{}</name><uri>{}</uri></author></entry>",
                escape(&card.name),
                iso(card.published_at.unwrap_or(card.created_at)),
                escape(card.beginning.as_deref().unwrap_or_default()),
                escape(&card.channel_label),
                escape(&format!("{}/c/{}", self.public_url, card.channel_name)),
            )
        });
        let entries: String = entries.collect();
        format!(
            "{HEAD}<feed xmlns=\"http://www.w3.org/2005/Atom\"><id>{0}</id><title>{1}</title><updated>{2}</updated>\
             <generator>Shoal</generator><author><name>{1}</name></author><link rel=\"alternate\" href=\"{0}\"/>\
             <link rel=\"self\" href=\"{3}\"/><subtitle>{4}</subtitle>{entries}</feed>\n",
            escape(&subject.page),
            escape(&subject.title),
            iso(now_ms()),
            escape(&subject.own),
            escape(&subject.description),
        )
    }

    fn json_feed(&self, subject: &Subject, cards: &[Card]) -> Value {
        let items = cards.iter().map(|card| {
            let attachments = self.best_file(card).map(|(url, file)| {
                json!([{ "title": card.name, "url": url, "size_in_bytes": file.bytes, "mime_type": "video/mp4" }])
            });
            json!({
                "id": self.watch_url(card),
                "url": self.watch_url(card),
                "title": card.name,
                "summary": card.beginning,
                "content_text": card.beginning.as_deref().unwrap_or_default(),
                "image": self.picture_url(card),
                "date_modified": iso(card.published_at.unwrap_or(card.created_at)),
                "author": {
                    "name": card.channel_label, "url": format!("{}/c/{}", self.public_url, card.channel_name),
                },
                "attachments": attachments.unwrap_or_else(|| json!([])),
            })
        });
        json!({
            "version": "https://jsonfeed.org/version/1",
            "title": subject.title,
            "home_page_url": subject.page,
            "feed_url": subject.own,
            "description": subject.description,
            "author": { "name": subject.title },
            "items": items.collect::<Vec<_>>(),
        })
    }

    pub(crate) fn watch_url(&self, card: &Card) -> String {
        let id = card.uuid.parse::<wire::id::VideoId>();
        format!("{}/w/{}", self.public_url, id.map_or(String::new(), |id| id.short()))
    }

    pub(crate) fn picture_url(&self, card: &Card) -> Option<String> {
        let path = self.picture(
            &card.uuid,
            card.privacy,
            card.thumbnail.as_deref(),
            card.media.as_deref(),
        );
        path.map(|path| format!("{}{path}", self.public_url))
    }

    /// The best rendition's file.
    fn best_file(&self, card: &Card) -> Option<(String, Rendition)> {
        let media = Media::parse(card.media.as_deref())?;
        let best = media.renditions.into_iter().max_by_key(|rendition| rendition.height)?;
        let folder = self.media_folder(&card.uuid, card.privacy)?;
        Some((format!("{}{folder}/{}", self.public_url, best.media), best))
    }
}

/// The form of a feed by its path, and what the answer says that it is.
fn form_of(path: &str) -> Option<(Form, &'static str)> {
    match path {
        "/feeds/podcast/videos.xml" => Some((Form::Podcast, "application/rss+xml; charset=utf-8")),
        _ => match path.strip_prefix("/feeds/videos.")? {
            "xml" | "rss" | "rss2" => Some((Form::Rss, "application/rss+xml; charset=utf-8")),
            "atom" | "atom1" => Some((Form::Atom, "application/atom+xml; charset=utf-8")),
            "json" | "json1" => Some((Form::Json, "application/feed+json; charset=utf-8")),
            _ => None,
        },
    }
}

fn document(text: String, kind: &'static str) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    *reply.status_mut() = StatusCode::OK;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    reply
}

/// Entries of a feed, as with PeerTube.
const ENTRIES: u32 = 20;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

const RSS_NAMES: &str = "xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:media=\"http://search.yahoo.com/mrss/\" \
                         xmlns:atom=\"http://www.w3.org/2005/Atom\"";
const PODCAST_NAMES: &str = "xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:atom=\"http://www.w3.org/2005/Atom\" \
                             xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\" \
                             xmlns:podcast=\"https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md\"";
