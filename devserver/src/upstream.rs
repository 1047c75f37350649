//! Request bodies that outlive their request: what nobody read is drained, so that the connection stays usable
//! and a client still sending sees the answer instead of a reset.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

/// How long a refused client may go on sending.
const PATIENCE: Duration = Duration::from_secs(10);

/// One handle on a body; its clones are handles on the same.
#[derive(Clone)]
pub(crate) struct Upstream(Arc<Inner>);

struct Inner {
    body: Mutex<Incoming>,
    polled: AtomicBool,
    /// The client waits for `100 Continue`, which hyper sends at the first poll.
    expects: bool,
}

impl Upstream {
    pub(crate) fn new(body: Incoming, expects: bool) -> Self {
        Self(Arc::new(Inner { body: Mutex::new(body), polled: AtomicBool::new(false), expects }))
    }

    /// Called with the answer ready. Says whether the connection can serve another request.
    pub(crate) fn settle(self) -> bool {
        if self.is_end_stream() {
            return true;
        }
        if self.0.expects && !self.0.polled.load(Ordering::Relaxed) {
            // The client was never asked for the body, and must not be now.
            return false;
        }
        tokio::spawn(tokio::time::timeout(PATIENCE, async move {
            let mut this = self;
            while let Some(Ok(_)) = std::future::poll_fn(|cx| Pin::new(&mut this).poll_frame(cx)).await {}
        }));
        true
    }
}

impl HttpBody for Upstream {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.0.polled.store(true, Ordering::Relaxed);
        let mut body = self.0.body.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.body.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
