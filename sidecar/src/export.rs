//! What somebody takes along: a file of theirs that whoever stores files makes in the background, and how it is fetched.
//!
//! The sidecar says what is in it as documents of JSON; media and captions are added by whoever has them.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use wire::id::VideoId;

use crate::error::ApiError;
use crate::limits::{DOWNLOAD_LIFE, EXPORT_LIFE};
use crate::table::export::{self, Export, Outcome};
use crate::table::{account, user};
use crate::when::iso;
use crate::{Sidecar, Visitor, body::Fields, now_ms, token};

/// An export that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    /// What its file is called.
    pub file: String,
    /// The video files belong into it.
    pub with_video_files: bool,
}

/// What is in an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archive {
    /// Names and contents of files that we make.
    pub documents: Vec<(String, Vec<u8>)>,
    /// Whose media belongs into it.
    pub videos: Vec<Taken>,
}

/// A video of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Which one.
    pub uuid: VideoId,
    /// Languages and names of files.
    pub captions: Vec<(String, String)>,
}

/// An export as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportLine {
    /// To delete it by.
    pub id: i64,
    /// How far it is.
    pub stage: Stage,
    /// How large.
    pub bytes: u64,
    /// Where it is fetched.
    pub path: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Until when.
    pub expires_at: i64,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nobody makes it yet.
    Waiting,
    /// Somebody does.
    Running,
    /// It can be fetched.
    Done,
    /// It couldn't be made.
    Failed,
}

