//! Going on to the next page, and the streams of pages and items.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Field, Operation, Pages, ScalarType, Type};

use super::ty::{self, Role};

/// `pages()`, `items()` for the main list, `<list>_items()` for the others.
pub(super) fn methods(op: &Operation, pages: &Pages) -> TokenStream {
    let request = ty::Names::of(op).request;
    let items = pages.items.iter().enumerate().filter_map(|(at, list)| {
        let field = op.answer.fields().iter().find(|field| field.name == *list)?;
        let Type::List(of) = &field.ty else { return None };
        let (item, list) = (ty::plain(of, field.secret), ty::field(list));
        let (method, doc) = if at == 0 {
            (ty::ident("items"), format!(" Every one of `{}`, page after page.", field.name))
        } else {
            (ty::ident(&format!("{}_items", field.name)), format!(" Every one of `{}`, page after page.", field.name))
        };
        Some(quote! {
            #[doc = #doc]
            pub fn #method(self) -> Items<#request, #item> {
                let (call, request) = self.finish();
                call.items(request, |page| page.#list)
            }
        })
    });
    quote! {
        /// Every page, fetched when it is asked for.
        pub fn pages(self) -> Pages<#request> {
            let (call, request) = self.finish();
            call.pages(request)
        }

        #(#items)*
    }
}

/// The implementation of `Paged`.
pub(super) fn pages(op: &Operation) -> TokenStream {
    let Some(pages) = &op.pages else { return TokenStream::new() };
    let ty::Names { request, output, .. } = ty::Names::of(op);
    let find = |fields: &[Field], name: &str| fields.iter().find(|field| field.name == name).cloned();
    let turns = pages.turns.iter().filter_map(|turn| {
        let input = find(&op.request.fields, &turn.input)?;
        let token = find(op.answer.fields(), &turn.output)?;
        let (input_name, output_name) = (ty::field(&turn.input), ty::field(&turn.output));
        let is_text = token.ty == Type::Scalar(ScalarType::String);
        let value = match (ty::is_option(&token, Role::Output), is_text && pages.more.is_none()) {
            (true, false) if is_copy(&token) => quote!(page.#output_name),
            (true, false) => quote!(page.#output_name.clone()),
            (true, true) => quote!(page.#output_name.clone().filter(|token| !token.is_empty())),
            (false, _) if is_copy(&token) => quote!(Some(page.#output_name)),
            (false, false) => quote!(Some(page.#output_name.clone())),
            (false, true) => quote!(Some(page.#output_name.clone()).filter(|token| !token.is_empty())),
        };
        // Tokens are one thing with two types now and then: a number there, a text here.
        let value = if input.ty == token.ty { value } else { quote!(#value.map(|token| token.to_string())) };
        Some(quote!(self.#input_name = #value;))
    });
    let first = pages.turns.first();
    let there = first.map(|turn| ty::field(&turn.input)).map_or(quote!(false), |input| quote!(self.#input.is_some()));
    let more = pages.more.as_ref().and_then(|more| find(op.answer.fields(), more)).map(|more| {
        let name = ty::field(&more.name);
        if ty::is_option(&more, Role::Output) { quote!(page.#name == Some(true)) } else { quote!(page.#name) }
    });
    let token = first.and_then(|turn| find(op.answer.fields(), &turn.output));
    let body = match (more, token) {
        // Pages that are promised and not named: the request stays as it is, which ends in an error, not in a short list.
        (Some(more), Some(token)) if ty::is_option(&token, Role::Output) => {
            let name = ty::field(&token.name);
            quote! {
                if page.#name.is_some() {
                    #(#turns)*
                }
                #more
            }
        }
        (Some(more), _) => quote!(#(#turns)* #more && #there),
        (None, _) => quote!(#(#turns)* #there),
    };
    quote! {
        impl Paged for #request {
            fn turn(&mut self, page: &#output) -> bool {
                #body
            }
        }
    }
}

fn is_copy(field: &Field) -> bool {
    ty::is_copy(&field.ty) || matches!(field.ty, Type::Scalar(ScalarType::Timestamp(_)))
}
