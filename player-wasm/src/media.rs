//! The media element and its one source buffer, driven one operation at a time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use gloo_events::EventListener;
use js_sys::{Array, Function, Reflect, Uint8Array};
use swarm::{Input, Span};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomException, HtmlVideoElement, MediaSource, SourceBuffer, TimeRanges, Url};
use wire::mp4::{self, Header};

use crate::driver::Driver;
use crate::settings;

/// The media element, and what feeds it.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) video: HtmlVideoElement,
    feed: RefCell<Option<Feed>>,
}

/// One media source; a new one replaces it when broken bytes made it useless.
#[derive(Debug)]
struct Feed {
    source: MediaSource,
    url: String,
    buffer: Option<SourceBuffer>,
    mime: String,
    /// Of the initialisation section that was appended last.
    header: Option<Header>,
    /// The first segment has decided where its clock belongs.
    is_placed: bool,
    /// Only the beginning of a segment was appended.
    is_within: bool,
    _listeners: Vec<EventListener>,
}

/// How this browser plays HLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By our engine, through Media Source Extensions, managed or plain.
    Engine,
    /// By itself.
    Native,
    /// Not at all.
    None,
}

impl Media {
    pub(crate) fn new(video: HtmlVideoElement) -> Media {
        Media { video, feed: RefCell::new(None) }
    }

    pub(crate) fn way(&self) -> Way {
        if source_class().is_some() {
            Way::Engine
        } else if self.video.can_play_type(HLS_MIME).is_empty() {
            Way::None
        } else {
            Way::Native
        }
    }

    /// Makes a new media source, and tells `Prepared` once it takes bytes.
    pub(crate) fn prepare(&self, driver: &Rc<Driver>, duration: Option<Duration>, mime: &str) {
        self.close();
        let Some((source, url)) = new_source() else { return driver.tell(Input::Undecodable) };
        let weak = Rc::downgrade(driver);
        let mime_then = mime.to_owned();
        let on_open = EventListener::once(&source, "sourceopen", move |_| {
            if let Some(driver) = weak.upgrade() {
                let opened = driver.media.open(&driver, duration, &mime_then);
                driver.tell(if opened.is_ok() { Input::Prepared } else { Input::Undecodable });
            }
        });
        // Managed media sources refuse to open where remote playback could take over.
        let _ = Reflect::set(&self.video, &"disableRemotePlayback".into(), &JsValue::TRUE);
        self.video.set_src(&url);
        let mime = mime.to_owned();
        *self.feed.borrow_mut() = Some(Feed {
            source,
            url,
            buffer: None,
            mime,
            header: None,
            is_placed: false,
            is_within: false,
            _listeners: vec![on_open],
        });
    }

    fn open(
        &self,
        driver: &Rc<Driver>,
        duration: Option<Duration>,
        mime: &str,
    ) -> Result<(), JsValue> {
        let mut feed = self.feed.borrow_mut();
        let Some(feed) = feed.as_mut() else { return Err(JsValue::NULL) };
        let buffer = feed.source.add_source_buffer(mime)?;
        feed.source.set_duration(duration.map_or(f64::INFINITY, |end| end.as_secs_f64()));
        if duration.is_none() {
            // Else a jump to near the end of a live stream is lost while nothing is buffered: there is nowhere to go. Browsers
            // that don't know it play from the oldest segment.
            let _ = feed.source.set_live_seekable_range(0.0, NO_END_SECONDS);
        }
        let is_broken = Rc::new(Cell::new(false));
        let (broken, weak) = (is_broken.clone(), Rc::downgrade(driver));
        feed._listeners.push(EventListener::new(&buffer, "error", move |_| broken.set(true)));
        feed._listeners.push(EventListener::new(&buffer, "updateend", move |_| {
            if let Some(driver) = weak.upgrade() {
                driver.updated(is_broken.replace(false));
            }
        }));
        feed.buffer = Some(buffer);
        Ok(())
    }

