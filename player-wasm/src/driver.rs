//! The loop between the engine and the browser: one input, then every output, then sleep until the deadline.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::{Rc, Weak};
use std::time::Duration;

use gloo_events::EventListener;
use gloo_timers::callback::{Interval, Timeout};
use js_sys::{Function, Map, Object, Reflect, Uint8Array};
use swarm::{
    Config, Content, Engine, Event, Hindrance, Input, Mime, Output, Quality, Sharing, Span, Time,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{CustomEvent, CustomEventInit, EventTarget, HtmlElement};

use crate::bodies::Bodies;
use crate::http::{Ask, Http};
use crate::media::{self, Media, Way};
use crate::page::Page;
use crate::peers::Peers;
use crate::settings::{self, Settings};
use crate::stats::{self, Told};
use crate::tracker::{self, Tracker};
use crate::verifier::Verifier;

/// One playing video.
#[derive(Debug)]
pub(crate) struct Driver {
    host: HtmlElement,
    settings: Settings,
    engine: RefCell<Engine>,
    /// What happened while the engine's last wishes were still being carried out.
    inbox: RefCell<VecDeque<Input>>,
    is_busy: Cell<bool>,
    pub(crate) bodies: Bodies,
    pub(crate) http: Http,
    pub(crate) tracker: Tracker,
    pub(crate) peers: Peers,
    pub(crate) verifier: Verifier,
    pub(crate) media: Media,
    page: Page,
    timer: RefCell<Option<Timeout>>,
    listeners: RefCell<Vec<EventListener>>,
    ticker: RefCell<Option<Interval>>,
    clock: Clock,
    /// What the page and the viewer allow, whatever the line costs.
    sharing: Cell<Sharing>,
    /// What the engine was told last.
    permitted: Cell<Option<Sharing>>,
    /// What keeps viewers from sharing.
    hindrance: Cell<Option<Hindrance>>,
}

/// Moments in milliseconds of the page's clock.
#[derive(Debug)]
struct Clock {
    began_ms: f64,
    /// When the viewer, or the page, wanted a picture.
    wanted_ms: Cell<Option<f64>>,
    /// How long the picture took from then on.
    startup_ms: Cell<Option<f64>>,
}

impl Driver {
    pub(crate) fn start(host: HtmlElement, early: Map, verifier: Function) -> Rc<Driver> {
        let settings = Settings::of(&host);
        let page = Page::build(&host, &settings);
        let config = Config {
            seed: (js_sys::Math::random() * (1u64 << 53) as f64) as u64,
            estimate_bps: settings::remembered(settings::RATE).map(|bps| bps as u64),
            neighbours: settings::neighbours(),
            live_delay: None,
            expects_live: settings.is_live,
            mirrors: settings.mirrors.clone(),
            supports: media::supports,
        };
        let tracker = tracker::address(&host, &settings.src);
        let driver = Rc::new(Driver {
            bodies: Bodies::default(),
            tracker: Tracker::new(&tracker),
            peers: Peers::new(tracker::stun(&host, &tracker)),
            verifier: Verifier::new(verifier),
            host,
            engine: RefCell::new(Engine::new(config)),
            inbox: RefCell::default(),
            is_busy: Cell::new(false),
            http: Http::new(early),
            media: Media::new(page.video()),
            page,
            timer: RefCell::default(),
            listeners: RefCell::default(),
            ticker: RefCell::default(),
            clock: Clock {
                began_ms: now_ms(),
                wanted_ms: Cell::new(None),
                startup_ms: Cell::new(None),
            },
            sharing: Cell::default(),
            permitted: Cell::default(),
            hindrance: Cell::default(),
            settings,
        });
        driver.listen();
        driver.open();
        driver
    }

    fn open(self: &Rc<Self>) {
        let position = self.settings.start;
        match self.media.way() {
            Way::Engine => self.tell(Input::Opened { url: self.settings.src.clone(), position }),
            Way::Native => {
                self.media.video.set_src(&self.settings.src);
                self.media.video.set_current_time(position.as_secs_f64());
            }
            Way::None => self.fail(
                "This browser has no way to play this video: it lacks Media Source Extensions.",
            ),
        }
        if !position.is_zero() {
            self.media.video.set_current_time(position.as_secs_f64());
        }
        if self.settings.autoplay {
            self.play();
        }
    }

    /// Hands the engine one input and carries out what it wants. Safe to call while that goes on.
    pub(crate) fn tell(self: &Rc<Self>, input: Input) {
        self.inbox.borrow_mut().push_back(input);
        if self.is_busy.replace(true) {
            return;
        }
        while let Some(input) = self.next_input() {
            self.engine.borrow_mut().handle(self.now(), input);
            while let Some(output) = self.next_output() {
                self.perform(output);
            }
        }
        self.is_busy.set(false);
        self.sleep();
    }

    fn next_input(&self) -> Option<Input> {
        self.inbox.borrow_mut().pop_front()
    }

    fn next_output(&self) -> Option<Output> {
        self.engine.borrow_mut().poll()
    }

    fn perform(self: &Rc<Self>, output: Output) {
        match output {
            Output::Fetch { request, base, uri, range, wanted } => {
                let url = settings::absolute(&uri, &base);
                self.http.fetch(self, Ask { request, url, range, wanted });
            }
            Output::Cancel(request) => self.http.cancel(request),
            Output::Forget(request) => self.bodies.forget(request),
            Output::Prepare { duration, mime } => self.prepare(duration, mime),
            Output::Append { request, content, bytes } => {
                if let Err(refused) = self.append(&self.bodies.whole(request), content, bytes) {
                    self.tell(refused);
                }
            }
            Output::Evict(span) => self.evict(span),
            Output::Finish => self.media.finish(),
            Output::Jump(position) => self.media.video.set_current_time(position.as_secs_f64()),
            Output::Join { request, parts } => self.bodies.join(request, &parts),
            Output::Check { request, bytes, hash } => {
                self.verifier.check(self, (request, bytes), hash);
            }
            Output::Verify { key, message, signature } => {
                self.verifier.verify(self, &key, &message, &signature);
            }
            Output::OpenTracker => self.tracker.open(self),
            Output::TellTracker(text) => self.tracker.say(self, &text),
            Output::CloseTracker => self.tracker.close(),
            Output::Offer { link } => self.peers.offer(self, link),
            Output::Answer { link, sdp } => self.peers.answer(self, link, sdp),
            Output::Accept { link, sdp } => self.peers.accept(self, link, &sdp),
            Output::Disconnect { link } => self.peers.disconnect(link),
            Output::Say { link, message } => self.peers.say(self, link, &message),
            Output::Give { link, request, start, bytes } => {
                self.peers.give(self, link, &self.bodies.slice(request, start, bytes));
            }
            Output::Receive { link, request } => self.peers.receive(link, request),
            Output::Report(event) => self.report(event),
        }
    }

    fn prepare(self: &Rc<Self>, duration: Option<Duration>, mime: Mime) {
        let Some(mime) = self.mime(mime) else { return self.tell(Input::Rejected) };
        let position = self.media.position();
        let was_playing = !self.media.video.paused();
        self.media.prepare(self, duration, &mime);
        if !position.is_zero() {
            self.media.video.set_current_time(position.as_secs_f64());
        }
        if was_playing {
            self.play();
        }
    }

    fn append(&self, body: &Uint8Array, content: Content, range: Range<u64>) -> Result<(), Input> {
        let goes_on = matches!(content, Content::More | Content::Rest);
        self.media.begin(!goes_on);
        match content {
            Content::Init(mime) => {
                let mime = self.mime(mime).ok_or(Input::Rejected)?;
                self.media.change(&mime, body)?;
            }
            Content::Segment(start) => {
                Media::check(body)?;
                self.media.place(body, start)?;
            }
            Content::Head(start) => {
                self.media.place(body, start)?;
                self.media.leave_open();
            }
            Content::More => self.media.leave_open(),
            Content::Rest => Media::check(body)?,
        }
        self.media.append(&body.subarray(range.start as u32, range.end as u32))
    }

    fn evict(self: &Rc<Self>, span: Span) {
        if !self.media.evict(span) {
            self.tell(Input::Updated);
        }
    }

    /// A type with its codecs, which the media tells where no playlist does.
    fn mime(&self, mime: Mime) -> Option<String> {
        match mime {
            Mime::Told(mime) => Some(mime),
            Mime::In(request) => media::mime_of(&self.bodies.whole(request)),
        }
    }

    /// The source buffer ended an operation.
    pub(crate) fn updated(self: &Rc<Self>, is_broken: bool) {
        self.tell(if is_broken { Input::Undecodable } else { Input::Updated });
        self.tell(self.played());
    }

    fn played(&self) -> Input {
        Input::Played {
            position: self.media.position(),
            buffered: self.media.buffered(),
            is_starved: self.media.is_starved(),
            speed: if self.media.video.paused() { 0.0 } else { self.media.video.playback_rate() },
        }
    }

    fn report(&self, event: Event) {
        match event {
            Event::Opened(renditions) => self.page.show_qualities(&renditions),
            Event::Switched(rendition) => self.page.show_rendition(rendition),
            Event::Released => self.page.show_quality(Quality::Auto),
            Event::Trouble(trouble) => self.page.show_notice(&trouble.to_string()),
            Event::Recovered => self.page.hide_notice(),
            Event::Failed(fatal) => self.fail(&fatal.to_string()),
            Event::Hindered(hindrance) => self.hindrance.set(hindrance),
        }
    }

    fn fail(&self, message: &str) {
        self.page.show_failure(message);
        self.announce("shoal:error", &message.into());
    }

    /// Fires an event on the element, after the current work is done, so that a listener may call anything.
    fn announce(&self, name: &'static str, detail: &JsValue) {
        let (host, detail) = (self.host.clone(), detail.clone());
        spawn_local(async move {
            let init = CustomEventInit::new();
            init.set_detail(&detail);
            if let Ok(event) = CustomEvent::new_with_event_init_dict(name, &init) {
                let _ = host.dispatch_event(&event);
            }
        });
    }

    fn sleep(self: &Rc<Self>) {
        let deadline = self.engine.borrow().next_deadline();
        let driver = Rc::downgrade(self);
        *self.timer.borrow_mut() = deadline.map(|deadline| {
            let wait = deadline.at.since(self.now()).as_millis().min(LONGEST_SLEEP_MS);
            Timeout::new(wait as u32 + 1, move || with(&driver, |driver| driver.tell(Input::Woken)))
        });
    }

    fn now(&self) -> Time {
        Time::at(settings::duration((now_ms() - self.clock.began_ms) / 1000.0))
    }

    fn listen(self: &Rc<Self>) {
        let video = &self.media.video;
        let on = |name: &'static str, act: fn(&Rc<Driver>)| {
            let driver = Rc::downgrade(self);
            EventListener::new(video, name, move |_| with(&driver, act))
        };
        let listeners = vec![
            on("play", Driver::on_play),
            on("playing", Driver::on_playing),
            on("seeking", |driver| {
                driver.tell(Input::Seeked { position: driver.media.position() })
            }),
            on("loadedmetadata", |driver| driver.announce("shoal:ready", &JsValue::NULL)),
            on("error", Driver::on_error),
            on("timeupdate", Driver::on_change),
            on("waiting", Driver::on_change),
            on("pause", Driver::on_change),
            on("seeked", Driver::on_change),
            on("ended", Driver::on_change),
        ];
        self.listeners.borrow_mut().extend(listeners);
        let wired = self.page.listen(self);
        self.listeners.borrow_mut().extend(wired);
        if let Some(line) = line() {
            let driver = Rc::downgrade(self);
            let on_line = EventListener::new(&line, "change", move |_| {
                with(&driver, |driver| driver.permit(driver.sharing.get()));
            });
            self.listeners.borrow_mut().push(on_line);
        }
        let driver = Rc::downgrade(self);
        *self.ticker.borrow_mut() = Some(Interval::new(1000, move || with(&driver, Driver::tick)));
    }

    fn on_play(self: &Rc<Self>) {
        if self.clock.wanted_ms.get().is_none() {
            let began_ms = if self.settings.autoplay { self.clock.began_ms } else { now_ms() };
            self.clock.wanted_ms.set(Some(began_ms));
            self.page.introduce(self);
        }
        self.tell(Input::Started);
        self.page.wake(self);
        self.on_change();
    }

    fn on_playing(self: &Rc<Self>) {
        if let (Some(wanted_ms), None) = (self.clock.wanted_ms.get(), self.clock.startup_ms.get()) {
            self.clock.startup_ms.set(Some(now_ms() - wanted_ms));
        }
        self.on_change();
    }

    fn on_change(self: &Rc<Self>) {
        self.tell(self.played());
        self.page.refresh();
    }

    /// The media element gave up by itself: on bytes of ours, or on a playlist that it plays alone.
    fn on_error(self: &Rc<Self>) {
        let Some(error) = self.media.video.error() else { return };
        match self.media.way() {
            Way::Engine => self.tell(Input::Undecodable),
            _ => self.fail(&format!("This video cannot be played. {}", error.message())),
        }
    }

    fn tick(self: &Rc<Self>) {
        self.on_change();
        if let Some(bps) = self.engine.borrow().stats(self.now()).measured_bps {
            settings::remember(settings::RATE, bps as f64);
        }
        if !self.media.video.paused() {
            self.announce("shoal:stats", &self.stats());
        }
    }

    /// Plays; a browser that forbids it without a gesture leaves the big button to the viewer.
    pub(crate) fn play(self: &Rc<Self>) {
        let Ok(started) = self.media.video.play() else { return };
        let driver = Rc::downgrade(self);
        spawn_local(async move {
            if JsFuture::from(started).await.is_err() {
                with(&driver, |driver| driver.page.refresh());
            }
        });
    }

    pub(crate) fn choose(self: &Rc<Self>, quality: Quality) {
        self.tell(Input::Chosen(quality));
        self.page.show_quality(quality);
    }

    /// Allows sharing as far as the page and the viewer want it, this browser can and the line isn't dear.
    pub(crate) fn permit(self: &Rc<Self>, sharing: Sharing) {
        self.sharing.set(sharing);
        let permitted = match sharing {
            _ if !settings::can_share() => Sharing::Off,
            Sharing::Full if is_dear() => Sharing::Receive,
            sharing => sharing,
        };
        if self.permitted.replace(Some(permitted)) != Some(permitted) {
            self.tell(Input::Permitted(permitted));
        }
    }

    /// Starts afresh after a failure.
    pub(crate) fn retry(&self) {
        let src = self.host.get_attribute("src").unwrap_or_default();
        let _ = self.host.set_attribute("src", &src);
    }

    pub(crate) fn stats(&self) -> Object {
        let stats = self.engine.borrow().stats(self.now());
        let position = self.media.position();
        let ahead = self
            .media
            .buffered()
            .iter()
            .find(|span| span.start <= position && position < span.end)
            .map(|span| span.end);
        let video = &self.media.video;
        let told = Told::new();
        told.say("httpBytes", stats.http_bytes as f64);
        told.say("mirrorBytes", stats.mirror_bytes as f64);
        told.say("p2pBytes", stats.p2p_bytes as f64);
        told.say("uploadedBytes", stats.uploaded_bytes as f64);
        told.say("peers", stats.peers as f64);
        told.say("rejectedPieces", stats.rejected_pieces);
        told.say("duplicateBytes", stats.duplicate_bytes as f64);
        let held = ahead.map_or(0.0, |end| end.saturating_sub(position).as_secs_f64());
        told.say("bufferSeconds", held);
        told.say("startupMs", self.clock.startup_ms.get().map_or(JsValue::NULL, JsValue::from));
        told.say("stalls", stats.stalls);
        told.say("stallMs", stats.stalled.as_millis() as f64);
        told.say("droppedFrames", video.get_video_playback_quality().dropped_video_frames());
        told.say("height", video.video_height().min(video.video_width()));
        let delay = stats.live_delay.map(|delay| delay.as_secs_f64());
        told.say("liveLatencySeconds", delay.map_or(JsValue::NULL, JsValue::from));
        told.say("sharing", stats::sharing(self.page.consent().sharing()));
        told.say("trust", stats::trust(stats.trust));
        let hindrance = self.hindrance.get().map(stats::hindrance);
        told.say("hindrance", hindrance.map_or(JsValue::NULL, JsValue::from));
        told.done()
    }

    pub(crate) fn close(&self) {
        self.timer.take();
        self.ticker.take();
        self.listeners.take();
        self.tracker.close();
        self.peers.close();
        self.http.close();
        self.bodies.clear();
        self.media.close();
        self.page.clear();
    }

    pub(crate) fn page(&self) -> &Page {
        &self.page
    }
}

/// Runs `act` if the player is still there.
pub(crate) fn with(driver: &Weak<Driver>, act: impl FnOnce(&Rc<Driver>)) {
    if let Some(driver) = driver.upgrade() {
        act(&driver);
    }
}

/// What the browser knows of the line, `navigator.connection`; some say nothing.
fn line() -> Option<EventTarget> {
    let navigator = web_sys::window()?.navigator();
    Reflect::get(&navigator, &"connection".into()).ok()?.dyn_into().ok()
}

/// Whether what is sent costs the viewer money, or may.
fn is_dear() -> bool {
    line().is_some_and(|line| {
        let told = |name: &str| Reflect::get(&line, &name.into()).unwrap_or_default();
        told("saveData").is_truthy() || told("type") == "cellular"
    })
}

/// Milliseconds of `performance.now()`.
pub(crate) fn now_ms() -> f64 {
    web_sys::window()
        .and_then(|window| window.performance())
        .map_or(0.0, |performance| performance.now())
}

/// Timers count in 32 bits; waking once an hour for nothing is no burden.
const LONGEST_SLEEP_MS: u128 = 3_600_000;
