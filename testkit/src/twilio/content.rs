//! The body of an answer, whole or cut in half.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

pub(super) struct Content {
    bytes: Option<Bytes>,
    end: End,
}

enum End {
    Good,
    /// Once what was given has been written.
    Flush,
    HangUp,
}

impl Content {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: Some(bytes.into()), end: End::Good }
    }

    /// The first half of it, then the connection ends.
    pub(super) fn cut(self) -> Self {
        let half = self.len() / 2;
        Self { bytes: self.bytes.map(|bytes| bytes.slice(..half)), end: End::Flush }
    }

    /// Bytes still to come.
    pub(super) fn len(&self) -> usize {
        self.bytes.as_ref().map_or(0, Bytes::len)
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.end {
            End::Good => Poll::Ready(None),
            End::Flush => {
                self.end = End::HangUp;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::HangUp => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Good => SizeHint::with_exact(self.len() as u64),
            End::Flush | End::HangUp => SizeHint::default(),
        }
    }
}
