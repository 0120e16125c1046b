//! What is signed, by PeerTube, by a stranger and by us, and what may not be believed.

use std::collections::BTreeMap;
use std::fs;

use http::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::federation::key::NewKey;

/// A request between two PeerTubes, as it was recorded.
#[derive(Deserialize)]
struct Recorded {
    t: String,
    method: String,
    url: String,
    #[serde(rename = "reqHeaders")]
    headers: BTreeMap<String, String>,
    #[serde(rename = "rawBody", default)]
    body: String,
    #[serde(rename = "resBody")]
    answer: Value,
}

fn recorded() -> Vec<Recorded> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/federation");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| serde_json::from_slice(&fs::read(file).unwrap()).unwrap()).collect()
}

/// The keys of all actors that were fetched.
fn keys(recorded: &[Recorded]) -> BTreeMap<String, PublicKey> {
    let actors = recorded.iter().filter(|one| one.answer["publicKey"].is_object());
    actors
        .map(|one| {
            let key = one.answer["publicKey"]["publicKeyPem"].as_str().unwrap();
            (one.answer["id"].as_str().unwrap().to_owned(), PublicKey::read(key).unwrap())
        })
        .collect()
}

fn headers<'a>(said: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let said = said.into_iter();
    said.map(|(name, value)| {
        (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap())
    })
    .collect()
}

fn at_ms(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms.unsigned_abs())
}

#[test]
fn what_two_peertubes_said_to_each_other_is_verified_at_its_time_and_not_later() {
    let recorded = recorded();
    let keys = keys(&recorded);
    let mut verified = 0;
    for one in recorded.iter().filter(|one| one.headers.contains_key("signature")) {
        let method = one.method.parse().unwrap();
        let headers = headers(one.headers.iter().map(|(name, value)| (&**name, &**value)));
        let request = Request {
            method: &method,
            target: &one.url,
            headers: &headers,
            body: one.body.as_bytes(),
            authority: &one.headers["host"],
        };
        let now = at_ms(crate::when::parse(&one.t).unwrap());
        let claim = Claim::read(&request, now).unwrap();
        assert!(claim.is_of(&keys[&claim.key_id]), "{} {}", one.method, one.url);
        let others = keys.iter().filter(|(id, _)| **id != claim.key_id);
        assert!(others.filter(|(_, key)| claim.is_of(key)).count() == 0, "{}", one.url);
        assert_eq!(
            Claim::read(&request, now + 2 * WINDOW),
            Err(SignatureError::Stale),
            "{}",
            one.url
        );
        verified += 1;
    }
    assert_eq!(verified, 102);
}

/// What `fixtures/signatures/make.py` wrote.
#[derive(Deserialize)]
struct Standard {
    created: u64,
    key: String,
    requests: Vec<StandardRequest>,
}

#[derive(Deserialize)]
struct StandardRequest {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: String,
}

fn standard() -> Standard {
    serde_json::from_str(include_str!("../../../fixtures/signatures/standard.json")).unwrap()
}

#[test]
fn what_a_stranger_signs_by_rfc_9421_is_verified() {
    let standard = standard();
    let key = PublicKey::read(&standard.key).unwrap();
    for one in &standard.requests {
        let method = one.method.parse().unwrap();
        let headers = headers(one.headers.iter().map(|(name, value)| (&**name, &**value)));
        let request = Request {
            method: &method,
            target: &one.target,
            headers: &headers,
            body: one.body.as_bytes(),
            authority: "one.example",
        };
        let now = moment(standard.created).unwrap();
        let claim = Claim::read(&request, now).unwrap();
        assert_eq!(claim.key_id, "https://remote.example/users/ada#main-key");
        assert!(claim.is_of(&key));
        assert_eq!(Claim::read(&request, now + 2 * WINDOW), Err(SignatureError::Stale));
        let elsewhere = Claim::read(&Request { authority: "two.example", ..request }, now).unwrap();
        assert!(!elsewhere.is_of(&key));
        let other = Claim::read(&Request { target: "/other", ..request }, now).unwrap();
        assert!(!other.is_of(&key));
    }
}

/// A signed request of ours, and what its receiver sees of it.
struct Sent {
    public: PublicKey,
    headers: HeaderMap,
    now: SystemTime,
}

const BODY: &[u8] = br#"{"type":"Follow"}"#;

