//! The commands against the bytes and the readings of the npm package, `docs/protocol.md`, and hostile bytes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Made by the package itself, see `swarm/wire/fixtures/make.mjs`.
const FIXTURE: &str = include_str!("../../fixtures/p2p-media-loader-2.3.1.json");
const DOCUMENT: &str = include_str!("../../../../docs/protocol.md");

#[derive(serde::Deserialize)]
struct Fixture {
    stock: Vec<Stock>,
    ours: Vec<Ours>,
    extension: Vec<Extension>,
    conversations: Vec<Conversation>,
    peer_id_prefixes: Vec<String>,
}

/// What the package writes for a command.
#[derive(serde::Deserialize)]
struct Stock {
    command: Value,
    max: usize,
    is_read_by_the_package: bool,
    messages: Vec<String>,
}

/// What we write for a command, and what of it the package doesn't get because we leave it out.
#[derive(serde::Deserialize)]
struct Ours {
    command: Value,
    near: u64,
    max: usize,
    left_out: BTreeSet<u64>,
    messages: Vec<String>,
}

/// What we write for a command of the extension, and what a stock peer makes of it.
#[derive(serde::Deserialize)]
struct Extension {
    command: Value,
    messages: Vec<String>,
    /// The command as the package's deserializer has it.
    is_read_as: Value,
    /// How a stock peer's download ends if this command comes between header and data.
    download: String,
    /// Whether a stock peer's upload goes on as if this command hadn't come in its midst.
    upload_is_the_same: bool,
    /// What a stock peer thinks afterwards that is held and being fetched, having been told `[1, 2]` and `[3]` before.
    holds: Vec<u64>,
    fetches: Vec<u64>,
}

/// What a stock peer that holds segments of 150,000 bytes answered to our messages, before its channel had room again.
#[derive(serde::Deserialize)]
struct Conversation {
    asked: Vec<String>,
    answers: Vec<Answer>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Answer {
    Command(String),
    DataOf(usize),
}

#[test]
fn whatever_the_package_writes_is_understood_full_blocks_too() {
    for stock in &fixture().stock {
        let messages: Vec<_> = stock.messages.iter().map(|hex| bytes(hex)).collect();
        let read = joined(&messages).map(|command| command.map(in_order));
        assert_eq!(read, Ok(Some(in_order(command(&stock.command)))), "{}", stock.command);
    }
}

#[test]
fn we_write_what_the_package_writes_where_that_can_be_read() {
    for stock in &fixture().stock {
        let written = command(&stock.command).encode(stock.max);
        let theirs: Vec<_> = stock.messages.iter().map(|hex| bytes(hex)).collect();
        let keeps_to_limit = theirs.iter().all(|message| message.len() <= stock.max);
        let is_same = written == theirs;
        assert_eq!(is_same, stock.is_read_by_the_package && keeps_to_limit, "{}", stock.command);
    }
}

#[test]
fn the_package_has_read_what_we_write() {
    for ours in &fixture().ours {
        let (mut meant, mut heard) = (command(&ours.command), command(&ours.command));
        if let Command::SegmentsAnnouncement { loaded, loading, .. } = &mut meant {
            meant = Command::announcement(ours.near, loaded.drain(..), loading.drain(..));
        }
        if let Command::SegmentsAnnouncement { loaded, loading, .. } = &mut heard {
            loaded.retain(|segment| !ours.left_out.contains(segment));
            loading.retain(|segment| !ours.left_out.contains(segment));
        }
        let written = meant.encode(ours.max);
        assert_eq!(written.iter().map(|message| hex(message)).collect::<Vec<_>>(), ours.messages);
        assert_eq!(joined(&written).map(|command| command.map(in_order)), Ok(Some(heard)));
    }
}

#[test]
fn a_stock_peer_reads_an_announcement_with_a_hello_as_one_without() {
    let greetings = fixture().extension.iter().filter(|case| case.command["c"] == 0);
    for (no, case) in greetings.enumerate() {
        let Command::SegmentsAnnouncement { loaded, loading, hello } = command(&case.command)
        else {
            panic!()
        };
        assert_eq!((&case.holds, &case.fetches), (&loaded, &loading), "greeting {no}");
        assert_eq!(case.is_read_as["x"].as_u64(), hello.map(|hello| hello.version));
        assert_eq!(case.is_read_as["u"].as_u64(), hello.and_then(|hello| hello.uplink_kbps));
        let without = Command::SegmentsAnnouncement { loaded, loading, hello: None }.encode(MAX);
        let with = bytes(&case.messages[0]);
        assert!(with.starts_with(without[0].strip_suffix(b"cend").unwrap()), "greeting {no}");
    }
}

#[test]
fn a_stock_peer_goes_on_as_if_the_extension_had_not_been_spoken() {
    let mut codes = BTreeSet::new();
    for case in &fixture().extension {
        let written: Vec<_> =
            command(&case.command).encode(MAX).iter().map(|message| hex(message)).collect();
        assert_eq!(written, case.messages, "{}", case.command);
        assert_eq!(case.download, "completes", "{}", case.command);
        assert!(case.upload_is_the_same, "{}", case.command);
        let code = case.command["c"].as_u64().unwrap();
        if code > 0 {
            assert_eq!((&case.holds[..], &case.fetches[..]), (&[1, 2][..], &[3][..]));
        }
        codes.insert(code);
    }
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), [0, 16, 17, 18, 19, 20]);
}

