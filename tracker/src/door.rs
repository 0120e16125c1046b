//! One viewer's WebSocket, served by one task: reads requests, writes what its outbox holds, and pings.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, Stream};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Sleep, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use crate::limits::{
    CLOSE_PATIENCE, MESSAGE_BURST, MESSAGE_BYTES, MESSAGES_PER_SECOND, PONG_PATIENCE, READ_BYTES,
};
use crate::outbox::{End, Outbox, Waiting};
use crate::pace::Pace;
use crate::pulse::{Beat, Pulse};
use crate::serve::Tracker;
use crate::swarms::ConnectionNo;

/// An open connection.
pub(crate) struct Door {
    tracker: Arc<Tracker>,
    no: ConnectionNo,
    outbox: Arc<Outbox>,
    socket: WebSocketStream<TokioIo<Upgraded>>,
    pulse: Pulse,
    pace: Pace,
    /// The latest message: see [`Door::next`].
    held: Option<Message>,
}

/// Why a connection ends.
#[derive(Debug)]
enum Over {
    /// The viewer closed it, or it broke.
    Gone,
    /// The viewer's bytes are no WebSocket messages that a tracker takes.
    Wrong(CloseCode, &'static str),
    /// Nothing was heard for too long.
    Silent,
    /// The viewer isn't in any swarm.
    Useless,
    /// The tracker ends it.
    Ended(End),
}

impl Door {
    pub(crate) async fn open(
        tracker: Arc<Tracker>,
        no: ConnectionNo,
        outbox: Arc<Outbox>,
        upgraded: Upgraded,
    ) -> Door {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            // Each message is written at once: a buffer would stay as large as it ever was.
            .write_buffer_size(0)
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES));
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config))
                .await;
        let pulse = Pulse::new(tracker.now());
        Door { tracker, no, outbox, socket, pulse, pace: Pace::default(), held: None }
    }

    /// Serves the viewer to the end.
    pub(crate) async fn serve(&mut self) {
        let mut alarm = pin!(sleep(Duration::ZERO));
        let over = loop {
            if let Err(over) = self.turn(alarm.as_mut()).await {
                break over;
            }
        };
        self.tracker.closed(self.no);
        let metrics = &self.tracker.metrics;
        match over {
            Over::Ended(End::Slow) => metrics.cut_slow.add(),
            Over::Silent | Over::Useless => metrics.cut_silent.add(),
            Over::Gone | Over::Wrong(..) | Over::Ended(End::Shutdown) => {}
        }
        Box::pin(self.say_goodbye(over)).await;
    }

    /// Waits for one thing to happen and does what it asks for.
    async fn turn(&mut self, mut alarm: Pin<&mut Sleep>) -> Result<(), Over> {
        let outbox = Arc::clone(&self.outbox);
        tokio::select! {
            biased;
            () = outbox.changed() => Box::pin(self.write()).await,
            read = self.next() => match read {
                None => Err(Over::Gone),
                Some(Err(error)) => Err(blame(&error)),
                Some(Ok(message)) => self.take(message).await,
            },
            () = alarm.as_mut() => {
                let at = match self.pulse.check(self.tracker.now()) {
                    Beat::Rest(at) => at,
                    Beat::Ping(at) => {
                        self.outbox.ping();
                        at
                    }
                    Beat::Dead => return Err(Over::Silent),
                    Beat::Useless => return Err(Over::Useless),
                };
                alarm.reset(self.tracker.instant(at));
                Ok(())
            }
        }
    }

    /// The next message.
    ///
    /// The one before is let go of only when the socket has nothing to read. The reader shares its buffer with the
    /// message, so that it takes a new small one then, and an idle connection doesn't keep room for the last long message.
    async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| {
            let polled = Pin::new(&mut self.socket).poll_next(cx);
            self.held = None;
            polled
        })
        .await
    }

    async fn take(&mut self, message: Message) -> Result<(), Over> {
        self.pulse.heard(self.tracker.now());
        match &message {
            Message::Text(text) => {
                self.pulse.was_member |= self.tracker.received(self.no, &self.outbox, text);
            }
            Message::Binary(bytes) => {
                let text = std::str::from_utf8(bytes)
                    .map_err(|_| Over::Wrong(CloseCode::Invalid, "not text"))?;
                self.pulse.was_member |= self.tracker.received(self.no, &self.outbox, text);
            }
            Message::Ping(_) | Message::Pong(_) => self.tracker.heard(self.no),
            Message::Close(_) => return Err(Over::Gone),
            Message::Frame(_) => {}
        }
        self.held = Some(message);
        while let Err(wait) = self.pace.take(self.tracker.now(), MESSAGES_PER_SECOND, MESSAGE_BURST)
        {
            Box::pin(self.rest(wait)).await?;
        }
        Ok(())
    }

    /// Reads nothing for a while, and goes on writing.
    async fn rest(&mut self, wait: Duration) -> Result<(), Over> {
        let outbox = Arc::clone(&self.outbox);
        let mut rested = pin!(sleep(wait));
        loop {
            tokio::select! {
                () = rested.as_mut() => return Ok(()),
                () = outbox.changed() => self.write().await?,
            }
        }
    }

    /// Writes all that waits. A viewer that takes nothing for too long, or lets too much pile up, is given up.
    async fn write(&mut self) -> Result<(), Over> {
        loop {
            let Waiting { messages, ping, end, .. } = self.outbox.take();
            if let Some(end) = end {
                return Err(Over::Ended(end));
            }
            if messages.is_empty() && !ping {
                return Ok(());
            }
            let bytes = messages.iter().map(String::len).sum();
            let writing = timeout(PONG_PATIENCE, write_all(&mut self.socket, messages, ping));
            tokio::select! {
                biased;
                written = writing => match written {
                    Ok(Ok(())) => self.outbox.written(bytes),
                    Ok(Err(_)) => return Err(Over::Gone),
                    Err(_) => return Err(Over::Ended(End::Slow)),
                },
                end = self.outbox.ended() => return Err(Over::Ended(end)),
            }
        }
    }

    /// Tells the viewer why, and waits a little for its own goodbye.
    async fn say_goodbye(&mut self, over: Over) {
        let (code, reason) = match over {
            Over::Wrong(code, reason) => (code, reason),
            Over::Useless => (CloseCode::Policy, "announce a swarm sooner"),
            Over::Ended(End::Shutdown) => (CloseCode::Away, "the tracker ends"),
            Over::Gone => (CloseCode::Normal, ""),
            Over::Ended(End::Slow) | Over::Silent => return,
        };
        let frame = CloseFrame { code, reason: reason.into() };
        let talk = async {
            self.socket.close(Some(frame)).await?;
            while let Some(read) = poll_fn(|cx| Pin::new(&mut self.socket).poll_next(cx)).await {
                read?;
            }
            Ok::<_, Error>(())
        };
        // Whether it was heard makes no difference to us.
        let _ = timeout(CLOSE_PATIENCE, talk).await;
    }
}

async fn write_all(
    socket: &mut WebSocketStream<TokioIo<Upgraded>>,
    messages: Vec<String>,
    ping: bool,
) -> Result<(), Error> {
    for message in messages {
        socket.feed(Message::text(message)).await?;
    }
    if ping {
        socket.feed(Message::Ping(Bytes::new())).await?;
    }
    socket.flush().await
}

/// Why the socket can't be read any further.
fn blame(error: &Error) -> Over {
    match error {
        Error::Capacity(_) => Over::Wrong(CloseCode::Size, "the message is too long"),
        Error::Protocol(_) => Over::Wrong(CloseCode::Protocol, "not the WebSocket protocol"),
        Error::Utf8(_) => Over::Wrong(CloseCode::Invalid, "not text"),
        _ => Over::Gone,
    }
}
