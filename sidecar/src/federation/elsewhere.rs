//! Another server for tests: it tells the documents that it is given, and remembers what it was asked for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use super::id::{Place, Remote, Strictness};
use super::object::tests::recorded;
use crate::Sidecar;
use crate::config;

/// The documents by their paths with queries, and the paths that were asked for.
#[derive(Debug, Default)]
struct Shelf {
    documents: HashMap<String, Document>,
    asked: Vec<String>,
}

#[derive(Debug, Clone)]
struct Document {
    status: u16,
    /// A header, whose name is the media type's or another.
    header: (&'static str, String),
    text: String,
}

impl Document {
    fn of(status: u16, text: String) -> Document {
        let header = ("content-type", "application/activity+json".to_owned());
        Document { status, header, text }
    }
}

/// A server on a port of its own.
pub(crate) struct Elsewhere {
    pub(crate) base: String,
    shelf: Arc<Mutex<Shelf>>,
}

impl Elsewhere {
    /// One with the recorded account, channel and instance, whose URLs lead to it.
    pub(crate) async fn start() -> Elsewhere {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let elsewhere = Elsewhere { base, shelf: Arc::clone(&shelf) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shelf = Arc::clone(&shelf);
                let answer = service_fn(move |request: Request<Incoming>| {
                    let shelf = Arc::clone(&shelf);
                    async move { Ok::<_, Infallible>(tell(&shelf, request.uri().path_and_query())) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        for (path, name) in [
            ("/accounts/root", "ap-account-root.json"),
            ("/video-channels/root_channel", "ap-channel-root.json"),
            ("/accounts/peertube", "ap-instance-actor.json"),
        ] {
            elsewhere.put(path, &recorded(name));
        }
        elsewhere
    }

    /// Tells a document, in which the recorded server's URLs are its own.
    pub(crate) fn put(&self, path: &str, document: &Value) {
        let text = document.to_string().replace("http://127.0.0.1:9000", &self.base);
        self.set(path, Document::of(200, text));
    }

    /// The same as something of another media type.
    pub(crate) fn put_as(&self, path: &str, kind: &str, document: &Value) {
        let text = document.to_string().replace("http://127.0.0.1:9000", &self.base);
        let header = ("content-type", kind.to_owned());
        self.set(path, Document { status: 200, header, text });
    }

    /// Leads to another URL.
    pub(crate) fn redirect(&self, path: &str, to: &str) {
        let header = ("location", to.to_owned());
        self.set(path, Document { status: 302, header, text: String::new() });
    }

    fn set(&self, path: &str, document: Document) {
        self.shelf.lock().unwrap().documents.insert(path.to_owned(), document);
    }

    /// Answers with a status from now on.
    pub(crate) fn refuse(&self, path: &str, status: u16) {
        self.set(path, Document::of(status, String::new()));
    }

    /// The recorded video under another id, with changes.
    pub(crate) fn publish(&self, id: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut video = recorded("ap-video.json");
        let path = format!("/videos/watch/{id}");
        video["id"] = format!("{}{path}", self.base).into();
        video["uuid"] = Value::Null;
        change(&mut video);
        self.put(&path, &video);
        self.url(&path)
    }

    /// What was asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shelf.lock().unwrap().asked)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn remote(&self, path: &str) -> Remote {
        Remote::parse(&self.url(path), Strictness::Test).unwrap()
    }
}

fn tell(shelf: &Mutex<Shelf>, path: Option<&http::uri::PathAndQuery>) -> Response<Full<Bytes>> {
    let path = path.map_or("", http::uri::PathAndQuery::as_str);
    let mut shelf = shelf.lock().unwrap();
    shelf.asked.push(path.to_owned());
    let found = shelf.documents.get(path).cloned();
    let found = found.unwrap_or_else(|| Document::of(404, String::new()));
    let reply = Response::builder().status(found.status).header(found.header.0, found.header.1);
    reply.body(Full::from(found.text)).unwrap()
}

impl Sidecar {
    /// Lets an instance of a test ask servers of the same test.
    pub(crate) async fn meet_elsewhere(&mut self) {
        let place = Place::new("http://here.example", Strictness::Test).unwrap();
        self.federate(place, &config::Federation::default()).await.unwrap();
        let settings = config::Outbound { allow_private: true, ..config::Outbound::default() };
        self.open_door(&settings).unwrap();
    }
}
