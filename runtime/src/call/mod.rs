//! One call from request value to answer: the only room that knows all the others.
//!
//! ```text
//! telemetry { operation timeout { encode -> retry { circuit { rate limits { attempt timeout {
//!     credentials -> sign -> send -> classify } } } } -> decode } }
//! ```

#[cfg(all(test, feature = "test-util"))]
mod again_tests;
mod ahead;
mod answer;
mod attempts;
mod chunked;
mod core;
mod download;
#[cfg(all(test, feature = "test-util"))]
mod download_tests;
mod form;
mod gate;
mod invocation;
mod metered;
mod operation;
mod options;
mod pages;
mod payload;
#[cfg(all(test, feature = "test-util"))]
mod payload_tests;
mod presign;
mod sending;
mod sent;
#[cfg(all(test, feature = "test-util"))]
mod tests;
mod wait;
mod warm;

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::{Unconstrained, unconstrained};
use tokio::time::Sleep;
use tracing::Span;

use crate::error::{ConfigurationError, NetworkError, RetryClass, S3Error};
use crate::plumbing::{OperationFacts, RequestWriter, WireRequest};
use crate::telemetry::{Watch, build_span, parse_span};

pub use self::core::Core;
pub use form::{PresignPost, PresignedPost};
pub use operation::Operation;
pub use options::RequestOptions;
pub use pages::{Items, Paged, Pages};
pub use presign::PresignedRequest;
pub use sending::Sending;
pub use wait::{WaiterFacts, WaiterGoal};

use attempts::Attempts;
use gate::Place;
use payload::Payload;

/// A client and the options of one call.
#[derive(Clone, Default)]
pub struct Call {
    core: Option<Arc<Core>>,
    options: Option<Box<RequestOptions>>,
}

impl Call {
    /// A call through this client.
    pub fn new(core: Arc<Core>) -> Self {
        Self { core: Some(core), options: None }
    }

    /// A request that was built without a client: it can be made into a value, not sent.
    pub fn detached() -> Self {
        Self::default()
    }

    /// Sets the options of this call.
    pub fn options(&mut self, options: RequestOptions) {
        self.options = Some(Box::new(options));
    }

    /// Sends the request and reads the answer.
    pub fn send<O: Operation>(self, mut request: Box<O>) -> Sending<O::Output> {
        Sending::boxed(async move {
            match self.attached() {
                Ok(core) => {
                    // Only this much is compiled once per operation; the rest is in `Attempts`.
                    let options = self.options.as_deref();
                    let watch = Watch::begin(&core.config, O::FACTS, request.bucket(), request.key());
                    let limit = self.time_limit(core, O::FACTS);
                    let place = Place::of(core, options, request.bucket());
                    let mut alarm = pin!(limit.map(|limit| unconstrained(tokio::time::sleep(limit))));
                    let answer = {
                        // Pinned where it stands: a future of this size is not for passing around.
                        let mut call = pin!(async {
                            let planned = planned(core, O::FACTS, &place, &mut |w| request.encode(w))?;
                            let target = (request.bucket(), request.key().is_some());
                            let mut attempts = Attempts::new(core, options, O::FACTS, planned, target, &place, &watch);
                            loop {
                                let mut reply = attempts.next().await?;
                                attempts.look_after(&mut reply, &self.options)?;
                                let error = {
                                    let (mut decoding, span) = (pin!(request.decode(&mut reply)), parse_span());
                                    match poll_fn(|cx| {
                                        let _entered = span.enter();
                                        decoding.as_mut().poll(cx)
                                    })
                                    .await
                                    {
                                        Ok(output) => return Ok(output),
                                        Err(error) => error,
                                    }
                                };
                                // What is not needed any more is not kept while something else is waited for.
                                drop(reply);
                                attempts.undecodable(error).await?;
                            }
                        });
                        poll_fn(|cx| {
                            let mut answer = None;
                            let over =
                                framed(watch.span(), alarm.as_mut(), cx, &mut |cx| match call.as_mut().poll(cx) {
                                    Poll::Ready(ready) => {
                                        answer = Some(ready);
                                        true
                                    }
                                    Poll::Pending => false,
                                });
                            over.map(|()| answer.unwrap_or_else(|| Err(place.overdue(limit.unwrap_or_default()))))
                        })
                        .await
                    };
                    let answer = answer.map_err(|error| {
                        let error = error.with_attempts(place.sent.times());
                        error.with_target(O::FACTS.name, request.bucket(), request.key())
                    });
                    watch.end(request.bucket(), request.key(), answer.as_ref().err());
                    answer
                }
                Err(error) => Err(error.with_target(O::FACTS.name, request.bucket(), request.key())),
            }
        })
    }

    /// The pages of the request's answer.
    pub fn pages<O: Paged>(self, request: Box<O>) -> Pages<O> {
        Pages::new(self, request)
    }

    /// The items of all pages of the request's answer.
    pub fn items<O: Paged, T>(self, request: Box<O>, take: fn(O::Output) -> Vec<T>) -> Items<O, T> {
        Items::new(self.pages(request), take)
    }

    fn attached(&self) -> Result<&Arc<Core>, S3Error> {
        self.core.as_ref().ok_or_else(|| {
            S3Error::new(ConfigurationError::InvalidConfiguration, "this request was built without a client")
                .with_suggestion("build() it and give it to S3Client::execute, or begin with a method of the client")
        })
    }

    fn time_limit(&self, core: &Core, facts: &OperationFacts) -> Option<Duration> {
        match &self.options {
            Some(options) if options.timeout.is_some() => options.timeout,
            // A healthy transfer may take hours: silence is what limits it.
            _ if facts.streams_in || facts.streams_out => None,
            _ => core.config.timeouts.operation,
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.core.is_some() { "Call" } else { "Call(detached)" })
    }
}

/// The request as it is sent, and how its body travels. Not in line: what it works with would be kept in the future of the
/// call.
#[inline(never)]
fn planned(
    core: &Core,
    facts: &OperationFacts,
    place: &Place<'_>,
    encode: &mut dyn FnMut(&mut RequestWriter),
) -> Result<(Box<WireRequest>, Payload), S3Error> {
    let mut writer = RequestWriter::new(place.endpoint());
    build_span().in_scope(|| encode(&mut writer));
    let mut wire = writer.finish()?;
    let payload = Payload::plan(&core.config, facts, &mut wire)?;
    Ok((wire, payload))
}

/// Polls a call within its span and its limit of time. Compiled once, not for each operation.
#[inline(never)]
fn framed(
    span: &Span,
    alarm: Pin<&mut Option<Alarm>>,
    cx: &mut Context<'_>,
    call: &mut dyn FnMut(&mut Context<'_>) -> bool,
) -> Poll<()> {
    let _entered = span.enter();
    if call(cx) {
        return Poll::Ready(());
    }
    alarm.as_pin_mut().map_or(Poll::Pending, |alarm| alarm.poll(cx))
}

/// It rings also for a call that leaves others no time.
type Alarm = Unconstrained<Sleep>;

/// What a limit of time is for.
#[derive(Clone, Copy)]
enum Limit {
    Call,
    Attempt,
}

impl Limit {
    #[cold]
    fn passed(self, time: Duration) -> S3Error {
        let (what, advice) = match self {
            Self::Call => ("call", "raise the operation timeout, or find out why the server is slow"),
            Self::Attempt => ("attempt", "raise the attempt timeout, or find out why the server is slow"),
        };
        S3Error::new(NetworkError::Timeout, format!("the {what} took longer than {time:?}"))
            .with_retry_class(RetryClass::Timeout)
            .with_suggestion(advice)
    }
}
