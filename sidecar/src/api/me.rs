//! `users/me`: what an account's owner sees and changes.

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{done, json as answer};
use crate::body::Fields;
use crate::error::ApiError;
use crate::field::{Email, FieldError, Password, line, prose};
use crate::preferences::{NsfwPolicy, Preferences};
use crate::role::Role;
use crate::table::account::{self, Account};
use crate::table::channel::{self, Channel};
use crate::table::letter::{Kind, NewLetter};
use crate::table::session::Session;
use crate::table::user::{self, User};
use crate::when::iso;
use crate::{Reply, Sidecar, now_ms, token};

/// What somebody wants to be changed; `None` is left as it is.
struct Changes {
    password: Option<Password>,
    email: Option<Email>,
    display_name: Option<String>,
    description: Option<Option<String>>,
    preferences: Preferences,
}

impl Sidecar {
    pub(super) async fn tell_me(&self, headers: &HeaderMap) -> Result<Reply, ApiError> {
        let (_, user) = self.authenticate(headers).await?;
        let account = account::of_user(&self.database, user.id).await?;
        let account = account.ok_or(ApiError::NotFound("Account"))?;
        let channels = channel::of_account(&self.database, account.id).await?;
        Ok(answer(&self.user_json(&user, &account, &channels)))
    }

    pub(crate) async fn change_me(
        &self,
        (session, user): (Session, User),
        mut fields: Fields,
        language: &str,
    ) -> Result<Reply, ApiError> {
        let before = Preferences::parse(&user.preferences);
        let changes = Changes::read(&mut fields, before.clone());
        let current = fields.text("currentPassword").map(str::to_owned);
        fields.check()?;
        if changes.password.is_some() || changes.email.is_some() {
            self.confirm(&user, current.unwrap_or_default()).await?;
        }
        let database = &self.database;
        let to_prove = match &changes.email {
            Some(email) => self.change_email(&user, email).await?,
            None => None,
        };
        if changes.display_name.is_some() || changes.description.is_some() {
            let name = changes.display_name.as_deref();
            let description = changes.description.as_ref().map(Option::as_deref);
            account::describe(database, now_ms(), user.id, name, description).await?;
        }
        if changes.preferences != before {
            user::set_preferences(database, user.id, &changes.preferences.json()).await?;
        }
        if let Some(password) = changes.password {
            let hash = self.hasher.hash(password).await?;
            let (former, kept) = (&user.password_hash, Some(session.id));
            if !user::replace_password(database, user.id, former, &hash, kept).await? {
                return Err(ApiError::BadPassword);
            }
        }
        // Last, since another password takes back what was wanted before.
        if let Some(email) = to_prove {
            self.have_proved(&user, email, language).await?;
        }
        Ok(done())
    }

