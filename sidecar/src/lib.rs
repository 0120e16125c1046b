//! The control plane: who may come in, and what there is, behind PeerTube's REST API.
//!
//! - `database`: SQLite or PostgreSQL, and its schema
//! - `snapshot`: a copy of it, and the way back
//! - `table`: each table's queries
//! - `sight`: who may see what
//! - `listing`: which videos somebody wants to see
//! - `view`: what pages show
//! - `api`: the answers under `/api/v1/`
//! - `host`: what is done at a terminal
//! - `house`: what an instance says of itself
//! - `comments`, `reports` and `notices`: what people say below videos and against what, and who is told
//! - `federation`: what other servers are told, and heard; `elsewhere`: files of theirs
//! - `publishing` and `work`: how an uploaded file becomes a published video, and who works on it
//! - `outbound`: the door to other hosts
//! - `mail`: letters that wait to be sent
//! - `export`: what somebody takes along
//! - `pace` and `hasher`: how often somebody may try to log in, and what that may cost
//!
//! It knows no media and no viewers. `instance` mounts [`Sidecar::answer`] at [`PREFIX`]; nothing that identifies who
//! asks is logged or kept on disk.

mod access;
mod address;
pub mod adoption;
mod api;
mod body;
mod chapters;
mod comments;
pub mod config;
pub mod cookie;
mod database;
pub mod elsewhere;
mod error;
pub mod export;
pub mod federation;
mod feed;
pub mod field;
mod hasher;
pub mod host;
pub mod house;
mod limits;
pub mod listing;
pub mod mail;
mod media;
mod metrics;
mod notices;
mod otp;
pub mod outbound;
mod pace;
mod pages;
mod preferences;
pub mod prose;
pub mod publishing;
mod query;
mod reports;
pub mod role;
mod seal;
mod search;
mod sight;
mod signposts;
pub mod snapshot;
mod subtitle;
mod table;
mod token;
pub mod view;
mod viewed;
pub mod visitor;
pub mod vocabulary;
mod web;
pub mod when;
pub mod work;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::Notify;

pub use access::Access;
pub use api::{Act, FactorRequest, JobLine, OWN_PREFIX, PREFIX, UserLine};
pub use api::{captions, pictures, thumbnails, upload};
pub use body::Fields;
pub use database::OpenError;
pub use error::{ApiError, BadField, BodyError, GrantError, NotFollowed, PasswordError};
pub use federation::inbox::Posted;
pub use house::House;
pub use limits::READ_LIFE;
pub use reports::{Forwarding, Reported};
pub use sight::Seen;
pub use visitor::{Choices, Visitor};
pub use web::{Applicant, Entered, Profile, Quota, SessionLine, SignedUp, Wanted};

use crate::listing::ListQuery;
use config::Accounts;
use database::Database;
use federation::id::Place;
use federation::inbox::Inbox;
use federation::keyring::Keyring;
use federation::policy::Blocks;
use federation::tell::Encoded;
use field::{Email, Password, Username};
use hasher::{Hasher, HasherError};
use limits::{ENCODED_BYTES, PAGES, READ_STEP, REMEMBERED};
use metrics::Metrics;
use outbound::{Door, DoorError};
use pace::{Pace, Rate, Time};
use pages::Pages;
use preferences::Preferences;
use role::Role;
use seal::Seal;
use signposts::Signposts;
use table::client::{self, Client};
use table::listing::{Found, list_by};
use table::user::{self, CreateError, NewUser};
use viewed::Viewed;
use wire::capability::Key;
use wire::id::VideoId;

/// An answer whose body is in memory.
pub type Reply = Response<Full<Bytes>>;

