//! `users/<id>/exports`: what somebody takes along, and what is in it.
//!
//! ```text
//! POST   users/<id>/exports/request   withVideoFiles → 200, export: { id }
//! GET    users/<id>/exports           → 200, how far it is, and where it can be fetched
//! DELETE users/<id>/exports/<export>  → 204
//! ```

use http::Method;
use serde_json::{Value, json};

use super::asked::Asked;
use super::{done, json as answer};
use crate::error::ApiError;
use crate::export::{Archive, Claim, Taken};
use crate::table::account::Account;
use crate::table::export::{self, Met};
use crate::table::{about, card, channel, video};
use crate::when::iso;
use crate::{Reply, Sidecar, now_ms};

/// What a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Request(i64),
    List(i64),
    Export(i64, i64),
}

impl Route {
    pub(super) fn parse(segments: &[&str]) -> Option<Route> {
        let id = |text: &str| text.parse::<u32>().ok().map(i64::from);
        Some(match *segments {
            ["users", user, "exports", "request"] => Route::Request(id(user)?),
            ["users", user, "exports"] => Route::List(id(user)?),
            ["users", user, "exports", export] => Route::Export(id(user)?, id(export)?),
            _ => return None,
        })
    }

    pub(super) fn methods(self) -> &'static str {
        match self {
            Route::Request(_) => "POST, OPTIONS",
            Route::List(_) => "GET, HEAD, OPTIONS",
            Route::Export(..) => "DELETE, OPTIONS",
        }
    }
}

impl Sidecar {
    pub(super) async fn answer_exports(
        &self,
        route: Route,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let fields = std::mem::take(&mut asked.fields);
        let visitor = asked.visitor()?;
        let (Route::Request(whose) | Route::List(whose) | Route::Export(whose, _)) = route;
        if whose != visitor.user_id {
            return Err(ApiError::Forbidden("Cannot manage exports of another user"));
        }
        match (route, &asked.method) {
            (Route::Request(_), &Method::POST) => {
                let id = self.request_export(visitor, fields).await?;
                Ok(answer(&json!({ "export": { "id": id } })))
            }
            (Route::List(_), &Method::GET) => {
                let found = export::of_user(&self.database, visitor.user_id).await?;
                let found = found.filter(|export| export.expires_at > now_ms());
                let data: Vec<Value> =
                    found.iter().map(|export| self.export_json(export)).collect();
                Ok(answer(&json!({ "total": data.len(), "data": data })))
            }
            (Route::Export(_, id), &Method::DELETE) => {
                self.delete_export(visitor, id).await?;
                Ok(done())
            }
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    /// What belongs into an export, in PeerTube's forms.
    ///
    /// # Errors
    /// When its owner is gone, or the database fails.
    pub async fn archive(&self, claim: &Claim) -> Result<Archive, ApiError> {
        let (user, account) = self.whose_export(claim).await?;
        let channels = channel::of_account(&self.database, account.id).await?;
        let met = |list: Vec<Met>, number: &str| -> Vec<Value> {
            list.iter().map(|met| self.met_json(met, number)).collect()
        };
        let watched = export::history(&self.database, user.id, account.id).await?;
        let rated = export::rates(&self.database, user.id, account.id).await?;
        let (liked, disliked): (Vec<Met>, Vec<Met>) =
            rated.into_iter().partition(|met| met.number == 1);
        let subscribed = export::subscriptions(&self.database, user.id).await?;
        let subscribed: Vec<Value> = subscribed
            .iter()
            .map(|(handle, since)| json!({ "channel": handle, "createdAt": iso(*since) }))
            .collect();
        let (videos, taken) = self.archived_videos(&account).await?;
        let own: Vec<Value> =
            channels.iter().map(|channel| self.channel_itself_json(channel)).collect();
        let documents = [
            ("account.json", self.user_json(&user, &account, &channels)),
            ("channels.json", own.into()),
            ("videos.json", videos.into()),
            ("history.json", met(watched, "currentTime").into()),
            ("likes.json", met(liked, "").into()),
            ("dislikes.json", met(disliked, "").into()),
            ("subscriptions.json", subscribed.into()),
        ];
        let documents = documents.into_iter().map(|(name, value)| {
            let text = serde_json::to_vec_pretty(&value).expect("texts and numbers are JSON");
            (name.to_owned(), text)
        });
        Ok(Archive { documents: documents.collect(), videos: taken })
    }

    async fn archived_videos(
        &self,
        account: &Account,
    ) -> Result<(Vec<Value>, Vec<Taken>), ApiError> {
        let (mut told, mut taken) = (Vec::new(), Vec::new());
        for id in export::videos(&self.database, account.id).await? {
            let Some(video) = video::by_id(&self.database, id).await? else { continue };
            let card = card::by_id(&self.database, id, 0).await?;
            let channel = channel::by_id(&self.database, video.channel_id).await?;
            let Some((card, channel)) = card.zip(channel) else { continue };
            let tags = about::tags(&self.database, id).await?;
            let mut form = self.video_json((&video, None), &card, &channel, &tags, true);
            let captions = about::captions(&self.database, id).await?;
            let captions: Vec<(String, String)> =
                captions.into_iter().map(|caption| (caption.language, caption.file)).collect();
            if let Value::Object(keys) = &mut form {
                // Addresses in there end soon, and are of no use elsewhere.
                keys.remove("streamingPlaylists");
                let languages: Vec<&String> =
                    captions.iter().map(|(language, _)| language).collect();
                keys.insert("captions".to_owned(), json!(languages));
            }
            told.push(form);
            if let Ok(uuid) = video.uuid.parse() {
                taken.push(Taken { uuid, captions });
            }
        }
        Ok((told, taken))
    }

    fn met_json(&self, met: &Met, number: &str) -> Value {
        let mut told = json!({
            "videoUrl": format!("{}/videos/watch/{}", self.public_url, met.uuid),
            "name": met.name,
            "createdAt": iso(met.at),
        });
        if let Value::Object(keys) = &mut told
            && !number.is_empty()
        {
            keys.insert(number.to_owned(), met.number.into());
        }
        told
    }
}
