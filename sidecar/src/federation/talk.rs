//! What other servers are told of comments, when they ask and when there is news.
//!
//! ```text
//! a comment of ours    ──▶ Create, Update, Delete to its author's followers, whom it names, and the video's side
//! one of theirs, shown ──▶ ApproveReply to its author; to the Shoals that follow the video, that they may ask for it
//! one of theirs, taken away by the video's owner ──▶ Delete, by the owner
//! ```
//! What happened is noted with the comment itself, and told by `news`.

use serde_json::Value;
use wire::id::VideoId;

use super::activity;
use super::hosts::SHOAL;
use super::id::{Local, Place};
use super::object::note::{self, Mentioned, Note};
use super::object::{collection, plain_context, with_context};
use super::send::{SendError, To};
use crate::table::comment::{self, Comment, CommentState, ToldTo, Was};
use crate::table::news::Happened;
use crate::table::video::{self, Privacy, State, Video};
use crate::table::{account, channel, tombstone};
use crate::table::{follow, remote_actor};
use crate::{Sidecar, now_ms, prose};

/// Whom a comment is also for, with their number if they are elsewhere.
type Named = (Mentioned, Option<i64>);

impl Sidecar {
    /// Tells other servers what happened to a comment; `was` is what one was that is deleted.
    pub(super) async fn tell_of_comment(
        &self,
        place: &Place,
        what: Happened,
        (id, was): (i64, Option<Was>),
    ) -> Result<(), SendError> {
        let Some(now) = comment::by_id(&self.database, id).await? else { return Ok(()) };
        let comment = match (what, was) {
            (Happened::Gone, Some(was)) => was.restore(now),
            // Its end is told next.
            _ if now.is(CommentState::Deleted) => return Ok(()),
            _ => now,
        };
        self.send_comment(place, what, &comment).await
    }

    async fn send_comment(
        &self,
        place: &Place,
        what: Happened,
        comment: &Comment,
    ) -> Result<(), SendError> {
        let Some(video) = video::by_id(&self.database, comment.video_id).await? else {
            return Ok(());
        };
        // The end is told to those who were told of it, whatever the video is now.
        if !is_told(&video) && what != Happened::Gone {
            return Ok(());
        }
        match (what, comment.is_ours()) {
            (Happened::Approved, false) => {
                self.send_approval(place, &video, comment).await?;
                self.pass_on(&video, comment).await
            }
            (Happened::Gone, false) => self.send_removal(place, &video, comment).await,
            (_, false) => self.pass_on(&video, comment).await,
            (Happened::Gone, true) => {
                let Some(author) = author(comment) else { return Ok(()) };
                let id = local(comment);
                let Some(id) = id else { return Ok(()) };
                if !comment.is_told(ToldTo::Concerned) {
                    return Ok(());
                }
                tombstone::set(&self.database, now_ms(), &id.to_string(), "Note").await?;
                let to = match comment.is_told(ToldTo::Everybody) {
                    true => ToldTo::Everybody,
                    false => ToldTo::Concerned,
                };
                let named = self.concerned(place, comment).await?;
                let to = self.audience(&video, comment, (to, &named)).await?;
                self.send(&author, &activity::delete(place, &author, &place.url(&id)), &to).await
            }
            // Whose video it is shows it no more.
            (_, true) if comment.is(CommentState::Refused) => Ok(()),
            (_, true) => {
                let Some(author) = author(comment) else { return Ok(()) };
                let Some(object) = self.note(place, comment).await? else { return Ok(()) };
                let made = match what {
                    Happened::Changed => {
                        activity::update(place, &author, object, comment.updated_at)
                    }
                    _ => activity::create(place, &author, object),
                };
                let is_held = comment.is(CommentState::Held);
                let to = match video.privacy == Privacy::Public.id() && !is_held {
                    true => ToldTo::Everybody,
                    false => ToldTo::Concerned,
                };
                comment::tell(&self.database, comment.id, to).await?;
                // What waits for approval is told to whoever approves it alone.
                let named = match is_held {
                    true => Vec::new(),
                    false => self.concerned(place, comment).await?,
                };
                let to = self.audience(&video, comment, (to, &named)).await?;
                self.send(&author, &with_context(note::context(), made), &to).await
            }
        }
    }

