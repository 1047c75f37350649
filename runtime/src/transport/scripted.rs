//! A transport that plays a script, for tests of applications and of this crate. Feature `test-util`.
//!
//! A script is a list of rules. A rule says which requests it means (by operation, method or path) and which
//! answers they get, one after the other. Every request is recorded. A request nobody planned fails with
//! an error that shows the script.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::{BoxFuture, HttpTransport, OperationName, TransportError, TransportErrorKind};
use crate::body::ByteStream;

pub use super::scripted_answer::Answer;

/// Plays a script instead of talking to a server. Clones share the script and the record.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::ByteStream;
/// use integration_s3::transport::HttpTransport;
/// use integration_s3::transport::scripted::{Answer, ScriptedTransport};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let script = ScriptedTransport::new();
/// script.on_method("PUT").path("/logs/a.txt").answer(Answer::status(503)).answer(Answer::ok());
/// script.on_method("GET").always(Answer::ok().header("etag", "\"1\"").body("hello"));
///
/// // An application gives `script.clone()` to its client; used directly, as here, it takes a request of the crate `http`.
/// let put = || http::Request::put("http://127.0.0.1:9000/logs/a.txt").body(ByteStream::from("hello")).unwrap();
/// assert_eq!(script.send(put()).await.unwrap().status(), 503);
/// assert_eq!(script.send(put()).await.unwrap().status(), 200);
///
/// assert_eq!(script.requests()[1].body, "hello");
/// script.assert_done();
/// # });
/// ```
#[derive(Clone, Default)]
pub struct ScriptedTransport {
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    rules: Vec<RuleState>,
    requests: Vec<SeenRequest>,
}

#[derive(Default)]
struct RuleState {
    matcher: Matcher,
    answers: VecDeque<Answer>,
    always: Option<Answer>,
}

type Predicate = Arc<dyn Fn(&str) -> bool + Send + Sync>;

#[derive(Clone, Default)]
struct Matcher {
    operation: Option<String>,
    method: Option<String>,
    path: Option<String>,
    path_where: Option<Predicate>,
}

/// A rule of a script in the making: which requests, and what they get.
///
/// Rules are tried in the order they were made. One whose answers are used up is passed over, so a
/// later rule can go on. A rule without any answer matches nothing.
pub struct Rule {
    script: Arc<Mutex<Script>>,
    index: usize,
}

/// A request as it came: what a server would have seen.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The operation's name, if the client gave it.
    pub operation: Option<&'static str>,
    /// `GET`, `PUT`, ...
    pub method: Method,
    /// Scheme, host, path and query.
    pub url: http::Uri,
    /// All headers, signature included.
    pub headers: HeaderMap,
    /// The whole body; empty if it could not be read.
    pub body: Bytes,
}

impl SeenRequest {
    /// The path, percent-encoded as sent.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// The query without the question mark; empty if there is none.
    pub fn query(&self) -> &str {
        self.url.query().unwrap_or_default()
    }

    /// A header's first value, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Without query, headers and body: tests print into logs that are public.
impl fmt::Debug for SeenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.operation.unwrap_or("-");
        write!(f, "{operation} {} {} ({} bytes)", self.method, self.path(), self.body.len())
    }
}

impl ScriptedTransport {
    /// An empty script: every request fails.
    pub fn new() -> Self {
        Self::default()
    }

    /// A script that answers any requests with these, in order.
    pub fn sequence(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Self::new();
        let mut rule = script.on_any();
        for answer in answers {
            rule = rule.answer(answer);
        }
        drop(rule);
        script
    }

    /// A rule for an operation, such as `"GetObject"`.
    pub fn on(&self, operation: impl Into<String>) -> Rule {
        let operation = Some(operation.into());
        self.rule(Matcher { operation, ..Matcher::default() })
    }

    /// A rule for a method, such as `"PUT"`.
    pub fn on_method(&self, method: impl Into<String>) -> Rule {
        let method = Some(method.into());
        self.rule(Matcher { method, ..Matcher::default() })
    }

    /// A rule for all requests.
    pub fn on_any(&self) -> Rule {
        self.rule(Matcher::default())
    }

