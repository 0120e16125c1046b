//! Comments: below a video, `/my/comments` and `/admin/comments`; written, answered, approved and deleted by forms.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::view::{CommentLine, Part, Said, Talk, Whose};
use sidecar::visitor::Asker;
use sidecar::{ApiError, Fields, cookie};
use wire::id::VideoId;

use super::settings::visitor;
use super::shelf::page;
use super::watch::Knock;
use super::{PageError, Site, now_ms, number, parameter, see_other};
use crate::visit::{Visit, local_path};

/// What stands below a video.
#[derive(Default)]
pub(crate) struct TalkPart {
    pub(crate) title: String,
    pub(crate) is_closed: bool,
    /// One thread alone is shown.
    pub(crate) is_thread: bool,
    pub(crate) rows: Vec<TalkRow>,
    pub(crate) newer: Option<String>,
    pub(crate) older: Option<String>,
}

/// A comment as a page shows it.
pub(crate) struct TalkRow {
    pub(crate) line: CommentLine,
    pub(crate) age: String,
    /// The sentence that leads to answers that aren't shown.
    pub(crate) more: Option<String>,
    /// How far it is moved in.
    pub(crate) step: usize,
}

/// `/my/comments` and `/admin/comments`.
#[derive(Template)]
#[template(path = "comments.html")]
struct Comments<'a> {
    visit: &'a Visit<'a>,
    is_admin: bool,
    is_waiting: bool,
    path: &'static str,
    rows: Vec<TalkRow>,
    newer: Option<u32>,
    older: Option<u32>,
}

impl Site {
    /// What is said below a video that whoever asks may see.
    pub(super) async fn talk_part(
        &self,
        visit: &Visit<'_>,
        id: &VideoId,
        query: &str,
        knock: Knock<'_>,
    ) -> Result<TalkPart, PageError> {
        let thread = parameter(query, "thread").and_then(|id| id.parse().ok());
        let page = parameter(query, "comments").and_then(|page| page.parse::<u32>().ok());
        let page = page.unwrap_or(1).clamp(1, PAGES);
        let part = match thread {
            Some(id) => Part::Thread(id),
            None => Part::Threads((page - 1) * THREADS, THREADS),
        };
        let from = self.sidecar.counted(knock.headers, knock.peer);
        let kept = cookie::video_password(knock.headers, id);
        let said = knock.fields.and_then(|fields| fields.text("password")).map(str::to_owned);
        let password = said.or(kept);
        let asker =
            Asker { visitor: visit.visitor.as_ref(), password: password.as_deref(), from: &from };
        let talk = self.sidecar.talk(&id.to_string(), asker, part).await?.unwrap_or_default();
        Ok(talk_part(visit, id, talk, thread.is_some(), page))
    }

    /// Says something below a video, and shows it there.
    pub(super) async fn speak(
        &self,
        visit: &Visit<'_>,
        key: &str,
        fields: Fields,
        knock: Knock<'_>,
    ) -> Result<Reply, PageError> {
        let id: VideoId = key.parse().map_err(|_| PageError::NotFound)?;
        let said = self.as_asker(visit, &id, knock, async |asker| {
            self.sidecar.speak(&id.to_string(), asker, fields).await
        });
        Ok(see_other(&place(&id, &said.await?)))
    }

    /// Deletes, changes or approves a comment.
    pub(super) async fn change_comment(
        &self,
        visit: &Visit<'_>,
        (key, no): (&str, i64),
        fields: Fields,
        knock: Knock<'_>,
    ) -> Result<Reply, PageError> {
        let id: VideoId = key.parse().map_err(|_| PageError::NotFound)?;
        let here = format!("/w/{}#comments", id.short());
        let next = fields.text("next").and_then(local_path).unwrap_or(&here).to_owned();
        let act = fields.text("act").unwrap_or_default().to_owned();
        let done = self.as_asker(visit, &id, knock, async |asker| match act.as_str() {
            "delete" => self.sidecar.unsay(&id.to_string(), asker, no).await,
            "reword" => self.sidecar.reword(&id.to_string(), asker, no, fields).await,
            "approve" => self.sidecar.let_speak(&id.to_string(), asker, no).await,
            _ => Err(ApiError::NoRoute),
        });
        done.await?;
        Ok(see_other(&next))
    }