    /// Who is to know of a comment: whom it names, whose video it is below, and if everybody is the followers of both.
    async fn audience(
        &self,
        video: &Video,
        comment: &Comment,
        (whom, named): (ToldTo, &[Named]),
    ) -> sqlx::Result<Vec<To>> {
        let mut to = Vec::new();
        if video.is_remote {
            to.push(To::Server(video.account_id));
        }
        to.extend(named.iter().filter_map(|(_, id)| id.map(To::Server)));
        if whom == ToldTo::Everybody {
            to.extend(author(comment).map(To::FollowersOf));
            if !video.is_remote {
                to.extend(self.side_of(video).await?);
            }
        }
        Ok(to)
    }

    /// Who follows a video of ours: its channel, its account, the instance.
    async fn side_of(&self, video: &Video) -> sqlx::Result<Vec<To>> {
        let Some(channel) = channel::by_id(&self.database, video.channel_id).await? else {
            return Ok(Vec::new());
        };
        let all =
            [Local::Channel(channel.name), Local::Account(channel.account_name), Local::Instance];
        Ok(all.into_iter().map(To::FollowersOf).collect())
    }

    /// Tells the Shoals that follow a video of ours that somebody of elsewhere commented on it: they ask whoever said it. Others
    /// believe nothing that is passed on, and find it in the video's collection.
    async fn pass_on(&self, video: &Video, comment: &Comment) -> Result<(), SendError> {
        let (Some(url), Some(author), false) = (&comment.url, comment.account_id, video.is_remote)
        else {
            return Ok(());
        };
        let author = remote_actor::by_id(&self.database, author).await?;
        let (Some(author), Some(owner)) = (author, self.decider(video).await?) else {
            return Ok(());
        };
        if !comment.is(CommentState::Shown) || video.privacy != Privacy::Public.id() {
            return Ok(());
        }
        comment::tell(&self.database, comment.id, ToldTo::Everybody).await?;
        let us = self.handle_of(&Local::Instance).await?.unwrap_or_default();
        let followed = [video.channel_id, video.account_id, us];
        let shoals = follow::servers_running(&self.database, followed, SHOAL, &author.host).await?;
        let told = activity::passed_on(&author.url, url, comment.updated_at);
        let to: Vec<To> = shoals.into_iter().map(To::Server).collect();
        self.send(&owner, &told, &to).await
    }

    async fn send_approval(
        &self,
        place: &Place,
        video: &Video,
        comment: &Comment,
    ) -> Result<(), SendError> {
        let (Some(approval), Some(author)) =
            (self.approval(place, video, comment).await?, comment.account_id)
        else {
            return Ok(());
        };
        let Some(owner) = self.decider(video).await? else { return Ok(()) };
        self.send(&owner, &approval, &[To::Inbox(author)]).await
    }

    /// Somebody else's comment goes from below a video of ours: what we have told of it is taken back.
    async fn send_removal(
        &self,
        place: &Place,
        video: &Video,
        comment: &Comment,
    ) -> Result<(), SendError> {
        let (Some(url), false) = (&comment.url, video.is_remote) else { return Ok(()) };
        let Some(owner) = self.decider(video).await? else { return Ok(()) };
        let mut removal = activity::delete(place, &owner, url);
        // Its id is ours, though what it is about isn't.
        let video_url = video_url(place, video);
        removal["id"] = format!("{video_url}/comments/{}/delete", comment.id).into();
        let mut to: Vec<To> = comment.account_id.map(To::Server).into_iter().collect();
        if comment.is_told(ToldTo::Everybody) {
            to.extend(self.side_of(video).await?);
        }
        self.send(&owner, &removal, &to).await
    }

    /// What says that a comment below a video of ours is shown.
    async fn approval(
        &self,
        place: &Place,
        video: &Video,
        comment: &Comment,
    ) -> sqlx::Result<Option<Value>> {
        let Some(owner) = self.decider(video).await? else { return Ok(None) };
        let url = url_of(place, comment);
        let (by, video) = (place.url(&owner), video_url(place, video));
        Ok(Some(note::approval(&by, &video, comment.id, &url)))
    }

    async fn decider(&self, video: &Video) -> sqlx::Result<Option<Local>> {
        let owner = account::by_id(&self.database, video.account_id).await?;
        Ok(owner.filter(|_| !video.is_remote).map(|owner| Local::Account(owner.name)))
    }