/// Accounts, channels and catalogue of one instance.
#[derive(Debug)]
pub struct Sidecar {
    database: Database,
    settings: Accounts,
    public_url: String,
    key: Key,
    seal: Seal,
    client: Client,
    hasher: Hasher,
    attempts: Mutex<Attempts>,
    /// Pages of lists that were answered just now, and whether with their totals.
    pages: Mutex<Pages<(ListQuery, bool)>>,
    /// Objects of videos that were told lately.
    encoded: Mutex<Encoded>,
    signposts: Signposts,
    viewed: Mutex<Viewed>,
    /// Held by whoever changes what is said of a video.
    changing: tokio::sync::Mutex<()>,
    /// Told of each job that may begin.
    work_waits: Notify,
    /// Told of each import that may begin.
    import_waits: Notify,
    /// To other hosts; none before it is opened.
    door: Option<Door>,
    /// Whether people may have videos fetched.
    imports: bool,
    /// Told of each letter that may go.
    letter_waits: Notify,
    /// Somebody sends them.
    sends_letters: bool,
    /// Told of each export that is to be made.
    export_waits: Notify,
    /// Told of each thing that is to be fetched from another server.
    task_waits: Notify,
    /// Held by whoever takes such a thing.
    claiming_tasks: tokio::sync::Mutex<()>,
    /// Told of each activity that is to be delivered.
    delivery_waits: Notify,
    /// Held by whichever delivery reads or writes the database, so that a thousand of them keep no request waiting for it.
    delivery_turn: tokio::sync::Mutex<()>,
    /// Told when there may be something to tell other servers.
    news_wait: Notify,
    house: House,
    /// Where other servers find us; `None` tells them nothing.
    place: Option<Place>,
    federation: config::Federation,
    keyring: Keyring,
    blocks: Blocks,
    inbox: Inbox,
    metrics: Metrics,
    /// The instance in numbers, and when it was counted.
    counted: tokio::sync::Mutex<Option<(Time, Value)>>,
    started: Instant,
    /// How long ago `started` was.
    elapsed: fn(&Instant) -> Time,
}

/// How often who may try what. Good tries count only for those who ask for an account.
#[derive(Debug)]
struct Attempts {
    logins_from: Pace<String>,
    logins_of: Pace<String>,
    registrations_from: Pace<String>,
    /// Of videos, by who asks and which.
    passwords: Pace<String>,
    letters_from: Pace<String>,
    letters_to: Pace<String>,
    tickets_from: Pace<String>,
    /// Of users, after the right password.
    codes_of: Pace<i64>,
    exports_of: Pace<i64>,
    /// By address: servers that visitors say they are from.
    fingers_from: Pace<String>,
    /// Of users, things of other servers that they look for.
    resolved_by: Pace<i64>,
    /// By account, of here or elsewhere.
    comments_of: Pace<i64>,
    /// By site.
    comments_from: Pace<String>,
    reports_of: Pace<i64>,
    /// By site of elsewhere.
    reports_from: Pace<String>,
    /// By handle of elsewhere: whether who has it still is there.
    names_of: Pace<String>,
}

/// Whom a new instance makes, told to its host once.
#[derive(Debug)]
pub struct Administrator {
    /// What they log in with.
    pub name: Username,
    /// Only its hash is kept.
    pub password: Password,
}

/// Why a command about a user fails: the name or address, then the machine.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Somebody else's.
    #[error("the name or the e-mail address is taken: choose another")]
    Taken,
    /// Nobody's.
    #[error("there is no user {0}")]
    Unknown(Username),
    /// The database doesn't answer.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// No memory or no chance.
    #[error("cannot make a password: {0}")]
    Password(String),
}

