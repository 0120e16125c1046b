//! What goes on with other servers by itself: what changes here is told and delivered, until the process is asked to end.

use std::sync::Arc;

use sidecar::Sidecar;
use tokio_util::sync::CancellationToken;

/// Does all of it.
pub(crate) async fn run(sidecar: Arc<Sidecar>, asked_to_end: CancellationToken) {
    sidecar.deliver_forever(asked_to_end.cancelled()).await;
}
