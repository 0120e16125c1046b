//! `server/…`: which servers follow this one, which it follows, and with whom it has nothing to do.

use http::Method;
use serde_json::{Value, json};

use super::asked::Asked;
use super::{done, json as answer};
use crate::error::ApiError;
use crate::field::FieldError;
use crate::listing;
use crate::role::Role;
use crate::table::block::Block;
use crate::table::following::{self, FollowOrder, Line, Wanted, Which};
use crate::table::remote_actor::{self, Kind, RemoteActor};
use crate::when::iso;
use crate::{Reply, Sidecar};

/// What a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Followers,
    Follower(&'a str),
    AcceptFollower(&'a str),
    RejectFollower(&'a str),
    Following,
    Followed(&'a str),
    BlockedServers,
    BlockedServer(&'a str),
    BlockedAccounts,
    BlockedAccount(&'a str),
}

impl<'a> Route<'a> {
    pub(super) fn parse(segments: &[&'a str]) -> Option<Route<'a>> {
        Some(match *segments {
            ["server", "followers"] => Route::Followers,
            ["server", "followers", who] => Route::Follower(who),
            ["server", "followers", who, "accept"] => Route::AcceptFollower(who),
            ["server", "followers", who, "reject"] => Route::RejectFollower(who),
            ["server", "following"] => Route::Following,
            ["server", "following", who] => Route::Followed(who),
            ["server", "blocklist", "servers"] => Route::BlockedServers,
            ["server", "blocklist", "servers", host] => Route::BlockedServer(host),
            ["server", "blocklist", "accounts"] => Route::BlockedAccounts,
            ["server", "blocklist", "accounts", who] => Route::BlockedAccount(who),
            _ => return None,
        })
    }

    pub(super) fn methods(self) -> &'static str {
        match self {
            Route::Followers => "GET, HEAD, OPTIONS",
            Route::AcceptFollower(_) | Route::RejectFollower(_) => "POST, OPTIONS",
            Route::Following | Route::BlockedServers | Route::BlockedAccounts => {
                "GET, HEAD, POST, OPTIONS"
            }
            _ => "DELETE, OPTIONS",
        }
    }
}

impl Sidecar {
    pub(super) async fn answer_servers(
        &self,
        route: Route<'_>,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        match (route, &asked.method) {
            (Route::Followers, &Method::GET) => {
                let is_all = asked.visitor.as_ref().is_some_and(|who| who.role.moderates());
                // Of whoever isn't a server, it is their own business whom they follow.
                let which = if is_all { Which::Followers } else { Which::Servers };
                self.tell_follows(which, asked).await
            }
            (Route::Following, &Method::GET) => self.tell_follows(Which::Following, asked).await,
            (Route::Following, &Method::POST) => {
                administrator(&asked)?;
                let mut wanted = asked.fields.value("hosts", texts).unwrap_or_default();
                wanted.extend(asked.fields.value("handles", texts).unwrap_or_default());
                if wanted.is_empty() {
                    let nobody = FieldError::Kind("a list of hosts, unless handles has somebody");
                    asked.fields.refuse("hosts", nobody);
                }
                asked.fields.check()?;
                self.follow_all(&wanted).await
            }
            (Route::Followed(who), &Method::DELETE) => {
                administrator(&asked)?;
                let target = self.known(who).await?;
                self.unfollow_by_hand(target).await?;
                Ok(done())
            }
            (
                Route::Follower(who) | Route::RejectFollower(who),
                &(Method::DELETE | Method::POST),
            ) => {
                let is_end = matches!(route, Route::Follower(_));
                if is_end != (asked.method == Method::DELETE) {
                    return Err(ApiError::Method(route.methods()));
                }
                self.decide_on_follower(who, false, &asked).await
            }
            (Route::AcceptFollower(who), &Method::POST) => {
                self.decide_on_follower(who, true, &asked).await
            }
            (Route::BlockedServers | Route::BlockedAccounts, &Method::GET) => {
                self.tell_blocks(route == Route::BlockedServers, asked).await
            }
            (Route::BlockedServers, &Method::POST) => self.block_named("host", asked).await,
            (Route::BlockedAccounts, &Method::POST) => self.block_named("accountName", asked).await,
            (Route::BlockedServer(target) | Route::BlockedAccount(target), &Method::DELETE) => {
                asked.moderator()?;
                let is_done = self.unblock(target).await?;
                if is_done { Ok(done()) } else { Err(ApiError::NotFound("Block")) }
            }
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    async fn tell_follows(&self, which: Which, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let page = listing::page(&mut asked.query);
        let wanted = Wanted {
            which,
            state: asked.query.optional("state", state),
            kind: asked.query.optional("actorType", kind),
            text: asked.query.optional("search", whole).unwrap_or_default().to_lowercase(),
            order: asked.query.optional("sort", order).unwrap_or_default(),
            accepted_alone: !asked.visitor.as_ref().is_some_and(|who| who.role.moderates()),
        };
        let (start, count) = asked.query.finish(page)?;
        if !self.federates() {
            return Ok(answer(&json!({ "total": 0, "data": [] })));
        }
        let (database, us) = (&self.database, self.instance_handle().await?);
        let lines = following::list(database, &wanted, us, start.into(), count.into()).await?;
        let total = following::count(database, &wanted, us).await?;
        let data: Vec<Value> = lines.iter().map(|line| self.follow_json(which, line)).collect();
        Ok(answer(&json!({ "total": total, "data": data })))
    }

    /// Follows whoever of these can be, and names the others.
    async fn follow_all(&self, wanted: &[String]) -> Result<Reply, ApiError> {
        let mut failed = Vec::new();
        for what in wanted {
            match self.follow_by_hand(what).await {
                Err(ApiError::NotFollowed(these)) => failed.extend(these),
                other => other?,
            }
        }
        if failed.is_empty() { Ok(done()) } else { Err(ApiError::NotFollowed(failed)) }
    }

    /// PeerTube's form, which has a score that falls when deliveries fail.
    fn follow_json(&self, which: Which, line: &Line) -> Value {
        let there = json!({
            "id": line.actor_id, "url": line.url, "name": line.name, "host": line.host, "avatars": [], "banners": [],
            "followersCount": line.followers, "followingCount": 0, "hostRedundancyAllowed": false,
            "createdAt": iso(line.created_at),
        });
        let host = self.host();
        let here = json!({
            "url": format!("{}/accounts/{}", self.public_url, line.here), "name": line.here, "host": host, "avatars": [],
            "banners": [], "followersCount": 0, "followingCount": 0, "hostRedundancyAllowed": false,
        });
        let (follower, following) =
            if which == Which::Following { (here, there) } else { (there, here) };
        let state =
            STATES.iter().find(|(_, no)| *no == line.state).map_or("rejected", |(word, _)| word);
        json!({
            "id": line.id, "follower": follower, "following": following, "score": 1000, "state": state,
            "createdAt": iso(line.created_at), "updatedAt": iso(line.updated_at),
        })
    }

    /// Lets who follows the instance do so, or doesn't.
    async fn decide_on_follower(
        &self,
        who: &str,
        is_yes: bool,
        asked: &Asked<'_>,
    ) -> Result<Reply, ApiError> {
        administrator(asked)?;
        let follower = self.known(who).await?.ok_or(ApiError::NotFound("Follow"))?;
        let us = self.instance_handle().await?;
        let follow = following::of_instance(&self.database, us, follower.id).await?;
        self.decide_by_hand(follow.ok_or(ApiError::NotFound("Follow"))?, is_yes).await?;
        Ok(done())
    }

    /// Somebody who is known, by `name@host`, or who speaks for a host.
    async fn known(&self, who: &str) -> Result<Option<RemoteActor>, ApiError> {
        let found = if who.contains('@') {
            remote_actor::by_handle(&self.database, who).await?
        } else {
            remote_actor::of_instance(&self.database, who).await?
        };
        Ok(found)
    }

    async fn tell_blocks(
        &self,
        are_servers: bool,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        asked.moderator()?;
        let page = listing::page(&mut asked.query);
        let (start, count) = asked.query.finish(page)?;
        let all = self.blocked().await?;
        let blocks: Vec<&Block> =
            all.iter().filter(|block| block.target.contains('@') != are_servers).collect();
        let shown = blocks.iter().skip(start as usize).take(count as usize);
        let data: Vec<Value> = shown.map(|block| self.block_json(block)).collect();
        Ok(answer(&json!({ "total": blocks.len(), "data": data })))
    }

    fn block_json(&self, block: &Block) -> Value {
        let us =
            json!({ "name": crate::federation::id::INSTANCE, "host": self.host(), "avatars": [] });
        let mut told =
            json!({ "byAccount": us, "createdAt": iso(block.created_at), "reason": block.reason });
        match block.target.split_once('@') {
            Some((name, host)) => {
                told["blockedAccount"] =
                    json!({ "name": name, "host": host, "displayName": name, "avatars": [] });
            }
            None => told["blockedServer"] = json!({ "host": block.target }),
        }
        told
    }

    async fn block_named(
        &self,
        key: &'static str,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        asked.moderator()?;
        let is_server = key == "host";
        let target = asked.fields.required(key, |text| match text.contains('@') {
            is_account if is_account == is_server => Err(FieldError::Name),
            _ => whole(text),
        });
        let reason = asked.fields.optional("reason", whole);
        let target = asked.fields.finish(target)?;
        self.block_by_hand(&target, reason.as_deref()).await?;
        Ok(done())
    }
}

fn administrator(asked: &Asked<'_>) -> Result<(), ApiError> {
    if asked.visitor()?.role == Role::Administrator {
        Ok(())
    } else {
        Err(ApiError::Forbidden("only administrators may do this"))
    }
}

fn texts(value: &Value) -> Result<Vec<String>, FieldError> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(all) if all.len() > MOST => Err(FieldError::Many(MOST)),
        Value::Array(all) => {
            let text = |one: &Value| one.as_str().ok_or(FieldError::Kind("a text")).and_then(whole);
            all.iter().map(text).collect()
        }
        _ => Err(FieldError::Kind("a list of texts")),
    }
}

/// How far a follow is, by PeerTube's word and the table's number.
const STATES: [(&str, i64); 3] = [("pending", 1), ("accepted", 2), ("rejected", 3)];

fn state(text: &str) -> Result<i64, FieldError> {
    let found = STATES.iter().find(|(word, _)| *word == text);
    found.map(|(_, no)| *no).ok_or(FieldError::Choice("pending, accepted, rejected"))
}

fn kind(text: &str) -> Result<Kind, FieldError> {
    match text {
        "Person" | "Service" => Ok(Kind::Person),
        "Group" => Ok(Kind::Channel),
        "Application" => Ok(Kind::Instance),
        _ => Err(FieldError::Choice("Person, Service, Group, Application")),
    }
}

/// PeerTube's orders; score and redundancy are the same for all here, of whom then the newest come first.
fn order(text: &str) -> Result<FollowOrder, FieldError> {
    match text {
        "createdAt" => Ok(FollowOrder::Oldest),
        "-createdAt" | "score" | "-score" | "redundancyAllowed" | "-redundancyAllowed" => {
            Ok(FollowOrder::Newest)
        }
        "state" => Ok(FollowOrder::Waiting),
        "-state" => Ok(FollowOrder::Decided),
        _ => {
            Err(FieldError::Choice("createdAt, state, score, redundancyAllowed, each also with -"))
        }
    }
}

fn whole(text: &str) -> Result<String, FieldError> {
    crate::field::line(text, 1, 500).map(str::to_owned)
}

/// Servers and people that are asked for at once.
const MOST: usize = 20;