impl Sidecar {
    /// Opens the database, in the folder `data` unless `settings` name another, and brings its schema up to date. `key`
    /// signs what lets people read videos that aren't open to all.
    ///
    /// # Errors
    /// When it can't be used.
    pub async fn open(
        database: &config::Database,
        accounts: &Accounts,
        data: &Path,
        public_url: String,
        key: Key,
    ) -> Result<Sidecar, OpenError> {
        let database = Database::open(database, data).await?;
        let new = Client { client_id: token::generate()?, client_secret: token::generate()? };
        Ok(Sidecar {
            client: client::ensure(&database, new).await?,
            database,
            settings: accounts.clone(),
            public_url,
            seal: Seal::new(&key),
            key,
            hasher: Hasher::new(),
            attempts: Mutex::new(Attempts {
                logins_from: Pace::new(LOGINS_FROM, REMEMBERED),
                logins_of: Pace::new(LOGINS_OF, REMEMBERED),
                registrations_from: Pace::new(REGISTRATIONS_FROM, REMEMBERED),
                passwords: Pace::new(PASSWORDS, REMEMBERED),
                letters_from: Pace::new(LETTERS_FROM, REMEMBERED),
                letters_to: Pace::new(LETTERS_TO, REMEMBERED),
                tickets_from: Pace::new(LOGINS_FROM, REMEMBERED),
                codes_of: Pace::new(CODES_OF, REMEMBERED),
                exports_of: Pace::new(EXPORTS_OF, REMEMBERED),
                fingers_from: Pace::new(FINGERS_FROM, REMEMBERED),
                comments_of: Pace::new(comments::COMMENTS_OF, REMEMBERED),
                comments_from: Pace::new(comments::COMMENTS_FROM, REMEMBERED),
                resolved_by: Pace::new(RESOLVED_BY, REMEMBERED),
                reports_of: Pace::new(reports::REPORTS_OF, REMEMBERED),
                reports_from: Pace::new(reports::REPORTS_FROM, REMEMBERED),
                names_of: Pace::new(NAMES_OF, REMEMBERED),
            }),
            pages: Mutex::new(Pages::new(PAGES, PAGE_LIFE)),
            encoded: Mutex::new(Encoded::new(ENCODED_BYTES)),
            signposts: Signposts::default(),
            changing: tokio::sync::Mutex::default(),
            viewed: Mutex::new(Viewed::new(token::generate()?)),
            work_waits: Notify::new(),
            import_waits: Notify::new(),
            door: None,
            imports: false,
            letter_waits: Notify::new(),
            sends_letters: false,
            export_waits: Notify::new(),
            task_waits: Notify::new(),
            claiming_tasks: tokio::sync::Mutex::default(),
            delivery_waits: Notify::new(),
            delivery_turn: tokio::sync::Mutex::default(),
            news_wait: Notify::new(),
            house: House::default(),
            place: None,
            federation: config::Federation::default(),
            keyring: Keyring::default(),
            blocks: Blocks::default(),
            inbox: Inbox::new(),
            metrics: Metrics::default(),
            counted: tokio::sync::Mutex::default(),
            started: Instant::now(),
            elapsed: Instant::elapsed,
        })
    }

    /// Whether there is a database to open: it is made by the first server that starts, or is somebody else's.
    pub fn is_there(database: &config::Database, data: &Path) -> bool {
        Database::is_there(database, data)
    }

    /// Has programs and feeds told this of the house.
    pub fn describe_house(&mut self, house: House) {
        self.house = house;
    }

    /// Tells other servers what everybody may see, under ids of `place`, and hears them.
    ///
    /// # Errors
    /// When who is blocked can't be read.
    pub async fn federate(
        &mut self,
        place: Place,
        settings: &config::Federation,
    ) -> Result<(), OpenError> {
        self.place = Some(place);
        self.federation = settings.clone();
        Ok(self.load_blocks().await?)
    }

    /// Whether other servers are told anything.
    pub fn is_federated(&self) -> bool {
        self.place.is_some()
    }

    /// Lets it ask other hosts, as far as these settings allow.
    ///
    /// # Errors
    /// When the certificates that they name can't be read.
    pub fn open_door(&mut self, settings: &config::Outbound) -> Result<(), DoorError> {
        self.door = Some(Door::new(settings, &self.public_url)?);
        self.imports = settings.imports;
        Ok(())
    }

    /// What the house is called.
    pub fn house_name(&self) -> &str {
        &self.house.name
    }

