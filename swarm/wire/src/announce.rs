//! What viewers and a WebTorrent tracker say to each other over a WebSocket, one JSON object a message.
//!
//! ```text
//! viewer → tracker   announce: here I am in this swarm, with offers for others   Request::Announce
//! tracker → viewer   announce: how many are here, and when to announce again      Reply::Announced
//! tracker → another  announce: somebody's offer                                   Reply::Offer
//! another → tracker  announce: an answer to that offer                            Request::Answer
//! tracker → viewer   announce: the answer                                         Reply::Answer
//! viewer → tracker   scrape: how many are in these swarms?                        Request::Scrape
//! tracker → viewer   scrape: so many                                              Reply::Scraped
//! tracker → viewer   announce or scrape, with a failure reason                    Reply::Failed
//! ```
//!
//! Binary fields are 20 bytes as a text of 20 characters, U+0000 to U+00FF. Session descriptions are passed on as the
//! JSON literals that they came as, neither unescaped nor understood.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::identity::InfoHash;
pub use crate::peer::PeerId;

/// Which of a viewer's offers an answer is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct OfferId(pub [u8; 20]);

/// A session description (RFC 8866), as the JSON literal that stands in messages, quotes included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sdp<'a>(Cow<'a, str>);

impl Sdp<'_> {
    /// Of plain text.
    pub fn of(text: &str) -> Sdp<'static> {
        Sdp(Cow::Owned(literal(text)))
    }

    /// As plain text; lone surrogates, which no session description has, make it empty.
    pub fn text(&self) -> String {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// What a viewer says to a tracker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request<'a> {
    /// It is in a swarm, or leaves it.
    Announce(Announce<'a>),
    /// It takes somebody's offer.
    Answer(Answer<'a>),
    /// It asks how many are in these swarms.
    Scrape(Vec<InfoHash>),
}

/// A viewer's word that it is in a swarm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announce<'a> {
    /// Which swarm.
    pub info_hash: InfoHash,
    /// As whom.
    pub peer_id: PeerId,
    /// Why now.
    pub event: Event,
    /// How many of its offers the viewer wants delivered; `None` is as many as there are.
    pub wanted: Option<usize>,
    /// It said that nothing is left to download. p2p-media-loader never says.
    pub is_complete: bool,
    /// For members of the swarm that the tracker chooses, [`OFFERS`] at most.
    pub offers: Vec<Offer<'a>>,
}

/// Why a viewer announces.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The interval is over. Clients leave the event out, or send it empty.
    #[default]
    #[serde(alias = "", alias = "update", alias = "paused")]
    Periodic,
    /// It came.
    Started,
    /// It has everything.
    Completed,
    /// It leaves.
    Stopped,
}

/// An offer on its way to whom the tracker chooses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer<'a> {
    /// What the answer will refer to.
    pub offer_id: OfferId,
    /// The offerer's end of a connection.
    pub sdp: Sdp<'a>,
}

/// An answer on its way to the one who offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer<'a> {
    /// In which swarm.
    pub info_hash: InfoHash,
    /// Who answers.
    pub peer_id: PeerId,
    /// Who offered.
    pub to_peer_id: PeerId,
    /// What is answered.
    pub offer_id: OfferId,
    /// The answerer's end of a connection.
    pub sdp: Sdp<'a>,
}

/// What a tracker says to a viewer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply<'a> {
    /// The announcement was taken note of.
    Announced {
        /// In which swarm.
        info_hash: InfoHash,
        /// How many are there, the viewer included.
        counts: Counts,
        /// When to announce again, in whole seconds.
        interval: Duration,
    },
    /// Somebody else's offer.
    Offer {
        /// In which swarm.
        info_hash: InfoHash,
        /// Who offers.
        peer_id: PeerId,
        /// What an answer has to refer to.
        offer_id: OfferId,
        /// The offerer's end of a connection.
        sdp: Sdp<'a>,
    },
    /// Somebody took an offer of this viewer.
    Answer {
        /// In which swarm.
        info_hash: InfoHash,
        /// Who answers.
        peer_id: PeerId,
        /// What is answered.
        offer_id: OfferId,
        /// The answerer's end of a connection.
        sdp: Sdp<'a>,
    },
    /// How many are in the swarms asked for.
    Scraped(Vec<(InfoHash, Counts)>),
    /// The request was refused; the connection stays.
    Failed {
        /// What was asked.
        action: Action,
        /// Of which swarm, as far as that could be read.
        info_hash: Option<InfoHash>,
        /// A sentence for people.
        reason: Cow<'a, str>,
    },
}

