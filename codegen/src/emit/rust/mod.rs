//! Rust out of the IR.
//!
//! The files in here are of two kinds: emitters (`operation`, `shapes`, `errors`, `providers`, `missing`, `api`, `modules`, `cases`)
//! and their common vocabulary (`ty` for names and types, `docs`, `uses` for imports, `xml`, `sample` for values). An
//! operation's file is put together from `entry`, `builder`, `messages`, `encode`, `decode` and `pages`, in that order.

pub(super) mod api;
pub(super) mod cases;
pub(super) mod errors;
pub(super) mod missing;
pub(super) mod modules;
pub(super) mod operation;
pub(super) mod providers;
pub(super) mod shapes;

mod builder;
mod decode;
mod docs;
mod encode;
mod entry;
mod enums;
mod messages;
mod pages;
mod sample;
mod structs;
mod ty;
mod unions;
mod uses;
mod xml;

use proc_macro2::TokenStream;
use quote::quote;

use crate::output::{Content, File};

/// A Rust file out of its tokens.
fn file(path: String, source: String, tokens: &TokenStream) -> File {
    File { path, source, content: Content::Rust(tokens.to_string()) }
}

/// `#[cfg(feature = "a")]`, or `any(..)` of several; nothing for none.
fn gate<S: AsRef<str>>(groups: &[S]) -> TokenStream {
    let groups: Vec<&str> = groups.iter().map(AsRef::as_ref).collect();
    match groups.as_slice() {
        [] => TokenStream::new(),
        [group] => quote!(#[cfg(feature = #group)]),
        several => quote!(#[cfg(any(#(feature = #several),*))]),
    }
}