#[test]
fn the_document_shows_what_is_sent_and_what_the_package_sends() {
    let fixture = fixture();
    let mut codes = BTreeSet::new();
    for (told, dump) in shown("golden") {
        let is_theirs = |stock: &Stock| stock.messages.concat() == dump.replace('|', "");
        assert!(fixture.stock.iter().any(is_theirs), "{told} isn't what the package writes");
        codes.insert(told["c"].as_u64());
    }
    assert_eq!(codes.len(), 6, "every command has an example");
}

#[test]
fn the_document_shows_the_extension_that_a_stock_peer_was_told() {
    let fixture = fixture();
    let mut shown_bytes = BTreeSet::new();
    for (told, dump) in shown("extension") {
        let is_tried = |case: &Extension| case.messages.concat() == dump.replace('|', "");
        assert!(fixture.extension.iter().any(is_tried), "{told} wasn't tried");
        shown_bytes.insert(dump);
    }
    assert_eq!(shown_bytes.len(), fixture.extension.len(), "every case is shown");
}

/// The commands and bytes of the document's blocks of this kind, which are what we write and read.
fn shown(kind: &str) -> Vec<(Value, String)> {
    let fence = format!("```{kind}\n");
    let blocks = DOCUMENT.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    let mut examples = Vec::new();
    for example in blocks.flat_map(|block| block.split("\n\n")) {
        let (told, dump) = example.split_once('\n').unwrap();
        let told: Value = serde_json::from_str(told).unwrap();
        let max = told["max"].as_u64().unwrap_or(MAX as u64) as usize;
        let dump: String = dump.split_whitespace().collect();
        let messages: Vec<_> = dump.split('|').map(bytes).collect();
        assert_eq!(joined(&messages), Ok(Some(command(&told))), "{told}");
        assert_eq!(command(&told).encode(max), messages, "{told}");
        examples.push((told, dump));
    }
    examples
}

