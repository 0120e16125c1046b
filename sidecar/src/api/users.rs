//! `users`: whom moderators and administrators look after.

use http::Method;
use serde_json::{Value, json};

use super::asked::Asked;
use super::forms::merge;
use super::{done, json as answer};
use crate::error::ApiError;
use crate::field::{Email, FieldError, Password, Username, prose};
use crate::listing::page;
use crate::role::Role;
use crate::table::user::{self, User};
use crate::table::{account, channel, comment, video};
use crate::visitor::Visitor;
use crate::{Reply, Sidecar, now_ms};

/// What a path below `users` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Users,
    User(i64),
    Block(i64),
    Unblock(i64),
}

impl Route {
    pub(super) fn parse(segments: &[&str]) -> Option<Route> {
        let id = |text: &str| text.parse::<u32>().ok().map(i64::from);
        Some(match *segments {
            ["users"] => Route::Users,
            ["users", user] => Route::User(id(user)?),
            ["users", user, "block"] => Route::Block(id(user)?),
            ["users", user, "unblock"] => Route::Unblock(id(user)?),
            _ => return None,
        })
    }

    pub(super) fn methods(self) -> &'static str {
        match self {
            Route::Users => "GET, HEAD, POST, OPTIONS",
            Route::User(_) => "GET, HEAD, PUT, DELETE, OPTIONS",
            Route::Block(_) | Route::Unblock(_) => "POST, OPTIONS",
        }
    }
}

