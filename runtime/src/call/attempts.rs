//! The attempts of one call: sign, send, judge, and perhaps again.
//!
//! The request was encoded once. An attempt adds what must be new each time: date, signature, attempt count.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, USER_AGENT};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use super::answer::{error_body, error_of, verdict};
use super::core::Core;
use super::download::Origin;
use super::gate::Place;
use super::invocation::{InvocationId, attempt_header};
use super::payload::Payload;
use super::{Limit, RequestOptions};
use crate::body::ByteStream;
use crate::credentials::CredentialsCache;
use crate::endpoint::EndpointConfig;
use crate::error::{ErrorKind, NetworkError, RetryClass, S3Error};
use crate::identity::Credentials;
use crate::plumbing::{OperationFacts, Reply, Verb, WireRequest};
use crate::resilience::{Hold, Jitter, RetryCase};
use crate::sign::SigningScope;
use crate::telemetry::{self, Watch};
use crate::timestamp::Timestamp;
use crate::transport::{BoxFuture, Reservation, TransportError, TransportErrorKind};

/// Made once: a name given as text is parsed for each request.
const INVOCATION: HeaderName = HeaderName::from_static("amz-sdk-invocation-id");
const ATTEMPT: HeaderName = HeaderName::from_static("amz-sdk-request");

/// Remedies that are tried once each, because a second time would not help.
#[derive(Default)]
struct Tried {
    refresh: bool,
    clock: bool,
    redirect: bool,
}

/// The credentials, or the wait for them.
fn at_hand(
    cache: &CredentialsCache,
    now: Timestamp,
) -> Result<Arc<Credentials>, BoxFuture<'_, Result<Arc<Credentials>, S3Error>>> {
    let span = telemetry::credentials_span();
    let found = span.in_scope(|| cache.at_hand(now));
    found.ok_or_else(|| Box::pin(cache.get(now).instrument(span)) as BoxFuture<'_, _>)
}

/// An answer, as far as its head says what it is.
enum Received {
    Reply(Box<Reply>),
    /// The body decides.
    Undecided(Box<(Parts, ByteStream)>),
}

/// One call's attempts and what they have in common.
pub(super) struct Attempts<'a> {
    core: &'a Arc<Core>,
    facts: &'static OperationFacts,
    bucket: Option<&'a str>,
    has_key: bool,
    /// Boxed: it would make the future of every call larger.
    request: Box<WireRequest>,
    payload: Payload,
    place: &'a Place<'a>,
    watch: &'a Watch<'a>,
    max_attempts: u32,
    attempt_timeout: Option<Duration>,
    /// It is the caller's own, and shorter than the client's.
    impatient: bool,
    /// Tokens of the retry under way.
    hold: Option<Hold<'a>>,
    /// How the last attempt ended says nothing about the server: it broke on a connection that had served others before, or its
    /// caller waits less long than others.
    moot: bool,
    /// The last attempt may have reached the server.
    arrived: bool,
    /// An attempt was made whose outcome nobody knows: what it should change may be changed.
    unheard: bool,
    /// Where the bucket was found, if elsewhere than configured.
    elsewhere: Option<Arc<EndpointConfig>>,
    invocation: InvocationId,
    jitter: Jitter,
    made: u32,
    tried: Tried,
    signed_with: Option<Arc<Credentials>>,
    /// The date of the last answer, by the server's clock, in Unix seconds.
    server_time: Option<i64>,
}

