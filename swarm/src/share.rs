//! Sharing: what this viewer takes from others and gives to them, beside what it fetches from the server.
//!
//! The flow, for each rendition that is watched, since each is a swarm of its own:
//!
//! ```text
//! join the swarm at the tracker ─▶ others there? ─▶ offer connections, and answer theirs ─▶ tell what is held
//!        ask a peer for a segment ─▶ its bytes ─▶ its digest ─▶ play it, hold it, tell the others
//!        a peer asks ─▶ is there room and budget? ─▶ header, bytes, completion
//! ```
//!
//! The tracker is met while the master playlist is on its way, and left again if what that names can't be shared. To a finished
//! video no connection is offered before the tracker has counted others; to a live stream the first offers go with the first word,
//! and are made before anything is known if the page says that it is one.
//! Nothing that a peer sent is played, kept or passed on before its digest was
//! compared with the list that came from the video's own host.
//!
//! - `tracker`: when to announce, and what the tracker says
//! - `links`: connections, from an offer to their end
//! - `trust`: whose word is believed of which bytes are the right ones
//! - `lists`: that word where the video's own host signs what each piece should be
//! - `digests`: the same where it only publishes digests of whole segments
//! - `download`: what is asked of peers, and what they answer
//! - `news`: what viewers tell each other of what they hold and of new segments
//! - `election`: whose turn it is to fetch what nobody has
//! - `owners`: what several fetch together, since it is too long for one
//! - `source`: who is asked for a segment: a peer, the server, or nobody yet
//! - `upload`: who is given what, within room and budget
//! - `pieces`: what is passed on before it is whole
//! - `store`: segments that are held for others
//! - `conduct`: what peers do wrong, and what it costs them
//! - `segments`, `bucket`: sets of segments; how much may flow

mod bucket;
mod conduct;
mod digests;
mod download;
mod election;
mod links;
mod lists;
mod news;
mod owners;
mod pieces;
mod segments;
mod source;
mod store;
mod tracker;
mod trust;
mod upload;

use std::collections::VecDeque;
use std::time::Duration;

use wire::peer::PeerId;
use wire::playlist::Master;

use crate::Time;
use crate::engine::{Engine, Phase};
use crate::limits::{BANNED_PEERS, HOP, UPLOAD_BURST_BYTES, UPLOAD_BYTES_PER_SECOND};
use crate::message::{Event, Hindrance, LinkId, Output, RequestId, Sharing};
use crate::table::Table;

use bucket::Bucket;
pub(crate) use digests::Digests;
pub(crate) use pieces::Tested;
pub(crate) use source::Source;

use download::Check;
use links::Link;
use lists::Verifying;
use store::Store;
use tracker::{Swarm, Tracker};

/// All that is known of other viewers.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) permitted: Sharing,
    /// The master's address, cut before the first `?`: what the swarms are named after.
    pub(crate) swarm_id: String,
    pub(crate) digests: Digests,
    /// Windows of lists whose signatures are being verified, in the order asked.
    verifying: VecDeque<Verifying>,
    pub(crate) tracker: Tracker,
    /// By rendition.
    pub(crate) swarms: Table<usize, Swarm>,
    pub(crate) links: Table<LinkId, Link>,
    next_link: u64,
    pub(crate) store: Store,
    /// Bodies whose digest is being computed before they are used.
    pub(crate) checks: Table<RequestId, Check>,
    /// Segments that came wrong, and are taken from the server alone.
    distrusted: VecDeque<(usize, usize)>,
    /// Segments of which others were told that the first pieces are here, and up to which byte, the latest last.
    begun: VecDeque<((usize, usize), usize)>,
    /// Somebody gave wrong bytes.
    is_cheated: bool,
    /// Ids of those who cheated, the latest last.
    banned: VecDeque<PeerId>,
    /// What those have done who left, the latest last: who comes back under its name begins with it.
    records: VecDeque<(PeerId, u32)>,
    upload_rate: Bucket,
    /// When a neighbour was left last, to make room for others.
    left_at: Time,
    /// A segment is held back for a peer to bring.
    pub(crate) is_waiting: bool,
    /// The first such one.
    pub(crate) awaited: Option<(usize, usize)>,
    /// No STUN server told our address.
    is_unreflected: bool,
    /// How long a segment takes from one viewer to the next.
    pub(crate) hop: Duration,
    /// Bytes a second that we send, of late, while we send.
    pub(crate) uplink: Option<f64>,
    hindrance: Option<Hindrance>,
}

