//! The element's shadow tree: controls, menus, notices, keys. It shows and asks; the driver acts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::{EventListener, EventListenerOptions};
use gloo_timers::callback::Timeout;
use js_sys::{Array, Function, Reflect};
use swarm::{Quality, RenditionInfo};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    CssStyleSheet, Element, Event, HtmlElement, HtmlInputElement, HtmlVideoElement, KeyboardEvent,
    ShadowRoot,
};

use crate::consent::Consent;
use crate::driver::{Driver, with};
use crate::settings::{self, Choice, Settings, number};

/// The shadow tree.
#[derive(Debug)]
pub(crate) struct Page {
    host: HtmlElement,
    root: ShadowRoot,
    video: HtmlVideoElement,
    player: Element,
    /// Heights of the renditions, for the quality button.
    labels: RefCell<Vec<String>>,
    quality: Cell<Quality>,
    rendition: Cell<usize>,
    /// Hides the controls when nothing moves for a while.
    idle: RefCell<Option<Timeout>>,
    has_page_keys: bool,
    consent: Consent,
}

impl Page {
    /// Fills the host's shadow root.
    pub(crate) fn build(host: &HtmlElement, settings: &Settings) -> Page {
        let root = host.shadow_root().expect("www/player.js attaches the shadow root first");
        adopt_style(&root);
        root.set_inner_html(CONTROLS);
        let player = find(&root, ".player");
        let video: HtmlVideoElement = find(&root, "video").unchecked_into();
        let _ = video.set_attribute("aria-label", settings.title.as_deref().unwrap_or("Video"));
        // Nobody sees the poster of a video that plays at once; on a narrow line it would delay the first segment.
        if let Some(poster) = settings.poster.as_ref().filter(|_| !settings.autoplay) {
            video.set_poster(poster);
        }
        video.set_loop(settings.is_loop);
        video.set_muted(settings.muted || settings::remembered(settings::MUTED) == Some(1.0));
        video.set_volume(settings::remembered(settings::VOLUME).unwrap_or(1.0).min(1.0));
        let page = Page {
            host: host.clone(),
            video,
            player,
            labels: RefCell::default(),
            quality: Cell::default(),
            rendition: Cell::default(),
            idle: RefCell::default(),
            has_page_keys: settings.has_page_keys,
            consent: Consent::new(find(&root, ".consent"), settings),
            root,
        };
        page.toggle("bare", !settings.has_controls);
        page.refresh();
        page
    }

    pub(crate) fn video(&self) -> HtmlVideoElement {
        self.video.clone()
    }

