//! What the wire examples of the model are checked with: requests as text, answers from text. No network, no runtime.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::{Reply, RequestWriter};
use crate::body::ByteStream;
use crate::call::Operation;
use crate::endpoint::{Addressing, EndpointConfig, EndpointOptions};
use crate::error::{ResponseError, S3Error};

/// A request as it would leave, before it is signed.
#[derive(Debug)]
pub struct Encoded {
    /// Method and target: `PUT /b/k?tagging=`.
    pub line: String,
    /// Names in lower case, in no particular order. Without `host`.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

/// Encodes a request for a store at `http://s3.test` with path style.
pub fn encode<O: Operation>(request: &mut O) -> Result<Encoded, S3Error> {
    let endpoint = EndpointConfig::new(EndpointOptions {
        region: "us-east-1".to_owned(),
        custom: Some("http://s3.test".to_owned()),
        addressing: Addressing::Path,
        allow_http: true,
        ..Default::default()
    })?;
    let mut writer = RequestWriter::new(&endpoint);
    request.encode(&mut writer);
    let mut wire = writer.finish()?;
    let mut line = format!("{} {}", O::FACTS.verb.as_str(), wire.path());
    if !wire.query().is_empty() {
        line.push('?');
        line.push_str(wire.query());
    }
    let headers = wire.headers().iter().filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length"));
    let headers = headers
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Ok(Encoded { line, headers, body: text(wire.take_body())? })
}

/// Decodes an answer to `request`.
pub fn decode<O: Operation>(
    request: &O,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<O::Output, S3Error> {
    let mut reply = Reply::from_parts(status, headers, body.as_bytes().to_vec()).answering(O::FACTS.name);
    at_once(request.decode(&mut reply))?.map(|output| *output)
}

/// The whole of a body that is in memory, as text.
pub fn text(body: ByteStream) -> Result<String, S3Error> {
    at_once(body.collect_string())?
}

/// Drives a future that has nothing to wait for.
pub fn at_once<T>(future: impl Future<Output = T>) -> Result<T, S3Error> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(S3Error::new(ResponseError::UnexpectedContent, "a wire example had to wait")),
    }
}
