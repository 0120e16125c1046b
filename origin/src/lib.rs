//! The data plane: video files come in and become HLS, and HLS goes out over HTTP.
//!
//! - [`library`]: which videos there are
//! - [`uploads`]: files on their way in
//! - [`import`]: a video file becomes renditions, playlists and a poster
//! - [`signing`]: lists of what each piece of a video has to be
//! - [`serve`]: the answers under `/hls/`, from a cache and from mapped files
//! - [`opening`]: where each rendition begins, so that a page can tell the player before it has read a playlist
//! - [`downloads`]: files that are made for one person each
//! - [`connections`]: the bounded HTTP/1.1 door, which `instance` uses for its pages too
//!
//! [`run`] is the origin alone on a port of its own.

mod cache;
pub mod config;
pub mod connections;
pub mod downloads;
pub mod error;
pub mod etag;
pub mod import;
pub mod library;
pub mod limits;
mod map;
pub mod metrics;
pub mod opening;
pub mod path;
mod range;
pub mod serve;
pub mod setting;
pub mod shutdown;
pub mod signing;
mod socket;
pub mod uploads;

use std::sync::Arc;

use http::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wire::capability::Key;

pub use config::Config;
pub use connections::Answer;
pub use serve::Origin;

use library::Library;
use metrics::Metrics;

/// Serves `/hls/`, `/health` and `/metrics` of one library, to whom `key` lets in where not all are, until `shutdown`, then lets running responses finish.
pub async fn run(
    listener: TcpListener,
    config: &Config,
    library: Library,
    key: Key,
    shutdown: CancellationToken,
) {
    let metrics = Arc::new(Metrics::default());
    let origin = Arc::new(Origin::new(library, config, key));
    let shown = Arc::clone(&metrics);
    let housekeeping = tokio::spawn(Arc::clone(&origin).keep_house());
    connections::accept(listener, &config.bounds(), metrics, shutdown, move |request, peer| {
        let (origin, metrics) = (Arc::clone(&origin), Arc::clone(&shown));
        async move {
            match request.uri().path() {
                "/health" => serve::text(http::StatusCode::OK, "ok\n"),
                "/metrics" if metrics::may_see(&request, peer) => metrics.answer(),
                _ => origin.answer(&request).await,
            }
        }
    })
    .await;
    housekeeping.abort();
}

/// An answer whose body is in memory, or mapped.
pub type Reply = Response<Answer>;