fn sent() -> Sent {
    let new = NewKey::make().unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let outgoing = Outgoing {
        method: &Method::POST,
        authority: "two.example",
        target: "/inbox?a=1",
        body: Some(BODY),
    };
    let private = PrivateKey::read(&new.private).unwrap();
    let signed = sign(&outgoing, "https://one.example/accounts/ada#main-key", &private, now);
    let headers = signed.unwrap().into_iter().collect();
    Sent { public: PublicKey::read(&new.public_pem).unwrap(), headers, now }
}

impl Sent {
    fn request(&self) -> Request<'_> {
        Request {
            method: &Method::POST,
            target: "/inbox?a=1",
            headers: &self.headers,
            body: BODY,
            authority: "two.example",
        }
    }

    /// What comes of it after a header was changed.
    fn with(
        &self,
        name: &'static str,
        change: impl Fn(&str) -> String,
    ) -> Result<bool, SignatureError> {
        let mut headers = self.headers.clone();
        let value = change(headers.get(name).map_or("", |value| value.to_str().unwrap()));
        headers.insert(name, HeaderValue::from_str(&value).unwrap());
        let claim = Claim::read(&Request { headers: &headers, ..self.request() }, self.now)?;
        Ok(claim.is_of(&self.public))
    }
}

#[test]
fn what_we_sign_is_verified_and_what_was_changed_is_not() {
    let sent = sent();
    let claim = Claim::read(&sent.request(), sent.now).unwrap();
    assert_eq!(claim.key_id, "https://one.example/accounts/ada#main-key");
    assert!(claim.is_of(&sent.public));
    let read = |request: Request<'_>| Claim::read(&request, sent.now);
    assert_eq!(read(Request { body: b"{}", ..sent.request() }), Err(SignatureError::Digest));
    assert_eq!(
        read(Request { authority: "three.example", ..sent.request() }),
        Err(SignatureError::Host)
    );
    let elsewhere = read(Request { target: "/accounts/bob/inbox", ..sent.request() }).unwrap();
    assert!(!elsewhere.is_of(&sent.public));
    let got = read(Request { method: &Method::GET, ..sent.request() }).unwrap();
    assert!(!got.is_of(&sent.public));
    assert_eq!(
        read(Request { headers: &HeaderMap::new(), ..sent.request() }),
        Err(SignatureError::Missing)
    );
}

#[test]
fn a_captured_signature_serves_for_nothing_else() {
    let sent = sent();
    // Another date, within the hour: the signature is of another text.
    assert_eq!(sent.with("date", |_| httpdate::fmt_http_date(sent.now + WINDOW / 2)), Ok(false));
    assert_eq!(
        sent.with("date", |_| httpdate::fmt_http_date(sent.now + 2 * WINDOW)),
        Err(SignatureError::Stale)
    );
    assert_eq!(
        sent.with("date", |_| "yesterday".to_owned()),
        Err(SignatureError::Unreadable("date"))
    );
    assert_eq!(sent.with("digest", |_| "SHA-512=AAAA".to_owned()), Err(SignatureError::Digest));
    // Two digests, of which one is right.
    assert_eq!(
        sent.with("digest", |digest| format!("{digest},SHA-256=AAAA")),
        Err(SignatureError::Digest)
    );
    let less =
        |left_out: &'static str| sent.with("signature", move |text| text.replace(left_out, ""));
    assert_eq!(less(" digest"), Err(SignatureError::Uncovered("digest")));
    assert_eq!(less(" date"), Err(SignatureError::Uncovered("date")));
    assert_eq!(less(" host"), Err(SignatureError::Uncovered("host")));
    assert_eq!(less("(request-target) "), Err(SignatureError::Uncovered("(request-target)")));
}

#[test]
fn signatures_that_could_mean_two_things_are_refused() {
    let sent = sent();
    let cases: &[(&str, &str, SignatureError)] = &[
        ("host date", "host host date", SignatureError::Unreadable("signature")),
        ("rsa-sha256", "hmac-sha256", SignatureError::Algorithm),
        ("rsa-sha256", "none", SignatureError::Algorithm),
        (
            "keyId=",
            "keyId=\"https://evil.example/\",keyId=",
            SignatureError::Unreadable("signature"),
        ),
        ("date digest", "date digest x-unsaid", SignatureError::Absent),
        ("date digest", "(created) digest", SignatureError::Absent),
        ("algorithm=", "created=17,algorithm=", SignatureError::Stale),
        ("algorithm=", "expires=17,algorithm=", SignatureError::Stale),
        ("algorithm=", "created=\"soon\",algorithm=", SignatureError::Unreadable("signature")),
        (
            "algorithm=",
            "created=99999999999999999999,algorithm=",
            SignatureError::Unreadable("signature"),
        ),
        ("algorithm=", "created=18446744073709551615,algorithm=", SignatureError::Stale),
        ("signature=\"", "signature=\"!", SignatureError::Unreadable("signature")),
        ("keyId=", "keyID=", SignatureError::Unreadable("signature")),
    ];
    for (from, to, error) in cases {
        let said = sent.with("signature", |text| text.replacen(from, to, 1));
        assert_eq!(said, Err(*error), "{to}");
    }
    // What isn't known is passed over, and so is room.
    assert_eq!(sent.with("signature", |text| format!("{text}, opaque=\"1\"")), Ok(true));
    assert_eq!(sent.with("signature", |text| text.replace("rsa-sha256", "hs2019")), Ok(true));
    // Two headers, of which either could be meant.
    let mut headers = sent.headers.clone();
    headers.append("signature", headers["signature"].clone());
    let read = Claim::read(&Request { headers: &headers, ..sent.request() }, sent.now);
    assert_eq!(read, Err(SignatureError::Unreadable("signature")));
}

