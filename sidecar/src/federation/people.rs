//! People, channels and instances of other servers: found by URL or handle, and kept with what they tell.

use serde_json::Value;
use url::Url;

use super::ask::FetchError;
use super::id::{Id, IdError, Remote, Strictness};
use super::json;
use super::read::actor::{self, ActorError};
use crate::outbound::Budget;
use crate::table::remote_actor::{self, KeepError, Kind, NewActor, RemoteActor};
use crate::{Sidecar, now_ms};

/// Why somebody isn't known: our own rules, then their server's blame, then the machine's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PersonError {
    #[error("{0} is blocked here")]
    Blocked(String),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("{0}: {1}")]
    Actor(String, ActorError),
    #[error("{0} doesn't say who {1} is")]
    NotFound(String, String),
    #[error(transparent)]
    Id(#[from] IdError),
    #[error(transparent)]
    Keep(#[from] KeepError),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl PersonError {
    /// Whether trying again later is of no use.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            PersonError::Fetch(error) => error.is_lasting(),
            PersonError::Keep(KeepError::Database(_)) | PersonError::Database(_) => false,
            _ => true,
        }
    }
}

impl Sidecar {
    /// Whom a URL names: as they are known if that is no older than [`FRESH_MS`], else as their server tells.
    pub(crate) async fn person(
        &self,
        url: &Remote,
        budget: &mut Budget,
    ) -> Result<RemoteActor, PersonError> {
        let known = remote_actor::by_url(&self.database, url.document()).await?;
        if let Some(known) = known {
            self.check_blocks(&known)?;
            if known.fetched_at + FRESH_MS > now_ms() {
                return Ok(known);
            }
            return match self.person_anew(url, budget).await {
                // Who can't be asked is who they were.
                Err(PersonError::Fetch(error)) if !error.is_lasting() => Ok(known),
                other => other,
            };
        }
        self.person_anew(url, budget).await
    }

    /// Whom a URL names, as their server tells now.
    pub(crate) async fn person_anew(
        &self,
        url: &Remote,
        budget: &mut Budget,
    ) -> Result<RemoteActor, PersonError> {
        let mut read = self.read_person(url, budget).await?;
        if read.actor.kind == Kind::Channel {
            for owner in std::mem::take(&mut read.owners) {
                match Box::pin(self.person(&owner, budget)).await {
                    Ok(owner) if owner.is(Kind::Person) => {
                        read.actor.owner_id = Some(owner.id);
                        break;
                    }
                    Ok(_) | Err(PersonError::Actor(..)) => {}
                    Err(error) => return Err(error),
                }
            }
            // A community that nobody owns speaks, but has no videos.
            if read.actor.owner_id.is_none() {
                read.actor.kind = Kind::Person;
            }
        }
        let kept = remote_actor::keep(&self.database, now_ms(), &read.actor).await;
        // Of two who ask at once, one is the first to know.
        if let Err(KeepError::Taken(_)) = &kept
            && let Some(known) = remote_actor::by_url(&self.database, &read.actor.url).await?
            && known.handle() == remote_actor::handle(&read.actor.name, &read.actor.host)
        {
            self.check_blocks(&known)?;
            return Ok(known);
        }
        let kept = match kept {
            Err(KeepError::Taken(_)) if self.name_is_given_back(&read.actor, budget).await? => {
                remote_actor::keep(&self.database, now_ms(), &read.actor).await
            }
            kept => kept,
        };
        let id = kept?;
        let kept =
            remote_actor::by_id(&self.database, id).await?.ok_or(sqlx::Error::RowNotFound)?;
        self.check_blocks(&kept)?;
        Ok(kept)
    }

