//! What a user chose about pages and player; PeerTube's keys and defaults.

use serde::{Deserialize, Serialize};

/// Kept as JSON, and said as it is in `users/me`. What an older build didn't know has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Preferences {
    pub(crate) theme: String,
    pub(crate) email_public: bool,
    pub(crate) nsfw_policy: NsfwPolicy,
    pub(crate) p2p_enabled: bool,
    pub(crate) videos_history_enabled: bool,
    pub(crate) auto_play_video: bool,
    pub(crate) auto_play_next_video: bool,
    pub(crate) auto_play_next_video_playlist: bool,
    /// PeerTube's codes of languages; all languages if absent.
    pub(crate) video_languages: Option<Vec<String>>,
    pub(crate) no_instance_config_warning_modal: bool,
    pub(crate) no_welcome_modal: bool,
    pub(crate) no_account_setup_warning_modal: bool,
}

/// What becomes of videos that are not safe for work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NsfwPolicy {
    /// They are not in lists.
    #[default]
    DoNotList,
    /// Their pictures are.
    Blur,
    /// They are like others.
    Display,
}

impl NsfwPolicy {
    /// PeerTube's word for it.
    pub fn name(self) -> &'static str {
        match self {
            NsfwPolicy::DoNotList => "do_not_list",
            NsfwPolicy::Blur => "blur",
            NsfwPolicy::Display => "display",
        }
    }
}

impl Default for Preferences {
    fn default() -> Preferences {
        Preferences {
            theme: "instance-default".to_owned(),
            email_public: false,
            nsfw_policy: NsfwPolicy::DoNotList,
            p2p_enabled: true,
            videos_history_enabled: true,
            auto_play_video: true,
            auto_play_next_video: false,
            auto_play_next_video_playlist: true,
            video_languages: None,
            no_instance_config_warning_modal: false,
            no_welcome_modal: false,
            no_account_setup_warning_modal: false,
        }
    }
}

impl Preferences {
    /// From the database. What can't be read any more is as if it had never been chosen.
    pub(crate) fn parse(json: &str) -> Preferences {
        serde_json::from_str(json).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and booleans are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_what_is_lacking_has_its_default() {
        let chosen = Preferences {
            nsfw_policy: NsfwPolicy::Blur,
            video_languages: Some(vec!["fr".to_owned()]),
            ..Preferences::default()
        };
        assert_eq!(Preferences::parse(&chosen.json()), chosen);
        let of_old = Preferences::parse("{\"autoPlayVideo\":false,\"gone\":1}");
        assert_eq!(of_old, Preferences { auto_play_video: false, ..Preferences::default() });
        assert_eq!(Preferences::parse("broken"), Preferences::default());
    }
}
