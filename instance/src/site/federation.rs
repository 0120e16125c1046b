//! `/admin/federation`: who follows whom, who is blocked, and what waits for which server; `/instances`: whom this instance meets.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::federation::govern::{
    BackfillLine, BlockLine, Consent, FollowLine, Neighbour, Overview, QueueLine, Ruling,
};
use sidecar::{ApiError, Fields};

use super::settings::visitor;
use super::shelf::page;
use super::{PageError, Site, now_ms, see_other};
use crate::form::Form;
use crate::visit::Visit;

/// `/admin/federation`.
#[derive(Template)]
#[template(path = "federation.html")]
struct Federation<'a> {
    visit: &'a Visit<'a>,
    is_on: bool,
    form: Form,
    known: Overview,
    now_ms: u64,
}

/// `/instances`.
#[derive(Template)]
#[template(path = "instances.html")]
struct Instances<'a> {
    visit: &'a Visit<'a>,
    neighbours: Vec<Neighbour>,
    newer: Option<u32>,
    older: Option<u32>,
}

impl Federation<'_> {
    fn consent(&self, line: &FollowLine) -> String {
        self.visit.say(match line.state {
            Consent::Asked => "follow-asked",
            Consent::Given => "follow-given",
            Consent::Refused => "follow-refused",
        })
    }

    fn may_accept(&self, line: &FollowLine) -> bool {
        line.state != Consent::Given
    }

    fn may_refuse(&self, line: &FollowLine) -> bool {
        line.state != Consent::Refused
    }

    /// "312 of 340 videos are known, the newest since 2 minutes".
    fn progress(&self, line: &BackfillLine) -> String {
        let said = match line.total {
            Some(total) => {
                let counts = (("used", line.done.to_string()), ("most", total.to_string()));
                self.visit.language.tell_two("backfill-of", counts.0, counts.1)
            }
            None => self.visit.count("backfill", line.done),
        };
        format!("{said} · {}", self.age(line.newest_at))
    }

    /// When a server is tried next, if it waits.
    fn next_try(&self, line: &QueueLine) -> Option<String> {
        let due = u64::try_from(line.due_at?).unwrap_or_default();
        let minutes = due.saturating_sub(self.now_ms).div_ceil(60_000);
        Some(self.visit.count("next-try", minutes as i64))
    }

    fn blocked(&self, line: &BlockLine) -> String {
        self.age(line.created_at)
    }

    fn age(&self, ms: i64) -> String {
        self.visit.age(u64::try_from(ms).unwrap_or_default(), self.now_ms)
    }
}

impl Site {
    pub(super) async fn show_federation(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        self.federation_page(visit, StatusCode::OK, Form::default()).await
    }

    /// Does what an administrator decided.
    pub(super) async fn rule_federation(
        &self,
        visit: &Visit<'_>,
        fields: Fields,
    ) -> Result<Reply, PageError> {
        let visitor = visitor(visit)?;
        let ruling = ruling(&fields).ok_or(PageError::NotFound)?;
        match self.sidecar.rule(visitor, ruling).await {
            Ok(()) => Ok(see_other("/admin/federation")),
            Err(
                error @ (ApiError::Invalid(_) | ApiError::Conflict(_) | ApiError::NotFollowed(_)),
            ) => {
                let form = Form::refused(visit.language, &fields, &error);
                self.federation_page(visit, error.status(), form).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn federation_page(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        form: Form,
    ) -> Result<Reply, PageError> {
        let is_on = self.sidecar.federates();
        let known = self.sidecar.federation(visitor(visit)?).await?;
        let page = Federation { visit, is_on, form, known, now_ms: now_ms() };
        self.html(visit, status, &page)
    }

    pub(super) async fn show_instances(
        &self,
        visit: &Visit<'_>,
        query: &str,
    ) -> Result<Reply, PageError> {
        let page = page(query);
        let start = (page - 1).saturating_mul(INSTANCES);
        let (total, neighbours) = self.sidecar.neighbours(start, INSTANCES).await?;
        let page = Instances {
            visit,
            neighbours,
            newer: (page > 1).then(|| page - 1),
            older: (u64::from(page) * u64::from(INSTANCES) < total).then(|| page + 1),
        };
        self.html(visit, StatusCode::OK, &page)
    }
}

/// What a form of the page asks for.
fn ruling(fields: &Fields) -> Option<Ruling<'_>> {
    let target = fields.text("target").unwrap_or_default();
    let no = || target.parse().ok();
    Some(match fields.text("act")? {
        "follow" => Ruling::Follow(target),
        "unfollow" => Ruling::Unfollow(no()?),
        "accept" => Ruling::Accept(no()?),
        "reject" => Ruling::Reject(no()?),
        "block" => Ruling::Block(target, fields.text("reason")),
        "unblock" => Ruling::Unblock(target),
        "retry" => Ruling::Retry(target),
        "forget" => Ruling::Forget(target),
        _ => return None,
    })
}

/// Instances on one page.
const INSTANCES: u32 = 30;
