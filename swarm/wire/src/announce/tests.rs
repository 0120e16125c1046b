//! The messages against golden bytes, recorded frames, `docs/protocol.md`, and hostile bytes.

use super::*;

const HASH: InfoHash = InfoHash(*b"F123ZzViggOyOP6N+87T");
const US: PeerId = PeerId(*b"-PM0203-abcdefghijkl");
const THEM: PeerId = PeerId(*b"-PM0203-otherotherot");
const ODD: OfferId = OfferId(*b"abcdefghij\x00\xff\x80\"\\klmno");
/// Everything that passed between PeerTube 6.3 and two of its pages.
const PEERTUBE: &str = include_str!("../../fixtures/tracker-frames-peertube.json");
/// Everything that npm `bittorrent-tracker` 11.2.3 sent, with peer connections that are none.
const NPM: &str = include_str!("../../fixtures/tracker-frames-npm.json");

/// What `docs/protocol.md` says that each side sends.
const DOCUMENT: &str = include_str!("../../../../docs/protocol.md");

fn recorded(direction: &str) -> Vec<String> {
    let frames: Vec<serde_json::Value> = serde_json::from_str(PEERTUBE).unwrap();
    let ours = frames.into_iter().filter(|frame| frame["ev"] == direction);
    ours.map(|frame| frame["data"].as_str().unwrap().to_owned()).collect()
}

fn npm() -> Vec<String> {
    serde_json::from_str(NPM).unwrap()
}

fn sdp(no: u64) -> Sdp<'static> {
    Sdp::of(&format!("v=0\r\no=- {no} {} IN IP4 127.0.0.1\r\n", no + 1))
}

#[track_caller]
fn check_request(request: &Request<'_>, golden: &str) {
    assert_eq!(request.write(), golden);
    assert_eq!(Request::read(golden).as_ref(), Ok(request));
}

#[track_caller]
fn check_reply(reply: &Reply<'_>, golden: &str) {
    assert_eq!(reply.write(), golden);
    assert_eq!(Reply::read(golden).as_ref(), Ok(reply));
}

#[test]
fn what_a_viewer_says_is_golden() {
    let announce = Announce {
        info_hash: HASH,
        peer_id: US,
        event: Event::Started,
        wanted: Some(5),
        is_complete: false,
        offers: vec![Offer { offer_id: ODD, sdp: Sdp::of("v=0\r\n") }],
    };
    let offer_id = "abcdefghij\\u0000\u{ff}\u{80}\\\"\\\\klmno";
    check_request(
        &Request::Announce(announce),
        &format!(
            r#"{{"action":"announce","info_hash":"F123ZzViggOyOP6N+87T","peer_id":"-PM0203-abcdefghijkl","event":"started","numwant":5,"offers":[{{"offer_id":"{offer_id}","offer":{{"type":"offer","sdp":"v=0\r\n"}}}}]}}"#
        ),
    );
    let (info_hash, peer_id, to_peer_id, offer_id_) = (HASH, US, THEM, ODD);
    let answer =
        Answer { info_hash, peer_id, to_peer_id, offer_id: offer_id_, sdp: Sdp::of("v=0\r\n") };
    check_request(
        &Request::Answer(answer),
        &format!(
            r#"{{"action":"announce","info_hash":"F123ZzViggOyOP6N+87T","peer_id":"-PM0203-abcdefghijkl","to_peer_id":"-PM0203-otherotherot","offer_id":"{offer_id}","answer":{{"type":"answer","sdp":"v=0\r\n"}}}}"#
        ),
    );
    check_request(
        &Request::Scrape(vec![HASH]),
        r#"{"action":"scrape","info_hash":["F123ZzViggOyOP6N+87T"]}"#,
    );
}