    async fn as_asker<T>(
        &self,
        visit: &Visit<'_>,
        id: &VideoId,
        knock: Knock<'_>,
        work: impl AsyncFnOnce(Asker<'_>) -> Result<T, ApiError>,
    ) -> Result<T, PageError> {
        let visitor = Some(visitor(visit)?);
        let from = self.sidecar.counted(knock.headers, knock.peer);
        let password = cookie::video_password(knock.headers, id);
        let asker = Asker { visitor, password: password.as_deref(), from: &from };
        work(asker).await.map_err(PageError::Refused)
    }

    /// The id of a comment, which leads to where it stands.
    pub(super) async fn forward_comment(&self, key: &str, no: &str) -> Result<Reply, PageError> {
        let id: VideoId = key.parse().map_err(|_| PageError::NotFound)?;
        let said =
            self.sidecar.comment_place(&id, number(no)?).await?.ok_or(PageError::NotFound)?;
        Ok(see_other(&place(&id, &said)))
    }

    /// What is said below a visitor's videos, or everywhere.
    pub(super) async fn show_comments(
        &self,
        visit: &Visit<'_>,
        whose: Whose,
        query: &str,
    ) -> Result<Reply, PageError> {
        let page = page(query);
        let is_waiting = parameter(query, "waiting").is_some();
        let start = (page - 1).saturating_mul(THREADS);
        let (visitor, is_held) = (visitor(visit)?, is_waiting.then_some(true));
        let found = self.sidecar.comments(visitor, whose, is_held, (start, THREADS)).await?;
        let now_ms = now_ms();
        let is_admin = whose == Whose::All;
        let page = Comments {
            visit,
            is_admin,
            is_waiting,
            path: if is_admin { "/admin/comments" } else { "/my/comments" },
            rows: found.entries.into_iter().map(|line| row(visit, line, now_ms)).collect(),
            newer: (page > 1).then(|| page - 1),
            older: (u64::from(page) * u64::from(THREADS) < found.total).then(|| page + 1),
        };
        self.html(visit, StatusCode::OK, &page)
    }
}

fn talk_part(visit: &Visit<'_>, id: &VideoId, talk: Talk, is_thread: bool, page: u32) -> TalkPart {
    let now_ms = now_ms();
    let turn = |page: u32| format!("/w/{}?comments={page}#comments", id.short());
    let is_more = !is_thread && u64::from(page) * u64::from(THREADS) < talk.threads;
    TalkPart {
        title: visit.count("talk-title", talk.total),
        is_closed: talk.is_closed,
        is_thread,
        newer: (page > 1 && !is_thread).then(|| turn(page - 1)),
        older: (is_more && page < PAGES).then(|| turn(page + 1)),
        rows: talk.lines.into_iter().map(|line| row(visit, line, now_ms)).collect(),
    }
}

fn row(visit: &Visit<'_>, line: CommentLine, now_ms: u64) -> TalkRow {
    TalkRow {
        age: visit.age(u64::try_from(line.created_at_ms).unwrap_or_default(), now_ms),
        more: (line.more > 0).then(|| visit.count("talk-more", line.more)),
        step: line.depth.min(STEPS),
        line,
    }
}

/// Where a comment stands: an answer among its thread, which may not be on the first page.
fn place(id: &VideoId, said: &Said) -> String {
    let short = id.short();
    if said.id == said.thread_id {
        format!("/w/{short}?thread={0}#comment-{0}", said.id)
    } else {
        format!("/w/{short}?thread={}#comment-{}", said.thread_id, said.id)
    }
}

/// Threads on one page.
const THREADS: u32 = 20;

/// Pages of threads that are turned to.
const PAGES: u32 = 10_000;

/// How often an answer is moved in: a telephone has no room for more.
const STEPS: usize = 4;
