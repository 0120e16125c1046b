//! How answers of the origin get through: its uplink, the way, the viewer's line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use swarm::{Body, Failure, Input, RequestId};
use wire::playlist::ByteRange;

use crate::event::Event;
use crate::line::takes;
use crate::origin::{Answer, INIT_BYTES};
use crate::pipe::Piece;
use crate::viewer::Transfer;
use crate::world::World;

/// The origin's uplink, which serves its answers in turn.
#[derive(Debug, Default)]
pub(crate) struct OriginLine {
    /// Bits per second; without bound if absent.
    pub(crate) bps: Option<u64>,
    queue: VecDeque<(usize, RequestId, u64)>,
    is_busy: bool,
}

impl World {
    /// Bounds what the origin sends, in bits per second.
    pub fn limit_origin(&mut self, bps: u64) {
        self.origin_line.bps = Some(bps);
    }

    pub(crate) fn fetch(
        &mut self,
        viewer: usize,
        request: RequestId,
        uri: Arc<str>,
        range: Option<ByteRange>,
    ) {
        let asker = &mut self.viewers[viewer];
        let round_trip = asker.line.round_trip;
        let connects = if std::mem::replace(&mut asker.has_connected, true) { 0 } else { 2 };
        let transfer = Transfer {
            uri,
            range,
            answer: None,
            began: self.now,
            length: 0,
            queued: 0,
            in_flight: 0,
            window: 1,
            got: 0,
        };
        asker.transfers.insert(request, transfer);
        let at = self.now + round_trip * connects + round_trip / 2;
        self.events.push(at, Event::Asked(viewer, request));
    }

    /// A request has reached the origin.
    pub(crate) fn origin_asked(&mut self, viewer: usize, request: RequestId) {
        let back = self.viewers[viewer].line.round_trip / 2;
        let Some(transfer) = self.viewers[viewer].transfers.get_mut(&request) else { return };
        let answer = self.origin.answer(self.now, &transfer.uri, transfer.range);
        match &answer {
            Err(failure) => {
                let failure = failure.clone();
                self.viewers[viewer].transfers.remove(&request);
                return self.mail(self.now + back, viewer, Input::Failed { request, failure });
            }
            Ok(Answer::Text(text)) => transfer.length = text.len() as u64,
            Ok(Answer::List(list)) => transfer.length = list.len() as u64,
            Ok(Answer::Init { .. }) => transfer.length = INIT_BYTES,
            Ok(Answer::Segment { bytes, .. }) => transfer.length = *bytes,
        }
        transfer.answer = Some(answer);
        self.fill_window(viewer, request);
    }

    /// Lines up as many chunks as may be on their way, unless the viewer's line has enough to do.
    pub(crate) fn fill_window(&mut self, viewer: usize, request: RequestId) {
        let receiver = &mut self.viewers[viewer];
        let (line, now) = (&receiver.line, self.now);
        let enough = now + line.round_trip + JAM;
        let Some(transfer) = receiver.transfers.get_mut(&request) else { return };
        let is_jammed = |in_flight: u32| {
            in_flight > 0 && line.through_at(now, u64::from(in_flight) * CHUNK) > enough
        };
        while transfer.in_flight < transfer.window
            && transfer.queued < transfer.length
            && !is_jammed(transfer.in_flight)
        {
            let bytes = CHUNK.min(transfer.length - transfer.queued);
            transfer.queued += bytes;
            transfer.in_flight += 1;
            self.origin_line.queue.push_back((viewer, request, bytes));
        }
        self.serve_chunks();
    }

    fn serve_chunks(&mut self) {
        while !self.origin_line.is_busy {
            let Some(&(viewer, request, bytes)) = self.origin_line.queue.front() else { return };
            if !self.viewers[viewer].transfers.contains_key(&request) {
                self.origin_line.queue.pop_front();
                continue;
            }
            let Some(bps) = self.origin_line.bps else {
                self.origin_sent();
                continue;
            };
            self.origin_line.is_busy = true;
            self.events.push(self.now + takes(bytes, bps), Event::OriginSent);
        }
    }

