//! What the runtime knows about an operation: its facts, as constants of generated code. Never its name alone:
//! no code of the runtime may ask which operation this is.

pub use crate::error::{CodeFacts, CodeLookup, RetryClass};

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Reads.
    Get,
    /// Writes what the path names.
    Put,
    /// Anything else.
    Post,
    /// Removes.
    Delete,
    /// Reads headers only; the answer has no body, an error neither.
    Head,
}

impl Verb {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Put => "PUT",
            Verb::Post => "POST",
            Verb::Delete => "DELETE",
            Verb::Head => "HEAD",
        }
    }

    /// Whether servers expect a length, even of nothing.
    pub const fn has_body(self) -> bool {
        matches!(self, Verb::Put | Verb::Post)
    }
}

impl From<Verb> for http::Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Get => http::Method::GET,
            Verb::Put => http::Method::PUT,
            Verb::Post => http::Method::POST,
            Verb::Delete => http::Method::DELETE,
            Verb::Head => http::Method::HEAD,
        }
    }
}

/// Whether the body of a request carries a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumRule {
    /// The operation knows none.
    None,
    /// It takes one.
    Supported,
    /// It fails without one.
    Required,
    /// It has none itself, and says which one others will have.
    Announced,
}

/// The facts of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationFacts {
    /// `ListObjectsV2`, for errors and telemetry.
    pub name: &'static str,
    /// `list_objects_v2`, for spans.
    pub span: &'static str,
    /// The method.
    pub verb: Verb,
    /// The answer can be an error although its status is 200.
    pub error_in_200: bool,
    /// Whether a checksum goes with the body.
    pub checksum: ChecksumRule,
    /// Sending it twice is as good as once.
    pub idempotent: bool,
    /// The request's body is a stream of the caller's.
    pub streams_in: bool,
    /// The answer's body is handed to the caller as a stream.
    pub streams_out: bool,
}
