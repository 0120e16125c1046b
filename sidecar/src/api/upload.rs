//! `videos/upload-resumable` and `videos/upload`: who may send how much, and what becomes of it when it is whole.
//!
//! ```text
//! POST   what it will be, X-Upload-Content-Length   → 201, Location: …?upload_id=
//! PUT    Content-Range: bytes 0-99/200, its bytes   → 308, Range: bytes=0-99
//! PUT    Content-Range: bytes */200                 → 308, and how far it is
//! PUT    Content-Range: bytes 100-199/200           → 200, the video
//! DELETE                                            → 204
//! ```
//! `videos/<id>/source/replace-resumable` is the same for another file of a video.
//!
//! The bytes themselves are somebody else's: `instance` asks here, stores them with the origin, and tells how far it is.

mod about;
mod cover;
mod form;
#[cfg(test)]
mod import_tests;
pub(in crate::api) mod imports;
mod jobs;
#[cfg(test)]
mod tests;

use std::error::Error;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::id::VideoId;

use super::captions::{read_form, read_whole};
use super::thumbnails::{FILES as PICTURES, is_form};
use super::{ALWAYS, json as answer, preflight};
use crate::body::Fields;
use crate::error::{ApiError, BodyError};
use crate::limits::{CAPTION_PATIENCE, THUMBNAIL_BYTES, UPLOAD_BYTES};
use crate::table::upload::{self, NewUpload, Size, Upload};
use crate::table::user::{self, User};
use crate::table::video::{self, About, NewVideo, State, Video};
use crate::table::{account, channel, job, thumbnail};
use crate::{Reply, Sidecar, now_ms};
use about::{Wanted, file_name};
pub use cover::Cover;
pub use form::File;
pub(super) use form::{Form, unreadable};
pub use imports::{Fetching, ImportLine, is_importable};

/// Where a file is sent in parts.
pub const RESUMABLE: &str = "/api/v1/videos/upload-resumable";

/// Around the id of a video whose file is replaced in the same way.
const VIDEOS: &str = "/api/v1/videos/";
const REPLACE: &str = "/source/replace-resumable";

/// Where a file is sent in one form.
pub const SIMPLE: &str = "/api/v1/videos/upload";

/// An upload that may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// Under which name its bytes are kept.
    pub id: String,
    /// How many there will be; of a form, at most.
    pub bytes: u64,
}

/// What one request of a resumable upload brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// To which upload.
    pub upload: Allowed,
    /// Which bytes of it; `None` asks how far it is.
    pub part: Option<std::ops::Range<u64>>,
    /// A video has been made of it already: the answer to the last part was lost.
    pub is_settled: bool,
}

/// A form on its way in, and who sends it.
pub struct Sending<'a> {
    form: Form<'a>,
    user: User,
    account_id: i64,
    most: u64,
    source_name: String,
    /// The picture that came with it, as it was sent.
    picture: Option<Vec<u8>>,
}

/// Why a request about an upload isn't answered as its sender hopes.
#[derive(Debug)]
pub struct Refusal(ApiError);

/// What whoever stores the bytes has to say, when they can't be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The upload ends at this byte, and the part begins at another.
    Elsewhere(u64),
    /// More bytes came than were announced.
    TooMany,
    /// More bytes came than there was room for in the quota.
    BeyondQuota,
    /// The body ended before its end.
    BrokenOff,
    /// Another request goes on with it.
    Superseded,
    /// The disk is full.
    NoSpace,
    /// Too many pictures are being made.
    Busy,
    /// Too many listen to how far their videos are.
    ManyListen,
    /// The machine's own fault, for the log.
    Machine(String),
}

/// What the table keeps of what an upload will be.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Plan {
    Video {
        channel_id: i64,
        source_name: String,
        about: Box<About>,
        #[serde(default)]
        cover: Option<cover::Kept>,
    },
    Replacement {
        video_id: i64,
        source_name: String,
    },
}

