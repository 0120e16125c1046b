//! Mail that the house sends: what is to be said to whom. Whoever sends it asks here for the next letter, and tells what
//! became of it.
//!
//! A request only notes a letter, and the same one whether or not anybody has the address. Who it is for, and the secret
//! in its link, are found when it goes.

use crate::limits::{LETTER_ATTEMPTS, LETTER_BACK_OFF, LETTER_LEASE, RESET_LIFE, VERIFY_LIFE};
use crate::table::letter::{self, Kind, NewLetter};
use crate::table::ticket::{self, Purpose, Ticket};
use crate::table::{registration, user};
use crate::{Sidecar, now_ms, token};

/// A letter that may go now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    no: i64,
    pub(crate) attempts: i64,
    /// Whom to send it to.
    pub address: String,
    /// Which languages they read, as `Accept-Language` has it.
    pub language: String,
    /// What it says.
    pub matter: Matter,
    /// The name of whoever it is for.
    pub username: String,
}

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    /// Follow this link, so that we know that the address is yours.
    Verify(String),
    /// Set another password here.
    Reset(String),
    /// You may come in; and what the moderator says.
    Accepted(String),
    /// You may not; and what the moderator says.
    Refused(String),
}

/// Why a letter wasn't sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It can be tried again.
    ForNow,
    /// It would never go.
    ForGood,
}

/// What becomes of a letter that wasn't sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is tried again.
    Later,
    /// Nobody tries any more.
    GivenUp,
}

/// The database or the machine fails whoever sends letters.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// No answer.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// No random numbers.
    #[error("the system gives no random numbers: {0}")]
    Chance(#[from] getrandom::Error),
}

/// Whom a letter turns out to be for.
struct Found {
    username: String,
    ticket: Option<(Purpose, Ticket)>,
    /// What a moderator said.
    said: String,
}

impl Sidecar {
    /// Says that somebody sends the letters: without, all that needs mail is refused.
    pub fn send_letters(&mut self) {
        self.sends_letters = true;
    }

    /// Whether the house sends mail.
    pub fn has_mail(&self) -> bool {
        self.sends_letters
    }

    /// Whether somebody new must show that their address is theirs.
    pub fn verifies(&self) -> bool {
        self.sends_letters && self.settings.requires_email_verification
    }

