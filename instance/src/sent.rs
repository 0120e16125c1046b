//! What a whole instance sends: most answers are in memory, and a few come by and by.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::Stream;
use http::Response;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, StreamBody};
use hyper::body::Frame;
use origin::{Answer, Reply};

/// The body of an answer.
pub(crate) type Body = Either<Answer, UnsyncBoxBody<Bytes, Infallible>>;

/// An answer.
pub(crate) type Sent = Response<Body>;

/// One that is in memory.
pub(crate) fn at_once(reply: Reply) -> Sent {
    reply.map(Either::Left)
}

/// A body whose pieces come by and by.
pub(crate) fn by_and_by(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    use futures_util::StreamExt;
    let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    Either::Right(StreamBody::new(frames).boxed_unsync())
}
