//! The fields of a video that its owner says when it is uploaded, and may change afterwards, as PeerTube's programs and forms send
//! them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::body::Fields;
use crate::field::{FieldError, line, prose};
use crate::table::video::{About, Privacy, Schedule};
use crate::vocabulary::{self, CATEGORIES, LICENCES};
use crate::when;

/// Takes what it knows out of the fields, which keep what is bad: what the video then is, and to which channel it goes.
pub(in crate::api) fn read(fields: &mut Fields, before: About) -> (About, Option<i64>) {
    let mut about = before;
    if let Some(name) = fields.optional("name", name) {
        about.name = name;
    }
    if let Some(privacy) = fields.value("privacy", privacy) {
        about.privacy = privacy;
    }
    let text = |most: usize| move |text: &str| prose(text, 3, most).map(str::to_owned);
    if let Some(description) = fields.removable("description", text(DESCRIPTION)) {
        about.description = description;
    }
    if let Some(support) = fields.removable("support", text(SUPPORT)) {
        about.support = support;
    }
    for (name, table, target) in
        [("category", CATEGORIES, &mut about.category), ("licence", LICENCES, &mut about.licence)]
    {
        if let Some(id) = fields.value(name, |value| of_table(table, value)) {
            *target = id;
        }
    }
    if let Some(language) = fields.removable("language", language) {
        about.language = language;
    }
    read_switches(fields, &mut about);
    if let Some(moment) = fields.value("originallyPublishedAt", moment) {
        about.originally_published_at = moment;
    }
    if let Some(schedule) = fields.value("scheduleUpdate", schedule) {
        about.schedule = schedule;
    }
    if let Some(tags) = fields.value("tags", |value| texts(&split(value), TAGS, 2, 30)) {
        about.tags = once(tags);
    }
    if let Some(passwords) = fields.value("videoPasswords", |value| texts(value, PASSWORDS, 2, 100))
    {
        about.passwords = passwords.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    }
    if about.privacy == Privacy::Password && about.passwords.is_empty() {
        fields.refuse("videoPasswords", FieldError::Kind("there, where the privacy is 5"));
    }
    let channel =
        fields.value("channelId", |value| number(value).ok_or(FieldError::Kind("a number")));
    (about, channel)
}

/// Without what would turn the text around it.
fn name(text: &str) -> Result<String, FieldError> {
    let turns = |char: char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text = line(text.trim(), 3, 120)?;
    if text.chars().any(turns) { Err(FieldError::Control) } else { Ok(text.to_owned()) }
}

fn read_switches(fields: &mut Fields, about: &mut About) {
    for (name, target) in [
        ("nsfw", &mut about.nsfw),
        ("downloadEnabled", &mut about.download_enabled),
        ("waitTranscoding", &mut about.wait_transcoding),
    ] {
        if let Some(value) = fields.value(name, boolean) {
            *target = value;
        }
    }
    // What programs of before PeerTube 6.2 say.
    if let Some(is_enabled) = fields.value("commentsEnabled", boolean) {
        about.comments_policy = if is_enabled { 1 } else { 2 };
    }
    if let Some(policy) = fields.value("commentsPolicy", comments_policy) {
        about.comments_policy = policy;
    }
}

/// A number, or a form's text of one.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Also as a form says it.
fn boolean(value: &Value) -> Result<bool, FieldError> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::String(text) => crate::listing::boolean(text),
        _ => Err(FieldError::Kind("true or false")),
    }
}

fn privacy(value: &Value) -> Result<Privacy, FieldError> {
    number(value).and_then(Privacy::parse).ok_or(FieldError::Choice("1, 2, 3, 4, 5"))
}

fn comments_policy(value: &Value) -> Result<i64, FieldError> {
    let read = number(value).filter(|policy| (1..=3).contains(policy));
    read.ok_or(FieldError::Choice("1, 2, 3"))
}

/// `null`, or a form's word for it, takes it away.
fn of_table(table: &[(i64, &'static str)], value: &Value) -> Result<Option<i64>, FieldError> {
    if is_none(value) {
        return Ok(None);
    }
    let read = number(value).filter(|id| vocabulary::label(table, id).is_some());
    read.map(Some).ok_or(FieldError::Kind("one of the numbers that the API lists"))
}

fn is_none(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.is_empty() || text == "null")
}

fn language(text: &str) -> Result<String, FieldError> {
    let known = vocabulary::language(text).map(|_| text.to_owned());
    known.ok_or(FieldError::Kind("one of the codes that the API lists"))
}

fn moment(value: &Value) -> Result<Option<i64>, FieldError> {
    if is_none(value) {
        return Ok(None);
    }
    let read = value.as_str().and_then(when::parse);
    read.map(Some).ok_or(FieldError::Kind("a date and time, as 2026-11-22T05:13:20Z"))
}

/// `null`, or when it becomes what: public, if it doesn't say.
fn schedule(value: &Value) -> Result<Option<Schedule>, FieldError> {
    if is_none(value) {
        return Ok(None);
    }
    let at = value.get("updateAt").map(moment).transpose()?.flatten();
    let at = at.ok_or(FieldError::Kind("an object with updateAt, a date and time"))?;
    let privacy = value.get("privacy").filter(|value| !is_none(value));
    let privacy = privacy.map_or(Ok(Privacy::Public), self::privacy)?;
    // What nobody else sees, or a password opens, needs no moment.
    match privacy {
        Privacy::Public | Privacy::Unlisted | Privacy::Internal => {
            Ok(Some(Schedule { at, privacy }))
        }
        Privacy::Private | Privacy::Password => Err(FieldError::Choice("1, 2, 4")),
    }
}

/// A form's tags, which stand in one text with commas.
fn split(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect()
        }
        other => other.clone(),
    }
}

