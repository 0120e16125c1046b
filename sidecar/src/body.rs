//! The body of a request: read within bounds, and its fields taken out one by one, so that all bad ones are named at once.

use std::error::Error;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use serde_json::{Map, Value, json};

use crate::error::{ApiError, BadField, BodyError};
use crate::field::FieldError;
use crate::limits::{BODY_BYTES, BODY_PATIENCE};

/// The fields of a JSON object or a form, and those found bad so far.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    values: Map<String, Value>,
    bad: Vec<BadField>,
}

impl Fields {
    /// Reads a whole body of either kind; none at all has no fields.
    ///
    /// # Errors
    /// When it is too long, too slow, or of another kind.
    pub async fn read<B>(request: &mut Request<B>) -> Result<Fields, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.map(|kind| kind.to_str().unwrap_or_default().to_ascii_lowercase());
        let reading = Limited::new(request.body_mut(), BODY_BYTES).collect();
        let read = tokio::time::timeout(BODY_PATIENCE, reading).await;
        let body = read.map_err(|_| BodyError::TooSlow)?.map_err(|error| {
            if error.is::<LengthLimitError>() { BodyError::TooLong } else { BodyError::Broken }
        })?;
        Fields::parse(kind.as_deref(), &body.to_bytes())
    }

    fn parse(kind: Option<&str>, body: &[u8]) -> Result<Fields, BodyError> {
        if body.is_empty() {
            return Ok(Fields::default());
        }
        let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let values = match essence {
            "application/json" => serde_json::from_slice(body).map_err(|_| BodyError::Json)?,
            "application/x-www-form-urlencoded" => {
                let text = std::str::from_utf8(body).map_err(|_| BodyError::Form)?;
                let pairs = form_urlencoded::parse(text.as_bytes());
                pairs.map(|(key, value)| (key.into_owned(), Value::from(value))).collect()
            }
            _ => return Err(BodyError::Type),
        };
        Ok(Fields { values, bad: Vec::new() })
    }

    /// Fields that were read elsewhere.
    pub(crate) fn of(values: Map<String, Value>) -> Fields {
        Fields { values, bad: Vec::new() }
    }

    /// A text that is there, or the reason why there is none.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    /// Whether `null` is said of it; `None` if nothing is.
    pub(crate) fn is_null(&self, name: &str) -> Option<bool> {
        self.values.get(name).map(Value::is_null)
    }

    /// All texts, by their names.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// Forgets those of these that are empty: in a form that means that they stay as they are.
    pub fn drop_empty(&mut self, names: &[&str]) {
        for name in names {
            if self.text(name) == Some("") {
                self.values.remove(*name);
            }
        }
    }

    /// Says a text where nothing, or nothing but an empty text, is said.
    pub(crate) fn fill(&mut self, name: &str, text: &str) {
        if matches!(self.values.get(name), None | Some(Value::Null)) || self.text(name) == Some("")
        {
            self.values.insert(name.to_owned(), text.into());
        }
    }

    /// Makes a list of a text's parts, without those that are empty, as the API wants what a form has in one box.
    pub fn split(&mut self, name: &str, between: char) {
        let Some(text) = self.text(name) else { return };
        let parts = text.split(between).map(str::trim).filter(|part| !part.is_empty());
        let parts: Vec<Value> = parts.map(Value::from).collect();
        self.values.insert(name.to_owned(), parts.into());
    }

    /// Puts a schedule together of the two boxes that a form has for it; an empty moment is none.
    pub fn schedule(&mut self, at: &str, privacy: &str) {
        let moment = self.text(at).filter(|text| !text.is_empty()).map(str::to_owned);
        let privacy = self.text(privacy).unwrap_or("1").to_owned();
        let schedule = moment
            .map(|moment| json!({ "updateAt": moment, "privacy": privacy }))
            .unwrap_or_default();
        self.values.insert("scheduleUpdate".to_owned(), schedule);
    }

    /// Says of each of these that it is true if a form has it, else false: browsers send only boxes that are ticked.
    pub fn tick(&mut self, names: &[&str]) {
        for name in names {
            let is_ticked = self.values.contains_key(*name);
            self.values.insert((*name).to_owned(), is_ticked.into());
        }
    }

    /// A text that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Option<T> {
        let found = match self.values.get(name) {
            Some(Value::String(text)) => parse(text),
            _ => Err(FieldError::Kind("a text")),
        };
        self.keep(name, found)
    }

    /// A text that may be absent; `null` is as good as absent.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Option<T> {
        let found = match self.values.get(name) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => parse(text),
            Some(_) => Err(FieldError::Kind("a text")),
        };
        self.keep(name, found)
    }

    /// A text that `null` or nothing takes away: `None` if the request doesn't speak of it.
    pub(crate) fn removable(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<String, FieldError>,
    ) -> Option<Option<String>> {
        let found = match self.values.get(name) {
            None => return None,
            Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => parse(text).map(Some),
            Some(_) => Err(FieldError::Kind("a text")),
        };
        self.keep(name, found)
    }

    /// Sets `target` if the request speaks of it.
    pub(crate) fn boolean(&mut self, name: &'static str, target: &mut bool) {
        let found = match self.values.get(name) {
            None => return,
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(FieldError::Kind("true or false")),
        };
        if let Some(value) = self.keep(name, found) {
            *target = value;
        }
    }

    /// The value as it is, for what is neither a text nor a boolean.
    pub(crate) fn value<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&Value) -> Result<T, FieldError>,
    ) -> Option<T> {
        let found = parse(self.values.get(name)?);
        self.keep(name, found)
    }

    /// Notes a field that is bad beside another.
    pub(crate) fn refuse(&mut self, name: &'static str, reason: FieldError) {
        self.bad.push(BadField { name, reason });
    }

    /// That none was bad.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        if self.bad.is_empty() { Ok(()) } else { Err(ApiError::Fields(self.bad)) }
    }

    /// What was read, if none was bad.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, ApiError> {
        read.filter(|_| self.bad.is_empty()).ok_or(ApiError::Fields(self.bad))
    }

    fn keep<T>(&mut self, name: &'static str, found: Result<T, FieldError>) -> Option<T> {
        found.map_err(|reason| self.bad.push(BadField { name, reason })).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::line;
    use http_body_util::Full;

    const JSON: Option<&str> = Some("application/json; charset=utf-8");
    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

    #[track_caller]
    fn check(kind: Option<&str>, body: &[u8], wanted: &str) {
        let found = match Fields::parse(kind, body) {
            Ok(fields) => format!("{:?}", fields.text("a")),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, wanted, "{kind:?} {body:?}");
    }

    #[test]
    fn json_and_forms_are_read_alike_and_nothing_else_is() {
        check(JSON, b"{\"a\":\"b\"}", "Some(\"b\")");
        check(FORM, b"a=b%20c+d&e", "Some(\"b c d\")");
        check(FORM, b"a=%FF", "Some(\"\u{fffd}\")");
        check(FORM, b"a=\xff", "the body is no form of UTF-8 text");
        check(None, b"", "None");
        check(JSON, b"{\"a\":1}", "None");
        let deep = "[".repeat(50_000);
        for broken in ["[]", "null", "{\"a\":", "{\"a\":\"\\ud800\"}", &deep] {
            check(JSON, broken.as_bytes(), "the body is no JSON object");
        }
        let other = "the body must be application/json or application/x-www-form-urlencoded";
        check(None, b"a=b", other);
        check(Some("multipart/form-data; boundary=a"), b"--a", other);
        check(Some("text/plain"), b"{}", other);
    }

    #[tokio::test]
    async fn a_body_has_a_bound() {
        let read = async |length: usize| {
            let mut body = b"{\"a\":\"".to_vec();
            body.resize(length - 2, b'x');
            body.extend(b"\"}");
            let request = Request::builder().header("content-type", "application/json");
            Fields::read(&mut request.body(Full::new(Bytes::from(body))).unwrap()).await
        };
        assert!(read(BODY_BYTES).await.is_ok());
        assert!(matches!(read(BODY_BYTES + 1).await, Err(BodyError::TooLong)));
    }

    #[test]
    fn all_bad_fields_are_named_at_once() {
        let mut fields =
            Fields::parse(JSON, br#"{"a":1,"b":null,"c":"x","d":"true","e":""}"#).unwrap();
        let any = |text: &str| line(text, 0, 9).map(str::to_owned);
        let mut flag = false;
        assert_eq!(fields.required("a", |text| Ok(text.to_owned())), None);
        assert_eq!(fields.optional("b", |text| Ok(text.to_owned())), None);
        assert_eq!(fields.optional("c", |text| line(text, 2, 3).map(str::to_owned)), None);
        assert_eq!(fields.removable("e", any), Some(None));
        assert_eq!(fields.removable("f", any), None);
        fields.boolean("d", &mut flag);
        let names = |error| match error {
            Err(ApiError::Fields(bad)) => bad.iter().map(|bad| bad.name).collect(),
            _ => Vec::new(),
        };
        assert_eq!(names(fields.check()), ["a", "c", "d"]);
        assert!(!flag);
    }
}