#[test]
fn a_stock_peer_answers_what_we_ask() {
    #[track_caller]
    fn check(no: usize, asked: &[&Command], data: &[usize], answers: &[&Command]) {
        let conversation = &fixture().conversations[no];
        let sent: Vec<_> = asked.iter().map(|command| hex(&command.encode(MAX)[0])).collect();
        assert_eq!(sent, conversation.asked);
        let (mut commands, mut sizes) = (Vec::new(), Vec::new());
        for answer in &conversation.answers {
            match answer {
                Answer::Command(message) => commands.extend(joined(&[bytes(message)]).unwrap()),
                Answer::DataOf(size) => sizes.push(*size),
            }
        }
        assert_eq!((commands.iter().collect::<Vec<_>>(), &sizes[..]), (answers.to_vec(), data));
    }
    let whole = Command::SegmentRequest { segment: 0, request: 0, offset: 0 };
    let whole_header = Command::SegmentData { segment: 0, size: 150_000, request: 0 };
    let whole_sent = Command::SegmentDataSendingCompleted { segment: 0, request: 0 };
    let end = Command::SegmentRequest { segment: 300, request: 421, offset: 131_070 };
    let end_header = Command::SegmentData { segment: 300, size: 18_930, request: 421 };
    let end_sent = Command::SegmentDataSendingCompleted { segment: 300, request: 421 };
    let cancel = Command::CancelSegmentRequest { segment: 300, request: 421 };
    check(0, &[&whole], &[MAX, MAX, 18_930], &[&whole_header, &whole_sent]);
    check(1, &[&end], &[18_930], &[&end_header, &end_sent]);
    check(2, &[&whole, &end], &[MAX, 18_930], &[&whole_header, &end_header, &end_sent]);
    check(3, &[&end, &cancel], &[18_930], &[&end_header]);
}

#[test]
fn our_ids_begin_as_the_package_s_do() {
    assert!(PeerId::from_random([0; 12]).to_string().starts_with(&fixture().peer_id_prefixes[0]));
}

#[test]
fn what_a_peer_gets_wrong_is_named() {
    use PeerError::*;
    #[track_caller]
    fn check(body: &[u8], wanted: PeerError) {
        assert_eq!(Command::decode(body), Err(wanted), "{body:?}");
        let message = [b"cstr", body, b"cend"].concat();
        assert_eq!(Joiner::default().take(&message), Err(wanted));
    }
    check(b"\x01i", Truncated);
    check(b"\x01i\x02\x01", Truncated);
    check(b"\x00l\x10", Truncated);
    check(b"\x00l\x10\x01\x01\x02\x07", Truncated);
    check(b"\x00x\x20\x03ab", Truncated);
    check(b"\x01i\x30", UnknownType(3));
    check(b"\x00l\x10\x01\x20\x00", UnknownType(2));
    check(b"\x01r\x01\x05", Missing('i'));
    check(b"\x05i\x01\x05", Missing('r'));
    check(b"\x02i\x01\x05r\x01\x05", Missing('s'));
    check(b"\x01i\x10\x00r\x01\x05", WrongType('i'));
    check(b"\x00p\x01\x05", WrongType('p'));
    check(b"\x03i\x01\x81r\x01\x05", OutOfBounds('i'));
    check(b"\x03i\x07\x20\0\0\0\0\0\0r\x01\x05", OutOfBounds('i'));
    check(b"\x03i\x01\x05r\x0f\x7f\0\0\0\0\0\0\0\0\0\0\0\0\0\0", OutOfBounds('r'));
    check(b"\x00l\x10\x01\x02\x80\xff\x05", OutOfBounds('l'));
    check(b"\x00x\x10\x00", WrongType('x'));
    check(b"\x00x\x01\x01u\x01\x81", OutOfBounds('u'));
    check(b"\x10c\x01\x05", WrongType('c'));
    check(b"\x11", Missing('i'));
    check(b"\x12i\x01\x05r\x01\x06", Missing('e'));
    check(b"\x12i\x01\x05r\x01\x06e\x00", EmptyPart { start: 0, end: 0 });
    check(b"\x12i\x01\x05r\x01\x06b\x01\x07e\x01\x07", EmptyPart { start: 7, end: 7 });
    check(b"\x12i\x01\x05r\x01\x06b\x01\x07e\x01\x06", EmptyPart { start: 7, end: 6 });
    check(b"\x12i\x01\x05r\x01\x06e\x07\x20\0\0\0\0\0\0", OutOfBounds('e'));
    check(b"\x12i\x01\x05r\x01\x06e\x01\x06n\x01\x81", OutOfBounds('n'));
    check(b"\x13i\x30", UnknownType(3));
    check(b"\x14i\x01\x05", Missing('z'));
    check(b"\x14i\x01\x05z\x02\x3f\xff", PieceSize(16_383));
    check(b"\x14i\x01\x05z\x03\x01\x00\x01", PieceSize(65_537));
}

