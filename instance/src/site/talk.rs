//! Comments: below a video, `/my/comments` and `/admin/comments`; written, answered, approved and deleted by forms.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::view::{CommentLine, Part, Place, Said, Talk, Whose};
use sidecar::visitor::Asker;
use sidecar::{ApiError, Fields, cookie};
use wire::id::VideoId;

use super::settings::visitor;
use super::shelf::page;
use super::watch::Knock;
use super::{PageError, Site, now_ms, number, parameter, see_other};
use crate::form::Form;
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
    /// What somebody wrote that wasn't taken.
    pub(crate) draft: Option<Draft>,
}

/// What somebody wrote that wasn't taken, for them to have it.
pub(crate) struct Draft {
    pub(crate) text: String,
    /// Why.
    pub(crate) problem: String,
    /// Where its form is sent.
    pub(crate) action: String,
    /// What it answers.
    pub(crate) parent: Option<i64>,
    /// It was there before, and said something else.
    pub(crate) is_change: bool,
}

/// A comment as a page shows it.
pub(crate) struct TalkRow {
    pub(crate) line: CommentLine,
    pub(crate) age: String,
    /// Where it stands.
    pub(crate) href: String,
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
    /// Which of them are shown: a parameter of the address, or nothing for all.
    only: &'static str,
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
        let number = |name: &str| parameter(query, name).and_then(|no| no.parse::<u32>().ok());
        let page = number("comments").unwrap_or(1).clamp(1, PAGES);
        let thread = number("thread").map(i64::from);
        let part = match (thread, number("at")) {
            (Some(id), Some(no)) => Part::Thread(id, Place::Comment(no.into())),
            (Some(id), None) => Part::Thread(id, Place::Page(page)),
            (None, _) => Part::Threads((page - 1) * THREADS, THREADS),
        };
        let from = self.sidecar.counted(knock.headers, knock.peer);
        let kept = cookie::video_password(knock.headers, id);
        let said = knock.fields.and_then(|fields| fields.text("password")).map(str::to_owned);
        let password = said.or(kept);
        let asker =
            Asker { visitor: visit.visitor.as_ref(), password: password.as_deref(), from: &from };
        let talk = self.sidecar.talk(&id.to_string(), asker, part).await?.unwrap_or_default();
        Ok(talk_part(visit, id, talk, thread, page))
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
            self.sidecar.speak(&id.to_string(), asker, fields.clone()).await
        });
        match said.await {
            Ok(said) => Ok(see_other(&place(&id.short(), &said))),
            Err(error) => {
                let parent = fields.text("parent").and_then(|no| no.parse().ok());
                let action = format!("/w/{}/comments", id.short());
                let draft = Draft { parent, action, ..draft(visit, &fields, &error) };
                self.give_back(visit, &id, knock, (error, draft)).await
            }
        }
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
            "reword" => self.sidecar.reword(&id.to_string(), asker, no, fields.clone()).await,
            "approve" => self.sidecar.let_speak(&id.to_string(), asker, no).await,
            _ => Err(ApiError::NoRoute),
        });
        match done.await {
            Err(error) if act == "reword" => {
                let action = format!("/w/{}/comments/{no}", id.short());
                let draft = Draft { is_change: true, action, ..draft(visit, &fields, &error) };
                self.give_back(visit, &id, knock, (error, draft)).await
            }
            done => done.map(|()| see_other(&next)),
        }
    }

    /// The page of a video with what somebody wrote that wasn't taken.
    async fn give_back(
        &self,
        visit: &Visit<'_>,
        id: &VideoId,
        knock: Knock<'_>,
        (error, draft): (PageError, Draft),
    ) -> Result<Reply, PageError> {
        let status = match &error {
            PageError::LoggedOut => StatusCode::UNAUTHORIZED,
            PageError::Refused(refused) => refused.status(),
            _ => return Err(error),
        };
        let answered = match draft.parent {
            Some(no) => self.sidecar.comment_place(id, no).await?,
            None => None,
        };
        let query = answered.map(|said| format!("thread={}&at={}", said.thread_id, said.id));
        let here = format!("/w/{}#comments", id.short());
        let visit = Visit { here, visitor: visit.visitor.clone(), ..*visit };
        let again = self.watch_again(&visit, id, query.as_deref().unwrap_or(""), knock, draft);
        // Whoever doesn't see the video learns why that is.
        let mut reply = again.await.map_err(|_| error)?;
        *reply.status_mut() = status;
        Ok(reply)
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
        Ok(see_other(&place(&id.short(), &said)))
    }

    /// What is said below a visitor's videos, by them, or everywhere.
    pub(super) async fn show_comments(
        &self,
        visit: &Visit<'_>,
        whose: Whose,
        query: &str,
    ) -> Result<Reply, PageError> {
        let page = page(query);
        let is_admin = whose == Whose::All;
        let only = match () {
            () if parameter(query, "waiting").is_some() => "waiting",
            () if !is_admin && parameter(query, "said").is_some() => "said",
            () => "",
        };
        let whose = if only == "said" { Whose::Said } else { whose };
        let start = (page - 1).saturating_mul(THREADS);
        let (visitor, is_held) = (visitor(visit)?, (only == "waiting").then_some(true));
        let found = self.sidecar.comments(visitor, whose, is_held, (start, THREADS)).await?;
        let now_ms = now_ms();
        let page = Comments {
            visit,
            is_admin,
            only,
            path: if is_admin { "/admin/comments" } else { "/my/comments" },
            rows: found.entries.into_iter().map(|line| row(visit, line, now_ms)).collect(),
            newer: (page > 1).then(|| page - 1),
            older: (u64::from(page) * u64::from(THREADS) < found.total).then(|| page + 1),
        };
        self.html(visit, StatusCode::OK, &page)
    }
}

