//! `videos/imports`: videos that are fetched from an address, and what whoever fetches them asks and tells.
//!
//! ```text
//! POST   videos/imports               targetUrl, and what a video is   → the import
//! GET    users/me/videos/imports                                       → all of whoever asks
//! POST   videos/imports/<id>/cancel, …/retry                           → 204
//! DELETE videos/imports/<id>                                           → 204
//! ```
//! The file comes through the door to other hosts into an upload, so that quota and disk are kept as for any other; a whole
//! one becomes a video and a job.

use serde_json::{Value, json};

use super::{Allowed, NO_PLAN, Plan, Refusal, Wanted, length, random_id};
use crate::api::{done, json as answer};
use crate::body::Fields;
use crate::error::{ApiError, BadField};
use crate::field::{FieldError, line};
use crate::limits::{ATTEMPTS, UPLOAD_BYTES};
use crate::outbound::{Door, OutboundError};
use crate::publishing::back_off_ms;
use crate::table::import::{self, Import, ImportState, NewImport, Next, Run};
use crate::table::upload::{self, NewUpload, Size};
use crate::table::{card, user};
use crate::visitor::Visitor;
use crate::when::iso;
use crate::{Reply, Sidecar, now_ms};

/// An import that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetching {
    /// Its number, for the log.
    pub id: i64,
    /// From where.
    pub url: String,
    /// Where it was being fetched to before, and by what the other host knows the file again.
    pub begun: Option<(Allowed, Option<String>)>,
    /// All of it was there before, and a video was made of it.
    pub is_settled: bool,
    due_at: i64,
    attempts: i64,
    user_id: i64,
    account_id: i64,
}

/// Somebody's import, as their page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportLine {
    /// To act by.
    pub id: i64,
    /// From where.
    pub url: String,
    /// What the video is, or will be, called.
    pub name: String,
    /// `waiting`, `fetching`, `done`, `failed` or `cancelled`.
    pub state: &'static str,
    /// Why it failed last.
    pub reason: Option<String>,
    /// Where it is fetched to, and how many bytes it will have at most.
    pub upload: Option<Allowed>,
    /// The short id of what it became.
    pub video: Option<String>,
}

/// What whoever asked may do with an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Change {
    Cancel,
    Retry,
    Delete,
}

impl Fetching {
    fn run(&self) -> Run {
        Run { id: self.id, due_at: self.due_at }
    }
}

impl Sidecar {
    /// Notes a video to be fetched, and answers with the import.
    pub(in crate::api) async fn begin_import(
        &self,
        user_id: i64,
        mut fields: Fields,
    ) -> Result<Reply, ApiError> {
        let door = self.import_door().ok_or(ApiError::Conflict(OFF))?;
        let user = user::by_id(&self.database, user_id).await?.ok_or(ApiError::BadToken)?;
        let url = fields.required("targetUrl", |text| line(text, 1, 2_000).map(str::to_owned));
        let url = url.ok_or_else(|| bad_url(FieldError::Kind("an address")))?;
        let url = door.address(url.trim()).map_err(|error| match error {
            OutboundError::Private(_) => ApiError::Forbidden(PRIVATE),
            _ => bad_url(FieldError::Kind("an address that begins with https://")),
        })?;
        let source_name = file_name(&url);
        fields.fill("name", &title(&source_name));
        let wanted = Wanted::read(&mut fields);
        let wanted = fields.finish(wanted)?;
        let account_id = self.owner_of(wanted.channel_id, &user).await?;
        self.check_quota(account_id).await?;
        let video = Plan::video(wanted, source_name).json();
        let new = NewImport { user_id, account_id, url: url.into(), video };
        let id = import::begin(&self.database, now_ms(), &new).await?;
        let id = id.ok_or(ApiError::Busy("too many imports of yours are under way"))?;
        let import = import::by_id(&self.database, id).await?.ok_or(ApiError::NotFound(IMPORT))?;
        let reply = answer(&self.import_json(&import).await?);
        self.import_waits.notify_one();
        Ok(reply)
    }