/// The database doesn't answer.
#[derive(Debug, thiserror::Error)]
#[error("the database: {0}")]
pub struct ExportError(#[from] pub(crate) sqlx::Error);

impl Sidecar {
    /// Takes the export that waits longest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_export(&self) -> Result<Option<Claim>, ExportError> {
        let found = export::claim(&self.database).await?;
        Ok(found.map(|export| Claim {
            id: export.id,
            user_id: export.user_id,
            file: export.file,
            with_video_files: export.with_video_files,
        }))
    }

    /// Bytes of video files that one export may have.
    pub fn most_exported(&self) -> u64 {
        self.settings.export_bytes.unsigned_abs()
    }

    /// Says that the file is there, with so many bytes; or, with `None`, that it couldn't be made. False if nobody
    /// wants it any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_export(
        &self,
        claim: &Claim,
        bytes: Option<u64>,
    ) -> Result<bool, ExportError> {
        let outcome = if bytes.is_some() { Outcome::Done } else { Outcome::Failed };
        let bytes = bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(0);
        let expires_at = now_ms() + EXPORT_LIFE.as_millis() as i64;
        Ok(export::settle(&self.database, claim.id, outcome, bytes, expires_at).await?)
    }

    /// Ends when an export was asked for or is no longer wanted.
    pub async fn exports_changed(&self) {
        self.export_waits.notified().await;
    }

    /// Has those made anew that a killed process was making, and those whose file isn't there any more, which
    /// `is_there` tells: they aren't in backups.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_back_exports(
        &self,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<(), ExportError> {
        for file in export::files(&self.database, now_ms()).await? {
            if !is_there(&file) {
                export::redo(&self.database, &file).await?;
            }
        }
        Ok(export::take_back(&self.database).await?)
    }

    /// The names of all files that somebody may still want, or that are being made.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wanted_exports(&self) -> Result<Vec<String>, ExportError> {
        Ok(export::files(&self.database, now_ms()).await?)
    }

    /// Notes that a visitor wants an export; `withVideoFiles` says whether with the files.
    ///
    /// # Errors
    /// When they have one or had several lately, their videos are too large for it, or the database fails.
    pub async fn request_export(
        &self,
        visitor: &Visitor,
        mut fields: Fields,
    ) -> Result<i64, ApiError> {
        let with_files = fields.value("withVideoFiles", crate::api::truth).unwrap_or(false);
        fields.check()?;
        if with_files {
            let used = crate::table::video::source_bytes(&self.database, visitor.account_id, 0);
            if used.await? > self.settings.export_bytes {
                return Err(ApiError::Forbidden(TOO_LARGE));
            }
        }
        let (now, file) = (now_ms(), token::generate()?);
        let expires_at = now + EXPORT_LIFE.as_millis() as i64;
        let (database, user_id) = (&self.database, visitor.user_id);
        self.attempts(|attempts, now| attempts.exports_of.take(now, &user_id))
            .map_err(ApiError::TooMany)?;
        let made = export::request(database, now, user_id, &file, with_files, expires_at).await?;
        let Some(id) = made else {
            self.attempts(|attempts, _| attempts.exports_of.give_back(&user_id));
            return Err(ApiError::Invalid(ONE_AT_A_TIME));
        };
        self.export_waits.notify_one();
        Ok(id)
    }

    /// A visitor's export, if they have one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn my_export(&self, visitor: &Visitor) -> Result<Option<ExportLine>, ApiError> {
        let found = export::of_user(&self.database, visitor.user_id).await?;
        Ok(found.filter(|export| export.expires_at > now_ms()).map(|export| line(&export)))
    }

    /// Forgets a visitor's own export; its file goes soon.
    ///
    /// # Errors
    /// When it isn't theirs, or the database fails.
    pub async fn delete_export(&self, visitor: &Visitor, id: i64) -> Result<(), ApiError> {
        if !export::remove(&self.database, visitor.user_id, id).await? {
            return Err(ApiError::NotFound("User export"));
        }
        self.export_waits.notify_one();
        Ok(())
    }

    /// The file of an export, for its owner, or whoever has an address that was made for them just now.
    ///
    /// # Errors
    /// When it isn't there, or not for who asks.
    pub async fn exported_file(
        &self,
        file: &str,
        shown: Option<&str>,
        visitor: Option<&Visitor>,
    ) -> Result<String, ApiError> {
        let now = now_ms();
        let found = export::by_file(&self.database, now, file).await?;
        let found = found.ok_or(ApiError::NotFound("User export"))?;
        let is_owner = visitor.is_some_and(|visitor| visitor.user_id == found.user_id);
        if is_owner || shown.is_some_and(|shown| self.opens(file, shown, now)) {
            Ok(found.file)
        } else {
            Err(ApiError::NotFound("User export"))
        }
    }

    /// PeerTube's form of an export, with an address that is good for a quarter of an hour.
    pub(crate) fn export_json(&self, export: &Export) -> Value {
        let line = line(export);
        let label = match line.stage {
            Stage::Waiting => "Pending",
            Stage::Running => "Processing",
            Stage::Done => "Completed",
            Stage::Failed => "Failed",
        };
        let ends_at = now_ms() + DOWNLOAD_LIFE.as_millis() as i64;
        let shown = format!("{ends_at}-{}", self.mac_of(&export.file, ends_at));
        let url = format!("{}{}?jwt={shown}", self.public_url, line.path);
        json!({
            "id": export.id,
            "state": { "id": export.state, "label": label },
            "size": export.bytes,
            "privateDownloadUrl": (line.stage == Stage::Done).then_some(url),
            "createdAt": iso(export.created_at),
            "expiresOn": iso(export.expires_at),
        })
    }

    fn opens(&self, file: &str, shown: &str, now: i64) -> bool {
        let Some((ends_at, mac)) = shown.split_once('-') else { return false };
        let ends_at = ends_at.parse::<i64>().ok().filter(|ends_at| now < *ends_at);
        // Compared as hashes, whose time tells nothing of what they are of.
        ends_at.is_some_and(|at| token::hash(mac) == token::hash(&self.mac_of(file, at)))
    }

    fn mac_of(&self, file: &str, ends_at: i64) -> String {
        let key = self.key.derive(PURPOSE);
        let mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of HMAC may have any length");
        let mac = mac.chain_update(ends_at.to_be_bytes()).chain_update(file);
        token::text(&mac.finalize().into_bytes())
    }

    /// Who an export is for: their name and numbers.
    pub(crate) async fn whose_export(
        &self,
        claim: &Claim,
    ) -> Result<(user::User, account::Account), ApiError> {
        let user = user::by_id(&self.database, claim.user_id).await?;
        let account = account::of_user(&self.database, claim.user_id).await?;
        user.zip(account).ok_or(ApiError::NotFound("User"))
    }
}

fn line(export: &Export) -> ExportLine {
    ExportLine {
        id: export.id,
        stage: match export.state {
            1 => Stage::Waiting,
            2 => Stage::Running,
            3 => Stage::Done,
            _ => Stage::Failed,
        },
        bytes: export.bytes.unsigned_abs(),
        path: format!("{DOWNLOADS}{}", export.file),
        created_at: export.created_at,
        expires_at: export.expires_at,
    }
}

/// Under which paths exports are fetched, as with PeerTube.
pub const DOWNLOADS: &str = "/download/user-exports/";

const PURPOSE: &[u8] = b"shoal export";
const ONE_AT_A_TIME: &str = "User has already processing or completed exports";
const TOO_LARGE: &str = "User video quota exceeds the maximum limit set by the admin to create a user archive containing videos";
