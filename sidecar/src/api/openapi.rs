//! The description of the API, as OpenAPI 3.1: made of one table of requests and one of what is said in them.
//!
//! Whoever adds a route describes it in [`operations`] with one line, and what it answers, if that is new, in [`schemas`] with
//! one more. A test names each route that isn't described, and each description that isn't routed; `cargo xtask test` has
//! schemathesis compare the answers of a running server with it.

mod operations;
mod schemas;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::videos::page_reply;
use crate::{Reply, Sidecar};

/// One request that is answered.
#[derive(Debug, Clone, Copy)]
struct Operation {
    method: &'static str,
    /// With `{names}` in the place of what differs: those of [`PARAMETERS`].
    path: &'static str,
    summary: &'static str,
    who: Who,
    /// Names in [`PARAMETERS`].
    query: &'static [&'static str],
    body: Option<(&'static [&'static str], &'static str)>,
    answer: Answer,
    /// Statuses of refusals beyond those that follow from the rest.
    may: &'static [u16],
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Everybody; somebody who is logged in may see more.
    Anybody,
    User,
    Moderator,
    Administrator,
}

/// What comes back when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// 204.
    Nothing,
    /// 200, and a schema.
    Json(&'static str),
    /// What an upload in parts says of itself, beside its schema.
    Upload(&'static [u16], &'static str),
}

const fn operation(method: &'static str, path: &'static str, summary: &'static str) -> Operation {
    Operation {
        method,
        path,
        summary,
        who: Who::Anybody,
        query: &[],
        body: None,
        answer: Answer::Nothing,
        may: &[],
    }
}

const fn get(path: &'static str, summary: &'static str, answer: &'static str) -> Operation {
    Operation { answer: Answer::Json(answer), ..operation("get", path, summary) }
}

const fn post(path: &'static str, summary: &'static str) -> Operation {
    operation("post", path, summary)
}

const fn put(path: &'static str, summary: &'static str) -> Operation {
    operation("put", path, summary)
}

const fn delete(path: &'static str, summary: &'static str) -> Operation {
    operation("delete", path, summary)
}

impl Operation {
    const fn by(self, who: Who) -> Operation {
        Operation { who, ..self }
    }

