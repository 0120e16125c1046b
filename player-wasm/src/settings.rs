//! What the element's attributes say, and what this browser remembers between visits.

use std::time::Duration;

use web_sys::{HtmlElement, Storage};

/// What the page wrote on the element.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The playlist, absolute.
    pub(crate) src: String,
    pub(crate) title: Option<String>,
    pub(crate) poster: Option<String>,
    /// HTML that others paste to show this video; the embed button offers it.
    pub(crate) snippet: Option<String>,
    pub(crate) start: Duration,
    pub(crate) autoplay: bool,
    pub(crate) muted: bool,
    pub(crate) is_loop: bool,
    pub(crate) has_controls: bool,
    /// Keys count wherever the focus is: for pages that are nothing but the player.
    pub(crate) has_page_keys: bool,
}

impl Settings {
    pub(crate) fn of(host: &HtmlElement) -> Settings {
        let text = |name: &str| host.get_attribute(name).filter(|value| !value.is_empty());
        let seconds = text("start").and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0);
        Settings {
            src: absolute(
                &text("src").unwrap_or_default(),
                &host.base_uri().ok().flatten().unwrap_or_default(),
            ),
            title: text("title"),
            poster: text("poster"),
            snippet: text("snippet"),
            start: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
            autoplay: host.has_attribute("autoplay"),
            muted: host.has_attribute("muted"),
            is_loop: host.has_attribute("loop"),
            has_controls: host.get_attribute("controls").as_deref() != Some("off"),
            has_page_keys: host.get_attribute("keys").as_deref() == Some("page"),
        }
    }
}

/// `uri` against `base` by the browser's rules; unchanged if they make no address.
pub(crate) fn absolute(uri: &str, base: &str) -> String {
    web_sys::Url::new_with_base(uri, base).map_or_else(|_| uri.to_owned(), |url| url.href())
}

/// A number remembered under `name`. Browsers may forbid storage, in iframes above all: then nothing is.
pub(crate) fn remembered(name: &str) -> Option<f64> {
    let text = storage()?.get_item(name).ok().flatten()?;
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// Remembers a number on this browser; it is never sent anywhere.
pub(crate) fn remember(name: &str, number: f64) {
    if let Some(storage) = storage() {
        // A full or forbidden storage only costs the memory.
        let _ = storage.set_item(name, &self::number(number));
    }
}

/// A number as JavaScript writes it. Rust's own way of writing fractions would take 12 KB of the module.
pub(crate) fn number(number: f64) -> String {
    js_sys::Number::from(number).to_string_with_radix(10).map(String::from).unwrap_or_default()
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

/// The measured rate in bits per second; `www/player.js` reads it too.
pub(crate) const RATE: &str = "shoal.bps";
/// The volume, 0 to 1.
pub(crate) const VOLUME: &str = "shoal.volume";
/// 1 when the sound is off.
pub(crate) const MUTED: &str = "shoal.muted";