/// Where a request about an upload in parts goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A new video.
    Video,
    /// Another file of a video.
    Replacement(VideoId),
}

impl Target {
    /// `None` is another path.
    pub fn parse(path: &str) -> Option<Target> {
        if path == RESUMABLE {
            return Some(Target::Video);
        }
        let id = path.strip_prefix(VIDEOS)?.strip_suffix(REPLACE)?;
        id.parse().ok().map(Target::Replacement)
    }

    fn path(self) -> String {
        match self {
            Target::Video => RESUMABLE.to_owned(),
            Target::Replacement(uuid) => format!("{VIDEOS}{uuid}{REPLACE}"),
        }
    }
}

impl Sidecar {
    /// Answers what a browser asks before a script of another site may upload.
    pub fn allow_upload(&self) -> Reply {
        let mut reply = preflight("POST, PUT, DELETE, OPTIONS");
        let allowed = HeaderValue::from_static(
            "Authorization, Content-Type, Content-Range, X-Upload-Content-Length, X-Upload-Content-Type",
        );
        reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        dressed(reply)
    }

    /// Answers a method that isn't one of an upload's.
    pub fn refuse_method(&self) -> Reply {
        Refusal(ApiError::Method("POST, PUT, DELETE, OPTIONS")).answer()
    }

