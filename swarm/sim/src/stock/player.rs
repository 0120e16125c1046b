//! The player: reads playlists, and feeds the media element one segment after the other.

use std::sync::Arc;
use std::time::Duration;

use swarm::{Body, Content, Mime, Output, RequestId, Span, Time, Wanted};
use wire::identity::{PropertyHash, StreamProperties};
use wire::peer::Segment;
use wire::playlist::{ByteRange, Master, Media, Playlist};

use super::StockPeer;
use super::track::Track;

/// Where playback is, and what the media element has got.
#[derive(Debug)]
pub(super) struct Player {
    /// The playlist that was named, until it is read; then that of the rendition.
    text: Option<Place>,
    /// The request for either.
    asked: Option<(RequestId, Time)>,
    /// What failed is asked for again then.
    retry_at: Option<Time>,
    init_place: Option<Place>,
    init_asked: Option<RequestId>,
    /// The initialisation section, when it is there, and its length.
    init: Option<(RequestId, u64)>,
    mime: Option<Mime>,
    element: Element,
    has_init: bool,
    pub(super) position: Duration,
    is_placed: bool,
    /// The next segment that the element is to get.
    pub(super) next: Segment,
    /// What it has got ends here.
    until: Duration,
    /// Nothing before this is in it any more.
    evicted_until: Duration,
}

#[derive(Clone, Debug)]
struct Place {
    base: Arc<str>,
    uri: Arc<str>,
    range: Option<ByteRange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Unprepared,
    Preparing,
    Idle,
    AppendingInit,
    Appending(Segment),
    Evicting,
    /// It is full until playback has gone on.
    Full,
}

impl Default for Player {
    fn default() -> Player {
        Player {
            text: None,
            asked: None,
            retry_at: None,
            init_place: None,
            init_asked: None,
            init: None,
            mime: None,
            element: Element::Unprepared,
            has_init: false,
            position: Duration::ZERO,
            is_placed: false,
            next: 0,
            until: Duration::ZERO,
            evicted_until: Duration::ZERO,
        }
    }
}

impl Player {
    pub(super) fn prepared(&mut self) {
        (self.element, self.has_init) = (Element::Idle, false);
    }

    /// When a playlist is asked for next.
    pub(super) fn looks_at(&self, track: &Track) -> Option<Time> {
        let due = self.retry_at.or_else(|| track.due_at());
        due.filter(|_| self.asked.is_none())
    }

    /// Asks for nothing more while it has so much.
    fn has_enough(&self, most: Duration) -> bool {
        self.until.saturating_sub(self.position) >= most
    }
}

impl StockPeer {
    pub(super) fn opened(&mut self, url: &str, position: Duration) {
        let url: Arc<str> = url.into();
        self.player.position = position;
        self.player.text = Some(Place { base: url.clone(), uri: url, range: None });
        self.ask_playlist();
    }

    fn ask_playlist(&mut self) {
        let Some(place) = self.player.text.clone() else { return };
        let request = self.ask(&place, Wanted::Text);
        (self.player.asked, self.player.retry_at) = (Some((request, self.now)), None);
    }

    fn ask(&mut self, place: &Place, wanted: Wanted) -> RequestId {
        let request = self.new_request();
        let Place { base, uri, range } = place.clone();
        self.want(Output::Fetch { request, base, uri, range, wanted });
        request
    }

    pub(super) fn fetched(&mut self, request: RequestId, url: &str, body: Body, took: Duration) {
        match body {
            Body::Text(text) => {
                let Some((_, asked_at)) = self.player.asked.take_if(|(id, _)| *id == request)
                else {
                    return;
                };
                match text.parse() {
                    Ok(Playlist::Master(master)) => self.read_master(url, &master),
                    Ok(Playlist::Media(media)) => self.read_media(url, media, asked_at),
                    Err(_) => self.player.retry_at = Some(self.now + RETRY),
                }
            }
            Body::Held(bytes) if self.player.init_asked == Some(request) => {
                (self.player.init_asked, self.player.init) = (None, Some((request, bytes)));
            }
            Body::Held(bytes) => self.load_fetched(request, bytes, took),
            Body::List(_) => {}
        }
    }

