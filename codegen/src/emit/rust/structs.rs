//! Structs of the model: the type, how it is made, how it is read, how it is written.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Api, Field, Place, Shape, Type};

use super::messages::member;
use super::shapes::Piece;
use super::ty::{self, Role};
use super::{docs, xml};

/// A struct and what belongs to it.
pub(super) fn pieces<'a>(api: &Api, shape: &'a Shape, fields: &[Field]) -> Vec<Piece<'a>> {
    let name = ty::shape(&shape.name);
    let members = fields.iter().map(|field| member(field, Role::Output, &docs::doc(&docs::prose(&field.doc))));
    let definition = quote! {
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct #name {
            #(#members)*
        }
    };
    let mut pieces = vec![Piece { doc: head(shape), code: definition, groups: &shape.groups }];
    if shape.in_input() {
        pieces.push(Piece::new(making(shape, fields), &shape.groups));
    }
    pieces.extend(wire(shape, &read_struct(fields), &write_struct(api, fields)));
    pieces
}

/// Reading and writing: one block where the same groups need both.
pub(super) fn wire<'a>(shape: &'a Shape, read: &TokenStream, write: &TokenStream) -> Vec<Piece<'a>> {
    let name = ty::shape(&shape.name);
    if shape.input_groups == shape.output_groups {
        return vec![Piece::new(quote!(impl #name { #read #write }), &shape.groups)];
    }
    let both = [(read, &shape.output_groups), (write, &shape.input_groups)];
    let needed = both.into_iter().filter(|(_, groups)| !groups.is_empty());
    needed.map(|(code, groups)| Piece::new(quote!(impl #name { #code }), groups)).collect()
}

pub(super) fn head(shape: &Shape) -> TokenStream {
    let doc = docs::doc(&docs::prose(&shape.doc));
    let deprecated = ty::deprecated(shape.deprecated.as_ref());
    quote!(#doc #deprecated)
}

/// `new` with what is required, and a setter for the rest.
fn making(shape: &Shape, fields: &[Field]) -> TokenStream {
    let name = ty::shape(&shape.name);
    let required: Vec<&Field> = fields.iter().filter(|field| field.required).collect();
    let (mut arguments, mut values) = (Vec::new(), Vec::new());
    for field in &required {
        let name = ty::field(&field.name);
        let (argument, value) = ty::argument(field, &name);
        arguments.push(quote!(#name: #argument));
        values.push(if ty::is_copy(&field.ty) { quote!(#name) } else { quote!(#name: #value) });
    }
    let made = match (required.len(), required.len() == fields.len()) {
        (0, _) => quote!(Self::default()),
        (_, true) => quote!(Self { #(#values),* }),
        _ => quote!(Self { #(#values,)* ..Self::default() }),
    };
    let doc = match required.as_slice() {
        [] => docs::doc("An empty one; everything in it may be left out."),
        fields => {
            let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
            docs::doc(&format!("With what is required: {}.", names.join(", ")))
        }
    };
    let setters = fields.iter().filter(|field| !field.required).map(setter);
    quote! {
        impl #name {
            #doc
            pub fn new(#(#arguments),*) -> Self {
                #made
            }

            #(#setters)*
        }
    }
}

fn setter(field: &Field) -> TokenStream {
    let doc = docs::doc(&docs::field(field));
    let deprecated = ty::deprecated(field.deprecated.as_ref());
    let name = ty::field(&field.name);
    let (argument, value) = ty::argument(field, &name);
    let assign = match &field.ty {
        Type::List(of) if ty::is_exact(of) => quote!(self.#name.extend(#name);),
        Type::List(_) => quote!(self.#name.extend(#name.into_iter().map(Into::into));),
        _ if ty::is_option(field, Role::Output) => quote!(self.#name = Some(#value);),
        _ => quote!(self.#name = #value;),
    };
    quote! {
        #doc
        #deprecated
        pub fn #name(mut self, #name: #argument) -> Self {
            #assign
            self
        }
    }
}

fn read_struct(fields: &[Field]) -> TokenStream {
    let body = xml::read_fields(fields);
    quote! {
        pub(crate) fn read(xml: &mut XmlReader<'_>) -> Result<Self, XmlError> {
            #body
        }
    }
}

fn write_struct(api: &Api, fields: &[Field]) -> TokenStream {
    let lines = fields.iter().map(|field| match &field.place {
        Place::Xml(path) => xml::write(api, field, path),
        _ => TokenStream::new(),
    });
    let attributes: Vec<_> = fields.iter().filter_map(|field| Some((field, xml::attribute(field)?))).collect();
    let attributes = if attributes.is_empty() {
        TokenStream::new()
    } else {
        let pairs = attributes.iter().map(|(field, wire)| {
            let name = ty::field(&field.name);
            let value = match ty::is_option(field, Role::Output) {
                true => quote!(self.#name.as_ref().map_or("", |it| it.as_str())),
                false => quote!(self.#name.as_str()),
            };
            quote!((#wire, #value))
        });
        let namespaces = namespaces(&attributes).into_iter().map(|(name, uri)| quote!((#name, #uri)));
        quote! {
            pub(crate) fn attributes(&self) -> Vec<(&'static str, &str)> {
                vec![#(#namespaces,)* #(#pairs),*]
            }
        }
    };
    quote! {
        #attributes

        pub(crate) fn write(&self, xml: &mut XmlWriter) {
            #(#lines)*
        }
    }
}

/// Declarations of the prefixes in use. XML Schema's own is the only one there is.
fn namespaces(attributes: &[(&Field, &str)]) -> Vec<(&'static str, &'static str)> {
    let schema = attributes.iter().any(|(_, wire)| wire.starts_with("xsi:"));
    if schema { vec![("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")] } else { Vec::new() }
}
