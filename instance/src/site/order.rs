//! `/admin/…`: who keeps order sees who waits for an account and who is here, and what the machine works on.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::role::Role;
use sidecar::{Act, Applicant, Fields, JobLine, UserLine};

use super::settings::visitor;
use super::shelf::page;
use super::{PageError, Site, now_ms, see_other};
use crate::visit::{Visit, size};

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

/// `/admin/users`.
#[derive(Template)]
#[template(path = "users.html")]
struct Users<'a> {
    visit: &'a Visit<'a>,
    rows: Vec<UserRow>,
    newer: Option<u32>,
    older: Option<u32>,
}

struct UserRow {
    user: UserLine,
    role: &'static str,
    used: String,
    last_login: String,
    /// They may be kept out by whoever asks.
    may_act: bool,
}

/// `/admin/jobs`.
#[derive(Template)]
#[template(path = "jobs.html")]
struct Jobs<'a> {
    visit: &'a Visit<'a>,
    jobs: Vec<JobLine>,
    disk: String,
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

    pub(super) async fn show_users(
        &self,
        visit: &Visit<'_>,
        query: &str,
    ) -> Result<Reply, PageError> {
        let visitor = visitor(visit)?;
        let page = page(query);
        let start = (page - 1).saturating_mul(USERS);
        let (total, users) = self.sidecar.users(visitor, start, USERS).await?;
        let now_ms = now_ms();
        let row = |user: UserLine| UserRow {
            role: role_key(user.role),
            used: match user.quota_bytes {
                Some(most) => format!("{} / {}", size(user.used_bytes), size(most)),
                None => size(user.used_bytes),
            },
            last_login: match user.last_login_at.map(u64::try_from) {
                Some(Ok(at)) => visit.age(at, now_ms),
                _ => visit.say("never"),
            },
            may_act: user.id != visitor.user_id
                && (user.role == Role::User || visitor.role == Role::Administrator),
            user,
        };
        let page = Users {
            visit,
            rows: users.into_iter().map(row).collect(),
            newer: (page > 1).then(|| page - 1),
            older: (u64::from(page) * u64::from(USERS) < total).then(|| page + 1),
        };
        self.html(visit, StatusCode::OK, &page)
    }

    /// Keeps somebody out, or lets them in again.
    pub(super) async fn govern(
        &self,
        visit: &Visit<'_>,
        id: i64,
        mut fields: Fields,
    ) -> Result<Reply, PageError> {
        let act = match fields.text("act") {
            Some("block") => Act::BlockUser(id),
            Some("unblock") => Act::UnblockUser(id),
            _ => return Err(PageError::NotFound),
        };
        fields.drop_empty(&["reason"]);
        self.sidecar.act(visitor(visit)?, act, fields).await?;
        Ok(see_other("/admin/users"))
    }

    pub(super) async fn show_jobs(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        let jobs = self.sidecar.jobs(visitor(visit)?, JOBS).await?;
        let room = self.look_up(|library| library.room()).await?;
        let disk = visit.used("disk", room.free_bytes, room.bytes);
        self.html(visit, StatusCode::OK, &Jobs { visit, jobs, disk })
    }
}

fn role_key(role: Role) -> &'static str {
    match role {
        Role::Administrator => "role-administrator",
        Role::Moderator => "role-moderator",
        Role::User => "role-user",
    }
}

/// Users on one page.
const USERS: u32 = 50;

/// Jobs that are shown.
const JOBS: u32 = 50;
