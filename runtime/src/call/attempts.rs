//! The attempts of one call: sign, send, judge, and perhaps again.
//!
//! The request was encoded once. An attempt adds what must be new each time: date, signature, attempt count.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response};

use super::answer::{error_body, error_of};
use super::core::Core;
use super::{RequestOptions, within};
use crate::body::ByteStream;
use crate::endpoint::EndpointConfig;
use crate::error::{ErrorKind, NetworkError, RetryClass, S3Error};
use crate::identity::Credentials;
use crate::plumbing::{OperationFacts, Reply, Verb, WireRequest};
use crate::resilience::{Jitter, RetryPolicy};
use crate::timestamp::Timestamp;

use super::payload::Payload;

/// Remedies that are tried once each, because a second time would not help.
#[derive(Default)]
struct Tried {
    refresh: bool,
    clock: bool,
    redirect: bool,
}

/// One call's attempts and what they have in common.
pub(super) struct Attempts<'a> {
    core: &'a Arc<Core>,
    facts: &'static OperationFacts,
    request: WireRequest,
    payload: Payload,
    policy: RetryPolicy,
    attempt_timeout: Option<Duration>,
    /// Where the bucket was found, if elsewhere than configured.
    elsewhere: Option<Arc<EndpointConfig>>,
    invocation: HeaderValue,
    jitter: Jitter,
    made: u32,
    tried: Tried,
    signed_with: Option<Arc<Credentials>>,
    /// The date of the last answer, by the server's clock.
    server_time: Option<Timestamp>,
}

impl<'a> Attempts<'a> {
    pub(super) fn start(
        core: &'a Arc<Core>,
        options: Option<&RequestOptions>,
        facts: &'static OperationFacts,
        request: WireRequest,
        elsewhere: Option<Arc<EndpointConfig>>,
    ) -> Result<Self, S3Error> {
        let mut request = request;
        let payload = Payload::plan(&core.config, facts, &mut request)?;
        let mut policy = core.config.retry.clone();
        if let Some(attempts) = options.and_then(|o| o.max_attempts) {
            policy.max_attempts = attempts;
        }
        let mut jitter = core.jitter();
        Ok(Self {
            core,
            facts,
            request,
            payload,
            policy,
            attempt_timeout: options.and_then(|o| o.attempt_timeout).or(core.config.timeouts.attempt),
            elsewhere,
            invocation: invocation_id(&mut jitter),
            jitter,
            made: 0,
            tried: Tried::default(),
            signed_with: None,
            server_time: None,
        })
    }

    /// The next answer that is a success. Failures that can be mended are tried again in here.
    pub(super) async fn next(&mut self, bucket: Option<&str>, has_key: bool) -> Result<Reply, S3Error> {
        loop {
            match self.once(has_key).await {
                Ok(reply) => return Ok(reply),
                Err(error) => self.judge(error, bucket).await?,
            }
        }
    }

    /// An answer that began well and could not be read to its end. Asked for again where that is harmless.
    pub(super) async fn undecodable(&mut self, error: S3Error, bucket: Option<&str>) -> Result<(), S3Error> {
        if self.facts.idempotent { self.judge(error, bucket).await } else { Err(error.with_attempts(self.made)) }
    }

    async fn once(&mut self, has_key: bool) -> Result<Reply, S3Error> {
        self.made += 1;
        let request = self.signed().await?;
        let sent = self.core.config.transport.send(request);
        let limit = self.attempt_timeout;
        let response = within(limit, async { sent.await.map_err(S3Error::from) }).await.map_err(|error| {
            // The attempt's own limit; the operation's is outside and final.
            if limit.is_some() && matches!(error.kind(), ErrorKind::Network(NetworkError::Timeout)) {
                error.with_retryable(true)
            } else {
                error
            }
        })?;
        self.judge_answer(response, has_key).await
    }

