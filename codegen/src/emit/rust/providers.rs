//! Makes of stores: `generated/providers.rs`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::names::pascal_of_snake;
use crate::ir::{Addressing, Api, Provider};
use crate::output::File;

use super::uses::Uses;
use super::{docs, file, ty};

/// One file: an enum with a variant per provider, and what is known about each. Without providers, none.
pub(in crate::emit) fn emit(api: &Api) -> Vec<File> {
    if api.providers.is_empty() {
        return Vec::new();
    }
    let variants = api.providers.iter().map(variant);
    let arms = api.providers.iter().map(arm);
    let body = quote! {
        /// A make of store. Given to the builder, it sets endpoint, region, addressing, checksums and chunking as that store needs
        /// them; what is set on the builder itself wins.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Provider {
            #(#variants)*
        }

        impl From<Provider> for ProviderFacts {
            fn from(provider: Provider) -> Self {
                match provider {
                    #(#arms)*
                }
            }
        }
    };
    let home = "integration_s3_runtime::config";
    let mut uses = Uses::new(api, "super").know("Addressing", "integration_s3_runtime::endpoint");
    for name in ["ChecksumWhen", "ProviderFacts", "StoreFacts"] {
        uses = uses.know(name, home);
    }
    let uses = uses.scan(&body).tokens(&[]);
    let head = docs::module_doc("Stores that speak S3, each in its own way: what the model knows about them.");
    vec![file("providers.rs".into(), "model/providers".into(), &quote!(#head #uses #body))]
}

fn variant(provider: &Provider) -> TokenStream {
    let name = ty::ident(&pascal_of_snake(&provider.stem));
    let link = provider.link.as_ref().map(|link| format!("\n\n[Documentation of {}]({link})", provider.name));
    let doc = docs::doc(&format!("{}{}", provider.doc, link.unwrap_or_default()));
    if provider.parameters.is_empty() {
        return quote!(#doc #name,);
    }
    let fields = provider.parameters.iter().map(|(parameter, text)| {
        let (doc, field) = (docs::doc(text), ty::field(parameter));
        quote!(#doc #field: String,)
    });
    quote!(#doc #name { #(#fields)* },)
}

fn arm(provider: &Provider) -> TokenStream {
    let variant = ty::ident(&pascal_of_snake(&provider.stem));
    let fields: Vec<_> = provider.parameters.iter().map(|(parameter, _)| ty::field(parameter)).collect();
    let pattern =
        if fields.is_empty() { quote!(Provider::#variant) } else { quote!(Provider::#variant { #(#fields),* }) };
    let parameters = provider.parameters.iter().map(|(parameter, _)| {
        let field = ty::field(parameter);
        quote!((#parameter, #field))
    });
    let optional = |text: &Option<String>| match text {
        Some(text) => quote!(Some(#text)),
        None => quote!(None),
    };
    let (name, endpoint, region) = (&provider.name, optional(&provider.endpoint), optional(&provider.region));
    let addressing = ty::ident(match provider.addressing {
        Addressing::Auto => "Auto",
        Addressing::Path => "Path",
        Addressing::Virtual => "Virtual",
    });
    let when = |supported| ty::ident(if supported { "Supported" } else { "Required" });
    let (request, response) = (when(provider.request_checksums), when(provider.response_checksums));
    let mut store = quote!(StoreFacts::STANDARD);
    for (name, has) in [
        ("aws_chunked", provider.aws_chunked),
        ("bulk_delete", provider.bulk_delete),
        ("content_md5", provider.content_md5),
    ] {
        if !has {
            let method = ty::ident(&format!("without_{name}"));
            store = quote!(#store.#method());
        }
    }
    quote! {
        #pattern => ProviderFacts {
            name: #name,
            endpoint: #endpoint,
            region: #region,
            parameters: vec![#(#parameters),*],
            addressing: Addressing::#addressing,
            request_checksums: ChecksumWhen::#request,
            response_checksums: ChecksumWhen::#response,
            store: #store,
        },
    }
}
