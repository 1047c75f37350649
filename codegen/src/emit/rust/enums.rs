//! Open enumerations: the values the model knows, and any other text.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{EnumValue, Shape};

use super::{docs, ty};

/// The type and its conversions.
pub(super) fn items(shape: &Shape, values: &[EnumValue], gate: &TokenStream) -> TokenStream {
    let name = ty::shape(&shape.name);
    let doc = docs::doc(&docs::prose(&shape.doc));
    let deprecated = ty::deprecated(shape.deprecated.as_ref());
    let variants: Vec<_> = values.iter().map(|value| ty::variant(&value.name)).collect();
    let wires: Vec<_> = values.iter().map(|value| &value.wire).collect();
    let docs = values.iter().map(|value| {
        let doc = if value.doc.is_empty() { format!("`{}`.", value.wire) } else { docs::prose(&value.doc) };
        docs::doc(&doc)
    });
    quote! {
        #doc
        #deprecated
        #gate
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum #name {
            #(#docs #variants,)*
            /// A value this version does not know, kept as it is.
            Other(String),
        }

        #gate
        impl #name {
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    #(Self::#variants => #wires,)*
                    Self::Other(text) => text,
                }
            }
        }

        /// The empty text, which no service sends or takes.
        #gate
        impl Default for #name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }

        #gate
        impl From<&str> for #name {
            fn from(text: &str) -> Self {
                match text {
                    #(#wires => Self::#variants,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        #gate
        impl From<String> for #name {
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }

        #gate
        impl fmt::Display for #name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        #gate
        impl WireValue for #name {
            fn wire<'a>(&'a self, _scratch: &'a mut String) -> Option<&'a str> {
                Some(self.as_str())
            }
        }

        #gate
        impl FromWire for #name {
            fn from_wire(text: &str) -> Option<Self> {
                Some(Self::from(text))
            }
        }
    }
}