    /// Wires every control to the driver.
    pub(crate) fn listen(&self, driver: &Rc<Driver>) -> Vec<EventListener> {
        let on =
            |target: &web_sys::EventTarget, name: &'static str, act: fn(&Rc<Driver>, &Event)| {
                let driver = Rc::downgrade(driver);
                let options = EventListenerOptions::enable_prevent_default();
                EventListener::new_with_options(target, name, options, move |event| {
                    with(&driver, |driver| act(driver, event))
                })
            };
        let mut listeners = vec![
            on(&self.root, "click", |driver, event| driver.page().clicked(driver, event)),
            on(&self.root, "input", |driver, event| driver.page().slid(driver, event)),
            on(&self.root, "dblclick", |driver, event| driver.page().double_clicked(event)),
            on(&self.player, "pointermove", |driver, _| driver.page().wake(driver)),
            on(&self.player, "focusin", |driver, _| driver.page().wake(driver)),
            on(&self.video, "volumechange", |driver, _| driver.page().volume_changed()),
            on(&self.video, "progress", |driver, _| driver.page().refresh()),
            on(&self.host, "keydown", |driver, event| driver.page().key(driver, event)),
        ];
        if self.has_page_keys
            && let Some(body) = document().and_then(|document| document.body())
        {
            listeners.push(on(&body, "keydown", |driver, event| driver.page().key(driver, event)));
        }
        listeners
    }

    /// Shows what the media element is at.
    pub(crate) fn refresh(&self) {
        let video = &self.video;
        let (position, is_live) = (video.current_time(), video.duration() == f64::INFINITY);
        let duration = match video.duration() {
            _ if is_live => self.held_until(position),
            duration if duration.is_finite() => duration,
            _ => 0.0,
        };
        let seek: HtmlInputElement = self.find("[data-role=seek]").unchecked_into();
        seek.set_max(&number(duration));
        seek.set_value(&number(position));
        let _ = seek.set_attribute(
            "aria-valuetext",
            &format!("{} of {}", clock(position), clock(duration)),
        );
        let share =
            |seconds: f64| if duration > 0.0 { (seconds / duration).clamp(0.0, 1.0) } else { 0.0 };
        let bar: HtmlElement = self.find(".bar").unchecked_into();
        let _ = bar.style().set_property("--played", &number(share(position)));
        let _ = bar.style().set_property("--held", &number(share(self.held_until(position))));
        self.find("[data-role=position]").set_text_content(Some(&clock(position)));
        self.find("[data-role=duration]").set_text_content(Some(&if is_live {
            "Live".to_owned()
        } else {
            clock(duration)
        }));
        self.toggle("playing", !video.paused());
        self.toggle("muted", video.muted() || video.volume() == 0.0);
        let is_waiting =
            video.seeking() || (!video.paused() && !video.ended() && video.ready_state() < 3);
        self.show(".spinner", is_waiting && !self.player.class_list().contains("failed"));
        let label = if video.paused() { "Play" } else { "Pause" };
        let _ = self.find(".row [data-action=play]").set_attribute("aria-label", label);
        let _ = self
            .find("[data-action=mute]")
            .set_attribute("aria-pressed", &video.muted().to_string());
        self.find("[data-role=volume]")
            .unchecked_into::<HtmlInputElement>()
            .set_value(&number(video.volume()));
    }

    fn held_until(&self, position: f64) -> f64 {
        let ranges = self.video.buffered();
        let ends = (0..ranges.length())
            .filter_map(|at| Some((ranges.start(at).ok()?, ranges.end(at).ok()?)));
        ends.filter(|(start, end)| *start <= position + 0.5 && position <= *end)
            .map(|(_, end)| end)
            .fold(0.0, f64::max)
    }

    /// Fills the quality menu, best first.
    pub(crate) fn show_qualities(&self, renditions: &[RenditionInfo]) {
        let labels: Vec<String> = renditions.iter().map(label).collect();
        let menu = self.find(MENU);
        menu.set_text_content(None);
        for (number, label) in labels.iter().enumerate().rev() {
            let height = renditions[number]
                .height
                .map_or_else(|| number.to_string(), |height| height.to_string());
            add_choice(
                &menu,
                label,
                &[("data-quality", &height), ("data-rendition", &number.to_string())],
            );
        }
        add_choice(&menu, "Auto", &[("data-quality", "auto")]);
        *self.labels.borrow_mut() = labels;
        self.show_quality(self.quality.get());
    }

    pub(crate) fn show_rendition(&self, rendition: usize) {
        self.rendition.set(rendition);
        self.show_quality(self.quality.get());
    }

    /// Marks the chosen quality, and what it comes to.
    pub(crate) fn show_quality(&self, quality: Quality) {
        self.quality.set(quality);
        let labels = self.labels.borrow();
        let now = labels.get(self.rendition.get()).map_or("", String::as_str);
        let text = match quality {
            Quality::Auto if now.is_empty() => "Auto".to_owned(),
            Quality::Auto => format!("Auto {now}"),
            Quality::Fixed(_) => now.to_owned(),
        };
        self.find("[data-action=quality]").set_text_content(Some(&text));
        let chosen = match quality {
            Quality::Auto => "[data-quality=auto]".to_owned(),
            Quality::Fixed(number) => format!("[data-rendition=\"{number}\"]"),
        };
        self.mark(&chosen);
    }

    /// Says over the picture what is amiss with playback. `www/panel.js` says other things there, marked as hints.
    pub(crate) fn show_notice(&self, text: &str) {
        let notice = self.find(".notice");
        notice.set_text_content(Some(text));
        let _ = notice.class_list().remove_1("hint");
        self.show(".notice", true);
    }

    pub(crate) fn hide_notice(&self) {
        self.show(".notice:not(.hint)", false);
    }

    /// Says what sharing shows to others, then lets the engine begin with it.
    pub(crate) fn introduce(&self, driver: &Rc<Driver>) {
        self.consent.introduce(driver);
        driver.permit(self.consent.sharing());
    }

    /// The viewer decided about sharing.
    fn decide(&self, driver: &Rc<Driver>, choice: Choice) {
        driver.permit(self.consent.answer(choice));
    }

    pub(crate) fn consent(&self) -> &Consent {
        &self.consent
    }

    /// Puts a failure in the picture's place.
    pub(crate) fn show_failure(&self, text: &str) {
        self.find(".failure p").set_text_content(Some(text));
        self.hide_notice();
        self.show(".failure", true);
        self.toggle("failed", true);
        self.refresh();
    }

    pub(crate) fn clear(&self) {
        self.idle.take();
        self.consent.close();
        self.root.set_inner_html("");
    }

    fn clicked(&self, driver: &Rc<Driver>, event: &Event) {
        let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok())
        else {
            return;
        };
        if let Ok(Some(button)) = target.closest("button") {
            return self.pressed(driver, &button);
        }
        self.close_menus();
        if target.is_same_node(Some(&self.video)) {
            self.toggle_play(driver);
        }
    }

    fn pressed(&self, driver: &Rc<Driver>, button: &Element) {
        if let Some(quality) = button.get_attribute("data-quality") {
            let rendition =
                button.get_attribute("data-rendition").and_then(|number| number.parse().ok());
            driver.choose(
                rendition.filter(|_| quality != "auto").map_or(Quality::Auto, Quality::Fixed),
            );
            return self.close_menus();
        }
        let action = button.get_attribute("data-action").unwrap_or_default();
        match action.as_str() {
            "quality" => return self.toggle_menu(),
            "retry" => driver.retry(),
            "accept" => self.decide(driver, self.consent.yes()),
            "decline" => self.decide(driver, Choice::Off),
            _ => self.act(driver, &action),
        }
        self.close_menus();
    }

    fn act(&self, driver: &Rc<Driver>, action: &str) {
        match action {
            "play" => self.toggle_play(driver),
            "mute" => self.video.set_muted(!self.video.muted()),
            "fullscreen" => self.toggle_fullscreen(),
            FEEDS => self.open_feeds(!self.player.class_list().contains(FEEDS)),
            _ => {}
        }
    }

    /// Opens the panel of `www/panel.js`, now or when it comes.
    fn open_feeds(&self, is_open: bool) {
        self.toggle(FEEDS, is_open);
        let _ =
            self.find("[data-action=feeds]").set_attribute("aria-expanded", &is_open.to_string());
    }

    fn toggle_play(&self, driver: &Rc<Driver>) {
        if self.video.paused() {
            driver.play();
        } else {
            let _ = self.video.pause();
        }
    }

    fn toggle_fullscreen(&self) {
        let Some(document) = document() else { return };
        if document.fullscreen_element().is_some() {
            document.exit_fullscreen();
        } else if self.host.request_fullscreen().is_err() {
            // iPhones show nothing but the bare video full screen.
            call(&self.video, "webkitEnterFullscreen");
        }
    }

    fn double_clicked(&self, event: &Event) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|target| target.is_same_node(Some(&self.video))) {
            self.toggle_fullscreen();
        }
    }

    fn slid(&self, driver: &Rc<Driver>, event: &Event) {
        let Some(input) =
            event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        else {
            return;
        };
        let value = input.value_as_number();
        match input.get_attribute("data-role").as_deref() {
            Some("seek") => self.video.set_current_time(value),
            Some("volume") => self.set_volume(value),
            Some("sharing") if input.checked() => self.decide(driver, self.consent.yes()),
            Some("sharing") => self.decide(driver, Choice::Off),
            _ => {}
        }
    }

    fn set_volume(&self, volume: f64) {
        self.video.set_volume(volume.clamp(0.0, 1.0));
        self.video.set_muted(volume <= 0.0);
    }

    fn volume_changed(&self) {
        settings::remember(settings::VOLUME, self.video.volume());
        settings::remember(settings::MUTED, f64::from(u8::from(self.video.muted())));
        self.refresh();
    }

    /// The keys that count before there is a picture; `www/controls.js` has the others that video sites have in common.
    fn key(&self, driver: &Rc<Driver>, event: &Event) {
        let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
        if key.default_prevented()
            || key.ctrl_key()
            || key.alt_key()
            || key.meta_key()
            || self.is_typing(key)
        {
            return;
        }
        let name = key.key();
        let is_on_button = self
            .focused()
            .is_some_and(|element| element.matches("button,[type=checkbox]").unwrap_or(false));
        match name.as_str() {
            " " | "Enter" if is_on_button => return self.wake(driver),
            " " | "k" => self.toggle_play(driver),
            "m" => self.act(driver, "mute"),
            "f" => self.toggle_fullscreen(),
            "n" => self.act(driver, FEEDS),
            "Escape" => {
                self.close_menus();
                self.open_feeds(false);
            }
            _ => return,
        }
        key.prevent_default();
        self.wake(driver);
        self.refresh();
    }

    /// The key belongs to a text field, of ours or of the page around.
    fn is_typing(&self, key: &KeyboardEvent) -> bool {
        let on_page = key.target().and_then(|target| target.dyn_into::<Element>().ok());
        [on_page, self.focused()].into_iter().flatten().any(|element| {
            matches!(element.tag_name().as_str(), "TEXTAREA" | "SELECT")
                || (element.tag_name() == "INPUT"
                    && !element.matches("[type=range],[type=checkbox]").unwrap_or(false))
        })
    }

    fn focused(&self) -> Option<Element> {
        self.root.active_element()
    }

    /// Shows the controls, and hides them when nothing happens for a while.
    pub(crate) fn wake(&self, driver: &Rc<Driver>) {
        self.toggle("idle", false);
        let driver = Rc::downgrade(driver);
        let sleep = move || with(&driver, |driver| driver.page().rest());
        *self.idle.borrow_mut() = Some(Timeout::new(IDLE_MS, sleep));
    }

    fn rest(&self) {
        self.idle.take();
        let open = self.root.query_selector(".menu:not([hidden])");
        self.toggle("idle", !self.video.paused() && !matches!(open, Ok(Some(_))));
    }

    fn toggle_menu(&self) {
        let is_opening = self.is_hidden(MENU);
        self.open_menu(is_opening);
        let checked = self.root.query_selector("[data-menu=quality] [aria-checked=true]");
        if let Some(checked) =
            checked.ok().flatten().and_then(|checked| checked.dyn_into::<HtmlElement>().ok())
            && is_opening
        {
            let _ = checked.focus();
        }
    }

    fn close_menus(&self) {
        self.open_menu(false);
    }

    fn open_menu(&self, is_open: bool) {
        self.show(MENU, is_open);
        let _ =
            self.find("[data-action=quality]").set_attribute("aria-expanded", &is_open.to_string());
    }

    fn mark(&self, chosen: &str) {
        let Ok(choices) = self.root.query_selector_all("[data-menu=quality] button") else {
            return;
        };
        for choice in
            (0..choices.length()).filter_map(|at| choices.item(at)?.dyn_into::<Element>().ok())
        {
            let is_chosen = choice.matches(chosen).unwrap_or(false);
            let _ = choice.set_attribute("aria-checked", &is_chosen.to_string());
        }
    }

    fn find(&self, selector: &str) -> Element {
        find(&self.root, selector)
    }

    fn show(&self, selector: &str, is_shown: bool) {
        let _ = self.find(selector).toggle_attribute_with_force("hidden", !is_shown);
    }

    fn is_hidden(&self, selector: &str) -> bool {
        self.find(selector).has_attribute("hidden")
    }

    fn toggle(&self, class: &str, is_on: bool) {
        let _ = self.player.class_list().toggle_with_force(class, is_on);
    }
}

