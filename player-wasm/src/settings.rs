//! What the element's attributes say, and what this browser remembers between visits.

use std::time::Duration;

use js_sys::Reflect;
use swarm::Sharing;
use swarm::limits::{NEIGHBOURS, NEIGHBOURS_ON_A_PHONE};
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{HtmlElement, Storage};

/// What the page wrote on the element.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The playlist, absolute.
    pub(crate) src: String,
    /// What the files of the playlist's folder lie below on other servers, absolute and with `/` at the end.
    pub(crate) mirrors: Vec<String>,
    pub(crate) title: Option<String>,
    pub(crate) poster: Option<String>,
    pub(crate) start: Duration,
    pub(crate) autoplay: bool,
    pub(crate) muted: bool,
    pub(crate) is_loop: bool,
    /// It is a live stream: others are met while its playlists are on their way.
    pub(crate) is_live: bool,
    pub(crate) has_controls: bool,
    /// Keys count wherever the focus is: for pages that are nothing but the player.
    pub(crate) has_page_keys: bool,
    /// How far the page lets viewers share.
    pub(crate) terms: Terms,
    /// What this viewer answered on an earlier visit.
    pub(crate) choice: Option<Choice>,
}

/// How far a page lets viewers share, by the attribute `p2p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) most: Sharing,
    /// Nothing is shared before the viewer said yes.
    pub(crate) asks_first: bool,
}

/// What a viewer said about sharing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Off,
    /// To take, and to be seen by others, but nobody asked about giving.
    Receive,
    Full,
}

impl Terms {
    fn of(host: &HtmlElement) -> Terms {
        let attribute = host.get_attribute("p2p");
        let (most, asks_first) = match attribute.as_deref() {
            _ if !can_share() => (Sharing::Off, false),
            None | Some("full") => (Sharing::Full, false),
            Some("receive") => (Sharing::Receive, false),
            Some("ask") => (Sharing::Full, true),
            Some("off") => (Sharing::Off, false),
            Some(_) => {
                warn("shoal-player: p2p is unknown, so off");
                (Sharing::Off, false)
            }
        };
        Terms { most, asks_first }
    }

    /// What the viewer agrees to by saying yes.
    pub(crate) fn yes(self) -> Choice {
        if self.most == Sharing::Full { Choice::Full } else { Choice::Receive }
    }

    /// The viewer has said yes or no to terms that go as far.
    pub(crate) fn are_answered(self, choice: Option<Choice>) -> bool {
        choice.is_some_and(|choice| choice != Choice::Receive || self.yes() == choice)
    }

    /// What these terms come to for a viewer.
    pub(crate) fn under(self, choice: Option<Choice>) -> Sharing {
        match choice {
            Some(Choice::Off) => Sharing::Off,
            Some(Choice::Full) => self.most,
            _ if self.asks_first => Sharing::Off,
            Some(Choice::Receive) | None => self.most,
        }
    }
}

impl Settings {
    pub(crate) fn of(host: &HtmlElement) -> Settings {
        let text = |name: &str| host.get_attribute(name).filter(|value| !value.is_empty());
        let (terms, choice) = (Terms::of(host), remembered_choice());
        let page = host.base_uri().ok().flatten().unwrap_or_default();
        let folder = |base: &str| absolute(&format!("{}/", base.trim_end_matches('/')), &page);
        let mirrors = text("mirrors").unwrap_or_default();
        let seconds = text("start").as_deref().and_then(number_in).unwrap_or(0.0);
        Settings {
            src: absolute(&text("src").unwrap_or_default(), &page),
            mirrors: mirrors.split_ascii_whitespace().map(folder).collect(),
            title: text("title"),
            poster: text("poster"),
            start: duration(seconds),
            autoplay: host.has_attribute("autoplay"),
            muted: host.has_attribute("muted"),
            is_loop: host.has_attribute("loop"),
            is_live: host.has_attribute("live"),
            has_controls: host.get_attribute("controls").as_deref() != Some("off"),
            has_page_keys: host.get_attribute("keys").as_deref() == Some("page"),
            terms,
            choice,
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
    number_in(&text).filter(|number| number.is_finite() && *number >= 0.0)
}

/// Remembers a number on this browser; it is never sent anywhere.
pub(crate) fn remember(name: &str, number: f64) {
    if let Some(storage) = storage() {
        // A full or forbidden storage only costs the memory.
        let _ = storage.set_item(name, &self::number(number));
    }
}

fn remembered_choice() -> Option<Choice> {
    match storage()?.get_item(CHOICE).ok().flatten()?.as_str() {
        "off" => Some(Choice::Off),
        "receive" => Some(Choice::Receive),
        "full" => Some(Choice::Full),
        _ => None,
    }
}

/// Remembers on this browser what the viewer said about sharing.
pub(crate) fn remember_choice(choice: Choice) {
    let text = match choice {
        Choice::Off => "off",
        Choice::Receive => "receive",
        Choice::Full => "full",
    };
    if let Some(storage) = storage() {
        let _ = storage.set_item(CHOICE, text);
    }
}

/// Whether the browser has WebRTC, which Tor's has not, and leaves the media to our engine, which old iPhones don't.
pub(crate) fn can_share() -> bool {
    let has = |name: &str| Reflect::has(&js_sys::global(), &name.into()).unwrap_or(false);
    has("RTCPeerConnection")
        && has("WebSocket")
        && (has("MediaSource") || has("ManagedMediaSource"))
}

/// Connections to other viewers that this device bears easily. Phones say what they are.
pub(crate) fn neighbours() -> usize {
    let navigator = web_sys::window().map(|window| window.navigator());
    let agent = navigator.and_then(|navigator| navigator.user_agent().ok()).unwrap_or_default();
    match js_sys::JsString::from(agent).includes("Mobi", 0) {
        true => NEIGHBOURS_ON_A_PHONE,
        false => NEIGHBOURS,
    }
}

/// A number as JavaScript writes it. Rust's own way of writing fractions would take 12 KB of the module.
pub(crate) fn number(number: f64) -> String {
    js_sys::Number::from(number).to_string_with_radix(10).map(String::from).unwrap_or_default()
}

/// The number that a text begins with, as JavaScript reads it. Rust's own way of reading fractions would take 13 KB.
pub(crate) fn number_in(text: &str) -> Option<f64> {
    Some(js_sys::Number::parse_float(text)).filter(|number| !number.is_nan())
}

/// A time in seconds as JavaScript has it; none at all if it is no number or before zero. Rust's own two ways of making one of
/// fractions would take 1 KB.
pub(crate) fn duration(seconds: f64) -> Duration {
    Duration::from_nanos((seconds * 1e9).round_ties_even() as u64)
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
/// What the viewer said about sharing: `off` or `full`.
const CHOICE: &str = "shoal.p2p";

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    pub(crate) fn warn(text: &str);
    #[wasm_bindgen(js_namespace = console)]
    pub(crate) fn error(text: &str);
}
