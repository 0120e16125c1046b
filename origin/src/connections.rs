//! The door: HTTP/1.1 over TCP, bounded in connections, header size and time, and closed without cutting anyone off.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limits::{
    ACCEPT_PAUSE, HEADER_BYTES, HEADER_COUNT, REFUSAL_PATIENCE, REFUSALS, RETRY_AFTER_SECONDS,
};
use crate::metrics::Metrics;
use crate::socket::{Sending, Socket};

/// The body of every answer of ours: one piece of memory, read or mapped.
pub type Answer = Full<Bytes>;

/// What one listener grants its viewers.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// From when a connection may send a request until it has sent the whole head.
    pub request_timeout: Duration,
    /// How long a viewer may take nothing of a waiting response.
    pub write_timeout: Duration,
    /// What running responses get after the shutdown began.
    pub drain_timeout: Duration,
}

/// Accepts connections and lets `service` answer until `shutdown`; then lets running responses finish.
pub async fn accept<S, F, B>(
    listener: TcpListener,
    bounds: &Bounds,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    service: S,
) where
    S: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let busy = TaskTracker::new();
    let places = Arc::new(Semaphore::new(bounds.connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            metrics.count_refused();
            if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
                tokio::spawn(refuse(stream, permit));
            }
            continue;
        };
        let service = service.clone();
        let connection = Connection {
            stream,
            peer,
            place,
            metrics: Arc::clone(&metrics),
            shutdown: shutdown.clone(),
        };
        busy.spawn(connection.serve(bounds.clone(), service));
    }
    drop(listener);
    busy.close();
    if tokio::time::timeout(bounds.drain_timeout, busy.wait()).await.is_err() {
        tracing::warn!("closed connections that were still busy after {:?}", bounds.drain_timeout);
    }
}

/// One accepted connection and what it holds.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
}

impl Connection {
    async fn serve<S, F, B>(self, bounds: Bounds, service: S)
    where
        S: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let Connection { stream, peer, place, metrics, shutdown } = self;
        // Without it, the last small part of a response waits for the viewer's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let sending = Sending::default();
        let socket = Socket::new(stream, sending.clone(), Arc::clone(&metrics));
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(bounds.write_timeout));
        let counted = Arc::clone(&metrics);
        let service = service_fn(move |request| {
            let (answer, metrics, sending) =
                (service(request, peer), Arc::clone(&counted), sending.clone());
            async move {
                let mut reply = answer.await;
                metrics.count_request(reply.status());
                sending.note(reply.extensions_mut().remove());
                Ok::<_, Infallible>(reply)
            }
        });
        metrics.connection_opened();
        // An upgraded connection leaves this door for that of whoever asked for the upgrade.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.request_timeout)
            .max_header_size(HEADER_BYTES)
            .max_headers(HEADER_COUNT)
            .max_buf_size(HEADER_BYTES)
            .half_close(false)
            .serve_connection(TokioIo::new(Box::pin(socket)), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended early: {error}");
        }
        metrics.connection_closed();
        drop(place);
    }
}

/// Tells a viewer over the bound to come back; its request is read first, or the reset would overtake the answer.
async fn refuse(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_AFTER_SECONDS}\r\nContent-Length: 0\r\n\
         Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: Retry-After\r\nConnection: close\r\n\r\n"
    );
    let talk = async {
        let mut head = vec![0; HEADER_BYTES];
        let mut filled = 0;
        while filled < head.len() && !head[..filled].ends_with(b"\r\n\r\n") {
            match stream.read(&mut head[filled..]).await? {
                0 => break,
                read => filled += read,
            }
        }
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        stream.read(&mut head).await
    };
    // Whether it was heard makes no difference to us.
    let _ = tokio::time::timeout(REFUSAL_PATIENCE, talk).await;
}
