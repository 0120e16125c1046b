//! `video-channels` and `accounts`: where videos are published, by whom, and who else works there.

use http::Method;
use serde_json::{Value, json};

use super::asked::Asked;
use super::house::tell_none;
use super::{done, json as answer};
use crate::body::Fields;
use crate::error::ApiError;
use crate::field::{FieldError, Username, line, prose};
use crate::listing::{Scope, page};
use crate::table::account::{self, Account};
use crate::table::channel::{self, Changes, Channel, NewChannel};
use crate::table::collaborator::{self, Role};
use crate::table::video;
use crate::visitor::Visitor;
use crate::when::iso;
use crate::{Reply, Sidecar, now_ms};

/// What a path below `video-channels` or `accounts` is about, by handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Channels,
    Channel(&'a str),
    ChannelVideos(&'a str),
    Accounts,
    Account(&'a str),
    AccountVideos(&'a str),
    AccountChannels(&'a str),
    /// Playlists or followers of an account, of which there are none.
    AccountNothing(&'a str),
    /// The same of a channel.
    ChannelNothing(&'a str),
    /// Ours: who else works in a channel.
    Collaborators(&'a str),
    Collaborator(&'a str, &'a str),
    /// Whoever was asked says yes.
    Accept(&'a str, &'a str),
}

impl<'a> Route<'a> {
    pub(super) fn parse(segments: &[&'a str]) -> Option<Route<'a>> {
        Some(match *segments {
            ["video-channels"] => Route::Channels,
            ["video-channels", handle] => Route::Channel(handle),
            ["video-channels", handle, "videos"] => Route::ChannelVideos(handle),
            ["video-channels", handle, "video-playlists"] => Route::ChannelNothing(handle),
            ["video-channels", handle, "followers"] => Route::ChannelNothing(handle),
            ["accounts"] => Route::Accounts,
            ["accounts", name] => Route::Account(name),
            ["accounts", name, "video-playlists"] => Route::AccountNothing(name),
            ["accounts", name, "followers"] => Route::AccountNothing(name),
            ["accounts", name, "videos"] => Route::AccountVideos(name),
            ["accounts", name, "video-channels"] => Route::AccountChannels(name),
            _ => return None,
        })
    }

    /// What is ours alone, below `/api/shoal/v1/`.
    pub(super) fn parse_ours(segments: &[&'a str]) -> Option<Route<'a>> {
        Some(match *segments {
            ["video-channels", handle, "collaborators"] => Route::Collaborators(handle),
            ["video-channels", handle, "collaborators", name] => Route::Collaborator(handle, name),
            ["video-channels", handle, "collaborators", name, "accept"] => {
                Route::Accept(handle, name)
            }
            _ => return None,
        })
    }

    pub(super) fn methods(self) -> &'static str {
        match self {
            Route::Channels => "GET, HEAD, POST, OPTIONS",
            Route::Channel(_) => "GET, HEAD, PUT, DELETE, OPTIONS",
            Route::Collaborator(..) => "PUT, DELETE, OPTIONS",
            Route::Accept(..) => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

impl Sidecar {
    pub(super) async fn answer_channels(
        &self,
        route: Route<'_>,
        asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        match (route, &asked.method) {
            (Route::Channels, &Method::GET) => self.tell_channels(asked).await,
            (Route::Channels, &Method::POST) => self.make_channel(asked).await,
            (Route::Channel(handle), &Method::GET) => {
                Ok(answer(&self.channel_json(&self.channel(handle).await?)))
            }
            (Route::Channel(handle), &Method::PUT) => self.change_channel(handle, asked).await,
            (Route::Channel(handle), &Method::DELETE) => self.delete_channel(handle, &asked).await,
            (Route::ChannelVideos(handle), &Method::GET) => {
                let channel = self.channel(handle).await?;
                self.tell_videos(Scope::Channel(channel.id), asked).await
            }
            (Route::ChannelNothing(handle), &Method::GET) => {
                self.channel(handle).await?;
                tell_none(asked)
            }
            (Route::AccountNothing(name), &Method::GET) => {
                self.account(name).await?;
                tell_none(asked)
            }
            (Route::Accounts, &Method::GET) => self.tell_accounts(asked).await,
            (Route::Account(name), &Method::GET) => {
                Ok(answer(&self.account_json(&self.account(name).await?)))
            }
            (Route::AccountVideos(name), &Method::GET) => {
                let account = self.account(name).await?;
                self.tell_videos(Scope::Account(account.id), asked).await
            }
            (Route::AccountChannels(name), &Method::GET) => {
                let account = self.account(name).await?;
                let channels = channel::of_account(&self.database, account.id).await?;
                Ok(self.channels_json(channels.len() as i64, &channels))
            }
            (Route::Collaborators(handle), &Method::GET) => {
                self.tell_collaborators(handle, &asked).await
            }
            (Route::Collaborator(handle, name), &Method::PUT) => {
                self.ask_collaborator(handle, name, asked).await
            }
            (Route::Collaborator(handle, name), &Method::DELETE) => {
                self.end_collaborator(handle, name, &asked).await
            }
            (Route::Accept(handle, name), &Method::POST) => {
                let (channel, account) = (self.channel(handle).await?, self.account(name).await?);
                let is_theirs = asked.visitor()?.account_id == account.id;
                let accepted = is_theirs
                    && collaborator::accept(&self.database, channel.id, account.id).await?;
                if accepted { Ok(done()) } else { Err(ApiError::NotFound("Collaborator")) }
            }
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    async fn tell_channels(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let wanted = page(&mut asked.query);
        let (start, count) = asked.query.finish(wanted)?;
        let (total, channels) = channel::page(&self.database, start.into(), count.into()).await?;
        Ok(self.channels_json(total, &channels))
    }

    async fn tell_accounts(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let wanted = page(&mut asked.query);
        let (start, count) = asked.query.finish(wanted)?;
        let accounts = account::page(&self.database, start.into(), count.into()).await?;
        let total = video::tally(&self.database, "users", "").await?;
        let data: Vec<Value> = accounts.iter().map(|account| self.account_json(account)).collect();
        Ok(answer(&json!({ "total": total, "data": data })))
    }

    pub(super) fn channels_json(&self, total: i64, channels: &[Channel]) -> Reply {
        let data: Vec<Value> = channels.iter().map(|channel| self.channel_json(channel)).collect();
        answer(&json!({ "total": total, "data": data }))
    }

    async fn make_channel(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let account_id = asked.visitor()?.account_id;
        let name = asked.fields.required("name", Username::parse);
        let display_name =
            asked.fields.required("displayName", |text| line(text, 1, 120).map(str::to_owned));
        let said = read_texts(&mut asked.fields);
        let (name, display_name) = asked.fields.finish(name.zip(display_name))?;
        let new = NewChannel {
            name,
            display_name,
            description: said.description.flatten(),
            support: said.support.flatten(),
        };
        let id = channel::create(&self.database, now_ms(), account_id, new).await?;
        Ok(answer(&json!({ "videoChannel": { "id": id } })))
    }

    async fn change_channel(&self, handle: &str, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let channel = self.managed(handle, asked.visitor()?).await?;
        let display_name =
            asked.fields.optional("displayName", |text| line(text, 1, 120).map(str::to_owned));
        let changes = Changes { display_name, ..read_texts(&mut asked.fields) };
        asked.fields.check()?;
        channel::describe(&self.database, now_ms(), channel.id, &changes).await?;
        Ok(done())
    }

    /// With all its videos; by its owner or who keeps order alone.
    async fn delete_channel(&self, handle: &str, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let visitor = asked.visitor()?;
        let channel = self.channel(handle).await?;
        if visitor.account_id != channel.account_id && !visitor.role.moderates() {
            return Err(ApiError::Forbidden(NOT_YOURS));
        }
        let others = channel::of_account(&self.database, channel.account_id).await?;
        if others.len() < 2 {
            return Err(ApiError::Conflict(LAST));
        }
        self.delete_videos_of(channel.id).await?;
        if channel::delete(&self.database, channel.id).await? {
            Ok(done())
        } else {
            Err(ApiError::Conflict(LAST))
        }
    }

    /// One by one, so that each leaves the kept counts, and others may write in between.
    pub(crate) async fn delete_videos_of(&self, channel_id: i64) -> sqlx::Result<()> {
        loop {
            let ids = video::ids_of_channel(&self.database, channel_id).await?;
            if ids.is_empty() {
                return Ok(());
            }
            for id in ids {
                video::delete(&self.database, id).await?;
            }
        }
    }

    async fn tell_collaborators(&self, handle: &str, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let channel = self.channel(handle).await?;
        let visitor = asked.visitor()?;
        if !self.may_publish(channel.id, channel.account_id, visitor).await? {
            return Err(ApiError::Forbidden(NOT_YOURS));
        }
        let found = collaborator::of_channel(&self.database, channel.id).await?;
        let data = found.iter().map(|found| {
            json!({
                "account": { "id": found.account_id, "name": found.name, "displayName": found.display_name },
                "role": Role::parse(found.role).map(role_word),
                "isAccepted": found.state == 2,
                "createdAt": iso(found.created_at),
            })
        });
        Ok(answer(&json!({ "total": found.len(), "data": data.collect::<Vec<_>>() })))
    }

    async fn ask_collaborator(
        &self,
        handle: &str,
        name: &str,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let channel = self.managed(handle, asked.visitor()?).await?;
        let account = self.account(name).await?;
        let role = asked.fields.required("role", |text| match text {
            "editor" => Ok(Role::Editor),
            "manager" => Ok(Role::Manager),
            _ => Err(FieldError::Choice("editor, manager")),
        });
        let role = asked.fields.finish(role)?;
        if account.user_id.is_none() {
            return Err(ApiError::NotFound("Account"));
        }
        if account.id == channel.account_id {
            return Err(ApiError::Conflict("the channel is theirs already"));
        }
        let database = &self.database;
        if collaborator::ask(database, now_ms(), channel.id, account.id, role).await? {
            Ok(done())
        } else {
            Err(ApiError::Conflict("a channel has at most 20 collaborators"))
        }
    }

    /// By who manages the channel, or by the collaborator, who leaves.
    async fn end_collaborator(
        &self,
        handle: &str,
        name: &str,
        asked: &Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let (channel, account) = (self.channel(handle).await?, self.account(name).await?);
        let visitor = asked.visitor()?;
        if visitor.account_id != account.id {
            self.managed(handle, visitor).await?;
        }
        if collaborator::end(&self.database, channel.id, account.id).await? {
            Ok(done())
        } else {
            Err(ApiError::NotFound("Collaborator"))
        }
    }

    /// A channel that whoever asks may change.
    pub(super) async fn managed(
        &self,
        handle: &str,
        visitor: &Visitor,
    ) -> Result<Channel, ApiError> {
        let channel = self.channel(handle).await?;
        if self.may_manage(channel.id, channel.account_id, visitor).await? {
            Ok(channel)
        } else {
            Err(ApiError::Forbidden(NOT_YOURS))
        }
    }

    pub(super) async fn channel(&self, handle: &str) -> Result<Channel, ApiError> {
        let missing = ApiError::NotFound("Video channel");
        let Some(name) = self.kept_name(handle) else { return Err(missing) };
        channel::by_name(&self.database, &name).await?.ok_or(missing)
    }

    pub(super) async fn account(&self, handle: &str) -> Result<Account, ApiError> {
        let missing = ApiError::NotFound("Account");
        let Some(name) = self.kept_name(handle) else { return Err(missing) };
        account::by_name(&self.database, &name).await?.ok_or(missing)
    }

    /// The name under which a handle is kept: `name` of ours, `name@host` of another server's, unless that is blocked.
    pub(crate) fn kept_name(&self, handle: &str) -> Option<String> {
        let handle = handle.replace("%40", "@").replace("%3A", ":");
        match handle.split_once('@') {
            None => Some(handle),
            Some((name, host)) if host.eq_ignore_ascii_case(self.host()) => Some(name.to_owned()),
            Some((_, host)) => {
                let (handle, host) = (handle.to_lowercase(), host.to_lowercase());
                (!self.is_blocked(&host, Some(&handle))).then_some(handle)
            }
        }
    }
}

fn read_texts(fields: &mut Fields) -> Changes {
    let text = |text: &str| prose(text, 3, 1_000).map(str::to_owned);
    Changes {
        display_name: None,
        description: fields.removable("description", text),
        support: fields.removable("support", text),
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Editor => "editor",
        Role::Manager => "manager",
    }
}

const NOT_YOURS: &str = "Cannot manage a video channel of another user.";
const LAST: &str = "Cannot remove the last channel of this user";
