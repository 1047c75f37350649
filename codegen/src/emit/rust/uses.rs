//! Imports, found by looking at the code that needs them.
//!
//! Emitters write short names. This module walks the finished tokens, and every name it knows becomes an import; a name
//! is only looked at where a path begins, so `Verb::Get` needs `Verb` and no `Get`.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;

use crate::ir::Api;

use super::{gate, ty};

/// Every name generated code uses without defining it, and its home.
const KNOWN: &[(&str, &str)] = &[
    ("BTreeMap", "std::collections"),
    ("Duration", "std::time"),
    ("fmt", "std"),
    ("ByteStream", "integration_s3_runtime::body"),
    ("Call", "integration_s3_runtime::call"),
    ("Items", "integration_s3_runtime::call"),
    ("Paged", "integration_s3_runtime::call"),
    ("Pages", "integration_s3_runtime::call"),
    ("Operation", "integration_s3_runtime::call"),
    ("PresignedRequest", "integration_s3_runtime::call"),
    ("RequestOptions", "integration_s3_runtime::call"),
    ("Sending", "integration_s3_runtime::call"),
    ("WaiterFacts", "integration_s3_runtime::call"),
    ("WaiterGoal", "integration_s3_runtime::call"),
    ("CodeFacts", "integration_s3_runtime::error"),
    ("RetryClass", "integration_s3_runtime::error"),
    ("S3Error", "integration_s3_runtime::error"),
    ("Few", "integration_s3_runtime::few"),
    ("SecretBytes", "integration_s3_runtime::identity"),
    ("SecretString", "integration_s3_runtime::identity"),
    ("Bytes", "integration_s3_runtime::plumbing"),
    ("DateText", "integration_s3_runtime::timestamp"),
    ("Timestamp", "integration_s3_runtime::timestamp"),
    ("ByteRange", "integration_s3_runtime::wire"),
    ("CopySource", "integration_s3_runtime::wire"),
    ("ChecksumRule", "integration_s3_runtime::plumbing"),
    ("DateFormat", "integration_s3_runtime::plumbing"),
    ("FromWire", "integration_s3_runtime::plumbing"),
    ("OperationFacts", "integration_s3_runtime::plumbing"),
    ("Reply", "integration_s3_runtime::plumbing"),
    ("RequestWriter", "integration_s3_runtime::plumbing"),
    ("Verb", "integration_s3_runtime::plumbing"),
    ("WireValue", "integration_s3_runtime::plumbing"),
    ("XmlError", "integration_s3_runtime::plumbing"),
    ("XmlReader", "integration_s3_runtime::plumbing"),
    ("XmlWriter", "integration_s3_runtime::plumbing"),
    ("decode_key", "integration_s3_runtime::plumbing"),
    ("testing", "integration_s3_runtime::plumbing"),
];

/// Whether generated code gives this name a meaning already.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == name)
}

/// The imports of one file.
pub(super) struct Uses {
    /// Name to home.
    homes: BTreeMap<String, String>,
    /// Home to name to the groups that need it; an empty list means always.
    found: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Uses {
    /// Knows the runtime, and the shapes of the model under `types`.
    pub(super) fn new(api: &Api, types: &str) -> Self {
        let mut homes: BTreeMap<_, _> = KNOWN.iter().map(|(name, home)| ((*name).into(), (*home).into())).collect();
        for shape in api.topics.iter().flat_map(|topic| &topic.shapes) {
            homes.insert(ty::shape(&shape.name).to_string(), types.to_owned());
        }
        Self { homes, found: BTreeMap::new() }
    }

    /// Knows this name too.
    pub(super) fn know(mut self, name: impl ToString, home: &str) -> Self {
        self.homes.insert(name.to_string(), home.to_owned());
        self
    }

    /// Does not import this name: the file defines it.
    pub(super) fn forget(mut self, name: impl ToString) -> Self {
        self.homes.remove(&name.to_string());
        self
    }

    /// Imports what these tokens need, always.
    pub(super) fn scan(mut self, tokens: &TokenStream) -> Self {
        self.walk(tokens.clone(), &[]);
        self
    }

    /// Imports what these tokens need, which exist only with one of these groups.
    pub(super) fn scan_gated(&mut self, tokens: &TokenStream, groups: &[String]) {
        self.walk(tokens.clone(), groups);
    }

    fn walk(&mut self, tokens: TokenStream, groups: &[String]) {
        let mut inside_path = false;
        let mut colons = 0;
        let mut definition = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    let name = name.to_string();
                    // `enum Name { .. }`: the braces that follow hold names of their own.
                    definition = if name == "enum" { 2 } else { definition - 1 };
                    if !inside_path {
                        self.find(name, groups);
                    }
                    (inside_path, colons) = (false, 0);
                }
                TokenTree::Punct(punct) => {
                    colons = if punct.as_char() == ':' { colons + 1 } else { 0 };
                    inside_path = colons == 2 || punct.as_char() == '.';
                }
                TokenTree::Group(group) => {
                    if definition == 1 && group.delimiter() == Delimiter::Brace {
                        for token in group.stream() {
                            if let TokenTree::Group(payload) = token
                                && payload.delimiter() == Delimiter::Parenthesis
                            {
                                self.walk(payload.stream(), groups);
                            }
                        }
                    } else {
                        self.walk(group.stream(), groups);
                    }
                    (inside_path, colons, definition) = (false, 0, 0);
                }
                TokenTree::Literal(_) => (inside_path, colons) = (false, 0),
            }
        }
    }

    fn find(&mut self, name: String, groups: &[String]) {
        let Some(home) = self.homes.get(&name) else { return };
        let names = self.found.entry(home.clone()).or_default();
        match names.get_mut(&name) {
            Some(known) if known.is_empty() || groups.is_empty() => known.clear(),
            Some(known) => {
                known.extend(groups.iter().filter(|group| !known.contains(group)).cloned().collect::<Vec<_>>())
            }
            None => _ = names.insert(name, groups.to_vec()),
        }
    }

    /// The `use` lines. Groups that cover the whole file need no gate of their own.
    pub(super) fn tokens(&self, file_groups: &[String]) -> TokenStream {
        let mut lines = TokenStream::new();
        let mut homes: Vec<_> = self.found.iter().collect();
        homes.sort_by_key(|(home, _)| rank(home));
        for (home, names) in homes {
            let mut by_gate: BTreeMap<Vec<&String>, Vec<&String>> = BTreeMap::new();
            for (name, groups) in names {
                let covers = !file_groups.is_empty() && file_groups.iter().all(|group| groups.contains(group));
                let mut key: Vec<&String> = if covers { Vec::new() } else { groups.iter().collect() };
                key.sort();
                by_gate.entry(key).or_default().push(name);
            }
            for (groups, names) in by_gate {
                let gate = gate(&groups);
                let home: Vec<_> = home.split("::").map(ty::ident).collect();
                let names: Vec<_> = names.into_iter().map(|name| ty::ident(name)).collect();
                lines.extend(match names.as_slice() {
                    [name] => quote!(#gate use #(#home)::* :: #name;),
                    names => quote!(#gate use #(#home)::* :: { #(#names),* };),
                });
            }
        }
        lines
    }
}

/// The standard library first, this crate last.
fn rank(home: &str) -> u8 {
    match home.split("::").next() {
        Some("std") => 0,
        Some("crate" | "super") => 2,
        _ => 1,
    }
}
