//! What each input changes in the engine's state.

use std::time::Duration;

use wire::playlist::{Media, Playlist};

use crate::Time;
use crate::buffer::{Held, contains};
use crate::catalogue::{self, Known, Rendition};
use crate::engine::{ElementState, Engine, Head, Phase, Ready, Request, Via, What};
use crate::limits::{
    AHEAD, CUT_TOLERANCE, DECODE_TRIES, HELD_BYTES_FLOOR, LATEST, LIVE_SEGMENTS, MISSING_TRIES,
    PLAYLIST_TRIES,
};
use crate::message::{
    Body, Event, Failure, Fatal, Input, Output, Quality, RequestId, Span, Trouble,
};
use crate::retry::Retry;
use crate::timeline::Timeline;

impl Engine {
    /// Tells whether something may follow from it at once.
    pub(crate) fn note(&mut self, now: Time, input: Input) -> bool {
        match input {
            Input::Opened { url, position } => self.opened(url, position.min(LATEST)),
            Input::Started => self.playhead.is_started = true,
            Input::Progressed { request, bytes } => self.progressed(now, request, bytes),
            Input::Fetched { request, url, body, took } => {
                self.fetched(now, request, &url, body, took)
            }
            Input::Failed { request, failure } => self.failed(now, request, failure),
            Input::Prepared => self.element.state = ElementState::Idle,
            Input::Updated => self.updated(),
            Input::Rejected => self.rejected(),
            Input::Overfull => self.overfull(),
            Input::Undecodable => self.undecodable(),
            Input::Played { position, buffered, is_starved, speed } => {
                let buffered = buffered.into_iter().map(within).collect();
                self.playhead.is_running = speed > 0.0 && !is_starved;
                if speed > 0.0 {
                    self.playhead.speed = speed.clamp(0.25, 16.0);
                }
                self.played(now, position.min(LATEST), buffered, is_starved);
            }
            Input::Seeked { position } => self.seeked(now, position.min(LATEST)),
            Input::Chosen(quality) => self.chosen(quality),
            Input::Woken => {}
            Input::Permitted(sharing) => self.permitted(now, sharing),
            Input::TrackerOpened => self.tracker_opened(),
            Input::TrackerClosed => self.tracker_closed(now),
            Input::TrackerSaid(heard) => self.tracker_said(now, heard),
            Input::Offered { link, sdp } => self.offered(now, link, sdp),
            Input::Answered { link, sdp } => self.answered(now, link, &sdp),
            Input::Connected { link } => self.connected(now, link),
            Input::Disconnected { link } => self.disconnected(now, link),
            Input::Said { link, message } => return self.said(now, link, &message),
            Input::Received { link, bytes } => self.received(now, link, bytes),
            Input::Drained { link } => self.drained(now, link),
            Input::Checked { request, bytes, digest } => self.checked(now, request, bytes, digest),
            Input::Verified(is_right) => self.window_verified(now, is_right),
            Input::Unverifiable => self.unverifiable(now),
            Input::Unreflected => self.unreflected(),
        }
        true
    }

    fn opened(&mut self, url: String, position: Duration) {
        if self.phase == Phase::Idle {
            self.source = url.into();
            self.playhead.position = position;
            self.phase = Phase::Opening;
        }
    }

    fn progressed(&mut self, now: Time, id: RequestId, bytes: u64) {
        if let Some(request) = self.requests.get_mut(&id)
            && !request.is_from_peer()
        {
            request.heard_at = now;
            let is_first = request.bytes == 0 && bytes > 0 && request.what.tells_latency();
            if is_first && request.via.is_believed() {
                self.bandwidth.answered(now.since(request.asked_at));
            }
            if bytes > request.bytes {
                if request.what.is_media() {
                    self.stats.http_bytes += bytes - request.bytes;
                }
                if !request.via.is_believed() {
                    self.stats.mirror_bytes += bytes - request.bytes;
                }
                request.look(now);
                request.bytes = bytes;
                self.test_pieces(id);
            }
        }
    }

