//! Everything in `wire` that reads what others wrote: nothing panics, and what two of ours say to each other survives it.

use std::collections::BTreeSet;

use wire::announce::{Reply, Request};
use wire::digest::SegmentDigests;
use wire::identity::{
    Family, ManifestHash, PeerTubeHash, PositionHash, PropertyHash, StreamProperties,
};
use wire::mp4::{self, Header};
use wire::peer::{Command, JOINED_LIMIT, Joiner, MESSAGE_BYTES, Message, data_messages};
use wire::pieces::{Signed, WINDOW, Windows};
use wire::playlist::{ENTRY_LIMIT, Master, Media, Playlist};

/// Messages of a data channel, one after the other. Each ends with `cend` or `dend`, as commands and their parts do.
pub fn messages(bytes: &[u8]) {
    let mut joiner = Joiner::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.windows(4).position(|four| four == b"cend" || four == b"dend");
        let (message, after) = rest.split_at(end.map_or(rest.len(), |at| at + 4));
        rest = after;
        match joiner.take(message) {
            Ok(Some(Message::Command(command))) => {
                [MESSAGE_BYTES, 64].into_iter().for_each(|max| written_again(&command, max));
            }
            Ok(Some(Message::Data(data))) => sent_as_data(data),
            Ok(None) | Err(_) => {}
        }
    }
    sent_as_data(bytes);
}

/// What is left of a command after it was written once, nothing takes away any more.
fn written_again(command: &Command, max: usize) {
    let once = joined(&command.encode(max));
    assert_eq!(joined(&once.encode(max)), once);
    assert!(numbers(&once).is_subset(&numbers(command)), "{command:?} became {once:?}");
}

fn joined(messages: &[Vec<u8>]) -> Command {
    assert!(messages.concat().len() <= JOINED_LIMIT + 8 * messages.len());
    let mut joiner = Joiner::default();
    let mut last = None;
    for message in messages {
        assert!(last.is_none(), "more follows a whole command");
        last = joiner.take(message).expect("we read what we write");
    }
    match last {
        Some(Message::Command(command)) => command,
        other => panic!("a command became {other:?}"),
    }
}

/// All numbers of all lists.
fn numbers(command: &Command) -> BTreeSet<u64> {
    let lists: Vec<&Vec<u64>> = match command {
        Command::SegmentsAnnouncement { loaded, loading, .. } => vec![loaded, loading],
        Command::Changes { held, gone, fetching, coming, dropped, .. } => {
            vec![held, gone, fetching, coming, dropped]
        }
        Command::Pieces { pieces, .. } => vec![pieces],
        _ => Vec::new(),
    };
    lists.into_iter().flatten().copied().collect()
}

fn sent_as_data(bytes: &[u8]) {
    for max in [3, 9, MESSAGE_BYTES] {
        let mut sent: Vec<u8> = Vec::new();
        for message in data_messages(bytes, max) {
            assert!(message.len() <= max);
            assert_eq!(Joiner::default().take(message), Ok(Some(Message::Data(message))));
            sent.extend(message);
        }
        assert_eq!(sent, bytes);
    }
}

/// A message between a viewer and a tracker, either way.
pub fn tracker(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(request) = Request::read(&text) {
        assert_eq!(Request::read(&request.write()).as_ref(), Ok(&request));
    }
    match Reply::read(&text) {
        Ok(reply) => {
            assert_eq!(Reply::read(&reply.write()).as_ref(), Ok(&reply));
            swarm::Heard::of(reply);
        }
        Err(error) => drop(error.to_string()),
    }
}

/// A playlist of either kind, and which swarms its renditions are in.
pub fn playlists(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match text.parse::<Playlist>() {
        Ok(Playlist::Master(master)) => master_again(&master),
        Ok(Playlist::Media(media)) => media_again(&media),
        Err(error) => drop(error.to_string()),
    }
}

fn master_again(master: &Master) {
    assert!(master.variants.len() <= ENTRY_LIMIT);
    // Of what others write, ours may leave out what it doesn't need, and quotes where no quotes belong.
    drop(master.to_string().parse::<Master>());
    let streams: Vec<_> = master.variants.iter().map(StreamProperties::of).collect();
    let manifest = ManifestHash { streams: &streams };
    let families: [&dyn Family; 4] = [&PropertyHash, &PositionHash, &manifest, &PeerTubeHash];
    for (position, stream) in streams.iter().enumerate().take(9) {
        PropertyHash.of_picture("https://a/m.m3u8", stream);
        for family in families {
            family.info_hash("https://a/m.m3u8", position, stream);
        }
    }
}

fn media_again(media: &Media) {
    assert!(media.segments.len() <= ENTRY_LIMIT);
    drop(media.to_string().parse::<Media>());
}

/// A list of digests.
pub fn digests(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(list) = SegmentDigests::parse(&text) {
        assert_eq!(SegmentDigests::parse(&list.to_json()), Ok(list));
    }
}

/// A window of a signed piece list.
pub fn pieces(bytes: &[u8]) {
    if let Ok(Signed { key, message, signature, window }) = Signed::parse(bytes) {
        assert_eq!([&message[..], &signature[..]].concat(), bytes);
        assert_eq!(window.message(&key), message);
        let lengths = window.segments.iter().map(|segment| segment.bytes);
        let windows = Windows::of(&window.video, &window.rendition);
        let (start, length) = windows.range(0, lengths.clone().take(WINDOW));
        assert!(start == 0 && (lengths.len() > WINDOW || length == bytes.len() as u64));
    }
}

/// The boxes of an initialisation section, and of a segment after it: its first byte tells where.
pub fn headers(bytes: &[u8]) {
    let Some((&at, media)) = bytes.split_first() else { return };
    let (init, segment) = media.split_at(media.len() * usize::from(at) / 255);
    if let Some(header) = Header::parse(init) {
        header.start_of(segment);
        header.start_of(media);
        assert!(header.timescale > 0);
    }
    for bytes in [segment, media] {
        let head_at = |at: u64| {
            let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            &bytes[at..bytes.len().min(at.saturating_add(16))]
        };
        mp4::is_whole(bytes.len() as u64, head_at);
    }
}
