//! `abuses`: what people report, and what moderators decide.

use http::Method;
use serde_json::{Value, json};
use wire::id::VideoId;

use super::asked::Asked;
use super::{done, json as answer};
use crate::error::ApiError;
use crate::field::{FieldError, prose};
use crate::listing::page;
use crate::reports::{Forwarding, Reported};
use crate::table::report::{Report, ReportState};
use crate::table::{account, comment, remote_actor};
use crate::when::iso;
use crate::{Reply, Sidecar};

/// What a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    All,
    One(i64),
}

impl Route {
    pub(super) fn parse(segments: &[&str]) -> Option<Route> {
        Some(match *segments {
            ["abuses"] => Route::All,
            ["abuses", id] => Route::One(id.parse().ok()?),
            _ => return None,
        })
    }

    pub(super) fn methods(self) -> &'static str {
        match self {
            Route::All => "GET, HEAD, POST, OPTIONS",
            Route::One(_) => "PUT, DELETE, OPTIONS",
        }
    }
}

impl Sidecar {
    pub(super) async fn answer_abuses(
        &self,
        route: Route,
        asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        match (route, &asked.method) {
            (Route::All, &Method::GET) => self.tell_reports(asked).await,
            (Route::All, &Method::POST) => self.report(asked).await,
            (Route::One(id), &Method::PUT) => self.change_report(id, asked).await,
            (Route::One(id), &Method::DELETE) => {
                self.forget_report(asked.visitor()?, id).await?;
                Ok(done())
            }
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    async fn report(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        asked.visitor()?;
        let reason = asked.fields.required("reason", report_reason);
        let video = asked.fields.value("video", video_key);
        let comment = asked.fields.value("comment", number);
        let whom = asked.fields.value("account", number);
        let reason = std::mem::take(&mut asked.fields).finish(reason)?;
        let what = match (comment, video, whom) {
            (Some(id), ..) => Reported::Comment(id),
            (_, Some(id), _) => Reported::Video(id),
            (_, _, Some(id)) => Reported::Account(id),
            _ => return Err(ApiError::Missing("video, comment or account")),
        };
        // As PeerTube's: what is reported is told to where it comes from.
        let id = self.take_report(asked.asker(), &what, &reason, Forwarding::Told).await?;
        Ok(answer(&json!({ "abuse": { "id": id } })))
    }

    async fn tell_reports(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let (start, count) = page(&mut asked.query);
        let state = asked.query.optional("state", |text| {
            let state = text.parse().ok().and_then(ReportState::parse);
            state.ok_or(FieldError::Choice("1, 2, 3"))
        });
        std::mem::take(&mut asked.query).finish(())?;
        let (total, found) = self.report_page(asked.visitor()?, state, (start, count)).await?;
        let mut data = Vec::with_capacity(found.len());
        for report in &found {
            data.push(self.report_json(report).await?);
        }
        Ok(answer(&json!({ "total": total, "data": data })))
    }

    async fn change_report(&self, id: i64, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        asked.moderator()?;
        let state = asked.fields.value("state", |value| {
            let state = value.as_i64().and_then(ReportState::parse);
            state.ok_or(FieldError::Choice("1, 2, 3"))
        });
        let note = asked
            .fields
            .optional("moderationComment", |text| prose(text, 2, REASON).map(str::to_owned));
        std::mem::take(&mut asked.fields).check()?;
        self.decide_report(asked.visitor()?, id, state, note.as_deref()).await?;
        Ok(done())
    }

    /// PeerTube's form of a report, as far as there is what it speaks of.
    async fn report_json(&self, report: &Report) -> sqlx::Result<Value> {
        let said = match report.comment_id {
            Some(id) => comment::by_id(&self.database, id).await?,
            None => None,
        };
        let state = ReportState::parse(report.state).unwrap_or(ReportState::Open);
        Ok(json!({
            "id": report.id,
            "reason": report.reason,
            "predefinedReasons": [],
            "reporterAccount": self.somebody_json(report.reporter_id).await?,
            "flaggedAccount": self.somebody_json(Some(report.target_id)).await?,
            "state": { "id": state.id(), "label": state.label() },
            "moderationComment": report.note,
            "video": match (report.video_id, said.is_some()) {
                (Some(id), false) => json!({ "id": id, "uuid": report.video_uuid, "name": report.video_name }),
                _ => Value::Null,
            },
            "comment": said.map(|said| json!({
                "id": said.id,
                "threadId": said.thread(),
                "text": said.text,
                "deleted": said.is(comment::CommentState::Deleted),
                "video": { "id": said.video_id, "uuid": said.video_uuid, "name": said.video_name },
            })),
            "createdAt": iso(report.created_at),
            "updatedAt": iso(report.updated_at),
        }))
    }

    /// Somebody of here or elsewhere, in few words.
    async fn somebody_json(&self, id: Option<i64>) -> sqlx::Result<Option<Value>> {
        let Some(id) = id else { return Ok(None) };
        let Some(account) = account::by_id(&self.database, id).await? else { return Ok(None) };
        let theirs = remote_actor::by_id(&self.database, id).await?;
        let name = theirs.as_ref().map_or(account.name.as_str(), |theirs| theirs.name.as_str());
        let host = theirs.as_ref().map_or(self.host(), |theirs| theirs.host.as_str());
        let url = format!("{}/accounts/{}", self.public_url, account.name);
        Ok(Some(json!({
            "id": id,
            "name": name,
            "host": host,
            "displayName": account.display_name,
            "url": theirs.as_ref().map_or(url, |theirs| theirs.url.clone()),
        })))
    }
}

/// Why something is reported.
pub(crate) fn report_reason(text: &str) -> Result<String, FieldError> {
    prose(text.replace("\r\n", "\n").trim(), 2, REASON).map(str::to_owned)
}

/// What those who keep order note about it, in as few words as they like.
pub(crate) fn report_note(text: &str) -> Result<String, FieldError> {
    prose(text.replace("\r\n", "\n").trim(), 1, REASON).map(str::to_owned)
}

/// `{"id": 5}`, as PeerTube names what is reported.
fn number(value: &Value) -> Result<i64, FieldError> {
    let id = value.get("id").and_then(Value::as_i64).filter(|id| *id > 0);
    id.ok_or(FieldError::Kind("an object with the number of what is meant"))
}

/// The same, of a video also with its UUID in either form, which PeerTube takes, too.
fn video_key(value: &Value) -> Result<String, FieldError> {
    let bad = FieldError::Kind("an object with the number or the UUID of what is meant");
    match value.get("id") {
        Some(Value::String(key)) => match key.parse::<VideoId>() {
            Ok(uuid) => Ok(uuid.to_string()),
            Err(_) => {
                let no = key.parse::<u32>().map_err(|_| bad)?;
                Ok(no.to_string())
            }
        },
        _ => number(value).map(|id| id.to_string()).map_err(|_| bad),
    }
}

/// Characters, as with PeerTube.
const REASON: usize = 3_000;
