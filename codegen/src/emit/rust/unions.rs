//! Unions of the model: exactly one of several elements.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Api, Field, Shape};

use super::shapes::Piece;
use super::{docs, structs, ty, xml};

/// A union and what belongs to it.
pub(super) fn pieces<'a>(api: &Api, shape: &'a Shape, fields: &[Field]) -> Vec<Piece<'a>> {
    let name = ty::shape(&shape.name);
    let variants = fields.iter().map(|field| {
        let (doc, variant) = (docs::doc(&docs::prose(&field.doc)), ty::variant(&field.name));
        let ty = ty::plain(&field.ty, field.secret);
        quote!(#doc #variant(#ty),)
    });
    let definition = quote! {
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub enum #name {
            #(#variants)*
            /// None of those this version knows.
            #[default]
            Unknown,
        }
    };
    let mut pieces = vec![Piece { doc: structs::head(shape), code: definition, groups: &shape.groups }];
    pieces.extend(structs::wire(shape, &read_union(fields), &write_union(api, fields)));
    pieces
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
