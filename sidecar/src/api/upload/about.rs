//! What somebody says of a video when they upload it: each field with a bound, and a named error when it's out of it.

use serde_json::Value;

use crate::body::Fields;
use crate::field::{FieldError, line, prose};
use crate::table::video::{About, Privacy, Schedule};
use crate::vocabulary::{CATEGORIES, LICENCES, label, language};
use crate::when;

/// What a video will be, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) channel_id: i64,
    pub(crate) about: About,
}

impl Wanted {
    /// `None` if a field is bad, which the fields then know. What isn't said is as PeerTube has it.
    pub(crate) fn read(fields: &mut Fields) -> Option<Wanted> {
        let name = fields.required("name", name);
        let channel_id = fields.required_value("channelId", number);
        let privacy = fields.value("privacy", privacy).unwrap_or(Privacy::Public);
        let passwords = fields.value("videoPasswords", passwords).unwrap_or_default();
        if privacy == Privacy::Password && passwords.is_empty() {
            let reason = FieldError::Kind("a list of at least one password for this privacy");
            fields.refuse("videoPasswords", reason);
        }
        let (mut nsfw, mut download_enabled, mut wait_transcoding) = (false, true, false);
        fields.boolean("nsfw", &mut nsfw);
        fields.boolean("downloadEnabled", &mut download_enabled);
        fields.boolean("waitTranscoding", &mut wait_transcoding);
        let mut takes_comments = true;
        fields.boolean("commentsEnabled", &mut takes_comments);
        let policy = fields.value("commentsPolicy", comments_policy);
        let about = About {
            name: name.unwrap_or_default(),
            privacy,
            description: long(fields, "description", 10_000),
            support: long(fields, "support", 1_000),
            category: fields.value("category", category).flatten(),
            licence: fields.value("licence", licence).flatten(),
            language: fields.optional("language", spoken).flatten(),
            nsfw,
            comments_policy: policy.unwrap_or(if takes_comments { 1 } else { 2 }),
            download_enabled,
            wait_transcoding,
            originally_published_at: fields.optional("originallyPublishedAt", moment).flatten(),
            schedule: fields.value("scheduleUpdate", schedule).flatten(),
            tags: fields.value("tags", tags).unwrap_or_default(),
            passwords,
        };
        Some(Wanted { channel_id: channel_id?, about })
    }
}

/// What a file is called by whoever sends it: it is shown, and never a path.
pub(crate) fn file_name(text: &str) -> Result<String, FieldError> {
    line(text, 1, 255).map(str::to_owned)
}

/// A whole number, which forms write as a text.
pub(crate) fn number(value: &Value) -> Result<i64, FieldError> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or(FieldError::Kind("a whole number"))
}

fn name(text: &str) -> Result<String, FieldError> {
    let turns = |char: char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text = line(text.trim(), 3, 120)?;
    if text.chars().any(turns) { Err(FieldError::Control) } else { Ok(text.to_owned()) }
}

fn long(fields: &mut Fields, name: &'static str, most: usize) -> Option<String> {
    fields.removable(name, |text| prose(text, 1, most).map(str::to_owned)).flatten()
}

fn privacy(value: &Value) -> Result<Privacy, FieldError> {
    Privacy::parse(number(value)?).ok_or(FieldError::Choice("1, 2, 3, 4, 5"))
}

fn category(value: &Value) -> Result<Option<i64>, FieldError> {
    numbered(value, CATEGORIES, "the categories of /api/v1/videos/categories")
}

fn licence(value: &Value) -> Result<Option<i64>, FieldError> {
    numbered(value, LICENCES, "the licences of /api/v1/videos/licences")
}

fn numbered(
    value: &Value,
    table: &[(i64, &'static str)],
    those: &'static str,
) -> Result<Option<i64>, FieldError> {
    if is_nothing(value) {
        return Ok(None);
    }
    let id = number(value)?;
    label(table, &id).map(|_| Some(id)).ok_or(FieldError::Choice(those))
}

fn spoken(text: &str) -> Result<Option<String>, FieldError> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = language(text).map(|_| Some(text.to_owned()));
    known.ok_or(FieldError::Choice("the languages of /api/v1/videos/languages"))
}

fn comments_policy(value: &Value) -> Result<i64, FieldError> {
    let policy = number(value)?;
    if (1..=3).contains(&policy) { Ok(policy) } else { Err(FieldError::Choice("1, 2, 3")) }
}

fn moment(text: &str) -> Result<Option<i64>, FieldError> {
    if text.is_empty() {
        return Ok(None);
    }
    when::parse(text).map(Some).ok_or(FieldError::Kind("a date and time of ISO 8601"))
}

fn schedule(value: &Value) -> Result<Option<Schedule>, FieldError> {
    if is_nothing(value) {
        return Ok(None);
    }
    let at = value.get("updateAt").and_then(Value::as_str).and_then(when::parse);
    let at = at.ok_or(FieldError::Kind("an object with updateAt, a date and time of ISO 8601"))?;
    let privacy = match value.get("privacy") {
        None | Some(Value::Null) => Privacy::Public,
        Some(value) => privacy(value)?,
    };
    if matches!(privacy, Privacy::Public | Privacy::Unlisted | Privacy::Internal) {
        Ok(Some(Schedule { at, privacy }))
    } else {
        Err(FieldError::Choice("1, 2, 4"))
    }
}

fn tags(value: &Value) -> Result<Vec<String>, FieldError> {
    let mut tags: Vec<String> = Vec::new();
    for text in texts(value, MOST_TAGS, "a list of at most 5 texts")? {
        let tag = line(text.trim(), 2, 30)?;
        if !tags.iter().any(|known| known.to_lowercase() == tag.to_lowercase()) {
            tags.push(tag.to_owned());
        }
    }
    Ok(tags)
}

fn passwords(value: &Value) -> Result<Vec<String>, FieldError> {
    let mut passwords: Vec<String> = Vec::new();
    for text in texts(value, MOST_PASSWORDS, "a list of at most 20 texts")? {
        let password = line(text, 2, 100)?;
        if !passwords.iter().any(|known| known == password) {
            passwords.push(password.to_owned());
        }
    }
    Ok(passwords)
}

/// The texts of a list; a form that names only one sends it as it is.
fn texts<'a>(
    value: &'a Value,
    most: usize,
    kind: &'static str,
) -> Result<Vec<&'a str>, FieldError> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text]),
        Value::Array(values) if values.len() <= most => {
            let texts = values.iter().map(|value| value.as_str().ok_or(FieldError::Kind(kind)));
            texts.collect()
        }
        _ => Err(FieldError::Kind(kind)),
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// As with PeerTube.
const MOST_TAGS: usize = 5;

