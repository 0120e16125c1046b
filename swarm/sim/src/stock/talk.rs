//! What is said to neighbours and by them, and what is given.

use swarm::{LinkId, Output};
use wire::peer::{Command, MESSAGE_BYTES, Message, Request, Segment};

use super::StockPeer;
use super::loader::Via;
use super::nearby::Announced;

/// A segment on its way to a neighbour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upload {
    pub(super) segment: Segment,
    /// What the neighbour calls its request.
    name: Request,
    /// Bytes that were given.
    given: u64,
}

impl StockPeer {
    pub(super) fn say(&mut self, link: LinkId, command: &Command) {
        for message in command.encode(MESSAGE_BYTES) {
            self.want(Output::Say { link, message });
        }
    }

    /// Everything that it holds and fetches from the server.
    fn announcement(&self) -> Command {
        let loading = self.loads.iter().filter(|(_, load)| load.via() == Some(Via::Server));
        Command::announcement(
            self.player.next,
            self.held.keys().copied(),
            loading.map(|(no, _)| *no),
        )
    }

    /// The first thing that a neighbour hears.
    pub(super) fn greet(&mut self, link: LinkId) {
        if self.gives() {
            self.say(link, &self.announcement());
        }
    }

    /// Tells everybody everything when something has changed.
    pub(super) fn tell_news(&mut self) {
        if !std::mem::take(&mut self.has_news) || !self.gives() {
            return;
        }
        let messages = self.announcement().encode(MESSAGE_BYTES);
        for (link, _) in self.links.iter().filter(|(_, link)| link.is_open()) {
            for message in messages.iter().cloned() {
                self.outputs.push_back(Output::Say { link: *link, message });
            }
        }
    }

    pub(super) fn said(&mut self, link: LinkId, message: &[u8]) {
        let Some(from) = self.links.get_mut(&link) else { return };
        let Ok(Some(Message::Command(command))) = from.joiner.take(message) else { return };
        match command {
            Command::SegmentsAnnouncement { loaded, loading, .. } => {
                let announced = Announced::new(loaded, loading);
                self.nearby.replace(&from.announced, &announced);
                from.announced = announced;
                self.queue.is_due = true;
            }
            Command::SegmentRequest { segment, request, offset } => {
                self.requested(link, segment, request, offset);
            }
            Command::SegmentData { segment, size, request } => {
                let is_right = self.answer_begins(link, segment, request, size);
                self.hang_up_unless(is_right, link);
            }
            Command::SegmentDataSendingCompleted { segment, request } => {
                let is_right = self.answer_ends(link, segment, request);
                self.hang_up_unless(is_right, link);
            }
            Command::SegmentAbsent { segment, .. } => self.is_absent(link, segment),
            Command::CancelSegmentRequest { segment, request } => {
                from.upload.take_if(|upload| (upload.segment, upload.name) == (segment, request));
            }
            _ => {}
        }
    }

    fn is_absent(&mut self, link: LinkId, no: Segment) {
        let Some(from) = self.links.get_mut(&link).filter(|from| from.download == Some(no)) else {
            return;
        };
        let mut announced = from.announced.clone();
        announced.loaded.retain(|held| *held != no);
        self.nearby.replace(&from.announced, &announced);
        from.announced = announced;
        self.answer_fails(no);
    }

    pub(super) fn received(&mut self, link: LinkId, bytes: u64) {
        let now = self.now;
        let Some(from) = self.links.get_mut(&link) else { return };
        let Some(no) = from.download else { return };
        from.meter.came(now, bytes);
        let is_right = self.bytes_came(no, bytes);
        self.hang_up_unless(is_right, link);
    }

    /// A neighbour asks; what it asked for before is no longer sent. Of a segment that isn't in the playlist nothing is said.
    fn requested(&mut self, link: LinkId, segment: Segment, name: Request, offset: u64) {
        if let Some(asker) = self.links.get_mut(&link) {
            asker.upload = None;
        }
        if self.track.slot(segment).is_none() {
            return;
        }
        let held = self.held.get(&segment).filter(|held| self.gives() && offset < held.bytes);
        let Some(size) = held.map(|held| held.bytes - offset) else {
            return self.say(link, &Command::SegmentAbsent { segment, request: name });
        };
        self.say(link, &Command::SegmentData { segment, size, request: name });
        if let Some(asker) = self.links.get_mut(&link) {
            asker.upload = Some(Upload { segment, name, given: offset });
        }
        self.give_more(link);
    }

    /// Gives the next bytes of an upload, and says so when those were the last.
    pub(super) fn give_more(&mut self, link: LinkId) {
        let Some(to) = self.links.get_mut(&link) else { return };
        let Some(upload) = &mut to.upload else { return };
        let (segment, request, start) = (upload.segment, upload.name, upload.given);
        let Some(held) = self.held.get(&segment).copied() else { return };
        let bytes = (held.bytes - start).min(GIVEN_AT_ONCE);
        upload.given += bytes;
        let is_all = upload.given == held.bytes;
        if is_all {
            to.upload = None;
        }
        self.stats.uploaded_bytes += bytes;
        self.want(Output::Give { link, request: held.request, start, bytes });
        if is_all {
            self.say(link, &Command::SegmentDataSendingCompleted { segment, request });
        }
    }

    /// A segment is no longer there to be given.
    pub(super) fn stop_giving(&mut self, no: Segment) {
        for link in self.links.values_mut() {
            link.upload.take_if(|upload| upload.segment == no);
        }
    }
}

/// A channel takes more when no more than a message is left in it.
const GIVEN_AT_ONCE: u64 = 2 * MESSAGE_BYTES as u64;
