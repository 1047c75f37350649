//! Open enumerations: the values the model knows, and any other text.

use quote::quote;

use crate::ir::{EnumValue, Shape};

use super::shapes::Piece;
use super::{docs, ty};

/// The type and its conversions.
pub(super) fn pieces<'a>(shape: &'a Shape, values: &[EnumValue]) -> Vec<Piece<'a>> {
    let name = ty::shape(&shape.name);
    let doc = docs::doc(&docs::prose(&shape.doc));
    let deprecated = ty::deprecated(shape.deprecated.as_ref());
    let variants: Vec<_> = values.iter().map(|value| ty::variant(&value.name)).collect();
    let wires: Vec<_> = values.iter().map(|value| &value.wire).collect();
    let docs = values.iter().map(|value| {
        let doc = if value.doc.is_empty() { format!("`{}`.", value.wire) } else { docs::prose(&value.doc) };
        docs::doc(&doc)
    });
    let definition = quote! {
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum #name {
            #(#docs #variants,)*
            /// A value this version does not know, kept as it is.
            Other(String),
        }
    };
    let text = quote! {
        impl #name {
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    #(Self::#variants => #wires,)*
                    Self::Other(text) => text,
                }
            }
        }
    };
    let default = quote! {
        impl Default for #name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }
    };
    let from_str = quote! {
        impl From<&str> for #name {
            fn from(text: &str) -> Self {
                match text {
                    #(#wires => Self::#variants,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
    let from_string = quote! {
        impl From<String> for #name {
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }
    };
    let display = quote! {
        impl fmt::Display for #name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
    let wire = quote! {
        impl WireValue for #name {
            fn wire<'a>(&'a self, _scratch: &'a mut String) -> Option<&'a str> {
                Some(self.as_str())
            }
        }
    };
    let from_wire = quote! {
        impl FromWire for #name {
            fn from_wire(text: &str) -> Option<Self> {
                Some(Self::from(text))
            }
        }
    };
    let mut pieces: Vec<Piece<'a>> = [definition, text, default, from_str, from_string, display, wire, from_wire]
        .into_iter()
        .map(|code| Piece::new(code, &shape.groups))
        .collect();
    if let [definition, _, default, ..] = pieces.as_mut_slice() {
        definition.doc = quote!(#doc #deprecated);
        default.doc = docs::doc("The empty text, which no service sends or takes.");
    }
    pieces
}
