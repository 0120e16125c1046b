//! What pages show: plain values, already as whoever asks may see them. Nothing here is escaped; texts are markdown or plain.

mod notices;
mod own;
mod owners;
mod page;
mod picture;
mod reports;
mod talk;

use std::time::Duration;

use wire::id::VideoId;

use crate::Sidecar;
use crate::house::NsfwPolicy;
use crate::listing::{ListQuery, Nsfw};
use crate::table::card::Card;
pub use crate::table::video::{Privacy, State};
use crate::visitor::Visitor;

pub use notices::{Notice, NoticeLine};
pub use owners::{AccountPage, ChannelPage};
pub use page::{Caption, Chapter, Elsewhere, Medium, VideoPage, Word};
pub use picture::PictureKind;
pub(crate) use picture::{avatar, banner, made_at, made_name, picture_path, portrait};
pub use reports::{ReportLine, Verdict};
pub use talk::{Author, CommentLine, Part, Place, Said, Talk, Whose};

/// The database doesn't answer.
#[derive(Debug, thiserror::Error)]
#[error("the database: {0}")]
pub struct Unavailable(#[from] pub(crate) sqlx::Error);

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// How many there are in all; it stops at 10,000 where several filters meet.
    pub total: u64,
    /// Those of this page.
    pub entries: Vec<T>,
}

/// A video as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoCard {
    /// Its number, by which the API knows it, too.
    pub no: i64,
    /// Its id; [`VideoId::short`] is what `/w/` takes.
    pub id: VideoId,
    /// What it is called.
    pub name: String,
    /// How long it is.
    pub duration: Duration,
    /// Views so far.
    pub views: u64,
    /// Likes.
    pub likes: u64,
    /// When it was published, in milliseconds since 1970; `None` before.
    pub published_at_ms: Option<i64>,
    /// When it was uploaded.
    pub created_at_ms: i64,
    /// The path of its picture.
    pub picture: Option<String>,
    /// Not safe for work.
    pub nsfw: bool,
    /// What is spoken in it, as HTML's `lang` wants it.
    pub language: Option<String>,
    /// Who may see it.
    pub privacy: Privacy,
    /// How far it is.
    pub state: State,
    /// When it will become what by itself, in milliseconds since 1970.
    pub schedule: Option<(i64, Privacy)>,
    /// Where it was published.
    pub channel: Owner,
    /// Whose channel that is.
    pub account: Owner,
    /// Where whoever asks stopped.
    pub position: Option<Duration>,
}

/// A channel or an account, as videos name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its number.
    pub no: i64,
    /// Its handle: `/c/<handle>`, `/a/<handle>`.
    pub handle: String,
    /// What people read.
    pub name: String,
    /// The path of its picture.
    pub avatar: Option<String>,
}

impl Sidecar {
    /// A page of public videos. Those not safe for work are left out for whoever wants it so, unless the filters say.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn list(
        &self,
        query: &ListQuery,
        viewer: Option<&Visitor>,
    ) -> Result<Listed<VideoCard>, Unavailable> {
        let query = self.as_wanted(query.clone(), viewer);
        let user_id = viewer.map_or(0, |viewer| viewer.user_id);
        let found = self.find_list(&query, user_id).await?;
        Ok(self.listed(found.total, &found.cards))
    }

    pub(crate) fn listed(&self, total: i64, cards: &[Card]) -> Listed<VideoCard> {
        let entries = cards.iter().filter_map(|card| self.card(card)).collect();
        Listed { total: whole(total), entries }
    }

    /// `None` if the row is of a newer build.
    pub(crate) fn card(&self, row: &Card) -> Option<VideoCard> {
        let picture =
            self.picture(&row.uuid, row.privacy, row.thumbnail.as_deref(), row.media.as_deref());
        let privacy = Privacy::parse(row.privacy)?;
        let later = row.scheduled_privacy.and_then(Privacy::parse);
        Some(VideoCard {
            no: row.id,
            id: row.uuid.parse().ok()?,
            name: row.name.clone(),
            duration: Duration::from_millis(whole(row.duration_ms)),
            views: whole(row.views),
            likes: whole(row.likes),
            published_at_ms: row.published_at,
            created_at_ms: row.created_at,
            picture,
            nsfw: row.nsfw,
            language: row.language.clone(),
            privacy,
            state: State::parse(row.state)?,
            schedule: row.scheduled_at.zip(later),
            channel: Owner {
                no: row.channel_id,
                handle: row.channel_name.clone(),
                name: row.channel_label.clone(),
                avatar: row.channel_avatar.as_deref().map(avatar),
            },
            account: Owner {
                no: row.account_id,
                handle: row.account_name.clone(),
                name: row.account_label.clone(),
                avatar: row.account_avatar.as_deref().map(avatar),
            },
            position: row.position.map(|seconds| Duration::from_secs(whole(seconds))),
        })
    }
}

impl Sidecar {
    /// What isn't safe for work is not listed for those who don't want it, unless they ask for it now.
    pub(crate) fn as_wanted(&self, mut query: ListQuery, viewer: Option<&Visitor>) -> ListQuery {
        if query.filters.nsfw == Nsfw::AsWanted {
            let is_wanted = match viewer {
                Some(visitor) => visitor.lists_nsfw(),
                None => self.house.nsfw_policy != NsfwPolicy::DoNotList,
            };
            query.filters.nsfw = if is_wanted { Nsfw::With } else { Nsfw::Without };
        }
        query
    }
}

/// Counts are never below nothing.
pub(crate) fn whole(number: i64) -> u64 {
    number.max(0).unsigned_abs()
}
