//! Reading what other servers write: plain JSON, in which a thing may stand alone or in a list, be named or told in full.
//!
//! No JSON-LD: no context is looked at, let alone fetched. What is not understood is passed over, what is too long or too deep is
//! refused before anything is made of it.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// An object somebody sent.
pub type Object = Map<String, Value>;

/// Reads an object.
///
/// # Errors
/// When it is none, or too long, or too deep.
pub fn read(bytes: &[u8]) -> Result<Object, JsonError> {
    if bytes.len() > MOST_BYTES {
        return Err(JsonError::Long);
    }
    // First without making anything: how deep it is, and how much there is.
    let mut values = 0;
    let mut measure = serde_json::Deserializer::from_slice(bytes);
    let measured =
        de::DeserializeSeed::deserialize(Measure { depth: 0, values: &mut values }, &mut measure);
    measured.and_then(|()| measure.end()).map_err(|_| JsonError::Unreadable)?;
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(mut object)) => {
            if bytes.windows(NUL.len()).any(|part| part == NUL) {
                object.values_mut().for_each(drop_nul);
            }
            Ok(object)
        }
        Ok(_) => Err(JsonError::NoObject),
        Err(_) => Err(JsonError::Unreadable),
    }
}

/// Takes away what PostgreSQL keeps in no text.
fn drop_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|letter| letter != '\0'),
        Value::Array(list) => list.iter_mut().for_each(drop_nul),
        Value::Object(object) => object.values_mut().for_each(drop_nul),
        _ => {}
    }
}

/// Passes over a value and counts.
struct Measure<'a> {
    depth: usize,
    values: &'a mut usize,
}

impl<'a> Measure<'a> {
    fn inner<E: de::Error>(&mut self) -> Result<Measure<'_>, E> {
        *self.values += 1;
        if self.depth >= MOST_DEPTH || *self.values > MOST_VALUES {
            return Err(E::custom("too much"));
        }
        Ok(Measure { depth: self.depth + 1, values: self.values })
    }
}

impl<'de> de::DeserializeSeed<'de> for Measure<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Measure<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self.inner()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while map.next_key::<de::IgnoredAny>()?.is_some() {
            map.next_value_seed(self.inner()?)?;
        }
        Ok(())
    }
}

/// The value, or those of the list; nothing for null.
pub fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        None | Some(Value::Null) => (None, [].iter()),
        Some(Value::Array(list)) => (None, list.iter()),
        Some(one) => (Some(one), [].iter()),
    };
    one.into_iter().chain(many)
}

/// The first of [`each`].
pub fn first(value: Option<&Value>) -> Option<&Value> {
    each(value).next()
}

/// The id of a thing that is named or told.
pub fn id(value: &Value) -> Option<&str> {
    match value {
        Value::String(id) => Some(id),
        Value::Object(object) => object.get("id")?.as_str(),
        _ => None,
    }
}

/// The id of the first of some things.
pub fn first_id<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    first(object.get(name)).and_then(id)
}

/// The first type.
pub fn kind(object: &Object) -> Option<&str> {
    first(object.get("type"))?.as_str()
}

/// A text with something in it, of up to so many characters: the rest is cut off.
pub fn text(object: &Object, name: &str, most: usize) -> Option<String> {
    let text = first(object.get(name))?.as_str()?.trim();
    (!text.is_empty()).then(|| text.chars().take(most).collect())
}

/// A number that counts something.
pub fn count(object: &Object, name: &str) -> Option<i64> {
    first(object.get(name))?.as_i64().filter(|count| *count >= 0)
}

/// Yes or no, if it is said.
pub fn boolean(object: &Object, name: &str) -> Option<bool> {
    first(object.get(name))?.as_bool()
}

/// A moment, in milliseconds since 1970.
pub fn moment(object: &Object, name: &str) -> Option<i64> {
    crate::when::parse(first(object.get(name))?.as_str()?)
}

/// How a NUL is written.
const NUL: &[u8] = b"\\u0000";