    fn fetched(&mut self, now: Time, id: RequestId, url: &str, body: Body, took: Duration) {
        let asked = self.requests.get(&id).filter(|request| !request.is_from_peer());
        let Some(what) = asked.map(|request| request.what) else {
            return self.want(Output::Forget(id));
        };
        if let Body::Held(bytes) = body {
            self.progressed(now, id, bytes);
        }
        let Some(request) = self.requests.remove(&id) else { return };
        let is_unheard =
            request.bytes == 0 || request.what.is_media() != matches!(body, Body::Held(_));
        if is_unheard && what.tells_latency() {
            self.bandwidth.answered(took);
        }
        match (what, body) {
            (What::Source, Body::Text(text)) => self.source_came(url, &text, request.asked_at),
            (What::Playlist { rendition }, Body::Text(text)) => {
                self.playlist_came(rendition, url, &text, request.asked_at)
            }
            (What::Init { rendition }, Body::Held(bytes)) => {
                self.renditions[rendition].init = Some((id, bytes))
            }
            (What::Segment { .. }, Body::Held(bytes)) => {
                self.note_server(request.via, bytes, took);
                return self.segment_fetched(now, id, &request, bytes);
            }
            (What::Digests, Body::Text(text)) => self.digests_came(now, &text),
            (What::List { rendition, window }, Body::List(bytes)) => {
                self.list_came(now, rendition, window, &bytes)
            }
            (_, Body::Held(_)) => {
                self.want(Output::Forget(id));
                return self.fail(now, &request, Failure::Wrong);
            }
            (_, Body::Text(_) | Body::List(_)) => return self.fail(now, &request, Failure::Wrong),
        }
        self.segment_is_had(what);
    }

    fn segment_fetched(&mut self, now: Time, id: RequestId, request: &Request, bytes: u64) {
        if request.length.is_some_and(|length| length != bytes) {
            self.want(Output::Forget(id));
            if !self.replaces_server(now, request, &Failure::Wrong) {
                self.fail(now, request, Failure::Wrong);
            }
            return;
        }
        self.part_came(now, id, request, true);
        self.segment_is_had(request.what);
    }

    /// Something that was asked for is there.
    pub(crate) fn segment_is_had(&mut self, what: What) {
        self.forget_failures(what);
        self.recover();
    }

    /// A segment that came need not be had in another rendition either.
    fn forget_failures(&mut self, came: What) {
        self.retries.retain(|what, _| match (what, came) {
            (What::Segment { no, .. }, What::Segment { no: came, .. }) => no != came,
            _ => what != came,
        });
    }

    fn source_came(&mut self, url: &str, text: &str, asked_at: Time) {
        let renditions = match text.parse() {
            Ok(Playlist::Master(master)) => {
                self.share.named(url, &master);
                catalogue::of_master(url, master, self.supports)
            }
            Ok(Playlist::Media(media)) => catalogue::of_media(url, media, asked_at),
            Err(error) => Err(Fatal::Playlist(error)),
        };
        match renditions {
            Err(fatal) => self.give_up(fatal),
            Ok(renditions) => {
                self.renditions = renditions;
                self.source = url.into();
                self.phase = Phase::Open;
                self.target = crate::start_rendition(&self.bandwidths(), self.bandwidth.bps());
                let infos =
                    self.renditions.iter().map(|rendition| rendition.info.clone()).collect();
                self.want(Output::Report(Event::Opened(infos)));
                self.want(Output::Report(Event::Switched(self.target)));
                self.start_within();
            }
        }
    }

    fn playlist_came(&mut self, rendition: usize, url: &str, text: &str, asked_at: Time) {
        let media = text.parse().map_err(Fatal::Playlist).and_then(catalogue::playable);
        match media {
            Ok(media) => self.lay_out(rendition, url, media, asked_at),
            // What a live stream listed before stays good; it is asked for again.
            Err(_) if self.is_live(rendition) => self.postpone_look(rendition, asked_at),
            Err(fatal) => self.break_rendition(rendition, fatal),
        }
        self.start_within();
    }

    fn lay_out(&mut self, rendition: usize, url: &str, media: Media, asked_at: Time) {
        if let Known::Yes(line) = &mut self.renditions[rendition].playlist {
            let first = line.first();
            if line.update(media, asked_at) {
                self.empty_store();
                self.forget_segments(rendition, &|_| true);
            } else if line.first() != first {
                let first = line.first();
                self.renditions[rendition].missing.retain(|no, _| no >= first);
                self.forget_before(rendition, first);
                self.forget_segments(rendition, &|no| no < first);
            }
            return;
        }
        let other = self.renditions.iter().find_map(Rendition::timeline);
        let line = Timeline::new(url, media, asked_at, other);
        self.renditions[rendition].playlist = Known::Yes(line);
    }

