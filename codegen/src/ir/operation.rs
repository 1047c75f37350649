//! Operations: route, request, answer, and what a caller may do with them.

use super::{DateFormat, Field};

/// One operation of the service.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `list_objects_v2`: stem of every file about it.
    pub stem: String,
    /// `ListObjectsV2`.
    pub name: String,
    /// As written in the model, `GET /{bucket}?list-type=2`.
    pub route: String,
    /// HTTP method.
    pub verb: Verb,
    /// Constant query, in model order; a value of `None` is a flag.
    pub constants: Vec<(String, Option<String>)>,
    /// The cargo feature.
    pub group: String,
    /// Own words.
    pub doc: String,
    /// The vendor's page.
    pub link: Option<String>,
    /// Codes to expect, for the documentation.
    pub errors: Vec<String>,
    /// What is sent.
    pub request: Request,
    /// What comes back.
    pub answer: Answer,
    /// How to go on to the next page.
    pub pages: Option<Pages>,
    /// A URL can be made of it.
    pub presign: bool,
    /// Whether the request carries a checksum.
    pub checksum: Checksum,
    /// The input field that asks for the stored checksum of the answer.
    pub validate: Option<String>,
    /// A 200 may hold an error document.
    pub error_in_200: bool,
    /// Sending it twice is the same as once.
    pub idempotent: bool,
    /// States of the service a caller can wait for.
    pub waiters: Vec<Waiter>,
    /// Why it should not be used any more.
    pub deprecated: Option<String>,
    /// Wire examples.
    pub cases: Vec<Case>,
}

/// HTTP methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Verb {
    Get,
    Put,
    Post,
    Delete,
    Head,
}

/// What is sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// All fields in model order. Required ones are `fields.iter().filter(|f| f.required)`.
    pub fields: Vec<Field>,
    /// The body; its field, if any, is among `fields`.
    pub body: RequestBody,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestBody {
    /// No body; POST and PUT send a length of zero.
    None,
    /// This field, streamed.
    Stream(String),
    /// This field, as text.
    Text(String),
    /// This field as a document with this root.
    Xml {
        /// Field name.
        field: String,
        /// Root element.
        root: String,
    },
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Headers only. The fields are all headers.
    Headers(Vec<Field>),
    /// A streamed body; `body` names its field.
    Stream {
        /// Headers and the body, in model order.
        fields: Vec<Field>,
        /// The body's field.
        body: String,
    },
    /// A text body; `body` names its field.
    Text {
        /// Headers and the body, in model order.
        fields: Vec<Field>,
        /// The body's field.
        body: String,
    },
    /// One field is the whole document.
    Payload {
        /// Headers and the payload, in model order.
        fields: Vec<Field>,
        /// The payload's field; its type is a struct.
        field: String,
        /// Root element.
        root: String,
    },
    /// Fields are children of the root.
    Xml {
        /// Headers and elements, in model order.
        fields: Vec<Field>,
        /// Root element.
        root: String,
        /// Fields that are percent-encoded when the encoding field says so; empty when none.
        decoded: Option<Decoded>,
    },
}

impl Answer {
    /// All fields in model order.
    pub fn fields(&self) -> &[Field] {
        match self {
            Answer::Headers(fields)
            | Answer::Stream { fields, .. }
            | Answer::Text { fields, .. }
            | Answer::Payload { fields, .. }
            | Answer::Xml { fields, .. } => fields,
        }
    }
}

/// Which fields of an answer arrive percent-encoded.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The field of the request whose absence means that the SDK asked for the encoding.
    pub input: String,
    /// The field of the answer that says `url`.
    pub output: String,
    /// The wire value that means encoded, `url`.
    pub value: String,
    /// Paths from the answer: `["contents", "key"]` means the key of each of the contents; `["prefix"]` is a plain field.
    pub paths: Vec<Vec<String>>,
}

/// How to go on to the next page.
#[derive(Debug, Clone)]
pub struct Pages {
    /// What to copy.
    pub turns: Vec<Turn>,
    /// Lists of the answer whose items are worth a stream; the first is the main one.
    pub items: Vec<String>,
    /// Boolean field of the answer that says there is more; else the tokens do.
    pub more: Option<String>,
}

/// One token.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Field of the request.
    pub input: String,
    /// Field of the answer.
    pub output: String,
}

/// Whether the request carries a checksum.
#[derive(Debug, Clone, PartialEq)]
pub enum Checksum {
    /// Never.
    No,
    /// When asked for, through this input field.
    Supported {
        /// Input field that selects the algorithm.
        algorithm: String,
    },
    /// Always.
    Required {
        /// Input field that selects the algorithm, if there is one.
        algorithm: Option<String>,
    },
    /// It has no body to check and says which algorithm others will use.
    Announced {
        /// Input field that names the algorithm.
        algorithm: String,
    },
}

/// A state of the service to wait for.
#[derive(Debug, Clone)]
pub struct Waiter {
    /// `object_exists`.
    pub name: String,
    /// Own words.
    pub doc: String,
    /// When it is over.
    pub goal: WaiterGoal,
    /// Seconds between two looks.
    pub delay: u32,
    /// How many looks at most.
    pub attempts: u32,
}

/// When a waiter is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaiterGoal {
    /// The operation succeeds; until then it answers "not found".
    Success,
    /// The operation answers "not found"; until then it succeeds.
    NotFound,
}

/// A wire example.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows: `sends two tags`.
    pub claim: String,
    /// The model file it stands in.
    pub source: String,
    /// Fields of the request, by name.
    pub input: Vec<(String, Value)>,
    /// Bytes in one direction.
    pub kind: CaseKind,
}

/// Bytes in one direction.
#[derive(Debug, Clone)]
pub enum CaseKind {
    /// What the input becomes.
    Request {
        /// `PUT /b/k?tagging=`.
        line: String,
        /// Exact, lower-case names.
        headers: Vec<(String, String)>,
        /// Exact.
        body: String,
    },
    /// What the bytes become.
    Response {
        /// Status.
        status: u16,
        /// Lower-case names.
        headers: Vec<(String, String)>,
        /// The answer's body.
        body: String,
        /// Fields of the answer, by name; all others are absent.
        output: Vec<(String, Value)>,
    },
}

/// A value in a wire example, already checked against the type of its field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text, enum value, date text, range, stream content.
    Text(String),
    /// A flag.
    Bool(bool),
    /// Both integer types.
    Integer(i64),
    /// RFC 3339 text of a moment, with the format its field has on the wire.
    Timestamp(String, DateFormat),
    /// Many.
    List(Vec<Value>),
    /// Text to text.
    Map(Vec<(String, String)>),
    /// A struct or union: shape name and the fields given.
    Struct(String, Vec<(String, Value)>),
}
