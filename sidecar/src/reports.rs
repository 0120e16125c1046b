//! What people report, whether a program or a page asks for it, and what those who keep order decide.

use crate::error::ApiError;
use crate::pace::{Rate, Time};
use crate::table::comment::{self, CommentState};
use crate::table::report::{self, NewReport, Report, ReportState};
use crate::table::{account, channel, remote_actor};
use crate::visitor::{Asker, Visitor};
use crate::{Sidecar, now_ms};

/// What is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// A video, by its UUID, short UUID or number.
    Video(String),
    /// A comment, by its number.
    Comment(i64),
    /// An account, by its number.
    Account(i64),
}

/// Whether the server that it comes from is told, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarding {
    /// As from the instance: not who reports it.
    Told,
    /// It stays here.
    Kept,
}

impl Sidecar {
    /// Keeps what a visitor says against something that they see, and returns its number.
    pub(crate) async fn take_report(
        &self,
        asker: Asker<'_>,
        what: &Reported,
        reason: &str,
        forwarding: Forwarding,
    ) -> Result<i64, ApiError> {
        let visitor = asker.visitor.ok_or(ApiError::NoToken)?;
        let (target_id, video_id, comment_id) = self.target(asker, what).await?;
        self.take_report_turn(visitor.account_id).map_err(ApiError::TooMany)?;
        let reporter_id = visitor.account_id;
        let new = NewReport { reporter_id, target_id, video_id, comment_id, reason };
        let id = report::create(&self.database, now_ms(), &new).await?;
        if forwarding == Forwarding::Told
            && let Some(made) = report::by_id(&self.database, id).await?
        {
            self.tell_of_report(&made).await;
        }
        Ok(id)
    }

    /// The server whose moderators could be told of a report, if it is another.
    ///
    /// # Errors
    /// When whoever asks doesn't see what it is about, or the database fails.
    pub async fn reported_host(
        &self,
        asker: Asker<'_>,
        what: &Reported,
    ) -> Result<Option<String>, ApiError> {
        let (target, ..) = self.target(asker, what).await?;
        let found = remote_actor::by_id(&self.database, target).await?;
        Ok(found.map(|found| found.host).filter(|_| self.federates()))
    }

    /// Against whom it is, with the numbers of a video and a comment if it is about one.
    async fn target(
        &self,
        asker: Asker<'_>,
        what: &Reported,
    ) -> Result<(i64, Option<i64>, Option<i64>), ApiError> {
        let database = &self.database;
        match what {
            Reported::Video(key) => {
                // Programs name a video that they see by its number, which opens no unlisted one by itself.
                let known = self.by_key(key).await?.ok_or(ApiError::NotFound("Video"))?;
                let video = self.sight(&known.uuid, asker).await?.video;
                Ok((video.account_id, Some(video.id), None))
            }
            Reported::Comment(id) => {
                let found = comment::by_id(database, *id).await?;
                let found =
                    found.filter(|found| found.is(CommentState::Shown) && !found.is_unwanted());
                let found = found.ok_or(ApiError::NotFound("Video comment"))?;
                self.sight(&found.video_uuid, asker).await?;
                let author = found.account_id.ok_or(ApiError::NotFound("Video comment"))?;
                Ok((author, Some(found.video_id), Some(found.id)))
            }
            Reported::Account(id) => {
                let found = account::by_id(database, *id).await?;
                let found = found.ok_or(ApiError::NotFound("Account"))?;
                Ok((found.id, None, None))
            }
        }
    }

    /// Counts one report of somebody, or tells how long it lasts until they may make another.
    pub(crate) fn take_report_turn(&self, id: i64) -> Result<(), Time> {
        self.attempts(|attempts, now| attempts.reports_of.take(now, &id))
    }

    /// The same of all who are of one site of elsewhere.
    pub(crate) fn take_report_turn_from(&self, site: &str) -> Result<(), Time> {
        let site = site.to_owned();
        self.attempts(|attempts, now| attempts.reports_from.take(now, &site))
    }

    /// A page of reports for those who keep order.
    pub(crate) async fn report_page(
        &self,
        visitor: &Visitor,
        state: Option<ReportState>,
        (start, count): (u32, u32),
    ) -> Result<(i64, Vec<Report>), ApiError> {
        moderates(visitor)?;
        Ok(report::page(&self.database, state, start.into(), count.into()).await?)
    }

    /// Sets what was decided about a report.
    pub(crate) async fn decide_report(
        &self,
        visitor: &Visitor,
        id: i64,
        state: Option<ReportState>,
        note: Option<&str>,
    ) -> Result<(), ApiError> {
        moderates(visitor)?;
        match report::decide(&self.database, now_ms(), id, state, note).await? {
            true => Ok(()),
            false => Err(ApiError::NotFound("Abuse")),
        }
    }

    /// Forgets a report.
    pub(crate) async fn forget_report(&self, visitor: &Visitor, id: i64) -> Result<(), ApiError> {
        moderates(visitor)?;
        match report::delete(&self.database, id).await? {
            true => Ok(()),
            false => Err(ApiError::NotFound("Abuse")),
        }
    }

    /// The channel or the account that a report of elsewhere is against, by a number of either.
    pub(crate) async fn account_behind(&self, id: i64) -> sqlx::Result<Option<i64>> {
        match channel::by_id(&self.database, id).await? {
            Some(channel) => Ok(Some(channel.account_id)),
            None => Ok(account::by_id(&self.database, id).await?.map(|account| account.id)),
        }
    }
}

fn moderates(visitor: &Visitor) -> Result<(), ApiError> {
    if visitor.role.moderates() {
        Ok(())
    } else {
        Err(ApiError::Forbidden("only moderators and administrators may do this"))
    }
}

/// Reports of one account or server: a bad evening's, and after that one in ten minutes, as each is read by somebody.
pub(crate) const REPORTS_OF: Rate = Rate { burst: 20, every: Time::from_secs(600) };

/// Those of one site: three bad evenings, however many people it says that it has.
pub(crate) const REPORTS_FROM: Rate = Rate { burst: 60, every: Time::from_secs(600) };