    /// Somebody's imports, the newest first.
    pub(in crate::api) async fn tell_imports(
        &self,
        visitor: &Visitor,
        start: u32,
        count: u32,
    ) -> Result<Reply, ApiError> {
        let (start, count) = (start.into(), count.into());
        let (total, imports) =
            import::of_user(&self.database, visitor.user_id, start, count).await?;
        let mut data = Vec::new();
        for import in &imports {
            data.push(self.import_json(import).await?);
        }
        Ok(answer(&json!({ "total": total, "data": data })))
    }

    /// Stops an import, tries it again, or forgets it.
    pub(in crate::api) async fn change_import(
        &self,
        visitor: &Visitor,
        id: i64,
        change: Change,
    ) -> Result<Reply, ApiError> {
        use ImportState::{Cancelled, Failed, Fetching, Waiting};
        let found = import::by_id(&self.database, id).await?;
        let own = found.filter(|import| import.user_id == visitor.user_id);
        let import = own.ok_or(ApiError::NotFound(IMPORT))?;
        let (database, now) = (&self.database, now_ms());
        let is_done = match change {
            Change::Cancel => import::turn(database, now, id, [Waiting, Fetching], Cancelled).await,
            Change::Retry => import::turn(database, now, id, [Failed, Cancelled], Waiting).await,
            Change::Delete => import::delete(database, id).await,
        }?;
        if !is_done {
            return Err(ApiError::Conflict("this cannot be done with this import now"));
        }
        match (change, import.upload_id) {
            (Change::Retry, _) => self.import_waits.notify_one(),
            // Its file is swept away.
            (_, Some(upload)) => drop(upload::cancel(database, &upload).await?),
            (_, None) => {}
        }
        Ok(done())
    }