impl Sidecar {
    pub(super) async fn answer_users(
        &self,
        route: Route,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        asked.moderator()?;
        match (route, &asked.method) {
            (Route::Users, &Method::GET) => self.tell_users(asked).await,
            (Route::Users, &Method::POST) => self.make_user(asked).await,
            (Route::User(id), &Method::GET) => {
                let user = self.known_user(id).await?;
                Ok(answer(&self.governed_json(&user).await?))
            }
            (Route::User(id), &Method::PUT) => self.change_user(id, asked).await,
            (Route::User(id), &Method::DELETE) => {
                let user = self.governed(id, asked.moderator()?).await?;
                self.delete_user(&user).await?;
                Ok(done())
            }
            (Route::Block(id), &Method::POST) => {
                let reason =
                    asked.fields.optional("reason", |text| prose(text, 3, 250).map(str::to_owned));
                let fields = std::mem::take(&mut asked.fields);
                fields.check()?;
                let user = self.governed(id, asked.moderator()?).await?;
                user::set_blocked(&self.database, user.id, true, reason.as_deref()).await?;
                Ok(done())
            }
            (Route::Unblock(id), &Method::POST) => {
                let user = self.governed(id, asked.moderator()?).await?;
                user::set_blocked(&self.database, user.id, false, None).await?;
                Ok(done())
            }
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    async fn tell_users(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let wanted = page(&mut asked.query);
        let (start, count) = asked.query.finish(wanted)?;
        let users = user::page(&self.database, start.into(), count.into()).await?;
        let mut data = Vec::new();
        for user in &users {
            data.push(self.governed_json(user).await?);
        }
        let total = video::tally(&self.database, "users", "").await?;
        Ok(answer(&json!({ "total": total, "data": data })))
    }

    async fn make_user(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let by = asked.moderator()?.role;
        let username = asked.fields.required("username", Username::parse);
        let password = asked.fields.required("password", Password::parse);
        let email = asked.fields.optional("email", Email::parse);
        let role = asked.fields.value("role", role).unwrap_or(Role::User);
        let quota = asked.fields.value("videoQuota", quota);
        let daily = asked.fields.value("videoQuotaDaily", quota_daily);
        let (username, password) = asked.fields.finish(username.zip(password))?;
        if role != Role::User && by != Role::Administrator {
            return Err(ApiError::Forbidden(NOT_YOURS));
        }
        let hash = self.hasher.hash(password).await?;
        let mut new = self.new_user(username.clone(), email, username.to_string(), role, hash);
        new.video_quota = quota.unwrap_or(new.video_quota);
        new.video_quota_daily = daily.unwrap_or(new.video_quota_daily);
        let id = user::create(&self.database, now_ms(), new).await?;
        let account = account::of_user(&self.database, id).await?;
        let account = account.map(|account| json!({ "id": account.id }));
        Ok(answer(&json!({ "user": { "id": id, "account": account } })))
    }

    async fn change_user(&self, id: i64, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let password = asked.fields.optional("password", Password::parse);
        let email = asked.fields.optional("email", Email::parse);
        let role = asked.fields.value("role", role);
        let video_quota = asked.fields.value("videoQuota", quota);
        let daily = asked.fields.value("videoQuotaDaily", quota_daily);
        let fields = std::mem::take(&mut asked.fields);
        fields.check()?;
        let by = asked.moderator()?;
        let user = self.governed(id, by).await?;
        let is_raised = role.is_some_and(|role| role != user.role);
        if is_raised && by.role != Role::Administrator {
            return Err(ApiError::Forbidden(NOT_YOURS));
        }
        if let Some(email) = &email {
            user::set_email(&self.database, user.id, email).await?;
        }
        user::set_rights(&self.database, user.id, role, video_quota, daily).await?;
        if let Some(password) = password {
            let hash = self.hasher.hash(password).await?;
            user::set_password(&self.database, user.id, &hash, None).await?;
        }
        Ok(done())
    }

    /// With all that is theirs.
    pub(crate) async fn delete_user(&self, user: &User) -> sqlx::Result<()> {
        if let Some(account) = account::of_user(&self.database, user.id).await? {
            for channel in channel::of_account(&self.database, account.id).await? {
                self.delete_videos_of(channel.id).await?;
            }
            comment::delete_of_account(&self.database, now_ms(), account.id).await?;
        }
        user::delete(&self.database, user.id).await?;
        // What they took along goes, too.
        self.export_waits.notify_one();
        Ok(())
    }

    async fn known_user(&self, id: i64) -> Result<User, ApiError> {
        user::by_id(&self.database, id).await?.ok_or(ApiError::NotFound("User"))
    }

    /// A user whom whoever asks may change: moderators users, administrators all but themselves.
    async fn governed(&self, id: i64, by: &Visitor) -> Result<User, ApiError> {
        let user = self.known_user(id).await?;
        let is_below = by.role == Role::Administrator || user.role == Role::User;
        if is_below && user.id != by.user_id {
            Ok(user)
        } else {
            Err(ApiError::Forbidden(NOT_YOURS))
        }
    }

    async fn governed_json(&self, user: &User) -> Result<Value, ApiError> {
        let account = account::of_user(&self.database, user.id).await?;
        let account = account.ok_or(ApiError::NotFound("Account"))?;
        let used = video::source_bytes(&self.database, account.id, 0).await?;
        let daily = video::source_bytes(&self.database, account.id, now_ms() - DAY_MS).await?;
        let mut form = self.user_json(user, &account, &[]);
        if let Value::Object(keys) = &mut form {
            keys.remove("specialPlaylists");
        }
        merge(
            &mut form,
            json!({ "videoQuotaUsed": used, "videoQuotaUsedDaily": daily, "totalVideoFileSize": used }),
        );
        Ok(form)
    }
}

/// Also as a form says it.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn role(value: &Value) -> Result<Role, FieldError> {
    match number(value) {
        Some(0) => Ok(Role::Administrator),
        Some(1) => Ok(Role::Moderator),
        Some(2) => Ok(Role::User),
        _ => Err(FieldError::Choice("0, 1, 2")),
    }
}

fn quota(value: &Value) -> Result<i64, FieldError> {
    number(value).filter(|bytes| *bytes >= -1).ok_or(FieldError::Kind("-1 or a number of bytes"))
}

fn quota_daily(value: &Value) -> Result<i64, FieldError> {
    quota(value)
}

const NOT_YOURS: &str =
    "Users can only be managed by moderators, and moderators by administrators.";
const DAY_MS: i64 = 86_400_000;
