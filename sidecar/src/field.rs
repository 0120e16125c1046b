//! What people may write into a field: names, addresses, passwords, texts; each with a bound and a named error.

use std::fmt;

/// The name that a user logs in with, and the handle of their account: also what other servers know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

/// An e-mail address in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

/// A password that may be set.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a text can't be what it is meant to be; the blame is the writer's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Not there, or of another kind.
    #[error("must be {0}")]
    Kind(&'static str),
    /// Counted in characters.
    #[error("must have {least} to {most} characters, not {found}")]
    Length {
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
        /// As many as there are.
        found: usize,
    },
    /// A name that other servers couldn't read.
    #[error("may have a-z, 0-9 and _, and within it . and -")]
    Name,
    /// A name that means something else here.
    #[error("is reserved")]
    Reserved,
    /// Nothing that mail could be sent to.
    #[error("must be an e-mail address")]
    Email,
    /// Something that no keyboard writes.
    #[error("may not have control characters")]
    Control,
    /// None of the values that it may have.
    #[error("must be one of {0}")]
    Choice(&'static str),
    /// More than anybody needs.
    #[error("must be a number up to {0}")]
    Above(i64),
    /// Too many values.
    #[error("may have at most {0} values")]
    Many(usize),
}

impl Username {
    /// # Errors
    /// What PeerTube and Mastodon would refuse, or is reserved.
    pub fn parse(text: &str) -> Result<Username, FieldError> {
        within(text, 1, 50)?;
        let is_word =
            |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
        let bytes = text.as_bytes();
        let ends_well = [bytes.first(), bytes.last()].into_iter().flatten().all(is_word);
        if !ends_well || !bytes.iter().all(|byte| is_word(byte) || b".-".contains(byte)) {
            return Err(FieldError::Name);
        }
        if RESERVED.contains(&text) {
            return Err(FieldError::Reserved);
        }
        Ok(Username(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Email {
    /// Not the whole of RFC 5321, but all that people have, and nothing that could end a header or a list.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Email, FieldError> {
        within(text, 3, 254)?;
        let (local, domain) = text.rsplit_once('@').ok_or(FieldError::Email)?;
        let is_local =
            |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_good = (1..=64).contains(&local.len())
            && local.bytes().all(is_local)
            && !local.split('.').any(str::is_empty)
            && domain.contains('.')
            && domain.split('.').all(is_label);
        if is_good { Ok(Email(text.to_ascii_lowercase())) } else { Err(FieldError::Email) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Password {
    /// # Errors
    /// Shorter than eight characters, which are guessed, or longer than 255, as with PeerTube.
    pub fn parse(text: &str) -> Result<Password, FieldError> {
        within(text, 8, PASSWORD_CHARACTERS)?;
        Ok(Password(text.to_owned()))
    }

    /// Twenty characters of chance.
    pub(crate) fn generate() -> Result<Password, getrandom::Error> {
        let mut bytes = [0; 15];
        getrandom::fill(&mut bytes)?;
        Ok(Password(crate::token::text(&bytes)))
    }

    /// To be hashed, or told to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A line of text.
pub(crate) fn line(text: &str, least: usize, most: usize) -> Result<&str, FieldError> {
    within(text, least, most)?;
    if text.chars().any(char::is_control) { Err(FieldError::Control) } else { Ok(text) }
}

/// Text of several lines.
pub(crate) fn prose(text: &str, least: usize, most: usize) -> Result<&str, FieldError> {
    within(text, least, most)?;
    let is_bad = |character: char| character.is_control() && !"\n\r\t".contains(character);
    if text.chars().any(is_bad) { Err(FieldError::Control) } else { Ok(text) }
}

fn within(text: &str, least: usize, most: usize) -> Result<(), FieldError> {
    let found = text.chars().count();
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(FieldError::Length { least, most, found })
    }
}

/// More than anybody types, and little enough to be hashed.
pub(crate) const PASSWORD_CHARACTERS: usize = 255;

/// The actor of the instance itself: PeerTube's name for it, which its followers know, and ours.
const RESERVED: [&str; 2] = ["peertube", "shoal"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(text: &str, wanted: Option<FieldError>) {
        assert_eq!(Username::parse(text).err(), wanted, "{text:?}");
    }

    #[test]
    fn a_username_is_what_every_server_reads() {
        for good in ["a", "root", "a_b", "_", "a.b-c", "0", &"a".repeat(50)] {
            check_name(good, None);
        }
        for bad in ["Root", ".a", "a.", "-a", "a-", "a b", "a@b", "é", "a/b", "a\n", "a\0b", "'--"]
        {
            check_name(bad, Some(FieldError::Name));
        }
        check_name("", Some(FieldError::Length { least: 1, most: 50, found: 0 }));
        check_name(&"a".repeat(51), Some(FieldError::Length { least: 1, most: 50, found: 51 }));
        check_name("peertube", Some(FieldError::Reserved));
    }

    #[test]
    fn an_e_mail_address_can_be_written_to_and_ends_no_header() {
        for good in ["a@b.org", "A.b+c@Sub.Example.org", "o'neil@example.org"] {
            assert_eq!(Email::parse(good).unwrap().as_str(), good.to_ascii_lowercase());
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "a@b",
            "a b@c.org",
            "@b.org",
            "aa@",
            "a@.org",
            "a@b..org",
            "a@-b.org",
            "a..b@c.org",
            "a@b.org\r\nBcc: c@d.org",
            "a@b.org,c@d.org",
            "<a@b.org>",
            "a@é.org",
            &long,
        ] {
            assert_eq!(Email::parse(bad), Err(FieldError::Email), "{bad:?}");
        }
        assert!(matches!(Email::parse("a"), Err(FieldError::Length { .. })));
        assert!(matches!(Email::parse(&"a".repeat(300)), Err(FieldError::Length { .. })));
    }

    #[test]
    fn a_password_has_a_length_and_is_not_shown() {
        assert!(matches!(Password::parse("1234567"), Err(FieldError::Length { found: 7, .. })));
        assert!(matches!(Password::parse(&"a".repeat(256)), Err(FieldError::Length { .. })));
        let password = Password::parse("ünïcode and\0all").unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
        let (one, two) = (Password::generate().unwrap(), Password::generate().unwrap());
        assert!(one != two && one.reveal().len() == 20);
        assert_eq!(Password::parse(one.reveal()), Ok(one));
    }

    #[test]
    fn texts_have_no_control_characters() {
        assert_eq!(line("a name", 1, 120), Ok("a name"));
        assert_eq!(line("a\nb", 1, 120), Err(FieldError::Control));
        assert_eq!(prose("a\r\n\tb", 1, 120), Ok("a\r\n\tb"));
        assert_eq!(prose("a\0b", 1, 120), Err(FieldError::Control));
        assert!(matches!(prose("", 1, 120), Err(FieldError::Length { .. })));
    }
}
