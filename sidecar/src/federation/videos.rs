//! Videos of other servers: fetched from their own ids, and kept with whose they are. Nothing else makes or changes one.

use wire::id::VideoId;

use super::ask::FetchError;
use super::authority::{self, AuthorityError};
use super::id::{Id, Remote};
use super::json::{self, Object};
use super::people::PersonError;
use super::read::video::{ReadError, ReadVideo, read};
use crate::outbound::Budget;
use crate::table::remote_actor::{self, RemoteActor};
use crate::table::remote_video::{self, Kept};
use crate::table::task::Kind;
use crate::table::{about, channel, tombstone, video};
use crate::{Sidecar, chapters, now_ms};

/// Why a video isn't known: our own rules, then its server's blame, then the machine's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VideoError {
    #[error("{0} is blocked here")]
    Blocked(String),
    /// It was there; nothing comes back under its id.
    #[error("{0} was deleted")]
    Deleted(String),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Person(#[from] PersonError),
    #[error("{0}: {1}")]
    Read(String, ReadError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("{0} is in no channel")]
    NoChannel(String),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the system gives no random numbers: {0}")]
    Chance(#[from] getrandom::Error),
}

impl VideoError {
    /// Whether trying again later is of no use.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            VideoError::Fetch(error) => error.is_lasting(),
            VideoError::Person(error) => error.is_lasting(),
            VideoError::Database(_) | VideoError::Chance(_) => false,
            _ => true,
        }
    }
}

impl Sidecar {
    /// The video that a URL names, as its server tells now. What is gone there goes here, too; what isn't there goes after some days.
    pub(crate) async fn video_anew(
        &self,
        url: &Remote,
        budget: &mut Budget,
    ) -> Result<(Kept, ReadVideo), VideoError> {
        let mut fetched = match self.fetch_object(url, budget).await {
            Err(error @ FetchError::Gone(_)) => {
                self.forget_video(url.document()).await?;
                return Err(error.into());
            }
            Err(error @ FetchError::Missing(_)) => {
                self.miss_video(url.document()).await?;
                return Err(error.into());
            }
            fetched => fetched?,
        };
        if json::kind(&fetched.object) == Some("Tombstone") {
            if fetched.source.document() == url.document() {
                self.forget_video(url.document()).await?;
            }
            return Err(FetchError::Gone(url.as_str().to_owned()).into());
        }
        // A page's URL leads to a video with another id, which is asked then.
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let id = json::first_id(&fetched.object, "id").and_then(|id| place.read(id).ok());
        if let Some(Id::Remote(id)) = id
            && id.document() != fetched.source.document()
            && id.authority() == fetched.source.authority()
        {
            fetched = self.fetch_object(&id, budget).await?;
        }
        let read = match self.read_video(&fetched.object) {
            Err(error @ VideoError::Read(_, ReadError::Private)) => {
                self.forget_video(url.document()).await?;
                return Err(error);
            }
            read => read?,
        };
        for owner in &read.owners {
            let (id, owner) = (Id::Remote(read.id.clone()), Id::Remote(owner.clone()));
            authority::check_fetched(&fetched.source, &id, &owner)?;
        }
        Ok((self.keep_video(&read, budget).await?, read))
    }

    fn read_video(&self, object: &Object) -> Result<ReadVideo, VideoError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let name =
            || json::first_id(object, "id").unwrap_or("an object").chars().take(200).collect();
        read(place, now_ms(), object).map_err(|error| VideoError::Read(name(), error))
    }

    /// Keeps what its own server tells of a video.
    async fn keep_video(&self, read: &ReadVideo, budget: &mut Budget) -> Result<Kept, VideoError> {
        let (database, url) = (&self.database, read.id.as_str());
        if self.is_blocked(read.id.authority(), None) {
            return Err(VideoError::Blocked(read.id.authority().to_owned()));
        }
        if tombstone::find(database, url).await?.is_some() {
            return Err(VideoError::Deleted(url.to_owned()));
        }
        let channel = self.channel_of(read, budget).await?;
        let found = channel::by_id(database, channel.id).await?;
        let found = found.ok_or_else(|| VideoError::NoChannel(url.to_owned()))?;
        if self.is_blocked(read.id.authority(), Some(&found.account_name)) {
            return Err(VideoError::Blocked(found.account_name));
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let owners = (found.id, found.account_id);
        let chance = VideoId::from_random(random);
        let kept = remote_video::keep(database, now_ms(), read, owners, chance).await?;
        let described = read.about.description.as_deref().unwrap_or_default();
        about::set_chapters(database, kept.id, &chapters::find(described)).await?;
        Ok(kept)
    }

    async fn channel_of(
        &self,
        read: &ReadVideo,
        budget: &mut Budget,
    ) -> Result<RemoteActor, VideoError> {
        for owner in &read.owners {
            let person = self.person(owner, budget).await?;
            if person.is(remote_actor::Kind::Channel) {
                return Ok(person);
            }
        }
        Err(VideoError::NoChannel(read.id.as_str().to_owned()))
    }

    /// Its server doesn't have a video: nobody finds it in a list until it is there again, and it goes if that lasts.
    async fn miss_video(&self, url: &str) -> sqlx::Result<()> {
        let Some(known) = remote_video::by_url(&self.database, url).await? else { return Ok(()) };
        let now = now_ms();
        let since = remote_video::miss(&self.database, now, known.id).await?;
        if since.is_some_and(|since| since + MISSING_MS < now) {
            video::delete(&self.database, known.id).await?;
        }
        Ok(())
    }

    /// Has videos that weren't there some hours ago asked for again, and ends those that haven't been there for days.
    pub(super) async fn ask_for_missing(&self) -> sqlx::Result<()> {
        let Some(place) = self.place.as_ref() else { return Ok(()) };
        let (database, now) = (&self.database, now_ms());
        for id in remote_video::missed(database, now - MISSING_MS).await? {
            video::delete(database, id).await?;
        }
        for url in remote_video::missing(database, now, now - MISSED_MS).await? {
            if let Ok(url) = Remote::parse(&url, place.strictness()) {
                self.add_task(Kind::Video, &url).await?;
            }
        }
        Ok(())
    }

    /// Takes a video of another server away, as its server did.
    pub(crate) async fn forget_video(&self, url: &str) -> sqlx::Result<bool> {
        match remote_video::by_url(&self.database, url).await? {
            Some(known) => video::delete(&self.database, known.id).await.map(|()| true),
            None => Ok(false),
        }
    }
}

/// How long a video may not be there before it goes with all that was said here: a restored backup, a holiday of who keeps the server.
const MISSING_MS: i64 = 5 * 86_400_000;

/// How long nobody asks whether it is there again.
const MISSED_MS: i64 = 6 * 3_600_000;
