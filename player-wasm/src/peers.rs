//! Connections to other viewers: for each link of the engine one `RTCPeerConnection` with one data channel.
//!
//! The way of a link: [`Peers::offer`] (or [`Peers::answer`]) → its description, once all candidates are gathered →
//! [`Peers::accept`] → the channel opens → messages → [`Peers::disconnect`], or [`Input::Disconnected`] when it ends by
//! itself. Candidates travel within the descriptions, never alone. Nothing of WebRTC is touched before the first link.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Array, ArrayBuffer, JsString, Uint8Array};
use swarm::{Input, LinkId, RequestId, Table};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Event, EventTarget, MessageEvent, RtcConfiguration, RtcDataChannel, RtcDataChannelEvent,
    RtcDataChannelState, RtcDataChannelType, RtcIceGatheringState, RtcIceServer, RtcPeerConnection,
    RtcPeerConnectionIceErrorEvent, RtcPeerConnectionState, RtcSdpType, RtcSessionDescriptionInit,
};
use wire::peer::{DATA_BYTES, MESSAGE_BYTES, is_command};

use crate::driver::{Driver, with};

/// All connections of this player.
#[derive(Debug)]
pub(crate) struct Peers {
    links: RefCell<Table<LinkId, Link>>,
    /// Which server tells this viewer its own address: `stun:host:port`.
    stun: Option<String>,
    /// The engine knows that it doesn't.
    is_unreflected: Cell<bool>,
}

#[derive(Debug)]
struct Link {
    connection: RtcPeerConnection,
    is_offerer: bool,
    channel: Option<RtcDataChannel>,
    /// Messages pass.
    is_open: bool,
    /// Under which request data are kept.
    kept_under: Option<RequestId>,
    /// The engine waits for what it gave to be sent.
    is_draining: bool,
    /// The STUN server couldn't be reached from one of this viewer's interfaces.
    is_missed: bool,
    /// Runs while candidates are gathered for the description.
    gathering: Option<Timeout>,
    /// Runs while a STUN server has time to answer.
    reflecting: Option<Timeout>,
    /// Runs while the other end may speak first.
    greeting: Option<Timeout>,
    _listeners: Vec<EventListener>,
}

impl Peers {
    pub(crate) fn new(stun: Option<String>) -> Peers {
        Peers { links: RefCell::default(), stun, is_unreflected: Cell::new(false) }
    }

    /// Makes one end of a connection to whoever will take it.
    pub(crate) fn offer(&self, driver: &Rc<Driver>, link: LinkId) {
        let Some(connection) = self.connect(driver, link, true) else { return };
        self.adopt(driver, link, connection.create_data_channel(&label()));
        describe(driver, link, connection, None);
    }

    /// Makes the other end of a connection that somebody offered.
    pub(crate) fn answer(&self, driver: &Rc<Driver>, link: LinkId, sdp: String) {
        let Some(connection) = self.connect(driver, link, false) else { return };
        describe(driver, link, connection, Some(sdp));
    }

    /// Gives an offering end the answer.
    pub(crate) fn accept(&self, driver: &Rc<Driver>, link: LinkId, sdp: &str) {
        let Some(connection) = self.of(link, |link| link.connection.clone()) else { return };
        let accepted = connection.set_remote_description(&description(RtcSdpType::Answer, sdp));
        let driver = Rc::downgrade(driver);
        spawn_local(async move {
            if JsFuture::from(accepted).await.is_err() {
                with(&driver, |driver| driver.peers.lose(driver, link));
            }
        });
    }

    /// Sends a message as it is.
    pub(crate) fn say(&self, driver: &Rc<Driver>, link: LinkId, message: &[u8]) {
        if let Some(channel) = self.channel(link)
            && channel.send_with_u8_array(message).is_err()
        {
            self.lose(driver, link);
        }
    }

    /// Sends bytes as data, and tells when they are sent, or almost.
    pub(crate) fn give(&self, driver: &Rc<Driver>, link: LinkId, bytes: &Uint8Array) {
        let Some(channel) = self.channel(link) else { return };
        for message in data_messages(bytes) {
            if channel.send_with_js_u8_array(&message).is_err() {
                return self.lose(driver, link);
            }
        }
        self.of(link, |link| link.is_draining = true);
        let driver = Rc::downgrade(driver);
        spawn_local(async move { with(&driver, |driver| driver.peers.drain(driver, link)) });
    }

    /// Keeps data that come from now on under a request, or drops them.
    pub(crate) fn receive(&self, link: LinkId, request: Option<RequestId>) {
        self.of(link, |link| link.kept_under = request);
    }

    pub(crate) fn disconnect(&self, link: LinkId) {
        self.end(link);
    }

