//! What other servers post: heard to its end, also if they hang up before it is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use origin::Reply;
use sidecar::Sidecar;

/// Hears a request, if its path is an inbox.
pub(crate) async fn hear(
    sidecar: &Arc<Sidecar>,
    request: &mut Request<Incoming>,
    peer: SocketAddr,
) -> Option<Reply> {
    let posted = match sidecar.read_posted(request, peer).await? {
        Ok(posted) => posted,
        Err(reply) => return Some(*reply),
    };
    let sidecar = Arc::clone(sidecar);
    let hearing = tokio::spawn(async move { sidecar.hear(&posted, SystemTime::now()).await });
    Some(hearing.await.unwrap_or_else(|_| {
        origin::serve::text(StatusCode::INTERNAL_SERVER_ERROR, "this could not be heard\n")
    }))
}
