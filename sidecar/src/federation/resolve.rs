//! What somebody here pastes into a search: a URL or a handle of another server's, which is found, and known from then on.
//!
//! Only for who is logged in, and so often: it makes us ask a server that somebody names.

use super::id::{Id, Local, Place, Remote};
use super::json;
use super::tasks::TaskError;
use crate::outbound::Budget;
use crate::pace::Time;
use crate::table::channel::Channel;
use crate::table::follow;
use crate::table::remote_actor::{self, Kind, RemoteActor};
use crate::table::{channel, remote_video, video};
use crate::visitor::Visitor;
use crate::{Sidecar, limits};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// A video, by the key of its page.
    Video(String),
    /// A channel, by its handle.
    Channel(String),
    /// An account, by its handle.
    Account(String),
}

/// What a text names that could be found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Ours(Local),
    Url(Remote),
    Handle(String, String),
}

impl Resolved {
    /// The path of its page.
    pub fn path(&self) -> String {
        match self {
            Resolved::Video(key) => format!("/w/{key}"),
            Resolved::Channel(handle) => format!("/c/{handle}"),
            Resolved::Account(handle) => format!("/a/{handle}"),
        }
    }
}

/// What comes of looking for what a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// It is found.
    Found(Resolved),
    /// It names something of another server, which is asked for whoever is logged in.
    LoginWanted,
    /// So much was asked for them that it takes that long until another is.
    TooMany(Time),
    /// It names nothing, or nothing is found.
    Nothing,
}

/// Why somebody of another server isn't led back there: our own rules, what they wrote, then their server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotLed {
    /// The instance meets nobody.
    Off,
    /// That is no `name@host`, or one of here.
    NoHandle,
    /// So many were asked for from there that it takes that long until another is.
    TooMany(Time),
    /// Their server doesn't answer, or not where they go on.
    Unknown,
}

impl Sidecar {
    /// What a URL or a handle of another server names, or an id of ours; `None` if the text is neither, or nothing is found.
    pub async fn resolve(&self, text: &str, visitor: Option<&Visitor>) -> Option<Resolved> {
        match self.seek(text, visitor).await {
            Sought::Found(found) => Some(found),
            _ => None,
        }
    }

    /// The same, with the reason why nothing is looked for.
    pub async fn seek(&self, text: &str, visitor: Option<&Visitor>) -> Sought {
        let named = self.place.as_ref().and_then(|place| Named::parse(place, text));
        let Some(named) = named else { return Sought::Nothing };
        if !matches!(named, Named::Ours(_)) {
            let Some(visitor) = visitor else { return Sought::LoginWanted };
            let user = visitor.user_id;
            let taken = self.attempts(|attempts, now| attempts.resolved_by.take(now, &user));
            if let Err(wait) = taken {
                return Sought::TooMany(wait);
            }
        }
        match self.look_for(named).await {
            Ok(found) => found.map_or(Sought::Nothing, Sought::Found),
            Err(error) => {
                tracing::debug!(text, "nothing is found: {error}");
                Sought::Nothing
            }
        }
    }

    /// Where somebody of another server, `name@host`, goes on to follow a channel of ours: at their own server, as that says by
    /// webfinger.
    ///
    /// # Errors
    /// When that isn't asked, or it doesn't say.
    pub async fn follow_address(
        &self,
        channel: &str,
        from: &str,
        asker: &str,
    ) -> Result<String, NotLed> {
        let place = self.place.as_ref().ok_or(NotLed::Off)?;
        let Some(Named::Handle(name, host)) = Named::parse(place, from) else {
            return Err(NotLed::NoHandle);
        };
        let asker = asker.to_owned();
        let taken = self.attempts(|attempts, now| attempts.fingers_from.take(now, &asker));
        taken.map_err(NotLed::TooMany)?;
        let found = self.subscribing(place, channel, (&name, &host)).await;
        found.ok_or(NotLed::Unknown)
    }

    async fn subscribing(
        &self,
        place: &Place,
        channel: &str,
        (name, host): (&str, &str),
    ) -> Option<String> {
        let channel = channel::by_name(&self.database, channel).await.ok()??;
        let resource = format!("acct:{name}@{host}");
        let url = self.well_known(host, "webfinger", Some(&resource)).ok()?;
        let told = self.fetch_json(&url, &mut Budget(FINGER_BUDGET)).await.ok()?;
        let links = json::each(told.object.get("links")).filter_map(serde_json::Value::as_object);
        let template = links
            .filter(|link| link.get("rel").and_then(serde_json::Value::as_str) == Some(SUBSCRIBE))
            .find_map(|link| link.get("template")?.as_str())?;
        let handle = format!("{}@{}", channel.name, place.authority());
        let handle: String = form_urlencoded::byte_serialize(handle.as_bytes()).collect();
        let address =
            Remote::parse(&template.replace("{uri}", &handle), place.strictness()).ok()?;
        // Their own server, or whoever it says: never a page that only looks like one of ours.
        (address.authority() != place.authority()).then(|| address.as_str().to_owned())
    }

