//! Comments of people of other servers, and what others decide about ours.
//!
//! they → us: Create, Update, Delete of a Note; ApproveReply, RejectReply of a comment of ours below a video of theirs.
//!
//! A comment is kept if it leads, from answer to answer, to a video that is known here. What is between is asked for.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde_json::Value;

use super::{HearError, Heard, is_everybodys};
use crate::comments::{APPROVED, DISABLED};
use crate::config::RemoteComments;
use crate::federation::ask::FetchError;
use crate::federation::id::{Id, Local, Remote};
use crate::federation::json::{self, Object};
use crate::federation::read::note::{self, ReadNote};
use crate::federation::{authority, site};
use crate::outbound::Budget;
use crate::table::comment::{self, Comment, CommentState, NewComment, Was};
use crate::table::heard;
use crate::table::news::Happened;
use crate::table::remote_actor::{self, Kind, RemoteActor};
use crate::table::task::Kind as TaskKind;
use crate::table::tombstone;
use crate::table::video::{self, Video};
use crate::{Sidecar, now_ms};

/// What a comment answers.
enum Above {
    Video(Video),
    Comment(Comment),
    /// It isn't known yet.
    Elsewhere(Remote),
}

impl Sidecar {
    /// Somebody says something, or says it otherwise. Nobody is asked while they wait: what isn't told by its author, or answers what
    /// isn't known, is asked for soon.
    pub(super) async fn hear_note(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        let place = self.place.as_ref().ok_or(HearError::Refused("federation is off"))?;
        let told = heard.object().ok_or(HearError::Refused("no note is told"))?;
        let id = json::first_id(told, "id").and_then(|id| place.read(id).ok());
        let Some(Id::Remote(id)) = id else {
            return Err(HearError::Refused("the note has no id of its own server"));
        };
        if !self.is_named(told, "attributedTo", heard.actor)
            || id.authority() != heard.id.authority()
        {
            return self.ask_later(TaskKind::Note, &id).await;
        }
        let read = note::read(place, told, now_ms()).map_err(refused)?;
        match self.keep_note(read, Some(heard.actor), Turns::Taken, &mut Budget(0)).await {
            Err(error) if !error.is_lasting() => self.ask_later(TaskKind::Note, &id).await,
            kept => kept,
        }
    }

    /// Keeps the comment that another server has under this id, if it leads to a video that is known here; one that is known and is
    /// gone there goes here, too.
    pub(crate) async fn keep_note_at(
        &self,
        id: &Remote,
        turns: Turns,
        budget: &mut Budget,
    ) -> Result<(), HearError> {
        let read = match self.fetch_note(id, budget).await {
            // That it isn't there, a server says that is being built anew, too.
            Err(HearError::Fetch(error @ FetchError::Gone(_))) => {
                if let Some(known) = comment::by_url(&self.database, id.as_str()).await? {
                    self.end_note(known, true).await?;
                }
                return Err(error.into());
            }
            other => other?,
        };
        self.keep_note(read, None, turns, budget).await
    }

    async fn fetch_note(&self, id: &Remote, budget: &mut Budget) -> Result<ReadNote, HearError> {
        let place = self.place.as_ref().ok_or(HearError::Refused("federation is off"))?;
        let fetched = self.fetch_object(id, budget).await?;
        let read = note::read(place, &fetched.object, now_ms()).map_err(refused)?;
        let (its, owner) = (Id::Remote(read.id.clone()), Id::Remote(read.author.clone()));
        authority::check_fetched(&fetched.source, &its, &owner)
            .map_err(|_| HearError::Refused("the note is told under another id than its own"))?;
        Ok(read)
    }

