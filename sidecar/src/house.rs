//! What an instance says of itself: the section `[instance]` of the configuration, told by pages, feeds and programs.

use serde::{Deserialize, Serialize};

use crate::Sidecar;
use crate::config::BadSetting;
use crate::field::{Email, FieldError, line, prose};
pub use crate::preferences::NsfwPolicy;
use crate::vocabulary::{self, CATEGORIES};

/// What an instance says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct House {
    /// What it is called.
    pub name: String,
    /// In a sentence.
    pub short_description: String,
    /// Markdown, as all that follows to `hardware`.
    pub description: String,
    /// How people behave here.
    pub rules: String,
    /// What people agree to.
    pub terms: String,
    /// Who keeps order, and how.
    pub moderation: String,
    /// Who runs it.
    pub administrator: String,
    /// Why it is there.
    pub creation_reason: String,
    /// For how long.
    pub maintenance_lifetime: String,
    /// Who pays for it.
    pub business_model: String,
    /// What it runs on.
    pub hardware: String,
    /// An e-mail address or a page, to reach whoever runs it.
    pub contact: String,
    /// Codes of the languages that are spoken here.
    pub languages: Vec<String>,
    /// What most videos are about, by the names of the categories.
    pub categories: Vec<String>,
    /// Most of it isn't safe for work.
    pub is_nsfw: bool,
    /// What becomes of such videos, for those who haven't chosen.
    pub nsfw_policy: NsfwPolicy,
}

impl Default for House {
    fn default() -> House {
        House {
            name: "Shoal".to_owned(),
            short_description: "A free, decentralised video host.".to_owned(),
            description: String::new(),
            rules: String::new(),
            terms: String::new(),
            moderation: String::new(),
            administrator: String::new(),
            creation_reason: String::new(),
            maintenance_lifetime: String::new(),
            business_model: String::new(),
            hardware: String::new(),
            contact: String::new(),
            languages: Vec::new(),
            categories: Vec::new(),
            is_nsfw: false,
            nsfw_policy: NsfwPolicy::DoNotList,
        }
    }
}

impl House {
    /// That every value can be worked with.
    ///
    /// # Errors
    /// Which one can't, and what it may be.
    pub fn check(&self) -> Result<(), BadSetting> {
        let bad = |key| move |reason| BadSetting::House { key, reason };
        line(&self.name, 1, 50).map_err(bad("name"))?;
        line(&self.short_description, 0, 250).map_err(bad("short_description"))?;
        for (key, text) in self.texts() {
            prose(text, 0, TEXT).map_err(bad(key))?;
        }
        self.check_contact().map_err(bad("contact"))?;
        let known = |code: &String| vocabulary::language(code).is_some();
        if !self.languages.iter().all(known) {
            return Err(bad("languages")(FieldError::Kind("a list of codes such as \"en\"")));
        }
        if self.category_ids().len() != self.categories.len() {
            return Err(bad("categories")(FieldError::Kind(CATEGORY_NAMES)));
        }
        Ok(())
    }

    /// PeerTube's numbers of its categories.
    pub fn category_ids(&self) -> Vec<i64> {
        let id =
            |name: &String| CATEGORIES.iter().find(|(_, label)| label == name).map(|&(id, _)| id);
        self.categories.iter().filter_map(id).collect()
    }

    fn texts(&self) -> [(&'static str, &str); 9] {
        [
            ("description", &self.description),
            ("rules", &self.rules),
            ("terms", &self.terms),
            ("moderation", &self.moderation),
            ("administrator", &self.administrator),
            ("creation_reason", &self.creation_reason),
            ("maintenance_lifetime", &self.maintenance_lifetime),
            ("business_model", &self.business_model),
            ("hardware", &self.hardware),
        ]
    }

    fn check_contact(&self) -> Result<(), FieldError> {
        let is_page = self.contact.starts_with("https://") && line(&self.contact, 9, 300).is_ok();
        if self.contact.is_empty() || is_page || Email::parse(&self.contact).is_ok() {
            return Ok(());
        }
        Err(FieldError::Kind("an e-mail address, or a page that begins with https://"))
    }
}

impl Sidecar {
    /// What the instance says of itself.
    pub fn house(&self) -> &House {
        &self.house
    }
}

/// Characters of one text: a few pages.
const TEXT: usize = 20_000;

const CATEGORY_NAMES: &str = "a list of the categories' names, such as \"Education\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: impl FnOnce(&mut House), wanted: Option<&str>) {
        let mut house = House::default();
        change(&mut house);
        let found = house.check().map_err(|error| error.to_string());
        match wanted {
            None => assert_eq!(found, Ok(())),
            Some(wanted) => assert!(found.clone().unwrap_err().contains(wanted), "{found:?}"),
        }
    }

    #[test]
    fn what_a_house_says_is_checked() {
        check(|_| {}, None);
        check(|house| house.name.clear(), Some("instance.name must have 1 to 50"));
        check(|house| house.name = "a\nb".to_owned(), Some("instance.name may not"));
        check(|house| house.terms = "x".repeat(TEXT + 1), Some("instance.terms must have"));
        check(|house| house.contact = "us@example.org".to_owned(), None);
        check(|house| house.contact = "https://example.org/us".to_owned(), None);
        check(|house| house.contact = "javascript:alert(1)".to_owned(), Some("instance.contact"));
        check(|house| house.languages = vec!["xx".to_owned()], Some("instance.languages"));
        check(|house| house.categories = vec!["Education".to_owned()], None);
        check(|house| house.categories = vec!["Lessons".to_owned()], Some("\"Education\""));
    }
}
