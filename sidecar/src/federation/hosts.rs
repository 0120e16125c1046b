//! Servers that we have met: what each says of itself, asked once a day, and shown to whoever wants to know whom this instance meets.
//!
//! Flow:
//! 1. us → its `/.well-known/nodeinfo`, and the document that it names
//! 2. us → what a PeerTube or a Mastodon tells of its rules, if it is one
//!
//! Who answers is there: what was given up for it is no more.

use futures_util::future::join_all;
use serde_json::Value;

use super::id::Remote;
use super::json::{self, Object};
use super::people::PersonError;
use crate::outbound::Budget;
use crate::table::host::{self, Known};
use crate::{Sidecar, now_ms};

use std::time::Duration;

impl Sidecar {
    /// Asks servers who they are, some at once; ends when it is dropped.
    pub(super) async fn ask_all_hosts(&self) {
        loop {
            if let Err(error) = self.ask_hosts().await {
                tracing::warn!("other servers are asked later who they are: {error}");
            }
            tokio::time::sleep(OFTEN).await;
        }
    }

    /// Asks those who weren't asked today. That they were is noted before, so that whatever comes of it keeps nobody else waiting.
    pub(crate) async fn ask_hosts(&self) -> sqlx::Result<()> {
        let names = host::unasked(&self.database, now_ms() - DAY_MS, IN_A_ROW).await?;
        for some in names.chunks(AT_ONCE) {
            join_all(some.iter().map(|name| async move {
                if let Err(error) = self.ask_again(name).await {
                    tracing::warn!(host = name, "what a server says of itself isn't kept: {error}");
                }
            }))
            .await;
        }
        Ok(())
    }

    async fn ask_again(&self, name: &str) -> sqlx::Result<()> {
        host::note(&self.database, now_ms(), name, None).await?;
        if self.is_blocked(name, None) {
            return Ok(());
        }
        if let Some(said) = self.ask_host(name).await {
            host::note(&self.database, now_ms(), name, Some(&said)).await?;
            self.note_alive(name).await?;
        }
        Ok(())
    }

    /// Asks one that nobody has asked yet before its turn: what it is decides where viewers of its videos meet.
    pub(crate) async fn ask_new_host(&self, name: &str) -> sqlx::Result<()> {
        if host::known(&self.database, name).await?.is_some_and(|known| known.asked_at.is_some()) {
            return Ok(());
        }
        let said = self.ask_host(name).await;
        host::note(&self.database, now_ms(), name, said.as_ref()).await
    }

    /// What a server says of itself, if it says something.
    async fn ask_host(&self, name: &str) -> Option<Known> {
        match self.ask_node(name).await {
            Ok(known) => known,
            Err(error) => {
                tracing::debug!(%error, host = name, "a server doesn't say who it is");
                None
            }
        }
    }

    async fn ask_node(&self, name: &str) -> Result<Option<Known>, PersonError> {
        let mut budget = Budget(REQUESTS);
        let links = self.fetch_json(&self.well_known(name, "nodeinfo", None)?, &mut budget).await?;
        let Some(url) = node_of(&links.object).and_then(|href| self.of_host(href, name)) else {
            return Ok(None);
        };
        let node = self.fetch_json(&url, &mut budget).await?;
        let mut known = read_node(name, &node.object);
        let software = known.software.as_deref().unwrap_or_default();
        let about = match software {
            "peertube" | "shoal" => Some(("api/v1/config/about", add_peertube as Add)),
            "mastodon" => Some(("api/v2/instance", add_mastodon as Add)),
            _ => None,
        };
        if let Some((path, add)) = about
            && let Some(url) = self.of_host(&format!("{}{path}", root_of(&url)), name)
            && let Ok(told) = self.fetch_json(&url, &mut budget).await
        {
            add(&mut known, &told.object);
        }
        Ok(known.software.is_some().then_some(known))
    }

    /// A URL, if it is of this server.
    fn of_host(&self, href: &str, name: &str) -> Option<Remote> {
        let url = Remote::parse(href, self.place.as_ref()?.strictness()).ok()?;
        (url.authority() == name).then_some(url)
    }
}

type Add = fn(&mut Known, &Object);

/// The newest document of NodeInfo that is named.
fn node_of(links: &Object) -> Option<&str> {
    let links: Vec<&Object> = json::each(links.get("links")).filter_map(Value::as_object).collect();
    SCHEMAS.iter().find_map(|schema| {
        let is_it = |link: &&&Object| link.get("rel").and_then(Value::as_str) == Some(schema);
        links.iter().find(is_it)?.get("href")?.as_str()
    })
}

