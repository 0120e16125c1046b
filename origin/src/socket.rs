//! The socket as hyper writes to it: what lies in a mapped file is sent by the kernel, without a copy.
//!
//! hyper knows only memory, and copying it into a socket costs more than all else that a request does. So the service
//! notes which mapped file its reply was cut from, and a write of memory that lies in that mapping becomes
//! `sendfile(2)` of the same bytes. Everything else, and whatever the kernel refuses, is written as it is.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use rustix::net::SendFlags;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::map::Mapped;
use crate::metrics::Metrics;

/// A viewer's socket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    sending: Sending,
    metrics: Arc<Metrics>,
}

/// The mapped file that a connection's latest reply was cut from, if any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sending(Arc<Mutex<Option<Arc<Mapped>>>>);

impl Sending {
    pub(crate) fn note(&self, mapped: Option<Arc<Mapped>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mapped;
    }

    /// The mapping that this memory is a part of, and where in the file it begins.
    fn find(&self, memory: &[u8]) -> Option<(Arc<Mapped>, u64)> {
        if memory.len() < WORTH_A_CALL {
            return None;
        }
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mapped = noted.as_ref()?;
        Some((Arc::clone(mapped), mapped.position(memory)?))
    }
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, sending: Sending, metrics: Arc<Metrics>) -> Socket {
        Socket { stream, sending, metrics }
    }

    fn poll_send_file(
        &self,
        cx: &mut Context<'_>,
        mapped: &Mapped,
        position: u64,
        length: usize,
    ) -> Poll<io::Result<usize>> {
        self.poll_call(cx, || {
            let mut position = position;
            rustix::fs::sendfile(
                &self.stream,
                mapped.file(),
                Some(&mut position),
                length.min(AT_ONCE),
            )
        })
    }

    /// Makes a system call on the socket when it is ready to be written to.
    fn poll_call(
        &self,
        cx: &mut Context<'_>,
        call: impl Fn() -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_io(Interest::WRITABLE, || call().map_err(io::Error::from)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_some(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let found =
            bufs.iter().enumerate().find_map(|(at, memory)| Some((at, self.sending.find(memory)?)));
        match found {
            Some((0, (mapped, position))) => {
                match ready!(self.poll_send_file(cx, &mapped, position, bufs[0].len())) {
                    // Some file systems can't.
                    Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                        Pin::new(&mut self.stream).poll_write_vectored(cx, &bufs[..1])
                    }
                    done => Poll::Ready(done),
                }
            }
            // The head of a reply whose body follows at once: the kernel joins them in one packet.
            Some(_) => self.poll_call(cx, || {
                rustix::net::send(&self.stream, &bufs[0], SendFlags::MORE | SendFlags::NOSIGNAL)
            }),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.poll_some(cx, bufs))?;
        self.metrics.count_sent(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Below this, copying costs less than a system call of its own.
const WORTH_A_CALL: usize = 16 << 10;

/// Bytes that one call may send, so that a fast viewer doesn't keep a thread from the others.
const AT_ONCE: usize = 1 << 20;
