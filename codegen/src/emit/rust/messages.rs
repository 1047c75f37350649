//! The two values of an operation: the request and the answer.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Answer, Api, Field, Operation};

use super::ty::{self, Role};
use super::{docs, sample};

/// `PutObjectRequest`. Its fields carry one sentence each; the setters carry the rest.
pub(super) fn request(api: &Api, op: &Operation) -> TokenStream {
    let ty::Names { builder, request, .. } = ty::Names::of(op);
    let fields = op.request.fields.iter().map(|field| {
        let doc = docs::doc(&docs::summary(&field.doc));
        member(field, Role::Input, &doc)
    });
    let doc = docs::doc(&format!(
        "What [`{builder}`] sends, as a value. The builder's setters explain the fields.\n\n# Example\n{}",
        sample::built(api, op)
    ));
    quote! {
        #doc
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct #request {
            #(#fields)*
        }
    }
}

/// `PutObjectOutput`. One with a stream in it can neither be copied nor compared.
pub(super) fn answer(op: &Operation) -> TokenStream {
    let ty::Names { builder, output, .. } = ty::Names::of(op);
    let derive = match op.answer {
        Answer::Stream { .. } => quote!(#[derive(Debug, Default)]),
        _ => quote!(#[derive(Clone, Debug, Default, PartialEq)]),
    };
    let fields = op.answer.fields().iter().map(|field| {
        let doc = docs::doc(&docs::field(field));
        member(field, Role::Output, &doc)
    });
    let doc = docs::doc(&format!("What [`{builder}`] answers."));
    quote! {
        #doc
        #derive
        #[non_exhaustive]
        pub struct #output {
            #(#fields)*
        }
    }
}

/// A public field.
pub(super) fn member(field: &Field, role: Role, doc: &TokenStream) -> TokenStream {
    let deprecated = ty::deprecated(field.deprecated.as_ref());
    let name = ty::field(&field.name);
    let ty = ty::held(field, role);
    quote!(#doc #deprecated pub #name: #ty,)
}

/// Deprecated members are still written and read, which the compiler need not mention.
pub(super) fn allow_deprecated(api: &Api, op: &Operation) -> TokenStream {
    let mut fields = op.request.fields.iter().chain(op.answer.fields());
    let shape = |field: &Field| sample::shape_of(api, &field.ty).is_some_and(|shape| shape.deprecated.is_some());
    if op.deprecated.is_some() || fields.any(|field| field.deprecated.is_some() || shape(field)) {
        quote!(#![allow(deprecated)])
    } else {
        TokenStream::new()
    }
}