    pub(crate) fn close(&self) {
        let links = std::mem::take(&mut *self.links.borrow_mut());
        links.into_values().for_each(Link::close);
    }

    fn connect(
        &self,
        driver: &Rc<Driver>,
        link: LinkId,
        is_offerer: bool,
    ) -> Option<RtcPeerConnection> {
        let Ok(connection) = RtcPeerConnection::new_with_configuration(&self.configuration())
        else {
            driver.tell(Input::Disconnected { link });
            return None;
        };
        let on = |name, act| on(driver, link, &connection, name, act);
        let listeners = vec![
            on("icegatheringstatechange", |driver, link, _| driver.peers.gather(driver, link)),
            on("icecandidateerror", |driver, link, event| {
                driver.peers.miss(driver, link, event.unchecked_ref());
            }),
            on("connectionstatechange", |driver, link, _| driver.peers.watch(driver, link)),
            on("datachannel", |driver, link, event| {
                let event: &RtcDataChannelEvent = event.unchecked_ref();
                driver.peers.adopt(driver, link, event.channel());
            }),
        ];
        let made = Link {
            connection: connection.clone(),
            is_offerer,
            channel: None,
            is_open: false,
            kept_under: None,
            is_draining: false,
            is_missed: false,
            gathering: None,
            reflecting: None,
            greeting: None,
            _listeners: listeners,
        };
        self.links.borrow_mut().insert(link, made);
        Some(connection)
    }

    fn configuration(&self) -> RtcConfiguration {
        let configuration = RtcConfiguration::new();
        if let Some(stun) = &self.stun {
            let server = RtcIceServer::new();
            server.set_urls(&stun.into());
            configuration.set_ice_servers(&Array::of1(&server));
        }
        configuration
    }

    /// Takes the first channel of a connection for its own; there are no others.
    fn adopt(&self, driver: &Rc<Driver>, link: LinkId, channel: RtcDataChannel) {
        if self.of(link, |link| link.channel.is_some()).unwrap_or(true) {
            return channel.close();
        }
        channel.set_binary_type(RtcDataChannelType::Arraybuffer);
        channel.set_buffered_amount_low_threshold(ALMOST_BYTES);
        let on = |name, act| on(driver, link, &channel, name, act);
        let listeners = [
            on("open", |driver, link, _| driver.peers.let_speak(driver, link)),
            on("message", |driver, link, event| {
                driver.peers.hear(driver, link, event.unchecked_ref());
            }),
            on("bufferedamountlow", |driver, link, _| driver.peers.drain(driver, link)),
            on("error", |driver, link, _| driver.peers.lose(driver, link)),
            on("close", |driver, link, _| driver.peers.lose(driver, link)),
        ];
        let is_open = channel.ready_state() == RtcDataChannelState::Open;
        self.of(link, |link| {
            link._listeners.extend(listeners);
            link.channel = Some(channel);
        });
        if is_open {
            self.let_speak(driver, link);
        }
    }

    /// Waits for the candidates that belong into the description which the connection has by now.
    fn wait(&self, driver: &Rc<Driver>, link: LinkId) {
        let described = |driver: &Rc<Driver>, link| driver.peers.described(driver, link);
        let missed = |driver: &Rc<Driver>, link| driver.peers.give_up_stun(driver, link);
        let gathering = after(driver, link, GATHERING_MS, described);
        let reflecting = self.stun.as_ref().map(|_| after(driver, link, REFLECTING_MS, missed));
        self.of(link, |link| {
            link.gathering = Some(gathering);
            link.reflecting = reflecting;
        });
        self.gather(driver, link);
    }

    /// Goes on if all candidates are there.
    fn gather(&self, driver: &Rc<Driver>, link: LinkId) {
        if self.of(link, |link| link.is_gathered()) == Some(true) {
            self.described(driver, link);
            self.weigh_stun(driver, link);
        }
    }

    /// Tells the description, once.
    fn described(&self, driver: &Rc<Driver>, link: LinkId) {
        if self.of(link, |link| link.gathering.take().is_some()) != Some(true) {
            return;
        }
        let described = self.of(link, |link| (link.is_offerer, link.sdp()));
        let Some((is_offerer, Some(sdp))) = described else { return self.lose(driver, link) };
        let sdp = sdp.split_inclusive('\n').filter(|line| line.trim_end() != TRICKLE).collect();
        driver.tell(if is_offerer {
            Input::Offered { link, sdp }
        } else {
            Input::Answered { link, sdp }
        });
    }

    fn miss(&self, driver: &Rc<Driver>, link: LinkId, event: &RtcPeerConnectionIceErrorEvent) {
        if event.error_code() == UNREACHABLE {
            self.of(link, |link| link.is_missed = true);
            self.weigh_stun(driver, link);
        }
    }