    /// Notes an upload in parts, which may then begin, and tells which picture came with it.
    ///
    /// # Errors
    /// Whoever asks may not, or not so much, or doesn't say what it will be.
    pub async fn begin_upload<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<(Allowed, Option<Cover>), Refusal>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (_, user) = self.authenticate(request.headers()).await?;
        let bytes = announced(request.headers())?;
        let target = Target::parse(request.uri().path()).ok_or(ApiError::NoRoute)?;
        let replaced = match target {
            Target::Video => None,
            Target::Replacement(uuid) => Some(self.replaceable(request.headers(), uuid).await?),
        };
        let (mut fields, picture) = read_announcement(request).await?;
        let cover = picture.map(Cover::new).transpose()?;
        let name = fields.required("filename", file_name);
        let (owner, plan) = match replaced {
            Some(video) => {
                let source_name = fields.finish(name)?;
                (video.account_id, Plan::Replacement { video_id: video.id, source_name })
            }
            None => {
                let wanted = Wanted::read(&mut fields);
                let (source_name, wanted) = fields.finish(name.zip(wanted))?;
                let owner = self.owner_of(wanted.channel_id, &user).await?;
                (owner, Plan::video(wanted, source_name).with(cover.as_ref()))
            }
        };
        // Another file for a video leaves its picture as it is.
        let cover = cover.filter(|_| matches!(plan, Plan::Video { .. }));
        Ok((self.reserve(&user, owner, Size::Known(bytes), &plan.json()).await?, cover))
    }

    /// Answers that an upload has begun.
    pub fn tell_begun(&self, target: Target, upload: &Allowed) -> Reply {
        let mut reply = Response::new(Full::default());
        *reply.status_mut() = StatusCode::CREATED;
        let location = HeaderValue::try_from(format!("{}?upload_id={}", target.path(), upload.id));
        if let Ok(location) = location {
            reply.headers_mut().insert(header::LOCATION, location);
        }
        dressed(reply)
    }

    /// Finds the upload that a request goes on with.
    ///
    /// # Errors
    /// There is none of whoever asks, or its range isn't one, or the quota shrank meanwhile.
    pub async fn find_upload(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Sent, Refusal> {
        let (upload, bytes) = self.own_upload(headers, query).await?;
        let part = content_range(headers, bytes)?;
        let is_settled = upload.video_id.is_some();
        if !is_settled {
            self.check_right(&upload).await?;
            self.check_quota(upload.account_id).await?;
            upload::touch(&self.database, now_ms(), &upload.id).await.map_err(ApiError::from)?;
        }
        Ok(Sent { upload: Allowed { id: upload.id, bytes }, part, is_settled })
    }

    /// Notes that bytes came, and answers how far an upload is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_progress(&self, upload: &Allowed, have: u64) -> Result<Reply, Refusal> {
        upload::touch(&self.database, now_ms(), &upload.id).await.map_err(ApiError::from)?;
        let mut reply = Response::new(Full::default());
        *reply.status_mut() = StatusCode::PERMANENT_REDIRECT;
        add_range(&mut reply, have);
        Ok(dressed(reply))
    }

    /// Makes a video and its job of an upload whose bytes are all on the disk, and answers which; again, if it is asked again.
    /// Of another file for a video, PeerTube answers nothing.
    ///
    /// # Errors
    /// When the quota shrank meanwhile, or the database fails.
    pub async fn complete_upload(&self, id: &str) -> Result<Reply, Refusal> {
        let (video, is_new) = self.complete(id).await?;
        if !is_new {
            return Ok(dressed(super::done()));
        }
        let uuid: VideoId = video.uuid.parse().map_err(|_| ApiError::NotFound("Video"))?;
        let video = json!({ "id": video.id, "uuid": video.uuid, "shortUUID": uuid.short() });
        Ok(dressed(answer(&json!({ "video": video }))))
    }

    /// Gives up an upload, and tells whose bytes may go, and of which video that never comes the picture.
    ///
    /// # Errors
    /// There is none of whoever asks.
    pub async fn cancel_upload(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<(String, Option<VideoId>), Refusal> {
        let (upload, _) = self.own_upload(headers, query).await?;
        if upload::cancel(&self.database, &upload.id).await.map_err(ApiError::from)? {
            let expected = cover::expected(&upload);
            Ok((upload.id, expected))
        } else {
            Err(Refusal(ApiError::NotFound("Upload")))
        }
    }

    /// Answers that there is nothing left of an upload.
    pub fn tell_cancelled(&self) -> Reply {
        dressed(super::done())
    }

    /// Forgets an upload whose sender isn't there to be told.
    pub async fn drop_upload(&self, id: &str) {
        if let Err(error) = upload::cancel(&self.database, id).await {
            tracing::warn!("an upload that nobody goes on with is removed later: {error}");
        }
    }

    /// Begins to read a form with a file.
    ///
    /// # Errors
    /// Whoever sends it may not, or it is no form.
    pub async fn open_form<'a, B>(
        &self,
        headers: &HeaderMap,
        body: &'a mut B,
    ) -> Result<Sending<'a>, Refusal>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (_, user) = self.authenticate(headers).await?;
        let most = number_in(headers, &header::CONTENT_LENGTH).unwrap_or(UPLOAD_BYTES);
        if most > UPLOAD_BYTES + crate::limits::FORM_BYTES {
            return Err(Refusal(ApiError::TooLarge));
        }
        let account_id = self.account_of(&user).await?;
        let form =
            Form::with(headers, body, &[form::FILE, PICTURES[0], PICTURES[1]], UPLOAD_BYTES)?;
        Ok(Sending { form, user, account_id, most, source_name: String::new(), picture: None })
    }

    /// Reads on to the file of a form, for which room is then kept.
    ///
    /// # Errors
    /// There is none, or it may not come.
    pub async fn next_file<'a>(
        &self,
        sending: &mut Sending<'a>,
    ) -> Result<(Allowed, File<'a>), Refusal> {
        let file = sending.next_video().await?.ok_or(ApiError::Missing(form::FILE))?;
        if !file.kind().is_none_or(may_be_a_video) {
            return Err(Refusal(ApiError::MediaType));
        }
        let name = file.name().and_then(|name| file_name(name).ok());
        sending.source_name = name.unwrap_or_else(|| "video".to_owned());
        let size = Size::AtMost(i64::try_from(sending.most).unwrap_or(i64::MAX));
        let allowed = self.reserve(&sending.user, sending.account_id, size, NO_PLAN).await?;
        Ok((allowed, file))
    }

    /// Reads the rest of a form whose file of so many bytes is on the disk, notes what it says, and tells which picture came
    /// with it.
    ///
    /// # Errors
    /// When it says nothing that a video could be.
    pub async fn close_form(
        &self,
        mut sending: Sending<'_>,
        id: &str,
        bytes: u64,
    ) -> Result<Option<Cover>, Refusal> {
        if sending.next_video().await?.is_some() {
            return Err(Refusal(ApiError::Body(BodyError::Form)));
        }
        let cover = sending.picture.take().map(Cover::new).transpose()?;
        let mut fields = sending.form.fields();
        let wanted = Wanted::read(&mut fields);
        let wanted = fields.finish(wanted)?;
        let owner = self.owner_of(wanted.channel_id, &sending.user).await?;
        let plan = Plan::video(wanted, sending.source_name).with(cover.as_ref());
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let described = upload::describe(&self.database, id, owner, bytes, &plan.json()).await;
        described.map_err(ApiError::from)?;
        self.check_quota(owner).await?;
        Ok(cover)
    }

    /// Uploads that no video was made of yet, to be finished if their bytes are all there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_uploads(&self) -> Result<Vec<Allowed>, Refusal> {
        let open = upload::open(&self.database).await.map_err(ApiError::from)?;
        let allowed = open.into_iter().filter(|upload| upload.video != NO_PLAN);
        Ok(allowed.map(|upload| Allowed { bytes: length(&upload), id: upload.id }).collect())
    }

    /// Forgets what nobody goes on with, and tells which uploads' files are needed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn needed_uploads(&self) -> Result<Vec<String>, Refusal> {
        upload::expire(&self.database, now_ms()).await.map_err(ApiError::from)?;
        Ok(upload::needed(&self.database).await.map_err(ApiError::from)?)
    }

    async fn reserve(
        &self,
        user: &User,
        account_id: i64,
        size: Size,
        video: &str,
    ) -> Result<Allowed, ApiError> {
        let quota = upload::quota(&self.database, account_id).await?;
        let quota = quota.ok_or(ApiError::NotFound("Account"))?;
        let id = random_id()?;
        let (user_id, video) = (user.id, video.to_owned());
        let new = NewUpload { id, user_id, account_id, size, video };
        let bytes = upload::begin(&self.database, now_ms(), &new, quota).await?;
        Ok(Allowed { id: new.id, bytes: u64::try_from(bytes).unwrap_or(0) })
    }

    /// The video of a whole upload, and whether it is a new one.
    async fn complete(&self, id: &str) -> Result<(Video, bool), ApiError> {
        let missing = || ApiError::NotFound("Upload");
        let upload = upload::by_id(&self.database, id).await?.ok_or_else(missing)?;
        let video_id = match upload.video_id {
            Some(video_id) => video_id,
            None => {
                let made = self.make_video(&upload).await?;
                match made {
                    Some(video_id) => video_id,
                    None => {
                        let upload = upload::by_id(&self.database, id).await?;
                        upload.and_then(|upload| upload.video_id).ok_or_else(missing)?
                    }
                }
            }
        };
        let video = video::by_id(&self.database, video_id).await?;
        let is_new = !matches!(serde_json::from_str(&upload.video), Ok(Plan::Replacement { .. }));
        video.map(|video| (video, is_new)).ok_or(ApiError::NotFound("Video"))
    }

    async fn make_video(&self, upload: &Upload) -> Result<Option<i64>, ApiError> {
        self.check_right(upload).await?;
        self.check_quota(upload.account_id).await?;
        let plan = serde_json::from_str(&upload.video);
        let (database, now) = (&self.database, now_ms());
        let made = match plan.map_err(|_| ApiError::NotFound("Upload"))? {
            Plan::Video { channel_id, source_name, about, cover } => {
                let (uuid, picture) = match cover.and_then(cover::Kept::read) {
                    Some((uuid, picture)) => (uuid, Some(picture)),
                    None => (cover::fresh_id()?, None),
                };
                // It may be somebody else's by now.
                let channel = channel::by_id(database, channel_id).await?;
                let channel = channel.ok_or(ApiError::NotFound("Video channel"))?;
                let new = NewVideo {
                    uuid,
                    channel_id,
                    account_id: channel.account_id,
                    state: State::ToTranscode,
                    source_name,
                    source_bytes: upload.bytes,
                    about: *about,
                };
                let made = video::create_from_upload(database, now, &upload.id, &new).await?;
                if let (Some(id), Some(picture)) = (made, &picture) {
                    thumbnail::set(database, now, id, Some(picture)).await?;
                }
                let said = new.about.description.as_deref().unwrap_or_default();
                if let Some(id) = made {
                    crate::table::about::set_chapters(database, id, &crate::chapters::find(said))
                        .await?;
                }
                made
            }
            Plan::Replacement { video_id, source_name } => {
                let source = (&*source_name, upload.bytes);
                let done = video::replace_source(database, now, &upload.id, video_id, source);
                done.await?.then_some(video_id)
            }
        };
        if made.is_some() {
            self.metrics.count_upload();
        }
        self.work_waits.notify_one();
        Ok(made)
    }

    /// A video of whoever asks, whose file may be replaced.
    async fn replaceable(&self, headers: &HeaderMap, uuid: VideoId) -> Result<Video, ApiError> {
        let video = self.own_video(headers, uuid).await?;
        let job = job::of_video(&self.database, video.id).await?;
        if job.is_some_and(|job| job.is_open()) {
            return Err(ApiError::Conflict("this video is still being made"));
        }
        Ok(video)
    }

    async fn own_upload(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<(Upload, u64), ApiError> {
        let (_, user) = self.authenticate(headers).await?;
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let id = pairs.find(|(key, _)| key == "upload_id").map(|(_, id)| id);
        let id = id.ok_or(ApiError::NotFound("Upload"))?;
        let upload = upload::by_id(&self.database, &id).await?;
        let upload = upload.filter(|upload| upload.user_id == user.id && upload.video != NO_PLAN);
        let upload = upload.ok_or(ApiError::NotFound("Upload"))?;
        let bytes = length(&upload);
        Ok((upload, bytes))
    }

    /// That whoever sends an upload may still publish where it is to go: it may take a day.
    async fn check_right(&self, upload: &Upload) -> Result<(), ApiError> {
        let user = user::by_id(&self.database, upload.user_id).await?;
        let user = user.filter(|user| !user.blocked).ok_or(ApiError::BadToken)?;
        let plan = serde_json::from_str(&upload.video).map_err(|_| ApiError::NotFound("Upload"))?;
        let channel_id = match plan {
            Plan::Video { channel_id, .. } => channel_id,
            Plan::Replacement { video_id, .. } => {
                let video = video::by_id(&self.database, video_id).await?;
                video.ok_or(ApiError::NotFound("Video"))?.channel_id
            }
        };
        if user.role.moderates() && matches!(plan, Plan::Replacement { .. }) {
            return Ok(());
        }
        self.owner_of(channel_id, &user).await.map(drop)
    }

    /// Whose quota an upload to a channel counts against, if this user may publish there.
    async fn owner_of(&self, channel_id: i64, user: &User) -> Result<i64, ApiError> {
        let unknown = ApiError::Invalid("Unknown video \"video channel\" for this instance.");
        let Some(channel) = channel::by_id(&self.database, channel_id).await? else {
            return Err(unknown);
        };
        let own = self.account_of(user).await?;
        let may = channel.account_id == own
            || upload::is_collaborator(&self.database, channel.id, own).await?;
        if may { Ok(channel.account_id) } else { Err(unknown) }
    }

    async fn account_of(&self, user: &User) -> Result<i64, ApiError> {
        let account = account::of_user(&self.database, user.id).await?;
        account.map(|account| account.id).ok_or(ApiError::NotFound("Account"))
    }

    async fn check_quota(&self, account_id: i64) -> Result<(), ApiError> {
        let quota = upload::quota(&self.database, account_id).await?;
        let used = upload::used(&self.database, now_ms(), account_id).await?;
        if quota.is_some_and(|quota| quota.holds(used)) { Ok(()) } else { Err(ApiError::Quota) }
    }
}