/// How many are in a swarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Those that have everything.
    pub complete: usize,
    /// All others.
    pub incomplete: usize,
}

/// The two kinds of messages.
///
/// A client that reads any other, or none, gives up its trackers and comes back after minutes: so every error has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Everything about being in a swarm.
    #[default]
    Announce,
    /// Counting.
    Scrape,
}

/// A message that can't be used, with what an answer to it needs.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{fault}")]
pub struct ReadError {
    /// What is wrong with it.
    pub fault: Fault,
    /// What it asked for, as far as that can be told.
    pub action: Action,
    /// Of which swarm, as far as that can be told.
    pub info_hash: Option<InfoHash>,
}

/// What is wrong with a message. The blame is its sender's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// Not a JSON object of the known shape.
    #[error("the message is not JSON of a known shape")]
    Shape,
    /// A field that this kind of message needs.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Several swarms in what is about one.
    #[error("an announcement is about one info_hash")]
    ManyHashes,
}

impl<'a> Request<'a> {
    /// Reads what a viewer sent.
    ///
    /// # Errors
    /// When it is no announcement, answer or scrape, with what the error message to the viewer needs.
    pub fn read(text: &'a str) -> Result<Request<'a>, ReadError> {
        let raw: RawRequest<'_> =
            serde_json::from_str(text).map_err(|_| Envelope::blame(text, Fault::Shape))?;
        let (action, first) = (raw.action, raw.info_hash.as_ref().and_then(|h| h.first().copied()));
        raw.into_request().map_err(|fault| ReadError { fault, action, info_hash: first })
    }

    /// The message as the viewer sends it.
    pub fn write(&self) -> String {
        let mut out = String::with_capacity(ROOM);
        match self {
            Request::Announce(announce) => write_announce(&mut out, announce),
            Request::Answer(answer) => {
                let Answer { info_hash, peer_id, to_peer_id, offer_id, sdp } = answer;
                open(&mut out, Action::Announce, info_hash, Some(peer_id));
                field(&mut out, "to_peer_id", &to_peer_id.0);
                field(&mut out, "offer_id", &offer_id.0);
                description(&mut out, "answer", sdp);
            }
            Request::Scrape(hashes) => {
                out.push_str("{\"action\":\"scrape\",\"info_hash\":[");
                for (at, hash) in hashes.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    bytes(&mut out, &hash.0);
                }
                out.push(']');
            }
        }
        out.push('}');
        out
    }
}

impl<'a> Reply<'a> {
    /// Reads what a tracker sent.
    ///
    /// # Errors
    /// When it is no message of a tracker.
    pub fn read(text: &'a str) -> Result<Reply<'a>, ReadError> {
        let raw: RawReply<'_> =
            serde_json::from_str(text).map_err(|_| Envelope::blame(text, Fault::Shape))?;
        let (action, info_hash) = (raw.action, read_hash(raw.info_hash));
        raw.into_reply().map_err(|fault| ReadError { fault, action, info_hash })
    }

    /// The message as the tracker sends it.
    pub fn write(&self) -> String {
        let mut out = String::with_capacity(ROOM);
        match self {
            Reply::Announced { info_hash, counts, interval } => {
                open(&mut out, Action::Announce, info_hash, None);
                let Counts { complete, incomplete } = counts;
                let seconds = interval.as_secs();
                let _ = write!(
                    out,
                    ",\"complete\":{complete},\"incomplete\":{incomplete},\"interval\":{seconds}"
                );
            }
            Reply::Offer { info_hash, peer_id, offer_id, sdp } => {
                open(&mut out, Action::Announce, info_hash, Some(peer_id));
                field(&mut out, "offer_id", &offer_id.0);
                description(&mut out, "offer", sdp);
            }
            Reply::Answer { info_hash, peer_id, offer_id, sdp } => {
                open(&mut out, Action::Announce, info_hash, Some(peer_id));
                field(&mut out, "offer_id", &offer_id.0);
                description(&mut out, "answer", sdp);
            }
            Reply::Scraped(files) => write_scraped(&mut out, files),
            Reply::Failed { action, info_hash, reason } => {
                // The npm client converts the field of every message, and one without it ends its listener.
                let hash = info_hash.as_ref().map_or(&[][..], |hash| &hash.0);
                let _ = write!(out, "{{\"action\":\"{action}\",\"info_hash\":");
                bytes(&mut out, hash);
                let _ = write!(out, ",\"failure reason\":{}", literal(reason));
            }
        }
        out.push('}');
        out
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Announce => "announce",
            Action::Scrape => "scrape",
        })
    }
}

