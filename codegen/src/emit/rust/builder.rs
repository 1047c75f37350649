//! The builder: its type, a setter for every field, and the ways to send it.
//!
//! Its one type parameter holds the required values, or the markers of those still missing; `send` exists on the
//! complete type only.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use crate::ir::{Field, Operation, Type, WaiterGoal};

use super::{docs, ty};

/// The struct, its birth and its options.
pub(super) fn builder(op: &Operation) -> TokenStream {
    let ty::Names { builder, request, .. } = ty::Names::of(op);
    let required = ty::required(op);
    let markers: Vec<_> = required.iter().map(|field| ty::marker(field)).map(|marker| quote!(#marker)).collect();
    let markers = ty::slots(&markers);
    let doc = docs::doc(&format!(
        "Builds and sends a {} request; made by [`S3Client::{}`](crate::S3Client::{1}).",
        op.name, op.stem
    ));
    let (parameter, slot, blank) = if required.is_empty() {
        (TokenStream::new(), TokenStream::new(), TokenStream::new())
    } else {
        (quote!(<R = #markers>), quote!(required: R,), quote!(required: #markers,))
    };
    quote! {
        #doc
        #[must_use = "a request does nothing until it is awaited or sent"]
        #[derive(Clone, Debug)]
        pub struct #builder #parameter {
            #slot
            request: Box<#request>,
            call: Call,
        }

        impl #builder {
            fn start(call: Call) -> Self {
                Self { #blank request: Box::default(), call }
            }
        }
    }
}

/// One setter for each slot, whatever the others hold.
pub(super) fn required_setters(op: &Operation) -> TokenStream {
    let builder = ty::Names::of(op).builder;
    let required = ty::required(op);
    if let [field] = required.as_slice() {
        let setter = setter_head(field);
        let name = ty::field(&field.name);
        let (argument, value) = ty::argument(field, &name);
        let plain = ty::plain(&field.ty, field.secret);
        return quote! {
            impl<R> #builder<R> {
                #setter
                pub fn #name(self, #name: #argument) -> #builder<#plain> {
                    #builder { required: #value, request: self.request, call: self.call }
                }
            }
        };
    }
    let is_free =
        |c: &char| *c != 'R' && !required.iter().any(|field| field.name == c.to_ascii_lowercase().to_string());
    let letters = ('A'..='Z').filter(is_free).take(required.len());
    let letters: Vec<Ident> = letters.map(|c| ty::ident(&c.to_string())).collect();
    let setters = required.iter().enumerate().map(|(at, field)| {
        let head = setter_head(field);
        let name = ty::field(&field.name);
        let (argument, value) = ty::argument(field, &name);
        let plain = ty::plain(&field.ty, field.secret);
        let slots = letters.iter().enumerate().map(|(n, letter)| if n == at { plain.clone() } else { quote!(#letter) });
        let others: Vec<Ident> = letters.iter().map(|letter| ty::ident(&letter.to_string().to_lowercase())).collect();
        let before = others.iter().enumerate().map(|(n, other)| if n == at { quote!(_) } else { quote!(#other) });
        let after = others.iter().enumerate().map(|(n, other)| if n == at { value.clone() } else { quote!(#other) });
        quote! {
            #head
            pub fn #name(self, #name: #argument) -> #builder<(#(#slots),*)> {
                self.fill(|(#(#before),*)| (#(#after),*))
            }
        }
    });
    if required.is_empty() {
        return TokenStream::new();
    }
    quote! {
        impl<#(#letters),*> #builder<(#(#letters),*)> {
            #(#setters)*

            fn fill<R>(self, slot: impl FnOnce((#(#letters),*)) -> R) -> #builder<R> {
                #builder { required: slot(self.required), request: self.request, call: self.call }
            }
        }
    }
}

/// Setters of everything that may be left out, and the options of the call.
pub(super) fn optional_setters(op: &Operation) -> TokenStream {
    let builder = ty::Names::of(op).builder;
    let setters = op.request.fields.iter().filter(|field| !field.required).map(optional_setter);
    let head = if ty::required(op).is_empty() { quote!(impl #builder) } else { quote!(impl<R> #builder<R>) };
    quote! {
        #head {
            #(#setters)*

            /// Timeouts, retries and headers of this call alone.
            pub fn with_options(mut self, options: RequestOptions) -> Self {
                self.call.options(options);
                self
            }
        }
    }
}

fn setter_head(field: &Field) -> TokenStream {
    let doc = docs::doc(&docs::field(field));
    let deprecated = ty::deprecated(field.deprecated.as_ref());
    quote!(#doc #deprecated)
}

fn optional_setter(field: &Field) -> TokenStream {
    let head = setter_head(field);
    let name = ty::field(&field.name);
    match &field.ty {
        Type::Map => quote! {
            #head
            pub fn #name(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.request.#name.insert(name.into(), value.into());
                self
            }
        },
        Type::List(of) => {
            let (argument, _) = ty::argument(field, &name);
            let items = if ty::is_exact(of) { quote!(#name) } else { quote!(#name.into_iter().map(Into::into)) };
            quote! {
                #head
                pub fn #name(mut self, #name: #argument) -> Self {
                    self.request.#name.extend(#items);
                    self
                }
            }
        }
        ty => {
            let (argument, value) = ty::argument(field, &name);
            let value = if *ty == Type::Stream { value } else { quote!(Some(#value)) };
            quote! {
                #head
                pub fn #name(mut self, #name: #argument) -> Self {
                    self.request.#name = #value;
                    self
                }
            }
        }
    }
}

/// What can be done with a complete request.
pub(super) fn sending(op: &Operation) -> TokenStream {
    let ty::Names { builder, request, output, .. } = ty::Names::of(op);
    let complete = ty::complete(op);
    let presign = if op.presign { presign() } else { TokenStream::new() };
    let pages = op.pages.as_ref().map_or_else(TokenStream::new, |pages| super::pages::methods(op, pages));
    let waiters = waiters(op);
    let names: Vec<Ident> = ty::required(op).iter().map(|field| ty::field(&field.name)).collect();
    let finish = match names.as_slice() {
        [] => quote! {
            fn finish(self) -> (Call, Box<#request>) {
                (self.call, self.request)
            }
        },
        [name] => quote! {
            fn finish(mut self) -> (Call, Box<#request>) {
                self.request.#name = self.required;
                (self.call, self.request)
            }
        },
        several => quote! {
            fn finish(mut self) -> (Call, Box<#request>) {
                (#(self.request.#several),*) = self.required;
                (self.call, self.request)
            }
        },
    };
    quote! {
        impl #complete {
            /// The request as a value, for [`S3Client::execute`](crate::S3Client::execute), mocks and tests.
            pub fn build(self) -> #request {
                *self.finish().1
            }

            /// Sends the request; awaiting the builder does the same.
            pub fn send(self) -> Sending<#output> {
                let (call, request) = self.finish();
                call.send(request)
            }

            #presign
            #pages
            #waiters
            #finish
        }

        impl IntoFuture for #complete {
            type Output = Result<#output, S3Error>;
            type IntoFuture = Sending<#output>;

            fn into_future(self) -> Self::IntoFuture {
                self.send()
            }
        }

        impl #request {
            /// A builder without a client, for request values.
            pub fn builder() -> #builder {
                #builder::start(Call::detached())
            }
        }
    }
}

fn presign() -> TokenStream {
    quote! {
        /// A URL that lets whoever holds it send this request without credentials of their own, for this long: 1 second to
        /// 7 days. Nothing is sent.
        ///
        /// Every header that is set here is signed, conditions too: whoever uses the URL has to send
        /// [`PresignedRequest::headers`] with it, and is refused without them.
        pub fn presign(self, expires_in: Duration) -> Sending<PresignedRequest> {
            let (call, request) = self.finish();
            call.presign(request, expires_in)
        }
    }
}

fn waiters(op: &Operation) -> TokenStream {
    let waiters = op.waiters.iter().map(|waiter| {
        let method = ty::ident(&format!("wait_until_{}", waiter.name));
        let (name, delay, attempts) = (&waiter.name, waiter.delay, waiter.attempts);
        let doc = docs::doc(&format!(
            "{} Looks every {delay} seconds, at most {attempts} times, then fails.",
            docs::prose(&waiter.doc)
        ));
        let goal = match waiter.goal {
            WaiterGoal::Success => quote!(WaiterGoal::Success),
            WaiterGoal::NotFound => quote!(WaiterGoal::NotFound),
        };
        let (delay, attempts) = (Literal::u32_unsuffixed(delay), Literal::u32_unsuffixed(attempts));
        quote! {
            #doc
            pub fn #method(self) -> Sending<()> {
                const FACTS: &WaiterFacts =
                    &WaiterFacts { name: #name, goal: #goal, delay: Duration::from_secs(#delay), attempts: #attempts };
                let (call, request) = self.finish();
                call.wait(request, FACTS)
            }
        }
    });
    quote!(#(#waiters)*)
}
