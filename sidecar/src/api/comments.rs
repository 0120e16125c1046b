//! Comments: threads below a video, what is said and answered there, and lists for those who keep order.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::asked::Asked;
use super::forms::{merge, value};
use super::{done, json as answer};
use crate::error::ApiError;
use crate::field::{FieldError, prose};
use crate::limits::{COMMENT, THREAD, THREAD_DEPTH};
use crate::listing::{boolean, page};
use crate::table::comment::{self, Comment, CommentFilter, CommentState, ThreadOrder};
use crate::view::PictureKind;
use crate::when::iso;
use crate::{Reply, Sidecar};

/// What a path is about; a key is a video's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// Of all videos.
    All,
    /// Of one's own videos.
    Mine,
    Threads(&'a str),
    Thread(&'a str, i64),
    Comment(&'a str, i64),
    Approve(&'a str, i64),
    /// Beyond PeerTube: to say something else.
    Reword(&'a str, i64),
}

impl<'a> Route<'a> {
    pub(super) fn parse(segments: &[&'a str]) -> Option<Route<'a>> {
        Some(match *segments {
            ["videos", "comments"] => Route::All,
            ["users", "me", "videos", "comments"] => Route::Mine,
            ["videos", key, "comment-threads"] => Route::Threads(key),
            ["videos", key, "comment-threads", id] => Route::Thread(key, id.parse().ok()?),
            ["videos", key, "comments", id] => Route::Comment(key, id.parse().ok()?),
            ["videos", key, "comments", id, "approve"] => Route::Approve(key, id.parse().ok()?),
            _ => return None,
        })
    }

    /// What we have beyond PeerTube.
    pub(super) fn parse_ours(segments: &[&'a str]) -> Option<Route<'a>> {
        match *segments {
            ["videos", key, "comments", id] => Some(Route::Reword(key, id.parse().ok()?)),
            _ => None,
        }
    }

    pub(super) fn methods(self) -> &'static str {
        match self {
            Route::Reword(..) => "PUT, OPTIONS",
            Route::All | Route::Mine | Route::Thread(..) => "GET, HEAD, OPTIONS",
            Route::Threads(_) => "GET, HEAD, POST, OPTIONS",
            Route::Comment(..) => "POST, DELETE, OPTIONS",
            Route::Approve(..) => "POST, OPTIONS",
        }
    }
}

impl Sidecar {
    pub(super) async fn answer_comments(
        &self,
        route: Route<'_>,
        asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        match (route, &asked.method) {
            (Route::All, &Method::GET) => {
                asked.moderator()?;
                self.tell_comments(asked, None).await
            }
            (Route::Mine, &Method::GET) => {
                let owner = asked.visitor()?.account_id;
                self.tell_comments(asked, Some(owner)).await
            }
            (Route::Threads(key), &Method::GET) => self.tell_threads(key, asked).await,
            (Route::Threads(key), &Method::POST) => self.say(key, None, asked).await,
            (Route::Thread(key, id), &Method::GET) => self.tell_thread(key, id, asked).await,
            (Route::Comment(key, id), &Method::POST) => self.say(key, Some(id), asked).await,
            (Route::Comment(key, id), &Method::DELETE) => {
                let found = self.comment_to_decide(key, id, asked.asker()).await?;
                self.uncomment(asked.visitor()?, &found).await?;
                Ok(done())
            }
            (Route::Reword(key, id), &Method::PUT) => self.say_otherwise(key, id, asked).await,
            (Route::Approve(key, id), &Method::POST) => {
                let found = self.comment_to_decide(key, id, asked.asker()).await?;
                self.approve_comment(asked.visitor()?, &found).await?;
                Ok(done())
            }
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    /// What somebody says, kept.
    async fn say(
        &self,
        key: &str,
        parent: Option<i64>,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        asked.visitor()?;
        let sight = self.sight(key, asked.asker()).await?;
        let text = asked.fields.required("text", comment_text);
        let text = std::mem::take(&mut asked.fields).finish(text)?;
        let made = self.comment_on(asked.visitor()?, &sight, parent, &text).await?;
        Ok(answer(&json!({ "comment": self.comment_json(&made) })))
    }

    async fn say_otherwise(
        &self,
        key: &str,
        id: i64,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let found = self.said(key, id, &asked).await?;
        let sight = self.sight(key, asked.asker()).await?;
        let text = asked.fields.required("text", comment_text);
        let text = std::mem::take(&mut asked.fields).finish(text)?;
        let changed = self.reword_comment(asked.visitor()?, &sight, &found, &text).await?;
        Ok(answer(&json!({ "comment": self.comment_json(&changed) })))
    }

    /// A comment that somebody who is logged in sees.
    async fn said(&self, key: &str, id: i64, asked: &Asked<'_>) -> Result<Comment, ApiError> {
        asked.visitor()?;
        let sight = self.sight(key, asked.asker()).await?;
        self.comment_of(&sight, id, asked.visitor.as_ref()).await
    }

    async fn tell_threads(&self, key: &str, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let (start, count) = page(&mut asked.query);
        let order = asked.query.optional("sort", |text| match text {
            "-createdAt" => Ok(ThreadOrder::Newest),
            "createdAt" => Ok(ThreadOrder::Oldest),
            "-totalReplies" => Ok(ThreadOrder::Answered),
            _ => Err(FieldError::Choice("-createdAt, createdAt, -totalReplies")),
        });
        std::mem::take(&mut asked.query).finish(())?;
        let sight = self.sight(key, asked.asker()).await?;
        let (database, video) = (&self.database, sight.video.id);
        if sight.video.is_remote {
            self.freshen_comments(video).await?;
        }
        let reader = self.reader(&sight, asked.visitor.as_ref());
        let order = order.unwrap_or(ThreadOrder::Newest);
        let page = (start.into(), count.into());
        let found = comment::threads(database, video, reader, order, page).await?;
        let (total, all) = comment::totals(database, video, reader).await?;
        let data: Vec<Value> = found.iter().map(|found| self.comment_json(found)).collect();
        Ok(answer(&json!({ "total": total, "totalNotDeletedComments": all, "data": data })))
    }

    /// A thread, beyond PeerTube's form from an answer on: `start` passes over so many of them.
    async fn tell_thread(
        &self,
        key: &str,
        id: i64,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let (start, _) = page(&mut asked.query);
        std::mem::take(&mut asked.query).finish(())?;
        let sight = self.sight(key, asked.asker()).await?;
        let reader = self.reader(&sight, asked.visitor.as_ref());
        let found = comment::thread(&self.database, id, reader, (start.into(), THREAD)).await?;
        if found.first().is_none_or(|first| first.video_id != sight.video.id) {
            return Err(ApiError::NotFound("Video comment thread"));
        }
        Ok(answer(&self.tree_json(&found)))
    }

    /// A thread as comments within comments.
    fn tree_json(&self, found: &[Comment]) -> Value {
        let depths = depths(found);
        let mut below: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
        // From the last to the first: whoever is answered was there before.
        for comment in found.iter().rev() {
            let mut children = below.remove(&comment.id).unwrap_or_default();
            children.reverse();
            if comment.is_empty() && children.is_empty() && comment.thread_id.is_some() {
                continue;
            }
            let told = json!({ "comment": self.comment_json(comment), "children": children });
            match depths.get(&comment.id).and_then(|(_, above)| *above) {
                Some(above) => below.entry(above).or_default().push(told),
                None => return told,
            }
        }
        Value::Null
    }

    async fn tell_comments(
        &self,
        mut asked: Asked<'_>,
        owner: Option<i64>,
    ) -> Result<Reply, ApiError> {
        let (start, count) = page(&mut asked.query);
        let filter = CommentFilter {
            owner,
            author: None,
            video: asked.query.optional("videoId", |text| {
                text.parse::<u32>().map(i64::from).map_err(|_| FieldError::Kind("a number"))
            }),
            is_held: asked.query.optional("isHeldForReview", boolean),
            is_local: asked.query.optional("isLocal", boolean),
        };
        std::mem::take(&mut asked.query).finish(())?;
        let (total, found) =
            comment::page(&self.database, filter, start.into(), count.into()).await?;
        let data = found.iter().map(|found| {
            let mut told = self.comment_json(found);
            merge(
                &mut told,
                json!({
                    "video": { "id": found.video_id, "uuid": found.video_uuid, "name": found.video_name },
                    "automaticTags": [],
                }),
            );
            told
        });
        Ok(answer(&json!({ "total": total, "data": data.collect::<Vec<_>>() })))
    }

    /// PeerTube's form of a comment.
    pub(super) fn comment_json(&self, comment: &Comment) -> Value {
        // What isn't for whoever asks looks the same to programs.
        let is_deleted = comment.is_empty();
        json!({
            "id": comment.id,
            "url": self.comment_url(comment),
            "text": comment.text,
            "threadId": comment.thread(),
            "inReplyToCommentId": comment.parent_id,
            "videoId": comment.video_id,
            "createdAt": iso(comment.created_at),
            "updatedAt": iso(comment.updated_at),
            "deletedAt": is_deleted.then(|| iso(comment.updated_at)),
            "heldForReview": comment.is(CommentState::Held),
            "isDeleted": is_deleted,
            "totalRepliesFromVideoAuthor": comment.replies_by_owner,
            "totalReplies": comment.replies,
            "account": self.author_json(comment),
        })
    }

    /// Its id for other servers.
    pub(crate) fn comment_url(&self, comment: &Comment) -> String {
        let ours = || {
            let (url, uuid) = (&self.public_url, &comment.video_uuid);
            format!("{url}/videos/watch/{uuid}/comments/{}", comment.id)
        };
        comment.url.clone().unwrap_or_else(ours)
    }

    fn author_json(&self, comment: &Comment) -> Option<Value> {
        let (handle, id) = (comment.author.as_deref()?, comment.account_id?);
        let ours = || format!("{}/accounts/{handle}", self.public_url);
        Some(json!({
            "url": comment.author_url.clone().unwrap_or_else(ours),
            "name": comment.author_name.as_deref().unwrap_or(handle),
            "host": comment.author_host.as_deref().unwrap_or(self.host()),
            "avatars": value(&self.pictures(PictureKind::Avatar, comment.author_avatar.as_deref())),
            "id": id,
            "hostRedundancyAllowed": false,
            "followingCount": 0,
            "followersCount": 0,
            "createdAt": comment.author_created_at.map(iso),
            "displayName": comment.author_label,
            "description": comment.author_about,
            "updatedAt": comment.author_updated_at.map(iso),
            "userId": comment.author_user_id,
        }))
    }
}

/// Of each comment of a thread, how deep it is shown and below which: at most [`THREAD_DEPTH`], and beside what it answers where
/// that is as deep already. What answers something that isn't shown stands below the first.
pub(crate) fn depths(thread: &[Comment]) -> BTreeMap<i64, (usize, Option<i64>)> {
    let mut depths: BTreeMap<i64, (usize, Option<i64>)> = BTreeMap::new();
    let first = thread.first().map(|first| first.id);
    for comment in thread {
        let place = match (comment.thread_id, first) {
            (Some(_), Some(first)) => {
                let above = comment.parent_id.filter(|id| depths.contains_key(id)).unwrap_or(first);
                match depths.get(&above) {
                    Some((depth, beside)) if *depth >= THREAD_DEPTH => (*depth, *beside),
                    Some((depth, _)) => (depth + 1, Some(above)),
                    None => (1, Some(first)),
                }
            }
            _ => (0, None),
        };
        depths.insert(comment.id, place);
    }
    depths
}

/// A comment's text, without the space around it, its lines ended as they are counted where it is written: forms send two
/// characters for each end.
pub(crate) fn comment_text(text: &str) -> Result<String, FieldError> {
    prose(text.replace("\r\n", "\n").trim(), 1, COMMENT).map(str::to_owned)
}