    const fn query(self, query: &'static [&'static str]) -> Operation {
        Operation { query, ..self }
    }

    /// JSON, or the same fields as a form.
    const fn takes(self, schema: &'static str) -> Operation {
        Operation { body: Some((FIELDS, schema)), ..self }
    }

    const fn takes_as(self, kinds: &'static [&'static str], schema: &'static str) -> Operation {
        Operation { body: Some((kinds, schema)), ..self }
    }

    const fn gives(self, schema: &'static str) -> Operation {
        Operation { answer: Answer::Json(schema), ..self }
    }

    const fn may(self, may: &'static [u16]) -> Operation {
        Operation { may, ..self }
    }

    fn json(&self) -> Value {
        let named = self.in_path().chain(self.query.iter().copied());
        let parameters: Vec<Value> = named
            .map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }))
            .collect();
        let mut said = json!({
            "operationId": self.id(),
            "tags": [self.tag()],
            "summary": self.summary,
            "parameters": parameters,
            "responses": self.responses(),
        });
        said["security"] = match self.who {
            Who::Anybody => json!([{}, { "session": [] }]),
            Who::User | Who::Moderator | Who::Administrator => json!([{ "session": [] }]),
        };
        if let Some((kinds, schema)) = self.body {
            let content = kinds.iter().map(|kind| ((*kind).to_owned(), schema_of(schema)));
            let content: Map<String, Value> = content.collect();
            said["requestBody"] = json!({ "required": true, "content": content });
        }
        match self.who {
            Who::Moderator => said["description"] = "For moderators and administrators.".into(),
            Who::Administrator => said["description"] = "For administrators.".into(),
            Who::Anybody | Who::User => {}
        }
        said
    }

    fn in_path(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// `getVideosByKeyCaptions` of `/api/v1/videos/{key}/captions`.
    fn id(&self) -> String {
        let mut id = self.method.to_owned();
        for part in self.path.split('/').skip(2).filter(|part| *part != "v1") {
            let (by, part) = match part.strip_prefix('{') {
                Some(name) => ("By", name.trim_end_matches('}')),
                None => ("", part),
            };
            id.push_str(by);
            for word in part.split(['-', '.']) {
                let (first, rest) = word.split_at(1.min(word.len()));
                id.push_str(&first.to_ascii_uppercase());
                id.push_str(rest);
            }
        }
        id
    }

    fn tag(&self) -> &'static str {
        let path = self.path.strip_prefix("/api/shoal/v1/");
        let path = path.or_else(|| self.path.strip_prefix("/api/v1/")).unwrap_or(self.path);
        path.split('/').next().unwrap_or(path)
    }

    fn responses(&self) -> Value {
        let mut all = Map::new();
        match self.answer {
            Answer::Nothing => {
                all.insert("204".to_owned(), json!({ "description": "It is done." }));
            }
            Answer::Json(schema) => {
                all.insert("200".to_owned(), told(schema));
            }
            Answer::Upload(statuses, schema) => {
                for status in statuses {
                    let said = if *status == 200 {
                        told(schema)
                    } else {
                        json!({ "description": "How far it is stands in its headers." })
                    };
                    all.insert(status.to_string(), said);
                }
            }
        }
        // Longer than any address that means something; it is refused before anybody looks at it.
        all.insert("414".to_owned(), json!({ "description": "The address is too long." }));
        all.insert(
            "431".to_owned(),
            json!({ "description": "The address and the headers are too long." }),
        );
        for status in self.refusals() {
            let refusal = json!({ "$ref": "#/components/responses/Refusal" });
            all.insert(status.to_string(), refusal);
        }
        Value::Object(all)
    }

    /// Statuses that say no: those that follow from what it is, and its own.
    fn refusals(&self) -> Vec<u16> {
        let mut all = self.may.to_vec();
        if !self.query.is_empty() || self.body.is_some() {
            all.push(400);
        }
        if self.body.is_some() {
            all.extend([408, 413, 415]);
        }
        if self.in_path().next().is_some() {
            all.push(404);
        }
        // A token that opens nothing is told of, whoever may ask.
        all.push(401);
        if self.who != Who::Anybody {
            all.push(403);
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Sidecar {
    /// The description as JSON.
    pub(super) fn tell_description(&self) -> Reply {
        page_reply(Bytes::from_static(DOCUMENT.as_bytes()))
    }
}

/// Made once: nothing in it differs from one instance to another.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

fn document() -> Value {
    let mut paths = Map::new();
    for operation in operations::ALL.iter().flat_map(|room| room.iter()) {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = operation.json();
    }
    let parameters = PARAMETERS.iter().map(|&(name, place, kind, about)| {
        let schema = schemas::kind(kind);
        let is_needed = place == "path";
        // The same name means different things to different lists.
        let name_there = name.split_once('_').filter(|(list, _)| LISTS.contains(list)).map_or(name, |found| found.1);
        let said = json!({
            "name": name_there, "in": place, "required": is_needed, "description": about, "schema": schema,
        });
        (name.to_owned(), said)
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Shoal",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "PeerTube's API under /api/v1/, and what goes beyond it under /api/shoal/v1/.",
            "license": { "name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "parameters": parameters.collect::<Map<_, _>>(),
            "schemas": schemas::all(),
            "responses": { "Refusal": {
                "description": "Why it isn't done (RFC 9457).",
                "content": { "application/problem+json": schema_of("Problem") },
            } },
            "securitySchemes": { "session": {
                "type": "http", "scheme": "bearer", "description": "The access_token of POST /api/v1/users/token.",
            } },
        },
    })
}

fn told(schema: &str) -> Value {
    json!({ "description": "It is there.", "content": { "application/json": schema_of(schema) } })
}

fn schema_of(name: &str) -> Value {
    json!({ "schema": schemas::kind(name) })
}

const FIELDS: &[&str] = &["application/json", "application/x-www-form-urlencoded"];
const FORM: &[&str] = &["multipart/form-data"];
const JSON: &[&str] = &["application/json"];

/// Names, where they stand, kinds as [`schemas`] writes them, and what they are.
const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("key", "path", "text", "A video's UUID, the short form of that, or its number."),
    ("uuid", "path", "uuid", "A video's UUID."),
    ("handle", "path", "text", "A channel's handle, with or without our host."),
    ("name", "path", "text", "An account's name, with or without our host."),
    ("actor", "path", "text", "name@host of somebody elsewhere, or a host for who speaks for it."),
    ("host", "path", "text", "Another server."),
    ("id", "path", "int", "A number."),
    ("export", "path", "int", "The number of an export."),
    ("language", "path", "text", "One of the codes of /api/v1/videos/languages."),
    ("state", "path", "all|waiting|active|delayed|completed|failed", "How far a job is."),
    ("start", "query", "int 0 1000000", "Entries to pass over."),
    ("count", "query", "int 0 100", "Entries at most; 15 if absent."),
    (
        "sort",
        "query",
        "text",
        "publishedAt, createdAt, originallyPublishedAt, views, trending, likes, duration or name, with - for the other way.",
    ),
    (
        "thread_sort",
        "query",
        "-createdAt|createdAt|-totalReplies",
        "The newest first, the oldest, or what is answered most.",
    ),
    ("follow_state", "query", "pending|accepted|rejected", "How far it is."),
    ("actorType", "query", "Person|Service|Group|Application", "What who is elsewhere is."),
    (
        "follow_sort",
        "query",
        "createdAt|-createdAt|state|-state|score|-score|redundancyAllowed|-redundancyAllowed",
        "The oldest first, the newest, or those that wait.",
    ),
    ("report_state", "query", "int 1 3", "1 is open, 2 refused, 3 accepted."),
    ("match", "query", "text", "As sort of lists, or -match: what fits best comes first."),
    ("search", "query", "text", "Words that are looked for."),
    ("categoryOneOf", "query", "[int]", "Numbers of categories."),
    ("licenceOneOf", "query", "[int]", "Numbers of licences."),
    ("languageOneOf", "query", "[text]", "Codes of languages, or _unknown."),
    ("tagsOneOf", "query", "[text]", "Has one of these tags."),
    ("tagsAllOf", "query", "[text]", "Has all of these tags."),
    ("nsfw", "query", "true|false|both", "Whether what isn't safe for work is listed."),
    ("isLocal", "query", "true|false", "Of this instance, or of others."),
    ("startDate", "query", "date", "Published since."),
    ("endDate", "query", "date", "Published until."),
    ("durationMin", "query", "int", "Seconds at least."),
    ("durationMax", "query", "int", "Seconds at most."),
    ("skipCount", "query", "true|false", "Without the total, which takes time."),
    ("page", "query", "int 1 10", "Which page."),
    ("channelId", "query", "int", "Videos of one channel."),
    ("unread", "query", "true|false", "Only what isn't read."),
    ("videoId", "query", "int", "Of one video, by its number."),
    ("isHeldForReview", "query", "true|false", "Waiting for approval, or not."),
    ("uris", "query", "[text]", "Handles of channels."),
    ("upload_id", "query", "text", "Which upload: the one in the Location of its beginning."),
];

/// Lists whose parameters are called as those of others and mean something else.
const LISTS: &[&str] = &["thread", "report"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Route, captions, pictures, thumbnails, upload};
    use std::collections::BTreeSet;

    /// What stands in the place of a name in a path.
    fn sample(name: &str) -> &'static str {
        match name {
            "key" | "uuid" => "38fda7c9-bbb7-464f-bb9b-d64d33f575c4",
            "id" | "export" => "7",
            "state" => "failed",
            "language" => "en",
            _ => "alice",
        }
    }

    fn filled(path: &str) -> String {
        let part = |part: &str| match part.strip_prefix('{') {
            Some(name) => sample(name.trim_end_matches('}')).to_owned(),
            None => part.to_owned(),
        };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// The methods with which a path is answered, if it is routed.
    fn routed(path: &str) -> Option<BTreeSet<&'static str>> {
        let methods = if path == upload::SIMPLE {
            "POST"
        } else if upload::Target::parse(path).is_some() {
            "POST, PUT, DELETE"
        } else if captions::at(path).is_some() || thumbnails::at(path).is_some() {
            "PUT, DELETE"
        } else if let Some(target) = pictures::Target::parse(path) {
            if target.is_bare { "DELETE" } else { "POST" }
        } else {
            Route::parse(path)?.methods()
        };
        let all = methods.split(", ").filter(|method| !["HEAD", "OPTIONS"].contains(method));
        Some(all.collect())
    }

    fn described() -> Vec<(&'static str, BTreeSet<String>)> {
        let mut all: Vec<(&str, BTreeSet<String>)> = Vec::new();
        for operation in operations::ALL.iter().flat_map(|room| room.iter()) {
            let method = operation.method.to_ascii_uppercase();
            match all.iter_mut().find(|(path, _)| *path == operation.path) {
                Some((_, methods)) => assert!(methods.insert(method), "{} twice", operation.path),
                None => all.push((operation.path, BTreeSet::from([method]))),
            }
        }
        all
    }

    #[test]
    fn what_is_described_is_routed_with_just_these_methods() {
        for (path, methods) in described() {
            let routed = routed(&filled(path)).unwrap_or_else(|| panic!("{path} leads nowhere"));
            assert_eq!(methods, routed.into_iter().map(str::to_owned).collect(), "{path}");
        }
    }

    /// The patterns of the router's source, `["videos", key, "rate"]`, as paths.
    fn patterns(prefix: &str, source: &str) -> Vec<String> {
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or(source);
        let mut found = Vec::new();
        // Formatting may put an arm's body on a line of its own.
        let code = code.replace("=> {\n", "=> {");
        for line in code.lines().map(str::trim).filter(|line| line.starts_with("[\"")) {
            let Some((pattern, body)) = line.split_once("] =>") else { continue };
            // That is answered elsewhere, and found there.
            if body.contains("return None") {
                continue;
            }
            let mut paths = vec![prefix.to_owned()];
            for part in pattern.trim_start_matches('[').split(", ") {
                let words: Vec<String> = part
                    .split(" | ")
                    .map(|word| match word.strip_prefix('"') {
                        Some(word) => word.trim_end_matches('"').to_owned(),
                        None => "{}".to_owned(),
                    })
                    .collect();
                paths = paths
                    .iter()
                    .flat_map(|path| words.iter().map(move |word| format!("{path}/{word}")))
                    .collect();
            }
            found.extend(paths);
        }
        found
    }

    /// A path in which names don't matter.
    fn nameless(path: &str) -> String {
        let part =
            |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    #[test]
    fn what_is_routed_is_described() {
        let described: BTreeSet<String> =
            described().into_iter().map(|(path, _)| nameless(path)).collect();
        let (ours, theirs) = ("/api/shoal/v1", "/api/v1");
        let between = |source: &'static str, from: &str, to: &str| {
            let rest = source.split_once(from).map_or("", |found| found.1);
            rest.split_once(to).map_or(rest, |found| found.0)
        };
        let api = include_str!("../api.rs");
        let channels = include_str!("channels.rs");
        let mut routed = patterns(ours, between(api, "fn parse_own(", "\n    }"));
        routed.extend(patterns(theirs, between(api, "fn parse_shared(", "\n    }")));
        routed.extend(patterns(theirs, between(channels, "fn parse(", "\n    }")));
        routed.extend(patterns(ours, between(channels, "fn parse_ours(", "\n    }")));
        let comments = include_str!("comments.rs");
        routed.extend(patterns(ours, between(comments, "fn parse_ours(", "\n    }")));
        for source in [
            include_str!("videos.rs"),
            include_str!("mine.rs"),
            include_str!("users.rs"),
            include_str!("house.rs"),
            include_str!("mail.rs"),
            include_str!("two_factor.rs"),
            include_str!("exports.rs"),
            include_str!("comments.rs"),
            include_str!("servers.rs"),
            include_str!("notifications.rs"),
            include_str!("abuses.rs"),
        ] {
            routed.extend(patterns(theirs, between(source, "fn parse(", "\n    }")));
        }
        assert!(routed.len() > 60, "the router's patterns aren't found: {routed:?}");
        let lacking: Vec<_> = routed.iter().filter(|path| !described.contains(*path)).collect();
        assert!(lacking.is_empty(), "describe in operations.rs: {lacking:?}");
        for module in ["mod ", "pub mod "] {
            let known = ["captions", "thumbnails", "upload", "channels", "videos", "mine", "users"];
            let rooms = api.lines().filter_map(|line| line.strip_prefix(module));
            for room in rooms.map(|room| room.trim_end_matches(';')) {
                let source = format!("{room}::Route");
                let more = [
                    "house",
                    "mail",
                    "two_factor",
                    "exports",
                    "comments",
                    "servers",
                    "notifications",
                    "abuses",
                ];
                let is_known = known.contains(&room) || more.contains(&room);
                assert!(is_known || !api.contains(&source), "{room}.rs has routes: name it here");
            }
        }
    }

    #[test]
    fn every_name_in_the_description_is_explained() {
        let document = document();
        let text = document.to_string();
        let references =
            text.split("\"$ref\":\"#/").skip(1).filter_map(|rest| rest.split('"').next());
        for reference in references {
            let pointer = format!("/{reference}");
            assert!(document.pointer(&pointer).is_some(), "{reference} is nowhere");
        }
        let ids: Vec<String> =
            operations::ALL.iter().flat_map(|room| room.iter()).map(Operation::id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id is there twice");
        let named = |name: &str| text.contains(&format!("#/components/schemas/{name}\""));
        let names = document["components"]["schemas"].as_object().unwrap().keys();
        let unused: Vec<_> = names.filter(|name| !named(name)).collect();
        assert!(unused.is_empty(), "nobody says {unused:?}");
    }
}