    /// The newest imports of somebody, for their page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn my_imports(
        &self,
        visitor: &Visitor,
        count: u32,
    ) -> Result<Vec<ImportLine>, ApiError> {
        let (_, imports) =
            import::of_user(&self.database, visitor.user_id, 0, count.into()).await?;
        let mut lines = Vec::new();
        for import in imports {
            let upload = match &import.upload_id {
                Some(id) => upload::by_id(&self.database, id).await?,
                None => None,
            };
            let card = self.import_card(&import).await?;
            let uuid = card.as_ref().and_then(|card| card.uuid.parse().ok());
            lines.push(ImportLine {
                id: import.id,
                name: name_of(&import),
                state: word(&import),
                reason: import.reason,
                upload: upload.map(|found| Allowed { bytes: length(&found), id: found.id }),
                video: uuid.map(|uuid: wire::id::VideoId| uuid.short()),
                url: import.url,
            });
        }
        Ok(lines)
    }

    /// Takes the import that waits longest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_import(&self) -> Result<Option<Fetching>, Refusal> {
        let claimed = import::claim(&self.database, now_ms()).await.map_err(ApiError::from)?;
        let Some(import) = claimed else { return Ok(None) };
        let begun = match &import.upload_id {
            Some(id) => upload::by_id(&self.database, id).await.map_err(ApiError::from)?,
            None => None,
        };
        let is_settled = begun.as_ref().is_some_and(|upload| upload.video_id.is_some());
        Ok(Some(Fetching {
            id: import.id,
            url: import.url,
            begun: begun
                .map(|found| (Allowed { bytes: length(&found), id: found.id }, import.validator)),
            is_settled,
            due_at: import.due_at,
            attempts: import.attempts,
            user_id: import.user_id,
            account_id: import.account_id,
        }))
    }

    /// Returns when an import may be due.
    pub async fn wait_for_imports(&self) {
        // A while that is over says just as well that it is time to look.
        let _ = tokio::time::timeout(crate::work::LOOK, self.import_waits.notified()).await;
    }

    /// Keeps room for a file of this length, or of as many bytes as the quota has left. What was kept before is given up.
    ///
    /// # Errors
    /// There is no room in the quota, or it is cancelled, or the database fails.
    pub async fn reserve_import(
        &self,
        fetching: &Fetching,
        bytes: Option<u64>,
        validator: Option<&str>,
    ) -> Result<Allowed, Refusal> {
        let database = &self.database;
        if let Some((before, _)) = &fetching.begun {
            upload::cancel(database, &before.id).await.map_err(ApiError::from)?;
        }
        let quota = upload::quota(database, fetching.account_id).await.map_err(ApiError::from)?;
        let quota = quota.ok_or(ApiError::NotFound("Account"))?;
        let whole = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let size = match bytes {
            Some(bytes) => Size::Known(whole(bytes)),
            None => Size::AtMost(whole(UPLOAD_BYTES)),
        };
        let (user_id, account_id) = (fetching.user_id, fetching.account_id);
        // What the video will be is said when the file is whole: no other request goes on with it.
        let video = NO_PLAN.to_owned();
        let new = NewUpload { id: random_id()?, user_id, account_id, size, video };
        // The rest of a file can only be asked for where it is known how much that is.
        let validator = validator.filter(|_| bytes.is_some());
        let bytes = upload::begin(database, now_ms(), &new, quota).await.map_err(ApiError::from)?;
        let noted =
            import::note_upload(database, now_ms(), fetching.run(), Some(&new.id), validator).await;
        if !noted.map_err(ApiError::from)? {
            upload::cancel(database, &new.id).await.map_err(ApiError::from)?;
            return Err(ApiError::NotFound(IMPORT).into());
        }
        Ok(Allowed { id: new.id, bytes: u64::try_from(bytes).unwrap_or(0) })
    }

    /// Notes that bytes come; false if the import is to be given up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn import_goes_on(
        &self,
        fetching: &Fetching,
        upload: &Allowed,
    ) -> Result<bool, Refusal> {
        let found = import::by_id(&self.database, fetching.id).await.map_err(ApiError::from)?;
        let is_on = found.is_some_and(|import| fetching.run().is_on(&import));
        if is_on {
            upload::touch(&self.database, now_ms(), &upload.id).await.map_err(ApiError::from)?;
            self.check_quota(fetching.account_id).await?;
        }
        Ok(is_on)
    }

    /// Makes a video and its job of an import whose bytes are all on the disk; again, if it was killed in between.
    ///
    /// # Errors
    /// Whoever asked may not publish there any more, or has no room, or the database fails.
    pub async fn finish_import(
        &self,
        fetching: &Fetching,
        upload: &Allowed,
        bytes: u64,
    ) -> Result<(), Refusal> {
        let found = import::by_id(&self.database, fetching.id).await.map_err(ApiError::from)?;
        let import = found.ok_or(ApiError::NotFound(IMPORT))?;
        if !fetching.run().is_on(&import) {
            return Err(ApiError::NotFound(IMPORT).into());
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let owner = import.account_id;
        let described =
            upload::describe(&self.database, &upload.id, owner, bytes, &import.video).await;
        described.map_err(ApiError::from)?;
        let (video, _) = self.complete(&upload.id).await?;
        let next = Next {
            state: ImportState::Done,
            video_id: Some(video.id),
            reason: None,
            due_at: import.due_at,
        };
        let settled = import::settle(&self.database, now_ms(), fetching.run(), &next).await;
        settled.map_err(ApiError::from)?;
        Ok(())
    }

    /// Notes why an import failed: for good, or to be tried again after a while.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fail_import(
        &self,
        fetching: &Fetching,
        reason: String,
        is_final: bool,
    ) -> Result<(), Refusal> {
        let is_final = is_final || fetching.attempts >= ATTEMPTS;
        let now = now_ms();
        let (state, due_at) = if is_final {
            (ImportState::Failed, now)
        } else {
            (ImportState::Waiting, now + back_off_ms(fetching.attempts))
        };
        // It may have words of the other host's.
        let reason = reason.chars().take(REASON).collect();
        let next = Next { state, video_id: None, reason: Some(reason), due_at };
        let settled = import::settle(&self.database, now, fetching.run(), &next).await;
        if settled.map_err(ApiError::from)?
            && is_final
            && let Some(import) =
                import::by_id(&self.database, fetching.id).await.map_err(ApiError::from)?
            && let Some(upload) = import.upload_id
        {
            upload::cancel(&self.database, &upload).await.map_err(ApiError::from)?;
        }
        Ok(())
    }

    /// Has those wait again that were being fetched when the last process ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_back_imports(&self) -> Result<(), Refusal> {
        Ok(import::take_back(&self.database).await.map_err(ApiError::from)?)
    }

    /// The door that imports come through, unless the host has turned them off.
    pub fn import_door(&self) -> Option<&Door> {
        self.door.as_ref().filter(|_| self.imports)
    }

    async fn import_json(&self, import: &Import) -> Result<Value, ApiError> {
        let state = ImportState::parse(import.state);
        let mut form = json!({
            "id": import.id,
            "targetUrl": import.url,
            "magnetUri": null,
            "torrentName": null,
            "state": { "id": import.state, "label": state.map(ImportState::label) },
            "error": import.reason,
            "createdAt": iso(import.created_at),
            "updatedAt": iso(import.updated_at),
        });
        // There is none before the file is whole.
        if let Some(card) = self.import_card(import).await? {
            form["video"] = self.own_card_json(&card);
        }
        Ok(form)
    }

    async fn import_card(&self, import: &Import) -> Result<Option<card::Card>, ApiError> {
        Ok(match import.video_id {
            Some(id) => card::by_id(&self.database, id, import.user_id).await?,
            None => None,
        })
    }
}