    /// The request as it leaves: attempt headers and a fresh signature on top of what was encoded.
    async fn signed(&mut self) -> Result<Request<ByteStream>, S3Error> {
        let core = self.core;
        let now = core.now();
        self.signed_with = match &core.credentials {
            Some(cache) => Some(cache.get(now).await?),
            None => None,
        };
        let mut headers = self.request.headers().clone();
        headers.insert("user-agent", core.user_agent.clone());
        headers.insert("amz-sdk-invocation-id", self.invocation.clone());
        headers.insert("amz-sdk-request", attempt_header(self.made, self.policy.max_attempts));
        let endpoint = self.elsewhere.as_deref().unwrap_or(&core.config.endpoint);
        let body = self.payload.sign(
            core,
            &self.request,
            &mut headers,
            self.signed_with.as_deref(),
            endpoint.region(),
            now,
            self.facts.verb.as_str(),
        )?;
        // Transports send no length for an empty body, and some stores answer 411 then.
        if self.facts.verb.has_body() && body.is_empty() {
            headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let mut request = Request::new(body);
        *request.method_mut() = method(self.facts.verb);
        *request.uri_mut() = self.request.uri().clone();
        *request.headers_mut() = headers;
        if core.config.transport.wants_operation_name() {
            request.extensions_mut().insert(crate::transport::OperationName(self.facts.name));
        }
        Ok(request)
    }

    async fn judge_answer(&mut self, response: Response<ByteStream>, has_key: bool) -> Result<Reply, S3Error> {
        let (head, body) = response.into_parts();
        let codes = self.core.codes;
        if head.status.is_success() && !self.facts.error_in_200 {
            return Ok(Reply::new(head.status, head.headers, body, codes).answering(self.facts.name));
        }
        if head.status.is_success() {
            // The verdict stands in the body, which may take minutes to come: it belongs to the attempt.
            let body = body.collect().await?;
            if !crate::plumbing::is_error_document(&body) {
                return Ok(Reply::new(head.status, head.headers, body.into(), codes).answering(self.facts.name));
            }
            return Err(error_of(head.status, &head.headers, &body, has_key, codes));
        }
        self.server_time = head.headers.get("date").and_then(|v| v.to_str().ok()).and_then(Timestamp::parse_http_date);
        let body = error_body(body).await;
        Err(error_of(head.status, &head.headers, &body, has_key, codes))
    }

    /// `Ok`: go again, the wait is over. `Err`: that was it.
    async fn judge(&mut self, error: S3Error, bucket: Option<&str>) -> Result<(), S3Error> {
        if self.remedy(&error, bucket)? {
            return self.replayable(error);
        }
        let Some(wait) = self.policy.delay(self.made, self.policy.max_attempts, &error, &mut self.jitter) else {
            return Err(error.with_attempts(self.made));
        };
        self.replayable(error)?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Errors that tell what to change: done once each, and not counted against the attempts a user allows.
    fn remedy(&mut self, error: &S3Error, bucket: Option<&str>) -> Result<bool, S3Error> {
        match error.retry_class() {
            RetryClass::Refresh if !self.tried.refresh => {
                let (Some(cache), Some(used)) = (&self.core.credentials, &self.signed_with) else { return Ok(false) };
                cache.forget(used);
                self.tried.refresh = true;
                Ok(true)
            }
            RetryClass::Clock if !self.tried.clock => {
                let Some(time) = self.server_time else { return Ok(false) };
                self.core.learn_time(time);
                self.tried.clock = true;
                Ok(true)
            }
            _ => self.redirect(error, bucket),
        }
    }

    /// Goes where the answer says the bucket is, if that is another region than the one asked.
    fn redirect(&mut self, error: &S3Error, bucket: Option<&str>) -> Result<bool, S3Error> {
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
        if let Some(bucket) = bucket {
            self.core.regions.learn(bucket, there.clone());
        }
        self.elsewhere = Some(there);
        Ok(true)
    }

    fn replayable(&mut self, error: S3Error) -> Result<(), S3Error> {
        if self.payload.can_replay() {
            return Ok(());
        }
        Err(error
            .with_attempts(self.made)
            .with_suggestion("the body is a stream that cannot be sent twice, so this was not tried again; give it as bytes or as a file"))
    }
}

/// Random, so that the server's log tells calls apart: a version 4 UUID.
fn invocation_id(jitter: &mut Jitter) -> HeaderValue {
    let bits = u128::from(jitter.bits()) << 64 | u128::from(jitter.bits());
    let bits = bits & !(0xF << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let mut text = [0u8; 36];
    let mut nibble = 32;
    for (at, byte) in text.iter_mut().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            *byte = b'-';
        } else {
            nibble -= 1;
            *byte = b"0123456789abcdef"[(bits >> (nibble * 4) & 0xF) as usize];
        }
    }
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Put => Method::PUT,
        Verb::Post => Method::POST,
        Verb::Delete => Method::DELETE,
        Verb::Head => Method::HEAD,
    }
}

fn attempt_header(attempt: u32, max: u32) -> HeaderValue {
    // The common cases cost no allocation.
    match (attempt, max) {
        (1, 3) => HeaderValue::from_static("attempt=1; max=3"),
        (1, 1) => HeaderValue::from_static("attempt=1; max=1"),
        _ => HeaderValue::try_from(format!("attempt={attempt}; max={max}"))
            .unwrap_or_else(|_| HeaderValue::from_static("attempt=1")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn invocation_ids_are_version_4_uuids_and_differ() {
        let mut jitter = Jitter::seeded(3);
        let (a, b) = (invocation_id(&mut jitter), invocation_id(&mut jitter));
        assert_ne!(a, b);
        let a = a.to_str().unwrap();
        assert_eq!(a.len(), 36);
        assert_eq!(&a[14..15], "4");
        assert!(matches!(&a[19..20], "8" | "9" | "a" | "b"), "{a}");
        assert!(a.match_indices('-').map(|(at, _)| at).eq([8, 13, 18, 23]));
    }
}
