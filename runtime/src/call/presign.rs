//! Requests as URLs that others can use.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::payload::is_checksum;
use super::{Call, Operation, Sending};
use crate::endpoint::EndpointConfig;
use crate::error::{ConfigurationError, RequestError, S3Error};
use crate::plumbing::RequestWriter;
use crate::sign;
use crate::timestamp::Timestamp;

/// A request somebody else may send without credentials of their own, until it expires.
///
/// Whoever has the URL can use it: `Debug` does not show its query.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedRequest {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    expires_at: Timestamp,
}

impl PresignedRequest {
    /// The method to send it with, `GET` or `PUT` for instance. Another one is refused.
    pub fn method(&self) -> &str {
        self.method
    }

    /// The URL, signature included.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All headers that the request set: conditions, length and type of the content, metadata and so on. They are signed,
    /// so they must be sent just so, beside `Host`: without one of them the request is refused (403
    /// `SignatureDoesNotMatch`). Others may be added, but none that begins with `x-amz-`: stores refuse such headers unsigned.
    /// Empty if the request sets none, as a plain GET.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// From when on it is refused. With temporary credentials it ends earlier if they do.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The URL as an owned text. It is enough alone only if there are no [headers](Self::headers) to send.
    pub fn into_url(self) -> String {
        self.url
    }
}

impl fmt::Debug for PresignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("PresignedRequest")
            .field("method", &self.method)
            .field("url", &format_args!("{shown}?..."))
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// Bytes a signature adds to a URL, unless a session token comes with it.
const ROOM: usize = 400;

impl Call {
    /// Makes the request into a URL that is valid for `expires_in`: 1 second to 7 days. A body is left out: whoever uses
    /// the URL brings it. A checksum of it can be asked for by its value only.
    pub fn presign<O: Operation>(self, mut request: Box<O>, expires_in: Duration) -> Sending<PresignedRequest> {
        Sending::new(async move {
            let at_home = self.core.as_ref().and_then(|core| core.regions.of(request.bucket()));
            let mut encode = |writer: &mut RequestWriter| request.encode(writer);
            let made = self.presign_encoded(&mut encode, at_home, expires_in, O::FACTS.verb.as_str());
            made.await.map_err(|error| error.with_target(O::FACTS.name, request.bucket(), request.key()))
        })
    }

    async fn presign_encoded(
        &self,
        encode: &mut (dyn FnMut(&mut RequestWriter) + Send),
        at_home: Option<Arc<EndpointConfig>>,
        expires_in: Duration,
        method: &'static str,
    ) -> Result<PresignedRequest, S3Error> {
        let core = self.attached()?;
        let endpoint = at_home.as_deref().unwrap_or(&core.config.endpoint);
        let mut writer = RequestWriter::for_url(endpoint, ROOM);
        encode(&mut writer);
        let (unsigned, headers) = writer.finish_url()?;
        if headers.contains_key("x-amz-sdk-checksum-algorithm") && !headers.keys().any(is_checksum) {
            // Stores want the value beside the name, and nobody may add it unsigned.
            let message = "a checksum algorithm is chosen, and there is no body to compute it of";
            return Err(S3Error::new(RequestError::Validation, message)
                .with_suggestion("leave checksum_algorithm out, or set the value of the checksum"));
        }
        let Some(cache) = &core.credentials else {
            return Err(S3Error::new(ConfigurationError::MissingCredentials, "an anonymous client cannot presign")
                .with_suggestion("give the client credentials"));
        };
        let now = core.now();
        let credentials = cache.get(now).await?;
        let scope = sign::SigningScope { region: endpoint.region(), service: "s3", time: now };
        let url = sign::presign_url(unsigned, method, &headers, expires_in, &credentials, &scope, &core.keys)?;
        let signed = headers.iter().filter(|(name, _)| sign::is_presigned_header(name.as_str()));
        Ok(PresignedRequest {
            method,
            url,
            headers: signed
                .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            expires_at: Timestamp::from_unix(now.unix().saturating_add(expires_in.as_secs() as i64)),
        })
    }
}