/// Whether an answer of another host may be a video.
pub fn is_importable(kind: &str) -> bool {
    super::may_be_a_video(kind)
}

fn word(import: &Import) -> &'static str {
    match ImportState::parse(import.state) {
        Some(ImportState::Waiting) => "waiting",
        Some(ImportState::Fetching) => "fetching",
        Some(ImportState::Done) => "done",
        Some(ImportState::Cancelled) => "cancelled",
        Some(ImportState::Failed) | None => "failed",
    }
}

fn name_of(import: &Import) -> String {
    match serde_json::from_str(&import.video) {
        Ok(Plan::Video { about, .. }) => about.name,
        _ => String::new(),
    }
}

fn bad_url(reason: FieldError) -> ApiError {
    ApiError::Fields(vec![BadField { name: "targetUrl", reason }])
}

/// What a file is called by its address: it is shown, and never a path.
fn file_name(url: &url::Url) -> String {
    let last = url.path_segments().and_then(|mut segments| segments.next_back());
    let text = last.unwrap_or_default().replace('+', "%2B").replace(['&', '='], "_");
    let decoded = form_urlencoded::parse(text.as_bytes()).next();
    let decoded = decoded.map(|(text, _)| text.into_owned()).unwrap_or_default();
    let plain: String = decoded.chars().filter(|char| !char.is_control()).take(255).collect();
    if plain.trim().is_empty() { "video".to_owned() } else { plain }
}

/// What a video is called whose owner doesn't say.
fn title(file_name: &str) -> String {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let title: String = stem.trim().chars().take(120).collect();
    if title.chars().count() < 3 { format!("Video {title}").trim().to_owned() } else { title }
}

const IMPORT: &str = "Video import";

/// Letters of a reason: two sentences.
const REASON: usize = 300;

/// In PeerTube's words.
const OFF: &str = "HTTP import is not enabled on this instance.";
const PRIVATE: &str = "Cannot use non unicast IP as targetUrl.";