#[test]
fn a_list_longer_than_any_playlist_is_refused() {
    let mut list = b"\x10\xff".to_vec();
    for block in 0..255u16 {
        list.extend([&[2, block as u8 / 2, 0xff][..], &[7; 255]].concat());
    }
    let pieces = &b"\x14i\x01\x05z\x02\x40\x00l"[..];
    for start in [b"\x00l", b"\x00p", b"\x10l", b"\x10g", b"\x10p", b"\x10c", b"\x10d", pieces] {
        let refused = Err(PeerError::TooManySegments(255 * 255));
        assert_eq!(Command::decode(&[start, &list].concat()), refused, "{start:?}");
    }
}

#[test]
fn what_nobody_has_defined_yet_is_passed_over() {
    assert_eq!(Command::decode(b""), Ok(None));
    assert_eq!(Command::decode(b"\x06"), Ok(None));
    assert_eq!(Command::decode(b"\x0fnonsense"), Ok(None));
    assert_eq!(Command::decode(b"\x15"), Ok(None));
    assert_eq!(Command::decode(b"\xffnonsense"), Ok(None));
    let absent = Command::SegmentAbsent { segment: 5, request: 6 };
    let body = b"\x04i\x01\x05x\x20\x02hir\x01\x06y\x10\x01\x02\x80\xff\x00z\x01\xff";
    assert_eq!(Command::decode(body), Ok(Some(absent)));
}

#[test]
fn a_number_of_no_bytes_is_zero_and_a_field_said_twice_counts_as_the_second() {
    let wanted = Command::SegmentAbsent { segment: 0, request: 6 };
    assert_eq!(Command::decode(b"\x04i\x00r\x01\x05r\x01\x06"), Ok(Some(wanted)));
}

#[test]
fn a_count_of_zero_is_a_full_block_only_if_it_has_each_segment_once() {
    let loaded = |body: &[u8]| match Command::decode(body) {
        Ok(Some(Command::SegmentsAnnouncement { loaded, .. })) => loaded,
        other => panic!("{other:?}"),
    };
    let block: Vec<u8> = (0..=255).rev().collect();
    let full = [b"\x00l\x10\x02\x02\x01\x00", &block[..], b"\x02\x02\x01\x07"].concat();
    assert_eq!(loaded(&full), (256..512).rev().chain([519]).collect::<Vec<_>>());
    assert_eq!(loaded(b"\x00l\x10\x02\x02\x01\x00\x02\x02\x01\x07"), [519]);
    assert!(loaded(b"\x00l\x10\x00").is_empty());
}

#[test]
fn parts_out_of_turn_are_dropped_and_the_next_command_is_read() {
    let mut joiner = Joiner::default();
    assert_eq!(joiner.take(b"dstr\x04cend"), Err(PeerError::NoBeginning));
    assert_eq!(joiner.take(b"cstr\x04dend"), Ok(None));
    assert_eq!(joiner.take(b"cstr\x04cend"), Err(PeerError::Interrupted));
    assert_eq!(joiner.take(b"dstr\x04cend"), Err(PeerError::NoBeginning));
    let announcement = Command::announcement(0, [], []);
    assert_eq!(joiner.take(b"cstr\x00cend"), Ok(Some(Message::Command(announcement))));
}

#[test]
fn a_command_without_end_is_given_up() {
    let mut joiner = Joiner::default();
    assert_eq!(joiner.take(b"cstr\x00dend"), Ok(None));
    let part = [b"dstr", &[0; 1 << 14][..], b"dend"].concat();
    let outcomes: Vec<_> = (0..5).map(|_| joiner.take(&part)).collect();
    let no_beginning = Err(PeerError::NoBeginning);
    assert_eq!(outcomes, [Ok(None), Ok(None), Ok(None), Err(PeerError::TooLong), no_beginning]);
    let whole = [b"cstr", &[6; JOINED_LIMIT + 1][..], b"cend"].concat();
    assert_eq!(joiner.take(&whole), Err(PeerError::TooLong));
}