    /// Keeps a note that is believed, and before it those that it answers; `author` is who says it, if that is known.
    async fn keep_note(
        &self,
        note: ReadNote,
        author: Option<&RemoteActor>,
        turns: Turns,
        budget: &mut Budget,
    ) -> Result<(), HearError> {
        if self.federation.comments == RemoteComments::Off {
            return Err(HearError::Refused("comments of other servers aren't taken here"));
        }
        if let Some(known) = comment::by_url(&self.database, note.id.as_str()).await? {
            return self.rewrite_note(&known, &note, turns).await;
        }
        let mut chain = VecDeque::from([note]);
        let (video, mut parent) = loop {
            let first = chain.front().ok_or(HearError::Refused("no note is told"))?;
            match self.above(&first.in_reply_to).await? {
                Above::Video(video) => break (video, None),
                Above::Comment(parent) => {
                    let video = video::by_id(&self.database, parent.video_id).await?;
                    let video = video.filter(|video| video.is_remote || is_everybodys(video));
                    break (video.ok_or(HearError::Refused(UNKNOWN))?, Some(parent));
                }
                Above::Elsewhere(id) => {
                    if chain.len() > MOST_ABOVE || chain.iter().any(|note| note.id == id) {
                        return Err(HearError::Refused("it answers too much before it"));
                    }
                    let above = self.fetch_note(&id, budget).await?;
                    chain.push_front(above);
                }
            }
        };
        let last = chain.len() - 1;
        for (no, note) in chain.into_iter().enumerate() {
            let said_by = match author.filter(|_| no == last) {
                Some(author) => author.clone(),
                None => self.person(&note.author, budget).await?,
            };
            if turns == Turns::Taken {
                self.take_turn_from(&said_by)?;
            }
            let judged = self.judge(&video, &said_by, &note, budget).await?;
            // What answers something that waits, waits with it.
            let is_below = parent.as_ref().is_some_and(|parent| parent.is(CommentState::Held));
            let state = if is_below { CommentState::Held } else { judged };
            let made = self.insert_note((&video, parent.as_ref()), &said_by, &note, state).await?;
            parent = Some(made);
        }
        Ok(())
    }

    /// What an answer is below: a video or a comment that is known, or something that may be asked for.
    async fn above(&self, id: &Id) -> Result<Above, HearError> {
        match id {
            Id::Local(Local::Video(uuid)) => {
                let found = video::by_uuid(&self.database, uuid).await?;
                let found = found.filter(|video| !video.is_remote && is_everybodys(video));
                found.map(Above::Video).ok_or(HearError::Refused(UNKNOWN))
            }
            Id::Local(Local::Comment(uuid, no)) => {
                let found = comment::by_id(&self.database, *no).await?;
                let uuid = uuid.to_string();
                let is_it = |found: &Comment| found.is_ours() && found.video_uuid == uuid;
                let found = found.filter(|found| is_it(found) && found.is(CommentState::Shown));
                found.map(Above::Comment).ok_or(HearError::Refused(UNKNOWN))
            }
            Id::Local(_) => Err(HearError::Refused(UNKNOWN)),
            Id::Remote(remote) => {
                if let Some(found) = comment::by_url(&self.database, remote.as_str()).await? {
                    return match [CommentState::Shown, CommentState::Held]
                        .map(|state| found.is(state))
                    {
                        [false, false] => Err(HearError::Refused("what it answers isn't shown")),
                        _ => Ok(Above::Comment(found)),
                    };
                }
                if let Some(id) = comment::video_at(&self.database, remote.as_str()).await? {
                    let found = video::by_id(&self.database, id).await?;
                    return found.map(Above::Video).ok_or(HearError::Refused(UNKNOWN));
                }
                Ok(Above::Elsewhere(remote.clone()))
            }
        }
    }

    /// Counts one comment of somebody elsewhere, and of their site.
    fn take_turn_from(&self, author: &RemoteActor) -> Result<(), HearError> {
        let site = site::of(&author.host).to_owned();
        let taken = self.take_turn(author.id).is_ok()
            && self.attempts(|attempts, now| attempts.comments_from.take(now, &site)).is_ok();
        if taken { Ok(()) } else { Err(HearError::Enough) }
    }

    async fn insert_note(
        &self,
        (video, parent): (&Video, Option<&Comment>),
        author: &RemoteActor,
        note: &ReadNote,
        state: CommentState,
    ) -> Result<Comment, HearError> {
        let new = NewComment {
            url: Some(note.id.as_str()),
            page: note.page.as_deref(),
            video_id: video.id,
            account_id: author.id,
            parent,
            text: &note.html,
            state,
            approval: note.approval.as_ref().map(Remote::as_str),
            created_at: note.published_at,
            updated_at: note.updated_at,
        };
        let made = comment::create(&self.database, &new, Some(Happened::Made)).await?;
        self.wake_news();
        let found = comment::by_url(&self.database, note.id.as_str()).await?;
        let found = found.ok_or(HearError::Refused(UNKNOWN))?;
        if made.is_some() {
            self.notify_of_comment(&found).await?;
        }
        Ok(found)
    }