    /// The object of a comment of ours, without a context.
    pub(super) async fn note(
        &self,
        place: &Place,
        comment: &Comment,
    ) -> sqlx::Result<Option<Value>> {
        let (Some(id), Some(author)) = (local(comment), author(comment)) else { return Ok(None) };
        let named = self.concerned(place, comment).await?;
        let mentioned: Vec<Mentioned> = named.into_iter().map(|(mentioned, _)| mentioned).collect();
        let parent = match comment.parent_id {
            Some(id) => comment::by_id(&self.database, id).await?,
            None => None,
        };
        let ours = place.below(&format!("/videos/watch/{}", comment.video_uuid));
        let video_url = comment.video_url.as_deref().unwrap_or(&ours);
        let parent_url = parent.as_ref().map(|parent| url_of(place, parent));
        let in_reply_to = parent_url.as_deref().unwrap_or(video_url);
        let owner = match comment.video_is_remote {
            true => remote_actor::by_id(&self.database, comment.video_account_id).await?,
            false => None,
        };
        // Of a video of ours, that it is told is the approval.
        let by_us = format!("{}/approve-reply", place.url(&id));
        let approval = match comment.video_is_remote {
            true => comment.approval.as_deref(),
            false => Some(by_us.as_str()),
        };
        let html = prose::html(&comment.text);
        let note = Note {
            id,
            author,
            html: &html,
            in_reply_to,
            approval,
            mentioned: &mentioned,
            owner: owner.as_ref().map(|owner| owner.url.as_str()),
            created_at: comment.created_at,
            updated_at: comment.updated_at,
        };
        Ok(Some(note.object(place)))
    }

    /// Whom a comment answers, up to the first of its thread, and whom its text names; its author apart.
    async fn concerned(&self, place: &Place, comment: &Comment) -> sqlx::Result<Vec<Named>> {
        let mut named: Vec<Named> = Vec::new();
        let mut above = comment.parent_id;
        for _ in 0..MENTIONS {
            let Some(id) = above else { break };
            let Some(parent) = comment::by_id(&self.database, id).await? else { break };
            above = parent.parent_id;
            named.extend(named_author(place, &parent));
        }
        for (name, host) in handles(&comment.text) {
            match host.filter(|host| host != place.authority()) {
                Some(host) => {
                    let handle = remote_actor::handle(&name, &host);
                    let found = remote_actor::by_handle(&self.database, &handle).await?;
                    named.extend(found.map(|found| {
                        let handle = format!("@{}@{}", found.name, found.host);
                        (Mentioned { url: found.url, handle }, Some(found.id))
                    }));
                }
                None => {
                    let found = account::by_name(&self.database, &name).await?;
                    let found = found.filter(|found| found.user_id.is_some());
                    named.extend(found.map(|found| (ours(place, &found.name), None)));
                }
            }
        }
        let own = author(comment).map(|author| place.url(&author));
        let mut known: Vec<String> = own.into_iter().collect();
        named.retain(|(mentioned, _)| {
            let is_new = !known.contains(&mentioned.url);
            known.push(mentioned.url.clone());
            is_new
        });
        named.truncate(MENTIONS);
        Ok(named)
    }

    /// A comment, or a part of it, as another server asks for it by its id.
    pub(super) async fn told_comment(
        &self,
        place: &Place,
        (uuid, no): (&VideoId, i64),
        part: CommentPart,
    ) -> sqlx::Result<Option<Value>> {
        let found = comment::by_id(&self.database, no).await?;
        let found = found.filter(|found| found.video_uuid == uuid.to_string());
        let Some(comment) = found else { return Ok(None) };
        let video = video::by_id(&self.database, comment.video_id).await?;
        let Some(video) = video.filter(is_told) else { return Ok(None) };
        // The server of a video asks for what waits for its approval before it believes it. PeerTube doesn't say who asks, so that whoever
        // guesses the number may read it, too.
        let waits_there = comment.video_is_remote && comment.is(CommentState::Held);
        if !comment.is(CommentState::Shown) && !waits_there {
            return Ok(None);
        }
        if part == CommentPart::Approval {
            return match video.is_remote {
                true => Ok(None),
                false => self.approval(place, &video, &comment).await,
            };
        }
        let (Some(object), Some(author)) =
            (self.note(place, &comment).await?, author(&comment).filter(|_| comment.is_ours()))
        else {
            return Ok(None);
        };
        Ok(Some(with_context(
            note::context(),
            match part {
                CommentPart::Activity => activity::create(place, &author, object),
                _ => object,
            },
        )))
    }

