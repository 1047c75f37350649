//! Fields: what a value is called, what it is, and where it goes.

/// A member of a request, an answer or a shape.
#[derive(Debug, Clone)]
pub struct Field {
    /// In snake_case.
    pub name: String,
    /// Own words.
    pub doc: String,
    /// What it holds.
    pub ty: Type,
    /// Where it travels.
    pub place: Place,
    /// Input: must be given. Answer and shape: always there, its absence is an error.
    pub required: bool,
    /// Answer: the plain value when absent, as it would stand on the wire.
    pub default: Option<String>,
    /// Input: what is sent when the caller leaves the field out.
    pub unless_set: Option<String>,
    /// Never to be printed.
    pub secret: bool,
    /// Why it should not be used any more.
    pub deprecated: Option<String>,
    /// Answer: texts that are replaced when read, `(wire, meaning)`.
    pub aliases: Vec<(String, String)>,
    /// Input header: the MD5 of this other field, base64, unless given.
    pub md5_of: Option<String>,
    /// Checks made before sending.
    pub limits: Vec<Limit>,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// A built-in.
    Scalar(ScalarType),
    /// A struct, enum or union of the model, by name; see [`super::Api::shape`].
    Struct(String),
    /// An open enumeration, by name.
    Enum(String),
    /// Exactly one of several, by name.
    Union(String),
    /// Many of one type.
    List(Box<Type>),
    /// Text to text.
    Map,
    /// Bytes that are not held in memory.
    Stream,
}

/// Built-in types.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScalarType {
    /// UTF-8 text.
    String,
    /// `true` or `false`.
    Bool,
    /// 32-bit.
    I32,
    /// 64-bit.
    I64,
    /// A moment, in this format on the wire.
    Timestamp(DateFormat),
    /// Base64 on the wire.
    Bytes,
    /// A date that may be any text.
    DateText,
    /// A byte range.
    Range,
    /// Bucket, key and version to copy from.
    CopySource,
}

/// How a moment is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DateFormat {
    /// `Fri, 24 May 2013 00:00:00 GMT`.
    HttpDate,
    /// `2013-05-24T00:00:00Z`.
    DateTime,
    /// Seconds since 1970.
    EpochSeconds,
}

/// Where a field travels.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// The bucket of the path (or host).
    Bucket,
    /// The key of the path.
    Key,
    /// This query parameter.
    Query(String),
    /// This header, lower case.
    Header(String),
    /// Every header with this prefix, lower case.
    HeaderPrefix(String),
    /// The whole body as a stream.
    PayloadStream,
    /// The whole body as text.
    PayloadText,
    /// The whole body as an XML document with this root.
    PayloadXml(String),
    /// Inside the XML document of the surrounding root or struct.
    Xml(XmlPath),
}

/// Where a value stands below its parent element.
#[derive(Debug, Clone, PartialEq)]
pub enum XmlPath {
    /// `ETag`: one child element.
    Element(String),
    /// `Contents[]`: one child element an item.
    Flattened(String),
    /// `TagSet/Tag[]`: a child element that holds the items.
    Wrapped {
        /// `TagSet`.
        outer: String,
        /// `Tag`.
        item: String,
    },
    /// `@xsi:type`: an attribute of the parent, with its prefix.
    Attribute(String),
    /// `.`: the parent's own text.
    Text,
}

/// A check made before a byte is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// For lists inside a struct field: that inner field, else none.
    pub inner: Option<String>,
    /// What must hold.
    pub constraint: Constraint,
}

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// Integer bounds, both included.
    Range(i64, i64),
    /// Length in characters, both included.
    Chars(usize, usize),
    /// Must not begin so.
    NotPrefix(String),
    /// Number of items, both included.
    Items(usize, usize),
    /// No two items have the same text in this field, which every item has.
    Unique(String),
}
