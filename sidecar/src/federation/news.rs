//! News: what other servers are told when something changes here.
//!
//! ```text
//! whoever changes something ──▶ its row, and with it one of `news` ──▶ the worker here ──▶ `send`
//! ```
//! What was changed is looked at when it is told, and not when it changed: of ten changes at once the last is told. What isn't
//! everybody's is told to nobody; what was and isn't any more is gone for others.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;
use wire::id::VideoId;

use super::activity::{self, Opinion};
use super::id::{Local, Place};
use super::keyring::KeyringError;
use super::send::{SendError, To};
use super::tell::{Loaded, TellError};
use crate::table::news::{self, About, News, Told};
use crate::table::video::{Privacy, Video};
use crate::table::{account, actor_key, channel, rate, remote_actor, tombstone};
use crate::{Sidecar, now_ms, token};

/// Why nothing is told for now: the machine's blame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewsError {
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Tell(#[from] TellError),
    #[error("the system gives no random numbers: {0}")]
    Chance(#[from] getrandom::Error),
}

impl NewsError {
    /// Whether trying again is of no use.
    fn is_lasting(&self) -> bool {
        match self {
            NewsError::Database(_) | NewsError::Chance(_) => false,
            NewsError::Send(error) => !matches!(error, SendError::Database(_)),
            NewsError::Tell(error) => !matches!(
                error,
                TellError::Database(_) | TellError::Keyring(KeyringError::Database(_))
            ),
        }
    }
}

/// What follows for others from what they know and what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Publish,
    Update,
    Withdraw,
    Nothing,
}

impl Step {
    /// By digests of what they were told, if they were, and of what there is to tell.
    fn of(known: Option<&str>, is: Option<&str>) -> Step {
        match (known, is) {
            (None, Some(_)) => Step::Publish,
            (Some(known), Some(is)) if known != is => Step::Update,
            (Some(_), None) => Step::Withdraw,
            _ => Step::Nothing,
        }
    }
}

impl Sidecar {
    /// Tells others what changes here; ends when it is dropped. While federation is off, changes are forgotten.
    pub(crate) async fn tell_all_news(&self) {
        loop {
            match self.tell_news().await {
                Ok(told) if told > 0 => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!("other servers are told later: {error}"),
            }
            tokio::select! {
                () = self.news_wait.notified() => {}
                () = tokio::time::sleep(OFTEN) => {}
            }
        }
    }

    /// There may be something to tell.
    pub(crate) fn wake_news(&self) {
        self.news_wait.notify_one();
    }

    /// Tells the oldest news, and how many there were.
    pub(crate) async fn tell_news(&self) -> Result<usize, NewsError> {
        let database = &self.database;
        let waiting = news::next(database, BATCH).await?;
        let Some(place) = &self.place else {
            if !waiting.is_empty() {
                news::forget_all(database).await?;
            }
            return Ok(0);
        };
        // Several changes of one thing are told as one, by the last of them.
        let mut latest: Vec<&News> = Vec::new();
        for item in waiting.iter().rev() {
            if !latest
                .iter()
                .any(|known| (known.kind, &known.subject) == (item.kind, &item.subject))
            {
                latest.push(item);
            }
        }
        for item in latest.into_iter().rev() {
            match self.tell_one(place, item).await {
                Err(error) if error.is_lasting() => {
                    // What can't be told holds back nothing that can.
                    tracing::error!(item.kind, item.subject, "other servers aren't told: {error}");
                }
                told => told?,
            }
            news::end(database, item).await?;
        }
        Ok(waiting.len())
    }

    async fn tell_one(&self, place: &Place, item: &News) -> Result<(), NewsError> {
        match item.about() {
            Some(About::Video) => self.tell_of_video(place, &item.subject).await,
            Some(About::Comment(what)) => {
                let was = item.was.as_deref().and_then(|was| serde_json::from_str(was).ok());
                let id = item.subject.parse().unwrap_or_default();
                Ok(self.tell_of_comment(place, what, (id, was)).await?)
            }
            Some(about) => self.tell_of_actor(place, about, &item.subject).await,
            None => Ok(()),
        }
    }

