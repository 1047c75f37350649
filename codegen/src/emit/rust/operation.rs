//! One operation, one file: `generated/operations/<stem>.rs`.
//!
//! Puts the sections in reading order; each section's code is made in a module of its own.

use quote::quote;

use crate::ir::{Api, Operation};
use crate::output::File;

use super::uses::Uses;
use super::{builder, decode, docs, encode, entry, file, messages, pages, ty};

/// The files of all operations.
pub(in crate::emit) fn emit(api: &Api) -> Vec<File> {
    api.operations.iter().map(|op| operation(api, op)).collect()
}

fn operation(api: &Api, op: &Operation) -> File {
    let sections = [
        entry::client(api, op),
        entry::bucket(op),
        builder::builder(op),
        builder::required_setters(op),
        builder::optional_setters(op),
        builder::sending(op),
        messages::request(api, op),
        messages::answer(op),
        wire(api, op),
        pages::pages(op),
    ];
    let body = quote!(#(#sections)*);
    let uses = Uses::new(api, "crate::generated::types");
    let uses =
        ty::required(op).iter().fold(uses, |uses, field| uses.know(ty::marker(field), "crate::generated::missing"));
    let uses = uses.scan(&body).tokens(&[]);
    let head = docs::module_doc(&head(op));
    let allow = messages::allow_deprecated(api, op);
    let path = format!("operations/{}.rs", op.stem);
    let source = format!("model/operations/{}.toml", op.stem);
    file(path, source, &quote!(#head #allow #uses #body))
}

/// Route, summary, link.
fn head(op: &Operation) -> String {
    let link = op.link.as_ref().map_or_else(String::new, |link| format!("\n\nThe vendor's page: <{link}>"));
    format!("`{}`\n\n{}{link}", op.route, docs::summary(&op.doc))
}

/// The implementation of `Operation`: facts, encode, decode.
fn wire(api: &Api, op: &Operation) -> proc_macro2::TokenStream {
    let names = ty::Names::of(op);
    let (request, output) = (&names.request, &names.output);
    let facts = encode::facts(op);
    let target = encode::target(op);
    let encode = encode::encode(api, op);
    let decode = decode::decode(api, op);
    quote! {
        impl Operation for #request {
            type Output = #output;
            #facts
            #target
            #encode
            #decode
        }
    }
}
