//! From the wire to the answer: headers first, then the body as it arrives.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::ir::{Answer, Api, Decoded, Field, Operation, Place, ScalarType, Type, XmlPath};

use super::ty::{self, Role};
use super::{sample, xml};

/// `decode`.
pub(super) fn decode(api: &Api, op: &Operation) -> TokenStream {
    let output = ty::Names::of(op).output;
    let body = match &op.answer {
        Answer::Headers(fields) if fields.is_empty() => quote! {
            reply.finish().await?;
            Ok(Box::new(#output {}))
        },
        Answer::Headers(fields) => {
            let (look, headers) = (look(fields), headers(fields));
            // The body first: an output that waits for it would make the future of every call larger.
            quote! {
                reply.finish().await?;
                #look
                Ok(Box::new(#output { #(#headers),* }))
            }
        }
        Answer::Stream { fields, body } => {
            let body = ty::field(body);
            let (look, headers) = (look(fields), headers(fields));
            quote! {
                #look
                Ok(Box::new(#output { #(#headers,)* #body: reply.body() }))
            }
        }
        Answer::Text { fields, body } => {
            let optional = fields.iter().any(|field| field.name == *body && ty::is_option(field, Role::Output));
            let body = ty::field(body);
            let (look, headers) = (look(fields), headers(fields));
            let value = if optional { quote!(Some(text)) } else { quote!(text) };
            quote! {
                let text = reply.text_body().await?;
                #look
                Ok(Box::new(#output { #(#headers,)* #body: #value }))
            }
        }
        Answer::Payload { fields, field, root } => payload(&output, fields, field, root),
        Answer::Xml { fields, root, decoded } => document(api, &output, fields, root, decoded.as_ref()),
    };
    quote! {
        async fn decode(&self, reply: &mut Reply) -> Result<Box<#output>, S3Error> {
            #body
        }
    }
}

/// Whether the absence of this element is an error.
fn is_awaited(field: &Field) -> bool {
    let one = matches!(field.place, Place::Xml(XmlPath::Element(_) | XmlPath::Text));
    one && field.required && ty::is_single(&field.ty)
}

/// The line that goes through the headers once for all, where one is asked for.
fn look(fields: &[Field]) -> Option<TokenStream> {
    fields.iter().any(|field| header(field).is_some()).then(|| quote!(let fields = reply.fields();))
}

fn headers(fields: &[Field]) -> impl Iterator<Item = TokenStream> {
    fields.iter().filter_map(|field| {
        let name = ty::field(&field.name);
        let value = header(field)?;
        Some(quote!(#name: #value))
    })
}

fn header(field: &Field) -> Option<TokenStream> {
    let wire = match &field.place {
        Place::Header(wire) => wire,
        Place::HeaderPrefix(prefix) => return Some(quote!(fields.metadata(#prefix))),
        _ => return None,
    };
    let value = match &field.ty {
        list @ Type::List(_) if ty::is_few(list) => return Some(quote!(fields.list(#wire).into())),
        Type::List(_) => return Some(quote!(fields.list(#wire))),
        _ if !field.aliases.is_empty() => {
            let meaning = xml::meaning(field, &quote!(text.as_str()));
            quote!(fields.text(#wire).map(|text| #meaning))
        }
        Type::Scalar(ScalarType::String) if !field.secret => quote!(fields.text(#wire)),
        Type::Scalar(ScalarType::Timestamp(format)) => {
            let format = ty::date_format(*format);
            quote!(fields.date(#wire, #format))
        }
        _ => quote!(fields.parse(#wire)),
    };
    Some(if field.required { quote!(reply.require(#wire, #value)?) } else { xml::or_default(field, value) })
}

/// One field is the whole document.
fn payload(output: &Ident, fields: &[Field], field: &str, root: &str) -> TokenStream {
    let Some(field) = fields.iter().find(|it| it.name == field) else { return TokenStream::new() };
    let (name, shape) = (ty::field(&field.name), ty::plain(&field.ty, false));
    let value = if field.required {
        quote!(reply.require(#root, document)?)
    } else if field.default.is_some() {
        quote!(document.unwrap_or_default())
    } else {
        quote!(document)
    };
    let (look, headers) = (look(fields), headers(fields));
    quote! {
        let document = reply.xml_value(#root, #shape::read).await?;
        #look
        Ok(Box::new(#output { #name: #value, #(#headers),* }))
    }
}

/// The fields are children of the root, or its text.
fn document(api: &Api, output: &Ident, fields: &[Field], root: &str, decoded: Option<&Decoded>) -> TokenStream {
    if let Some(field) = fields.iter().find(|field| field.place == Place::Xml(XmlPath::Text)) {
        return root_text(output, fields, field, root);
    }
    let awaited: Vec<_> = fields.iter().filter(|field| is_awaited(field)).collect();
    let locals = awaited.iter().map(|field| {
        let local = ty::local(&field.name);
        quote!(let mut #local = None;)
    });
    let arms = fields.iter().filter_map(|field| xml::arm(&quote!(out), field));
    let filled = awaited.iter().map(|field| {
        let (name, local, what) = (ty::field(&field.name), ty::local(&field.name), xml::element(field));
        quote!(out.#name = reply.require(#what, #local)?;)
    });
    let look = look(fields);
    let headers = fields.iter().filter_map(|field| {
        let (name, value) = (ty::field(&field.name), header(field)?);
        Some(quote!(out.#name = #value;))
    });
    let decoded = decoded.map_or_else(TokenStream::new, |decoded| decoding(api, fields, decoded));
    quote! {
        let mut out = #output::default();
        #(#locals)*
        reply.xml(#root, &mut |name, xml| {
            match name {
                #(#arms)*
                _ => xml.skip()?,
            }
            Ok(())
        }).await?;
        #look
        #(#headers)*
        #(#filled)*
        #decoded
        Ok(Box::new(out))
    }
}

/// The root's own text is a field. An empty answer is an empty text, which may mean something.
fn root_text(output: &Ident, fields: &[Field], field: &Field, root: &str) -> TokenStream {
    let name = ty::field(&field.name);
    let meaning = if field.aliases.is_empty() { TokenStream::new() } else { xml::alias(field) };
    let empty_means = field.aliases.iter().any(|(wire, _)| wire.is_empty());
    let is_text = field.aliases.is_empty() && field.ty == Type::Scalar(ScalarType::String) && !field.secret;
    let text = if is_text { quote!(text) } else { quote!(text.into()) };
    let value = match (ty::is_option(field, Role::Output), empty_means) {
        (true, true) => quote!(Some(#text)),
        (true, false) => {
            if is_text {
                quote!((!text.is_empty()).then_some(text))
            } else {
                quote!((!text.is_empty()).then(|| #text))
            }
        }
        (false, _) => text,
    };
    let (look, headers) = (look(fields), headers(fields));
    quote! {
        let text = reply.xml_value(#root, |xml| xml.text()).await?.unwrap_or_default();
        #meaning
        #look
        Ok(Box::new(#output { #name: #value, #(#headers),* }))
    }
}

/// The lines that undo the encoding of keys. Fields of the same list share its loop.
fn decoding(api: &Api, fields: &[Field], decoded: &Decoded) -> TokenStream {
    let (input, output, value) = (ty::field(&decoded.input), ty::field(&decoded.output), &decoded.value);
    let lines = fields.iter().filter_map(|field| {
        let inner: Vec<&str> = (decoded.paths.iter())
            .filter(|path| path.first() == Some(&field.name))
            .map(|path| path.get(1).map_or("", String::as_str))
            .collect();
        let name = ty::field(&field.name);
        match inner.as_slice() {
            [] => None,
            [""] => Some(decode_line(field, &quote!(out.#name))),
            several => {
                let lines = several.iter().filter_map(|inner| {
                    let inner = sample::field_of(api, &field.ty, inner)?;
                    let name = ty::field(&inner.name);
                    Some(decode_line(inner, &quote!(item.#name)))
                });
                let items = if matches!(field.ty, Type::List(_)) {
                    quote!(&mut out.#name)
                } else if ty::is_option(field, Role::Output) {
                    quote!(out.#name.iter_mut())
                } else {
                    quote!([&mut out.#name])
                };
                Some(quote!(for item in #items { #(#lines)* }))
            }
        }
    });
    quote! {
        if self.#input.is_none() && out.#output.as_ref().is_some_and(|it| it.as_str() == #value) {
            #(#lines)*
        }
    }
}

fn decode_line(field: &Field, target: &TokenStream) -> TokenStream {
    if matches!(field.ty, Type::List(_)) || ty::is_option(field, Role::Output) {
        quote!(#target.iter_mut().for_each(decode_key);)
    } else {
        quote!(decode_key(&mut #target);)
    }
}
