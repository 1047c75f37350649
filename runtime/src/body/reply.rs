//! The body of an answer as it arrives: held to its declared length, watched for silence.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use pin_project_lite::pin_project;

use super::{BodySource, ByteStream, IdleTimer};
use crate::error::{BoxError, NetworkError, ResponseError, RetryClass, S3Error, TransferError};
use crate::resilience::StallPolicy;

pin_project! {
    /// One allocation holds all an answer's body needs: the body, its count, its timer, and whatever must
    /// live as long as it is read (`G`: the permit of its connection).
    pub(crate) struct ReplySource<B, G> {
        #[pin]
        body: B,
        idle: IdleTimer,
        declared: Option<u64>,
        seen: u64,
        guard: G,
    }
}

impl<B, G> ReplySource<B, G>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    G: Send + 'static,
{
    /// `declared` is the length by which the body must stand.
    pub(crate) fn stream(body: B, declared: Option<u64>, idle: impl Into<IdleTimer>, guard: G) -> ByteStream {
        ByteStream::from_source(Box::new(Self { body, idle: idle.into(), declared, seen: 0, guard }))
    }
}

impl<B, G> BodySource for ReplySource<B, G>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
    G: Send,
{
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, S3Error>>> {
        let mut this = self.project();
        let arrived = Arrived { seen: *this.seen, declared: *this.declared };
        loop {
            let frame = match this.body.as_mut().poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    return match this.idle.poll_expired(cx) {
                        Poll::Ready(()) => Poll::Ready(Some(Err(match this.idle.trickled() {
                            Some(policy) => arrived.stalled(policy),
                            None => arrived.silent(this.idle.limit()),
                        }))),
                        Poll::Pending => Poll::Pending,
                    };
                }
            };
            let came = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
                _ => 0,
            };
            this.idle.arrived(came);
            return Poll::Ready(match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => {
                        *this.seen += chunk.len() as u64;
                        match *this.declared {
                            Some(declared) if *this.seen > declared => Some(Err(too_long(declared))),
                            _ => Some(Ok(chunk)),
                        }
                    }
                    // Trailers: S3 sends none that a reader needs.
                    Err(_) => continue,
                },
                Some(Err(error)) => Some(Err(arrived.cut(Some(error.into())))),
                None => {
                    arrived.declared.is_some_and(|declared| declared != arrived.seen).then(|| Err(arrived.cut(None)))
                }
            });
        }
    }

    fn remaining(&self) -> Option<u64> {
        let left = self.declared? - self.seen.min(self.declared?);
        // All the bytes may be there while the transport still knows of more.
        if left == 0 && !self.body.is_end_stream() { None } else { Some(left) }
    }
}

#[derive(Clone, Copy)]
struct Arrived {
    seen: u64,
    declared: Option<u64>,
}

impl fmt::Display for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.declared {
            Some(declared) => write!(f, "{} of {declared} bytes", self.seen),
            None => write!(f, "{} bytes", self.seen),
        }
    }
}

impl Arrived {
    fn cut(self, error: Option<BoxError>) -> S3Error {
        let error = match error.map(|error| error.downcast::<S3Error>()) {
            Some(Ok(own)) => return *own,
            Some(Err(other)) => Some(other),
            None => None,
        };
        let made =
            S3Error::new(TransferError::IncompleteBody, format!("the connection ended after {self} of the answer"));
        let made = made.with_retryable(true);
        match error {
            Some(error) => made.with_source(error),
            None => made,
        }
    }

    fn silent(self, limit: Option<Duration>) -> S3Error {
        let message = format!("the server sent nothing for {:?} after {self} of the answer", limit.unwrap_or_default());
        S3Error::new(NetworkError::Timeout, message).with_retry_class(RetryClass::Timeout)
    }

    fn stalled(self, policy: StallPolicy) -> S3Error {
        let StallPolicy { bytes_per_second, grace } = policy;
        let message =
            format!("the answer stalled after {self}: under {bytes_per_second} bytes per second for {grace:?}");
        S3Error::new(TransferError::StreamInterrupted, message).with_retry_class(RetryClass::Timeout)
    }
}

fn too_long(declared: u64) -> S3Error {
    let message = format!("the answer is longer than the {declared} bytes it declared");
    S3Error::new(ResponseError::InvalidResponse, message)
}
