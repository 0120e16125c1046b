//! What pages show of reports, and what is done there with them.

use wire::id::VideoId;

use super::{CommentLine, Listed, whole};
use crate::Sidecar;
use crate::api::abuses::{report_note, report_reason};
use crate::body::Fields;
use crate::error::{ApiError, BadField};
use crate::reports::{Forwarding, Reported};
use crate::table::comment;
use crate::table::report::{Report, ReportState};
use crate::visitor::{Asker, Visitor};

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine {
    /// Its number.
    pub id: i64,
    /// Why it was made.
    pub reason: String,
    /// The handle of who made it; with a host if they are of another server, and `None` if they are gone.
    pub reporter: Option<String>,
    /// The handle of whom it is against.
    pub target: String,
    /// The short UUID and the name of the video that it is about, or below which the comment stands.
    pub video: Option<(String, String)>,
    /// The comment that it is about.
    pub comment: Option<Box<CommentLine>>,
    /// What was decided.
    pub verdict: Verdict,
    /// What was noted about that.
    pub note: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: i64,
}

/// What was decided about a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Open,
    /// That there is nothing in it.
    Refused,
    /// That it is right.
    Accepted,
}

impl Sidecar {
    /// A page of reports about which nothing is decided, or of all, the newest first.
    ///
    /// # Errors
    /// When the visitor doesn't keep order, or the database fails.
    pub async fn reports(
        &self,
        visitor: &Visitor,
        is_open: bool,
        page: (u32, u32),
    ) -> Result<Listed<ReportLine>, ApiError> {
        let state = is_open.then_some(ReportState::Open);
        let (total, found) = self.report_page(visitor, state, page).await?;
        let mut entries = Vec::with_capacity(found.len());
        for report in found {
            entries.push(self.report_line(visitor, report).await?);
        }
        Ok(Listed { total: whole(total), entries })
    }

    async fn report_line(&self, visitor: &Visitor, report: Report) -> sqlx::Result<ReportLine> {
        let comment = match report.comment_id {
            Some(id) => comment::by_id(&self.database, id).await?,
            None => None,
        };
        let uuid = report.video_uuid.as_deref().and_then(|uuid| uuid.parse::<VideoId>().ok());
        Ok(ReportLine {
            id: report.id,
            reason: report.reason,
            reporter: report.reporter,
            target: report.target,
            video: uuid.map(|uuid| uuid.short()).zip(report.video_name),
            comment: comment.map(|found| Box::new(self.line(&found, false, Some(visitor)))),
            verdict: match ReportState::parse(report.state) {
                Some(ReportState::Refused) => Verdict::Refused,
                Some(ReportState::Accepted) => Verdict::Accepted,
                Some(ReportState::Open) | None => Verdict::Open,
            },
            note: report.note,
            created_at_ms: report.created_at,
        })
    }

    /// Keeps what a visitor says in the field `reason` against something; with `forward` the server that it comes from is told.
    ///
    /// # Errors
    /// What the API refuses.
    pub async fn report_something(
        &self,
        asker: Asker<'_>,
        what: &Reported,
        mut fields: Fields,
    ) -> Result<(), ApiError> {
        let is_told = fields.text("forward").is_some();
        let forwarding = if is_told { Forwarding::Told } else { Forwarding::Kept };
        let reason = fields.required("reason", report_reason);
        let reason = fields.finish(reason)?;
        self.take_report(asker, what, &reason, forwarding).await.map(drop)
    }

    /// Decides about a report, with a note if one was written.
    ///
    /// # Errors
    /// When the visitor doesn't keep order, there is no such report, or the database fails.
    pub async fn settle_report(
        &self,
        visitor: &Visitor,
        id: i64,
        verdict: Verdict,
        note: Option<&str>,
    ) -> Result<(), ApiError> {
        let state = match verdict {
            Verdict::Open => ReportState::Open,
            Verdict::Refused => ReportState::Refused,
            Verdict::Accepted => ReportState::Accepted,
        };
        let note = note.map(report_note).transpose();
        let bad = |reason| ApiError::Fields(vec![BadField { name: "note", reason }]);
        let note = note.map_err(bad)?;
        self.decide_report(visitor, id, Some(state), note.as_deref()).await
    }
}
