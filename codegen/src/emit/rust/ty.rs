//! Names and types: what a name of the model is called in Rust, and what holds its value.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::ir::names::{pascal, pascal_of_snake};
use crate::ir::{DateFormat, Field, Operation, Place, ScalarType, Type};

use super::uses;

/// Words that cannot be a name without `r#`.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Words that cannot be a name even with `r#`.
const FORBIDDEN: &[&str] = &["self", "super", "crate", "_"];

/// Names every module has without an import; a shape of that name would hide them.
const PRELUDE: &[&str] = &[
    "AsRef",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Drop",
    "Eq",
    "Err",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "Future",
    "Hash",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Self",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// An identifier that needs no escape.
pub(super) fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// A field, setter or argument.
pub(super) fn field(name: &str) -> Ident {
    if FORBIDDEN.contains(&name) {
        ident(&format!("{name}_"))
    } else if KEYWORDS.contains(&name) {
        Ident::new_raw(name, Span::call_site())
    } else {
        ident(name)
    }
}

/// A local variable that holds the field's value, beside those that reading and writing code has anyway.
pub(super) fn local(name: &str) -> Ident {
    match name {
        "fields" | "it" | "item" | "name" | "out" | "reply" | "text" | "value" | "w" | "xml" => {
            ident(&format!("its_{name}"))
        }
        name => field(name),
    }
}

/// A struct, enumeration or union. `Shape` is added where the name means something else in Rust.
pub(super) fn shape(name: &str) -> Ident {
    let name = pascal(name);
    let taken = name.len() == 1 || PRELUDE.contains(&name.as_str()) || uses::is_known(&name);
    if taken { ident(&format!("{name}Shape")) } else { ident(&name) }
}

/// A value of an enumeration, or a member of a union by its snake_case name. `Value` is added to the two that every
/// such type has already, and to the one keyword in PascalCase.
pub(super) fn variant(name: &str) -> Ident {
    let name = if name.contains('_') || name.starts_with(|c: char| c.is_ascii_lowercase()) {
        pascal_of_snake(name)
    } else {
        pascal(name)
    };
    match name.as_str() {
        "Other" | "Unknown" | "Self" => ident(&format!("{name}Value")),
        _ => ident(&name),
    }
}

/// The marker that stands in a builder for a required field that is not given yet.
pub(super) fn marker(field: &Field) -> Ident {
    ident(&format!("Missing{}", pascal_of_snake(&field.name)))
}

/// The names an operation has in Rust.
pub(super) struct Names {
    /// `put_object`.
    pub(super) method: Ident,
    /// `PutObject`.
    pub(super) builder: Ident,
    /// `PutObjectRequest`.
    pub(super) request: Ident,
    /// `PutObjectOutput`.
    pub(super) output: Ident,
}

impl Names {
    /// Of this operation.
    pub(super) fn of(op: &Operation) -> Self {
        let name = pascal(&op.name);
        Self {
            method: field(&op.stem),
            builder: ident(&name),
            request: ident(&format!("{name}Request")),
            output: ident(&format!("{name}Output")),
        }
    }
}

/// Where a field stands, which decides whether its absence has a type.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    /// In a request.
    Input,
    /// In an answer or a shape.
    Output,
}