    /// The origin's uplink has sent the chunk that was first in line.
    pub(crate) fn origin_sent(&mut self) {
        self.origin_line.is_busy = false;
        if let Some((viewer, request, bytes)) = self.origin_line.queue.pop_front() {
            self.send_chunk(viewer, request, bytes);
        }
        if self.origin_line.bps.is_some() {
            self.serve_chunks();
        }
    }

    fn send_chunk(&mut self, viewer: usize, request: RequestId, bytes: u64) {
        let (now, receiver) = (self.now, &mut self.viewers[viewer]);
        let back = receiver.line.round_trip / 2;
        let is_newcomer = now < receiver.joined_at + NEWCOMER;
        let Some(transfer) = receiver.transfers.get_mut(&request) else { return };
        if let Some(Ok(Answer::Segment { segment, .. })) = transfer.answer {
            if let Some(published) = self.origin.published_at(segment)
                && published > receiver.joined_at
            {
                let age = (now - published).as_secs() as usize;
                self.origin_ages.resize(self.origin_ages.len().max(age + 1), 0);
                self.origin_ages[age] += bytes;
            }
            receiver.media_bytes += bytes;
            receiver.newcomer_bytes += if is_newcomer { bytes } else { 0 };
            let second = now.as_secs() as usize;
            if self.origin_seconds.len() <= second {
                self.origin_seconds.resize(second + 1, 0);
            }
            self.origin_seconds[second] += bytes;
        } else {
            self.text_bytes += bytes;
        }
        self.events.push(now + back, Event::ChunkArrived(viewer, request, bytes));
    }

    pub(crate) fn chunk_arrived(&mut self, viewer: usize, request: RequestId, bytes: u64) {
        let at = self.through_line(viewer, bytes);
        self.events.push(at, Event::ChunkReceived(viewer, request, bytes));
    }

    pub(crate) fn chunk_received(&mut self, viewer: usize, request: RequestId, bytes: u64) {
        let is_away = self.origin.is_away(self.now);
        let receiver = &mut self.viewers[viewer];
        let Some(transfer) = receiver.transfers.get_mut(&request) else { return };
        if is_away {
            receiver.transfers.remove(&request);
            let failure = Failure::Unreachable;
            return self.tell_agent(viewer, Input::Failed { request, failure });
        }
        transfer.in_flight -= 1;
        transfer.window = (transfer.window + 1).min(WINDOW);
        let before = transfer.got;
        transfer.got = (transfer.got + bytes).min(transfer.length);
        let (got, is_whole) = (transfer.got, transfer.got >= transfer.length);
        let media = match &transfer.answer {
            Some(Ok(Answer::Segment { rendition, segment, start, .. })) => {
                Some((*rendition, *segment, start + before))
            }
            Some(Ok(Answer::Init { .. })) => None,
            _ if is_whole => return self.answered(viewer, request),
            _ => return self.fill_window(viewer, request),
        };
        let held = receiver.bodies.entry(request).or_default();
        if let Some((rendition, segment, start)) = media {
            let is_true = !self.origin.is_broken(rendition, segment);
            held.push(Piece { rendition, segment, start, bytes: got - before, is_true });
        }
        if is_whole {
            self.answered(viewer, request);
        } else {
            self.tell_agent(viewer, Input::Progressed { request, bytes: got });
            self.events.push(self.now, Event::WindowMoved(viewer, request));
        }
    }

    fn answered(&mut self, viewer: usize, request: RequestId) {
        let Some(transfer) = self.viewers[viewer].transfers.remove(&request) else { return };
        let url = format!("https://origin.example/{}", transfer.uri);
        let body = match transfer.answer {
            Some(Ok(Answer::Text(text))) => Body::Text(text.to_string()),
            Some(Ok(Answer::List(list))) => Body::List(list),
            _ => Body::Held(transfer.length),
        };
        let took = self.now - transfer.began;
        self.tell_agent(viewer, Input::Fetched { request, url, body, took });
    }
}

/// What goes over a line in one go.
const CHUNK: u64 = 16 << 10;
/// Chunks of one answer that are on their way at most: half a megabyte, as browsers' windows grow to quickly.
const WINDOW: u32 = 32;
/// A line that has so much to do isn't sent more.
const JAM: Duration = Duration::from_millis(100);
/// How long a viewer counts as new.
const NEWCOMER: Duration = Duration::from_secs(10);
