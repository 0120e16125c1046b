//! The post office: letters that the sidecar keeps are written in their reader's language and handed to a mail server.
//!
//! A letter is the sidecar's until that server has taken it: whoever is killed sends it again after the next start.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{AsyncTransport, Tokio1Executor};
use serde::{Deserialize, Serialize};
use sidecar::Sidecar;
use sidecar::mail::{Fate, Letter, MailError, Matter, Trouble};
use tokio_util::sync::CancellationToken;

use crate::language::Language;

/// The section `[smtp]` of the configuration.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Smtp {
    /// The mail server's name; empty sends no mail.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Secrecy,
    /// Empty needs no login.
    pub(crate) user: String,
    pub(crate) password: String,
    /// Who writes, as `Name <address>` or an address alone.
    pub(crate) from: String,
}

/// Whether others on the way can read what is sent to the mail server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Secrecy {
    /// They can.
    Off,
    /// Not after the first words, or nothing is sent.
    #[default]
    Starttls,
    /// Not at all.
    Tls,
}

/// Why the section can't be used; the blame is the host's. No password is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SmtpError {
    #[error("smtp.from = {0:?} is no sender: write it as Videos <videos@example.org>")]
    From(String),
    #[error("smtp.host is no name of a server: write it as mail.example.org")]
    Host,
    #[error("smtp.user and smtp.password go together: set both or none")]
    Login,
    #[error("accounts.requires_email_verification needs mail: set smtp.host and smtp.from")]
    Needed,
}

impl Smtp {
    /// Whether mail is sent.
    pub(crate) fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    /// That it can be worked with, also for a house that `needs` mail.
    pub(crate) fn check(&self, needs: bool) -> Result<(), SmtpError> {
        if !self.is_on() {
            return if needs { Err(SmtpError::Needed) } else { Ok(()) };
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
        if !self.host.bytes().all(is_name) {
            return Err(SmtpError::Host);
        }
        if self.user.is_empty() != self.password.is_empty() {
            return Err(SmtpError::Login);
        }
        self.sender().map(drop)
    }

    fn sender(&self) -> Result<Mailbox, SmtpError> {
        self.from.parse().map_err(|_| SmtpError::From(self.from.clone()))
    }

    fn transport(&self, public_url: &str) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host);
        let parameters = || TlsParameters::new(self.host.clone()).context("smtp.host");
        let tls = match self.tls {
            Secrecy::Off => Tls::None,
            Secrecy::Starttls => Tls::Required(parameters()?),
            Secrecy::Tls => Tls::Wrapper(parameters()?),
        };
        let name = public_url.split_once("://").map_or("localhost", |(_, authority)| authority);
        let name = name.split(':').next().unwrap_or("localhost").to_owned();
        let mut builder = builder.port(self.port).tls(tls).timeout(Some(PATIENCE));
        builder = builder.hello_name(ClientId::Domain(name));
        if !self.user.is_empty() {
            let login = Credentials::new(self.user.clone(), self.password.clone());
            builder = builder.credentials(login);
        }
        Ok(builder.build())
    }
}

impl Default for Smtp {
    fn default() -> Smtp {
        Smtp {
            host: String::new(),
            port: 587,
            tls: Secrecy::Starttls,
            user: String::new(),
            password: String::new(),
            from: String::new(),
        }
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Smtp").field(&self.host).finish()
    }
}

/// Sends letters.
pub(crate) struct PostOffice {
    sidecar: Arc<Sidecar>,
    sender: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    public_url: String,
}

impl PostOffice {
    /// Nobody is connected to before there is a letter. `None` where no mail is sent.
    pub(crate) fn new(
        smtp: &Smtp,
        sidecar: Arc<Sidecar>,
        public_url: String,
    ) -> anyhow::Result<Option<PostOffice>> {
        if !smtp.is_on() {
            return Ok(None);
        }
        let (sender, transport) = (smtp.sender()?, smtp.transport(&public_url)?);
        Ok(Some(PostOffice { sidecar, sender, transport, public_url }))
    }