#[test]
fn what_a_tracker_says_is_golden() {
    let (info_hash, peer_id, offer_id) = (HASH, US, OfferId(*b"01234567890123456789"));
    let counts = Counts { complete: 1, incomplete: 2 };
    check_reply(
        &Reply::Announced { info_hash, counts, interval: Duration::from_secs(120) },
        r#"{"action":"announce","info_hash":"F123ZzViggOyOP6N+87T","complete":1,"incomplete":2,"interval":120}"#,
    );
    check_reply(
        &Reply::Offer { info_hash, peer_id, offer_id, sdp: Sdp::of("v=0") },
        r#"{"action":"announce","info_hash":"F123ZzViggOyOP6N+87T","peer_id":"-PM0203-abcdefghijkl","offer_id":"01234567890123456789","offer":{"type":"offer","sdp":"v=0"}}"#,
    );
    check_reply(
        &Reply::Answer { info_hash, peer_id, offer_id, sdp: Sdp::of("v=0") },
        r#"{"action":"announce","info_hash":"F123ZzViggOyOP6N+87T","peer_id":"-PM0203-abcdefghijkl","offer_id":"01234567890123456789","answer":{"type":"answer","sdp":"v=0"}}"#,
    );
    check_reply(
        &Reply::Scraped(vec![(HASH, counts)]),
        r#"{"action":"scrape","files":{"F123ZzViggOyOP6N+87T":{"complete":1,"incomplete":2,"downloaded":1}}}"#,
    );
    let failed = |action, info_hash| Reply::Failed { action, info_hash, reason: "no".into() };
    check_reply(
        &failed(Action::Announce, Some(HASH)),
        r#"{"action":"announce","info_hash":"F123ZzViggOyOP6N+87T","failure reason":"no"}"#,
    );
    check_reply(
        &failed(Action::Scrape, None),
        r#"{"action":"scrape","info_hash":"","failure reason":"no"}"#,
    );
}

#[test]
fn the_document_shows_every_message_as_it_is() {
    let block = DOCUMENT.split("```tracker\n").nth(1).and_then(|rest| rest.split("```").next());
    let lines = block.unwrap().lines().filter_map(|line| line.split_once(": "));
    let (mut requests, mut replies) = (0, 0);
    for (side, golden) in lines {
        if side == "viewer" {
            check_request(&Request::read(golden).unwrap(), golden);
            requests += 1;
        } else {
            check_reply(&Reply::read(golden).unwrap(), golden);
            replies += 1;
        }
    }
    assert_eq!((requests, replies), (4, 5));
}

#[test]
fn the_frames_of_peertube_are_understood() {
    for frame in recorded("sent") {
        let request = Request::read(&frame).unwrap();
        assert_eq!(Request::read(&request.write()), Ok(request));
    }
    for frame in recorded("recv") {
        let reply = Reply::read(&frame).unwrap();
        assert_eq!(Reply::read(&reply.write()), Ok(reply));
    }
    let first = recorded("sent").remove(0);
    let Ok(Request::Announce(announce)) = Request::read(&first) else { panic!("{first}") };
    assert_eq!((announce.event, announce.wanted), (Event::Started, Some(5)));
    assert_eq!((announce.offers.len(), announce.is_complete), (5, false));
    assert_eq!(announce.peer_id, PeerId(*b"-WW0006-BaUW00FR9CFX"));
    assert!(announce.info_hash.0.starts_with(b"\x05\xf2s\x11\x1d\x1b\x86L"));
    let sdp = announce.offers[0].sdp.text();
    assert!(sdp.starts_with("v=0\r\n") && sdp.ends_with("262144\r\n"), "{sdp}");
}

#[test]
fn the_frames_of_the_npm_client_are_understood() {
    let frames = npm();
    let read: Vec<_> = frames.iter().map(|frame| Request::read(frame).unwrap()).collect();
    let events: Vec<_> = read
        .iter()
        .filter_map(|request| match request {
            Request::Announce(announce) => Some((announce.event, announce.offers.len())),
            _ => None,
        })
        .collect();
    assert_eq!(events, [(Event::Started, 2), (Event::Periodic, 2), (Event::Stopped, 0)]);
    let answer =
        Answer { info_hash: HASH, peer_id: US, to_peer_id: THEM, offer_id: ODD, sdp: sdp(3) };
    assert!(read.contains(&Request::Answer(answer)));
    assert!(read.contains(&Request::Scrape(vec![HASH])));
}