#[test]
fn commands_and_data_are_told_apart_as_the_package_does() {
    #[track_caller]
    fn check(message: &[u8], is_data: bool) {
        let taken = Joiner::default().take(message);
        assert_eq!(taken == Ok(Some(Message::Data(message))), is_data, "{message:?}");
    }
    check(b"", true);
    check(b"cstr", true);
    check(b"cstrcen", true);
    check(b"cstr and no end", true);
    check(b"no start but cend", true);
    check(b"cstrcend", false);
    check(b"dstrdend", false);
    check(b"cstr\x01dend", false);
}

#[test]
fn the_segments_that_are_left_out_are_the_farthest() {
    let loaded = |position, held: std::ops::Range<u64>| {
        let sent = joined(&Command::announcement(position, held, []).encode(MAX));
        let Ok(Some(Command::SegmentsAnnouncement { loaded, .. })) = sent else { panic!() };
        loaded.into_iter().collect::<BTreeSet<_>>()
    };
    assert_eq!(loaded(0, 0..512), (0..512).collect());
    // A full block takes two of the 255 groups.
    let (nearest, half) = (loaded(45_000, 0..90_000), 127 * 256 / 2);
    assert!((45_000 - half..45_000 + half).all(|segment| nearest.contains(&segment)));
    let thin = (0..90_000).filter(|segment| segment % 256 < 250);
    let sent = joined(&Command::announcement(0, thin, []).encode(MAX));
    let Ok(Some(Command::SegmentsAnnouncement { loaded, .. })) = sent else { panic!() };
    assert_eq!(loaded.len(), MOST_SEGMENTS);
}

#[test]
fn the_longest_commands_are_short_enough_to_be_joined() {
    #[track_caller]
    fn check(longest: &Command) {
        let messages = longest.encode(MAX);
        assert!(messages.concat().len() < JOINED_LIMIT);
        assert!(matches!(joined(&messages), Ok(Some(_))));
    }
    // Nearly as many numbers as are sent, in as many blocks as there can be.
    let some = |count: u64| {
        let block = move |block: u64| (0..count).map(move |at| LARGEST - (block << 8 | at));
        (0..255).flat_map(block).collect::<Vec<_>>()
    };
    let hello = Hello { version: LARGEST, uplink_kbps: Some(LARGEST) };
    check(&Command::announcement(LARGEST, some(98), some(98)).with_hello(hello));
    check(&Command::Changes {
        held: some(39),
        gone: some(39),
        fetching: some(39),
        coming: some(39),
        dropped: some(39),
        uplink_kbps: Some(LARGEST),
    });
    check(&Command::Pieces { segment: LARGEST, piece_bytes: 65_536, pieces: some(196) });
}

proptest! {
    #[test]
    fn every_command_survives_every_message_size(command in any_command(), max in 0..300usize) {
        let messages = command.encode(max);
        prop_assert!(messages.iter().all(|message| message.len() <= max.max(9)));
        prop_assert_eq!(joined(&messages), Ok(Some(in_order(command))));
    }

    #[test]
    fn full_blocks_are_sent_whole_in_groups_that_the_package_counts_right(
        position in 0..2000u64,
        holes in proptest::collection::btree_set(0..2000u64, 0..4),
    ) {
        let held: BTreeSet<u64> = (0..2000).filter(|segment| !holes.contains(segment)).collect();
        let message = Command::announcement(position, held.clone(), []).encode(MAX).remove(0);
        prop_assert_eq!(as_the_package_reads(&message[7..]), held.clone());
        let sent = joined(&[message]);
        let Ok(Some(Command::SegmentsAnnouncement { loaded, .. })) = sent else { panic!("{sent:?}") };
        prop_assert_eq!(loaded.into_iter().collect::<BTreeSet<_>>(), held);
    }

    #[test]
    fn perturbed_commands_never_panic(no: prop::sample::Index, at: prop::sample::Index, byte: u8) {
        let stock = fixture().stock.iter().map(|case| &case.messages);
        let all: Vec<_> = stock.chain(fixture().extension.iter().map(|case| &case.messages)).collect();
        let mut messages: Vec<_> = no.get(&all).iter().map(|hex| bytes(hex)).collect();
        let message = at.index(messages.len());
        let at = at.index(messages[message].len());
        messages[message][at] = byte;
        let mut joiner = Joiner::default();
        for message in &messages {
            let _ = joiner.take(message);
        }
    }

    #[test]
    fn hostile_bytes_never_panic(parts in prop::collection::vec(hostile_message(), 0..8)) {
        let mut joiner = Joiner::default();
        for part in &parts {
            let _ = joiner.take(part);
        }
    }

    #[test]
    fn data_is_never_mistaken_for_a_command(
        parts in prop::collection::vec("cstr|dstr|cend|dend|[a-z]{0,6}", 0..12),
        max in 0..40usize,
    ) {
        let data = parts.concat();
        let mut heard: Vec<u8> = Vec::new();
        for message in data_messages(data.as_bytes(), max) {
            prop_assert!(message.len() <= max.max(1));
            prop_assert_eq!(Joiner::default().take(message), Ok(Some(Message::Data(message))));
            heard.extend(message);
        }
        prop_assert_eq!(heard, data.into_bytes());
    }
}

