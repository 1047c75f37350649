//! What is known about error codes: `generated/errors.rs`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Api, ErrorCode, Retry};
use crate::output::File;

use super::uses::Uses;
use super::{docs, file, ty};

/// One file: a sorted table, its search, and the codes as constants.
pub(in crate::emit) fn emit(api: &Api) -> Vec<File> {
    let rows = api.errors.iter().map(row);
    let constants = api.errors.iter().map(constant);
    let mut kinds: Vec<_> = api.errors.iter().map(|error| ty::ident(&format!("{}Error", error.kind.0))).collect();
    kinds.sort();
    kinds.dedup();
    let body = quote! {
        /// What is known about this code.
        pub(crate) fn lookup(code: &str) -> Option<&'static CodeFacts> {
            let at = CODES.binary_search_by(|facts| facts.code.cmp(code)).ok()?;
            CODES.get(at)
        }

        /// Sorted by code.
        static CODES: &[CodeFacts] = &[#(#rows),*];

        const fn facts(
            code: &'static str,
            kind: ErrorKind,
            status: u16,
            retry: RetryClass,
            advice: &'static str,
            fields: &'static [&'static str],
        ) -> CodeFacts {
            CodeFacts { code, kind, status, retry, advice, fields }
        }

        /// The codes as text, to compare with [`S3Error::code`](crate::S3Error::code).
        pub mod codes {
            #(#constants)*
        }
    };
    let mut uses = Uses::new(api, "super").know("ErrorKind", "integration_s3_runtime::error");
    for kind in kinds {
        uses = uses.know(kind, "integration_s3_runtime::error");
    }
    let uses = uses.scan(&body).tokens(&[]);
    let head = docs::module_doc(
        "What S3 says when it refuses, and what can be done about it.\n\n\
         Codes are global: any operation may answer any of them.",
    );
    vec![file("errors.rs".into(), "model/errors.toml".into(), &quote!(#head #uses #body))]
}

fn row(error: &ErrorCode) -> TokenStream {
    let (category, variant) = (&error.kind.0, &error.kind.1);
    let (wrapper, inner) = (ty::ident(category), ty::ident(&format!("{category}Error")));
    let variant = ty::ident(variant);
    let retry = ty::ident(match error.retry {
        Retry::No => "No",
        Retry::Transient => "Transient",
        Retry::Throttle => "Throttle",
        Retry::Timeout => "Timeout",
        Retry::Refresh => "Refresh",
        Retry::Clock => "Clock",
        Retry::Redirect => "Redirect",
    });
    let (code, advice, fields) = (&error.code, &error.advice, &error.fields);
    let status = proc_macro2::Literal::u16_unsuffixed(error.status.unwrap_or_default());
    quote!(facts(
        #code, ErrorKind::#wrapper(#inner::#variant), #status, RetryClass::#retry, #advice, &[#(#fields),*],
    ))
}

fn constant(error: &ErrorCode) -> TokenStream {
    let name = ty::ident(&shout(&error.code));
    let code = &error.code;
    let status = error.status.map_or_else(String::new, |status| format!("Status {status}: "));
    let mut advice = docs::prose(&error.advice);
    if status.is_empty()
        && let Some(first) = advice.get(..1)
    {
        advice = first.to_uppercase() + &advice[1..];
    }
    let doc = docs::doc(&format!("{status}{advice}."));
    quote! {
        #doc
        pub const #name: &str = #code;
    }
}

/// `NoSuchKey` in capitals, `NO_SUCH_KEY`; what is no letter and no digit becomes `_`.
fn shout(code: &str) -> String {
    let mut out = String::new();
    for c in crate::ir::names::pascal(code).chars() {
        if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        out.push(if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::shout;

    #[test]
    fn names_constants_after_codes() {
        assert_eq!(shout("NoSuchKey"), "NO_SUCH_KEY");
        assert_eq!(shout("MalformedXML"), "MALFORMED_XML");
        assert_eq!(shout("304.NotModified"), "304_NOT_MODIFIED");
    }
}