fn document() -> Option<web_sys::Document> {
    web_sys::window()?.document()
}

/// An element of `controls.html`; after the tree was cleared, one that belongs to nothing.
pub(crate) fn find(root: &ShadowRoot, selector: &str) -> Element {
    let detached = || document().and_then(|document| document.create_element("input").ok());
    root.query_selector(selector)
        .ok()
        .flatten()
        .or_else(detached)
        .expect("a document makes elements")
}

/// A sheet that the page's content security policy has no say in, unlike a `<style>` element.
fn adopt_style(root: &ShadowRoot) {
    if let Ok(sheet) = CssStyleSheet::new() {
        let _ = sheet.replace_sync(STYLE);
        let _ = Reflect::set(root, &"adoptedStyleSheets".into(), &Array::of1(&sheet));
    }
}

fn add_choice(menu: &Element, label: &str, attributes: &[(&str, &str)]) {
    let Some(choice) = document().and_then(|document| document.create_element("button").ok())
    else {
        return;
    };
    choice.set_text_content(Some(label));
    for (name, value) in
        [("role", "menuitemradio"), ("aria-checked", "false")].iter().chain(attributes)
    {
        let _ = choice.set_attribute(name, value);
    }
    let _ = menu.append_child(&choice);
}

/// Calls a method that not every browser has.
fn call(object: &JsValue, method: &str) -> Option<JsValue> {
    Reflect::get(object, &method.into()).ok()?.dyn_into::<Function>().ok()?.call0(object).ok()
}

fn label(rendition: &RenditionInfo) -> String {
    match rendition.height {
        Some(height) => format!("{height}p"),
        None if rendition.bandwidth_bps > 0 => format!("{} kbit/s", rendition.bandwidth_bps / 1000),
        None => "Original".to_owned(),
    }
}

/// Minutes and seconds, with hours when there are any.
fn clock(seconds: f64) -> String {
    let whole = if seconds.is_finite() { seconds.max(0.0) as u64 } else { 0 };
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

const CONTROLS: &str = include_str!("controls.html");
const STYLE: &str = include_str!("player.css");
/// The action of the panel's button, and the class of the player while it is open.
const FEEDS: &str = "feeds";
const MENU: &str = "[data-menu=quality]";
/// Long enough to find a button, short enough not to cover the picture.
const IDLE_MS: u32 = 3000;