    /// The comments below a video of ours, ours and others', page by page.
    pub(super) async fn told_comments(
        &self,
        place: &Place,
        video: &Video,
        page: Option<i64>,
    ) -> sqlx::Result<Value> {
        let url = format!("{}/comments", video_url(place, video));
        let total = comment::shown(&self.database, video.id).await?;
        let Some(page) = page else { return Ok(collection::object(&url, total, None)) };
        let start = (page - 1).saturating_mul(collection::PAGE);
        let found = comment::collection(&self.database, video.id, start, collection::PAGE).await?;
        let items = found
            .into_iter()
            .map(|(no, theirs)| theirs.unwrap_or_else(|| format!("{url}/{no}")).into());
        let told = collection::object(&url, total, Some((page, items.collect())));
        Ok(with_context(plain_context(), told))
    }
}

/// A part of a comment that other servers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommentPart {
    Itself,
    Activity,
    Approval,
}

/// Whether other servers know of the video, or could.
fn is_told(video: &Video) -> bool {
    video.is_remote
        || (video.state == State::Published.id() && video.privacy <= Privacy::Unlisted.id())
}

/// The id of a video of ours.
fn video_url(place: &Place, video: &Video) -> String {
    place.below(&format!("/videos/watch/{}", video.uuid))
}

/// The id of a comment of ours.
fn local(comment: &Comment) -> Option<Local> {
    let uuid = comment.video_uuid.parse().ok().filter(|_| comment.is_ours())?;
    Some(Local::Comment(uuid, comment.id))
}

fn url_of(place: &Place, comment: &Comment) -> String {
    let ours = || local(comment).map(|id| place.url(&id)).unwrap_or_default();
    comment.url.clone().unwrap_or_else(ours)
}

/// Who said it, if they are here.
fn author(comment: &Comment) -> Option<Local> {
    let name = comment.author.clone().filter(|_| comment.author_user_id.is_some())?;
    Some(Local::Account(name))
}

fn named_author(place: &Place, comment: &Comment) -> Option<Named> {
    match (&comment.author_url, &comment.author_name, &comment.author_host) {
        (Some(url), Some(name), Some(host)) => {
            let handle = format!("@{name}@{host}");
            Some((Mentioned { url: url.clone(), handle }, comment.account_id))
        }
        _ => Some((ours(place, comment.author.as_deref()?), None)),
    }
}

fn ours(place: &Place, name: &str) -> Mentioned {
    Mentioned {
        url: place.url(&Local::Account(name.to_owned())),
        handle: format!("@{name}@{}", place.authority()),
    }
}

/// Whom a text names, as `@name` or `@name@host`; in lower case, each once.
pub(crate) fn handles(text: &str) -> Vec<(String, Option<String>)> {
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    let mut before = ' ';
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        before = rest[..at].chars().next_back().unwrap_or(before);
        rest = &rest[at + 1..];
        let name = word(rest);
        // What is in the middle of something else is an address.
        if name.is_empty() || is_word(before) || "/@".contains(before) {
            before = '@';
            continue;
        }
        rest = &rest[name.len()..];
        let there = rest.strip_prefix('@').map(word).filter(|there| there.contains('.'));
        rest = there.map_or(rest, |there| &rest[1 + there.len()..]);
        before = 'x';
        let handle = (name.to_lowercase(), there.map(str::to_lowercase));
        if !found.contains(&handle) && found.len() < MENTIONS {
            found.push(handle);
        }
    }
    found
}

/// The word at the beginning of a text, without what ends a sentence.
fn word(text: &str) -> &str {
    let end = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
    text[..end].trim_end_matches(['.', '-'])
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_.-".contains(letter)
}

/// People whom one comment names or answers: more is no talk, and makes work for everybody.
const MENTIONS: usize = 20;

#[cfg(test)]
mod tests;