    /// Makes `root`, unless the instance has an administrator.
    ///
    /// # Errors
    /// When there is a `root` who is none, or the database fails.
    pub async fn ensure_administrator(&self) -> Result<Option<Administrator>, UserError> {
        if user::is_any(&self.database, Role::Administrator).await? {
            return Ok(None);
        }
        let name = Username::parse(FIRST).expect("a name of four letters");
        let password = self.create_user(&name, None, Role::Administrator).await?;
        Ok(Some(Administrator { name, password }))
    }

    /// Makes a user, and returns the password that it generated for them.
    ///
    /// # Errors
    /// When name or address are taken, or the database fails.
    pub async fn create_user(
        &self,
        name: &Username,
        email: Option<Email>,
        role: Role,
    ) -> Result<Password, UserError> {
        let password =
            Password::generate().map_err(|error| UserError::Password(error.to_string()))?;
        let password_hash = self.hasher.hash(password.clone()).await?;
        let new = self.new_user(name.clone(), email, name.to_string(), role, password_hash);
        user::create(&self.database, now_ms(), new).await?;
        Ok(password)
    }

    /// Gives a user another password, which it returns, and ends all their sessions.
    ///
    /// # Errors
    /// When there is no such user, or the database fails.
    pub async fn reset_password(&self, name: &Username) -> Result<Password, UserError> {
        let found = user::by_login(&self.database, name.as_str()).await?;
        let user = found.ok_or_else(|| UserError::Unknown(name.clone()))?;
        let password =
            Password::generate().map_err(|error| UserError::Password(error.to_string()))?;
        let hash = self.hasher.hash(password.clone()).await?;
        user::set_password(&self.database, user.id, &hash, None).await?;
        Ok(password)
    }

    /// Has a user come in by their password alone again.
    ///
    /// # Errors
    /// When there is no such user, or the database fails.
    pub async fn disable_two_factor(&self, name: &Username) -> Result<(), UserError> {
        let found = user::by_login(&self.database, name.as_str()).await?;
        let user = found.ok_or_else(|| UserError::Unknown(name.clone()))?;
        Ok(user::set_otp_secret(&self.database, user.id, None).await?)
    }

    /// What lets somebody read a video from `now`, in milliseconds since 1970, for at least [`READ_LIFE`]: a part of the
    /// path of its media, before the file's name and behind a `~`. Whether they may is for the caller to know.
    ///
    /// Within an hour it's the same text, so that a browser finds again what it has kept.
    pub fn capability(&self, video: &VideoId, now: i64) -> String {
        let least = (now.max(0) as u64).div_ceil(1000) + READ_LIFE.as_secs();
        let ends_at = least.next_multiple_of(READ_STEP.as_secs());
        self.key.sign(video, u32::try_from(ends_at).unwrap_or(u32::MAX))
    }

    /// That the database answers, and takes what is written.
    ///
    /// # Errors
    /// In a sentence for everybody; the log has the rest.
    pub async fn health(&self) -> Result<(), &'static str> {
        match tokio::time::timeout(HEALTH, client::touch(&self.database)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!("the database is unwell: {error}");
                Err("the database can't be written")
            }
            Err(_) => Err("the database doesn't answer"),
        }
    }

    /// Closes the database when all has been answered.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn new_user(
        &self,
        username: Username,
        email: Option<Email>,
        display_name: String,
        role: Role,
        password_hash: String,
    ) -> NewUser {
        // Whoever has the whole disk needs no bound on a part of it.
        let (video_quota, video_quota_daily) = match role {
            Role::Administrator => (-1, -1),
            Role::Moderator | Role::User => {
                (self.settings.video_quota_bytes, self.settings.video_quota_daily_bytes)
            }
        };
        NewUser {
            username,
            email,
            email_verified: None,
            display_name,
            role,
            password_hash,
            video_quota,
            video_quota_daily,
            preferences: self.first_preferences().json(),
        }
    }

    /// What somebody begins with who hasn't chosen.
    pub(crate) fn first_preferences(&self) -> Preferences {
        Preferences { nsfw_policy: self.house.nsfw_policy, ..Preferences::default() }
    }

    /// A page of a list.
    async fn find_list(&self, query: &ListQuery, user_id: i64) -> sqlx::Result<Found> {
        let now = (self.elapsed)(&self.started);
        list_by(&self.database, query, user_id, Some((&self.signposts, now))).await
    }

    /// Looks at the pages that were answered just now, or keeps one.
    fn pages<T>(&self, work: impl FnOnce(&mut Pages<(ListQuery, bool)>, Time) -> T) -> T {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut pages, (self.elapsed)(&self.started))
    }

    /// Looks at the budgets of who tries, or changes them.
    fn attempts<T>(&self, work: impl FnOnce(&mut Attempts, Time) -> T) -> T {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut attempts, (self.elapsed)(&self.started))
    }
}

