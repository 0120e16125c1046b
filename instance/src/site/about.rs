//! `/about`: what the instance says of itself.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::config::Registration;
use sidecar::vocabulary::LANGUAGES;

use super::{PageError, Site};
use crate::visit::Visit;
use sidecar::prose;

/// `/about`.
#[derive(Template)]
#[template(path = "about.html")]
struct About<'a> {
    visit: &'a Visit<'a>,
    description: String,
    parts: Vec<Part>,
    languages: &'a str,
    categories: &'a str,
    /// The key of a sentence.
    registration: &'static str,
    contact: Option<Contact<'a>>,
}

/// A text with a heading, whose sentence has this key.
struct Part {
    key: &'static str,
    html: String,
}

/// How whoever runs it is reached.
struct Contact<'a> {
    href: String,
    text: &'a str,
}

impl Site {
    pub(super) fn show_about(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        let house = &visit.frame.house;
        let parts = [
            ("about-rules", &house.rules),
            ("about-terms", &house.terms),
            ("about-moderation", &house.moderation),
            ("about-administrator", &house.administrator),
            ("about-reason", &house.creation_reason),
            ("about-lifetime", &house.maintenance_lifetime),
            ("about-business", &house.business_model),
            ("about-hardware", &house.hardware),
        ];
        let said = parts.into_iter().filter(|(_, text)| !text.is_empty());
        let languages = house.languages.iter().map(|code| language(code)).collect::<Vec<_>>();
        let page = About {
            visit,
            description: prose::html(&house.description),
            parts: said.map(|(key, text)| Part { key, html: prose::html(text) }).collect(),
            languages: &languages.join(", "),
            categories: &house.categories.join(", "),
            registration: match self.sidecar.registration_rule() {
                Registration::Closed => "about-closed",
                Registration::Open => "about-open",
                Registration::Approval => "about-approval",
            },
            contact: contact(&house.contact),
        };
        self.html(visit, StatusCode::OK, &page)
    }
}

fn language(code: &str) -> &str {
    LANGUAGES.iter().find(|(known, _)| *known == code).map_or(code, |found| found.1)
}

/// The configuration has an address, a page, or nothing here.
fn contact(text: &str) -> Option<Contact<'_>> {
    let href =
        if text.starts_with("https://") { text.to_owned() } else { format!("mailto:{text}") };
    (!text.is_empty()).then_some(Contact { href, text })
}