fn write_announce(out: &mut String, announce: &Announce<'_>) {
    open(out, Action::Announce, &announce.info_hash, Some(&announce.peer_id));
    out.push_str(match announce.event {
        Event::Periodic => "",
        Event::Started => ",\"event\":\"started\"",
        Event::Completed => ",\"event\":\"completed\"",
        Event::Stopped => ",\"event\":\"stopped\"",
    });
    if let Some(wanted) = announce.wanted {
        let _ = write!(out, ",\"numwant\":{wanted}");
    }
    out.push_str(if announce.is_complete { ",\"left\":0" } else { "" });
    out.push_str(",\"offers\":[");
    for (at, offer) in announce.offers.iter().enumerate() {
        out.push_str(if at == 0 { "{\"offer_id\":" } else { ",{\"offer_id\":" });
        bytes(out, &offer.offer_id.0);
        description(out, "offer", &offer.sdp);
        out.push('}');
    }
    out.push(']');
}

fn write_scraped(out: &mut String, files: &[(InfoHash, Counts)]) {
    out.push_str("{\"action\":\"scrape\",\"files\":{");
    for (at, (hash, Counts { complete, incomplete })) in files.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        bytes(out, &hash.0);
        let _ = write!(
            out,
            ":{{\"complete\":{complete},\"incomplete\":{incomplete},\"downloaded\":{complete}}}"
        );
    }
    out.push('}');
}

fn open(out: &mut String, action: Action, info_hash: &InfoHash, peer_id: Option<&PeerId>) {
    let _ = write!(out, "{{\"action\":\"{action}\"");
    field(out, "info_hash", &info_hash.0);
    if let Some(peer_id) = peer_id {
        field(out, "peer_id", &peer_id.0);
    }
}

fn field(out: &mut String, name: &str, value: &[u8]) {
    let _ = write!(out, ",\"{name}\":");
    bytes(out, value);
}

/// Bytes as a literal of one character each.
fn bytes(out: &mut String, value: &[u8]) {
    out.push('"');
    for &byte in value {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0..=0x1f => drop(write!(out, "\\u{byte:04x}")),
            _ => out.push(char::from(byte)),
        }
    }
    out.push('"');
}

fn description(out: &mut String, kind: &str, sdp: &Sdp<'_>) {
    for part in [",\"", kind, "\":{\"type\":\"", kind, "\",\"sdp\":", &sdp.0, "}"] {
        out.push_str(part);
    }
}

fn literal(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[derive(Deserialize)]
struct RawRequest<'a> {
    action: Action,
    info_hash: Option<Hashes>,
    peer_id: Option<Bytes>,
    to_peer_id: Option<Bytes>,
    offer_id: Option<Bytes>,
    event: Option<Event>,
    #[serde(borrow)]
    numwant: Option<&'a RawValue>,
    #[serde(borrow)]
    left: Option<&'a RawValue>,
    #[serde(borrow)]
    offers: Option<Offers<'a>>,
    #[serde(borrow)]
    answer: Option<Description<'a>>,
}