fn read_node(name: &str, node: &Object) -> Known {
    let inner = |key: &str| node.get(key).and_then(Value::as_object);
    let (software, about) = (inner("software"), inner("metadata"));
    let said = |from: Option<&Object>, key: &str, most: usize| {
        from.and_then(|from| json::text(from, key, most))
    };
    Known {
        name: name.to_owned(),
        software: said(software, "name", WORD).map(|word| word.to_lowercase()),
        version: said(software, "version", WORD),
        title: said(about, "nodeName", TITLE),
        description: said(about, "nodeDescription", TEXT),
        rules: None,
        registration: json::boolean(node, "openRegistrations"),
        asked_at: None,
    }
}

/// PeerTube's `instance`, whose code of conduct is its rules.
fn add_peertube(known: &mut Known, told: &Object) {
    let Some(instance) = told.get("instance").and_then(Value::as_object) else { return };
    let said = |key: &str, most: usize| json::text(instance, key, most);
    known.title = said("name", TITLE).or(known.title.take());
    known.description = said("shortDescription", TEXT).or(known.description.take());
    known.rules = said("codeOfConduct", RULES).or_else(|| said("terms", RULES));
}

/// Mastodon's list of rules, each in a line of a list.
fn add_mastodon(known: &mut Known, told: &Object) {
    known.title = json::text(told, "title", TITLE).or(known.title.take());
    known.description = json::text(told, "description", TEXT).or(known.description.take());
    let rules = json::each(told.get("rules")).filter_map(Value::as_object).take(MOST_RULES);
    let rules: Vec<String> = rules
        .filter_map(|rule| json::text(rule, "text", TEXT))
        .map(|rule| format!("- {}", rule.replace(['\n', '\r'], " ")))
        .collect();
    let rules: String = rules.join("\n").chars().take(RULES).collect();
    known.rules = Some(rules).filter(|rules| !rules.is_empty());
}

/// Scheme and host of a URL, with a slash at the end.
fn root_of(url: &Remote) -> &str {
    let text = url.as_str();
    text.strip_suffix(url.target()).map_or(text, |root| text.get(..=root.len()).unwrap_or(text))
}

const SCHEMAS: [&str; 2] = [
    "http://nodeinfo.diaspora.software/ns/schema/2.1",
    "http://nodeinfo.diaspora.software/ns/schema/2.0",
];

/// Characters of a program's name or version, and of a server's name.
const WORD: usize = 60;
const TITLE: usize = 120;

/// Characters of what a server says of itself, and of its rules: what somebody reads before they go there.
const TEXT: usize = 1_000;
const RULES: usize = 5_000;
const MOST_RULES: usize = 30;

/// Requests to one server: NodeInfo's two, one more, and a redirect.
const REQUESTS: u32 = 5;

/// Servers that are asked in a row, some of them at once, and how soon there is another row: a hundred thousand are asked in a day.
const IN_A_ROW: i64 = 20;
const AT_ONCE: usize = 10;
const OFTEN: Duration = Duration::from_secs(15);

/// What we call ourselves in NodeInfo.
pub(crate) const SHOAL: &str = "shoal";