impl Share {
    pub(crate) fn new() -> Share {
        Share {
            permitted: Sharing::Off,
            swarm_id: String::new(),
            digests: Digests::Unnamed,
            verifying: VecDeque::new(),
            tracker: Tracker::default(),
            swarms: Table::default(),
            links: Table::default(),
            next_link: 0,
            store: Store::default(),
            checks: Table::default(),
            distrusted: VecDeque::new(),
            begun: VecDeque::new(),
            is_cheated: false,
            banned: VecDeque::new(),
            records: VecDeque::new(),
            upload_rate: Bucket::new(UPLOAD_BYTES_PER_SECOND, UPLOAD_BURST_BYTES),
            left_at: Time::default(),
            is_waiting: false,
            awaited: None,
            is_unreflected: false,
            hop: HOP,
            uplink: None,
            hindrance: None,
        }
    }

    /// The master playlist came from `url`, and tells who signs, or where digests are, relative to it.
    pub(crate) fn named(&mut self, url: &str, master: &Master) {
        self.swarm_id = url.split('?').next().unwrap_or(url).to_owned();
        self.digests = match (&master.signed, &master.digests) {
            // Who signs can't be read: nobody's word is that of whoever was meant.
            (Some(signed), _) if signed.keys.is_empty() => Digests::Refused(Hindrance::ListForged),
            (Some(signed), _) => Digests::Signed(signed.clone()),
            (None, Some(uri)) => Digests::At(uri.as_str().into()),
            (None, None) => Digests::Lacking,
        };
    }

    pub(crate) fn is_on(&self) -> bool {
        self.permitted > Sharing::Off
    }

    fn ban(&mut self, peer: PeerId) {
        if self.banned.len() == BANNED_PEERS {
            self.banned.pop_front();
        }
        self.banned.push_back(peer);
    }

    /// It came wrong from peers.
    pub(crate) fn distrusted_of(&self, key: (usize, usize)) -> bool {
        self.distrusted.contains(&key)
    }

    /// What was told of the beginning of a segment isn't so any more; when it comes again it is told anew.
    pub(crate) fn take_back_begun(&mut self, key: (usize, usize)) {
        self.begun.retain(|(of, _)| *of != key);
    }

    /// Notes the price of what a peer has done, for when it comes back.
    fn keep_record(&mut self, peer: PeerId, price: u32) {
        self.records.retain(|(known, _)| *known != peer);
        if self.records.len() == BANNED_PEERS {
            self.records.pop_front();
        }
        self.records.push_back((peer, price));
    }

    fn record_of(&self, peer: &PeerId) -> u32 {
        let record = self.records.iter().find(|(known, _)| known == peer);
        record.map_or(0, |(_, price)| *price)
    }

    fn is_banned(&self, peer: &PeerId) -> bool {
        self.banned.contains(peer)
    }
}

impl Engine {
    /// The page or the viewer changed what is allowed.
    pub(crate) fn permitted(&mut self, now: Time, sharing: Sharing) {
        let before = std::mem::replace(&mut self.share.permitted, sharing);
        if sharing == Sharing::Off {
            self.leave_all(now);
            self.empty_store();
            self.drop_parts_of_others();
            self.compare_no_more();
            self.report_hindrance();
        } else if sharing < before {
            self.stop_giving();
            self.empty_store();
        }
    }

    /// Connects to the tracker while the master playlist is on its way: what can be waited for at once isn't waited for in turn.
    pub(crate) fn meet_early(&mut self, now: Time) {
        if self.share.is_on() && self.playhead.is_started {
            self.open_tracker(now);
            self.offer_early(now);
        }
    }

    /// Decides what is due with others, afresh from the state like all planning.
    pub(crate) fn plan_sharing(&mut self, now: Time) {
        if !self.share.is_on() || self.phase != Phase::Open {
            return;
        }
        if !self.may_be_verifiable() {
            self.leave_all(now);
            return self.report_hindrance();
        }
        if self.playhead.is_started {
            self.open_tracker(now);
            self.choose_swarms(now);
        }
        // Until a picture is there, nothing else may cost it time.
        if self.has_picture() {
            self.ask_digests(now);
            self.check_stored();
        }
        self.tend_links(now);
        self.announce_to_tracker(now);
        self.tell_peers(now);
        self.pump_uploads(now);
        self.report_hindrance();
    }

    pub(crate) fn report_hindrance(&mut self) {
        let is_alone = !self.share.links.values().any(Link::is_open);
        let distrust = self.distrust();
        let hindrance = match () {
            () if distrust.is_some() => distrust,
            () if !self.share.is_on() => None,
            () if self.share.tracker.is_failing() => Some(Hindrance::Tracker),
            () if self.share.is_unreflected && is_alone => Some(Hindrance::Stun),
            () => None,
        };
        if std::mem::replace(&mut self.share.hindrance, hindrance) != hindrance {
            self.want(Output::Report(Event::Hindered(hindrance)));
        }
    }

    pub(crate) fn unreflected(&mut self) {
        self.share.is_unreflected = true;
    }
}
