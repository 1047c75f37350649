//! Unions of the model: exactly one of several elements.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Api, Field, Shape};

use super::{docs, structs, ty, xml};

/// A union and what belongs to it.
pub(super) fn items(api: &Api, shape: &Shape, fields: &[Field], gate: &TokenStream) -> TokenStream {
    let name = ty::shape(&shape.name);
    let head = structs::head(shape);
    let variants = fields.iter().map(|field| {
        let (doc, variant) = (docs::doc(&docs::prose(&field.doc)), ty::variant(&field.name));
        let ty = ty::plain(&field.ty, field.secret);
        quote!(#doc #variant(#ty),)
    });
    let read = if shape.in_output { read_union(fields) } else { TokenStream::new() };
    let write = if shape.in_input { write_union(api, fields) } else { TokenStream::new() };
    quote! {
        #head
        #gate
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub enum #name {
            #(#variants)*
            /// None of those this version knows.
            #[default]
            Unknown,
        }

        #gate
        impl #name {
            #read

            #write
        }
    }
}

fn read_union(fields: &[Field]) -> TokenStream {
    let arms = fields.iter().map(|field| xml::union_arm(field, &ty::variant(&field.name)));
    quote! {
        pub(crate) fn read(xml: &mut XmlReader<'_>) -> Result<Self, XmlError> {
            let mut it = Self::Unknown;
            while let Some(name) = xml.child()? {
                match name {
                    #(#arms)*
                    _ => xml.skip()?,
                }
            }
            Ok(it)
        }
    }
}

fn write_union(api: &Api, fields: &[Field]) -> TokenStream {
    let arms = fields.iter().map(|field| {
        let variant = ty::variant(&field.name);
        let line = xml::union_line(api, field);
        quote!(Self::#variant(value) => { #line })
    });
    quote! {
        pub(crate) fn write(&self, xml: &mut XmlWriter) {
            match self {
                #(#arms)*
                Self::Unknown => {}
            }
        }
    }
}
