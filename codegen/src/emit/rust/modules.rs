//! The module tree: `mod.rs` of `generated/`, `operations/`, `types/` and `cases/`.

use quote::quote;

use crate::ir::{Api, Operation};
use crate::output::File;

use super::{docs, file, gate, shapes, ty};

/// The four files.
pub(in crate::emit) fn emit(api: &Api) -> Vec<File> {
    vec![root(api), operations(api), types(api), cases(api)]
}

fn root(api: &Api) -> File {
    let (name, version) = (&api.service.name, &api.service.version);
    let head = docs::module_doc(&format!(
        "{name}, version {version}, as the model describes it: an operation a file, shapes by topic, error codes in one table."
    ));
    let providers = if api.providers.is_empty() {
        quote!()
    } else {
        quote!(
            pub mod providers;
        )
    };
    let tokens = quote! {
        #head
        pub mod api;
        #[cfg(test)]
        mod cases;
        pub mod errors;
        pub mod missing;
        pub mod operations;
        #providers
        pub mod types;
    };
    file("mod.rs".into(), "model/service.toml".into(), &tokens)
}

fn operations(api: &Api) -> File {
    let head = docs::module_doc("Operations: for each one a builder, its request as a value, and what it answers.");
    let modules = api.operations.iter().map(|op| {
        let (gate, module) = (gate(&[&op.group]), ty::field(&op.stem));
        quote!(#gate mod #module;)
    });
    let exports = api.operations.iter().map(|op| {
        let (gate, module) = (gate(&[&op.group]), ty::field(&op.stem));
        let ty::Names { builder, request, output, .. } = ty::Names::of(op);
        quote!(#gate pub use #module::{#builder, #output, #request};)
    });
    file("operations/mod.rs".into(), "model/operations".into(), &quote!(#head #(#modules)* #(#exports)*))
}

fn types(api: &Api) -> File {
    let head = docs::module_doc("Shapes that operations share.");
    let topics: Vec<_> = (api.topics.iter())
        .filter(|topic| !topic.shapes.is_empty())
        .map(|topic| (gate(&shapes::groups(topic)), ty::field(&topic.name)))
        .collect();
    let modules = topics.iter().map(|(gate, module)| quote!(#gate mod #module;));
    let exports = topics.iter().map(|(gate, module)| quote!(#gate pub use #module::*;));
    file("types/mod.rs".into(), "model/types".into(), &quote!(#head #(#modules)* #(#exports)*))
}

fn cases(api: &Api) -> File {
    let head = docs::module_doc("The wire examples of the model as tests.");
    let with_cases = api.operations.iter().filter(|op: &&Operation| !op.cases.is_empty());
    let modules = with_cases.map(|op| {
        let (gate, module) = (gate(&[&op.group]), ty::field(&op.stem));
        quote!(#gate mod #module;)
    });
    file("cases/mod.rs".into(), "model/cases".into(), &quote!(#head #(#modules)*))
}