/// The type of a value that is there.
pub(super) fn plain(ty: &Type, secret: bool) -> TokenStream {
    match ty {
        Type::Scalar(scalar) => match scalar {
            ScalarType::String if secret => quote!(SecretString),
            ScalarType::Bytes if secret => quote!(SecretBytes),
            ScalarType::String => quote!(String),
            ScalarType::Bool => quote!(bool),
            ScalarType::I32 => quote!(i32),
            ScalarType::I64 => quote!(i64),
            ScalarType::Timestamp(_) => quote!(Timestamp),
            ScalarType::Bytes => quote!(Bytes),
            ScalarType::DateText => quote!(DateText),
            ScalarType::Range => quote!(ByteRange),
            ScalarType::CopySource => quote!(CopySource),
        },
        Type::Struct(name) | Type::Enum(name) | Type::Union(name) => {
            let name = shape(name);
            quote!(#name)
        }
        Type::List(of) => {
            let list = if is_few(ty) { quote!(Few) } else { quote!(Vec) };
            let of = plain(of, secret);
            quote!(#list<#of>)
        }
        Type::Map => quote!(BTreeMap<String, String>),
        Type::Stream => quote!(ByteStream),
    }
}

/// Whether the list is one that mostly has one value and is kept in place: words of a closed set.
pub(super) fn is_few(ty: &Type) -> bool {
    matches!(ty, Type::List(of) if matches!(**of, Type::Enum(_)))
}

/// Whether the field's Rust type is an `Option`: what can be absent and has no empty value of its own.
pub(super) fn is_option(field: &Field, role: Role) -> bool {
    let given = field.required || (role == Role::Output && field.default.is_some());
    is_single(&field.ty) && !given
}

/// The type of the field.
pub(super) fn held(field: &Field, role: Role) -> TokenStream {
    let plain = plain(&field.ty, field.secret);
    if is_option(field, role) { quote!(Option<#plain>) } else { plain }
}

/// The argument type of a setter, and the argument turned into the plain type.
pub(super) fn argument(field: &Field, name: &Ident) -> (TokenStream, TokenStream) {
    match &field.ty {
        Type::List(of) => {
            let item = plain(of, field.secret);
            if is_exact(of) {
                (quote!(impl IntoIterator<Item = #item>), quote!(#name.into_iter().collect()))
            } else {
                (
                    quote!(impl IntoIterator<Item = impl Into<#item>>),
                    quote!(#name.into_iter().map(Into::into).collect()),
                )
            }
        }
        Type::Map => {
            let ty = quote!(impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>);
            (ty, quote!(#name.into_iter().map(|(name, value)| (name.into(), value.into())).collect()))
        }
        ty => {
            let plain = plain(ty, field.secret);
            if is_copy(ty) { (plain, quote!(#name)) } else { (quote!(impl Into<#plain>), quote!(#name.into())) }
        }
    }
}

/// Flags and integers are given by value.
pub(super) fn is_copy(ty: &Type) -> bool {
    matches!(ty, Type::Scalar(ScalarType::Bool | ScalarType::I32 | ScalarType::I64))
}

/// Items that nothing else turns into; an empty array of them needs no annotation.
pub(super) fn is_exact(ty: &Type) -> bool {
    is_copy(ty) || matches!(ty, Type::Struct(_) | Type::Union(_))
}

/// Neither a list, a map nor a stream.
pub(super) fn is_single(ty: &Type) -> bool {
    !matches!(ty, Type::List(_) | Type::Map | Type::Stream)
}

/// `DateFormat::HttpDate`.
pub(super) fn date_format(format: DateFormat) -> TokenStream {
    match format {
        DateFormat::HttpDate => quote!(DateFormat::HttpDate),
        DateFormat::DateTime => quote!(DateFormat::DateTime),
        DateFormat::EpochSeconds => quote!(DateFormat::EpochSeconds),
    }
}

/// `#[deprecated]` with its reason.
pub(super) fn deprecated(reason: Option<&String>) -> TokenStream {
    reason.map_or_else(TokenStream::new, |note| quote!(#[deprecated(note = #note)]))
}

/// The required fields of a request.
pub(super) fn required(op: &Operation) -> Vec<&Field> {
    op.request.fields.iter().filter(|field| field.required).collect()
}

/// The required fields as one type: the type itself, a tuple of several, nothing for none.
pub(super) fn slots(types: &[TokenStream]) -> TokenStream {
    match types {
        [] => TokenStream::new(),
        [one] => quote!(#one),
        several => quote!((#(#several),*)),
    }
}

/// The builder's type with every required field given: `PutObject<(String, String)>`.
pub(super) fn complete(op: &Operation) -> TokenStream {
    let builder = Names::of(op).builder;
    let types: Vec<_> = required(op).iter().map(|field| plain(&field.ty, field.secret)).collect();
    if types.is_empty() {
        quote!(#builder)
    } else {
        let slots = slots(&types);
        quote!(#builder<#slots>)
    }
}

/// The field of a request that holds the bucket.
pub(super) fn at_place<'a>(fields: &'a [Field], place: &Place) -> Option<&'a Field> {
    fields.iter().find(|field| &field.place == place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_rust_reserves() {
        assert_eq!(field("type").to_string(), "r#type");
        assert_eq!(field("self").to_string(), "self_");
        assert_eq!(shape("Option").to_string(), "OptionShape");
        assert_eq!(shape("Reply").to_string(), "ReplyShape");
        assert_eq!(shape("BucketCannedACL").to_string(), "BucketCannedAcl");
        assert_eq!(variant("Other").to_string(), "OtherValue");
        assert_eq!(variant("and_prefix").to_string(), "AndPrefix");
    }
}