    /// A server that was built anew has other URLs for the same names: who had one of these gives it back if their URL leads to nobody
    /// any more, or to who has it now. Asked once in a while.
    async fn name_is_given_back(
        &self,
        new: &NewActor,
        budget: &mut Budget,
    ) -> Result<bool, PersonError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let handle = remote_actor::handle(&new.name, &new.host);
        let Some(known) = remote_actor::by_handle(&self.database, &handle).await? else {
            return Ok(false);
        };
        if known.url == new.url
            || known.host != new.host
            || self.attempts(|attempts, now| attempts.names_of.take(now, &handle)).is_err()
        {
            return Ok(false);
        }
        let is_free = match self
            .fetch_object(&Remote::parse(&known.url, place.strictness())?, budget)
            .await
        {
            Ok(told) => {
                told.source.authority() == new.host
                    && json::first_id(&told.object, "id") == Some(&new.url)
            }
            Err(FetchError::Gone(_) | FetchError::Missing(_)) => true,
            Err(_) => false,
        };
        Ok(is_free && remote_actor::set_aside(&self.database, &known).await?)
    }

    async fn read_person(
        &self,
        url: &Remote,
        budget: &mut Budget,
    ) -> Result<actor::Read, PersonError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let fetched = self.fetch_object(url, budget).await?;
        let bad = |error| PersonError::Actor(url.as_str().to_owned(), error);
        // A page's URL leads to an actor with another id, which is asked then.
        let id = json::first_id(&fetched.object, "id").and_then(|id| place.read(id).ok());
        match id {
            Some(Id::Remote(id))
                if id.document() != fetched.source.document()
                    && id.authority() == fetched.source.authority() =>
            {
                let fetched = self.fetch_object(&id, budget).await?;
                actor::read(place, &fetched.source, &fetched.object).map_err(bad)
            }
            _ => actor::read(place, &fetched.source, &fetched.object).map_err(bad),
        }
    }

    /// Whom a handle names, as its server tells by webfinger (RFC 7033).
    pub(crate) async fn finger(
        &self,
        name: &str,
        host: &str,
        budget: &mut Budget,
    ) -> Result<RemoteActor, PersonError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let resource = format!("acct:{name}@{host}");
        // Who is here isn't asked of others.
        if host == place.authority() {
            return Err(PersonError::NotFound(host.to_owned(), resource));
        }
        let url = self.well_known(host, "webfinger", Some(&resource))?;
        let found = self.fetch_json(&url, budget).await?;
        let missing = || PersonError::NotFound(host.to_owned(), resource.clone());
        let links = json::each(found.object.get("links")).filter_map(Value::as_object);
        let itself = links
            .filter(|link| link.get("rel").and_then(Value::as_str) == Some("self"))
            .find(|link| link.get("type").and_then(Value::as_str).is_none_or(is_activity));
        let href = itself.and_then(|link| link.get("href")?.as_str()).ok_or_else(missing)?;
        let person = self.person(&Remote::parse(href, place.strictness())?, budget).await?;
        // The name may be in other letters, and not another.
        if person.name.eq_ignore_ascii_case(name) { Ok(person) } else { Err(missing()) }
    }

    /// The actor who speaks for a whole server: as NodeInfo names it (FEP-2677), or as PeerTube calls it.
    pub(crate) async fn instance_at(
        &self,
        host: &str,
        budget: &mut Budget,
    ) -> Result<RemoteActor, PersonError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let url = self.well_known(host, "nodeinfo", None)?;
        if let Ok(found) = self.fetch_json(&url, budget).await {
            let links = json::each(found.object.get("links")).filter_map(Value::as_object);
            let href = links
                .filter(|link| link.get("rel").and_then(Value::as_str) == Some(APPLICATION))
                .find_map(|link| link.get("href")?.as_str());
            if let Some(href) = href {
                let url = Remote::parse(href, place.strictness())?;
                if url.authority() == host {
                    return self.person(&url, budget).await;
                }
            }
        }
        self.finger(super::id::INSTANCE, host, budget).await
    }

    /// `/.well-known/<name>` of a server, by the scheme that we have ourselves.
    pub(crate) fn well_known(
        &self,
        host: &str,
        name: &str,
        resource: Option<&str>,
    ) -> Result<Remote, PersonError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let is_plain =
            place.strictness() == Strictness::Test && place.below("").starts_with("http:");
        let scheme = if is_plain { "http" } else { "https" };
        let mut url = Url::parse(&format!("{scheme}://{host}/.well-known/{name}"))
            .map_err(|_| IdError::Unreadable)?;
        if let Some(resource) = resource {
            url.query_pairs_mut().append_pair("resource", resource);
        }
        let remote = Remote::parse(url.as_str(), place.strictness())?;
        // A host with a path in it, or a name before it, would be another.
        if remote.authority().eq_ignore_ascii_case(host) {
            Ok(remote)
        } else {
            Err(IdError::Host.into())
        }
    }

    fn check_blocks(&self, person: &RemoteActor) -> Result<(), PersonError> {
        let handle = person.handle();
        if self.is_blocked(&person.host, Some(&handle)) {
            return Err(PersonError::Blocked(handle));
        }
        Ok(())
    }
}

fn is_activity(kind: &str) -> bool {
    kind.starts_with("application/activity+json") || kind.starts_with("application/ld+json")
}

const APPLICATION: &str = "https://www.w3.org/ns/activitystreams#Application";

/// How long what is known of somebody is not asked again: as PeerTube's.
const FRESH_MS: i64 = 2 * 86_400_000;

#[cfg(test)]
mod tests;
