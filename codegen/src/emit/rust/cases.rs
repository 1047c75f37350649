//! Wire examples as tests: `generated/cases/<stem>.rs`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Answer, Api, Case, CaseKind, Operation, Place, Value};
use crate::output::File;

use super::uses::Uses;
use super::{docs, file, messages, sample, ty};

/// The files of all operations that have an example.
pub(in crate::emit) fn emit(api: &Api) -> Vec<File> {
    api.operations.iter().filter(|op| !op.cases.is_empty()).map(|op| file_of(api, op)).collect()
}

fn file_of(api: &Api, op: &Operation) -> File {
    let names = ty::Names::of(op);
    let mut taken: Vec<String> = Vec::new();
    let tests = op.cases.iter().map(|case| {
        let mut name = slug(&case.claim);
        while taken.contains(&name) {
            name.push_str("_again");
        }
        taken.push(name.clone());
        let name = ty::field(&name);
        let body = match &case.kind {
            CaseKind::Request { line, headers, body } => request(api, op, case, line, headers, body),
            CaseKind::Response { status, headers, body, output } => {
                let headers = headers.iter().map(|(name, value)| quote!((#name, #value)));
                response(api, op, case, *status, &quote!(&[#(#headers),*]), body, output)
            }
        };
        quote! {
            #[test]
            fn #name() -> Result<(), S3Error> {
                #body
                Ok(())
            }
        }
    });
    let body = quote!(#(#tests)*);
    let home = "crate::generated::operations";
    let uses = Uses::new(api, "crate::generated::types").know(&names.request, home).know(&names.output, home);
    let uses = uses.scan(&body).tokens(&[]);
    let head = docs::module_doc(&format!("Wire examples of {}.", op.name));
    let allow = messages::allow_deprecated(api, op);
    let source = op.cases.first().map_or_else(String::new, |case| case.source.clone());
    file(format!("cases/{}.rs", op.stem), source, &quote!(#head #allow #uses #body))
}

fn input(api: &Api, op: &Operation, case: &Case) -> TokenStream {
    let request = ty::Names::of(op).request;
    let input = sample::complete(api, op, with_defaults(op, case));
    let calls = sample::setters(api, op, &input).concat();
    sample::tokens(&format!("{request}::builder(){calls}.build()"))
}

/// The input of the example; bucket and key have short names if it has none.
fn with_defaults(op: &Operation, case: &Case) -> Vec<(String, Value)> {
    let mut input = case.input.clone();
    for (place, text) in [(Place::Bucket, "b"), (Place::Key, "k")] {
        if let Some(field) = ty::at_place(&op.request.fields, &place)
            && !input.iter().any(|(name, _)| *name == field.name)
        {
            input.push((field.name.clone(), Value::Text(text.into())));
        }
    }
    input
}

fn request(
    api: &Api,
    op: &Operation,
    case: &Case,
    line: &str,
    headers: &[(String, String)],
    body: &str,
) -> TokenStream {
    let input = input(api, op, case);
    let mut headers: Vec<_> = headers.to_vec();
    headers.sort();
    let headers = headers.iter().map(|(name, value)| quote!((#name.to_owned(), #value.to_owned())));
    quote! {
        let mut request = #input;
        let mut sent = testing::encode(&mut request)?;
        sent.headers.sort();
        assert_eq!(sent.line, #line);
        assert_eq!(sent.headers, [#(#headers),*]);
        assert_eq!(sent.body, #body);
    }
}

fn response(
    api: &Api,
    op: &Operation,
    case: &Case,
    status: u16,
    headers: &TokenStream,
    body: &str,
    output: &[(String, Value)],
) -> TokenStream {
    let input = input(api, op, case);
    let status = proc_macro2::Literal::u16_unsuffixed(status);
    let streamed = match &op.answer {
        Answer::Stream { body, .. } => Some(body),
        _ => None,
    };
    let (content, others): (Vec<_>, Vec<_>) = output.iter().cloned().partition(|(name, _)| Some(name) == streamed);
    let others = sample::struct_literal(api, &ty::Names::of(op).output.to_string(), op.answer.fields(), &others);
    let others = sample::tokens(&others);
    let (binding, compare) = match streamed {
        // A stream is compared by what is read from it, so it is taken out of the output first.
        Some(field) => {
            let field = ty::field(field);
            let content = match content.first() {
                Some((_, Value::Text(text))) => text.as_str(),
                _ => "",
            };
            let compare = quote! {
                assert_eq!(testing::text(std::mem::take(&mut output.#field))?, #content);
                assert_eq!(format!("{output:?}"), format!("{:?}", #others));
            };
            (quote!(mut output), compare)
        }
        None => (quote!(output), quote!(assert_eq!(output, #others);)),
    };
    quote! {
        let request = #input;
        let #binding = testing::decode(&request, #status, #headers, #body)?;
        #compare
    }
}

/// The claim as the name of a function.
fn slug(claim: &str) -> String {
    let words: String =
        claim.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    let slug = words.split_whitespace().collect::<Vec<_>>().join("_");
    if slug.starts_with(|c: char| c.is_ascii_digit()) || slug.is_empty() { format!("case_{slug}") } else { slug }
}