impl<'a> Attempts<'a> {
    /// In line, and without a way to fail: it is large, and made where it stays.
    #[inline]
    pub(super) fn new(
        core: &'a Arc<Core>,
        options: Option<&RequestOptions>,
        facts: &'static OperationFacts,
        (request, payload): (Box<WireRequest>, Payload),
        (bucket, has_key): (Option<&'a str>, bool),
        place: &'a Place<'a>,
        watch: &'a Watch<'a>,
    ) -> Self {
        let mut jitter = core.jitter();
        let own = options.and_then(|o| o.attempt_timeout);
        Self {
            core,
            facts,
            bucket,
            has_key,
            request,
            payload,
            place,
            watch,
            max_attempts: options.and_then(|o| o.max_attempts).unwrap_or(place.policy.max_attempts),
            attempt_timeout: own.or(core.config.timeouts.attempt),
            impatient: own.is_some_and(|own| core.config.timeouts.attempt.is_none_or(|usual| own < usual)),
            hold: None,
            moot: false,
            arrived: false,
            unheard: false,
            elsewhere: place.elsewhere.clone(),
            invocation: InvocationId::new(&mut jitter),
            jitter,
            made: 0,
            tried: Tried::default(),
            signed_with: None,
            server_time: None,
        }
    }

    /// The next answer that is a success. Failures that can be mended are tried again in here.
    pub(super) async fn next(&mut self) -> Result<Box<Reply>, S3Error> {
        if self.payload.is_incomplete() {
            Box::pin(self.payload.complete(self.request.headers_mut())).await?;
        }
        loop {
            let error = match self.once().await {
                Ok(reply) => {
                    // A retry that succeeded brings its tokens back.
                    self.hold = None;
                    if self.made == 1
                        && let Some(budget) = &self.core.budget
                    {
                        budget.succeeded();
                    }
                    return Ok(reply);
                }
                Err(error) => error,
            };
            Box::pin(self.judge(error)).await?;
        }
    }

    /// An answer that began well and could not be read to its end. Asked for again where that is harmless.
    pub(super) fn undecodable(&mut self, error: S3Error) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async move {
            // Spent: it went with the body of an answer.
            if !self.facts.idempotent || self.request.is_spent() {
                return Err(error);
            }
            self.judge(error).await
        })
    }

    /// These are not the first attempts: others were sent to get what broke off then.
    pub(super) fn continue_after(&mut self, sent: u32) {
        self.made = sent;
        self.place.sent.set(sent);
    }

    /// Puts what keeps a download going around the body of an answer that is handed to the caller. It takes the
    /// request with it: there is no other attempt after this.
    pub(super) fn look_after(
        &mut self,
        reply: &mut Reply,
        options: &Option<Box<RequestOptions>>,
    ) -> Result<(), S3Error> {
        if !self.facts.streams_out {
            return Ok(());
        }
        super::download::as_asked(reply, &self.request)?;
        // Here to the last byte, and as it should be: nothing can break any more.
        if let Some(known) = super::download::known(reply, &self.request) {
            reply.map_body(|_, body| body.known(known));
            return Ok(());
        }
        let origin = Origin {
            core: self.core.clone(),
            facts: self.facts,
            options: options.clone(),
            request: self.request.take_head(),
            elsewhere: self.elsewhere.clone(),
            sent: self.place.sent.times(),
        };
        super::download::look_after(reply, origin);
        Ok(())
    }

    /// One attempt, through circuit and limits.
    async fn once(&mut self) -> Result<Box<Reply>, S3Error> {
        let place = self.place;
        let leave = match place.enter_now(self.bucket, self.watch) {
            Some(leave) => leave?,
            None => Box::pin(place.enter(self.bucket, self.watch)).await?,
        };
        self.made += 1;
        (self.moot, self.arrived) = (false, false);
        let answer = match self.attempt_timeout {
            None => self.exchange(leave.slot).await,
            Some(time) => match Box::pin(place.sent.within(time, self.exchange(leave.slot))).await {
                Some(answer) => answer,
                None => {
                    // How long one caller waits says nothing about the server, and must not close it to all others.
                    self.moot |= self.impatient;
                    Err(Limit::Attempt.passed(time))
                }
            },
        };
        place.learn(leave.pass, answer.as_ref().err(), self.moot, self.bucket);
        answer
    }

    async fn exchange(&mut self, slot: Option<OwnedSemaphorePermit>) -> Result<Box<Reply>, S3Error> {
        let core = self.core;
        let mut now = core.now();
        self.signed_with = match &core.credentials {
            Some(cache) => match at_hand(cache, now) {
                Ok(credentials) => Some(credentials),
                Err(fetched) => Some(fetched.await?),
            },
            None => None,
        };
        // After the credentials: where they come from may need a connection of the same transport.
        let connection = match core.config.transport.reserve() {
            Ok(connection) => connection,
            Err(free) => {
                let connection = Box::pin(self.place.sent.waiting(free)).await?;
                now = core.now();
                connection
            }
        };
        let span = telemetry::attempt_span(self.made);
        let mut sending = self.leave(connection, now, &span)?;
        let answer = poll_fn(|cx| span.in_scope(|| sending.as_mut().poll(cx)));
        // Results of calls must not live on while something else is waited for: they would be kept in the future.
        let undecided = match self.received(answer.await, slot, &span) {
            Ok(Received::Reply(reply)) => return Ok(reply),
            Ok(Received::Undecided(answer)) => answer,
            Err(error) => return Err(error),
        };
        Box::pin(self.verdict_of(*undecided).instrument(span)).await
    }

    /// Looks at the head of an answer. Not in line: what it works with would be kept in the future of the call.
    fn received(
        &mut self,
        answer: Result<Response<ByteStream>, TransportError>,
        slot: Option<OwnedSemaphorePermit>,
        span: &tracing::Span,
    ) -> Result<Received, S3Error> {
        let (head, body) = match answer {
            Ok(response) => response.into_parts(),
            Err(error) => {
                self.moot = error.connection_reused() && error.kind() == TransportErrorKind::Reset;
                self.arrived = !error.kind().is_unsent();
                return Err(error.into());
            }
        };
        span.in_scope(|| self.watch.answered(head.status, &head.headers));
        let body = self.place.metered(body, slot);
        if !head.status.is_success() || self.facts.error_in_200 {
            return Ok(Received::Undecided(Box::new((head, body))));
        }
        Ok(Received::Reply(self.reply(head, body)))
    }

    fn reply(&self, head: Parts, body: ByteStream) -> Box<Reply> {
        Reply::boxed(head.status, head.headers, body, self.core.codes, self.facts.name)
    }

    /// Signs the request and hands it to the transport.
    fn leave(
        &mut self,
        connection: Reservation,
        now: Timestamp,
        span: &tracing::Span,
    ) -> Result<BoxFuture<'a, Result<Response<ByteStream>, TransportError>>, S3Error> {
        let (headers, body) = self.signed(now)?;
        let mut request = Request::new(self.place.metered(body, None));
        *request.method_mut() = self.facts.verb.into();
        *request.uri_mut() = self.request.uri().clone();
        *request.headers_mut() = headers;
        let transport = &self.core.config.transport;
        if transport.wants_operation_name() {
            request.extensions_mut().insert(crate::transport::OperationName(self.facts.name));
        }
        if self.facts.error_in_200 {
            request.extensions_mut().insert(crate::transport::Unhurried);
        }
        let _entered = span.enter();
        self.watch.sending(self.made, request.uri(), request.headers(), request.body().len());
        self.place.sent.once_more();
        self.arrived = true;
        Ok(transport.send_reserved(connection, request))
    }

    /// Headers and body as they leave: attempt headers and a fresh signature on top of what was encoded.
    fn signed(&mut self, now: Timestamp) -> Result<(HeaderMap, ByteStream), S3Error> {
        let core = self.core;
        // The copy stays: it is small, and exactly as large as it is. What is added below has room in the one that goes.
        let kept = if self.request.headers().is_empty() { HeaderMap::new() } else { self.request.headers().clone() };
        let mut headers = std::mem::replace(self.request.headers_mut(), kept);
        headers.insert(HOST, self.request.host().clone());
        headers.insert(USER_AGENT, core.user_agent.clone());
        headers.insert(INVOCATION, self.invocation.to_header());
        headers.insert(ATTEMPT, attempt_header(self.made, self.max_attempts));
        let endpoint = self.elsewhere.as_deref().unwrap_or(&core.config.endpoint);
        let scope = SigningScope { region: endpoint.region(), service: "s3", time: now };
        let body = telemetry::signing(|| {
            self.payload.sign(
                core,
                &self.request,
                &mut headers,
                self.signed_with.as_deref(),
                &scope,
                self.facts.verb.as_str(),
            )
        })?;
        // Transports send no length for an empty body, and some stores answer 411 then.
        if self.facts.verb.has_body() && body.is_empty() {
            headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok((headers, body))
    }

    /// An answer whose body must be read before it is clear what it is.
    async fn verdict_of(&mut self, (head, body): (Parts, ByteStream)) -> Result<Box<Reply>, S3Error> {
        let (codes, has_key) = (self.core.codes, self.has_key);
        if head.status.is_success() {
            // The verdict stands in the body, which may take minutes to come: it belongs to the attempt.
            let body = verdict(head.status, &head.headers, body).await?;
            if !crate::plumbing::is_error_document(&body) {
                return Ok(self.reply(head, body.into()));
            }
            return Err(error_of(head.status, &head.headers, &body, has_key, codes));
        }
        let date = head.headers.get("date").and_then(|v| v.to_str().ok()).and_then(Timestamp::parse_http_date);
        self.server_time = date.map(|date| date.unix());
        let body = error_body(body).await;
        Err(error_of(head.status, &head.headers, &body, has_key, codes))
    }

    /// `Ok`: go again, the wait is over. `Err`: that was it.
    async fn judge(&mut self, error: S3Error) -> Result<(), S3Error> {
        // Neither was sent, and what there is to wait for has been waited for.
        if matches!(error.kind(), ErrorKind::Network(NetworkError::CircuitOpen | NetworkError::PoolExhausted)) {
            return Err(error);
        }
        let policy = self.place.policy;
        let mut error = policy.classified(error);
        if error.status() == Some(412) && self.unheard {
            error = error.with_suggestion(
                "what came of an attempt before this one is not known, it may have been carried out: compare what is there with what was sent",
            );
        }
        let reads = matches!(self.facts.verb, Verb::Get | Verb::Head);
        self.unheard |= !reads && self.arrived && matches!(error.status(), None | Some(200..=299 | 500 | 502 | 504));
        if let Some(hold) = self.hold.take()
            && error.is_retryable()
        {
            hold.lose();
        }
        if self.remedy(&error)? {
            return self.replayable(error);
        }
        let Some(wait) = policy.delay(self.made, self.max_attempts, &error, &mut self.jitter) else {
            return Err(error);
        };
        let error = self.replayable_error(error)?;
        if self.place.is_closed_to(wait) {
            return Err(self.final_error(error, "not tried again: the circuit of this bucket has opened"));
        }
        if let (Some(budget), true) = (&self.core.budget, policy.budget.is_some()) {
            self.hold = budget.withdraw(RetryCase::of(&error) == RetryCase::Timeout);
            if self.hold.is_none() {
                return Err(self.final_error(error, "not tried again: too many retries of this client have failed"));
            }
        }
        telemetry::retrying(self.facts, self.place.endpoint().region(), self.bucket, self.made, wait, &error);
        tokio::time::sleep(wait).instrument(telemetry::delay_span()).await;
        Ok(())
    }

    fn final_error(&self, error: S3Error, why: &'static str) -> S3Error {
        error.with_suggestion(why)
    }

    /// Errors that tell what to change: done once each, and not counted against the attempts a user allows.
    fn remedy(&mut self, error: &S3Error) -> Result<bool, S3Error> {
        match error.retry_class() {
            RetryClass::Refresh if !self.tried.refresh => {
                let (Some(cache), Some(used)) = (&self.core.credentials, &self.signed_with) else { return Ok(false) };
                tracing::warn!(target: "integration_s3::retry", "credentials were refused as expired: fetching new ones");
                cache.forget(used);
                self.tried.refresh = true;
                Ok(true)
            }
            RetryClass::Clock if !self.tried.clock => {
                let Some(time) = self.server_time else { return Ok(false) };
                self.core.learn_time(Timestamp::from_unix(time));
                self.tried.clock = true;
                Ok(true)
            }
            _ => self.redirect(error),
        }
    }

    /// Goes where the answer says the bucket is, if that is another region than the one asked.
    fn redirect(&mut self, error: &S3Error) -> Result<bool, S3Error> {
        let redirecting = matches!(error.status(), Some(301 | 307 | 400 | 403));
        let Some(region) = error.detail("Region").filter(|_| redirecting && !self.tried.redirect) else {
            return Ok(false);
        };
        let here = self.elsewhere.as_deref().unwrap_or(&self.core.config.endpoint);
        if region == here.region() {
            return Ok(false);
        }
        // A region nobody could have: not a redirect to follow.
        let Ok(there) = self.core.config.endpoint.for_region(region) else { return Ok(false) };
        self.tried.redirect = true;
        let there = Arc::new(there);
        self.request.reresolve(&there)?;
        if let Some(bucket) = self.bucket {
            self.core.regions.learn(bucket, there.clone());
        }
        self.elsewhere = Some(there);
        Ok(true)
    }

    fn replayable(&self, error: S3Error) -> Result<(), S3Error> {
        self.replayable_error(error).map(drop)
    }

    /// The error itself, if the request can be sent again.
    fn replayable_error(&self, error: S3Error) -> Result<S3Error, S3Error> {
        if self.payload.can_replay() {
            return Ok(error);
        }
        Err(error
            .with_suggestion("the body is a stream that cannot be sent twice, so this was not tried again; give it as bytes or as a file"))
    }
}