/// As stock peers have it by default.
const MAX: usize = 65_535;

fn fixture() -> &'static Fixture {
    static READ: LazyLock<Fixture> = LazyLock::new(|| serde_json::from_str(FIXTURE).unwrap());
    &READ
}

/// What comes out when all these messages have come in.
fn joined(messages: &[Vec<u8>]) -> Result<Option<Command>, PeerError> {
    let mut joiner = Joiner::default();
    let mut last = None;
    for message in messages {
        assert_eq!(last, None, "nothing comes out before the end");
        last = match joiner.take(message)? {
            Some(Message::Command(command)) => Some(command),
            Some(Message::Data(data)) => panic!("{data:?} was taken for data"),
            None => None,
        };
    }
    Ok(last)
}

/// The numbers of a list, from its count of groups on, where a count of 0 is none.
fn as_the_package_reads(list: &[u8]) -> BTreeSet<u64> {
    let (&groups, mut rest) = list.split_first().unwrap();
    let mut numbers = BTreeSet::new();
    for _ in 0..groups {
        let (number, after) = rest[1..].split_at(usize::from(rest[0]));
        let number = number.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
        let (last_bytes, after) = after.split_at((number & 0xff) as usize);
        numbers.extend(last_bytes.iter().map(|&last| number & !0xff | u64::from(last)));
        rest = after;
    }
    numbers
}

/// A command as the fixture and the document tell it: in the package's letters, and with lists as numbers or as runs.
fn command(told: &Value) -> Command {
    let number = |name: &str| told[name].as_u64().unwrap_or(0);
    let (segment, request) = (number("i"), number("r"));
    let list = |name: &str| {
        let runs = told[name].as_array().cloned().unwrap_or_default();
        runs.iter().flat_map(run).collect()
    };
    let number_if_any = |name: &str| told[name].as_u64();
    let hello = || {
        let version = number_if_any("x")?;
        Some(Hello { version, uplink_kbps: number_if_any("u") })
    };
    match number("c") {
        0 => {
            Command::SegmentsAnnouncement { loaded: list("l"), loading: list("p"), hello: hello() }
        }
        1 => Command::SegmentRequest { segment, request, offset: number("b") },
        2 => Command::SegmentData { segment, size: number("s"), request },
        3 => Command::SegmentDataSendingCompleted { segment, request },
        4 => Command::SegmentAbsent { segment, request },
        5 => Command::CancelSegmentRequest { segment, request },
        16 => Command::Changes {
            held: list("l"),
            gone: list("g"),
            fetching: list("p"),
            coming: list("c_"),
            dropped: list("d"),
            uplink_kbps: number_if_any("u"),
        },
        17 => Command::Fresh { segment, owned: number_if_any("o") },
        18 => Command::PartRequest {
            segment,
            request,
            start: number("b"),
            end: number("e"),
            needed_in: number_if_any("n"),
            uplink_kbps: number_if_any("u"),
        },
        19 => Command::Bye,
        20 => Command::Pieces { segment, piece_bytes: number("z"), pieces: list("l") },
        unknown => panic!("command {unknown}"),
    }
}