#[test]
fn odd_but_harmless_fields_are_let_pass() {
    #[track_caller]
    fn check(field: &str, wanted: Option<usize>, is_complete: bool) {
        let text = format!(
            r#"{{"action":"announce","info_hash":"F123ZzViggOyOP6N+87T","peer_id":"-PM0203-abcdefghijkl",{field}}}"#
        );
        let Ok(Request::Announce(announce)) = Request::read(&text) else { panic!("{text}") };
        assert_eq!((announce.wanted, announce.is_complete), (wanted, is_complete), "{field}");
        assert_eq!(announce.event, Event::Periodic);
    }
    check(r#""left":null"#, None, false);
    check(r#""left":0"#, None, true);
    check(r#""left":"0""#, None, true);
    check(r#""left":-1.5"#, None, false);
    check(r#""numwant":"5""#, Some(5), false);
    check(r#""numwant":-5"#, None, false);
    check(r#""event":"""#, None, false);
    check(r#""event":"update","offers":[],"shoal":{"a":[1]}"#, None, false);
    check(r#""offers":null,"answer":null"#, None, false);
}

#[test]
fn what_is_wrong_is_named_with_what_an_answer_needs() {
    #[track_caller]
    fn check(text: &str, fault: Fault, action: Action, info_hash: Option<InfoHash>) {
        assert_eq!(Request::read(text), Err(ReadError { fault, action, info_hash }), "{text}");
    }
    let (announce, scrape) = (Action::Announce, Action::Scrape);
    for text in ["", "[]", "1", "{", "{}", "null", "{\"action\":1}", "\u{0}", "\"announce\""] {
        check(text, Fault::Shape, announce, None);
    }
    check(r#"{"action":"stop"}"#, Fault::Shape, announce, None);
    check(r#"{"action":"scrape"}"#, Fault::Missing("info_hash"), scrape, None);
    check(r#"{"action":"scrape","info_hash":[]}"#, Fault::Missing("info_hash"), scrape, None);
    check(r#"{"action":"scrape","info_hash":["x"]}"#, Fault::Shape, scrape, None);
    let with =
        |rest: &str| format!(r#"{{"action":"announce","info_hash":"F123ZzViggOyOP6N+87T"{rest}}}"#);
    check(&with(""), Fault::Missing("peer_id"), announce, Some(HASH));
    check(&with(r#","peer_id":"short""#), Fault::Shape, announce, Some(HASH));
    check(&with(r#","peer_id":7"#), Fault::Shape, announce, Some(HASH));
    check(&with(r#","event":"foo""#), Fault::Shape, announce, Some(HASH));
    check(&with(r#","offers":[{"offer":{}}]"#), Fault::Shape, announce, Some(HASH));
    check(&with(r#","answer":{"sdp":7}"#), Fault::Shape, announce, Some(HASH));
    let us = r#","peer_id":"-PM0203-abcdefghijkl","answer":{"sdp":""}"#;
    check(&with(us), Fault::Missing("to_peer_id"), announce, Some(HASH));
    let two =
        r#"{"action":"announce","info_hash":["F123ZzViggOyOP6N+87T","F123ZzViggOyOP6N+87T"]}"#;
    check(two, Fault::ManyHashes, announce, Some(HASH));
    for hash in ["0123456789012345678", "012345678901234567890", "F123ZzViggOyOP6N+87Ā", ""] {
        let text = format!(r#"{{"action":"announce","info_hash":"{hash}"}}"#);
        check(&text, Fault::Shape, announce, None);
    }
}

#[test]
fn lists_and_descriptions_are_bounded() {
    let offer = Offer { offer_id: ODD, sdp: sdp(1) };
    let announce = |offers| {
        Request::Announce(Announce {
            info_hash: HASH,
            peer_id: US,
            event: Event::Periodic,
            wanted: None,
            is_complete: false,
            offers,
        })
    };
    let many = announce(vec![offer.clone(); OFFERS + 5]).write();
    assert_eq!(Request::read(&many), Ok(announce(vec![offer; OFFERS])));
    let hashes = Request::Scrape(vec![HASH; HASHES + 5]).write();
    assert_eq!(Request::read(&hashes), Ok(Request::Scrape(vec![HASH; HASHES])));
    let giant = Offer { offer_id: ODD, sdp: Sdp::of(&"v".repeat(SDP_BYTES)) };
    assert_eq!(Request::read(&announce(vec![giant]).write()).unwrap_err().fault, Fault::Shape);
    assert!(Request::read(&"[".repeat(100_000)).is_err());
    assert!(Request::read(&format!("{{\"action\":{}", "{\"a\":".repeat(50_000))).is_err());
}

proptest::proptest! {
    #[test]
    fn every_byte_survives(hash: [u8; 20], peer: [u8; 20], offer: [u8; 20], text: String) {
        let (info_hash, peer_id, offer_id) = (InfoHash(hash), PeerId(peer), OfferId(offer));
        let reply = Reply::Offer { info_hash, peer_id, offer_id, sdp: Sdp::of(&text) };
        let written = reply.write();
        proptest::prop_assert_eq!(Reply::read(&written), Ok(reply));
    }

    #[test]
    fn perturbed_frames_never_panic(which: usize, at: usize, byte: u8, cut: usize) {
        let frames = [npm(), recorded("sent"), recorded("recv")].concat();
        let mut frame = frames[which % frames.len()].clone().into_bytes();
        let (length, at) = (frame.len(), at % frame.len());
        frame[at] = byte;
        frame.truncate(length - cut % 8);
        if let Ok(text) = std::str::from_utf8(&frame) {
            let _ = (Request::read(text), Reply::read(text));
        }
    }
}