impl From<CreateError> for UserError {
    fn from(error: CreateError) -> UserError {
        match error {
            CreateError::Taken => UserError::Taken,
            CreateError::Database(error) => UserError::Database(error),
        }
    }
}

impl From<HasherError> for UserError {
    fn from(error: HasherError) -> UserError {
        UserError::Password(error.to_string())
    }
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// How long the database may take to write a line: after that whoever asks takes us for dead.
const HEALTH: Duration = Duration::from_secs(3);

/// Whom a new instance makes, as PeerTube does.
const FIRST: &str = "root";

/// Failed logins from one address (of IPv6 a /64): a classroom's mistakes, and after that PeerTube's three a minute.
const LOGINS_FROM: Rate = Rate { burst: 20, every: Duration::from_secs(20) };

/// Failed logins of one name, from wherever: a botnet guesses 1,440 passwords a day, and its owner isn't locked out for
/// longer than a minute.
const LOGINS_OF: Rate = Rate { burst: 10, every: Duration::from_secs(60) };

/// How long a page of a list is the same for everybody: nobody waits longer for a new video to be listed.
const PAGE_LIFE: Duration = Duration::from_secs(1);

/// Wrong passwords of one video from one address: a class that was told the wrong one.
const PASSWORDS: Rate = Rate { burst: 20, every: Duration::from_secs(20) };

/// Mails asked for from one address, to whomever: a classroom's that has forgotten its passwords.
const LETTERS_FROM: Rate = Rate { burst: 30, every: Duration::from_secs(60) };

/// Mails to one address, whoever asks for them: nobody's mailbox is filled by strangers.
const LETTERS_TO: Rate = Rate { burst: 3, every: Duration::from_secs(600) };

/// Wrong codes of one user, by somebody who knows the password: 144 a day, so that it takes 1,600 days of guessing until one of
/// the three codes that are right at a time is met as likely as not.
const CODES_OF: Rate = Rate { burst: 10, every: Duration::from_secs(600) };

/// Servers that visitors from one address say they are from: a classroom's, and nobody makes us ask many.
const FINGERS_FROM: Rate = Rate { burst: 10, every: Duration::from_secs(30) };

/// Whether a name of another server is free again: it is built anew once, and whoever says so each time is asked no more.
const NAMES_OF: Rate = Rate { burst: 1, every: Duration::from_secs(3_600) };

/// URLs and handles of other servers that one user looks for: more than anybody pastes, and too few to ask a server to death.
const RESOLVED_BY: Rate = Rate { burst: 20, every: Duration::from_secs(10) };

/// Exports of one user: each is up to as many bytes as all of their videos, made anew.
const EXPORTS_OF: Rate = Rate { burst: 5, every: Duration::from_secs(3_600) };

/// Accounts asked for from one address: a classroom's, and after that one a minute.
const REGISTRATIONS_FROM: Rate = Rate { burst: 30, every: Duration::from_secs(60) };