    /// Of segments that aren't listed any more nothing is of use, and nobody need send it.
    fn forget_segments(&mut self, rendition: usize, is_gone: &dyn Fn(usize) -> bool) {
        let asked = self.requests.iter().filter(|(_, request)| match request.what {
            What::Segment { rendition: of, no } => of == rendition && is_gone(no),
            _ => false,
        });
        let asked: Vec<RequestId> = asked.map(|(id, _)| id).collect();
        asked.into_iter().for_each(|id| self.end_request(self.looked_at, id));
        self.drop_parts_where(&|_, of, no| of == rendition && is_gone(no));
        self.element.head =
            self.element.head.filter(|head| head.rendition != rendition || !is_gone(head.no));
    }

    pub(crate) fn is_live(&self, rendition: usize) -> bool {
        let line = self.renditions.get(rendition).and_then(Rendition::timeline);
        line.is_some_and(|line| line.live.is_some())
    }

    fn postpone_look(&mut self, rendition: usize, now: Time) {
        if let Known::Yes(line) = &mut self.renditions[rendition].playlist
            && let Some(live) = &mut line.live
        {
            live.due_at = now + live.target_duration / 2;
        }
    }

    /// A live stream starts near its end; a start beyond the end of another is one at the beginning.
    fn start_within(&mut self) {
        if self.element.state != ElementState::Unprepared {
            return;
        }
        if self.is_live(self.target) && !self.playhead.is_placed {
            return self.go_live();
        }
        let duration = self.renditions[self.target].timeline().map(Timeline::duration);
        let is_beyond = duration.is_some_and(|end| self.playhead.position + CUT_TOLERANCE >= end);
        if is_beyond && !self.playhead.position.is_zero() {
            self.playhead.position = Duration::ZERO;
            self.want(Output::Jump(Duration::ZERO));
        }
    }

    /// Plays from where a live stream is watched: close to its end, but far enough for segments to come from other viewers.
    pub(crate) fn go_live(&mut self) {
        let Some(line) = self.renditions[self.target].timeline() else { return };
        let Some(live) = line.live else { return };
        let delay = self.live_delay.unwrap_or(live.target_duration * LIVE_SEGMENTS);
        let start = line.start_before_end(delay, self.dice.roll());
        self.playhead.is_placed = true;
        if start != self.playhead.position {
            self.playhead.position = start;
            self.want(Output::Jump(start));
        }
    }

    pub(crate) fn segment_came(&mut self, ready: Ready) {
        let at = self.element.ready.partition_point(|other| other.span.start < ready.span.start);
        self.element.ready.insert(at, ready);
    }

    fn failed(&mut self, now: Time, id: RequestId, failure: Failure) {
        if self.requests.get(&id).is_some_and(|request| !request.is_from_peer())
            && let Some(request) = self.requests.remove(&id)
        {
            if failure == Failure::Unreachable && request.length.is_some() && request.bytes > 0 {
                self.part_came(now, id, &request, false);
            } else {
                self.want(Output::Forget(id));
            }
            if !self.replaces_server(now, &request, &failure) {
                self.fail(now, &request, failure);
            }
        }
    }

    /// Decides what a failure means for what was asked: another try, another rendition, a hole, or the end.
    fn fail(&mut self, now: Time, request: &Request, failure: Failure) {
        let retry_after = match failure {
            Failure::Status { retry_after, .. } => retry_after,
            _ => None,
        };
        let what = request.what;
        let retry =
            Retry::after(now, self.retries.get(&what).copied(), retry_after, &mut self.dice);
        let is_final = failure.is_final();
        match what {
            // Another stretch of it failed at the same time: that counts once.
            What::Segment { .. } if self.is_resting(now, what) => {}
            What::Source if is_final => self.give_up(failure.into_fatal()),
            What::Source if retry.failures >= PLAYLIST_TRIES => self.give_up(failure.into_fatal()),
            What::Playlist { rendition } if self.is_live(rendition) => {
                self.live_playlist_failed(rendition, retry, failure);
            }
            What::Playlist { rendition } | What::Init { rendition }
                if is_final || retry.failures >= PLAYLIST_TRIES =>
            {
                self.break_rendition(rendition, failure.into_fatal());
            }
            What::Digests if is_final || retry.failures >= PLAYLIST_TRIES => {
                self.share.digests.cannot_be_had(now);
            }
            What::Digests => drop(self.retries.insert(what, retry)),
            What::List { .. } => self.list_failed(now, what, retry, &failure),
            What::Segment { rendition, no } if is_final && retry.failures >= MISSING_TRIES => {
                self.renditions[rendition].missing.insert(no, ());
                self.retries.remove(&what);
            }
            _ => {
                self.retries.insert(what, retry);
                if !is_final {
                    self.report(failure.into_trouble());
                }
            }
        }
    }

