//! A form as a page shows it: what its fields hold, and what is wrong with them, in the visitor's language.

use std::collections::BTreeMap;

use sidecar::field::FieldError;
use sidecar::{ApiError, Fields, GrantError, NotFollowed};

use crate::language::Language;

/// What stands in the fields of a form, and why it wasn't taken.
#[derive(Debug, Default)]
pub(crate) struct Form {
    values: BTreeMap<String, String>,
    problems: BTreeMap<&'static str, String>,
    problem: Option<String>,
    /// What was just done, said above the form.
    pub(crate) done: Option<String>,
}

impl Form {
    /// A form as it is opened.
    pub(crate) fn filled<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Form {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value));
        Form { values: values.collect(), ..Form::default() }
    }

    /// A form that was sent and not taken: with what was written into it, except for passwords.
    pub(crate) fn refused(language: &Language, fields: &Fields, error: &ApiError) -> Form {
        let kept = fields.texts().filter(|(name, _)| !SECRETS.contains(name));
        let mut form = Form::filled(kept.map(|(name, text)| (name, text.to_owned())));
        if let ApiError::Fields(bad) = error {
            let each =
                bad.iter().map(|field| (on_page(field.name), of_field(language, &field.reason)));
            form.problems = each.collect();
        }
        form.problem = Some(sentence(language, error));
        form
    }

    /// What stands in a field.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Whether a box is ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        !matches!(self.value(name), "" | "false")
    }

    /// What is wrong with a field.
    pub(crate) fn problem_of(&self, name: &str) -> Option<&str> {
        self.problems.get(name).map(String::as_str)
    }

    /// What is wrong with the whole.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

/// Why something wasn't done, for whoever wanted it.
pub(crate) fn sentence(language: &Language, error: &ApiError) -> String {
    let key = match error {
        ApiError::Fields(_) => "error-fields",
        ApiError::Grant(GrantError::Credentials | GrantError::Missing(_)) => "error-credentials",
        ApiError::Grant(GrantError::Blocked) => "error-blocked",
        ApiError::Grant(GrantError::Waiting) => "error-waiting",
        ApiError::Grant(GrantError::Refused) => "error-refused",
        ApiError::Grant(GrantError::Unverified) => "error-unverified",
        ApiError::Grant(GrantError::CodeMissing | GrantError::CodeWrong) | ApiError::BadCode => {
            "error-code"
        }
        ApiError::BadTicket | ApiError::BadRequestToken => "error-ticket",
        ApiError::NoMail => "error-no-mail",
        ApiError::BadPassword => "error-password",
        ApiError::Taken => "error-taken",
        ApiError::TooMany(wait) => {
            let seconds = i64::try_from(wait.as_secs() + 1).unwrap_or(i64::MAX);
            return language.tell("error-too-many", "count", seconds);
        }
        ApiError::Forbidden(_) => "error-forbidden",
        ApiError::NotFound(_) => "error-not-found",
        ApiError::Conflict(_) => "error-conflict",
        ApiError::HeldAbove => "error-held-above",
        ApiError::NotFollowed(all) => match all.first().map(|(_, reason)| *reason) {
            Some(NotFollowed::Off) => "follow-off",
            Some(NotFollowed::Blocked) => "follow-blocked",
            Some(NotFollowed::Away) => "follow-away",
            Some(NotFollowed::Nobody) | None => "follow-nobody",
        },
        ApiError::Busy(_) => "error-busy",
        ApiError::Body(_) => "error-body",
        _ => "error-ours",
    };
    language.say(key)
}

/// What a field of the API is called on pages, where it is made of another.
fn on_page(name: &'static str) -> &'static str {
    if name == "scheduleUpdate" { "scheduleAt" } else { name }
}

fn of_field(language: &Language, reason: &FieldError) -> String {
    let key = match reason {
        FieldError::Length { found: 0, .. } | FieldError::Kind(_) => "field-missing",
        FieldError::Length { least, found, .. } if found < least => {
            return language.tell("field-short", "count", *least as i64);
        }
        FieldError::Length { most, .. } => {
            return language.tell("field-long", "count", *most as i64);
        }
        FieldError::Name => "field-name",
        FieldError::Reserved => "field-reserved",
        FieldError::Email => "field-email",
        FieldError::Control => "field-control",
        FieldError::Choice(_) => "field-choice",
        FieldError::Above(most) => return language.tell("field-above", "count", *most),
        FieldError::Many(most) => {
            return language.tell("field-many", "count", *most as i64);
        }
    };
    language.say(key)
}

/// Never sent back.
const SECRETS: [&str; 4] = ["password", "currentPassword", "otp", "otpToken"];