    pub(super) fn failed(&mut self, request: RequestId) {
        if self.player.asked.take_if(|(id, _)| *id == request).is_some() {
            self.player.retry_at = Some(self.now + RETRY);
        } else if self.player.init_asked == Some(request) {
            self.player.init_asked = None;
        } else {
            self.load_failed(request);
        }
    }

    fn read_master(&mut self, url: &str, master: &Master) {
        let Some(variant) = master.variants.first() else { return };
        let swarm_id = url.split('?').next().unwrap_or(url);
        let info_hash = PropertyHash.of_picture(swarm_id, &StreamProperties::of(variant));
        self.tracker.join(info_hash);
        self.player.mime =
            Some(Mime::Told(format!("video/mp4; codecs=\"{}\"", variant.codecs.join(","))));
        self.player.text =
            Some(Place { base: url.into(), uri: variant.uri.as_str().into(), range: None });
        self.ask_playlist();
    }

    fn read_media(&mut self, url: &str, media: Media, asked_at: Time) {
        if !self.tracker.has_joined() {
            let swarm_id = url.split('?').next().unwrap_or(url);
            self.tracker.join(PropertyHash.of_picture(swarm_id, &StreamProperties::default()));
        }
        if let Some(init) = media.init.as_ref().filter(|_| self.player.init_place.is_none()) {
            let (base, uri) = (url.into(), init.uri.as_str().into());
            self.player.init_place = Some(Place { base, uri, range: init.range });
        }
        if self.track.update(url, media, asked_at) {
            self.queue.is_due = true;
            self.queue.has_fresh = true;
        }
        if !std::mem::replace(&mut self.player.is_placed, true) {
            self.start();
        }
        let oldest = self.track.end().saturating_sub(FAR_BEHIND);
        if self.track.is_live()
            && self.player.next < oldest
            && self.track.slot(self.player.next).is_none()
        {
            self.go_live();
        }
    }

    fn start(&mut self) {
        if self.track.is_live() {
            self.go_live();
        } else {
            self.player.next = self.track.segment_at(self.player.position);
            self.player.until = self.player.position;
        }
    }

    fn go_live(&mut self) {
        let delay = self.config.live_delay.unwrap_or(self.track.target() * 3);
        let start = self.track.start_before_end(delay);
        (self.player.position, self.player.until) = (start, start);
        self.player.next = self.track.segment_at(start);
        self.want(Output::Jump(start));
    }

    /// Asks for what the player itself needs, and gives the media element what is there.
    pub(super) fn feed(&mut self) {
        if self.player.looks_at(&self.track).is_some_and(|at| at <= self.now) {
            self.ask_playlist();
        }
        if let Some(place) = self.player.init_place.clone()
            && self.player.init.is_none()
            && self.player.init_asked.is_none()
        {
            self.player.init_asked = Some(self.ask(&place, Wanted::Bytes));
        }
        if self.player.element == Element::Unprepared && self.track.is_known() {
            let duration = (!self.track.is_live()).then(|| self.track.end_time());
            let mime =
                self.player.mime.clone().or(self.player.init.map(|(request, _)| Mime::In(request)));
            if let Some(mime) = mime {
                self.player.element = Element::Preparing;
                self.want(Output::Prepare { duration, mime });
            }
        }
        if self.player.element == Element::Idle {
            self.append();
        }
    }