impl Comments<'_> {
    /// The address of a page of the same.
    fn turn(&self, page: &u32) -> String {
        match self.only {
            "" => format!("{}?page={page}", self.path),
            only => format!("{}?{only}=1&page={page}", self.path),
        }
    }
}

fn talk_part(
    visit: &Visit<'_>,
    id: &VideoId,
    talk: Talk,
    thread: Option<i64>,
    page: u32,
) -> TalkPart {
    let now_ms = now_ms();
    let (page, is_more) = match thread {
        Some(_) => (talk.page, talk.is_more),
        None => (page, u64::from(page) * u64::from(THREADS) < talk.threads),
    };
    let within = thread.map(|id| format!("thread={id}&")).unwrap_or_default();
    let turn = |page: u32| format!("/w/{}?{within}comments={page}#comments", id.short());
    TalkPart {
        title: visit.count("talk-title", talk.total),
        is_closed: talk.is_closed,
        is_thread: thread.is_some(),
        newer: (page > 1).then(|| turn(page - 1)),
        older: (is_more && page < PAGES).then(|| turn(page + 1)),
        rows: talk.lines.into_iter().map(|line| row(visit, line, now_ms)).collect(),
        draft: None,
    }
}

/// What was written into the form of a comment, and why it wasn't taken.
fn draft(visit: &Visit<'_>, fields: &Fields, error: &PageError) -> Draft {
    let problem = match error {
        PageError::Refused(refused) => {
            let form = Form::refused(visit.language, fields, refused);
            let problem = form.problem_of("text").or(form.problem());
            problem.unwrap_or_default().to_owned()
        }
        _ => visit.say("comment-logged-out"),
    };
    let text = fields.text("text").unwrap_or_default().to_owned();
    Draft { text, problem, action: String::new(), parent: None, is_change: false }
}

fn row(visit: &Visit<'_>, line: CommentLine, now_ms: u64) -> TalkRow {
    TalkRow {
        age: visit.age(u64::try_from(line.created_at_ms).unwrap_or_default(), now_ms),
        more: (line.more > 0).then(|| visit.count("talk-more", line.more)),
        step: line.depth.min(STEPS),
        href: place_of(&line),
        line,
    }
}

/// Where a comment stands: an answer among its thread, on the page of that on which it is.
pub(super) fn place_of(line: &CommentLine) -> String {
    place(&line.video, &Said { id: line.id, thread_id: line.thread_id })
}

fn place(short: &str, said: &Said) -> String {
    let Said { id, thread_id } = said;
    if id == thread_id {
        format!("/w/{short}?thread={id}#comment-{id}")
    } else {
        format!("/w/{short}?thread={thread_id}&at={id}#comment-{id}")
    }
}

/// Threads on one page.
const THREADS: u32 = 20;

/// Pages of threads that are turned to.
const PAGES: u32 = 10_000;

/// How often an answer is moved in: a telephone has no room for more.
const STEPS: usize = 4;
