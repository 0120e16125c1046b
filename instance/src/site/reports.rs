//! `/report`, where a visitor says what is wrong with something, and `/admin/reports`, where those who keep order read it.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::view::{ReportLine, Verdict};
use sidecar::{ApiError, Fields, Reported, cookie};
use wire::id::VideoId;

use super::settings::visitor;
use super::shelf::page;
use super::talk::place_of;
use super::watch::Knock;
use super::{PageError, Site, now_ms, parameter, see_other};
use crate::form::Form;
use crate::visit::{Visit, local_path};
use sidecar::visitor::Asker;

/// `/report`.
#[derive(Template)]
#[template(path = "report.html")]
struct Reporting<'a> {
    visit: &'a Visit<'a>,
    form: Form,
    video: String,
    comment: Option<i64>,
    /// The server that it comes from, if it is another.
    host: Option<String>,
    is_done: bool,
}

/// `/admin/reports`.
#[derive(Template)]
#[template(path = "reports.html")]
struct Reports<'a> {
    visit: &'a Visit<'a>,
    is_all: bool,
    rows: Vec<Row>,
    newer: Option<u32>,
    older: Option<u32>,
}

struct Row {
    line: ReportLine,
    /// Where what it is about is to be seen.
    href: Option<String>,
    age: String,
    verdict: &'static str,
    is_open: bool,
    /// A note that wasn't taken, and why.
    refused: Option<(String, String)>,
}

impl Site {
    pub(super) async fn show_report(
        &self,
        visit: &Visit<'_>,
        query: &str,
        knock: Knock<'_>,
    ) -> Result<Reply, PageError> {
        let video = parameter(query, "video").ok_or(PageError::NotFound)?;
        let video: VideoId = video.parse().map_err(|_| PageError::NotFound)?;
        let comment = parameter(query, "comment").and_then(|no| no.parse().ok());
        let is_done = parameter(query, "done").is_some();
        let host = match is_done {
            true => None,
            false => self.reported_host(visit, &video, comment, knock).await?,
        };
        let form = Form::filled([("forward", "true".to_owned())]);
        let page = Reporting { visit, form, video: video.short(), comment, host, is_done };
        self.html(visit, StatusCode::OK, &page)
    }

    /// Another server that what is reported comes from; only of what the visitor sees.
    async fn reported_host(
        &self,
        visit: &Visit<'_>,
        video: &VideoId,
        comment: Option<i64>,
        knock: Knock<'_>,
    ) -> Result<Option<String>, PageError> {
        let visitor = Some(visitor(visit)?);
        let from = self.sidecar.counted(knock.headers, knock.peer);
        let password = cookie::video_password(knock.headers, video);
        let asker = Asker { visitor, password: password.as_deref(), from: &from };
        Ok(self.sidecar.reported_host(asker, &reported(video, comment)).await?)
    }

    pub(super) async fn report(
        &self,
        visit: &Visit<'_>,
        fields: Fields,
        knock: Knock<'_>,
    ) -> Result<Reply, PageError> {
        let who = Some(visitor(visit)?);
        let video: Option<VideoId> = fields.text("video").and_then(|video| video.parse().ok());
        let video = video.ok_or(PageError::NotFound)?;
        let comment: Option<i64> = fields.text("comment").and_then(|no| no.parse().ok());
        let what = reported(&video, comment);
        let from = self.sidecar.counted(knock.headers, knock.peer);
        let password = cookie::video_password(knock.headers, &video);
        let asker = Asker { visitor: who, password: password.as_deref(), from: &from };
        let short = video.short();
        match self.sidecar.report_something(asker, &what, fields.clone()).await {
            Ok(()) => Ok(see_other(&format!("/report?video={short}&done=1"))),
            Err(error @ (ApiError::Fields(_) | ApiError::TooMany(_))) => {
                let host = self.reported_host(visit, &video, comment, knock).await?;
                let form = Form::refused(visit.language, &fields, &error);
                let page = Reporting { visit, form, video: short, comment, host, is_done: false };
                self.html(visit, error.status(), &page)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn show_reports(
        &self,
        visit: &Visit<'_>,
        query: &str,
    ) -> Result<Reply, PageError> {
        self.reports_page(visit, query, StatusCode::OK, None).await
    }

    /// The page, with a note about one of them that wasn't taken, and why.
    async fn reports_page(
        &self,
        visit: &Visit<'_>,
        query: &str,
        status: StatusCode,
        refused: Option<(i64, String, String)>,
    ) -> Result<Reply, PageError> {
        let page = page(query);
        let is_all = parameter(query, "all").is_some();
        let start = (page - 1).saturating_mul(REPORTS);
        let found = self.sidecar.reports(visitor(visit)?, !is_all, (start, REPORTS)).await?;
        let now_ms = now_ms();
        let row = |line: ReportLine| Row {
            age: visit.age(u64::try_from(line.created_at_ms).unwrap_or_default(), now_ms),
            verdict: match line.verdict {
                Verdict::Open => "report-open",
                Verdict::Refused => "report-refused",
                Verdict::Accepted => "report-accepted",
            },
            is_open: line.verdict == Verdict::Open,
            refused: refused
                .as_ref()
                .filter(|(id, ..)| *id == line.id)
                .map(|(_, note, problem)| (note.clone(), problem.clone())),
            href: match &line.comment {
                Some(comment) => Some(place_of(comment)),
                None => line.video.as_ref().map(|(short, _)| format!("/w/{short}")),
            },
            line,
        };
        let page = Reports {
            visit,
            is_all,
            newer: (page > 1).then(|| page - 1),
            older: (u64::from(page) * u64::from(REPORTS) < found.total).then(|| page + 1),
            rows: found.entries.into_iter().map(row).collect(),
        };
        self.html(visit, status, &page)
    }

    pub(super) async fn settle_report(
        &self,
        visit: &Visit<'_>,
        id: i64,
        fields: &Fields,
    ) -> Result<Reply, PageError> {
        let verdict = match fields.text("verdict") {
            Some("accept") => Verdict::Accepted,
            Some("refuse") => Verdict::Refused,
            Some("open") => Verdict::Open,
            _ => return Err(PageError::NotFound),
        };
        let note = fields.text("note").filter(|note| !note.trim().is_empty());
        let next = fields.text("next").and_then(local_path).unwrap_or("/admin/reports");
        match self.sidecar.settle_report(visitor(visit)?, id, verdict, note).await {
            Ok(()) => Ok(see_other(next)),
            Err(error @ ApiError::Fields(_)) => {
                let form = Form::refused(visit.language, fields, &error);
                let problem = form.problem_of("note").unwrap_or_default().to_owned();
                let refused = Some((id, note.unwrap_or_default().to_owned(), problem));
                let query = next.split_once('?').map_or("", |(_, query)| query);
                let (here, visitor) = (next.to_owned(), visit.visitor.clone());
                let visit = &Visit { here, visitor, ..*visit };
                self.reports_page(visit, query, error.status(), refused).await
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn reported(video: &VideoId, comment: Option<i64>) -> Reported {
    match comment {
        Some(no) => Reported::Comment(no),
        None => Reported::Video(video.to_string()),
    }
}

/// As many as a page has.
const REPORTS: u32 = 30;