impl Refusal {
    /// Whether the machine is to blame, and not whoever asked.
    pub fn is_ours(&self) -> bool {
        self.0.status().is_server_error()
    }

    /// The answer to whoever asked.
    pub fn answer(&self) -> Reply {
        dressed(self.0.answer())
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Refusal {
        Refusal(error)
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Refusal {
        Refusal(match trouble {
            Trouble::Elsewhere(have) => ApiError::Elsewhere(have),
            Trouble::TooMany => ApiError::Invalid("more bytes came than were announced"),
            Trouble::BeyondQuota => ApiError::Quota,
            Trouble::BrokenOff => ApiError::Body(BodyError::Broken),
            Trouble::Superseded => ApiError::Conflict("another request goes on with this upload"),
            Trouble::NoSpace => ApiError::NoSpace,
            Trouble::Busy => ApiError::Busy("too many pictures are being made at once"),
            Trouble::ManyListen => ApiError::Busy("too many listen at once: ask now and then"),
            Trouble::Machine(error) => ApiError::Machine(error),
        })
    }
}

impl Plan {
    fn video(wanted: Wanted, source_name: String) -> Plan {
        let (channel_id, about) = (wanted.channel_id, Box::new(wanted.about));
        Plan::Video { channel_id, source_name, about, cover: None }
    }

    /// The same with a picture.
    fn with(mut self, picture: Option<&Cover>) -> Plan {
        if let Plan::Video { cover, .. } = &mut self {
            *cover = picture.map(Cover::kept);
        }
        self
    }

    fn json(&self) -> String {
        serde_json::to_string(self).expect("a plan is plain data")
    }
}

impl<'a> Sending<'a> {
    /// Reads on to the video, or to the end of the form. What stands before it is in memory, and so not waited for without end.
    async fn next_video(&mut self) -> Result<Option<File<'a>>, ApiError> {
        let looking = async {
            while let Some(file) = self.form.next_file().await? {
                if file.field() == form::FILE {
                    return Ok(Some(file));
                }
                self.look_at(file).await?;
            }
            Ok(None)
        };
        let found = tokio::time::timeout(CAPTION_PATIENCE, looking).await;
        found.map_err(|_| ApiError::Body(BodyError::TooSlow))?
    }

    /// Keeps the first picture that has something in it.
    async fn look_at(&mut self, file: File<'_>) -> Result<(), ApiError> {
        let bytes = read_whole(file, THUMBNAIL_BYTES).await?;
        if self.picture.is_none() && !bytes.is_empty() {
            self.picture = Some(bytes);
        }
        Ok(())
    }
}

/// Reads what a request says of a file that comes afterwards, and the picture that may come with it.
async fn read_announcement<B>(
    request: &mut Request<B>,
) -> Result<(Fields, Option<Vec<u8>>), ApiError>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if !is_form(request.headers()) {
        return Ok((Fields::read(request).await?, None));
    }
    let reading = read_form(request, &PICTURES, THUMBNAIL_BYTES);
    let read = tokio::time::timeout(CAPTION_PATIENCE, reading).await;
    read.map_err(|_| ApiError::Body(BodyError::TooSlow))?
}