    fn append(&mut self) {
        if !self.player.has_init {
            let (Some((request, bytes)), Some(mime)) = (self.player.init, self.player.mime.clone())
            else {
                return;
            };
            self.player.element = Element::AppendingInit;
            let content = Content::Init(mime);
            return self.want(Output::Append { request, content, bytes: 0..bytes });
        }
        let old = self.player.position.saturating_sub(KEPT_BEHIND);
        if old > self.player.evicted_until + EVICTED_AT_ONCE {
            return self.evict(old);
        }
        let (no, most) = (self.player.next, self.buffer_length());
        if self.player.has_enough(most) {
            return;
        }
        if let (Some(held), Some(slot)) = (self.held.get(&no), self.track.slot(no)) {
            let (request, content) = (held.request, Content::Segment(slot.span.start));
            let bytes = 0..held.bytes;
            self.player.element = Element::Appending(no);
            self.want(Output::Append { request, content, bytes });
        }
    }

    /// How much the element gets ahead of the playhead, as the adapter for hls.js sets it.
    fn buffer_length(&self) -> Duration {
        (self.track.target() * 2).max(self.config.high_demand)
    }

    fn evict(&mut self, until: Duration) {
        let span = Span { start: self.player.evicted_until, end: until };
        self.player.evicted_until = until;
        self.player.element = Element::Evicting;
        self.want(Output::Evict(span));
    }

    pub(super) fn updated(&mut self) {
        let before = std::mem::replace(&mut self.player.element, Element::Idle);
        match before {
            Element::AppendingInit => self.player.has_init = true,
            Element::Appending(no) if self.player.next == no => {
                self.player.next = no + 1;
                self.queue.is_due = true;
                self.queue.has_seeked = false;
                if let Some(slot) = self.track.slot(no) {
                    self.player.until = slot.span.end;
                }
            }
            _ => {}
        }
    }

    pub(super) fn overfull(&mut self) {
        self.player.element = Element::Full;
        if self.player.position > self.player.evicted_until + LEAST_BEHIND {
            self.evict(self.player.position - LEAST_BEHIND);
        }
    }

    /// What was appended isn't what it should be.
    pub(super) fn refused(&mut self) {
        if let Element::Appending(no) = self.player.element {
            self.drop_held(no);
        }
        self.player.element = Element::Idle;
    }

    pub(super) fn undecodable(&mut self) {
        self.refused();
        self.player.element = Element::Unprepared;
        self.play_from_position();
    }

    fn play_from_position(&mut self) {
        self.player.next = self.track.segment_at(self.player.position);
        self.player.until = self.player.position;
        self.queue.is_due = true;
    }

    pub(super) fn played(&mut self, position: Duration, buffered: Vec<Span>, is_starved: bool) {
        let moved = position.abs_diff(self.player.position);
        self.player.position = position;
        if self.player.element == Element::Full {
            self.player.element = Element::Idle;
        }
        let is_there = |span: &Span| span.start <= position && position < span.end;
        let is_idle = self.player.element == Element::Idle;
        if is_starved && is_idle && self.player.is_placed && !buffered.iter().any(is_there) {
            self.play_from_position();
        }
        self.queue.playback_went_on(self.now, moved > self.track.target() / 2);
    }

    pub(super) fn seeked(&mut self, position: Duration) {
        let is_held = self.player.evicted_until <= position && position < self.player.until;
        self.player.position = position;
        self.player.evicted_until = self.player.evicted_until.min(position);
        if !is_held && self.track.is_known() {
            self.play_from_position();
            self.queue.has_seeked = true;
        }
    }
}

/// A page whose next segment has left the playlist goes where the stream is.
const FAR_BEHIND: u64 = 15;
/// What failed is asked for again after this.
const RETRY: Duration = Duration::from_secs(1);
/// What has played stays in the media element so long.
const KEPT_BEHIND: Duration = Duration::from_secs(30);
/// And so long if there is no room.
const LEAST_BEHIND: Duration = Duration::from_secs(8);
/// Less isn't worth an eviction.
const EVICTED_AT_ONCE: Duration = Duration::from_secs(20);
