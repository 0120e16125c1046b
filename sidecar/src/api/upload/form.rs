//! A form with a file in it (RFC 7578), read as it comes: the fields are kept within bounds, the file is handed on.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, header};
use http_body_util::BodyDataStream;
use hyper::body::{Body, Frame, SizeHint};
use multer::{Constraints, Field, Multipart, SizeLimit};
use serde_json::{Map, Value};

use crate::body::Fields;
use crate::error::{ApiError, BodyError};
use crate::limits::{BODY_BYTES, BODY_PATIENCE, FORM_BYTES, FORM_FIELDS};

/// A form on its way in.
pub(crate) struct Form<'a> {
    parts: Multipart<'a>,
    held: Held,
    /// Which fields have files that are wanted.
    files: Vec<&'static str>,
    values: Map<String, Value>,
    /// Fields that came, and bytes of their texts.
    count: usize,
    bytes: usize,
}

/// The file of a form, as the body of a request.
#[derive(Debug)]
pub struct File<'a> {
    field: Field<'a>,
    held: Held,
}

/// Bytes of a body that were read, and of which nothing was handed on yet.
#[derive(Debug, Clone, Default)]
struct Held(Arc<AtomicUsize>);

/// A body that is read no further than it is handed on: whoever looks for the end of a part's head keeps all that comes.
struct Portions<S> {
    body: S,
    held: Held,
    /// Bytes since whoever reads was last made to look at them.
    portion: usize,
}

/// A part of a form whose head has no end.
#[derive(Debug, thiserror::Error)]
#[error("a part of the form has no beginning")]
struct Endless;

impl<'a> Form<'a> {
    /// Reads the form that a body is; the video file in it has at most `most` bytes.
    pub(crate) fn new<B>(
        headers: &HeaderMap,
        body: &'a mut B,
        most: u64,
    ) -> Result<Form<'a>, ApiError>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        Form::with(headers, body, &[FILE], most)
    }

    /// The same of a form whose files are in these fields.
    pub(crate) fn with<B>(
        headers: &HeaderMap,
        body: &'a mut B,
        files: &[&'static str],
        most: u64,
    ) -> Result<Form<'a>, ApiError>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = kind.and_then(|kind| multer::parse_boundary(kind).ok());
        let boundary = boundary.ok_or(ApiError::Body(BodyError::Type))?;
        let sizes = files.iter().fold(SizeLimit::new().per_field(FORM_BYTES), |sizes, file| {
            sizes.for_field(*file, most.saturating_add(1))
        });
        let constraints = Constraints::new().size_limit(sizes);
        let held = Held::default();
        let body = BodyDataStream::new(body);
        let portions = Portions { body, held: held.clone(), portion: 0 };
        let parts = Multipart::with_constraints(portions, boundary, constraints);
        Ok(Form { parts, held, files: files.to_vec(), values: Map::new(), count: 0, bytes: 0 })
    }

    /// Reads on to the file, or to the end of the form. Other files are read over.
    pub(crate) async fn next_file(&mut self) -> Result<Option<File<'a>>, ApiError> {
        while let Some(field) = in_time(self.parts.next_field()).await? {
            self.held.hand_on();
            self.count += 1;
            if self.count > FORM_FIELDS {
                return Err(BodyError::TooLong.into());
            }
            match field.name() {
                Some(name) if self.files.contains(&name) => {
                    return Ok(Some(File { field, held: self.held.clone() }));
                }
                Some(_) if field.file_name().is_none() => self.keep(field).await?,
                _ => self.pass_over(field).await?,
            }
        }
        Ok(None)
    }

    /// What the fields say so far.
    pub(crate) fn fields(&self) -> Fields {
        Fields::of(self.values.clone())
    }

    async fn keep(&mut self, mut field: Field<'_>) -> Result<(), ApiError> {
        let name = field.name().unwrap_or_default().to_owned();
        let mut text = Vec::new();
        while let Some(piece) = in_time(field.chunk()).await? {
            self.held.hand_on();
            self.bytes += piece.len();
            if self.bytes > BODY_BYTES {
                return Err(BodyError::TooLong.into());
            }
            text.extend_from_slice(&piece);
        }
        let text = String::from_utf8(text).map_err(|_| BodyError::Form)?;
        put(&mut self.values, &name, text);
        Ok(())
    }

    async fn pass_over(&self, mut field: Field<'_>) -> Result<(), ApiError> {
        while in_time(field.chunk()).await?.is_some() {
            self.held.hand_on();
        }
        Ok(())
    }
}

