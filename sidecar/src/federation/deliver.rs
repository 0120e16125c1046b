//! Delivering: what waits in the database goes to its inboxes, each server's in order and one at a time, many servers at once.
//!
//! Flow:
//! 1. `send` → the worker: something waits
//! 2. the worker takes servers for which something may go now, who was served longest ago first, few of one site, each for its turn
//! 3. worker → inbox: POST, signed as it goes out; the answer decides (`schedule`)
//! 4. a server that fails waits with all that is for it, and others don't wait for it
//!
//! What was queued outlives kill -9: a row goes when its inbox has said that it has it, so that it may come twice and is never lost.

mod schedule;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderValue};
use serde::Deserialize;
use tokio::task::{JoinError, JoinSet};

use self::schedule::{Fate, Outcome, is_parked, wait};
use super::ask::signed;
use super::id::{Id, Local};
use crate::limits::{DELIVERED_AT_ONCE, DELIVERED_OF_SITE, DELIVERY_TURN};
use crate::outbound::{Ask, Bounds, Budget, OutboundError};
use crate::table::delivery::{self, Delivery};
use crate::table::following;
use crate::table::host::{self, Health};
use crate::{Sidecar, now_ms};

impl Sidecar {
    /// Tells other servers what changes here and takes to them what is said, until it is asked to `stop`.
    pub async fn deliver_forever(self: &Arc<Self>, stop: impl Future<Output = ()>) {
        let working = async {
            match self.place {
                Some(_) => {
                    tokio::join!(
                        self.deliver_all(),
                        self.tell_all_news(),
                        self.ask_all_hosts(),
                        self.sweep_deliveries()
                    );
                }
                None => self.tell_all_news().await,
            }
        };
        tokio::select! {
            () = stop => {}
            () = working => {}
        }
    }

    /// Forgets what nobody looked at in a week.
    async fn sweep_deliveries(&self) {
        loop {
            let swept = delivery::forget(&self.database, now_ms() - GIVEN_UP_LIFE_MS, None).await;
            if let Err(error) = swept {
                tracing::warn!("old deliveries are forgotten later: {error}");
            }
            tokio::time::sleep(SELDOM).await;
        }
    }

    /// Delivers what waits, and what will; ends when it is dropped.
    pub(crate) async fn deliver_all(self: &Arc<Self>) {
        if let Err(error) = host::take_back(&self.database).await {
            tracing::warn!("deliveries wait for their next turn: {error}");
        }
        let (mut at_work, mut sites) = (JoinSet::new(), HashMap::new());
        loop {
            while let Some(done) = at_work.try_join_next_with_id() {
                sites.remove(&task_of(&done));
            }
            let busy: Vec<String> = sites.values().cloned().collect();
            match self.take_hosts(DELIVERED_AT_ONCE.saturating_sub(at_work.len()), &busy).await {
                Ok(taken) => {
                    for host in taken {
                        let site = host.site.clone();
                        sites.insert(at_work.spawn(Arc::clone(self).serve(host)).id(), site);
                    }
                }
                Err(error) => tracing::warn!("deliveries wait: {error}"),
            }
            tokio::select! {
                // Whoever is done makes room, and may have left something that came in the meantime.
                Some(done) = at_work.join_next_with_id() => {
                    sites.remove(&task_of(&done));
                }
                () = self.delivery_waits.notified() => {}
                () = tokio::time::sleep(OFTEN) => {}
            }
        }
    }

    /// Delivers to a server now, also what was given up.
    pub(crate) async fn retry_deliveries(&self, host: &str) -> sqlx::Result<()> {
        host::revive(&self.database, host).await?;
        delivery::retry(&self.database, now_ms(), host).await?;
        self.delivery_waits.notify_one();
        Ok(())
    }

    /// A server that was given up was heard of: what waits for it goes. Who says much and has an inbox that fails is waited for as
    /// long as one who is silent, but for one try each time.
    pub(crate) async fn note_alive(&self, host: &str) -> sqlx::Result<()> {
        let Some(trouble) = host::trouble(&self.database, host).await? else { return Ok(()) };
        let now = now_ms();
        let wait = wait(trouble.failures, None, spread(host)).as_millis() as i64;
        if host::hear(&self.database, now, host, now - wait).await? {
            self.delivery_waits.notify_one();
        }
        Ok(())
    }