/// A password for each class of a school.
const MOST_PASSWORDS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiError;
    use serde_json::json;

    fn read(value: Value) -> Result<Wanted, ApiError> {
        let Value::Object(values) = value else { panic!("no object") };
        let mut fields = Fields::of(values);
        let wanted = Wanted::read(&mut fields);
        fields.finish(wanted)
    }

    #[track_caller]
    fn check(name: &str, value: Value, is_good: bool) {
        let mut object = json!({ "name": "The sea", "channelId": 1 });
        object[name] = value.clone();
        match read(object) {
            Ok(_) => assert!(is_good, "{name} = {value}"),
            Err(ApiError::Fields(bad)) => {
                assert!(!is_good, "{name} = {value}: {bad:?}");
                assert_eq!(bad.iter().map(|bad| bad.name).collect::<Vec<_>>(), [name]);
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn what_is_not_said_is_as_peertube_has_it() {
        let wanted = read(json!({ "name": " The sea ", "channelId": "7" })).unwrap();
        assert_eq!((wanted.channel_id, &*wanted.about.name), (7, "The sea"));
        let about = wanted.about;
        assert_eq!((about.privacy, about.comments_policy), (Privacy::Public, 1));
        assert_eq!(
            (about.nsfw, about.download_enabled, about.wait_transcoding),
            (false, true, false)
        );
        assert_eq!((about.category, about.schedule, about.tags.len()), (None, None, 0));
    }

    #[test]
    fn what_is_said_is_kept() {
        let wanted = read(json!({
            "name": "The sea", "channelId": 7, "privacy": 5, "videoPasswords": ["open", "open", "sesame"],
            "description": "a\nb", "support": "give", "category": "15", "licence": 1, "language": "fr", "nsfw": true,
            "commentsEnabled": false, "downloadEnabled": false, "waitTranscoding": true, "tags": ["Sea", "sea", "salt"],
            "originallyPublishedAt": "2020-02-29", "scheduleUpdate": { "updateAt": "2030-01-01T00:00:00Z", "privacy": "1" },
        }))
        .unwrap();
        let about = wanted.about;
        assert_eq!((about.privacy, about.passwords.len()), (Privacy::Password, 2));
        assert_eq!(
            (about.category, about.licence, about.language.as_deref()),
            (Some(15), Some(1), Some("fr"))
        );
        assert_eq!((about.comments_policy, about.tags.join(",")), (2, "Sea,salt".to_owned()));
        assert_eq!(about.originally_published_at, Some(1_582_934_400_000));
        assert_eq!(about.schedule.unwrap().at, 1_893_456_000_000);
    }

    #[test]
    fn every_field_has_its_bounds() {
        check("name", json!("abc"), true);
        check("name", json!("x".repeat(120)), true);
        for bad in [
            json!("ab"),
            json!("x".repeat(121)),
            json!("a\r\nb"),
            json!("ab\u{202e}c"),
            json!(1),
            json!("  a "),
        ] {
            check("name", bad, false);
        }
        for bad in [json!("a"), json!(null), json!([1]), json!(1.5)] {
            check("channelId", bad, false);
        }
        check("description", json!("x".repeat(10_000)), true);
        check("description", json!("x".repeat(10_001)), false);
        check("description", json!(""), true);
        check("support", json!("x".repeat(1_001)), false);
        check("category", json!(19), false);
        check("category", json!(""), true);
        check("licence", json!(null), true);
        check("licence", json!(8), false);
        check("language", json!("klingon"), false);
        check("privacy", json!(6), false);
        check("privacy", json!("2"), true);
        check("commentsPolicy", json!(4), false);
        check("nsfw", json!(1), false);
        check("tags", json!(["a"]), false);
        check("tags", json!(["ab", "cd", "ef", "gh", "ij", "kl"]), false);
        check("tags", json!(["x".repeat(31)]), false);
        check("tags", json!({ "a": "b" }), false);
        check("videoPasswords", json!(["a"]), false);
        check("scheduleUpdate", json!({ "updateAt": "soon" }), false);
        check("scheduleUpdate", json!({ "updateAt": "2030-01-01", "privacy": 3 }), false);
        check("originallyPublishedAt", json!("2020-13-01"), false);
    }

    #[test]
    fn a_password_is_needed_where_it_opens_the_video() {
        let refused = read(json!({ "name": "The sea", "channelId": 7, "privacy": 5 })).unwrap_err();
        assert!(refused.to_string().ends_with("videoPasswords"), "{refused}");
    }
}
