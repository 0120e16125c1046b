//! What the pages of channels and accounts show, and those that somebody has subscribed to.

use super::{Listed, Unavailable, avatar, banner, portrait, whole};
use crate::Sidecar;
use crate::table::channel::{self, Channel};
use crate::table::{account, subscription};
use crate::visitor::Visitor;

/// A channel with all that its page shows; its videos are a list of their own, of the scope `Channel(no)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPage {
    /// Its number.
    pub no: i64,
    /// Its handle: `/c/<handle>`.
    pub handle: String,
    /// What people read.
    pub name: String,
    /// Markdown.
    pub description: Option<String>,
    /// How to support it; markdown.
    pub support: Option<String>,
    /// The path of its picture, as small as lists show it.
    pub avatar: Option<String>,
    /// The path of the same picture in full size.
    pub portrait: Option<String>,
    /// The path of the wide picture above its page.
    pub banner: Option<String>,
    /// How many subscribed.
    pub subscribers: u64,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// Whose it is: the handle of an account.
    pub account_handle: String,
    /// What people read of that account.
    pub account_name: String,
    /// Whether whoever asks subscribed.
    pub is_subscribed: bool,
    /// Whether whoever asks may change it.
    pub may_manage: bool,
    /// Whether whoever asks may publish in it.
    pub may_publish: bool,
    /// Its id, if it is another server's; people who follow it come to its page there.
    pub elsewhere: Option<String>,
}

/// An account with all that its page shows; its videos are a list of their own, of the scope `Account(no)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPage {
    /// Its number.
    pub no: i64,
    /// Its handle: `/a/<handle>`.
    pub handle: String,
    /// What people read.
    pub name: String,
    /// Markdown.
    pub description: Option<String>,
    /// The path of its picture in full size.
    pub portrait: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// Its channels, the oldest first.
    pub channels: Vec<ChannelPage>,
}

impl Sidecar {
    /// The page of a channel, by its handle.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn channel_page(
        &self,
        handle: &str,
        viewer: Option<&Visitor>,
    ) -> Result<Option<ChannelPage>, Unavailable> {
        let Some(name) = self.kept_name(handle) else { return Ok(None) };
        match channel::by_name(&self.database, &name).await? {
            None => Ok(None),
            Some(channel) => Ok(Some(self.owner(channel, viewer).await?)),
        }
    }

    /// The page of an account, by its handle.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn account_page(
        &self,
        handle: &str,
        viewer: Option<&Visitor>,
    ) -> Result<Option<AccountPage>, Unavailable> {
        let Some(name) = self.kept_name(handle) else { return Ok(None) };
        let Some(account) = account::by_name(&self.database, &name).await? else { return Ok(None) };
        let mut channels = Vec::new();
        for channel in channel::of_account(&self.database, account.id).await? {
            channels.push(self.owner(channel, viewer).await?);
        }
        Ok(Some(AccountPage {
            no: account.id,
            handle: account.name,
            name: account.display_name,
            description: account.description,
            portrait: account.avatar.as_deref().map(portrait),
            created_at_ms: account.created_at,
            channels,
        }))
    }

    /// The path of somebody's own picture in full size.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn portrait_of(&self, visitor: &Visitor) -> Result<Option<String>, Unavailable> {
        let account = account::by_id(&self.database, visitor.account_id).await?;
        Ok(account.and_then(|account| account.avatar).as_deref().map(portrait))
    }

    /// The channels that somebody owns or works in, theirs first: where they may publish.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn my_channels(&self, visitor: &Visitor) -> Result<Vec<ChannelPage>, Unavailable> {
        let mut channels = Vec::new();
        for channel in channel::of_account(&self.database, visitor.account_id).await? {
            channels.push(self.owner(channel, Some(visitor)).await?);
        }
        for channel in channel::of_collaborator(&self.database, visitor.account_id).await? {
            channels.push(self.owner(channel, Some(visitor)).await?);
        }
        Ok(channels)
    }

    /// The channels that somebody subscribed to, the last first.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn my_subscriptions(
        &self,
        visitor: &Visitor,
        start: u32,
        count: u32,
    ) -> Result<Listed<ChannelPage>, Unavailable> {
        let (total, found) = self.subscribed(visitor, start, count).await?;
        let mut entries = Vec::new();
        for channel in found {
            entries.push(self.owner(channel, Some(visitor)).await?);
        }
        Ok(Listed { total: whole(total), entries })
    }

    pub(crate) async fn subscribed(
        &self,
        visitor: &Visitor,
        start: u32,
        count: u32,
    ) -> sqlx::Result<(i64, Vec<Channel>)> {
        let database = &self.database;
        let count = i64::from(count).min(crate::limits::LIST as i64);
        let ids = subscription::channels(database, visitor.user_id, start.into(), count).await?;
        let mut channels = Vec::new();
        for id in ids {
            channels.extend(channel::by_id(database, id).await?);
        }
        Ok((subscription::of_user(database, visitor.user_id).await?, channels))
    }

    /// Subscribes to a channel, or ends that; `false` if there is none, or if there are too many.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn subscribe(
        &self,
        visitor: &Visitor,
        handle: &str,
        is_wanted: bool,
    ) -> Result<bool, Unavailable> {
        let Some(channel) = self.find_channel(handle, visitor).await? else {
            return Ok(false);
        };
        let (database, user) = (&self.database, visitor.user_id);
        let is_done = if is_wanted {
            subscription::begin(database, crate::now_ms(), user, channel.id).await?
        } else {
            subscription::end(database, user, channel.id).await?
        };
        if channel.is_remote && is_done {
            self.subscribers_changed(channel.id).await?;
        }
        Ok(is_done)
    }

    pub(crate) async fn owner(
        &self,
        channel: Channel,
        viewer: Option<&Visitor>,
    ) -> sqlx::Result<ChannelPage> {
        let (id, account_id) = (channel.id, channel.account_id);
        let (mut is_subscribed, mut may_manage, mut may_publish) = (false, false, false);
        if let Some(visitor) = viewer {
            is_subscribed = subscription::is(&self.database, visitor.user_id, id).await?;
            may_manage = self.may_manage(id, account_id, visitor).await?;
            may_publish = may_manage || self.may_publish(id, account_id, visitor).await?;
        }
        Ok(ChannelPage {
            no: id,
            handle: channel.name,
            name: channel.display_name,
            description: channel.description,
            support: channel.support,
            avatar: channel.avatar.as_deref().map(avatar),
            portrait: channel.avatar.as_deref().map(portrait),
            banner: channel.banner.as_deref().map(banner),
            subscribers: whole(channel.subscribers),
            created_at_ms: channel.created_at,
            account_handle: channel.account_name,
            account_name: channel.account_label,
            is_subscribed,
            may_manage,
            may_publish,
            elsewhere: channel.url,
        })
    }
}