    /// Sets another address; or returns it, if whoever reads it must show first that it is theirs.
    async fn change_email<'a>(
        &self,
        user: &User,
        email: &'a Email,
    ) -> Result<Option<&'a Email>, ApiError> {
        if !self.verifies() {
            user::set_email(&self.database, user.id, email).await?;
            return Ok(None);
        }
        if user.email.as_deref() == Some(email.as_str()) {
            // They keep theirs, and no longer want another.
            user::set_pending_email(&self.database, user.id, None).await?;
            return Ok(None);
        }
        // No name has such a sign, so nobody's is counted as an address of the network.
        self.count_letter(&format!("@{}", user.username), email)?;
        Ok(Some(email))
    }

    /// Has whoever reads an address that a user wants show that it is theirs.
    async fn have_proved(
        &self,
        user: &User,
        email: &Email,
        language: &str,
    ) -> Result<(), ApiError> {
        user::set_pending_email(&self.database, user.id, Some(email)).await?;
        let (user_id, address) = (Some(user.id), email.as_str());
        let (kind, registration_id) = (Kind::Change, None);
        Ok(self.post(NewLetter { kind, user_id, registration_id, address, language }).await?)
    }

    /// Takes a user away with all that is theirs. An administrator is somebody else's to take away, so that one is left.
    pub(super) async fn leave_for_good(&self, user: &User) -> Result<Reply, ApiError> {
        if user.role == Role::Administrator {
            return Err(ApiError::Forbidden("an administrator can't delete their own account"));
        }
        self.delete_user(user).await?;
        Ok(done())
    }

    /// The same for a page, where the password confirms it.
    pub(crate) async fn leave_for_good_by(
        &self,
        user: &User,
        password: String,
    ) -> Result<(), ApiError> {
        self.confirm(user, password).await?;
        self.leave_for_good(user).await.map(drop)
    }

    /// That whoever holds the token knows the password, too; counted like a login of that name.
    pub(super) async fn confirm(&self, user: &User, password: String) -> Result<(), ApiError> {
        let of = token::hash(&user.username);
        let taken = self.attempts(|attempts, now| attempts.logins_of.take(now, &of));
        taken.map_err(ApiError::TooMany)?;
        if !self.hasher.verify(password, Some(user.password_hash.clone())).await? {
            return Err(ApiError::BadPassword);
        }
        self.attempts(|attempts, _| attempts.logins_of.give_back(&of));
        Ok(())
    }

    /// PeerTube's form of a user, without what isn't here yet; the test names that.
    pub(super) fn user_json(&self, user: &User, account: &Account, channels: &[Channel]) -> Value {
        let preferences = Preferences::parse(&user.preferences);
        let mut all = match serde_json::to_value(preferences) {
            Ok(Value::Object(all)) => all,
            _ => Map::new(),
        };
        let own = json!({
            "id": user.id,
            "username": user.username,
            "email": user.email.as_deref().unwrap_or_default(),
            "pendingEmail": user.pending_email,
            // Null is PeerTube's word for "nobody asked for it".
            "emailVerified": user.email_verified,
            "role": { "id": user.role.id(), "label": user.role.label() },
            "videoQuota": user.video_quota,
            "videoQuotaDaily": user.video_quota_daily,
            "blocked": user.blocked,
            "blockedReason": user.blocked_reason,
            "account": self.account_json(account),
            "createdAt": iso(user.created_at),
            "lastLoginDate": user.last_login_at.map(iso),
            "videoChannels": channels.iter().map(|channel| self.channel_itself_json(channel)).collect::<Vec<_>>(),
            // What this instance doesn't have, said as an instance says it whose user has none.
            "specialPlaylists": [],
            "pluginAuth": null,
            "twoFactorEnabled": user.otp_secret.is_some(),
            "adminFlags": 0,
        });
        if let Value::Object(own) = own {
            all.extend(own);
        }
        Value::Object(all)
    }
}

impl Changes {
    /// Takes what it knows out of the fields, which keep what is bad. Others are passed over, as PeerTube does.
    fn read(fields: &mut Fields, mut preferences: Preferences) -> Changes {
        let password = fields.optional("password", Password::parse);
        let email = fields.optional("email", Email::parse);
        let name = |text: &str| line(text, 1, 120).map(str::to_owned);
        let display_name = fields.optional("displayName", name);
        let description =
            fields.removable("description", |text| prose(text, 1, 1_000).map(str::to_owned));
        for (name, target) in [
            ("emailPublic", &mut preferences.email_public),
            ("p2pEnabled", &mut preferences.p2p_enabled),
            ("videosHistoryEnabled", &mut preferences.videos_history_enabled),
            ("autoPlayVideo", &mut preferences.auto_play_video),
            ("autoPlayNextVideo", &mut preferences.auto_play_next_video),
            ("autoPlayNextVideoPlaylist", &mut preferences.auto_play_next_video_playlist),
            ("noInstanceConfigWarningModal", &mut preferences.no_instance_config_warning_modal),
            ("noWelcomeModal", &mut preferences.no_welcome_modal),
            ("noAccountSetupWarningModal", &mut preferences.no_account_setup_warning_modal),
        ] {
            fields.boolean(name, target);
        }
        if let Some(theme) = fields.optional("theme", |text| line(text, 1, 50).map(str::to_owned)) {
            preferences.theme = theme;
        }
        if let Some(policy) = fields.optional("nsfwPolicy", nsfw_policy) {
            preferences.nsfw_policy = policy;
        }
        if let Some(languages) = fields.value("videoLanguages", video_languages) {
            preferences.video_languages = languages;
        }
        Changes { password, email, display_name, description, preferences }
    }
}

fn nsfw_policy(text: &str) -> Result<NsfwPolicy, FieldError> {
    match text {
        "do_not_list" => Ok(NsfwPolicy::DoNotList),
        "blur" => Ok(NsfwPolicy::Blur),
        "display" => Ok(NsfwPolicy::Display),
        _ => Err(FieldError::Choice("do_not_list, blur, display")),
    }
}

fn video_languages(value: &Value) -> Result<Option<Vec<String>>, FieldError> {
    let languages = match value {
        Value::Null => return Ok(None),
        Value::Array(languages) if languages.len() <= LANGUAGES => languages,
        _ => return Err(FieldError::Kind("null or a list of at most 500 codes")),
    };
    let read = |language: &Value| {
        let text = language.as_str().ok_or(FieldError::Kind("a list of texts"))?;
        line(text, 1, 20).map(str::to_owned)
    };
    languages.iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// More than there are in PeerTube's list.
const LANGUAGES: usize = 500;
