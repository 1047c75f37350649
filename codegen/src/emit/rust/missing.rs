//! Markers of required fields that are not given yet: `generated/missing.rs`.

use quote::quote;

use crate::ir::Api;
use crate::output::File;

use super::{docs, file, gate, ty};

/// One marker for each name a required field has anywhere.
pub(in crate::emit) fn emit(api: &Api) -> Vec<File> {
    let mut fields: Vec<_> = api.operations.iter().flat_map(|op| ty::required(op)).collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    fields.dedup_by(|a, b| a.name == b.name);
    let markers = fields.into_iter().map(|field| {
        let marker = ty::marker(field);
        let setter = ty::field(&field.name);
        let users = api.operations.iter().filter(|op| ty::required(op).iter().any(|it| it.name == field.name));
        let users: Vec<&String> = users.map(|op| &op.group).collect();
        let groups: Vec<_> = api.groups.iter().map(|group| &group.name).filter(|group| users.contains(group)).collect();
        let gate = gate(&groups);
        let doc = docs::doc(&format!("Call `.{setter}(..)`: the request cannot be sent without it."));
        quote! {
            #doc
            #gate
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct #marker;
        }
    });
    let head = docs::module_doc(
        "What a builder still needs. A builder whose type names one of these has no `send` yet.\n\n\
         `PutObject<(String, MissingKey)>` has a bucket and no key.",
    );
    vec![file("missing.rs".into(), "model/operations".into(), &quote!(#head #(#markers)*))]
}
