//! An S3 server in process, for tests and for trying things out. Not for production, and not part of the SDK.
//!
//! The protocol layer is a stranger's: the crate `s3s` checks signatures, decodes `aws-chunked` bodies, parses
//! requests and writes XML, so that this project's client is never tested against its own understanding of the
//! wire. What lies below it is written here: a store in memory with the semantics of S3 as documented by AWS.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use integration_s3_devserver::DevServer;
//!
//! let server = DevServer::builder().credentials("AKID", "SECRET").region("us-east-1").start().await?;
//! println!("S3 at {} for {}", server.endpoint(), server.access_key());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it does
//!
//! Objects with all their headers, metadata, tags and checksums; ranges, parts and conditions; versioning with
//! delete markers; copies; multipart uploads with S3's rules for parts; the three listings with delimiters, pages
//! and `encoding-type=url`; tagging, CORS rules and versioning of buckets. Writes are atomic: a body that is cut
//! off or fails its checksum leaves no object behind. Any wrong region, unsigned `x-amz-*` header, unknown session
//! token or wrong `x-amz-expected-bucket-owner` is refused, which s3s alone would let pass.
//!
//! Listings with `encoding-type=url` are encoded as AWS encodes them: a form encoding (a space becomes `+`, a plus
//! `%2B`) that leaves `/` alone.
//!
//! # What it does not do
//!
//! - Nothing is encrypted (customers' keys are demanded again on reads, and forgotten), replicated, archived or
//!   expired; ACLs, policies, lifecycle, website, object lock and CORS preflights do not exist. One account.
//! - Plain HTTP/1.1 on the loopback interface only. A body is held in memory whole.
//! - It answers at once and never fails on purpose: injecting faults is for a proxy in front of it.
//!
//! # What remains of s3s's own weaknesses
//!
//! - A `Range` that is malformed or names several ranges is refused with 400; S3 ignores it and sends everything.
//! - `If-Match` and `If-None-Match` take one entity tag, not a list.
//! - A *signed* `Expires` header that is not a date is refused with 400; unsigned it may be any text.
//! - Without `encoding-type=url`, control characters in listed keys make XML that no parser takes.
//! - A trailer's own signature is checked, yet a body whose framing is broken is told apart only by s3s's texts.

mod answers;
mod blob;
mod body;
mod buckets;
mod conditions;
mod copy;
mod documents;
mod encryption;
mod errors;
mod gate;
mod listing;
mod lists;
mod multipart;
mod objects;
mod query;
mod ranges;
mod reads;
mod secrets;
mod server;
mod service;
mod store;
mod sums;
mod tagging;
mod uploads;
mod upstream;
mod versions;

use std::fmt;
use std::io;

use server::Running;

/// 5 MiB: the smallest part S3 takes, the last one excepted.
pub const MIN_PART_SIZE: u64 = 5 << 20;

/// A running server. Dropping it stops it and closes its connections.
pub struct DevServer {
    running: Running,
    endpoint: String,
    builder: DevServerBuilder,
}

impl DevServer {
    /// Starts with the defaults: see [`DevServerBuilder`].
    pub fn builder() -> DevServerBuilder {
        DevServerBuilder::default()
    }

    /// Where it listens, such as `http://127.0.0.1:40123`; with virtual hosts, `http://DOMAIN:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.running.address.port()
    }

    /// The access key id it accepts.
    pub fn access_key(&self) -> &str {
        &self.builder.access_key
    }

    /// The secret that goes with it.
    pub fn secret_key(&self) -> &str {
        &self.builder.secret_key
    }

    /// The only region it accepts signatures for, and that its buckets are in.
    pub fn region(&self) -> &str {
        &self.builder.region
    }

    /// The account that owns everything.
    pub fn account_id(&self) -> &str {
        &self.builder.account_id
    }

    /// What is open and stored right now.
    pub fn stats(&self) -> Stats {
        self.running.stats()
    }

    /// Stops listening and cuts all connections; returns when that is done.
    pub async fn shutdown(mut self) {
        self.running.stop().await;
    }
}

