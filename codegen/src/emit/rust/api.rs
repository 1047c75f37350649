//! Every operation as a method of one trait, for mocks: `generated/api.rs`.

use quote::quote;

use crate::ir::Api;
use crate::output::File;

use super::uses::Uses;
use super::{docs, file, gate, ty};

/// The trait and its implementation by the client.
pub(in crate::emit) fn emit(api: &Api) -> Vec<File> {
    let mut uses = Uses::new(api, "super::types");
    let methods: Vec<_> = (api.operations.iter())
        .map(|op| {
            let ty::Names { method, request, output, .. } = ty::Names::of(op);
            let name = &op.name;
            let gate = gate(&[&op.group]);
            let doc = docs::doc(&docs::summary(&op.doc));
            let deprecated = ty::deprecated(op.deprecated.as_ref());
            let method = quote! {
                #doc
                #deprecated
                #gate
                fn #method(&self, request: operations::#request) -> Sending<operations::#output> {
                    drop(request);
                    absent(#name)
                }
            };
            let scanned = quote!(#method);
            (scanned, op)
        })
        .collect();
    let groups: Vec<String> = groups(api);
    let body = quote! { fn absent<T: Send + 'static>(operation: &'static str) -> Sending<T> { S3Error::new } };
    uses.scan_gated(&body, &groups);
    for (method, op) in &methods {
        uses.scan_gated(method, std::slice::from_ref(&op.group));
    }
    let uses = uses.know("operations", "super").know("RequestError", "integration_s3_runtime::error");
    let mut uses = uses;
    uses.scan_gated(&quote!(operations RequestError), &groups);
    let uses = uses.tokens(&[]);
    let allow =
        if api.operations.iter().any(|op| op.deprecated.is_some()) { quote!(#![allow(deprecated)]) } else { quote!() };
    let forwards = api.operations.iter().map(|op| {
        let ty::Names { method, request, output, .. } = ty::Names::of(op);
        let gate = gate(&[&op.group]);
        quote! {
            #gate
            fn #method(&self, request: operations::#request) -> Sending<operations::#output> {
                self.call().send(Box::new(request))
            }
        }
    });
    let methods = methods.iter().map(|(method, _)| method);
    let any = gate(&groups);
    let head = docs::module_doc(
        "Every operation as a method of one trait.\n\n\
         Code that takes `&dyn S3Api` can be tested without a server: implement the few methods it calls, and the \
         others answer an error that says so.",
    );
    let body = quote! {
        /// What an S3 client can do, one method an operation. Implemented by [`S3Client`](crate::S3Client), and by your
        /// own mocks: a method that is not implemented answers
        /// [`NotImplemented`](integration_s3_runtime::error::RequestError::NotImplemented).
        pub trait S3Api: Send + Sync {
            #(#methods)*
        }

        impl S3Api for crate::S3Client {
            #(#forwards)*
        }

        #any
        fn absent<T: Send + 'static>(operation: &'static str) -> Sending<T> {
            let message = format!("this S3Api does not implement {operation}");
            Sending::ready(Err(S3Error::new(RequestError::NotImplemented, message)))
        }
    };
    vec![file("api.rs".into(), "model/operations".into(), &quote!(#head #allow #uses #body))]
}

/// Groups that have an operation, in model order.
fn groups(api: &Api) -> Vec<String> {
    let used = api.groups.iter().filter(|group| api.operations.iter().any(|op| op.group == group.name));
    used.map(|group| group.name.clone()).collect()
}
