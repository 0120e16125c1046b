//! What the page of one video shows.

use std::time::Duration;

use super::{Owner, Unavailable, VideoCard, whole};
use crate::Sidecar;
use crate::federation::hosts::SHOAL;
use crate::media::Media;
use crate::sight::{Seen, Sight};
use crate::table::remote_video::RemoteVideo;
use crate::table::video::Video;
use crate::table::{about, card, channel, host, rate, remote_video, subscription};
use crate::visitor::Asker;
use crate::vocabulary::{self, CATEGORIES, LICENCES};

/// A video with all that its page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoPage {
    /// What lists show of it, too.
    pub card: VideoCard,
    /// Markdown.
    pub description: Option<String>,
    /// How to support its maker; markdown.
    pub support: Option<String>,
    /// What it is about.
    pub category: Option<Word>,
    /// What others may do with it.
    pub licence: Option<Word>,
    /// What is spoken in it.
    pub language: Option<Word>,
    /// As its owner wrote them.
    pub tags: Vec<String>,
    /// Where its parts begin, in order.
    pub chapters: Vec<Chapter>,
    /// What is said in it.
    pub captions: Vec<Caption>,
    /// What is played; `None` before the first rendition.
    pub medium: Option<Medium>,
    /// 1 everybody comments, 2 nobody, 3 after approval.
    pub comments_policy: i64,
    /// Whether everybody may have its file.
    pub download_enabled: bool,
    /// Dislikes.
    pub dislikes: u64,
    /// When it was published for the first time anywhere, in milliseconds since 1970.
    pub originally_published_at_ms: Option<i64>,
    /// When anything of it was changed last.
    pub updated_at_ms: i64,
    /// Those who subscribed to its channel.
    pub subscribers: u64,
    /// Whether whoever asks did.
    pub is_subscribed: bool,
    /// Whether whoever asks likes it, or dislikes it.
    pub rating: Option<bool>,
    /// Whether whoever asks may change it.
    pub may_edit: bool,
    /// Where it is from, if it is another server's.
    pub elsewhere: Option<Elsewhere>,
}

/// Where a video of another server is played from; its medium and its captions are URLs there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The server, as people know it.
    pub host: String,
    /// Of people to read.
    pub page: String,
    /// What browsers play by themselves, the smallest first.
    pub files: Vec<String>,
    /// Where its viewers meet, if those of this instance meet with them: at another Shoal's. Others' players form other swarms.
    pub tracker: Option<String>,
}

/// Something that PeerTube numbers, and its English name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// A number, or a language's code.
    pub id: String,
    /// What people read.
    pub label: &'static str,
}

/// Where a part of a video begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// From the beginning of the video.
    pub at: Duration,
    /// What it is called.
    pub title: String,
}

/// What is said in a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// The language.
    pub language: Word,
    /// The path of a WebVTT file.
    pub path: String,
    /// When it was written, in milliseconds since 1970.
    pub updated_at_ms: i64,
}

/// What is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// The path of the master playlist.
    pub master: String,
    /// Of the best rendition, in pixels; 0 is sound only.
    pub width: u64,
    /// Of the best rendition, in pixels.
    pub height: u64,
    /// What the origin says of pictures for the seek bar, as JSON; file names are beside the master playlist.
    pub storyboard: Option<String>,
    /// The paths of the renditions' files, by height.
    files: Vec<(i64, String)>,
}

impl Medium {
    /// The path of the file of the rendition of this height.
    pub fn file(&self, height: i64) -> Option<&str> {
        self.files.iter().find(|(found, _)| *found == height).map(|(_, path)| path.as_str())
    }
}