    async fn look_for(&self, named: Named) -> Result<Option<Resolved>, TaskError> {
        let mut budget = Budget(limits::VIDEO_BUDGET);
        match named {
            Named::Ours(Local::Video(uuid)) => Ok(Some(Resolved::Video(uuid.short()))),
            Named::Ours(Local::Channel(name)) => Ok(Some(Resolved::Channel(name))),
            Named::Ours(Local::Account(name)) => Ok(Some(Resolved::Account(name))),
            Named::Ours(_) => Ok(None),
            Named::Handle(name, host) => {
                let known = remote_actor::handle(&name, &host);
                let person = match remote_actor::by_handle(&self.database, &known).await? {
                    Some(known) => known,
                    None => self.finger(&name, &host, &mut budget).await?,
                };
                Ok(person_found(&person))
            }
            Named::Url(url) => self.ask_url(&url, &mut budget).await,
        }
    }

    async fn ask_url(
        &self,
        url: &Remote,
        budget: &mut Budget,
    ) -> Result<Option<Resolved>, TaskError> {
        let database = &self.database;
        if let Some(known) = remote_video::by_url(database, url.document()).await? {
            return self.video_found(known.id).await;
        }
        if let Some(known) = remote_actor::by_url(database, url.document()).await? {
            return Ok(person_found(&known));
        }
        let told = self.fetch_object(url, budget).await?;
        match json::kind(&told.object) {
            Some("Video") => {
                let kept = self.video_anew(url, budget).await?.0;
                self.video_found(kept.id).await
            }
            Some("Person" | "Group" | "Application" | "Service" | "Organization") => {
                Ok(person_found(&self.person(url, budget).await?))
            }
            _ => Ok(None),
        }
    }

    async fn video_found(&self, id: i64) -> Result<Option<Resolved>, TaskError> {
        let found = video::by_id(&self.database, id).await?;
        let uuid = found.and_then(|found| found.uuid.parse::<wire::id::VideoId>().ok());
        Ok(uuid.map(|uuid| Resolved::Video(uuid.short())))
    }

    /// A channel by its handle, which is asked for at its server if nobody here knows it and somebody who may asks.
    pub(crate) async fn find_channel(
        &self,
        handle: &str,
        visitor: &Visitor,
    ) -> sqlx::Result<Option<Channel>> {
        let Some(name) = self.kept_name(handle) else { return Ok(None) };
        let known = channel::by_name(&self.database, &name).await?;
        if known.is_some() || !name.contains('@') {
            return Ok(known);
        }
        match self.resolve(&name, Some(visitor)).await {
            Some(Resolved::Channel(name)) => channel::by_name(&self.database, &name).await,
            _ => Ok(None),
        }
    }

    /// Follows a channel of another server with its first subscriber here, and no longer with the last, unless somebody follows it by hand.
    pub(crate) async fn subscribers_changed(&self, channel_id: i64) -> sqlx::Result<()> {
        let Some(found) = channel::by_id(&self.database, channel_id).await? else { return Ok(()) };
        let Some(actor) = remote_actor::by_id(&self.database, channel_id).await? else {
            return Ok(());
        };
        let Some(us) = self.handle_of(&Local::Instance).await? else { return Ok(()) };
        let known = follow::of(&self.database, us, channel_id).await?;
        let done = match (found.subscribers > 0, known) {
            (true, None) => self.follow(&actor).await.map(drop),
            (false, Some(known)) if !known.is_by_hand => self.unfollow(&actor).await.map(drop),
            _ => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(channel = found.name, "whether it is followed isn't told: {error}");
        }
        Ok(())
    }
}

impl Named {
    fn parse(place: &Place, text: &str) -> Option<Named> {
        let text = text.trim();
        if text.starts_with("https://") || text.starts_with("http://") {
            return Some(match place.read(text).ok()? {
                Id::Local(local) => Named::Ours(local),
                Id::Remote(url) => Named::Url(url),
            });
        }
        let (name, host) = text.strip_prefix('@').unwrap_or(text).split_once('@')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let is_good = !name.is_empty() && name.len() <= NAME && name.bytes().all(is_name);
        let url = Remote::parse(&format!("https://{host}/"), place.strictness()).ok()?;
        let host = host.to_lowercase();
        // A path or a second name in it would make it something else.
        if !is_good || url.authority() != host {
            return None;
        }
        if host != place.authority() {
            return Some(Named::Handle(name.to_owned(), host));
        }
        Some(Named::Ours(Local::Account(name.to_lowercase())))
    }
}

