//! The intermediate representation: a validated, resolved, language-neutral picture of the service.
//!
//! It is the only thing an emitter sees. Every reference in it resolves, every choice is an enum with
//! data, and every question an emitter could ask (does this operation have an XML body? which fields of
//! the answer are percent-encoded?) was answered in `lower`. It knows neither TOML nor Rust.

mod field;
pub mod names;
mod operation;
mod shape;

pub use field::{Constraint, DateFormat, Field, Limit, Place, ScalarType, Type, XmlPath};
pub use operation::{
    Answer, Case, CaseKind, Checksum, Decoded, Operation, Pages, Request, RequestBody, Turn, Value, Verb, Waiter,
    WaiterGoal,
};
pub use shape::{EnumValue, Shape, ShapeKind, Topic};

/// Everything the model says.
#[derive(Debug, Clone)]
pub struct Api {
    /// Facts of the whole service.
    pub service: Service,
    /// Cargo features, in model order.
    pub groups: Vec<Group>,
    /// Operations, sorted by stem.
    pub operations: Vec<Operation>,
    /// Shared shapes by topic (file), sorted by topic.
    pub topics: Vec<Topic>,
    /// Error codes, sorted by code.
    pub errors: Vec<ErrorCode>,
    /// Makes of stores, sorted by file.
    pub providers: Vec<Provider>,
    /// Digest material: every model file with its path relative to the root, sorted.
    pub sources: Vec<Source>,
}

impl Api {
    /// The shape of that name. `lower` guarantees that every name used in a type exists.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.topics.iter().flat_map(|t| &t.shapes).find(|s| s.name == name)
    }

    /// The topic (file) a shape stands in.
    pub fn topic_of(&self, shape: &str) -> Option<&Topic> {
        self.topics.iter().find(|t| t.shapes.iter().any(|s| s.name == shape))
    }
}

/// Facts of the whole service.
#[derive(Debug, Clone)]
pub struct Service {
    /// `S3`.
    pub name: String,
    /// API version, `2006-03-01`.
    pub version: String,
    /// Namespace of request documents.
    pub xmlns: String,
    /// Service name in the signing scope.
    pub signing_name: String,
}

/// A set of operations that can be left out of a build.
#[derive(Debug, Clone)]
pub struct Group {
    /// The cargo feature.
    pub name: String,
    /// One sentence.
    pub doc: String,
    /// On unless switched off.
    pub default: bool,
}

/// A make of store and how it wants to be spoken to.
#[derive(Debug, Clone)]
pub struct Provider {
    /// The file's name, `cloudflare_r2`.
    pub stem: String,
    /// As people call it, `Cloudflare R2`.
    pub name: String,
    /// What is special about it.
    pub doc: String,
    /// Its documentation.
    pub link: Option<String>,
    /// Where it is, parameters in braces; none for the service's own endpoints.
    pub endpoint: Option<String>,
    /// The region it wants to hear, parameters in braces.
    pub region: Option<String>,
    /// Parameters and what they mean. Every one is used, and all that are used are here.
    pub parameters: Vec<(String, String)>,
    /// Where buckets stand.
    pub addressing: Addressing,
    /// It takes checksums wherever the service does.
    pub request_checksums: bool,
    /// It answers with checksums wherever the service does.
    pub response_checksums: bool,
    /// It takes bodies that are signed in chunks.
    pub aws_chunked: bool,
    /// It deletes many objects at once.
    pub bulk_delete: bool,
    /// It takes MD5 where a checksum is demanded.
    pub content_md5: bool,
}

/// Where buckets stand in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// By endpoint and name.
    Auto,
    /// First in the path.
    Path,
    /// First in the host.
    Virtual,
}

/// A model file as it was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Relative to the repository root, with `/`.
    pub path: String,
    /// The bytes that were lowered.
    pub text: String,
}

/// One error code any operation may answer.
#[derive(Debug, Clone)]
pub struct ErrorCode {
    /// As on the wire, `NoSuchKey`.
    pub code: String,
    /// Category and variant, `("Object", "NotFound")`.
    pub kind: (String, String),
    /// Usual status, if one is documented.
    pub status: Option<u16>,
    /// What a client does about it.
    pub retry: Retry,
    /// What a person can do about it, a clause without a full stop.
    pub advice: String,
    /// Extra elements of the error document worth keeping.
    pub fields: Vec<String>,
}

/// What a client does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nothing: the same request fails again.
    No,
    /// Try again soon.
    Transient,
    /// Try again later and slower.
    Throttle,
    /// The request timed out at the server.
    Timeout,
    /// Fetch new credentials, once.
    Refresh,
    /// Learn the clock offset, once.
    Clock,
    /// Go to the region named in the answer, once.
    Redirect,
}