    /// The STUN server can't be reached from one interface, but perhaps from another: when all is gathered, it is known.
    fn weigh_stun(&self, driver: &Rc<Driver>, link: LinkId) {
        let is_over = |link: &mut Link| link.is_missed && link.is_gathered();
        if self.of(link, |link| is_over(link) && !link.is_reflected()) == Some(true) {
            self.lack_stun(driver);
        }
    }

    /// The STUN server had time enough. Browsers themselves wait for 40 s, longer than many a connection lasts.
    fn give_up_stun(&self, driver: &Rc<Driver>, link: LinkId) {
        if self.of(link, |link| !link.is_gathered() && !link.is_reflected()) == Some(true) {
            self.lack_stun(driver);
        }
    }

    /// Tells, once, that no server tells this viewer its address.
    fn lack_stun(&self, driver: &Rc<Driver>) {
        if !self.is_unreflected.replace(true) {
            driver.tell(Input::Unreflected);
        }
    }

    fn watch(&self, driver: &Rc<Driver>, link: LinkId) {
        let state = self.of(link, |link| link.connection.connection_state());
        if let Some(RtcPeerConnectionState::Failed | RtcPeerConnectionState::Closed) = state {
            self.lose(driver, link);
        }
    }

    /// Lets whoever made the offer speak first, for a while: Chromium loses now and then what reaches an offering end before
    /// its channel is open, and this end's channel opens earlier.
    fn let_speak(&self, driver: &Rc<Driver>, link: LinkId) {
        if self.of(link, |link| link.is_offerer) == Some(true) {
            return self.opened(driver, link);
        }
        let greeting =
            after(driver, link, GREETING_MS, |driver, link| driver.peers.opened(driver, link));
        self.of(link, |link| link.greeting = Some(greeting));
    }

    fn opened(&self, driver: &Rc<Driver>, link: LinkId) {
        if self.of(link, |link| std::mem::replace(&mut link.is_open, true)) == Some(false) {
            driver.tell(Input::Connected { link });
        }
    }

    /// Keeps a message, or hands a command to the engine. A text is nobody's language and only counted.
    fn hear(&self, driver: &Rc<Driver>, link: LinkId, event: &MessageEvent) {
        self.opened(driver, link);
        let Some(kept_under) = self.of(link, |link| link.kept_under) else { return };
        let data = event.data();
        let Some(buffer) = data.dyn_ref::<ArrayBuffer>() else {
            let length = data.dyn_ref::<JsString>().map_or(0, JsString::length);
            return driver.tell(Input::Received { link, bytes: u64::from(length) });
        };
        let message = Uint8Array::new(buffer);
        if message.length() <= LONGEST_MESSAGE {
            if is_mistakable(&message) {
                return driver.tell(Input::Said { link, message: message.to_vec() });
            }
            if let Some(request) = kept_under {
                driver.bodies.append(request, message);
            }
        }
        driver.tell(Input::Received { link, bytes: u64::from(buffer.byte_length()) });
    }

    /// Tells, once for each gift, that it is sent, or almost.
    fn drain(&self, driver: &Rc<Driver>, link: LinkId) {
        let is_drained = self.of(link, |link| {
            let waiting = link.channel.as_ref().map_or(0, RtcDataChannel::buffered_amount);
            waiting <= ALMOST_BYTES && std::mem::take(&mut link.is_draining)
        });
        if is_drained == Some(true) {
            driver.tell(Input::Drained { link });
        }
    }

    /// A connection ended by itself, or can't be had.
    fn lose(&self, driver: &Rc<Driver>, link: LinkId) {
        if self.end(link) {
            driver.tell(Input::Disconnected { link });
        }
    }

    /// Ends a connection, if there is one.
    fn end(&self, link: LinkId) -> bool {
        let ended = self.links.borrow_mut().remove(&link);
        ended.map(Link::close).is_some()
    }

    fn channel(&self, link: LinkId) -> Option<RtcDataChannel> {
        self.of(link, |link| link.channel.clone()).flatten()
    }

    /// Looks at a link, or changes it. `act` must not call the engine.
    fn of<T>(&self, link: LinkId, act: impl FnOnce(&mut Link) -> T) -> Option<T> {
        self.links.borrow_mut().get_mut(&link).map(act)
    }
}

impl Link {
    fn is_gathered(&self) -> bool {
        self.connection.ice_gathering_state() == RtcIceGatheringState::Complete
    }

    /// A STUN server told an address.
    fn is_reflected(&self) -> bool {
        self.sdp().is_some_and(|sdp| sdp.split(' ').any(|word| word == REFLECTED))
    }

