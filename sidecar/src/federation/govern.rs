//! What an administrator sees of other servers, and decides: who may follow, whom we follow, whom we have nothing to do with, and
//! what becomes of deliveries that don't arrive.

use super::ask::FetchError;
use super::id::{Local, Remote};
use super::people::PersonError;
use super::receive::HearError;
use crate::error::{ApiError, NotFollowed};
use crate::outbound::Budget;
use crate::role::Role;
use crate::table::following::{self, Line, Wanted, Which};
use crate::table::remote_actor::{self, KeepError, RemoteActor};
use crate::table::{delivery, follow, host};
use crate::view::Unavailable;
use crate::visitor::Visitor;
use crate::{Sidecar, prose};

/// All of it, for one page.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// Those who follow somebody here, whoever waits for an answer first.
    pub followers: Vec<FollowLine>,
    /// How many there are, of whom only the first are in the list.
    pub followers_total: i64,
    /// Those whom the instance follows.
    pub following: Vec<FollowLine>,
    /// The same.
    pub following_total: i64,
    /// Whom we have nothing to do with.
    pub blocks: Vec<BlockLine>,
    /// What waits for which server.
    pub queues: Vec<QueueLine>,
    /// How far others' catalogues are known.
    pub backfills: Vec<BackfillLine>,
}

/// Somebody of another server who follows, or is followed.
#[derive(Debug, Clone)]
pub struct FollowLine {
    /// Of the follow.
    pub id: i64,
    /// Of who is elsewhere.
    pub actor_id: i64,
    /// `name@host`.
    pub handle: String,
    /// Theirs.
    pub url: String,
    /// The handle of who is here.
    pub here: String,
    /// How far it is.
    pub state: Consent,
}

/// What was said to a wish to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Nothing yet.
    Asked,
    /// Yes.
    Given,
    /// No.
    Refused,
}

/// A server, or somebody of it, with whom we have nothing to do.
#[derive(Debug, Clone)]
pub struct BlockLine {
    /// `host`, or `name@host`.
    pub target: String,
    /// Why, if that was said.
    pub reason: Option<String>,
    /// In milliseconds since 1970.
    pub created_at: i64,
}

/// What waits for a server.
#[derive(Debug, Clone)]
pub struct QueueLine {
    /// Its name.
    pub host: String,
    /// Activities.
    pub waiting: i64,
    /// Those that aren't tried again by themselves.
    pub given_up: i64,
    /// Tries in a row.
    pub failures: i64,
    /// When it is tried next, in milliseconds since 1970; `None` is now, or not at all.
    pub due_at: Option<i64>,
    /// Why it failed last.
    pub reason: Option<String>,
}

/// How far another server's catalogue is known.
#[derive(Debug, Clone)]
pub struct BackfillLine {
    /// Whose.
    pub host: String,
    /// What is read: an outbox.
    pub url: String,
    /// Videos that are known.
    pub done: i64,
    /// Of so many, if that was said.
    pub total: Option<i64>,
    /// Nothing is left to do.
    pub is_done: bool,
    /// Why it doesn't go on.
    pub reason: Option<String>,
    /// When the newest came, in milliseconds since 1970.
    pub newest_at: i64,
}