    /// All requests so far, in the order they came.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.lock().requests.clone()
    }

    /// How many answers of sequences have not been used.
    pub fn remaining(&self) -> usize {
        self.lock().rules.iter().map(|rule| rule.answers.len()).sum()
    }

    /// Panics if answers are left over, and says whose. Call it at the end of a test.
    #[track_caller]
    #[allow(clippy::panic)] // It is an assertion.
    pub fn assert_done(&self) {
        let left = self.remaining();
        if left > 0 {
            panic!("{left} scripted answers were not used:{}", self.lock().listing());
        }
    }

    fn rule(&self, matcher: Matcher) -> Rule {
        let mut script = self.lock();
        script.rules.push(RuleState { matcher, ..RuleState::default() });
        Rule { script: Arc::clone(&self.script), index: script.rules.len() - 1 }
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    /// Only for this method.
    pub fn method(self, method: impl Into<String>) -> Self {
        self.edit(|rule| rule.matcher.method = Some(method.into()))
    }

    /// Only for exactly this path, percent-encoded as it is sent.
    pub fn path(self, path: impl Into<String>) -> Self {
        self.edit(|rule| rule.matcher.path = Some(path.into()))
    }

    /// Only for paths and queries (`/bucket/key?uploads=`) of which the predicate says yes.
    pub fn path_where(self, predicate: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.edit(|rule| rule.matcher.path_where = Some(Arc::new(predicate)))
    }

    /// The next matching request gets this answer. Call it again for the one after.
    pub fn answer(self, answer: impl Into<Answer>) -> Self {
        self.edit(|rule| rule.answers.push_back(answer.into()))
    }

    /// The next `count` matching requests get this answer.
    pub fn times(self, count: usize, answer: impl Into<Answer>) -> Self {
        let answer = answer.into();
        self.edit(|rule| rule.answers.extend(std::iter::repeat_n(answer, count)))
    }

    /// All matching requests get this answer, once the sequence is used up.
    pub fn always(self, answer: impl Into<Answer>) -> Self {
        self.edit(|rule| rule.always = Some(answer.into()))
    }

    fn edit(self, change: impl FnOnce(&mut RuleState)) -> Self {
        {
            let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(rule) = script.rules.get_mut(self.index) {
                change(rule);
            }
        }
        self
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.index)
    }
}

impl Matcher {
    fn accepts(&self, operation: Option<&str>, method: &Method, url: &http::Uri) -> bool {
        self.operation.as_deref().is_none_or(|wanted| operation == Some(wanted))
            && self.method.as_deref().is_none_or(|wanted| method.as_str().eq_ignore_ascii_case(wanted))
            && self.path.as_deref().is_none_or(|wanted| url.path() == wanted)
            && self.path_where.as_deref().is_none_or(|says| says(url.path_and_query().map_or("", |text| text.as_str())))
    }
}

impl Script {
    fn listing(&self) -> String {
        use fmt::Write;
        let mut text = String::new();
        for (index, RuleState { matcher, answers, always }) in self.rules.iter().enumerate() {
            let operation = matcher.operation.as_deref().unwrap_or("any operation");
            let method = matcher.method.as_deref().unwrap_or("any method");
            let path = match (&matcher.path, &matcher.path_where) {
                (Some(path), _) => path,
                (None, Some(_)) => "some paths",
                (None, None) => "any path",
            };
            let always = if always.is_some() { ", then always the same" } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(text, " [{}] {operation}, {method}, {path}: {} left{always};", index + 1, answers.len());
        }
        if text.is_empty() { " the script is empty".to_owned() } else { text.trim_end_matches(';').to_owned() }
    }

    fn next_answer(
        &mut self,
        operation: Option<&'static str>,
        method: &Method,
        url: &http::Uri,
    ) -> Result<Answer, TransportError> {
        for rule in &mut self.rules {
            // Predicates are the test's own code and cheap; rules without answers are not asked.
            let usable = !rule.answers.is_empty() || rule.always.is_some();
            if usable && rule.matcher.accepts(operation, method, url) {
                let answer = rule.answers.pop_front().or_else(|| rule.always.clone());
                if let Some(answer) = answer {
                    return Ok(answer);
                }
            }
        }
        let message = format!(
            "no rule of the script has an answer for {} {method} {}:{}",
            operation.unwrap_or("(unnamed operation)"),
            url.path(),
            self.listing()
        );
        Err(TransportError::new(TransportErrorKind::Other, message))
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.lock();
        write!(f, "ScriptedTransport({} requests so far;{})", script.requests.len(), script.listing())
    }
}

impl HttpTransport for ScriptedTransport {
    fn send(
        &self,
        request: http::Request<ByteStream>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let operation = parts.extensions.get::<OperationName>().map(|name| name.0);
            let body = body.collect().await;
            let answer = {
                let mut script = self.lock();
                let collected = body.as_ref().map(Bytes::clone).unwrap_or_default();
                let answer = script.next_answer(operation, &parts.method, &parts.uri);
                script.requests.push(SeenRequest {
                    operation,
                    method: parts.method.clone(),
                    url: parts.uri,
                    headers: parts.headers,
                    body: collected,
                });
                answer?
            };
            if let Err(error) = body {
                let message = error.message().to_owned();
                return Err(TransportError::new(TransportErrorKind::RequestBody, message).with_source(error));
            }
            answer.play(parts.method == Method::HEAD).await
        })
    }
}
