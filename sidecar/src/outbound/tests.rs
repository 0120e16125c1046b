//! The door against hosts of a test's own, which lie, dawdle and send elsewhere.

use super::*;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const BOUNDS: Bounds = Bounds {
    bytes: 1_000,
    connect: Duration::from_secs(5),
    first_byte: Duration::from_millis(500),
    pause: Duration::from_millis(500),
    whole: Duration::from_secs(10),
    least_rate: 0,
    redirects: 2,
    is_wanted: |kind| kind.starts_with("video/"),
};

/// A host that says the same to whoever asks, piece by piece, and tells what it was asked.
struct Stranger {
    address: SocketAddr,
    heard: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Stranger {
    async fn saying(pieces: Vec<String>) -> Stranger {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Stranger::at(listener, pieces, None)
    }

    fn at(listener: TcpListener, pieces: Vec<String>, tls: Option<TlsAcceptor>) -> Stranger {
        let address = listener.local_addr().unwrap();
        let (tell, heard) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (pieces, tell, tls) = (pieces.clone(), tell.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => talk(stream, &pieces, &tell).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => talk(stream, &pieces, &tell).await,
                            Err(error) => drop(tell.send(error.to_string())),
                        },
                    }
                });
            }
        });
        Stranger { address, heard }
    }

    fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }
}

