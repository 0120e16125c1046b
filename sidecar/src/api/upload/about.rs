//! What somebody says of a video when they upload it: what they may change later, and where it belongs.

use crate::api::change;
use crate::body::Fields;
use crate::field::{FieldError, line};
use crate::table::video::{About, Privacy};

/// What a video will be, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) channel_id: i64,
    pub(crate) about: About,
}

impl Wanted {
    /// `None` if a field is bad, which the fields then know. What isn't said is as PeerTube has it.
    pub(crate) fn read(fields: &mut Fields) -> Option<Wanted> {
        let is_named = !fields.is_null("name").unwrap_or(true);
        let is_placed = fields.is_null("channelId").is_some();
        let (about, channel_id) =
            change::read(fields, About::named(String::new(), Privacy::Public));
        for (name, is_there) in [("name", is_named), ("channelId", is_placed)] {
            if !is_there {
                fields.refuse(name, FieldError::Kind("there"));
            }
        }
        Some(Wanted { channel_id: channel_id?, about })
    }
}

/// What a file is called by whoever sends it: it is shown, and never a path.
pub(crate) fn file_name(text: &str) -> Result<String, FieldError> {
    line(text, 1, 255).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiError;
    use serde_json::{Value, json};

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
    fn what_it_is_called_and_where_it_belongs_must_be_said() {
        check("name", json!("x".repeat(120)), true);
        check("name", json!("ab"), false);
        check("name", json!(null), false);
        for bad in [json!("a"), json!(null), json!([1]), json!(1.5)] {
            check("channelId", bad, false);
        }
        check("privacy", json!(6), false);
    }

    #[test]
    fn a_password_is_needed_where_it_opens_the_video() {
        let refused = read(json!({ "name": "The sea", "channelId": 7, "privacy": 5 })).unwrap_err();
        assert!(refused.to_string().ends_with("videoPasswords"), "{refused}");
    }
}