/// What an administrator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling<'a> {
    /// Follow who has this URL or handle, or the whole of this host.
    Follow(&'a str),
    /// Follow them no longer, by their id.
    Unfollow(i64),
    /// Let somebody follow, by the follow's id.
    Accept(i64),
    /// Don't, or not any longer.
    Reject(i64),
    /// Have nothing to do with a server or somebody, for a reason.
    Block(&'a str, Option<&'a str>),
    /// Take that back.
    Unblock(&'a str),
    /// Deliver to a server now, also what was given up.
    Retry(&'a str),
    /// Forget what was given up for a server.
    Forget(&'a str),
}

/// A server that we have met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its host.
    pub host: String,
    /// What it calls itself.
    pub title: String,
    /// Program and version.
    pub software: String,
    /// HTML that can only be read.
    pub description: String,
    /// The same.
    pub rules: String,
    /// Whether it takes new people, if it says so.
    pub registration: Option<bool>,
}

impl Sidecar {
    /// Whether this instance meets others at all.
    pub fn federates(&self) -> bool {
        self.place.is_some()
    }

    /// What an administrator sees.
    ///
    /// # Errors
    /// When the visitor is none, or the database fails.
    pub async fn federation(&self, visitor: &Visitor) -> Result<Overview, ApiError> {
        check(visitor)?;
        let database = &self.database;
        let us = self.instance_handle().await?;
        let lines =
            async |which| following::list(database, &Wanted::all(which), us, 0, SHOWN).await;
        let total = async |which| following::count(database, &Wanted::all(which), us).await;
        let (followers, follows) = (lines(Which::Followers).await?, lines(Which::Following).await?);
        let mut backfills = Vec::new();
        for found in following::progress(database, SHOWN).await? {
            let (_, newest) = following::videos_of(database, &found.host).await?;
            backfills.push(BackfillLine {
                newest_at: newest.unwrap_or(found.updated_at),
                is_done: found.state == 2,
                host: found.host,
                url: found.url,
                done: found.done,
                total: found.total,
                reason: found.reason,
            });
        }
        let blocks = self.blocked().await?.into_iter().take(SHOWN as usize);
        Ok(Overview {
            followers: followers.into_iter().map(follow_line).collect(),
            followers_total: total(Which::Followers).await?,
            following: follows.into_iter().map(follow_line).collect(),
            following_total: total(Which::Following).await?,
            blocks: blocks
                .map(|block| BlockLine {
                    target: block.target,
                    reason: block.reason,
                    created_at: block.created_at,
                })
                .collect(),
            queues: delivery::queues(database, 0, SHOWN)
                .await?
                .into_iter()
                .map(queue_line)
                .collect(),
            backfills,
        })
    }

    /// Does what an administrator decided.
    ///
    /// # Errors
    /// When the visitor is none, it is about nobody, or another server doesn't answer as it should.
    pub async fn rule(&self, visitor: &Visitor, ruling: Ruling<'_>) -> Result<(), ApiError> {
        check(visitor)?;
        match ruling {
            Ruling::Follow(what) => self.follow_by_hand(what).await,
            Ruling::Unfollow(id) => {
                let target = remote_actor::by_id(&self.database, id).await?;
                self.unfollow_by_hand(target).await
            }
            Ruling::Accept(id) => self.decide_by_hand(id, true).await,
            Ruling::Reject(id) => self.decide_by_hand(id, false).await,
            Ruling::Block(target, reason) => self.block_by_hand(target, reason).await,
            Ruling::Unblock(target) => {
                let is_done = self.unblock(target).await?;
                if is_done { Ok(()) } else { Err(ApiError::NotFound("Block")) }
            }
            Ruling::Retry(host) => Ok(self.retry_deliveries(host).await?),
            Ruling::Forget(host) => {
                Ok(delivery::forget(&self.database, i64::MAX, Some(host)).await?)
            }
        }
    }

    /// Follows who has this URL or handle, or the whole of this host.
    pub(crate) async fn follow_by_hand(&self, what: &str) -> Result<(), ApiError> {
        let told = |error| told(what, error);
        let target = self.find_actor(what, &mut Budget(FETCHES)).await.map_err(told)?;
        let follow = self.follow(&target).await.map_err(not_heard)?;
        Ok(follow::set_by_hand(&self.database, follow.id).await?)
    }

    /// Follows somebody no longer.
    pub(crate) async fn unfollow_by_hand(
        &self,
        target: Option<RemoteActor>,
    ) -> Result<(), ApiError> {
        let target = target.ok_or(ApiError::NotFound("Follow"))?;
        let is_done = self.unfollow(&target).await.map_err(not_heard)?;
        if is_done { Ok(()) } else { Err(ApiError::NotFound("Follow")) }
    }

    /// Lets somebody follow, or doesn't, by the follow's id.
    pub(crate) async fn decide_by_hand(&self, id: i64, is_yes: bool) -> Result<(), ApiError> {
        let is_done = self.decide_follower(id, is_yes).await.map_err(not_heard)?;
        if is_done { Ok(()) } else { Err(ApiError::NotFound("Follow")) }
    }

    /// Has nothing to do with a server or somebody from now on.
    pub(crate) async fn block_by_hand(
        &self,
        target: &str,
        reason: Option<&str>,
    ) -> Result<(), ApiError> {
        if self.block(target, reason.filter(|reason| !reason.is_empty())).await? {
            Ok(())
        } else {
            Err(ApiError::Invalid("this is no host and no name@host, or too many are blocked"))
        }
    }

    /// Whom a URL or a handle names, or who speaks for a host.
    pub(crate) async fn find_actor(
        &self,
        what: &str,
        budget: &mut Budget,
    ) -> Result<RemoteActor, PersonError> {
        let what = what.trim().trim_start_matches('@');
        let strictness = self.place.as_ref().map(super::id::Place::strictness);
        if let Some(strictness) = strictness.filter(|_| what.contains("://")) {
            return self.person(&Remote::parse(what, strictness)?, budget).await;
        }
        match what.split_once('@') {
            Some((name, host)) => self.finger(name, host, budget).await,
            None => self.instance_at(what, budget).await,
        }
    }

    /// Servers that we have met and that say who they are, in the order of their names, and how many there are.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn neighbours(
        &self,
        start: u32,
        count: u32,
    ) -> Result<(u64, Vec<Neighbour>), Unavailable> {
        let total = host::count(&self.database).await?;
        let found = host::list(&self.database, start.into(), count.into()).await?;
        let shown = found.into_iter().filter(|known| !self.is_blocked(&known.name, None));
        let read = |text: Option<String>| text.map(|text| prose::html(&text)).unwrap_or_default();
        let shown = shown.map(|known| Neighbour {
            title: known.title.unwrap_or_else(|| known.name.clone()),
            host: known.name,
            software: [known.software, known.version]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
            description: read(known.description),
            rules: read(known.rules),
            registration: known.registration,
        });
        Ok((total.unsigned_abs(), shown.collect()))
    }

    /// The handle of the instance.
    pub(crate) async fn instance_handle(&self) -> sqlx::Result<i64> {
        let found = self.handle_of(&Local::Instance).await?;
        found.ok_or(sqlx::Error::RowNotFound)
    }
}

fn check(visitor: &Visitor) -> Result<(), ApiError> {
    if visitor.role == Role::Administrator {
        Ok(())
    } else {
        Err(ApiError::Forbidden("only administrators may do this"))
    }
}

impl Consent {
    fn of(state: i64) -> Consent {
        match state {
            2 => Consent::Given,
            3 => Consent::Refused,
            _ => Consent::Asked,
        }
    }
}

fn follow_line(line: Line) -> FollowLine {
    FollowLine {
        id: line.id,
        actor_id: line.actor_id,
        handle: remote_actor::handle(&line.name, &line.host),
        url: line.url,
        here: line.here,
        state: Consent::of(line.state),
    }
}

fn queue_line(queue: delivery::Queue) -> QueueLine {
    QueueLine {
        due_at: (queue.waiting > 0 && queue.failures > 0).then_some(queue.due_at),
        host: queue.host,
        waiting: queue.waiting,
        given_up: queue.given_up,
        failures: queue.failures,
        reason: queue.reason,
    }
}

/// Why nobody was found, for who asked for them.
fn told(what: &str, error: PersonError) -> ApiError {
    let reason = match error {
        PersonError::Database(error) | PersonError::Keep(KeepError::Database(error)) => {
            return ApiError::Database(error);
        }
        PersonError::Fetch(error @ (FetchError::Keyring(_) | FetchError::Key(_))) => {
            return ApiError::Machine(error.to_string());
        }
        PersonError::Fetch(FetchError::Off) => NotFollowed::Off,
        PersonError::Blocked(_) | PersonError::Fetch(FetchError::Blocked(_)) => {
            NotFollowed::Blocked
        }
        PersonError::Fetch(error) if !error.is_lasting() => {
            tracing::info!("nobody is followed: {error}");
            NotFollowed::Away
        }
        error => {
            tracing::info!("nobody is followed: {error}");
            NotFollowed::Nobody
        }
    };
    ApiError::NotFollowed(vec![(what.trim().to_owned(), reason)])
}

fn not_heard(error: HearError) -> ApiError {
    match error {
        HearError::Database(error) => ApiError::Database(error),
        HearError::Person(error) => told("", error),
        HearError::Refused(reason) => ApiError::Conflict(reason),
        error => ApiError::Machine(error.to_string()),
    }
}

/// Lines of each list on the page: whoever has more looks them up by the API.
const SHOWN: i64 = 200;

/// Requests for one wish to follow: webfinger or NodeInfo, an actor, an owner, and their redirects.
const FETCHES: u32 = 10;