    /// Takes servers that are due, where these sites are being delivered to, each named once for every server of it.
    async fn take_hosts(&self, room: usize, busy: &[String]) -> sqlx::Result<Vec<Health>> {
        if room == 0 {
            return Ok(Vec::new());
        }
        let mut of_sites: HashMap<&str, usize> = HashMap::new();
        for site in busy {
            *of_sites.entry(site).or_default() += 1;
        }
        let is_full = |count: usize| count >= DELIVERED_OF_SITE;
        let full = of_sites.iter().filter(|(_, count)| is_full(**count));
        let full: Vec<String> = full.map(|(site, _)| (*site).to_owned()).collect();
        let (now, mut taken) = (now_ms(), Vec::new());
        let due = host::due(&self.database, now, room as i64, &full).await?;
        for host in &due {
            let count = of_sites.entry(&host.site).or_default();
            if is_full(*count) {
                continue;
            }
            *count += 1;
            taken.extend(host::lease(&self.database, now, &host.name, now + LEASE_MS).await?);
        }
        Ok(taken)
    }

    async fn serve(self: Arc<Self>, mut host: Health) {
        if let Err(error) = self.deliver_to(&mut host, DELIVERY_TURN).await {
            tracing::warn!("deliveries to {} wait: {error}", host.name);
        }
    }

    /// Delivers what waits for a server until nothing does, it fails, or it is the others' turn.
    async fn deliver_to(&self, host: &mut Health, turn: Duration) -> sqlx::Result<()> {
        let (database, begun) = (&self.database, Instant::now());
        'turn: for batch in 0..BATCHES {
            let held = self.delivery_turn.lock().await;
            let waiting = delivery::next(database, &host.name, BATCH).await?;
            if waiting.is_empty() {
                break;
            }
            if batch > 0 {
                host::prolong(database, &host.name, now_ms() + LEASE_MS).await?;
            }
            // Asked after what waits was read, so that what was queued after the end of a block goes.
            let is_blocked = self.is_blocked(&host.name, None);
            let mut may_go = Vec::with_capacity(waiting.len());
            for delivery in waiting {
                if is_blocked && !is_leave(&delivery.activity) {
                    delivery::give_up(database, delivery.id, "the server is blocked here").await?;
                } else {
                    may_go.push(delivery);
                }
            }
            drop(held);
            for delivery in may_go {
                let outcome = self.try_delivery(&delivery).await;
                if !self.settle_delivery(host, &delivery, &outcome).await? {
                    return Ok(());
                }
                if begun.elapsed() >= turn {
                    break 'turn;
                }
            }
        }
        let _turn = self.delivery_turn.lock().await;
        host::prolong(database, &host.name, 0).await
    }

    /// Notes what came of a try; `false` if the server is to be left alone, and is given back.
    async fn settle_delivery(
        &self,
        host: &mut Health,
        delivery: &Delivery,
        outcome: &Outcome,
    ) -> sqlx::Result<bool> {
        let (database, now) = (&self.database, now_ms());
        let age = Duration::from_millis(u64::try_from(now - delivery.created_at).unwrap_or(0));
        let (reason, rest) = match outcome {
            Outcome::Delivered => ("", None),
            Outcome::Refused(reason) | Outcome::Gone(reason) | Outcome::Silent(reason) => {
                (reason.as_str(), None)
            }
            Outcome::Unwell(reason, rest) => (reason.as_str(), *rest),
        };
        let _turn = self.delivery_turn.lock().await;
        match outcome.fate(delivery.attempts, age) {
            Fate::Done => delivery::end(database, delivery.id, delivery.sent_id).await?,
            Fate::GivenUp => delivery::give_up(database, delivery.id, reason).await?,
            Fate::PutOff => delivery::put_off(database, delivery.id, reason).await?,
        }
        if matches!(outcome, Outcome::Gone(_)) {
            following::end_of_inbox(database, &host.name, &delivery.inbox).await?;
        }
        if matches!(outcome, Outcome::Delivered | Outcome::Refused(_) | Outcome::Gone(_)) {
            if host.failures > 0 {
                host.failures = 0;
                host::revive(database, &host.name).await?;
            }
            return Ok(true);
        }
        let failures = host.failures + 1;
        let wait = wait(failures, rest, spread(&host.name));
        tracing::debug!(host = host.name, failures, ?wait, "a delivery failed: {reason}");
        host::failed(database, now, &host.name, now + wait.as_millis() as i64, reason).await?;
        if is_parked(failures) {
            delivery::give_up_all(database, &host.name, reason).await?;
        }
        Ok(false)
    }

    /// Tries once.
    async fn try_delivery(&self, delivery: &Delivery) -> Outcome {
        match self.ask_inbox(delivery).await {
            Ok(outcome) => outcome,
            Err(PostError::Lasting(reason)) => Outcome::Refused(reason),
            Err(PostError::Passing(reason)) => Outcome::Silent(reason),
        }
    }

    async fn ask_inbox(&self, delivery: &Delivery) -> Result<Outcome, PostError> {
        let off = || PostError::Passing("federation is off".to_owned());
        let (place, door) =
            (self.place.as_ref().ok_or_else(off)?, self.door.as_ref().ok_or_else(off)?);
        let said: Said = serde_json::from_str(&delivery.activity).map_err(PostError::lasting)?;
        let whose = match place.read(&said.actor) {
            Ok(Id::Local(whose @ (Local::Instance | Local::Account(_) | Local::Channel(_)))) => {
                whose
            }
            // What another said is passed on by who is here.
            _ => match self.local_of(delivery.actor_id).await.map_err(PostError::passing)? {
                Some(whose) => whose,
                None => return Err(PostError::Lasting(format!("{} is nobody here", said.actor))),
            },
        };
        let address = door.address(&delivery.inbox)?;
        let signer = self.signer_of(delivery.actor_id, &whose).await.map_err(PostError::passing)?;
        let body = Bytes::from(delivery.activity.clone());
        let headers = signed(&Method::POST, &address, Some(&body), &signer);
        let mut headers = headers.map_err(PostError::passing)?;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(ACTIVITY));
        headers.insert(header::ACCEPT, HeaderValue::from_static(ACTIVITY));
        let ask = Ask::post(address, headers, body);
        let answer = door.fetch(ask, &BOUNDS, &mut Budget(1)).await?;
        Ok(Outcome::of(answer.status, &answer.headers, SystemTime::now()))
    }
}