#[test]
fn what_fails_by_rfc_9421_is_not_tried_by_the_draft() {
    let sent = sent();
    assert_eq!(
        sent.with("signature-input", |_| "sig1=(\"@method\");created=1790000000".to_owned()),
        Err(SignatureError::Unreadable("signature"))
    );
    let standard = standard();
    let one = &standard.requests[0];
    let key = PublicKey::read(&standard.key).unwrap();
    let check = |name: &str, from: &str, to: &str| {
        let said = one.headers.iter().map(|(known, value)| {
            (known.clone(), if known == name { value.replacen(from, to, 1) } else { value.clone() })
        });
        let said: Vec<(String, String)> = said.collect();
        let headers = headers(said.iter().map(|(name, value)| (&**name, &**value)));
        let request = Request {
            method: &Method::POST,
            target: &one.target,
            headers: &headers,
            body: one.body.as_bytes(),
            authority: "one.example",
        };
        Claim::read(&request, moment(standard.created).unwrap()).map(|claim| claim.is_of(&key))
    };
    let input = "signature-input";
    assert_eq!(check(input, "", ""), Ok(true));
    assert_eq!(check(input, "created=1790000000", "created=1790000001"), Ok(false));
    assert_eq!(check(input, "created=1790000000;", ""), Err(SignatureError::Uncovered("created")));
    assert_eq!(
        check(input, "created=1790000000", "created=-1"),
        Err(SignatureError::Unreadable(input))
    );
    assert_eq!(
        check(input, "\"content-digest\"", ""),
        Err(SignatureError::Uncovered("content-digest"))
    );
    assert_eq!(check(input, "\"@target-uri\"", ""), Err(SignatureError::Uncovered("@target-uri")));
    assert_eq!(check(input, "\"@method\"", ""), Err(SignatureError::Uncovered("@method")));
    assert_eq!(
        check(input, "\"@method\"", "\"@method\";req"),
        Err(SignatureError::Unreadable(input))
    );
    assert_eq!(
        check(input, "\"@method\"", "\"@method\" \"@method\""),
        Err(SignatureError::Unreadable(input))
    );
    assert_eq!(check(input, "\"@method\"", "\"@method\" \"@status\""), Err(SignatureError::Absent));
    assert_eq!(
        check(input, ";keyid", ";alg=\"hmac-sha256\";keyid"),
        Err(SignatureError::Algorithm)
    );
    assert_eq!(check(input, "sig1=", "sig2="), Err(SignatureError::Unreadable("signature")));
    assert_eq!(check("signature", "sig1=", "sig1=:AAAA:, sig2="), Err(SignatureError::Algorithm));
    assert_eq!(check("content-digest", "sha-256", "sha-512"), Err(SignatureError::Digest));
    assert_eq!(
        check("content-digest", "sha-256=:", "sha-256=:A"),
        Err(SignatureError::Unreadable("content-digest"))
    );
}

proptest::proptest! {
    #[test]
    fn no_header_makes_us_panic(signature in "\\PC{0,200}", input in "\\PC{0,200}", digest in "\\PC{0,80}", has_input: bool) {
        let said = [("signature", &signature), ("digest", &digest), ("content-digest", &digest), ("signature-input", &input)];
        let mut headers = HeaderMap::new();
        for (name, value) in said.into_iter().take(if has_input { 4 } else { 3 }) {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(name, value);
            }
        }
        let request = Request { method: &Method::POST, target: "/inbox", headers: &headers, body: b"", authority: "one.example" };
        proptest::prop_assert!(Claim::read(&request, SystemTime::UNIX_EPOCH).is_err());
    }
}
