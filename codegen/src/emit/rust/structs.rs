//! Structs of the model: the type, how it is made, how it is read, how it is written.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Api, Field, Place, Shape, Type};

use super::messages::member;
use super::ty::{self, Role};
use super::{docs, xml};

/// A struct and what belongs to it.
pub(super) fn structure(api: &Api, shape: &Shape, fields: &[Field], gate: &TokenStream) -> TokenStream {
    let name = ty::shape(&shape.name);
    let head = head(shape);
    let members = fields.iter().map(|field| member(field, Role::Output, &docs::doc(&docs::prose(&field.doc))));
    let making = if shape.in_input { making(shape, fields, gate) } else { TokenStream::new() };
    let read = if shape.in_output { read_struct(fields) } else { TokenStream::new() };
    let write = if shape.in_input { write_struct(api, fields) } else { TokenStream::new() };
    quote! {
        #head
        #gate
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct #name {
            #(#members)*
        }

        #making

        #gate
        impl #name {
            #read

            #write
        }
    }
}

pub(super) fn head(shape: &Shape) -> TokenStream {
    let doc = docs::doc(&docs::prose(&shape.doc));
    let deprecated = ty::deprecated(shape.deprecated.as_ref());
    quote!(#doc #deprecated)
}

/// `new` with what is required, and a setter for the rest.
fn making(shape: &Shape, fields: &[Field], gate: &TokenStream) -> TokenStream {
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
        #gate
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
        Type::List(of) if ty::is_copy(of) => quote!(self.#name.extend(#name);),
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
            let mut it = Self::default();
            #body
            Ok(it)
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
