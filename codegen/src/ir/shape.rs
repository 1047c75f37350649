//! Shapes: structs, enumerations and unions that operations share.

use super::Field;

/// A file of shapes.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Stem of the model file, `listing`.
    pub name: String,
    /// Comment at the head of the file, if any.
    pub doc: String,
    /// In model order.
    pub shapes: Vec<Shape>,
}

/// A struct, an enumeration or a union.
#[derive(Debug, Clone)]
pub struct Shape {
    /// In PascalCase.
    pub name: String,
    /// Own words.
    pub doc: String,
    /// Which of the three.
    pub kind: ShapeKind,
    /// Cargo features of the operations that reach it, in model order.
    pub groups: Vec<String>,
    /// Those of them that reach it from a request.
    pub input_groups: Vec<String>,
    /// Those of them that reach it from an answer.
    pub output_groups: Vec<String>,
    /// Why it should not be used any more.
    pub deprecated: Option<String>,
}

impl Shape {
    /// Reached from a request: it must be writable and easy to make.
    pub fn in_input(&self) -> bool {
        !self.input_groups.is_empty()
    }

    /// Reached from an answer: it must be readable.
    pub fn in_output(&self) -> bool {
        !self.output_groups.is_empty()
    }
}

/// Which of the three.
#[derive(Debug, Clone)]
pub enum ShapeKind {
    /// Several fields.
    Struct(Vec<Field>),
    /// One of several texts, or another one nobody knew yet.
    Enum(Vec<EnumValue>),
    /// Exactly one of several fields.
    Union(Vec<Field>),
}

/// A known text of an enumeration.
#[derive(Debug, Clone)]
pub struct EnumValue {
    /// In PascalCase.
    pub name: String,
    /// On the wire.
    pub wire: String,
    /// Own words.
    pub doc: String,
}