    async fn tell_of_video(&self, place: &Place, uuid: &str) -> Result<(), NewsError> {
        let Ok(id) = uuid.parse::<VideoId>() else { return Ok(()) };
        let known = news::told(&self.database, uuid).await?;
        let is_there = self.by_key(uuid).await?.is_some_and(|video| is_listed(&video));
        let loaded = if is_there { self.load(&id).await? } else { None };
        if is_there && loaded.is_none() {
            // Its media is being made anew; there will be news of that.
            return Ok(());
        }
        let object = loaded.as_ref().map(|loaded| loaded.told().object(place));
        let digest = object.as_ref().map(digest);
        let step = Step::of(known.as_ref().map(|known| &*known.digest), digest.as_deref());
        match (step, loaded, object, known) {
            (Step::Publish, Some(loaded), Some(object), _) => {
                self.tell_new_video(place, &loaded, object).await?;
            }
            (Step::Update, Some(loaded), Some(object), Some(known)) => {
                self.tell_changed_video(place, &loaded, object, &known).await?;
            }
            (Step::Withdraw, _, _, Some(known)) => self.tell_ended_video(place, &known, id).await?,
            _ => {}
        }
        Ok(())
    }

    async fn tell_new_video(
        &self,
        place: &Place,
        loaded: &Loaded,
        object: Value,
    ) -> Result<(), NewsError> {
        let told = told(loaded, &object);
        let account = Local::Account(loaded.account.clone());
        let create = activity::create(place, &account, object);
        self.send(&account, &create, &[To::FollowersOf(account.clone())]).await?;
        self.announce_by_channel(place, loaded).await?;
        let instance = actor_key::handle(&self.database, super::id::INSTANCE).await?;
        self.announce_by(place, (Local::Instance, instance), loaded).await?;
        Ok(news::tell(&self.database, &told).await?)
    }

    async fn tell_changed_video(
        &self,
        place: &Place,
        loaded: &Loaded,
        object: Value,
        known: &Told,
    ) -> Result<(), NewsError> {
        let told = told(loaded, &object);
        let account = Local::Account(loaded.account.clone());
        let channel = Local::Channel(loaded.channel.clone());
        let update = activity::update(place, &account, object, loaded.video.updated_at);
        let to = [account.clone(), channel, Local::Instance].map(To::FollowersOf);
        self.send(&account, &update, &to).await?;
        if known.channel_id != told.channel_id {
            self.announce_by_channel(place, loaded).await?;
        }
        Ok(news::tell(&self.database, &told).await?)
    }

    async fn announce_by_channel(&self, place: &Place, loaded: &Loaded) -> Result<(), NewsError> {
        let channel = Local::Channel(loaded.channel.clone());
        self.announce_by(place, (channel, loaded.video.channel_id), loaded).await
    }

    async fn announce_by(
        &self,
        place: &Place,
        (by, handle): (Local, i64),
        loaded: &Loaded,
    ) -> Result<(), NewsError> {
        let video = Local::Video(loaded.id);
        let announce = activity::announce(place, (&by, handle), &video, &loaded.account);
        Ok(self.send(&by, &announce, &[To::FollowersOf(by.clone())]).await?)
    }

    /// A video is gone for others. With its account gone, too, that is what they are told.
    async fn tell_ended_video(
        &self,
        place: &Place,
        known: &Told,
        id: VideoId,
    ) -> Result<(), NewsError> {
        let (database, video) = (&self.database, Local::Video(id));
        if let Some(account) = account::by_id(database, known.account_id).await? {
            let account = Local::Account(account.name);
            let channel = actor_key::name_of(database, known.channel_id).await?;
            let to = [Some(account.clone()), channel.map(Local::Channel), Some(Local::Instance)];
            let to: Vec<To> = to.into_iter().flatten().map(To::FollowersOf).collect();
            let delete = activity::delete(place, &account, &place.url(&video));
            self.send(&account, &delete, &to).await?;
        }
        if self.by_key(&known.uuid).await?.is_none() {
            tombstone::set(database, now_ms(), &video.to_string(), "Video").await?;
        }
        Ok(news::take_back(database, &known.uuid).await?)
    }