    /// A live stream whose playlist is gone for good is over; what it listed is played to its end.
    fn live_playlist_failed(&mut self, rendition: usize, retry: Retry, failure: Failure) {
        if failure.is_final() && retry.failures >= PLAYLIST_TRIES {
            if let Known::Yes(line) = &mut self.renditions[rendition].playlist {
                line.live = None;
            }
            self.retries.remove(&What::Playlist { rendition });
            return;
        }
        self.retries.insert(What::Playlist { rendition }, retry);
        self.report(failure.into_trouble());
    }

    fn updated(&mut self) {
        match std::mem::replace(&mut self.element.state, ElementState::Idle) {
            ElementState::AppendingInit(rendition) => self.element.init = Some(rendition),
            ElementState::Appending(Ready { request, rendition, span, bytes, .. }) => {
                self.element.appended_at = self.looked_at;
                self.element.buffer.insert(Held { span, rendition, bytes, was_seen: false });
                self.element.refusals = 0;
                self.let_go(request);
            }
            ElementState::AppendingHead(head, span) => {
                let Head { rendition, bytes, .. } = head;
                self.element.appended_at = self.looked_at;
                self.element.buffer.insert(Held { span, rendition, bytes, was_seen: false });
                self.element.head = Some(head);
            }
            ElementState::Evicting(span) => self.element.buffer.remove(span),
            state => self.element.state = state,
        }
    }

    /// Makes the bound on held bytes what the element really takes; the plan then evicts, and appends again.
    fn overfull(&mut self) {
        let held = self.element.buffer.bytes();
        let is_of_media = matches!(
            self.element.state,
            ElementState::Appending(_) | ElementState::AppendingHead(..)
        );
        if is_of_media {
            self.element.bytes_limit = (held / 4 * 3).max(HELD_BYTES_FLOOR);
            self.element.is_overfull = true;
        }
        if let ElementState::Appending(ready) = self.element.state {
            self.segment_came(ready);
        }
        self.element.state = ElementState::Idle;
    }

    fn rejected(&mut self) {
        match self.element.state {
            ElementState::Unprepared | ElementState::Preparing => {
                let unknown =
                    Fatal::Unsupported("a kind that its playlist does not name".to_owned());
                self.break_rendition(self.target, unknown);
                self.element.state = ElementState::Unprepared;
            }
            _ => {
                self.miss_what_is_appended();
                self.element.state = ElementState::Idle;
            }
        }
    }

    /// What doesn't decode counts as missing; the element has to be set up anew.
    fn undecodable(&mut self) {
        match self.element.state {
            ElementState::Unprepared => return,
            ElementState::Appending(_)
            | ElementState::AppendingHead(..)
            | ElementState::AppendingInit(_) => self.miss_what_is_appended(),
            _ => self.miss_what_is_on(),
        }
        self.element.refusals += 1;
        if self.element.refusals >= DECODE_TRIES {
            return self.give_up(Fatal::Undecodable);
        }
        self.element.buffer.clear();
        (self.element.init, self.element.head) = (None, None);
        self.element.is_finished = false;
        self.element.state = ElementState::Unprepared;
    }

    fn miss_what_is_appended(&mut self) {
        match self.element.state {
            ElementState::Appending(Ready { request, rendition, no, .. }) => {
                self.renditions[rendition].missing.insert(no, ());
                self.element.state = ElementState::Idle;
                self.let_go(request);
            }
            ElementState::AppendingHead(Head { rendition, no, .. }, _) => {
                self.renditions[rendition].missing.insert(no, ());
                self.element.state = ElementState::Idle;
            }
            ElementState::AppendingInit(rendition) => {
                self.break_rendition(rendition, Fatal::Undecodable)
            }
            _ => {}
        }
    }