const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::elsewhere;
    use serde_json::json;

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_newest_nodeinfo_is_read() {
        let link = |version: &str| json!({ "rel": format!("http://nodeinfo.diaspora.software/ns/schema/{version}"), "href": version });
        let links = |list: Value| object(json!({ "links": list }));
        assert_eq!(node_of(&links(json!([link("2.0"), link("2.1")]))), Some("2.1"));
        assert_eq!(node_of(&links(json!([link("1.0"), link("2.0"), 7]))), Some("2.0"));
        assert_eq!(node_of(&links(json!([link("1.0")]))), None);
        let known = read_node(
            "a.example",
            &object(json!({
                "software": { "name": "PeerTube", "version": "6.3.0" }, "openRegistrations": true,
                "metadata": { "nodeName": "A", "nodeDescription": "x".repeat(5000) },
            })),
        );
        assert_eq!(known.software.as_deref(), Some("peertube"));
        assert_eq!((known.title.as_deref(), known.registration), (Some("A"), Some(true)));
        assert_eq!(known.description.map(|text| text.len()), Some(TEXT));
        assert_eq!(read_node("a.example", &object(json!({ "software": [] }))).software, None);
    }

    #[test]
    fn rules_are_a_peertubes_code_of_conduct_or_a_mastodons_list() {
        let bare = || read_node("a.example", &Object::new());
        let mut known = bare();
        let about = json!({ "instance": { "name": "A", "shortDescription": "B", "codeOfConduct": "Be kind" } });
        add_peertube(&mut known, &object(about));
        assert_eq!(known.rules.as_deref(), Some("Be kind"));
        let mut known = bare();
        let about =
            json!({ "title": "M", "rules": [{ "text": "One\n# two" }, { "text": "Three" }, 4] });
        add_mastodon(&mut known, &object(about));
        assert_eq!(known.rules.as_deref(), Some("- One # two\n- Three"));
        let mut known = bare();
        add_mastodon(&mut known, &object(json!({ "rules": "none" })));
        assert_eq!(known, bare());
    }

    #[tokio::test]
    async fn who_answers_is_known_and_gets_what_was_kept_back() {
        for instance in crate::api::tests::instances(crate::config::Registration::Closed).await {
            let mut sidecar = instance.sidecar;
            let there = elsewhere::Elsewhere::start().await;
            sidecar.meet_elsewhere().await;
            let (database, name) = (&sidecar.database, there.base.trim_start_matches("http://"));
            for known in [name, "127.0.0.1:1"] {
                host::meet(database, 1, known).await.unwrap();
                host::failed(database, 1, known, i64::MAX, "away").await.unwrap();
            }
            let json = "application/json";
            let schema = "http://nodeinfo.diaspora.software/ns/schema/2.0";
            let links = json!({ "links": [{ "rel": schema, "href": format!("{}/nodeinfo/2.0", there.base) }] });
            there.put_as("/.well-known/nodeinfo", json, &links);
            let node = json!({ "software": { "name": "peertube", "version": "6.3.0" }, "openRegistrations": false });
            there.put_as("/nodeinfo/2.0", json, &node);
            let about = json!({ "instance": { "name": "Theirs", "codeOfConduct": "Be kind" } });
            there.put_as("/api/v1/config/about", json, &about);
            sidecar.ask_hosts().await.unwrap();
            let (total, found) = sidecar.neighbours(0, 10).await.unwrap();
            let found = &found[0];
            assert_eq!((total, &*found.host, &*found.title), (1, name, "Theirs"));
            assert_eq!((&*found.software, found.registration), ("peertube 6.3.0", Some(false)));
            assert!(found.rules.contains("Be kind"));
            let due = async |name| host::trouble(database, name).await.unwrap().unwrap().due_at;
            assert_eq!((due(name).await, due("127.0.0.1:1").await), (0, i64::MAX));
            there.asked();
            sidecar.ask_hosts().await.unwrap();
            assert_eq!(there.asked(), [""; 0], "asked twice in a day");
        }
    }

    #[tokio::test]
    async fn what_one_server_says_keeps_no_other_from_being_asked() {
        for instance in crate::api::tests::instances(crate::config::Registration::Closed).await {
            let mut sidecar = instance.sidecar;
            let (odd, well) =
                (elsewhere::Elsewhere::start().await, elsewhere::Elsewhere::start().await);
            sidecar.meet_elsewhere().await;
            let json = "application/json";
            for there in [&odd, &well] {
                let name = there.base.trim_start_matches("http://");
                host::meet(&sidecar.database, 1, name).await.unwrap();
                let schema = "http://nodeinfo.diaspora.software/ns/schema/2.0";
                let links = json!({ "links": [{ "rel": schema, "href": there.url("/n") }] });
                there.put_as("/.well-known/nodeinfo", json, &links);
                there.put_as("/n", json, &json!({ "software": { "name": "peertube" } }));
            }
            // What no database here takes.
            refuse_titles(&sidecar.database).await;
            let bad = json!({ "software": { "name": "x" }, "metadata": { "nodeName": "bad" } });
            odd.put_as("/n", json, &bad);
            sidecar.ask_hosts().await.unwrap();
            let known = async |there: &elsewhere::Elsewhere| {
                let name = there.base.trim_start_matches("http://");
                host::known(&sidecar.database, name).await.unwrap().unwrap()
            };
            assert!(known(&odd).await.asked_at.is_some());
            assert_eq!(known(&well).await.software.as_deref(), Some("peertube"));
            for host in ["a.evil.com", "b.evil.com", "c.com"] {
                host::meet(&sidecar.database, 1, host).await.unwrap();
            }
            let unasked = host::unasked(&sidecar.database, 1, 9).await.unwrap();
            assert_eq!(unasked, ["a.evil.com", "c.com"]);
        }
    }

    /// Has the database fail at a title.
    async fn refuse_titles(database: &crate::database::Database) {
        use crate::database::Database;
        let done = match database {
            Database::Sqlite { writing, .. } => sqlx::query(
                "CREATE TRIGGER odd BEFORE UPDATE ON host WHEN NEW.title = 'bad' BEGIN SELECT RAISE(ABORT, 'odd'); END",
            )
            .execute(writing)
            .await
            .map(drop),
            Database::Postgres(pool) => {
                sqlx::query("ALTER TABLE host ADD CHECK (title <> 'bad')").execute(pool).await.map(drop)
            }
        };
        done.unwrap();
    }

    #[test]
    fn a_servers_root_is_its_urls_beginning() {
        let root = |text: &str| {
            let url = Remote::parse(text, crate::federation::id::Strictness::Test).unwrap();
            root_of(&url).to_owned()
        };
        assert_eq!(root("https://a.example/nodeinfo/2.1?x=1"), "https://a.example/");
        assert_eq!(root("http://127.0.0.1:9/n"), "http://127.0.0.1:9/");
        assert_eq!(root("https://a.example"), "https://a.example/");
    }
}