    async fn tell_of_actor(
        &self,
        place: &Place,
        about: About,
        subject: &str,
    ) -> Result<(), NewsError> {
        let database = &self.database;
        let Ok(handle) = subject.parse::<i64>() else { return Ok(()) };
        let Some(name) = actor_key::name_of(database, handle).await? else { return Ok(()) };
        let (whose, former_type, updated_at) = match about {
            About::Channel => {
                let found = channel::by_id(database, handle).await?;
                (Local::Channel(name), "Group", found.map(|found| found.updated_at))
            }
            _ => {
                let found = account::by_id(database, handle).await?;
                (Local::Account(name), "Person", found.map(|found| found.updated_at))
            }
        };
        let to = [To::FollowersOf(whose.clone()), To::FollowersOf(Local::Instance)];
        let Some(updated_at) = updated_at else {
            let delete = activity::delete(place, &whose, &place.url(&whose));
            self.send(&whose, &delete, &to).await?;
            tombstone::set(database, now_ms(), &whose.to_string(), former_type).await?;
            return Ok(());
        };
        if let Some(object) = self.told_itself(place, &whose).await? {
            let update = activity::update(place, &whose, object, updated_at);
            self.send(&whose, &update, &to).await?;
        }
        Ok(())
    }

    /// Notes what somebody thinks of a video: `true` is a like. If it is another server's, that is told, and what was said before
    /// is taken back; nothing fails for whoever says it if that can't be told.
    pub(crate) async fn rate_as(
        &self,
        user_id: i64,
        video: &Video,
        now: Option<bool>,
    ) -> sqlx::Result<()> {
        let database = &self.database;
        let before =
            if video.is_remote { rate::of(database, user_id, video.id).await? } else { now };
        rate::set(database, now_ms(), user_id, video.id, now).await?;
        if before != now
            && let Err(error) = self.send_rate(user_id, video, before, now).await
        {
            tracing::warn!("another server isn't told what is thought of its video: {error}");
        }
        Ok(())
    }

    /// Tells another server that its video was watched here; that may fail without anybody's knowing.
    pub(crate) async fn tell_view(&self, video: &Video) {
        if let Err(error) = self.send_view(video).await {
            tracing::warn!("another server isn't told that its video was watched: {error}");
        }
    }

    async fn send_view(&self, video: &Video) -> Result<(), NewsError> {
        let database = &self.database;
        let (Some(place), Some(url), Some(owner)) = (
            &self.place,
            news::url_of(database, video.id).await?,
            remote_actor::by_id(database, video.account_id).await?,
        ) else {
            return Ok(());
        };
        let view = activity::view(place, (video.id, &url), &token::generate()?, &owner.url);
        Ok(self.send(&Local::Instance, &view, &[To::Server(owner.id)]).await?)
    }

    async fn send_rate(
        &self,
        user_id: i64,
        video: &Video,
        before: Option<bool>,
        now: Option<bool>,
    ) -> Result<(), NewsError> {
        let database = &self.database;
        let (Some(place), Some(account), Some(url), Some(owner)) = (
            &self.place,
            account::of_user(database, user_id).await?,
            news::url_of(database, video.id).await?,
            remote_actor::by_id(database, video.account_id).await?,
        ) else {
            return Ok(());
        };
        let account = Local::Account(account.name);
        let said = |is_like: bool| {
            let opinion = if is_like { Opinion::Like } else { Opinion::Dislike };
            activity::rate(place, &account, opinion, (video.id, &url), &owner.url)
        };
        let to = [To::Server(owner.id)];
        if let Some(before) = before {
            self.send(&account, &activity::undo(&said(before)), &to).await?;
        }
        if let Some(now) = now {
            self.send(&account, &said(now), &to).await?;
        }
        Ok(())
    }
}

fn is_listed(video: &Video) -> bool {
    video.listed_at.is_some() && video.privacy == Privacy::Public.id() && !video.is_remote
}

fn told(loaded: &Loaded, object: &Value) -> Told {
    Told {
        uuid: loaded.video.uuid.clone(),
        account_id: loaded.video.account_id,
        channel_id: loaded.video.channel_id,
        digest: digest(object),
    }
}

/// Of what is worth telling: not how often it was watched, nor when it was looked at.
fn digest(object: &Value) -> String {
    let mut object = object.clone();
    if let Some(object) = object.as_object_mut() {
        object.remove("views");
        object.remove("updated");
    }
    token::hash(&object.to_string())
}

/// News that is read at once.
const BATCH: i64 = 50;

/// How soon a change is told that another process made, or work in the background.
const OFTEN: Duration = Duration::from_secs(1);
