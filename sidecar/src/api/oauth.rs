//! `oauth-clients/local`, `users/token`, `users/revoke-token`: logging in and out, in OAuth 2.0's password grant.
//!
//! A program asks for the instance's client, sends it with name and password, and gets an access token (a day) and a
//! refresh token (two weeks). The refresh token gets two others, once. Whoever has a second factor sends a code along, in
//! the header `x-peertube-otp`.

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};

use super::{done, json as answer};
use crate::body::Fields;
use crate::error::{ApiError, GrantError};
use crate::limits::{ACCESS_LIFE, REFRESH_LIFE};
use crate::table::registration::{self, Registration, State};
use crate::table::session::{self, Keys};
use crate::table::user::{self, User};
use crate::{Reply, Sidecar, now_ms, token};

/// Two new secrets, which only who logs in gets to see.
pub(crate) struct Tokens {
    pub(crate) access: String,
    refresh: String,
    hashes: (String, String),
    access_life: Duration,
    now_ms: i64,
}

/// Whom a name belongs to.
enum Known {
    User(Box<User>),
    Asking(Box<Registration>),
    Nobody,
}

impl Sidecar {
    pub(super) fn tell_client(&self) -> Reply {
        let client = &self.client;
        answer(&json!({ "client_id": client.client_id, "client_secret": client.client_secret }))
    }

    pub(super) async fn grant(
        &self,
        fields: &Fields,
        code: Option<&str>,
        from: String,
    ) -> Result<Reply, ApiError> {
        let client = (fields.text("client_id"), fields.text("client_secret"));
        if client != (Some(&self.client.client_id), Some(&self.client.client_secret)) {
            return Err(GrantError::Client.into());
        }
        let needed = |name: &'static str| fields.text(name).ok_or(GrantError::Missing(name));
        match needed("grant_type")? {
            "password" => {
                let user = self.identify(needed("username")?, needed("password")?, from).await?;
                self.pass_factor(&user, code).await?;
                let tokens = self.begin_session(&user, ACCESS_LIFE).await?;
                Ok(answer(&tokens.json()))
            }
            "refresh_token" => self.renew(needed("refresh_token")?).await,
            _ => Err(GrantError::Unsupported.into()),
        }
    }

    pub(super) async fn revoke(&self, headers: &HeaderMap) -> Result<Reply, ApiError> {
        let (session, _) = self.authenticate(headers).await?;
        session::end(&self.database, session.id).await?;
        Ok(done())
    }

    /// Begins a session whose access token is good for `access_life`.
    ///
    /// The password is looked at once more when the session is there: another one either ends it, or is seen here.
    pub(crate) async fn begin_session(
        &self,
        user: &User,
        access_life: Duration,
    ) -> Result<Tokens, ApiError> {
        let tokens = Tokens::generate(access_life)?;
        let (database, now) = (&self.database, tokens.now_ms);
        session::begin(database, now, user.id, tokens.keys()).await?;
        if user::note_login(database, user.id, &user.password_hash, now).await? {
            return Ok(tokens);
        }
        if let Some(begun) = session::find(database, now, tokens.keys().access_hash).await? {
            session::end(database, begun.id).await?;
        }
        Err(GrantError::Credentials.into())
    }

    /// Whose name and password these are, whatever else they must show; each try counts.
    pub(crate) async fn identify(
        &self,
        name: &str,
        password: &str,
        from: String,
    ) -> Result<User, ApiError> {
        let found = self.recognise(name, password, from).await;
        self.metrics.count_login(&found);
        found
    }

    async fn recognise(&self, name: &str, password: &str, from: String) -> Result<User, ApiError> {
        // Hashed, so that what is remembered of a long name is short.
        let of = token::hash(&name.to_ascii_lowercase());
        self.take_attempt(&from, &of)?;
        let user = match self.whose(name).await? {
            Known::User(user) => {
                self.compare(password, Some(user.password_hash.clone())).await?;
                user
            }
            Known::Asking(asking) => {
                self.compare(password, Some(asking.password_hash)).await?;
                let is_waiting = asking.state == State::Waiting as i64;
                return Err(
                    if is_waiting { GrantError::Waiting } else { GrantError::Refused }.into()
                );
            }
            Known::Nobody => {
                self.compare(password, None).await?;
                return Err(GrantError::Credentials.into());
            }
        };
        self.attempts(|attempts, _| {
            attempts.logins_from.give_back(&from);
            attempts.logins_of.give_back(&of);
        });
        if user.blocked {
            return Err(GrantError::Blocked.into());
        }
        if self.verifies() && user.email_verified == Some(false) {
            return Err(GrantError::Unverified.into());
        }
        Ok(*user)
    }

    /// Counts a try before anything is compared: of many at once, each must pay.
    fn take_attempt(&self, from: &String, of: &String) -> Result<(), ApiError> {
        let taken = self.attempts(|attempts, now| {
            attempts.logins_from.take(now, from)?;
            attempts.logins_of.take(now, of).inspect_err(|_| attempts.logins_from.give_back(from))
        });
        taken.map_err(ApiError::TooMany)
    }

    async fn whose(&self, name: &str) -> Result<Known, ApiError> {
        if let Some(user) = user::by_login(&self.database, name).await? {
            return Ok(Known::User(Box::new(user)));
        }
        let asking = registration::by_login(&self.database, name).await?;
        let asking = asking.filter(|asking| asking.state != State::Accepted as i64);
        Ok(asking.map_or(Known::Nobody, |asking| Known::Asking(Box::new(asking))))
    }

    /// That it is the right password; takes its time for nobody's, too.
    async fn compare(&self, password: &str, hash: Option<String>) -> Result<(), ApiError> {
        if self.hasher.verify(password.to_owned(), hash).await? {
            Ok(())
        } else {
            tracing::debug!("somebody gave a wrong name or password");
            Err(GrantError::Credentials.into())
        }
    }

    async fn renew(&self, refresh: &str) -> Result<Reply, ApiError> {
        let tokens = Tokens::generate(ACCESS_LIFE)?;
        let refresh = token::hash(refresh);
        let renewed = session::renew(&self.database, tokens.now_ms, &refresh, tokens.keys());
        let session = renewed.await?.ok_or(GrantError::RefreshToken)?;
        let user = user::by_id(&self.database, session.user_id).await?;
        if user.is_none_or(|user| user.blocked) {
            session::end(&self.database, session.id).await?;
            return Err(GrantError::Blocked.into());
        }
        Ok(answer(&tokens.json()))
    }
}

impl Tokens {
    fn generate(access_life: Duration) -> Result<Tokens, getrandom::Error> {
        let (access, refresh) = (token::generate()?, token::generate()?);
        let hashes = (token::hash(&access), token::hash(&refresh));
        Ok(Tokens { access, refresh, hashes, access_life, now_ms: now_ms() })
    }

    fn keys(&self) -> Keys<'_> {
        Keys {
            access_hash: &self.hashes.0,
            access_expires_at: self.now_ms + self.access_life.as_millis() as i64,
            refresh_hash: &self.hashes.1,
            refresh_expires_at: self.now_ms + REFRESH_LIFE.as_millis() as i64,
        }
    }

    fn json(&self) -> Value {
        json!({
            "token_type": "Bearer",
            "access_token": self.access,
            "refresh_token": self.refresh,
            "expires_in": self.access_life.as_secs(),
            "refresh_token_expires_in": REFRESH_LIFE.as_secs(),
        })
    }
}
