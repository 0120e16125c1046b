//! `/admin/…`: who keeps order sees who waits for an account, and decides.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::{Applicant, Fields};

use super::settings::visitor;
use super::{PageError, Site, now_ms, see_other};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "registrations.html")]
struct Registrations<'a> {
    visit: &'a Visit<'a>,
    rows: Vec<Row>,
}

struct Row {
    applicant: Applicant,
    age: String,
}

impl Site {
    pub(super) async fn show_registrations(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        let waiting = self.sidecar.applicants(visitor(visit)?).await?;
        let now_ms = now_ms();
        let rows = waiting.into_iter().map(|applicant| {
            let asked = u64::try_from(applicant.created_at).unwrap_or_default();
            Row { age: visit.age(asked, now_ms), applicant }
        });
        self.html(visit, StatusCode::OK, &Registrations { visit, rows: rows.collect() })
    }

    pub(super) async fn decide_on(
        &self,
        visit: &Visit<'_>,
        id: i64,
        fields: Fields,
    ) -> Result<Reply, PageError> {
        let is_accepted = match fields.text("decision") {
            Some("accept") => true,
            Some("reject") => false,
            _ => return Err(PageError::NotFound),
        };
        self.sidecar.decide_on(visitor(visit)?, id, is_accepted, fields).await?;
        Ok(see_other("/admin/registrations"))
    }
}
