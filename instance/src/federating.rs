//! What goes on with other servers by itself: what changes here is told and delivered, and what is there is fetched, until the
//! process is asked to end.

use std::sync::Arc;

use sidecar::Sidecar;
use tokio_util::sync::CancellationToken;

/// Does all of it.
pub(crate) async fn run(sidecar: Arc<Sidecar>, asked_to_end: CancellationToken) {
    tokio::join!(
        sidecar.deliver_forever(asked_to_end.cancelled()),
        sidecar.work_tasks_forever(asked_to_end.cancelled()),
    );
}