    /// This end's description, with the candidates known so far.
    fn sdp(&self) -> Option<String> {
        self.connection.local_description().map(|description| description.sdp())
    }

    fn close(self) {
        if let Some(channel) = &self.channel {
            channel.close();
        }
        self.connection.close();
    }
}

/// Listens for what happens to a link. All listeners are of one kind, for each kind would take room in the module.
fn on(
    driver: &Rc<Driver>,
    link: LinkId,
    target: &EventTarget,
    name: &'static str,
    act: fn(&Rc<Driver>, LinkId, &Event),
) -> EventListener {
    let driver = Rc::downgrade(driver);
    EventListener::new(target, name, move |event| {
        with(&driver, |driver| act(driver, link, event));
    })
}

/// Acts on a link after a while, unless the timer is dropped before.
fn after(driver: &Rc<Driver>, link: LinkId, wait_ms: u32, act: fn(&Rc<Driver>, LinkId)) -> Timeout {
    let driver = Rc::downgrade(driver);
    Timeout::new(wait_ms, move || with(&driver, |driver| act(driver, link)))
}

/// Makes this end's description, of an offer or of the answer to one, and then waits for candidates.
fn describe(
    driver: &Rc<Driver>,
    link: LinkId,
    connection: RtcPeerConnection,
    offer: Option<String>,
) {
    let driver = Rc::downgrade(driver);
    spawn_local(async move {
        let is_set = set_description(&connection, offer).await.is_ok();
        with(&driver, |driver| match is_set {
            true => driver.peers.wait(driver, link),
            false => driver.peers.lose(driver, link),
        });
    });
}

async fn set_description(
    connection: &RtcPeerConnection,
    offer: Option<String>,
) -> Result<(), JsValue> {
    let made = match offer {
        Some(sdp) => {
            let offer = description(RtcSdpType::Offer, &sdp);
            JsFuture::from(connection.set_remote_description(&offer)).await?;
            connection.create_answer()
        }
        None => connection.create_offer(),
    };
    let made = JsFuture::from(made).await?;
    JsFuture::from(connection.set_local_description(made.unchecked_ref())).await?;
    Ok(())
}

fn description(kind: RtcSdpType, sdp: &str) -> RtcSessionDescriptionInit {
    let description = RtcSessionDescriptionInit::new(kind);
    description.set_sdp(sdp);
    description
}

/// Cuts bytes into messages that nobody takes for commands, by the rule of [`wire::peer::data_messages`].
fn data_messages(bytes: &Uint8Array) -> Vec<Uint8Array> {
    let (mut messages, mut at) = (Vec::new(), 0);
    while at < bytes.length() {
        let end = bytes.length().min(at + DATA_BYTES as u32);
        let message = bytes.subarray(at, end);
        let end = if is_mistakable(&message) { end - 1 } else { end };
        messages.push(bytes.subarray(at, end));
        at = end;
    }
    messages
}

/// Whether a message is a command, or looks like one.
fn is_mistakable(message: &Uint8Array) -> bool {
    let length = message.length();
    let part = |from: u32, to: u32| message.subarray(from, to).to_vec();
    length >= 8 && is_command(&part(0, 4), &part(length - 4, length))
}

/// A name as stock players give their channels: 40 random hex digits.
fn label() -> String {
    let digit = |_| char::from_digit((js_sys::Math::random() * 16.0) as u32, 16);
    (0..40).filter_map(digit).collect()
}

/// What others may send.
const LONGEST_MESSAGE: u32 = MESSAGE_BYTES as u32;
/// Less than this still waits to be sent: so near its end that the line won't run dry until more is given.
const ALMOST_BYTES: u32 = 64 << 10;
/// Candidates of interfaces come at once, those of a STUN server after one trip; what takes longer seldom comes at all.
const GATHERING_MS: u32 = 2_000;
/// Browsers have asked four times by then (RFC 8489, section 6.2.1): it isn't chance that loses the answers. Shorter than an
/// offer lasts, so that a viewer whom nobody answers learns it too.
const REFLECTING_MS: u32 = 6_000;
/// Longer than the word of the other end takes around the world; where it says nothing, somebody has to.
const GREETING_MS: u32 = 500;
/// Stock players announce complete descriptions, and so without the promise of candidates that follow (RFC 8838).
const TRICKLE: &str = "a=ice-options:trickle";
/// The type of a candidate that a STUN server told (RFC 8839, section 5.1); blanks surround it.
const REFLECTED: &str = "srflx";
/// The server couldn't be reached (W3C WebRTC, `RTCPeerConnectionIceErrorEvent.errorCode`).
const UNREACHABLE: u16 = 701;