async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    pieces: &[String],
    tell: &tokio::sync::mpsc::UnboundedSender<String>,
) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&head).contains("\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let _ = tell.send(String::from_utf8_lossy(&head).into_owned());
    for piece in pieces {
        if stream.write_all(piece.as_bytes()).await.is_err() {
            return;
        }
        let _ = stream.flush().await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Whoever waits for more waits in vain.
    let _ = stream.read(&mut buffer).await;
}

fn said(head: &str, body: &str) -> Vec<String> {
    vec![format!("HTTP/1.1 {}\r\n\r\n", head.replace('\n', "\r\n")), body.to_owned()]
}

fn door(rules: Rules) -> Door {
    Door::with(rules, "", "https://videos.example.org").unwrap()
}

/// One that leads to 127.0.0.1, and to no other address of this machine.
fn near() -> Door {
    door(Rules { is_lax: true, may_reach: |address| address == IpAddr::V4(Ipv4Addr::LOCALHOST) })
}

fn strict() -> Door {
    door(Rules { is_lax: false, may_reach: reach::is_public })
}

async fn read(answer: Answer) -> Result<String, OutboundError> {
    let mut answer = answer;
    let mut text = String::new();
    while let Some(piece) = answer.next_chunk().await? {
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    Ok(text)
}

async fn get(door: &Door, url: Url, bounds: &Bounds) -> Result<String, OutboundError> {
    let ask = Ask::get(url, HeaderMap::new());
    read(door.fetch(ask, bounds, &mut Budget(10)).await?).await
}

async fn refused(pieces: Vec<String>, bounds: &Bounds) -> String {
    let stranger = Stranger::saying(pieces).await;
    let error = get(&near(), stranger.url("/"), bounds).await.unwrap_err();
    error.to_string()
}

#[track_caller]
fn check(text: &str, wanted: &str) {
    let found =
        strict().address(text).map_or_else(|error| error.to_string(), |url| url.to_string());
    assert_eq!(found, wanted, "{text}");
}

#[test]
fn an_address_is_https_with_neither_password_nor_port() {
    check("https://Example.org/a?b#c", "https://example.org/a?b");
    check("https://example.org:443/a", "https://example.org/a");
    for other in ["http://example.org/", "file:///etc/passwd", "ftp://example.org/", "data:,a"] {
        check(other, "the address must begin with https://");
    }
    check("https://alice@example.org/", "the address may have no name and no password in it");
    check("https://a:b@example.org/", "the address may have no name and no password in it");
    check("https://example.org:8443/", "the address may have no port");
    check("example.org/a.mp4", "the address is none");
    check("https://", "the address is none");
    check(&format!("https://a/{}", "x".repeat(2_000)), "the address is longer than 2000 letters");
}

#[test]
fn an_address_that_is_a_number_is_looked_at_in_each_spelling() {
    for text in ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1."] {
        check(&format!("https://{text}/"), "127.0.0.1 is in a network that is not public");
    }
    check("https://[::1]/", "[::1] is in a network that is not public");
    let mapped = "[::ffff:7f00:1] is in a network that is not public";
    check("https://[::ffff:127.0.0.1]/", mapped);
    check("https://169.254.169.254/", "169.254.169.254 is in a network that is not public");
}

#[tokio::test]
async fn a_name_of_a_private_address_is_not_connected_to() {
    let url = strict().address("https://localhost/").unwrap();
    let refused = get(&strict(), url, &BOUNDS).await.unwrap_err();
    assert!(matches!(refused, OutboundError::Private(_)), "{refused}");
}

#[tokio::test]
async fn a_body_comes_piece_by_piece_and_the_request_says_who_asks() {
    let head = "200 OK\ncontent-type: Video/MP4; a=b\ntransfer-encoding: chunked";
    let pieces = said(head, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    let mut stranger = Stranger::saying(pieces).await;
    let mut headers = HeaderMap::new();
    headers.insert("signature", "x".parse().unwrap());
    headers.insert("host", "elsewhere.example".parse().unwrap());
    let ask = Ask::get(stranger.url("/a%20b?c=d"), headers);
    let answer = near().fetch(ask, &BOUNDS, &mut Budget(1)).await.unwrap();
    assert_eq!((answer.kind(), answer.length()), ("video/mp4".to_owned(), None));
    assert_eq!(read(answer).await.unwrap(), "abcde");
    let heard = stranger.heard.recv().await.unwrap();
    assert!(heard.starts_with("GET /a%20b?c=d HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains("(+https://videos.example.org)") && heard.contains("signature: x"));
    assert!(heard.contains(&format!("host: {}", stranger.address)), "{heard}");
    assert!(!heard.contains("elsewhere"), "{heard}");
}

#[tokio::test]
async fn what_is_posted_arrives_and_is_never_sent_on() {
    let moved = said("307 Moved\nlocation: http://127.0.0.1:1/\ncontent-length: 0", "");
    let mut stranger = Stranger::saying(moved).await;
    let ask = Ask::post(stranger.url("/inbox"), HeaderMap::new(), Bytes::from("{}"));
    let answer = near().fetch(ask, &BOUNDS, &mut Budget(9)).await.unwrap();
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    let heard = stranger.heard.recv().await.unwrap();
    assert!(heard.starts_with("POST /inbox") && heard.contains("content-length: 2"), "{heard}");
}

#[tokio::test]
async fn a_redirect_is_followed_without_what_was_meant_for_the_first() {
    let film = said("200 OK\ncontent-type: video/mp4\ncontent-length: 1", "a");
    let mut second = Stranger::saying(film).await;
    let to = format!("302 Found\nlocation: {}\ncontent-length: 0", second.url("/film"));
    let first = Stranger::saying(said(&to, "")).await;
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer secret".parse().unwrap());
    headers.insert("range", "bytes=0-".parse().unwrap());
    let mut budget = Budget(5);
    let ask = Ask::get(first.url("/"), headers);
    let answer = near().fetch(ask, &BOUNDS, &mut budget).await.unwrap();
    assert_eq!((answer.url.path(), budget), ("/film", Budget(3)));
    assert_eq!(read(answer).await.unwrap(), "a");
    let heard = second.heard.recv().await.unwrap();
    assert!(heard.contains("range: bytes=0-") && !heard.contains("secret"), "{heard}");
}

#[tokio::test]
async fn a_redirect_leads_nowhere_that_an_address_may_not() {
    for to in ["http://127.0.0.2/", "http://10.0.0.1/", "http://[::1]/", "http://a@127.0.0.1/"] {
        let head = format!("301 Moved\nlocation: {to}\ncontent-length: 0");
        let error = refused(said(&head, ""), &BOUNDS).await;
        let is_refused = error.contains("not public") || error.contains("no password");
        assert!(is_refused, "{to}: {error}");
    }
    for to in ["file:///etc/passwd", "gopher://127.0.0.1/"] {
        let head = format!("301 Moved\nlocation: {to}\ncontent-length: 0");
        let error = refused(said(&head, ""), &BOUNDS).await;
        assert_eq!(error, "the address must begin with https://", "{to}");
    }
}

#[tokio::test]
async fn redirects_and_requests_have_an_end() {
    let circle = said("302 Found\nlocation: /again\ncontent-length: 0", "");
    let error = refused(circle.clone(), &BOUNDS).await;
    assert_eq!(error, "127.0.0.1 redirects too often, or to no address");
    let stranger = Stranger::saying(circle).await;
    let ask = Ask::get(stranger.url("/"), HeaderMap::new());
    let spent = near().fetch(ask, &BOUNDS, &mut Budget(2)).await;
    assert!(matches!(spent, Err(OutboundError::Budget)));
}

#[tokio::test]
async fn a_body_has_a_bound_whatever_its_head_says() {
    let film = "200 OK\ncontent-type: video/mp4\n";
    let long = "x".repeat(1_001);
    let too_large = "127.0.0.1 sends more than 1000 bytes";
    let error = refused(said(&format!("{film}content-length: 1001"), ""), &BOUNDS).await;
    assert_eq!(error, too_large);
    let chunked = format!("{:x}\r\n{long}\r\n", long.len());
    let error = refused(said(&format!("{film}transfer-encoding: chunked"), &chunked), &BOUNDS);
    assert_eq!(error.await, too_large);
    let error = refused(said(&format!("{film}connection: close"), &long), &BOUNDS).await;
    assert_eq!(error, too_large);
}

#[tokio::test]
async fn a_body_that_is_shorter_than_it_was_said_to_be_is_broken() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: 9\r\n\r\nabc";
        stream.write_all(head).await.unwrap();
    });
    let url = format!("http://{address}/").parse().unwrap();
    let error = get(&near(), url, &BOUNDS).await.unwrap_err();
    assert!(matches!(error, OutboundError::Broken(..)), "{error}");
}

#[tokio::test]
async fn only_what_is_wanted_is_taken() {
    let page = said("200 OK\ncontent-type: text/html\ncontent-length: 1", "<");
    let error = refused(page, &BOUNDS).await;
    assert_eq!(error, "127.0.0.1 answers with \"text/html\", which is not wanted");
    let bomb = "200 OK\ncontent-type: video/mp4\ncontent-encoding: gzip\ncontent-length: 1";
    let error = refused(said(bomb, "x"), &BOUNDS).await;
    assert_eq!(error, "127.0.0.1 answers in an encoding that nobody asked for");
}

#[tokio::test]
async fn a_head_has_a_bound() {
    let long = format!("200 OK\na: {}\ncontent-length: 0", "x".repeat(HEAD_BYTES * 2));
    let error = refused(said(&long, ""), &BOUNDS).await;
    assert!(error.starts_with("127.0.0.1 does not answer as it should"), "{error}");
    let many = format!("200 OK\n{}content-length: 0", "a: b\n".repeat(HEAD_FIELDS + 1));
    let error = refused(said(&many, ""), &BOUNDS).await;
    assert!(error.starts_with("127.0.0.1 does not answer as it should"), "{error}");
}

#[tokio::test]
async fn nobody_is_waited_for_without_end() {
    let slow = "127.0.0.1 is too slow";
    assert_eq!(refused(Vec::new(), &BOUNDS).await, slow, "no head");
    let film = "200 OK\ncontent-type: video/mp4\ncontent-length: 900";
    assert_eq!(refused(said(film, "abc"), &BOUNDS).await, slow, "no more body");
    let mut dripping = said(film, "");
    dripping.extend(std::iter::repeat_n("x".to_owned(), 900));
    let bounds = Bounds { whole: Duration::from_millis(300), ..BOUNDS };
    assert_eq!(refused(dripping, &bounds).await, slow, "a slow loris");
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_named() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url: Url = format!("http://{address}/").parse().unwrap();
    let error = get(&near(), url, &BOUNDS).await.unwrap_err().to_string();
    assert!(error.starts_with("127.0.0.1 cannot be reached: "), "{error}");
}

const TLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tls");

#[tokio::test]
async fn a_host_proves_who_it_is() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let certificates = CertificateDer::pem_file_iter(format!("{TLS}/cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{TLS}/key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.map(Result::unwrap).collect(), key)
        .unwrap();
    let film = said("200 OK\ncontent-type: video/mp4\ncontent-length: 1", "a");
    let tls = TlsAcceptor::from(Arc::new(config));
    let stranger = Stranger::at(listener, film, Some(tls));
    let port = stranger.address.port();
    let url = |host: &str| format!("https://{host}:{port}/").parse::<Url>().unwrap();
    let rules = Rules { is_lax: true, may_reach: |_| true };
    let trusting = Door::with(rules, &format!("{TLS}/ca.pem"), "").unwrap();
    assert_eq!(get(&trusting, url("localhost"), &BOUNDS).await.unwrap(), "a");
    let another = get(&trusting, url("127.0.0.1"), &BOUNDS).await;
    assert!(matches!(another, Err(OutboundError::Tls(..))), "another name");
    let unknown = get(&door(rules), url("localhost"), &BOUNDS).await;
    assert!(matches!(unknown, Err(OutboundError::Tls(..))), "an unknown authority");
    assert!(Door::with(rules, "/nowhere.pem", "").is_err());
}