impl<'a> RawRequest<'a> {
    fn into_request(self) -> Result<Request<'a>, Fault> {
        let hashes = self.info_hash.filter(|hashes| !hashes.is_empty());
        let hashes = hashes.ok_or(Fault::Missing("info_hash"))?.0;
        if self.action == Action::Scrape {
            return Ok(Request::Scrape(hashes));
        }
        let &[info_hash] = &hashes[..] else { return Err(Fault::ManyHashes) };
        let peer_id = PeerId(self.peer_id.ok_or(Fault::Missing("peer_id"))?.0);
        if let Some(Description { sdp }) = self.answer {
            let to_peer_id = PeerId(self.to_peer_id.ok_or(Fault::Missing("to_peer_id"))?.0);
            let offer_id = OfferId(self.offer_id.ok_or(Fault::Missing("offer_id"))?.0);
            return Ok(Request::Answer(Answer { info_hash, peer_id, to_peer_id, offer_id, sdp }));
        }
        Ok(Request::Announce(Announce {
            info_hash,
            peer_id,
            event: self.event.unwrap_or_default(),
            wanted: self.numwant.and_then(|raw| raw.get().trim_matches('"').parse().ok()),
            is_complete: self.left.is_some_and(|raw| raw.get().trim_matches('"') == "0"),
            offers: self.offers.map(|offers| offers.0).unwrap_or_default(),
        }))
    }
}

#[derive(Deserialize)]
struct RawReply<'a> {
    action: Action,
    #[serde(borrow)]
    info_hash: Option<&'a RawValue>,
    peer_id: Option<Bytes>,
    offer_id: Option<Bytes>,
    complete: Option<usize>,
    incomplete: Option<usize>,
    interval: Option<u32>,
    #[serde(rename = "failure reason", borrow)]
    failure: Option<Cow<'a, str>>,
    files: Option<Files>,
    #[serde(borrow)]
    offer: Option<Description<'a>>,
    #[serde(borrow)]
    answer: Option<Description<'a>>,
}

impl<'a> RawReply<'a> {
    fn into_reply(self) -> Result<Reply<'a>, Fault> {
        let info_hash = read_hash(self.info_hash);
        if let Some(reason) = self.failure {
            return Ok(Reply::Failed { action: self.action, info_hash, reason });
        }
        if self.action == Action::Scrape {
            return Ok(Reply::Scraped(self.files.ok_or(Fault::Missing("files"))?.0));
        }
        let info_hash = info_hash.ok_or(Fault::Missing("info_hash"))?;
        let peer_id = self.peer_id.map(|Bytes(id)| PeerId(id)).ok_or(Fault::Missing("peer_id"));
        let offer_id = self.offer_id.map(|Bytes(id)| OfferId(id)).ok_or(Fault::Missing("offer_id"));
        match (self.offer, self.answer) {
            (Some(Description { sdp }), _) => {
                Ok(Reply::Offer { info_hash, peer_id: peer_id?, offer_id: offer_id?, sdp })
            }
            (None, Some(Description { sdp })) => {
                Ok(Reply::Answer { info_hash, peer_id: peer_id?, offer_id: offer_id?, sdp })
            }
            (None, None) => Ok(Reply::Announced {
                info_hash,
                counts: Counts {
                    complete: self.complete.unwrap_or_default(),
                    incomplete: self.incomplete.unwrap_or_default(),
                },
                interval: Duration::from_secs(
                    self.interval.ok_or(Fault::Missing("interval"))?.into(),
                ),
            }),
        }
    }
}

/// What an error message needs of a message that is wrong elsewhere.
#[derive(Default, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    info_hash: Option<&'a RawValue>,
}

impl Envelope<'_> {
    fn blame(text: &str, fault: Fault) -> ReadError {
        let envelope: Envelope<'_> = serde_json::from_str(text).unwrap_or_default();
        let action = envelope.action.and_then(|raw| serde_json::from_str(raw.get()).ok());
        ReadError {
            fault,
            action: action.unwrap_or_default(),
            info_hash: read_hash(envelope.info_hash),
        }
    }
}