/// A list of texts, or one of a form.
fn texts(
    value: &Value,
    most: usize,
    shortest: usize,
    longest: usize,
) -> Result<Vec<String>, FieldError> {
    let texts: Vec<&str> = match value {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text.as_str()],
        Value::Array(values) => values
            .iter()
            .map(|value| value.as_str().ok_or(FieldError::Kind("a list of texts")))
            .collect::<Result<_, _>>()?,
        _ => return Err(FieldError::Kind("a list of texts")),
    };
    if texts.len() > most {
        return Err(FieldError::Many(most));
    }
    texts.into_iter().map(|text| line(text, shortest, longest).map(str::to_owned)).collect()
}

/// Each text once, whatever its case.
fn once(texts: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in texts {
        if !kept.iter().any(|known| known.to_lowercase() == text.to_lowercase()) {
            kept.push(text);
        }
    }
    kept
}

/// Characters, as with PeerTube.
const DESCRIPTION: usize = 10_000;
const SUPPORT: usize = 1_000;

/// As with PeerTube.
const TAGS: usize = 5;

/// More people than that need a channel of their own.
const PASSWORDS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiError;
    use serde_json::json;

    fn before() -> About {
        crate::table::video::tests::about("The sea")
    }

    #[track_caller]
    fn check(body: &Value, wanted: Result<&About, &[&str]>) {
        let mut fields = Fields::of(body.as_object().unwrap().clone());
        let (about, _) = read(&mut fields, before());
        let found = fields.check().map(|()| about).map_err(|error| match error {
            ApiError::Fields(bad) => bad.iter().map(|bad| bad.name).collect(),
            _ => Vec::new(),
        });
        assert_eq!(found, wanted.cloned().map_err(<[&str]>::to_vec), "{body}");
    }

    #[test]
    fn all_that_peertube_s_programs_send_is_read() {
        check(&json!({ "unknown": 1 }), Ok(&before()));
        let wanted = About {
            name: "Another".to_owned(),
            privacy: Privacy::Password,
            description: None,
            support: Some("Give".to_owned()),
            category: None,
            licence: Some(2),
            language: Some("fr".to_owned()),
            nsfw: true,
            comments_policy: 2,
            download_enabled: false,
            wait_transcoding: true,
            originally_published_at: Some(951_868_800_000),
            schedule: Some(Schedule { at: 1_795_324_400_000, privacy: Privacy::Internal }),
            tags: vec!["Mer".to_owned(), "sel".to_owned()],
            passwords: vec!["open".to_owned()],
        };
        let body = json!({
            "name": "Another", "privacy": 5, "description": null, "support": "Give", "category": null, "licence": 2,
            "language": "fr", "nsfw": true, "commentsEnabled": false, "downloadEnabled": false, "waitTranscoding": true,
            "originallyPublishedAt": "2000-03-01T00:00:00Z", "tags": ["Mer", "sel", "MER"], "videoPasswords": ["open"],
            "scheduleUpdate": { "updateAt": "2026-11-22T05:13:20Z", "privacy": 4 },
        });
        check(&body, Ok(&wanted));
        let form = json!({
            "name": "Another", "privacy": "5", "description": "", "support": "Give", "category": "", "licence": "2",
            "language": "fr", "nsfw": "true", "commentsPolicy": "2", "downloadEnabled": "false",
            "waitTranscoding": "true", "originallyPublishedAt": "2000-03-01T00:00:00Z", "tags": "Mer, sel",
            "videoPasswords": "open",
        });
        check(&form, Ok(&About { schedule: None, ..wanted }));
    }

    #[test]
    fn every_field_has_a_bound() {
        for (name, value) in [
            ("name", json!("ab")),
            ("name", json!("a\nbc")),
            ("name", json!("ab\u{202e}c")),
            ("name", json!("  a ")),
            ("name", json!("x".repeat(121))),
            ("privacy", json!(6)),
            ("description", json!("x".repeat(DESCRIPTION + 1))),
            ("support", json!("x".repeat(SUPPORT + 1))),
            ("category", json!(19)),
            ("licence", json!("first")),
            ("language", json!("xx")),
            ("nsfw", json!("perhaps")),
            ("commentsPolicy", json!(0)),
            ("originallyPublishedAt", json!("yesterday")),
            ("scheduleUpdate", json!({ "privacy": 1 })),
            ("scheduleUpdate", json!({ "updateAt": "2030-01-01", "privacy": 3 })),
            ("tags", json!(["ab", "cd", "ef", "gh", "ij", "kl"])),
            ("tags", json!(["x".repeat(31)])),
            ("tags", json!([1])),
            ("videoPasswords", json!(["x"])),
            ("channelId", json!("one")),
        ] {
            check(&json!({ name: value }), Err(&[name]));
        }
    }
}