    /// Sets a rendition aside for good, with all that is on its way of it.
    fn break_rendition(&mut self, rendition: usize, why: Fatal) {
        if let Some(broken) = self.renditions.get_mut(rendition) {
            broken.playlist = Known::Broken(why);
        }
        self.discard_ready(&|ready| ready.rendition == rendition);
        self.cancel(&|_, request| request.what.rendition() == Some(rendition));
    }

    /// The decoder gave up by itself: on the segment under the playhead, or, if it never showed one, on everything.
    fn miss_what_is_on(&mut self) {
        let position = self.playhead.position;
        let on = self.element.buffer.iter().find(|held| contains(held.span, position)).copied();
        match on {
            Some(held) if held.was_seen => {
                let rendition = &mut self.renditions[held.rendition];
                if let Some(no) = rendition.timeline().and_then(|line| line.segment_from(position))
                {
                    rendition.missing.insert(no, ());
                }
            }
            _ => {
                let rendition = self.element.init.unwrap_or(self.target);
                self.break_rendition(rendition, Fatal::Undecodable);
            }
        }
    }

    fn played(&mut self, now: Time, position: Duration, buffered: Vec<Span>, is_starved: bool) {
        if self.element.state == ElementState::Idle {
            self.element.buffer.keep_only(&buffered);
        }
        let playhead = &mut self.playhead;
        (playhead.position, playhead.told_at) = (position, now);
        let has_media = buffered.iter().any(|span| contains(*span, position));
        playhead.buffered = buffered;
        if !is_starved {
            playhead.has_played |= playhead.is_started && has_media;
            playhead.is_seeking = false;
            if let Some(since) = playhead.starved_since.take() {
                self.stats.stalled += now.since(since);
            }
        } else if playhead.has_played && !playhead.is_seeking && playhead.starved_since.is_none() {
            playhead.starved_since = Some(now);
            self.stats.stalls += 1;
        }
        playhead.is_starved = is_starved;
    }

    /// What is fetched for the old place makes way for what the new one needs, and its failures are forgotten: those noted
    /// are never more than the segments ahead of one place.
    fn seeked(&mut self, now: Time, position: Duration) {
        (self.playhead.position, self.playhead.is_running) = (position, false);
        self.playhead.is_seeking = true;
        self.jumped_to = None;
        self.retries.retain(|what, _| !matches!(what, What::Segment { .. }));
        if let Some(since) = self.playhead.starved_since.take() {
            self.stats.stalled += now.since(since);
        }
        let wanted = self.element.buffer.end_from(position);
        self.discard_ready(&|ready| ready.span.end <= position || ready.span.start > wanted);
        let is_far = |engine: &Engine, rendition, no| {
            let span = engine.span_of(rendition, no);
            span.end <= wanted || span.start >= wanted.saturating_add(AHEAD)
        };
        self.cancel(&|engine, request| match request.what {
            What::Segment { rendition, no } if request.is_from_peer() => {
                is_far(engine, rendition, no)
            }
            What::Segment { rendition, no } => !contains(engine.span_of(rendition, no), wanted),
            _ => false,
        });
        self.drop_parts_where(&is_far);
    }

    /// A chosen rendition replaces what is held ahead, after the segment that is on.
    fn chosen(&mut self, quality: Quality) {
        if let Quality::Fixed(rendition) = quality
            && rendition >= self.renditions.len()
        {
            return;
        }
        self.quality = quality;
        if let Quality::Fixed(chosen) = quality
            && chosen != self.target
        {
            self.switch(chosen);
            self.discard_ready(&|ready| ready.rendition != chosen);
            self.cancel(&|_, request| {
                matches!(request.what, What::Segment { rendition, .. } if rendition != chosen)
            });
            self.drop_parts_where(&|_, rendition, _| rendition != chosen);
            self.element.replaces_ahead = true;
        }
    }

    pub(crate) fn switch(&mut self, rendition: usize) {
        self.target = rendition;
        self.want(Output::Report(Event::Switched(rendition)));
    }