/// The hash, if it is one: an error may come without.
fn read_hash(raw: Option<&RawValue>) -> Option<InfoHash> {
    let Hash(hash) = serde_json::from_str(raw?.get()).ok()?;
    Some(hash)
}

struct Bytes([u8; 20]);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("20 characters of one byte each")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                read_bytes(text).map(Bytes).ok_or_else(|| E::invalid_length(text.len(), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

fn read_bytes(text: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    let mut characters = text.chars();
    for byte in &mut bytes {
        *byte = u8::try_from(characters.next()?).ok()?;
    }
    characters.next().is_none().then_some(bytes)
}

#[derive(Deserialize)]
#[serde(from = "Bytes")]
struct Hash(InfoHash);

impl From<Bytes> for Hash {
    fn from(Bytes(bytes): Bytes) -> Hash {
        Hash(InfoHash(bytes))
    }
}

/// One info-hash, or a list.
struct Hashes(Vec<InfoHash>);

impl std::ops::Deref for Hashes {
    type Target = [InfoHash];
    fn deref(&self) -> &[InfoHash] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hashes, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Hashes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an info_hash or a list of them")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Hashes, E> {
                let bytes = read_bytes(text).ok_or_else(|| E::invalid_length(text.len(), &self))?;
                Ok(Hashes(vec![InfoHash(bytes)]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Hashes, A::Error> {
                let hashes = first_of::<Hash, A>(list, HASHES)?;
                Ok(Hashes(hashes.into_iter().map(|Hash(hash)| hash).collect()))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

struct Offers<'a>(Vec<Offer<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Offers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Offers<'a>, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Vec<RawOffer<'de>>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of offers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                first_of(list, OFFERS)
            }
        }
        let of = |RawOffer { offer: Description { sdp }, offer_id: Bytes(id) }| Offer {
            offer_id: OfferId(id),
            sdp,
        };
        Ok(Offers(deserializer.deserialize_seq(List)?.into_iter().map(of).collect()))
    }
}

#[derive(Deserialize)]
struct RawOffer<'a> {
    #[serde(borrow)]
    offer: Description<'a>,
    offer_id: Bytes,
}

/// `{"type":…,"sdp":…}`; the type is known from the field that it stands in.
#[derive(Deserialize)]
struct Description<'a> {
    #[serde(borrow, deserialize_with = "read_sdp")]
    sdp: Sdp<'a>,
}

fn read_sdp<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Sdp<'a>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    if !raw.starts_with('"') {
        return Err(D::Error::custom("a session description is a text"));
    }
    if raw.len() > SDP_BYTES {
        return Err(D::Error::invalid_length(raw.len(), &"a shorter session description"));
    }
    Ok(Sdp(Cow::Borrowed(raw)))
}

struct Files(Vec<(InfoHash, Counts)>);

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Files, D::Error> {
        #[derive(Deserialize)]
        struct RawCounts {
            complete: usize,
            incomplete: usize,
        }
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Files;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("counts by info_hash")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Files, A::Error> {
                let mut files = Vec::new();
                while let Some((Hash(hash), RawCounts { complete, incomplete })) =
                    map.next_entry()?
                {
                    if files.len() < HASHES {
                        files.push((hash, Counts { complete, incomplete }));
                    }
                }
                Ok(Files(files))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// The first few of a list; the rest is passed over.
fn first_of<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    mut list: A,
    most: usize,
) -> Result<Vec<T>, A::Error> {
    let mut items = Vec::new();
    while items.len() < most {
        match list.next_element()? {
            Some(item) => items.push(item),
            None => return Ok(items),
        }
    }
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(items)
}

/// Offers of one announcement that count: clients send 5, some 10.
pub const OFFERS: usize = 10;

/// Info-hashes of one scrape that count.
pub const HASHES: usize = 64;

/// Length of a session description as a JSON literal: those of data channels have 600 to 3,300 bytes.
pub const SDP_BYTES: usize = 8 << 10;

/// A message with one session description seldom has to grow from here.
const ROOM: usize = 1600;

#[cfg(test)]
mod tests;
