//! The doors to an operation: a method of the client, and one of the bucket handle.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Api, Field, Operation, Place, RequestBody};

use super::{docs, sample, ty};

/// `client.put_object()`.
pub(super) fn client(api: &Api, op: &Operation) -> TokenStream {
    let ty::Names { method, builder, .. } = ty::Names::of(op);
    let doc = docs::doc(&format!(
        "{}\n\n# Errors\n{}\n\n# Example\n{}",
        docs::prose(&op.doc),
        errors(op),
        sample::awaited(api, op)
    ));
    let deprecated = ty::deprecated(op.deprecated.as_ref());
    quote! {
        impl crate::S3Client {
            #doc
            #deprecated
            pub fn #method(&self) -> #builder {
                #builder::start(self.call())
            }
        }
    }
}

fn errors(op: &Operation) -> String {
    if op.errors.is_empty() {
        return "Any of [`crate::error::ErrorKind`].".to_owned();
    }
    let codes: Vec<_> = op.errors.iter().map(|code| format!("`{code}`")).collect();
    format!("Above all {}.", codes.join(", "))
}

/// `bucket.put_object(key, body)`; nothing for operations that name no bucket.
pub(super) fn bucket(op: &Operation) -> TokenStream {
    let fields = &op.request.fields;
    let Some(bucket) = ty::at_place(fields, &Place::Bucket) else { return TokenStream::new() };
    let ty::Names { method, builder, .. } = ty::Names::of(op);
    let complete = ty::complete(op);
    let positional: Vec<&Field> = fields.iter().filter(|field| is_positional(op, field)).collect();
    let (mut arguments, mut calls) = (Vec::new(), Vec::new());
    for field in &positional {
        let name = ty::field(&field.name);
        let (ty, _) = ty::argument(field, &name);
        arguments.push(quote!(#name: #ty));
        calls.push(quote!(.#name(#name)));
    }
    let bucket = ty::field(&bucket.name);
    let doc = docs::doc(&format!(
        "[`S3Client::{method}`](crate::S3Client::{method}) on this bucket: {}",
        lower_first(&docs::summary(&op.doc))
    ));
    let deprecated = ty::deprecated(op.deprecated.as_ref());
    quote! {
        impl crate::Bucket {
            #doc
            #deprecated
            pub fn #method(&self, #(#arguments),*) -> #complete {
                #builder::start(self.client().call()).#bucket(self.name()) #(#calls)*
            }
        }
    }
}

/// What is required, and the content of an upload.
fn is_positional(op: &Operation, field: &Field) -> bool {
    let content = matches!(&op.request.body, RequestBody::Stream(body) if *body == field.name);
    field.place != Place::Bucket && (field.required || content)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().to_string() + chars.as_str())
}