impl File<'_> {
    /// In which field it is.
    pub(crate) fn field(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    /// What its sender calls it.
    pub(crate) fn name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// What its sender says that it is.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.field.content_type().map(AsRef::as_ref)
    }
}

impl Body for File<'_> {
    type Data = Bytes;
    type Error = multer::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, multer::Error>>> {
        let polled = Pin::new(&mut self.field).poll_next(context);
        if polled.is_ready() {
            self.held.hand_on();
        }
        polled.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Held {
    fn hand_on(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl<S, E> Stream for Portions<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Item = Result<Bytes, Box<dyn Error + Send + Sync>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.held.0.load(Ordering::Relaxed) > HELD {
            return Poll::Ready(Some(Err(Endless.into())));
        }
        if self.portion >= PORTION {
            self.portion = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(piece) = ready!(Pin::new(&mut self.body).poll_next(context)) else {
            return Poll::Ready(None);
        };
        let piece = piece.map_err(Into::into)?;
        self.portion += piece.len();
        self.held.0.fetch_add(piece.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(piece)))
    }
}

/// Puts a field where JSON would have it: `tags[]` and `tags[0]` are lists, `a[b]` is an object.
fn put(values: &mut Map<String, Value>, name: &str, text: String) {
    let value = match (&*text, BOOLEANS.contains(&name)) {
        ("true", true) => Value::Bool(true),
        ("false", true) => Value::Bool(false),
        _ => Value::String(text),
    };
    let inner = name.strip_suffix(']').and_then(|name| name.split_once('['));
    match inner {
        Some((name, key)) if key.bytes().all(|byte| byte.is_ascii_digit()) => {
            match values.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(list) => list.push(value),
                other => *other = value,
            }
        }
        Some((name, key)) => {
            match values.entry(name).or_insert_with(|| Value::Object(Map::new())) {
                Value::Object(object) => {
                    object.insert(key.to_owned(), value);
                }
                other => *other = value,
            }
        }
        None => match values.get_mut(name) {
            // A name that comes again is a list, too.
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => {
                values.insert(name.to_owned(), value);
            }
        },
    }
}

/// Waits for the next piece of a form, but not for ever.
async fn in_time<T>(reading: impl Future<Output = multer::Result<T>>) -> Result<T, ApiError> {
    let read = tokio::time::timeout(BODY_PATIENCE, reading).await;
    read.map_err(|_| BodyError::TooSlow)?.map_err(unreadable)
}

pub(crate) fn unreadable(error: multer::Error) -> ApiError {
    ApiError::Body(match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            BodyError::TooLong
        }
        multer::Error::StreamReadFailed(error) if error.is::<Endless>() => BodyError::TooLong,
        multer::Error::StreamReadFailed(_) => BodyError::Broken,
        _ => BodyError::Form,
    })
}

/// Bytes that are looked at together: a few of what hyper reads at once.
const PORTION: usize = 64 << 10;

/// Bytes that may come before something of them can be handed on: the head of a part has some hundred.
const HELD: usize = 128 << 10;

/// PeerTube's name for the field with the video.
pub(crate) const FILE: &str = "videofile";