/// Whether a word of `to` or `cc` is everybody's.
pub fn is_public(value: &Value) -> bool {
    value.as_str().is_some_and(|word| PUBLIC_WORDS.contains(&word))
}

/// Why bytes are no object; the blame is their sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More than anybody needs.
    #[error("an object may have {MOST_BYTES} bytes")]
    Long,
    /// Not JSON, or too deep, or too many values.
    #[error("this is no JSON of up to {MOST_DEPTH} levels and {MOST_VALUES} values")]
    Unreadable,
    /// A list, a text, a number.
    #[error("this is no JSON object")]
    NoObject,
}

/// Everybody, as it is written.
pub const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// Everybody, as it may be written (ActivityPub, section 5.6).
const PUBLIC_WORDS: [&str; 3] = [PUBLIC, "as:Public", "Public"];

/// Mastodon's bound.
const MOST_BYTES: usize = 1 << 20;

/// A video of PeerTube's has six levels.
const MOST_DEPTH: usize = 32;

/// A page of an outbox with ten whole videos has some thousands; each takes 100 bytes of memory, so that an object takes 2 MB.
const MOST_VALUES: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Object {
        read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_thing_alone_is_a_list_of_one() {
        let all = |value: Value| each(Some(&value)).cloned().collect::<Vec<_>>();
        assert_eq!(all(json!("a")), [json!("a")]);
        assert_eq!(all(json!(["a", "b"])), [json!("a"), json!("b")]);
        assert_eq!(all(json!(null)), [] as [Value; 0]);
        assert_eq!(each(None).count(), 0);
        let told = object(
            json!({"actor": {"id": "https://a.example/"}, "object": ["https://b.example/", "c"], "type": ["Note", "x"]}),
        );
        assert_eq!(first_id(&told, "actor"), Some("https://a.example/"));
        assert_eq!(first_id(&told, "object"), Some("https://b.example/"));
        assert_eq!(kind(&told), Some("Note"));
    }

    #[test]
    fn values_of_another_kind_are_not_there() {
        let told = object(
            json!({"n": -1, "t": 7, "b": "yes", "m": "yesterday", "id": {"id": 3}, "s": "  ", "long": "abcdef"}),
        );
        assert_eq!(count(&told, "n"), None);
        assert_eq!(text(&told, "t", 9), None);
        assert_eq!(text(&told, "s", 9), None);
        assert_eq!(text(&told, "long", 3).as_deref(), Some("abc"));
        assert_eq!(boolean(&told, "b"), None);
        assert_eq!(moment(&told, "m"), None);
        assert_eq!(first_id(&told, "id"), None);
        assert_eq!(
            moment(&object(json!({"m": "2026-11-21T22:49:16.541Z"})), "m"),
            Some(1_795_301_356_541)
        );
    }

    #[test]
    fn what_is_too_much_is_refused_before_anything_is_made_of_it() {
        let deep =
            |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(deep(MOST_DEPTH - 1).as_bytes()).is_ok());
        assert_eq!(read(deep(MOST_DEPTH).as_bytes()), Err(JsonError::Unreadable));
        assert_eq!(read(deep(100_000).as_bytes()), Err(JsonError::Unreadable));
        let wide = |values: usize| format!("{{\"a\":[1{}]}}", ",1".repeat(values));
        assert!(read(wide(MOST_VALUES / 2).as_bytes()).is_ok());
        assert_eq!(read(wide(MOST_VALUES).as_bytes()), Err(JsonError::Unreadable));
        assert_eq!(read(&vec![b' '; MOST_BYTES + 1]), Err(JsonError::Long));
        for text in ["", "nonsense", "{", "{}{}", "{\"a\":1,}", "\u{feff}{}"] {
            assert_eq!(read(text.as_bytes()), Err(JsonError::Unreadable), "{text}");
        }
        assert_eq!(read(b"[]"), Err(JsonError::NoObject));
    }

    #[test]
    fn everybody_has_three_names() {
        for word in PUBLIC_WORDS {
            assert!(is_public(&json!(word)));
        }
        assert!(!is_public(&json!("public")));
        assert!(!is_public(&json!([PUBLIC])));
    }
}