fn run(told: &Value) -> std::ops::Range<u64> {
    let number = |value: &Value| value.as_u64().unwrap();
    match told.as_array() {
        Some(run) => number(&run[0])..number(&run[0]) + number(&run[1]),
        None => number(told)..number(told) + 1,
    }
}

/// With lists in order of size and without repetition.
fn in_order(mut command: Command) -> Command {
    match &mut command {
        Command::SegmentsAnnouncement { loaded, loading, .. } => {
            loaded.sort_unstable();
            loading.sort_unstable();
        }
        Command::Changes { held, gone, fetching, coming, dropped, .. } => {
            [held, gone, fetching, coming, dropped]
                .into_iter()
                .for_each(|list| list.sort_unstable());
        }
        Command::Pieces { pieces, .. } => pieces.sort_unstable(),
        _ => {}
    }
    command
}

/// Lists are short enough to be sent whole, and in order.
fn any_command() -> impl Strategy<Value = Command> {
    let list = || {
        prop::collection::btree_set(0..=LARGEST, 0..20).prop_map(|set| set.into_iter().collect())
    };
    let number = || prop_oneof![0..1000u64, 0..=LARGEST];
    let if_any = || prop::option::of(0..=LARGEST);
    let hello = (number(), prop::option::of(number()))
        .prop_map(|(version, uplink_kbps)| Hello { version, uplink_kbps });
    let part = (number(), 0..LARGEST, number())
        .prop_map(|(start, least, more)| (start.min(least), (least + 1 + more).min(LARGEST)));
    prop_oneof![
        (list(), list(), prop::option::of(hello)).prop_map(|(loaded, loading, hello)| {
            Command::SegmentsAnnouncement { loaded, loading, hello }
        }),
        (number(), number(), number()).prop_map(|(segment, request, offset)| {
            Command::SegmentRequest { segment, request, offset }
        }),
        (number(), number(), number()).prop_map(|(segment, size, request)| Command::SegmentData {
            segment,
            size,
            request
        }),
        (number(), number()).prop_map(|(segment, request)| {
            Command::SegmentDataSendingCompleted { segment, request }
        }),
        (number(), number())
            .prop_map(|(segment, request)| Command::SegmentAbsent { segment, request }),
        (number(), number())
            .prop_map(|(segment, request)| Command::CancelSegmentRequest { segment, request }),
        (list(), list(), list(), list(), list(), if_any()).prop_map(
            |(held, gone, fetching, coming, dropped, uplink_kbps)| {
                Command::Changes { held, gone, fetching, coming, dropped, uplink_kbps }
            }
        ),
        (number(), if_any()).prop_map(|(segment, owned)| Command::Fresh { segment, owned }),
        (number(), number(), part, if_any(), if_any()).prop_map(
            |(segment, request, (start, end), needed_in, uplink_kbps)| {
                Command::PartRequest { segment, request, start, end, needed_in, uplink_kbps }
            }
        ),
        Just(Command::Bye),
        (number(), PIECE_BYTES, list()).prop_map(|(segment, piece_bytes, pieces)| {
            Command::Pieces { segment, piece_bytes, pieces }
        }),
    ]
}

/// Frames, codes and types that are half right.
fn hostile_message() -> impl Strategy<Value = Vec<u8>> {
    let framed = |start: &'static [u8], end: &'static [u8]| {
        let tag = prop_oneof![Just(0x10), 0..0x40u8, any::<u8>()];
        let field = (prop::sample::select(&b"lpirsbxugcdenzq"[..]), tag, any::<[u8; 3]>());
        let fields = prop::collection::vec(field, 0..5);
        (prop_oneof![0..8u8, 15..22u8], fields).prop_map(move |(code, fields)| {
            let fields =
                fields.into_iter().flat_map(|(name, tag, rest)| [&[name, tag][..], &rest].concat());
            [start, &[code], &fields.collect::<Vec<_>>(), end].concat()
        })
    };
    prop_oneof![
        framed(b"cstr", b"cend"),
        framed(b"cstr", b"dend"),
        framed(b"dstr", b"dend"),
        framed(b"dstr", b"cend"),
        any::<Vec<u8>>(),
    ]
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
