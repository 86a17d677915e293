//! A body with something attached to it, for as long as it lasts.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body is handed on in pieces: what has been handed on is out of sight, and may wait to be written.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// Drops what is attached together with the body, and tells it when the body has come to its end.
pub(super) struct Attached<T> {
    body: Body,
    /// Taken from the body, and not handed on yet.
    rest: Bytes,
    attached: T,
    at_end: fn(&T),
}

impl<T: Send + Unpin + 'static> Attached<T> {
    pub(super) fn body(body: Body, attached: T, at_end: fn(&T)) -> Body {
        if body.is_end_stream() {
            at_end(&attached);
            return body;
        }
        Body::new(Self { body, rest: Bytes::new(), attached, at_end })
    }
}

impl<T: Unpin> HttpBody for Attached<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context))
                .map(|frame| frame.map(Frame::into_data))
            {
                Some(Ok(Ok(bytes))) => self.rest = bytes,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    (self.at_end)(&self.attached);
                    return Poll::Ready(None);
                }
            }
        }
        let piece = self.rest.len().min(PIECE_BYTES_MAX);
        let piece = self.rest.split_to(piece);
        if self.is_end_stream() {
            (self.at_end)(&self.attached);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