fn person_found(person: &RemoteActor) -> Option<Resolved> {
    if person.is(Kind::Channel) {
        Some(Resolved::Channel(person.handle()))
    } else if person.is(Kind::Person) {
        Some(Resolved::Account(person.handle()))
    } else {
        None
    }
}

/// OStatus's word, which Mastodon and others still say.
const SUBSCRIBE: &str = "http://ostatus.org/schema/1.0/subscribe";

/// One request, with a redirect.
const FINGER_BUDGET: u32 = 2;

/// Bytes of a name, as actors may have it.
const NAME: usize = 200;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::tests::instances;
    use crate::config::Registration;
    use crate::federation::elsewhere::Elsewhere;
    use crate::federation::id::Strictness;
    use crate::table::user;

    #[track_caller]
    fn check(text: &str, wanted: Option<Named>) {
        let place = Place::new("https://one.example", Strictness::Public).unwrap();
        assert_eq!(Named::parse(&place, text), wanted, "{text}");
    }

    #[test]
    fn a_url_or_a_handle_is_told_from_words() {
        let handle = |name: &str| Some(Named::Handle(name.to_owned(), "two.example".to_owned()));
        check("@Ada@two.example", handle("Ada"));
        check(" ada_c.x@Two.example ", handle("ada_c.x"));
        let url = Remote::parse("https://two.example/w/1", Strictness::Public).unwrap();
        check("https://two.example/w/1", Some(Named::Url(url)));
        check(
            "https://one.example/accounts/ada",
            Some(Named::Ours(Local::Account("ada".to_owned()))),
        );
        for words in [
            "whales",
            "@ada",
            "ada @ two.example",
            "a@b",
            "a@two.example/x",
            "a@b@two.example",
            "http://two.example/",
            "https://10.0.0.1/",
            "https://one.example/w/unknown",
            "a/b@two.example",
        ] {
            check(words, None);
        }
    }

    #[tokio::test]
    async fn who_is_logged_in_finds_others_by_url_and_not_without_end() {
        for mut instance in instances(Registration::Closed).await {
            instance.sidecar.meet_elsewhere().await;
            let elsewhere = Elsewhere::start().await;
            let sidecar = &instance.sidecar;
            let root = user::by_login(&sidecar.database, "root").await.unwrap().unwrap();
            let visitor = Visitor {
                user_id: root.id,
                account_id: 0,
                username: "root".to_owned(),
                display_name: "root".to_owned(),
                role: crate::role::Role::Administrator,
                session_id: 0,
                preferences: crate::preferences::Preferences::default(),
            };
            let id = elsewhere.publish("1", |_| {});
            assert_eq!(sidecar.seek(&id, None).await, Sought::LoginWanted);
            assert_eq!(sidecar.seek("whales", None).await, Sought::Nothing);
            let host = elsewhere.base.trim_start_matches("http://").to_owned();
            let found = sidecar.resolve(&id, Some(&visitor)).await;
            assert!(matches!(found, Some(Resolved::Video(_))), "{found:?}");
            let url = elsewhere.url("/video-channels/root_channel");
            let channel = sidecar.resolve(&url, Some(&visitor)).await;
            assert_eq!(channel, Some(Resolved::Channel(format!("root_channel@{host}"))));
            let account = sidecar.resolve(&format!("@root@{host}"), Some(&visitor)).await;
            assert_eq!(account, Some(Resolved::Account(format!("root@{host}"))));
            elsewhere.put("/note", &json!({ "type": "Note", "id": elsewhere.url("/note") }));
            assert_eq!(sidecar.resolve(&elsewhere.url("/note"), Some(&visitor)).await, None);
            elsewhere.asked();
            for no in 0..100 {
                sidecar.resolve(&elsewhere.url(&format!("/{no}")), Some(&visitor)).await;
            }
            assert!(elsewhere.asked().len() < 40);
            let late = sidecar.seek(&elsewhere.url("/late"), Some(&visitor)).await;
            assert!(matches!(late, Sought::TooMany(_)), "{late:?}");
            let led = async |from: &str| sidecar.follow_address("root_channel", from, "::1").await;
            assert_eq!(led("no handle").await, Err(NotLed::NoHandle));
            assert_eq!(led(&format!("ada@{host}")).await, Err(NotLed::Unknown));
            for _ in 0..100 {
                let _ = led(&format!("ada@{host}")).await;
            }
            assert!(matches!(led(&format!("ada@{host}")).await, Err(NotLed::TooMany(_))));
        }
    }
}