/// Fields that forms write as a text, and JSON doesn't.
const BOOLEANS: [&str; 4] = ["nsfw", "waitTranscoding", "downloadEnabled", "commentsEnabled"];

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};
    use serde_json::json;

    async fn read(body: &str) -> Result<(Value, Vec<u8>), ApiError> {
        let mut headers = HeaderMap::new();
        let kind = "multipart/form-data; boundary=AaB";
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        let mut body = Full::new(Bytes::from(body.replace('\n', "\r\n")));
        let mut form = Form::new(&headers, &mut body, 100)?;
        let mut bytes = Vec::new();
        while let Some(file) = form.next_file().await? {
            bytes.extend(file.collect().await.map_err(unreadable)?.to_bytes());
        }
        Ok((Value::Object(form.values), bytes))
    }

    fn field(name: &str, text: &str) -> String {
        format!("--AaB\nContent-Disposition: form-data; name=\"{name}\"\n\n{text}\n")
    }

    fn file(name: &str, text: &str) -> String {
        format!(
            "--AaB\nContent-Disposition: form-data; name=\"{name}\"; filename=\"../../a.mp4\"\n\
             Content-Type: video/mp4\n\n{text}\n"
        )
    }

    #[tokio::test]
    async fn fields_are_found_before_and_after_the_file() {
        let parts = [
            field("name", "The sea"),
            field("tags[]", "sea"),
            field("tags[]", "salt"),
            file("thumbnailfile", "a picture"),
            file("videofile", "a film"),
            field("scheduleUpdate[updateAt]", "2030-01-01"),
            field("nsfw", "true"),
            field("language", "true"),
        ];
        let (values, bytes) = read(&format!("{}--AaB--\n", parts.concat())).await.unwrap();
        let wanted = json!({
            "name": "The sea", "tags": ["sea", "salt"], "scheduleUpdate": { "updateAt": "2030-01-01" },
            "nsfw": true, "language": "true",
        });
        assert_eq!((values, &bytes[..]), (wanted, &b"a film"[..]));
    }

    #[tokio::test]
    async fn a_form_has_bounds() {
        let long = field("name", &"x".repeat(BODY_BYTES + 1));
        let many = field("a", "b").repeat(FORM_FIELDS + 1);
        for body in [long, many, file("videofile", &"x".repeat(102))] {
            let refused = read(&format!("{body}--AaB--\n")).await.unwrap_err();
            assert!(matches!(refused, ApiError::Body(BodyError::TooLong)), "{refused}");
        }
        for broken in ["", "--AaB\n", "--AaB\nContent-Disposition: form-data; name=\"a\"\n\nb"] {
            assert!(read(broken).await.is_err(), "{broken:?}");
        }
    }

    #[tokio::test]
    async fn a_part_that_never_begins_is_not_kept() {
        let boundary = "--AaB\r\nContent-Disposition: form-data; name=\"a\"\r\nX: ";
        let inside = "--AaB\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--AaB\r\nX: ";
        for begun in ["", boundary, inside] {
            let read = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&read);
            let pieces = (0..4_096).map(move |no| {
                let piece = if no == 0 { begun.to_owned() } else { "x".repeat(16 << 10) };
                count.fetch_add(piece.len(), Ordering::Relaxed);
                Ok::<_, std::io::Error>(Frame::data(Bytes::from(piece)))
            });
            let mut body = http_body_util::StreamBody::new(futures_util::stream::iter(pieces));
            let mut headers = HeaderMap::new();
            let kind = "multipart/form-data; boundary=AaB";
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            let mut form = Form::new(&headers, &mut body, 100).unwrap();
            let refused = form.next_file().await.unwrap_err();
            let read = read.load(Ordering::Relaxed);
            assert!(read < 1 << 20, "{read} bytes were kept: {refused}");
            assert!(matches!(refused, ApiError::Body(BodyError::TooLong)), "{refused}");
        }
    }

    #[test]
    fn lists_and_objects_do_not_mix() {
        let mut values = Map::new();
        for name in ["a", "a[]", "a[b]", "b[c]", "b[]", "b", "[]", "]", "c[", "a[b][c]"] {
            put(&mut values, name, "x".to_owned());
        }
        assert!(values.len() <= 6, "{values:?}");
    }
}