    /// Whether a comment of elsewhere is taken, and whether everybody sees it at once.
    async fn judge(
        &self,
        video: &Video,
        author: &RemoteActor,
        note: &ReadNote,
        budget: &mut Budget,
    ) -> Result<CommentState, HearError> {
        if video.comments_policy == DISABLED {
            return Err(HearError::Refused("nobody may comment on this video"));
        }
        if author.is(Kind::Channel) {
            return Err(HearError::Refused("channels say nothing"));
        }
        if self.is_blocked(&author.host, Some(&author.handle())) {
            return Err(HearError::Refused("its author is blocked here"));
        }
        let (database, id) = (&self.database, note.id.as_str());
        if tombstone::find(database, id).await?.is_some() || heard::is(database, id).await? {
            return Err(HearError::Refused("it was deleted"));
        }
        let is_owner = video.account_id == author.id;
        let needs_approval = video.comments_policy == APPROVED && !is_owner;
        let is_held = match video.is_remote {
            true => needs_approval && !self.is_approved(video, note, budget).await?,
            false => needs_approval || self.federation.comments == RemoteComments::Approval,
        };
        Ok(if is_held { CommentState::Held } else { CommentState::Shown })
    }

    /// Whether a note has the word of a remote video's owner, which is asked of their server: anybody could name one.
    async fn is_approved(
        &self,
        video: &Video,
        note: &ReadNote,
        budget: &mut Budget,
    ) -> Result<bool, HearError> {
        let Some(approval) = &note.approval else { return Ok(false) };
        let owner = remote_actor::by_id(&self.database, video.account_id).await?;
        let Some(owner) = owner.filter(|owner| owner.host == approval.authority()) else {
            return Ok(false);
        };
        match self.fetch_object(approval, budget).await {
            Ok(told) => Ok(told.source.authority() == owner.host
                && json::kind(&told.object) == Some("ApproveReply")
                && json::first_id(&told.object, "object") == Some(note.id.as_str())
                && self.is_named(&told.object, "actor", &owner)),
            Err(error) if error.is_lasting() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The same comment with other words; what needed approval needs it again.
    async fn rewrite_note(
        &self,
        known: &Comment,
        note: &ReadNote,
        turns: Turns,
    ) -> Result<(), HearError> {
        if known.author_url.as_deref() != Some(note.author.as_str()) {
            return Err(HearError::Refused("only whose it is changes it"));
        }
        if known.text == note.html || note.updated_at < known.updated_at {
            return Ok(());
        }
        if turns == Turns::Taken
            && let Some(author) = known.account_id
            && self.take_turn(author).is_err()
        {
            return Err(HearError::Enough);
        }
        let video = video::by_id(&self.database, known.video_id).await?;
        let video = video.ok_or(HearError::Refused(UNKNOWN))?;
        let is_owner = known.account_id == Some(video.account_id);
        let is_judged = !video.is_remote
            && !is_owner
            && (video.comments_policy == APPROVED
                || self.federation.comments == RemoteComments::Approval);
        let state = match known.state {
            state if state == CommentState::Refused.id() => CommentState::Refused,
            state if state == CommentState::Held.id() => CommentState::Held,
            _ if is_judged => CommentState::Held,
            _ => CommentState::Shown,
        };
        let at = note.updated_at.max(known.created_at + 1);
        let (said, telling) = ((note.html.as_str(), state), [Happened::Changed]);
        comment::rewrite(&self.database, at, known.id, said, &telling).await?;
        self.wake_news();
        Ok(())
    }

    /// A comment is gone, as its author says, or whose video it is below; `false` if it is no comment that is known.
    pub(super) async fn hear_note_gone(&self, heard: &Heard<'_>) -> Result<bool, HearError> {
        let id = json::first_id(heard.activity, "object");
        let id = id.and_then(|id| self.place.as_ref()?.read(id).ok());
        let known = match &id {
            Some(Id::Local(Local::Comment(_, no))) => comment::by_id(&self.database, *no).await?,
            Some(Id::Remote(id)) => comment::by_url(&self.database, id.as_str()).await?,
            _ => None,
        };
        let Some(known) = known else {
            // What comes after its end, by another way, isn't taken any more.
            if let Some(Id::Remote(id)) = &id
                && id.authority() == heard.actor.host
            {
                heard::note(&self.database, now_ms(), id.as_str()).await?;
            }
            return Ok(false);
        };
        let is_author = known.account_id == Some(heard.actor.id);
        let is_owner = known.video_is_remote && known.video_account_id == heard.actor.id;
        if known.is_ours() {
            // Nobody else deletes what was said here, but below their video it isn't shown any more.
            if !is_owner {
                return Err(HearError::Refused("only whose it is deletes it"));
            }
            comment::set_state(&self.database, known.id, CommentState::Refused, None, &[]).await?;
            return Ok(true);
        }
        if !is_author && !is_owner && !known.is(CommentState::Deleted) {
            return Err(HearError::Refused("only whose it is deletes it"));
        }
        self.end_note(known, is_author).await?;
        Ok(true)
    }

    /// Deletes another server's comment; what its author has deleted is told to those whom we told of it, and not to its own server.
    async fn end_note(&self, known: Comment, is_told: bool) -> sqlx::Result<()> {
        let id = known.id;
        let was = is_told.then(|| Was::of(&Comment { account_id: None, ..known }));
        comment::delete(&self.database, now_ms(), id, was.as_ref()).await?;
        self.wake_news();
        Ok(())
    }

    /// Whoever decides about a video shows a comment of ours there, or doesn't.
    pub(super) async fn hear_verdict(
        &self,
        heard: &Heard<'_>,
        is_approved: bool,
    ) -> Result<(), HearError> {
        let id = json::first_id(heard.activity, "object");
        let id = id.and_then(|id| self.place.as_ref()?.read(id).ok());
        let Some(Id::Local(Local::Comment(uuid, no))) = id else {
            return Err(HearError::Refused("it is about no comment of ours"));
        };
        let known = comment::by_id(&self.database, no).await?;
        let known = known.filter(|known| known.is_ours() && known.video_uuid == uuid.to_string());
        let known = known.ok_or(HearError::Refused("it is about no comment of ours"))?;
        if !known.video_is_remote || known.video_account_id != heard.actor.id {
            return Err(HearError::Refused("only whose video it is decides about comments"));
        }
        if known.is(CommentState::Deleted) {
            return Ok(());
        }
        if !is_approved {
            let state = CommentState::Refused;
            return Ok(comment::set_state(&self.database, known.id, state, None, &[]).await?);
        }
        let (state, approval) = (CommentState::Shown, Some(heard.id.as_str()));
        let is_new = !known.is(state);
        let telling: &[Happened] = if is_new { &[Happened::Made] } else { &[] };
        comment::set_state(&self.database, known.id, state, approval, telling).await?;
        if is_new && let Some(shown) = comment::by_id(&self.database, known.id).await? {
            self.wake_news();
            self.notify_of_comment(&shown).await?;
        }
        Ok(())
    }

    /// Somebody passes on what another says of a comment, or that it is gone: whoever has it is asked. `false` if it is about none.
    pub(super) async fn hear_of_note(&self, activity: &Object) -> Result<bool, HearError> {
        let object = json::first(activity.get("object"));
        let id = object.and_then(json::id).and_then(|id| self.place.as_ref()?.read(id).ok());
        let Some(Id::Remote(id)) = id else { return Ok(false) };
        let is_told = object.and_then(Value::as_object).and_then(json::kind) == Some("Note");
        let known = comment::by_url(&self.database, id.as_str()).await?;
        let is_known = known.is_some_and(|known| !known.is(CommentState::Deleted));
        if !is_known && (!is_told || self.federation.comments == RemoteComments::Off) {
            return Ok(is_told);
        }
        self.ask_later(TaskKind::Note, &id).await?;
        Ok(true)
    }
}

/// Whether what is kept is counted as said by its author now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turns {
    Taken,
    /// It was said before, below a video of which all is asked for.
    Free,
}

fn refused(error: note::NoteError) -> HearError {
    HearError::Refused(match error {
        note::NoteError::Kind => "this is no Note",
        note::NoteError::Id => "the note has no id of its own server",
        note::NoteError::Author => "the note has no author of its own server",
        note::NoteError::NoReply => "the note answers nothing",
        note::NoteError::NotPublic => "the note isn't for everybody",
        note::NoteError::Empty => "the note says nothing",
        note::NoteError::Long => "the note is too long",
    })
}

const UNKNOWN: &str = "it leads to no video that is known here";

/// Answers between a comment and its video that are asked for: PeerTube's bound.
const MOST_ABOVE: usize = 100;
