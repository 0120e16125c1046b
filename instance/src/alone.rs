//! `shoal sidecar`: accounts, catalogue and their API without the rest of an instance.
//!
//! Which video may be read by whom is told to a `shoal origin` through the data folder that both have.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use origin::Reply;
use origin::metrics::{self, Metrics};

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::health::Health;
use crate::inbox;

/// The control plane alone, as programs see it.
#[derive(Debug)]
pub(crate) struct Alone {
    catalogue: Catalogue,
    health: Health,
    metrics: Arc<Metrics>,
    public_metrics: bool,
}

impl Alone {
    pub(crate) fn new(config: &Config, catalogue: Catalogue, metrics: Arc<Metrics>) -> Alone {
        let health = Health::new(Arc::clone(&catalogue.sidecar), catalogue.library.clone());
        Alone { catalogue, health, metrics, public_metrics: config.server.public_metrics }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: &mut Request<Incoming>, peer: SocketAddr) -> Reply {
        let sidecar = &self.catalogue.sidecar;
        let path = request.uri().path();
        if [sidecar::PREFIX, sidecar::OWN_PREFIX].iter().any(|prefix| path.starts_with(prefix)) {
            return self.catalogue.answer_api(request, peer).await;
        }
        if let Some(reply) = inbox::hear(sidecar, request, peer).await {
            return reply;
        }
        let path = request.uri().path();
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return origin::serve::text(StatusCode::NOT_FOUND, NOTHING);
        }
        match path {
            "/health" => self.health.answer().await,
            "/metrics" if self.public_metrics || metrics::may_see(request, peer) => {
                self.metrics.answer_with(&sidecar.metrics().await)
            }
            _ => match sidecar.answer_public(request.uri()).await {
                Some(reply) => reply,
                None => {
                    let from = sidecar.counted(request.headers(), peer);
                    let told = sidecar.tell(request.uri(), request.headers(), &from).await;
                    told.unwrap_or_else(|| origin::serve::text(StatusCode::NOT_FOUND, NOTHING))
                }
            },
        }
    }
}

const NOTHING: &str =
    "this is shoal sidecar, which has the API alone: pages are those of shoal serve\n";
