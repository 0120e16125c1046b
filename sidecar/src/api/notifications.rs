//! `users/me/notifications`: what somebody is told of.

use http::Method;
use serde_json::{Value, json};

use super::asked::Asked;
use super::forms::{merge, value};
use super::{done, json as answer};
use crate::error::ApiError;
use crate::field::FieldError;
use crate::limits::LIST;
use crate::listing::{boolean, page};
use crate::table::comment::{self, Comment, CommentState};
use crate::table::notification::{self, Notification};
use crate::table::{account, channel, remote_actor};
use crate::view::PictureKind;
use crate::visitor::Visitor;
use crate::when::iso;
use crate::{Reply, Sidecar};

/// What a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    List,
    Read,
    ReadAll,
}

impl Route {
    pub(super) fn parse(segments: &[&str]) -> Option<Route> {
        Some(match *segments {
            ["users", "me", "notifications"] => Route::List,
            ["users", "me", "notifications", "read"] => Route::Read,
            ["users", "me", "notifications", "read-all"] => Route::ReadAll,
            _ => return None,
        })
    }

    pub(super) fn methods(self) -> &'static str {
        match self {
            Route::List => "GET, HEAD, OPTIONS",
            Route::Read | Route::ReadAll => "POST, OPTIONS",
        }
    }
}

impl Sidecar {
    pub(super) async fn answer_notifications(
        &self,
        route: Route,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let visitor = asked.visitor()?.clone();
        let user = visitor.user_id;
        match (route, &asked.method) {
            (Route::List, &Method::GET) => self.tell_notifications(&visitor, asked).await,
            (Route::Read, &Method::POST) => {
                let ids = asked.fields.value("ids", ids);
                let ids = match asked.fields.is_null("ids") {
                    None => return Err(ApiError::Missing("ids")),
                    Some(_) => std::mem::take(&mut asked.fields).finish(ids)?,
                };
                for id in ids {
                    notification::read(&self.database, user, Some(id)).await?;
                }
                Ok(done())
            }
            (Route::ReadAll, &Method::POST) => {
                notification::read(&self.database, user, None).await?;
                Ok(done())
            }
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    async fn tell_notifications(
        &self,
        visitor: &Visitor,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let (start, count) = page(&mut asked.query);
        let is_unread = asked.query.optional("unread", boolean).unwrap_or(false);
        std::mem::take(&mut asked.query).finish(())?;
        let (database, start, count) = (&self.database, start.into(), count.into());
        let (total, found) =
            notification::page(database, visitor.user_id, is_unread, start, count).await?;
        let mut data = Vec::with_capacity(found.len());
        for one in &found {
            data.push(self.notification_json(visitor, one).await?);
        }
        Ok(answer(&json!({ "total": total, "data": data })))
    }

    /// PeerTube's form of one; without its comment if they don't see the video any more.
    async fn notification_json(
        &self,
        visitor: &Visitor,
        one: &Notification,
    ) -> sqlx::Result<Value> {
        let mut told = json!({
            "id": one.id,
            "type": one.kind,
            "read": one.is_read,
            "createdAt": iso(one.created_at),
            "updatedAt": iso(one.created_at),
        });
        if let Some(id) = one.comment_id
            && let Some(comment) = comment::by_id(&self.database, id).await?
            && self.shows_video_of(&comment, visitor).await?
        {
            merge(&mut told, json!({ "comment": self.notified_comment(&comment) }));
        }
        if let (Some(actor), Some(target)) = (one.actor_id, one.target_id) {
            let follow = self.notified_follow(one.id, actor, target).await?;
            merge(&mut told, json!({ "actorFollow": follow }));
        }
        Ok(told)
    }

    fn notified_comment(&self, comment: &Comment) -> Value {
        let avatar = comment.author_avatar.as_deref();
        let account = comment.author.as_deref().map(|handle| {
            json!({
                "id": comment.account_id,
                "displayName": comment.author_label,
                "name": comment.author_name.as_deref().unwrap_or(handle),
                "host": comment.author_host.as_deref().unwrap_or(self.host()),
                "avatars": value(&self.pictures(PictureKind::Avatar, avatar)),
            })
        });
        let short = comment.video_uuid.parse::<wire::id::VideoId>().map(|id| id.short());
        json!({
            "id": comment.id,
            "threadId": comment.thread(),
            "heldForReview": comment.is(CommentState::Held),
            "account": account,
            "video": {
                "id": comment.video_id,
                "uuid": comment.video_uuid,
                "shortUUID": short.unwrap_or_default(),
                "name": comment.video_name,
            },
        })
    }

    async fn notified_follow(&self, id: i64, actor: i64, target: i64) -> sqlx::Result<Value> {
        let follower = remote_actor::by_id(&self.database, actor).await?;
        let label = match account::by_id(&self.database, actor).await? {
            Some(account) => Some(account.display_name),
            None => channel::by_id(&self.database, actor).await?.map(|found| found.display_name),
        };
        let following = match channel::by_id(&self.database, target).await? {
            Some(found) => Some(("channel", found.name, found.display_name)),
            None => {
                let found = account::by_id(&self.database, target).await?;
                found.map(|found| ("account", found.name, found.display_name))
            }
        };
        Ok(json!({
            "id": id,
            "state": "accepted",
            "follower": follower.map(|follower| json!({
                "id": follower.id,
                "name": follower.name,
                "displayName": label.unwrap_or_else(|| follower.name.clone()),
                "host": follower.host,
                "avatars": [],
            })),
            "following": following.map(|(kind, name, label)| json!({
                "type": kind, "name": name, "displayName": label, "host": self.host(),
            })),
        }))
    }
}

fn ids(value: &Value) -> Result<Vec<i64>, FieldError> {
    let bad = FieldError::Kind("a list of numbers");
    let list = value.as_array().ok_or(bad.clone())?;
    if list.len() as u64 > LIST {
        return Err(FieldError::Many(LIST as usize));
    }
    let ids: Option<Vec<i64>> = list.iter().map(Value::as_i64).collect();
    ids.filter(|ids| ids.iter().all(|id| *id >= 0)).ok_or(bad)
}