/// Says with `Range` how much of an upload is there; of nothing, nothing.
pub(crate) fn add_range(reply: &mut Reply, have: u64) {
    let range = have.checked_sub(1).map(|last| HeaderValue::try_from(format!("bytes=0-{last}")));
    if let Some(Ok(range)) = range {
        reply.headers_mut().insert(header::RANGE, range);
    }
}

pub(super) async fn read_fields<B>(request: &mut Request<B>) -> Result<Fields, ApiError>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("multipart/form-data") {
        return Ok(Fields::read(request).await?);
    }
    let headers = request.headers().clone();
    let mut form = Form::new(&headers, request.body_mut(), 0)?;
    match form.next_file().await? {
        None => Ok(form.fields()),
        // The file comes afterwards, in parts.
        Some(_) => Err(BodyError::Form.into()),
    }
}

/// What somebody means to send, by the headers.
fn announced(headers: &HeaderMap) -> Result<i64, ApiError> {
    let kind = headers.get(UPLOAD_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_none_or(may_be_a_video) {
        return Err(ApiError::MediaType);
    }
    let bytes = number_in(headers, &UPLOAD_LENGTH).filter(|&bytes| bytes > 0);
    let bytes = bytes.ok_or(ApiError::Missing("X-Upload-Content-Length"))?;
    if bytes > UPLOAD_BYTES {
        return Err(ApiError::TooLarge);
    }
    Ok(i64::try_from(bytes).unwrap_or(i64::MAX))
}

fn number_in(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Whether a media type is worth looking at: what a file really is, ffprobe tells, under its own limits.
fn may_be_a_video(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_playlist = kind.contains("mpegurl") || kind.contains("scpls") || kind.contains("xspf");
    let is_media = kind.starts_with("video/") || kind.starts_with("audio/");
    !is_playlist && (is_media || OTHER_TYPES.contains(&&*kind))
}

/// Which bytes of a file of this length a request brings; `None` asks how far it is.
fn content_range(
    headers: &HeaderMap,
    bytes: u64,
) -> Result<Option<std::ops::Range<u64>>, ApiError> {
    let bad =
        || ApiError::Invalid("Content-Range must be bytes FIRST-LAST/LENGTH or bytes */LENGTH");
    let range = match headers.get(header::CONTENT_RANGE) {
        Some(range) => range.to_str().map_err(|_| bad())?,
        // As uploadx does: a request without it brings all.
        None => return Ok(Some(0..bytes)),
    };
    let (range, length) =
        range.strip_prefix("bytes ").and_then(|range| range.split_once('/')).ok_or_else(bad)?;
    let number = |text: &str| -> Result<u64, ApiError> {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| text.parse().ok()).flatten().ok_or_else(bad)
    };
    if number(length)? != bytes {
        return Err(ApiError::Invalid("Content-Range tells another length than the upload has"));
    }
    if range == "*" {
        return Ok(None);
    }
    let (first, last) = range.split_once('-').ok_or_else(bad)?;
    let (first, last) = (number(first)?, number(last)?);
    if first > last || last >= bytes {
        return Err(bad());
    }
    Ok(Some(first..last + 1))
}

fn random_id() -> Result<String, ApiError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

fn length(upload: &Upload) -> u64 {
    u64::try_from(upload.bytes).unwrap_or(0)
}

pub(super) fn dressed(mut reply: Reply) -> Reply {
    for (name, value) in ALWAYS {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let exposed = HeaderValue::from_static("Location, Range, Retry-After");
    reply.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    reply
}

/// Stands for what the video will be while the form that says so is still being read.
const NO_PLAN: &str = "";

const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("x-upload-content-length");
const UPLOAD_TYPE: HeaderName = HeaderName::from_static("x-upload-content-type");

/// What browsers and systems call videos that they don't know.
const OTHER_TYPES: [&str; 5] = [
    "application/octet-stream",
    "binary/octet-stream",
    "application/ogg",
    "application/mxf",
    "application/mp4",
];
