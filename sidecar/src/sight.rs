//! Who may see which video, and who may change it: the one place where that is decided.

use wire::id::VideoId;

use crate::Sidecar;
use crate::media::is_open;
use crate::pace::Time;
use crate::role::Role;
use crate::table::collaborator::{self, Role as Share};
use crate::table::video::{self, Privacy, State, Video};
use crate::table::video_password;
use crate::table::{channel, user};
use crate::visitor::{Asker, Visitor};

/// What somebody sees who asks for one video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// The video, or what was asked of it.
    Shown(T),
    /// It is there for those who know a password, and none was given.
    PasswordWanted,
    /// The password isn't one of its.
    PasswordWrong,
    /// So many wrong ones that it takes that long until the next is looked at.
    TooMany(Time),
    /// There is none, as far as they may know.
    Nothing,
}

/// A video that somebody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) video: Video,
    /// Whether they may change it.
    pub(crate) may_edit: bool,
}

/// Whether everybody who has its address may see a video of ours, as [`Sidecar::look`] shows it to nobody in particular.
pub(crate) fn is_everybodys(video: &Video) -> bool {
    !video.is_remote && video.state == State::Published.id() && is_open(video.privacy)
}

impl<T> Seen<T> {
    /// What is shown, if anything is.
    pub fn shown(self) -> Option<T> {
        match self {
            Seen::Shown(shown) => Some(shown),
            _ => None,
        }
    }
}

impl Sidecar {
    /// Looks for a video by its UUID, short UUID or number, as whoever asks may see it.
    pub(crate) async fn look(&self, key: &str, asker: Asker<'_>) -> sqlx::Result<Seen<Sight>> {
        let Some(video) = self.by_key(key).await? else { return Ok(Seen::Nothing) };
        if video.is_remote && self.is_from_blocked(&video).await? {
            return Ok(Seen::Nothing);
        }
        let is_by_number = key.parse::<VideoId>().is_err();
        if self.may_edit(&video, asker.visitor).await? {
            return Ok(Seen::Shown(Sight { video, may_edit: true }));
        }
        if video.state != State::Published.id() {
            return Ok(Seen::Nothing);
        }
        let is_seen = match Privacy::parse(video.privacy) {
            Some(Privacy::Public) => true,
            Some(Privacy::Unlisted) => !is_by_number,
            Some(Privacy::Internal) => asker.visitor.is_some(),
            Some(Privacy::Password) => return self.unlock(video, asker).await,
            Some(Privacy::Private) | None => false,
        };
        Ok(if is_seen { Seen::Shown(Sight { video, may_edit: false }) } else { Seen::Nothing })
    }

    /// A video by its UUID, short UUID or number, whoever asks.
    pub(crate) async fn by_key(&self, key: &str) -> sqlx::Result<Option<Video>> {
        match (key.parse::<VideoId>(), key.parse::<u32>()) {
            (Ok(uuid), _) => video::by_uuid(&self.database, &uuid).await,
            (_, Ok(no)) => video::by_id(&self.database, no.into()).await,
            _ => Ok(None),
        }
    }

    /// Whether somebody may change a video: its owner, who edits its channel, and who keeps order.
    pub(crate) async fn may_edit(
        &self,
        video: &Video,
        visitor: Option<&Visitor>,
    ) -> sqlx::Result<bool> {
        match visitor {
            None => Ok(false),
            // Its own server alone knows what it is.
            Some(_) if video.is_remote => Ok(false),
            Some(visitor) => self.may_publish(video.channel_id, video.account_id, visitor).await,
        }
    }

    /// Whether somebody keeps order over an account: administrators over all who are here, moderators over those who are neither.
    async fn governs(&self, visitor: &Visitor, account_id: i64) -> sqlx::Result<bool> {
        if visitor.role == Role::User {
            return Ok(false);
        }
        let owner = user::role_of_account(&self.database, account_id).await?;
        Ok(match visitor.role {
            Role::Administrator => owner.is_some(),
            Role::Moderator => owner == Some(Role::User),
            Role::User => false,
        })
    }

    /// Whether it is of a server, a channel or an account that is blocked here.
    async fn is_from_blocked(&self, video: &Video) -> sqlx::Result<bool> {
        let found = channel::by_id(&self.database, video.channel_id).await?;
        Ok(found.is_none_or(|found| {
            let host = found.name.split_once('@').map_or("", |(_, host)| host);
            let names = [&found.name, &found.account_name];
            names.into_iter().any(|name| self.is_blocked(host, Some(name)))
        }))
    }

    /// Whether somebody may publish in a channel of this account.
    pub(crate) async fn may_publish(
        &self,
        channel_id: i64,
        owner_account_id: i64,
        visitor: &Visitor,
    ) -> sqlx::Result<bool> {
        if visitor.account_id == owner_account_id || self.governs(visitor, owner_account_id).await?
        {
            return Ok(true);
        }
        let role = collaborator::role(&self.database, channel_id, visitor.account_id).await?;
        Ok(role.is_some())
    }

    /// Whether somebody may change a channel itself.
    pub(crate) async fn may_manage(
        &self,
        channel_id: i64,
        owner_account_id: i64,
        visitor: &Visitor,
    ) -> sqlx::Result<bool> {
        if visitor.account_id == owner_account_id || self.governs(visitor, owner_account_id).await?
        {
            return Ok(true);
        }
        let role = collaborator::role(&self.database, channel_id, visitor.account_id).await?;
        Ok(role == Some(Share::Manager))
    }

    async fn unlock(&self, video: Video, asker: Asker<'_>) -> sqlx::Result<Seen<Sight>> {
        let Some(password) = asker.password else { return Ok(Seen::PasswordWanted) };
        // Counted before it is looked at, so that of many at once each counts.
        let key = format!("{} {}", asker.from, video.uuid);
        let taken = self.attempts(|attempts, now| attempts.passwords.take(now, &key));
        if let Err(wait) = taken {
            return Ok(Seen::TooMany(wait));
        }
        if !video_password::opens(&self.database, video.id, password).await? {
            return Ok(Seen::PasswordWrong);
        }
        self.attempts(|attempts, _| attempts.passwords.give_back(&key));
        Ok(Seen::Shown(Sight { video, may_edit: false }))
    }
}
