//! `users/me/…`: whoever asks' own videos, subscriptions, history and quota.

use http::Method;
use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::forms::{merge, value};
use super::upload::imports::Change;
use super::{done, json as answer};
use crate::error::ApiError;
use crate::field::FieldError;
use crate::listing::{Key, Order, Scope, page};
use crate::table::{history, subscription, video};
use crate::{Reply, Sidecar, now_ms, when};

/// What a path below `users/me` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Videos,
    Imports,
    Import(i64),
    CancelImport(i64),
    RetryImport(i64),
    Quota,
    Subscriptions,
    SubscriptionVideos,
    AreSubscribed,
    Subscription(&'a str),
    History,
    ForgetHistory,
    ForgetVideo(i64),
}

impl<'a> Route<'a> {
    pub(super) fn parse(segments: &[&'a str]) -> Option<Route<'a>> {
        Some(match *segments {
            ["users", "me", "videos"] => Route::Videos,
            ["users", "me", "videos", "imports"] => Route::Imports,
            ["videos", "imports", id] => Route::Import(id.parse().ok()?),
            ["videos", "imports", id, "cancel"] => Route::CancelImport(id.parse().ok()?),
            ["videos", "imports", id, "retry"] => Route::RetryImport(id.parse().ok()?),
            ["users", "me", "video-quota-used"] => Route::Quota,
            ["users", "me", "subscriptions"] => Route::Subscriptions,
            ["users", "me", "subscriptions", "videos"] => Route::SubscriptionVideos,
            ["users", "me", "subscriptions", "exist"] => Route::AreSubscribed,
            ["users", "me", "subscriptions", handle] => Route::Subscription(handle),
            ["users", "me", "history", "videos"] => Route::History,
            ["users", "me", "history", "videos", "remove"] => Route::ForgetHistory,
            ["users", "me", "history", "videos", id] => Route::ForgetVideo(id.parse().ok()?),
            _ => return None,
        })
    }

    pub(super) fn methods(self) -> &'static str {
        match self {
            Route::Subscriptions => "GET, HEAD, POST, OPTIONS",
            Route::Subscription(_) => "GET, HEAD, DELETE, OPTIONS",
            Route::ForgetHistory | Route::CancelImport(_) | Route::RetryImport(_) => {
                "POST, OPTIONS"
            }
            Route::ForgetVideo(_) | Route::Import(_) => "DELETE, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

impl Sidecar {
    pub(super) async fn answer_mine(
        &self,
        route: Route<'_>,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let user_id = asked.visitor()?.user_id;
        match (route, &asked.method) {
            (Route::Videos, &Method::GET) => self.tell_my_videos(asked).await,
            (Route::Imports, &Method::GET) => {
                let wanted = page(&mut asked.query);
                let (start, count) = std::mem::take(&mut asked.query).finish(wanted)?;
                self.tell_imports(asked.visitor()?, start, count).await
            }
            (Route::Import(id), &Method::DELETE) => {
                self.change_import(asked.visitor()?, id, Change::Delete).await
            }
            (Route::CancelImport(id), &Method::POST) => {
                self.change_import(asked.visitor()?, id, Change::Cancel).await
            }
            (Route::RetryImport(id), &Method::POST) => {
                self.change_import(asked.visitor()?, id, Change::Retry).await
            }
            (Route::Quota, &Method::GET) => self.tell_quota(&asked).await,
            (Route::Subscriptions, &Method::GET) => self.tell_subscriptions(asked).await,
            (Route::Subscriptions, &Method::POST) => self.begin_subscription(asked).await,
            (Route::SubscriptionVideos, &Method::GET) => {
                self.tell_videos(Scope::Subscriptions(user_id), asked).await
            }
            (Route::AreSubscribed, &Method::GET) => self.tell_which(asked).await,
            (Route::Subscription(handle), &(Method::GET | Method::DELETE)) => {
                let channel = self.channel(handle).await?;
                let database = &self.database;
                let is_there = if asked.method == Method::GET {
                    subscription::is(database, user_id, channel.id).await?
                } else {
                    let is_ended = subscription::end(database, user_id, channel.id).await?;
                    self.subscribers_changed(channel.id).await?;
                    is_ended
                };
                match (is_there, &asked.method) {
                    (false, _) => Err(ApiError::NotFound("Subscription")),
                    (true, &Method::GET) => Ok(answer(&self.channel_json(&channel))),
                    (true, _) => Ok(done()),
                }
            }
            (Route::History, &Method::GET) => self.tell_history(asked).await,
            (Route::ForgetHistory, &Method::POST) => self.forget(asked).await,
            (Route::ForgetVideo(id), &Method::DELETE) => {
                history::forget(&self.database, user_id, Some(id), i64::MAX).await?;
                Ok(done())
            }
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    async fn tell_my_videos(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let (start, count) = page(&mut asked.query);
        let order = asked.query.optional("sort", crate::listing::order);
        let channel = asked.query.optional("channelId", |text| {
            text.parse::<u32>().map(i64::from).map_err(|_| FieldError::Kind("a number"))
        });
        let query = std::mem::take(&mut asked.query);
        query.finish(())?;
        let order = order.unwrap_or(Order { key: Key::Created, is_descending: true });
        let visitor = asked.visitor()?;
        let (total, cards) = self.own_cards(visitor, channel, order, start, count).await?;
        let data: Vec<Value> = cards.iter().map(|card| self.own_card_json(card)).collect();
        Ok(answer(&json!({ "total": total, "data": data })))
    }

    async fn tell_quota(&self, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let account = asked.visitor()?.account_id;
        let used = video::source_bytes(&self.database, account, 0).await?;
        let daily = video::source_bytes(&self.database, account, now_ms() - DAY_MS).await?;
        Ok(answer(&json!({ "videoQuotaUsed": used, "videoQuotaUsedDaily": daily })))
    }

    async fn tell_subscriptions(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let wanted = page(&mut asked.query);
        let query = std::mem::take(&mut asked.query);
        let (start, count) = query.finish(wanted)?;
        let (total, channels) = self.subscribed(asked.visitor()?, start, count).await?;
        Ok(self.channels_json(total, &channels))
    }

    async fn begin_subscription(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let handle = asked
            .fields
            .required("uri", |text| crate::field::line(text, 1, 300).map(str::to_owned));
        let fields = std::mem::take(&mut asked.fields);
        let visitor = asked.visitor()?;
        let channel = self.find_channel(&fields.finish(handle)?, visitor).await?;
        let channel = channel.ok_or(ApiError::NotFound("Video channel"))?;
        if subscription::begin(&self.database, now_ms(), visitor.user_id, channel.id).await? {
            self.subscribers_changed(channel.id).await?;
            Ok(done())
        } else {
            Err(ApiError::Conflict("a user has at most 1000 subscriptions"))
        }
    }

    /// Of some channels, to which whoever asks has subscribed.
    async fn tell_which(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let uris = asked.query.several("uris", crate::limits::CHOICES, |text| {
            crate::field::line(text, 1, 300).map(str::to_owned)
        });
        let query = std::mem::take(&mut asked.query);
        let user_id = asked.visitor()?.user_id;
        let mut told = Map::new();
        for uri in query.finish(uris)? {
            let is_subscribed = match self.channel(&uri).await {
                Ok(channel) => subscription::is(&self.database, user_id, channel.id).await?,
                Err(ApiError::NotFound(_)) => false,
                Err(error) => return Err(error),
            };
            told.insert(uri, is_subscribed.into());
        }
        Ok(answer(&Value::Object(told)))
    }

    async fn tell_history(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let wanted = page(&mut asked.query);
        let query = std::mem::take(&mut asked.query);
        let (start, count) = query.finish(wanted)?;
        let visitor = asked.visitor()?;
        let (user_id, account_id) = (visitor.user_id, visitor.account_id);
        let (total, cards) =
            history::page(&self.database, (user_id, account_id), start.into(), count.into())
                .await?;
        let data = cards.iter().map(|card| {
            let mut form = value(&self.card_form(card));
            merge(&mut form, json!({ "userHistory": { "currentTime": card.position } }));
            form
        });
        Ok(answer(&json!({ "total": total, "data": data.collect::<Vec<_>>() })))
    }

    async fn forget(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let before = asked.fields.optional("beforeDate", |text| {
            when::parse(text).ok_or(FieldError::Kind("a date and time, as 2026-11-22T05:13:20Z"))
        });
        let fields = std::mem::take(&mut asked.fields);
        fields.check()?;
        let user_id = asked.visitor()?.user_id;
        history::forget(&self.database, user_id, None, before.unwrap_or(i64::MAX)).await?;
        Ok(done())
    }
}

const DAY_MS: i64 = 86_400_000;
