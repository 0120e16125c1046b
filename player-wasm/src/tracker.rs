//! The connection to the tracker: one WebSocket, opened and closed as the engine wants.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{JSON, JsString, Reflect};
use swarm::{End, Heard, Input};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, HtmlElement, MessageEvent, Url, WebSocket};

use wire::announce::OfferId;
use wire::identity::InfoHash;
use wire::peer::PeerId;

use crate::driver::{Driver, with};
use crate::settings;

/// Where the tracker is, and the connection to it.
#[derive(Debug)]
pub(crate) struct Tracker {
    url: String,
    line: RefCell<Option<Line>>,
}

#[derive(Debug)]
struct Line {
    socket: WebSocket,
    /// Runs until the connection stands.
    patience: Option<Timeout>,
    _listeners: [EventListener; 3],
}

impl Tracker {
    /// `url` is absolute, of a WebSocket or of a page: `https` means `wss`.
    pub(crate) fn new(url: &str) -> Tracker {
        let url = match url.strip_prefix("http") {
            Some(rest) => format!("ws{rest}"),
            None => url.to_owned(),
        };
        Tracker { url, line: RefCell::default() }
    }

    /// Connects, and tells how that went.
    pub(crate) fn open(&self, driver: &Rc<Driver>) {
        self.close();
        let Ok(socket) = WebSocket::new(&self.url) else {
            return driver.tell(Input::TrackerClosed);
        };
        let on = |name: &'static str, act: fn(&Rc<Driver>, &Event)| {
            let driver = Rc::downgrade(driver);
            EventListener::new(&socket, name, move |event| {
                with(&driver, |driver| act(driver, event));
            })
        };
        let listeners = [
            on("open", |driver, _| driver.tracker.opened(driver)),
            on("message", |driver, event| hear(driver, event.unchecked_ref())),
            on("close", |driver, _| driver.tracker.lose(driver)),
        ];
        let weak = Rc::downgrade(driver);
        let patience = Timeout::new(PATIENCE_MS, move || {
            with(&weak, |driver| driver.tracker.lose(driver));
        });
        *self.line.borrow_mut() =
            Some(Line { socket, patience: Some(patience), _listeners: listeners });
    }

    /// Sends a text.
    pub(crate) fn say(&self, driver: &Rc<Driver>, text: &str) {
        let socket = self.line.borrow().as_ref().map(|line| line.socket.clone());
        if socket.is_some_and(|socket| socket.send_with_str(text).is_err()) {
            self.lose(driver);
        }
    }

    pub(crate) fn close(&self) {
        self.end();
    }

    fn opened(&self, driver: &Rc<Driver>) {
        if let Some(line) = self.line.borrow_mut().as_mut() {
            line.patience = None;
        }
        driver.tell(Input::TrackerOpened);
    }

    fn lose(&self, driver: &Rc<Driver>) {
        if self.end() {
            driver.tell(Input::TrackerClosed);
        }
    }

    /// Ends the connection, if there is one.
    fn end(&self) -> bool {
        let line = self.line.borrow_mut().take();
        line.is_some_and(|line| {
            // It fails only for codes and reasons, which aren't given.
            let _ = line.socket.close();
            true
        })
    }
}

/// Where the tracker of an element is: what the page says, else on the video's own host.
pub(crate) fn address(host: &HtmlElement, src: &str) -> String {
    match host.get_attribute("tracker").filter(|told| !told.is_empty()) {
        Some(told) => {
            settings::absolute(&told, &host.base_uri().ok().flatten().unwrap_or_default())
        }
        None => settings::absolute(PATH, src),
    }
}

/// Which STUN server an element uses: what the page says, else the one beside the tracker.
///
/// None for a tracker on this very machine: whoever reaches it needs no other address.
pub(crate) fn stun(host: &HtmlElement, tracker: &str) -> Option<String> {
    if let Some(told) = host.get_attribute("stun").filter(|told| !told.is_empty()) {
        if !told.starts_with("stun:") && told != "off" {
            settings::warn("shoal-player: stun is unknown, so off");
        }
        return Some(told).filter(|told| told.starts_with("stun:"));
    }
    let name = Url::new(tracker).ok()?.hostname();
    let is_here = name == "localhost" || name == "[::1]" || name.starts_with("127.");
    (!is_here && !name.is_empty()).then(|| format!("stun:{name}:{STUN_PORT}"))
}

fn hear(driver: &Rc<Driver>, event: &MessageEvent) {
    let Ok(text) = event.data().dyn_into::<JsString>() else { return };
    if text.length() <= LONGEST_TEXT
        && let Some(heard) = read(&text)
    {
        driver.tell(Input::TrackerSaid(heard));
    }
}

/// Reads a message as `wire::announce` does, with the browser's JSON: a reader of our own would take 9 KB of the module.
fn read(text: &JsString) -> Option<Heard> {
    let message = Message(JSON::parse(&String::from(text)).ok()?);
    if message.field("failure reason").is_some() {
        return Some(Heard::Refused);
    }
    let info_hash = InfoHash(message.bytes("info_hash")?);
    let peer = || Some((PeerId(message.bytes("peer_id")?), OfferId(message.bytes("offer_id")?)));
    let sdp = |name| Message(message.field(name)?).field("sdp")?.as_string();
    if let Some(sdp) = sdp("offer") {
        let (peer_id, offer_id) = peer()?;
        return Some(Heard::Offer(End { info_hash, peer_id, offer_id, sdp }));
    }
    if let Some(sdp) = sdp("answer") {
        let (peer_id, offer_id) = peer()?;
        return Some(Heard::Answer(End { info_hash, peer_id, offer_id, sdp }));
    }
    let complete = message.number("complete").unwrap_or(0);
    let members = complete.saturating_add(message.number("incomplete")?);
    let interval = Duration::from_secs(message.number("interval")?.into());
    Some(Heard::Counted { info_hash, members: members as usize, interval })
}

/// A message of the tracker, or a part of one.
struct Message(JsValue);

impl Message {
    fn field(&self, name: &str) -> Option<JsValue> {
        let value = Reflect::get(&self.0, &name.into()).ok()?;
        (!value.is_undefined() && !value.is_null()).then_some(value)
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.field(name)?.as_f64().map(|number| number as u32)
    }

    /// 20 bytes, each written as the character with its number.
    fn bytes(&self, name: &str) -> Option<[u8; 20]> {
        let text = self.field(name)?.as_string()?;
        let mut characters = text.chars();
        let mut bytes = [0; 20];
        for byte in &mut bytes {
            *byte = u8::try_from(u32::from(characters.next()?)).ok()?;
        }
        characters.next().is_none().then_some(bytes)
    }
}

/// Where an instance of ours has its tracker.
const PATH: &str = "/tracker/socket";
/// The port of STUN (RFC 8489, section 8.1), where an instance of ours answers; a text, since it is only written.
const STUN_PORT: &str = "3478";
/// A tracker that is there answers within a second or two, also on a slow line.
const PATIENCE_MS: u32 = 10_000;
/// Trackers of this kind take and send 64 KiB at most, counted in UTF-16 here, since JavaScript does.
const LONGEST_TEXT: u32 = 64 << 10;