impl fmt::Debug for DevServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevServer").field("endpoint", &self.endpoint).field("stats", &self.stats()).finish()
    }
}

/// Numbers of a running server, for tests that look for leaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections open now, idle ones included.
    pub connections: usize,
    /// Requests received since the start, refused ones included.
    pub requests: u64,
    /// Buckets.
    pub buckets: usize,
    /// Versions of objects, delete markers not counted.
    pub objects: usize,
    /// Multipart uploads neither completed nor aborted.
    pub uploads: usize,
}

/// Settings of a server to be.
///
/// Defaults: credentials `AKIDDEVSERVER` / `dev-server-secret`, region `us-east-1`, account `123456789012`,
/// a free port, path style, parts of at least 5 MiB, no session token.
#[derive(Clone)]
pub struct DevServerBuilder {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) session_token: Option<String>,
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) port: u16,
    pub(crate) domain: Option<String>,
    pub(crate) min_part_size: u64,
    pub(crate) buckets: Vec<String>,
}

impl Default for DevServerBuilder {
    fn default() -> Self {
        Self {
            access_key: "AKIDDEVSERVER".to_owned(),
            secret_key: "dev-server-secret".to_owned(),
            session_token: None,
            region: "us-east-1".to_owned(),
            account_id: "123456789012".to_owned(),
            port: 0,
            domain: None,
            min_part_size: MIN_PART_SIZE,
            buckets: Vec::new(),
        }
    }
}

impl DevServerBuilder {
    /// The one pair of keys the server knows.
    #[must_use]
    pub fn credentials(mut self, access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        self.access_key = access_key.into();
        self.secret_key = secret_key.into();
        self
    }

    /// Demands this session token with every request, as temporary credentials have it. Without it, any token is refused.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// The region of the server. As on AWS, `CreateBucket` must name any region but `us-east-1`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// The account that owns everything, for `x-amz-expected-bucket-owner`.
    #[must_use]
    pub fn account_id(mut self, account_id: impl Into<String>) -> Self {
        self.account_id = account_id.into();
        self
    }

    /// A fixed port instead of a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Demands virtual hosts: buckets are named as `BUCKET.DOMAIN:PORT`, and path style is refused.
    ///
    /// The client must find the loopback interface under those names. `localhost` leads there; for names below
    /// it systems differ (RFC 6761 wants it, glibc alone does not do it), so a test may need its own resolver.
    #[must_use]
    pub fn virtual_hosts(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into().to_ascii_lowercase());
        self
    }

    /// The smallest part (in bytes) that may stand before another one, so that tests need not move megabytes.
    #[must_use]
    pub fn min_part_size(mut self, bytes: u64) -> Self {
        self.min_part_size = bytes;
        self
    }

    /// A bucket that is there from the beginning. The name is not checked.
    #[must_use]
    pub fn bucket(mut self, name: impl Into<String>) -> Self {
        self.buckets.push(name.into());
        self
    }

    /// Starts the server on the tokio runtime it is called from; it ends with that runtime.
    ///
    /// # Errors
    /// When the port is taken or the domain is not one.
    pub async fn start(self) -> io::Result<DevServer> {
        let running = Running::start(&self).await?;
        let host = self.domain.clone().unwrap_or_else(|| running.address.ip().to_string());
        let endpoint = format!("http://{host}:{}", running.address.port());
        Ok(DevServer { running, endpoint, builder: self })
    }
}

impl fmt::Debug for DevServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevServerBuilder")
            .field("access_key", &self.access_key)
            .field("region", &self.region)
            .field("port", &self.port)
            .field("domain", &self.domain)
            .field("min_part_size", &self.min_part_size)
            .finish_non_exhaustive()
    }
}