impl Sidecar {
    /// The page of a video, by its UUID, short UUID or number.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn video_page(
        &self,
        key: &str,
        asker: Asker<'_>,
    ) -> Result<Seen<Box<VideoPage>>, Unavailable> {
        Ok(match self.look(key, asker).await? {
            Seen::Shown(sight) => match self.page(sight, asker).await? {
                Some(page) => Seen::Shown(Box::new(page)),
                None => Seen::Nothing,
            },
            Seen::PasswordWanted => Seen::PasswordWanted,
            Seen::PasswordWrong => Seen::PasswordWrong,
            Seen::TooMany(wait) => Seen::TooMany(wait),
            Seen::Nothing => Seen::Nothing,
        })
    }

    async fn page(&self, sight: Sight, asker: Asker<'_>) -> sqlx::Result<Option<VideoPage>> {
        let Sight { video, may_edit } = sight;
        let known = match video.is_remote {
            true => remote_video::by_id(&self.database, video.id).await?,
            false => None,
        };
        let (database, user_id) =
            (&self.database, asker.visitor.map_or(0, |visitor| visitor.user_id));
        let row = card::by_id(database, video.id, user_id).await?;
        let Some(card) = row.and_then(|row| self.card(&row)) else { return Ok(None) };
        let channel = channel::by_id(database, video.channel_id).await?;
        let chapters = about::chapters(database, video.id).await?;
        let folder = self.media_folder(&video.uuid, video.privacy);
        let media = Media::parse(video.media.as_deref()).zip(folder.clone());
        let said = about::captions(database, video.id).await?;
        let captions = said.into_iter().filter_map(|caption| {
            Some(Caption {
                language: language(&caption.language)?,
                path: format!("{}/{}", folder.as_deref()?, caption.file),
                updated_at_ms: caption.updated_at,
            })
        });
        let mut captions: Vec<Caption> = captions.collect();
        let mut medium = None;
        let mut elsewhere = None;
        if let Some(known) = &known {
            self.freshen(known).await;
            captions = captions_of(known);
            medium = medium_of(known, &video);
            elsewhere = Some(self.elsewhere(known).await?);
        }
        Ok(Some(VideoPage {
            captions,
            elsewhere,
            medium: medium.or(media.map(|(media, folder)| Medium {
                master: format!("{folder}/{}", media.master),
                width: whole(video.width),
                height: whole(video.height),
                storyboard: media.storyboard.map(|storyboard| storyboard.to_string()),
                files: media
                    .renditions
                    .into_iter()
                    .map(|made| (made.height, format!("{folder}/{}", made.media)))
                    .collect(),
            })),
            chapters: chapters.into_iter().map(Chapter::from).collect(),
            tags: about::tags(database, video.id).await?,
            subscribers: channel.map_or(0, |channel| whole(channel.subscribers)),
            is_subscribed: subscription::is(database, user_id, video.channel_id).await?,
            rating: rate::of(database, user_id, video.id).await?,
            description: video.description,
            support: video.support,
            category: video.category.and_then(|id| word(CATEGORIES, id)),
            licence: video.licence.and_then(|id| word(LICENCES, id)),
            language: video.language.as_deref().and_then(language),
            comments_policy: video.comments_policy,
            download_enabled: video.download_enabled,
            dislikes: whole(video.dislikes),
            originally_published_at_ms: video.originally_published_at,
            updated_at_ms: video.updated_at,
            card,
            may_edit,
        }))
    }
}

impl Sidecar {
    async fn elsewhere(&self, known: &RemoteVideo) -> sqlx::Result<Elsewhere> {
        let host = host::known(&self.database, &known.host).await?;
        let is_shoal =
            host.and_then(|host| host.software).is_some_and(|software| software == SHOAL);
        let mut files: Vec<String> = known.files().into_iter().map(|file| file.href).collect();
        files.reverse();
        Ok(Elsewhere {
            host: known.host.clone(),
            page: known.page().to_owned(),
            files,
            tracker: known.trackers().into_iter().next().filter(|_| is_shoal),
        })
    }
}

/// As its server tells of them.
fn captions_of(known: &RemoteVideo) -> Vec<Caption> {
    let told = known.captions().into_iter().filter_map(|caption| {
        Some(Caption {
            language: language(&caption.language)?,
            path: caption.url,
            updated_at_ms: known.fetched_at,
        })
    });
    told.collect()
}

fn medium_of(known: &RemoteVideo, video: &Video) -> Option<Medium> {
    Some(Medium {
        master: known.master.clone()?,
        width: whole(video.width),
        height: whole(video.height),
        storyboard: None,
        files: known.files().into_iter().map(|file| (file.height, file.href)).collect(),
    })
}

impl From<about::Chapter> for Chapter {
    fn from(row: about::Chapter) -> Chapter {
        Chapter { at: Duration::from_secs(whole(row.timecode)), title: row.title }
    }
}

impl VideoPage {
    /// Where it was published.
    pub fn channel(&self) -> &Owner {
        &self.card.channel
    }
}

fn word(table: &[(i64, &'static str)], id: i64) -> Option<Word> {
    Some(Word { id: id.to_string(), label: vocabulary::label(table, &id)? })
}

fn language(code: &str) -> Option<Word> {
    Some(Word { id: code.to_owned(), label: vocabulary::language(code)? })
}