    /// Sends what waits, until the process is asked to end.
    pub(crate) async fn run(self, asked_to_end: CancellationToken) {
        if let Err(error) = self.sidecar.take_back_letters().await {
            tracing::warn!("letters wait for their next turn: {error}");
        }
        loop {
            let working = async {
                if let Err(error) = self.clear().await {
                    tracing::warn!("letters wait: {error}");
                }
                tokio::select! {
                    () = self.sidecar.letter_posted() => {}
                    () = tokio::time::sleep(OFTEN) => {}
                }
            };
            tokio::select! {
                () = asked_to_end.cancelled() => return,
                () = working => {}
            }
        }
    }

    async fn clear(&self) -> Result<(), MailError> {
        while let Some(letter) = self.sidecar.next_letter().await? {
            match self.send(&letter).await {
                Ok(()) => self.sidecar.note_sent(&letter).await?,
                Err((trouble, reason)) => match self.sidecar.note_unsent(&letter, trouble).await? {
                    Fate::Later => tracing::debug!("a letter is tried again later: {reason}"),
                    Fate::GivenUp => tracing::warn!("a letter is given up: {reason}"),
                },
            }
        }
        Ok(())
    }

    /// Reasons never hold what the mail server said in words: it likes to repeat the address.
    async fn send(&self, letter: &Letter) -> Result<(), (Trouble, String)> {
        let message = self.message(letter).map_err(|reason| (Trouble::ForGood, reason))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err((trouble(&error), reason(&error))),
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, String> {
        let (subject, text) = self.words(letter);
        let to =
            letter.address.parse().map_err(|_| "its address can't be written to".to_owned())?;
        let message = Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .header(AutoSubmitted)
            .message_id(Some(self.message_id()?))
            .body(text);
        message.map_err(|_| "it can't be written".to_owned())
    }

    fn message_id(&self) -> Result<String, String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| "the system gives no random numbers".to_owned())?;
        let number = u128::from_be_bytes(bytes);
        Ok(format!("<{number:032x}@{}>", self.sender.email.domain()))
    }

    /// Subject and text, in the reader's language.
    fn words(&self, letter: &Letter) -> (String, String) {
        let (language, house) = (Language::accepted(&letter.language), self.sidecar.house_name());
        let name = |key: &str| language.tell(key, "name", house);
        let (subject, about, rest) = match &letter.matter {
            Matter::Verify(link) => {
                let how = language.tell("mail-verify-how", "link", link.as_str());
                (name("mail-verify-subject"), how, language.say("mail-not-you"))
            }
            Matter::Reset(link) => {
                let how = language.tell("mail-reset-how", "link", link.as_str());
                (name("mail-reset-subject"), how, language.say("mail-reset-not-you"))
            }
            Matter::Accepted(said) => {
                let link = format!("{}/login", self.public_url);
                let how = language.tell("mail-accepted-how", "link", link);
                (name("mail-accepted-subject"), how, said.clone())
            }
            Matter::Refused(said) => {
                (name("mail-refused-subject"), language.say("mail-refused-how"), said.clone())
            }
        };
        let greeting = language.tell("mail-greeting", "name", letter.username.as_str());
        let signed = format!("-- \n{house}\n{}", self.public_url);
        let parts = [greeting, about, rest, signed];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        (subject, parts.join("\n\n") + "\n")
    }
}

/// So that nobody's answering machine answers (RFC 3834 §5).
#[derive(Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<AutoSubmitted, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// A login that is refused is the configuration's fault, which its host can mend.
fn trouble(error: &smtp::Error) -> Trouble {
    let code = error.status().map(u16::from);
    let is_about_login = code.is_some_and(|code| matches!(code, 530 | 534 | 535 | 538));
    if error.is_permanent() && !is_about_login { Trouble::ForGood } else { Trouble::ForNow }
}

fn reason(error: &smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answers {code}"),
        None if error.is_timeout() => "the mail server doesn't answer in time".to_owned(),
        None if error.is_tls() => "no secure connection to the mail server".to_owned(),
        None => "the mail server can't be spoken with".to_owned(),
    }
}

/// How long a mail server may think about each step.
const PATIENCE: Duration = Duration::from_secs(30);

/// How soon a letter that was put off is looked at again.
const OFTEN: Duration = Duration::from_secs(15);