    /// Makes the source buffer ready for segments that follow this initialisation section.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn change(&self, mime: &str, init: &Uint8Array) -> Result<(), Input> {
        let header = Header::parse(&init.to_vec()).ok_or(Input::Rejected)?;
        if let Some(feed) = self.feed.borrow_mut().as_mut() {
            feed.header = Some(header);
            if let Some(buffer) = &feed.buffer
                && feed.mime != mime
                && change_type(buffer, mime)
            {
                feed.mime = mime.to_owned();
            }
        }
        Ok(())
    }

    /// Looks through a segment.
    ///
    /// # Errors
    /// When it was cut short, or is no segment. A media element would take such bytes for the beginning of one box, and
    /// all that follows for the rest of it.
    pub(crate) fn check(segment: &Uint8Array) -> Result<(), Input> {
        let length = segment.length();
        let part = |at: u64| bytes_of(segment, u32::try_from(at).unwrap_or(length), 16);
        mp4::is_whole(u64::from(length), part).then_some(()).ok_or(Input::Rejected)
    }

    /// Forgets the segment of which only the beginning came, before something else than its rest is appended.
    pub(crate) fn begin(&self, is_anew: bool) {
        if let Some(Feed { buffer: Some(buffer), is_within, .. }) = self.feed.borrow_mut().as_mut()
            && std::mem::take(is_within)
            && is_anew
        {
            let _ = buffer.abort();
        }
    }

    /// Moves a segment's own clock to where the playlist has it if they are far apart.
    ///
    /// The first segment decides for all: later differences are the playlist's rounding.
    ///
    /// # Errors
    /// When it is no segment.
    pub(crate) fn place(&self, segment: &Uint8Array, start: Duration) -> Result<(), Input> {
        let mut feed = self.feed.borrow_mut();
        let Some(Feed { buffer: Some(buffer), header: Some(header), is_placed, .. }) =
            feed.as_mut()
        else {
            return Ok(());
        };
        let ticks = header.start_of(&bytes_of(segment, 0, HEAD_BYTES)).ok_or(Input::Rejected)?;
        let offset = start.as_secs_f64() - ticks as f64 / f64::from(header.timescale);
        if !std::mem::replace(is_placed, true) && offset.abs() > CLOCK_TOLERANCE_SECONDS {
            buffer.set_timestamp_offset(offset);
        }
        Ok(())
    }

    /// Notes that only the beginning of a segment is appended.
    pub(crate) fn leave_open(&self) {
        if let Some(feed) = self.feed.borrow_mut().as_mut() {
            feed.is_within = true;
        }
    }

    /// Starts an append; `updateend` tells how it went.
    ///
    /// # Errors
    /// When it can't even start: no room, or no use.
    pub(crate) fn append(&self, bytes: &Uint8Array) -> Result<(), Input> {
        let feed = self.feed.borrow();
        let Some(Feed { buffer: Some(buffer), .. }) = feed.as_ref() else {
            return Err(Input::Undecodable);
        };
        buffer.append_buffer_with_array_buffer_view(bytes).map_err(|error| {
            let is_full = error
                .dyn_ref::<DomException>()
                .is_some_and(|error| error.name() == "QuotaExceededError");
            if is_full { Input::Overfull } else { Input::Undecodable }
        })
    }

    /// Starts a removal; `updateend` tells when it's done. Tells whether it started.
    pub(crate) fn evict(&self, span: Span) -> bool {
        let feed = self.feed.borrow();
        let buffer = feed.as_ref().and_then(|feed| feed.buffer.as_ref());
        buffer.is_some_and(|buffer| {
            buffer.remove(span.start.as_secs_f64(), span.end.as_secs_f64()).is_ok()
        })
    }

    pub(crate) fn finish(&self) {
        if let Some(feed) = &*self.feed.borrow() {
            // It fails only on a source that was closed meanwhile, which needs no end.
            let _ = feed.source.end_of_stream();
        }
    }

    pub(crate) fn position(&self) -> Duration {
        settings::duration(self.video.current_time())
    }

    pub(crate) fn buffered(&self) -> Vec<Span> {
        spans(&self.video.buffered())
    }

    /// It should be playing, and has nothing to play.
    pub(crate) fn is_starved(&self) -> bool {
        let video = &self.video;
        !video.paused() && !video.ended() && video.ready_state() < HAVE_FUTURE_DATA
    }

    pub(crate) fn close(&self) {
        if let Some(feed) = self.feed.borrow_mut().take() {
            let _ = self.video.remove_attribute("src");
            self.video.load();
            let _ = Url::revoke_object_url(&feed.url);
        }
    }
}

/// Whether this browser's media sources take a type.
pub(crate) fn supports(mime: &str) -> bool {
    let Some(class) = source_class() else { return false };
    let Ok(test) = Reflect::get(&class, &"isTypeSupported".into()) else { return false };
    let answer =
        test.dyn_into::<Function>().ok().and_then(|test| test.call1(&class, &mime.into()).ok());
    answer.and_then(|answer| answer.as_bool()).unwrap_or(false)
}

/// The type of media whose initialisation section this is, if its codecs are known here.
pub(crate) fn mime_of(init: &Uint8Array) -> Option<String> {
    let codecs = Header::parse(&init.to_vec())?.codecs.into_iter().collect::<Option<Vec<_>>>()?;
    Some(format!("video/mp4; codecs=\"{}\"", codecs.join(",")))
}

/// `MediaSource`, or where it's missing (iPhones) `ManagedMediaSource`.
fn source_class() -> Option<Function> {
    let window = web_sys::window()?;
    ["MediaSource", "ManagedMediaSource"]
        .iter()
        .find_map(|name| Reflect::get(&window, &(*name).into()).ok()?.dyn_into::<Function>().ok())
}

fn bytes_of(body: &Uint8Array, start: u32, length: u32) -> Vec<u8> {
    body.subarray(start, start.saturating_add(length)).to_vec()
}

fn new_source() -> Option<(MediaSource, String)> {
    let source: MediaSource =
        Reflect::construct(&source_class()?, &Array::new()).ok()?.unchecked_into();
    let url = Url::create_object_url_with_source(&source).ok()?;
    Some((source, url))
}

/// Older browsers lack `changeType`, and take another profile of the same codec without it.
fn change_type(buffer: &SourceBuffer, mime: &str) -> bool {
    let change = Reflect::get(buffer, &"changeType".into())
        .ok()
        .and_then(|change| change.dyn_into::<Function>().ok());
    change.is_some_and(|change| change.call1(buffer, &mime.into()).is_ok())
}

fn spans(ranges: &TimeRanges) -> Vec<Span> {
    let moment = |seconds: Result<f64, JsValue>| seconds.map(settings::duration).ok();
    (0..ranges.length())
        .filter_map(|at| {
            Some(Span { start: moment(ranges.start(at))?, end: moment(ranges.end(at))? })
        })
        .collect()
}

/// The boxes before a segment's media, up to its first track's times, are shorter.
const HEAD_BYTES: u32 = 64 << 10;
/// Playlists round, and streams begin with a frame's delay; a clock of its own is further away than this.
const CLOCK_TOLERANCE_SECONDS: f64 = 1.0;
/// Later than any live stream goes on.
const NO_END_SECONDS: f64 = 1e9;
const HLS_MIME: &str = "application/vnd.apple.mpegurl";
/// `HTMLMediaElement.HAVE_FUTURE_DATA`: from here on a frame follows the one that is on.
const HAVE_FUTURE_DATA: u16 = 3;