    /// Has all letters be tried now, also those that a killed process was sending: whoever mended the configuration
    /// starts the server anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_back_letters(&self) -> Result<(), MailError> {
        Ok(letter::take_back(&self.database, now_ms()).await?)
    }

    /// Takes the letter that waits longest, with a link that is good from now on; nobody else gets it for two minutes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_letter(&self) -> Result<Option<Letter>, MailError> {
        while let Some(taken) =
            letter::take(&self.database, now_ms(), LETTER_LEASE.as_millis() as i64).await?
        {
            match self.write(&taken).await? {
                Some(letter) => return Ok(Some(letter)),
                // Nobody has that address, or what it was about is settled.
                None => letter::remove(&self.database, taken.id).await?,
            }
        }
        Ok(None)
    }

    /// Ends when a letter has just been posted.
    pub async fn letter_posted(&self) {
        self.letter_waits.notified().await;
    }

    /// Forgets a letter that has gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_sent(&self, letter: &Letter) -> Result<(), MailError> {
        Ok(letter::remove(&self.database, letter.no).await?)
    }

    /// Has a letter tried again, unless that is useless or was done often enough.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_unsent(&self, letter: &Letter, trouble: Trouble) -> Result<Fate, MailError> {
        if trouble == Trouble::ForGood || letter.attempts >= LETTER_ATTEMPTS {
            letter::remove(&self.database, letter.no).await?;
            return Ok(Fate::GivenUp);
        }
        let waits = LETTER_BACK_OFF.as_millis() as i64 * 4_i64.pow(letter.attempts as u32 - 1);
        letter::put_off(&self.database, letter.no, now_ms() + waits).await?;
        Ok(Fate::Later)
    }

    /// Notes a letter; if too many wait, it is dropped with a word in the log.
    pub(crate) async fn post(&self, new: NewLetter<'_>) -> sqlx::Result<()> {
        if letter::post(&self.database, now_ms(), new).await? {
            self.letter_waits.notify_one();
        } else {
            tracing::warn!(
                "so many letters wait that one was dropped: does the mail server answer?"
            );
        }
        Ok(())
    }

    /// The letter with its link, of which only the hash stays here.
    async fn write(&self, taken: &letter::Letter) -> Result<Option<Letter>, MailError> {
        let Some(kind) = Kind::named(&taken.kind) else { return Ok(None) };
        let Some(found) = self.whom(kind, taken).await? else { return Ok(None) };
        let matter = match found.ticket {
            Some((purpose, ticket)) => {
                let link = self.link(purpose, &ticket).await?;
                if purpose == Purpose::Reset { Matter::Reset(link) } else { Matter::Verify(link) }
            }
            None if kind == Kind::Accepted => Matter::Accepted(found.said),
            None => Matter::Refused(found.said),
        };
        Ok(Some(Letter {
            no: taken.id,
            attempts: taken.attempts,
            address: taken.address.clone(),
            language: taken.language.clone(),
            matter,
            username: found.username,
        }))
    }

    /// Makes a ticket out, and the page of ours that takes it.
    async fn link(&self, purpose: Purpose, ticket: &Ticket) -> Result<String, MailError> {
        let secret = token::generate()?;
        let (page, life) = match purpose {
            Purpose::Reset => ("reset-password", RESET_LIFE),
            _ => ("verify-email", VERIFY_LIFE),
        };
        let (now, hash) = (now_ms(), token::hash(&secret));
        let expires_at = now + life.as_millis() as i64;
        ticket::issue(&self.database, now, &hash, purpose, ticket, expires_at).await?;
        let whose = match (ticket.user_id, ticket.registration_id) {
            (Some(id), _) => format!("userId={id}"),
            (None, id) => format!("registrationId={}", id.unwrap_or_default()),
        };
        let pending = if purpose == Purpose::Change { "&isPendingEmail=true" } else { "" };
        Ok(format!("{}/{page}?{whose}&verificationString={secret}{pending}", self.public_url))
    }

    async fn whom(&self, kind: Kind, taken: &letter::Letter) -> sqlx::Result<Option<Found>> {
        match kind {
            Kind::Verify | Kind::Change | Kind::Reset => self.user_of(kind, taken).await,
            Kind::Applicant | Kind::Accepted | Kind::Refused => {
                self.applicant_of(kind, taken).await
            }
        }
    }

    async fn user_of(&self, kind: Kind, taken: &letter::Letter) -> sqlx::Result<Option<Found>> {
        let found = match taken.user_id {
            Some(id) => user::by_id(&self.database, id).await?,
            None => user::by_login(&self.database, &taken.address).await?,
        };
        let address = Some(&*taken.address);
        let (purpose, is_due) = match (kind, &found) {
            (_, None) => return Ok(None),
            (Kind::Change, Some(user)) => {
                (Purpose::Change, user.pending_email.as_deref() == address)
            }
            (Kind::Reset, Some(user)) => (Purpose::Reset, user.email.as_deref() == address),
            (_, Some(user)) => {
                let is_open = user.email_verified == Some(false);
                (Purpose::Verify, is_open && user.email.as_deref() == address)
            }
        };
        Ok(found.filter(|user| is_due && !user.blocked).map(|user| Found {
            username: user.username,
            said: String::new(),
            ticket: Some((
                purpose,
                Ticket {
                    user_id: Some(user.id),
                    registration_id: None,
                    about: taken.address.clone(),
                },
            )),
        }))
    }

    async fn applicant_of(
        &self,
        kind: Kind,
        taken: &letter::Letter,
    ) -> sqlx::Result<Option<Found>> {
        let found = match taken.registration_id {
            Some(id) => registration::by_id(&self.database, id).await?,
            None => registration::by_login(&self.database, &taken.address).await?,
        };
        let is_due = |asked: &registration::Registration| {
            // Who was let in is written to as a user.
            let is_open = taken.registration_id.is_some() || asked.user_id.is_none();
            kind != Kind::Applicant || (is_open && asked.email_verified == Some(false))
        };
        Ok(found.filter(is_due).map(|asked| Found {
            username: asked.username,
            said: asked.answer.unwrap_or_default(),
            ticket: (kind == Kind::Applicant).then(|| {
                let about = taken.address.clone();
                let ticket = Ticket { user_id: None, registration_id: Some(asked.id), about };
                (Purpose::Applicant, ticket)
            }),
        }))
    }
}
