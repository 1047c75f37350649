//! One call from request value to answer: the only room that knows all the others.
//!
//! ```text
//! telemetry { operation timeout { encode -> retry { circuit { rate limits { attempt timeout {
//!     credentials -> sign -> send -> classify } } } } -> decode } }
//! ```

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
        Sending::new(async move {
            match self.attached() {
                Ok(core) => {
                    // Only this much is compiled once per operation; the rest is in `Attempts`.
                    let options = self.options.as_deref();
                    let watch = Watch::begin(&core.config, O::FACTS, request.bucket(), request.key());
                    let limit = Limit::operation(self.time_limit(core, O::FACTS));
                    let mut alarm = pin!(limit.alarm());
                    let answer = {
                        // Pinned where it stands: a future of this size is not for passing around.
                        let mut call = pin!(async {
                            let place = Place::of(core, options, request.bucket());
                            let wire = encoded(&place, &mut |w| request.encode(w))?;
                            let mut attempts = Attempts::start(core, options, O::FACTS, wire, &place, &watch)?;
                            loop {
                                let reply = attempts.next(request.bucket(), request.key().is_some()).await?;
                                let reply = attempts.look_after(reply, &self.options)?;
                                let error = {
                                    let (mut decoding, span) = (pin!(request.decode(reply)), parse_span());
                                    // Without a name: an output is large, and would be kept for the wait below.
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
                                attempts.undecodable(error, request.bucket()).await?;
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
                            over.map(|()| answer.unwrap_or_else(|| Err(limit.passed())))
                        })
                        .await
                    };
                    let answer = answer.map_err(|e| e.with_target(O::FACTS.name, request.bucket(), request.key()));
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

/// Not in line: what it works with would be kept in the future of the call.
#[inline(never)]
fn encoded(place: &Place<'_>, encode: &mut dyn FnMut(&mut RequestWriter)) -> Result<WireRequest, S3Error> {
    let mut writer = RequestWriter::new(place.endpoint());
    build_span().in_scope(|| encode(&mut writer));
    writer.finish()
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

/// A limit of time, and what runs into it.
#[derive(Clone, Copy)]
struct Limit {
    time: Option<Duration>,
    what: &'static str,
    advice: &'static str,
}

impl Limit {
    fn operation(time: Option<Duration>) -> Self {
        Self { time, what: "call", advice: "raise the operation timeout, or find out why the server is slow" }
    }

    fn alarm(&self) -> Option<Alarm> {
        self.time.map(|time| unconstrained(tokio::time::sleep(time)))
    }

    #[cold]
    fn passed(&self) -> S3Error {
        let message = format!("the {} took longer than {:?}", self.what, self.time.unwrap_or_default());
        S3Error::new(NetworkError::Timeout, message).with_retry_class(RetryClass::Timeout).with_suggestion(self.advice)
    }

    fn attempt(time: Option<Duration>) -> Self {
        Self { time, what: "attempt", advice: "raise the attempt timeout, or find out why the server is slow" }
    }
}

async fn within<T>(limit: Limit, call: impl Future<Output = Result<T, S3Error>>) -> Result<T, S3Error> {
    match limit.time {
        None => call.await,
        Some(time) => tokio::time::timeout(time, call).await.unwrap_or_else(|_| Err(limit.passed())),
    }
}