    pub(crate) fn span_of(&self, rendition: usize, no: usize) -> Span {
        let slot = self
            .renditions
            .get(rendition)
            .and_then(Rendition::timeline)
            .and_then(|line| line.slot(no));
        slot.map_or(Span { start: Duration::ZERO, end: Duration::ZERO }, |slot| slot.span)
    }

    pub(crate) fn bandwidths(&self) -> Vec<u64> {
        self.renditions.iter().map(|rendition| rendition.info.bandwidth_bps).collect()
    }

    /// Gives up the requests of which `is_useless` says so.
    pub(crate) fn cancel(&mut self, is_useless: &dyn Fn(&Engine, &Request) -> bool) {
        let useless = self.requests.iter().filter(|(_, request)| is_useless(self, request));
        for id in useless.map(|(id, _)| id).collect::<Vec<_>>() {
            self.end_request(self.looked_at, id);
        }
    }

    /// Ends a request whose answer is no longer wanted.
    pub(crate) fn end_request(&mut self, now: Time, id: RequestId) {
        match self.requests.get(&id).map(|request| request.via) {
            Some(Via::Peer(link)) => self.take_back(now, link),
            Some(Via::Server | Via::Mirror(_)) => {
                self.want(Output::Cancel(id));
                if let Some(request) = self.requests.remove(&id) {
                    self.part_came(now, id, &request, false);
                }
            }
            None => {}
        }
    }

    fn discard_ready(&mut self, is_useless: &dyn Fn(&Ready) -> bool) {
        let useless = self.element.ready.extract_if(.., |ready| is_useless(ready));
        for request in useless.map(|ready| ready.request).collect::<Vec<_>>() {
            self.let_go(request);
        }
    }

    pub(crate) fn give_up_silent_requests(&mut self, now: Time) {
        let silent = self.requests.iter().filter(|(_, request)| now >= request.gives_up_at());
        let silent: Vec<(RequestId, Via)> = silent.map(|(id, request)| (id, request.via)).collect();
        for (id, via) in silent {
            // What followed from one that was given up may have ended another.
            if !self.requests.contains_key(&id) {
                continue;
            }
            match via {
                Via::Peer(link) => self.give_up_peer(now, link),
                Via::Server | Via::Mirror(_) => {
                    self.want(Output::Cancel(id));
                    self.failed(now, id, Failure::Unreachable);
                }
            }
        }
    }

    pub(crate) fn report(&mut self, trouble: Trouble) {
        if self.trouble != Some(trouble) {
            self.trouble = Some(trouble);
            self.want(Output::Report(Event::Trouble(trouble)));
        }
    }

    pub(crate) fn recover(&mut self) {
        if self.trouble.take().is_some() {
            self.want(Output::Report(Event::Recovered));
        }
    }

    pub(crate) fn give_up(&mut self, fatal: Fatal) {
        self.cancel(&|_, _| true);
        self.leave_all(self.looked_at);
        self.phase = Phase::Failed;
        self.want(Output::Report(Event::Failed(fatal)));
    }
}

fn within(span: Span) -> Span {
    Span { start: span.start.min(LATEST), end: span.end.min(LATEST) }
}

impl What {
    fn rendition(self) -> Option<usize> {
        match self {
            What::Source | What::Digests => None,
            What::Playlist { rendition }
            | What::Init { rendition }
            | What::List { rendition, .. }
            | What::Segment { rendition, .. } => Some(rendition),
        }
    }

    /// It is for bytes of media rather than text.
    pub(crate) fn is_media(self) -> bool {
        matches!(self, What::Init { .. } | What::Segment { .. })
    }

    /// How soon it is answered says how soon others will be: the first of all waits for a connection to be made, too.
    fn tells_latency(self) -> bool {
        self != What::Source
    }
}

impl Failure {
    /// Asking the same again can't help, except that a file may just be moving.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Failure::Status { code, .. } => {
                (400..500).contains(code) && !matches!(code, 408 | 425 | 429)
            }
            Failure::Wrong => true,
            Failure::Unreachable => false,
        }
    }

    fn into_fatal(self) -> Fatal {
        match self {
            Failure::Status { code, .. } if self.is_final() => Fatal::NotFound(code),
            _ => Fatal::Unreachable,
        }
    }

    fn into_trouble(self) -> Trouble {
        match self {
            Failure::Status { code, .. } if !self.is_final() => Trouble::Busy(code),
            _ => Trouble::Unreachable,
        }
    }
}