/// Which task ended, however it did.
fn task_of(done: &Result<(tokio::task::Id, ()), JoinError>) -> tokio::task::Id {
    match done {
        Ok((id, ())) => *id,
        Err(error) => error.id(),
    }
}

/// What is looked at of an activity of ours.
#[derive(Deserialize)]
struct Said {
    actor: String,
}

/// Whether it says that nobody follows the other any more: all that a blocked server is told.
fn is_leave(activity: &str) -> bool {
    let said: Result<serde_json::Value, _> = serde_json::from_str(activity);
    said.is_ok_and(|said| {
        said["type"] == "Reject" || said["type"] == "Undo" && said["object"]["type"] == "Follow"
    })
}

/// Why there is no answer to look at.
#[derive(Debug)]
enum PostError {
    /// It will never be otherwise.
    Lasting(String),
    Passing(String),
}

impl PostError {
    fn lasting(error: impl ToString) -> PostError {
        PostError::Lasting(error.to_string())
    }

    fn passing(error: impl ToString) -> PostError {
        PostError::Passing(error.to_string())
    }
}

impl From<OutboundError> for PostError {
    fn from(error: OutboundError) -> PostError {
        match error {
            OutboundError::Address(_) | OutboundError::Redirects(_) => PostError::lasting(error),
            _ => PostError::passing(error),
        }
    }
}

/// The same for a server each time, and other for each.
fn spread(name: &str) -> u64 {
    name.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// What every server takes.
const ACTIVITY: &str = "application/activity+json";

/// What an inbox gets of our time: as much as Mastodon gives one. Its words are not read.
const BOUNDS: Bounds = Bounds {
    bytes: u64::MAX,
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(10),
    pause: Duration::from_secs(1),
    whole: Duration::from_secs(15),
    least_rate: 0,
    redirects: 0,
    is_wanted: |_| true,
};

/// Deliveries that are read at once, of some 8 KB each, and how often before it is another server's turn.
const BATCH: i64 = 20;
const BATCHES: usize = 10;

/// Until when a server is its worker's: much longer than its turn, and what began within it.
const LEASE_MS: i64 = 600_000;

/// How soon a server that was put off is looked at again.
const OFTEN: Duration = Duration::from_secs(15);

/// How long what was given up can be looked at, and delivered by hand.
const GIVEN_UP_LIFE_MS: i64 = 7 * 86_400_000;

/// How often that is looked after.
const SELDOM: Duration = Duration::from_secs(3_600);
