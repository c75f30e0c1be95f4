//! A request body that asks for leave before it goes out.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use redispatch::worker::Unconfirmed;

/// Says whether the body was let go: nothing until it was asked for, which is once a connection stands.
pub(crate) type Leave = Arc<OnceLock<Result<(), Unconfirmed>>>;

pub(crate) type Confirm = Pin<Box<dyn Future<Output = Result<(), Unconfirmed>> + Send>>;

/// Bytes that leave once `confirm` allows it. The head of the request announces their number, so a server that got
/// the head alone has nothing to act upon.
pub(crate) struct Confirmed {
    /// The lock is never taken: it makes the future `Sync`, as the client demands.
    confirm: Mutex<Confirm>,
    leave: Leave,
    bytes: Option<Bytes>,
}

impl Confirmed {
    pub(crate) fn new(bytes: Bytes, confirm: Confirm) -> (Self, Leave) {
        let leave = Leave::default();
        (Self { confirm: Mutex::new(confirm), leave: leave.clone(), bytes: Some(bytes) }, leave)
    }
}

impl Body for Confirmed {
    type Data = Bytes;
    type Error = Unconfirmed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unconfirmed>>> {
        if self.bytes.is_none() {
            return Poll::Ready(None);
        }
        if self.leave.get().is_none() {
            let confirm = self.confirm.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            let allowed = ready!(confirm.as_mut().poll(cx));
            let _: Result<(), Result<_, _>> = self.leave.set(allowed);
            if let Err(unconfirmed) = allowed {
                self.bytes = None;
                return Poll::Ready(Some(Err(unconfirmed)));
            }
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
