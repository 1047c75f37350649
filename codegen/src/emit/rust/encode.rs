//! From the request to the wire: one line for each fact of the model, in its order.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Answer, Api, Checksum, Constraint, Field, Operation, Place, RequestBody, ScalarType, Type, Verb};

use super::{ty, xml};

/// The constant facts.
pub(super) fn facts(op: &Operation) -> TokenStream {
    let (name, span) = (&op.name, &op.stem);
    let verb = match op.verb {
        Verb::Get => quote!(Verb::Get),
        Verb::Put => quote!(Verb::Put),
        Verb::Post => quote!(Verb::Post),
        Verb::Delete => quote!(Verb::Delete),
        Verb::Head => quote!(Verb::Head),
    };
    let checksum = match op.checksum {
        Checksum::No => quote!(ChecksumRule::None),
        Checksum::Supported { .. } => quote!(ChecksumRule::Supported),
        Checksum::Required { .. } => quote!(ChecksumRule::Required),
        Checksum::Announced { .. } => quote!(ChecksumRule::Announced),
    };
    let (idempotent, error_in_200) = (op.idempotent, op.error_in_200);
    let streams_in = matches!(op.request.body, RequestBody::Stream(_));
    let streams_out = matches!(op.answer, Answer::Stream { .. });
    quote! {
        const FACTS: &'static OperationFacts = &OperationFacts {
            name: #name,
            span: #span,
            verb: #verb,
            checksum: #checksum,
            idempotent: #idempotent,
            error_in_200: #error_in_200,
            streams_in: #streams_in,
            streams_out: #streams_out,
        };
    }
}

/// The bucket and the key, for errors and telemetry.
pub(super) fn target(op: &Operation) -> TokenStream {
    let getter = |place: &Place, name: &str| {
        let Some(field) = ty::at_place(&op.request.fields, place) else { return TokenStream::new() };
        let (getter, field) = (ty::ident(name), ty::field(&field.name));
        quote! {
            fn #getter(&self) -> Option<&str> {
                Some(&self.#field)
            }
        }
    };
    let (bucket, key) = (getter(&Place::Bucket, "bucket"), getter(&Place::Key, "key"));
    quote!(#bucket #key)
}

/// `encode`: the path, the constant query, then the fields.
pub(super) fn encode(api: &Api, op: &Operation) -> TokenStream {
    let fields = &op.request.fields;
    let in_path = |field: &&Field| matches!(field.place, Place::Bucket | Place::Key);
    let path = [Place::Bucket, Place::Key].into_iter().filter_map(|place| ty::at_place(fields, &place));
    let path = path.map(|field| line(api, op, field));
    let constants = op.constants.iter().map(|(name, value)| match value {
        Some(value) => quote!(w.query(#name, #value);),
        None => quote!(w.flag(#name);),
    });
    let others = fields.iter().filter(|field| !in_path(field)).map(|field| {
        let limits = limits(&quote!(w), api, field);
        let line = line(api, op, field);
        quote!(#limits #line)
    });
    quote! {
        fn encode(&mut self, w: &mut RequestWriter) {
            #(#path)*
            #(#constants)*
            #(#others)*
        }
    }
}

fn line(api: &Api, op: &Operation, field: &Field) -> TokenStream {
    let (name, local) = (ty::field(&field.name), ty::local(&field.name));
    let is_option = ty::is_option(field, ty::Role::Input);
    let date = match field.ty {
        Type::Scalar(ScalarType::Timestamp(format)) => Some(ty::date_format(format)),
        _ => None,
    };
    let moment = if is_option { quote!(&self.#name) } else { quote!(&Some(self.#name)) };
    let value = match &field.unless_set {
        Some(otherwise) => {
            let plain = ty::plain(&field.ty, field.secret);
            quote!(self.#name.as_ref().map_or(#otherwise, #plain::as_str))
        }
        None => quote!(&self.#name),
    };
    let chosen = match &op.checksum {
        Checksum::Supported { algorithm }
        | Checksum::Announced { algorithm }
        | Checksum::Required { algorithm: Some(algorithm) } => *algorithm == field.name,
        _ => false,
    };
    match &field.place {
        Place::Bucket => quote!(w.bucket(&self.#name);),
        Place::Key => quote!(w.key(&self.#name);),
        Place::Query(wire) => match date {
            Some(format) => quote!(w.query_date(#wire, #moment, #format);),
            None => quote!(w.query(#wire, #value);),
        },
        Place::Header(wire) if op.validate.as_ref() == Some(&field.name) => quote!(w.checksum_mode(#wire, #value);),
        Place::Header(wire) if chosen => quote!(w.checksum_algorithm(#wire, #value);),
        Place::Header(wire) => match (&field.md5_of, date, &field.ty) {
            (Some(of), ..) => {
                let of = ty::field(of);
                quote!(w.header_md5(#wire, &self.#name, &self.#of);)
            }
            (_, Some(format), _) => quote!(w.header_date(#wire, #moment, #format);),
            (_, _, Type::List(_)) => quote!(w.header_list(#wire, &self.#name);),
            _ => quote!(w.header(#wire, #value);),
        },
        Place::HeaderPrefix(prefix) => quote!(w.metadata(#prefix, &self.#name);),
        Place::PayloadStream => quote!(w.body(std::mem::take(&mut self.#name));),
        Place::PayloadText if is_option => quote! {
            if let Some(#local) = &self.#name {
                w.text_body("text/plain", #local);
            }
        },
        Place::PayloadText => quote!(w.text_body("text/plain", &self.#name);),
        Place::PayloadXml(root) => {
            let xmlns = &api.service.xmlns;
            if is_option {
                quote! {
                    if let Some(#local) = &self.#name {
                        w.xml_body(#root, #xmlns, |xml| #local.write(xml));
                    }
                }
            } else {
                quote!(w.xml_body(#root, #xmlns, |xml| self.#name.write(xml));)
            }
        }
        Place::Xml(path) => xml::write(api, field, path),
    }
}

/// The checks before a field's own line. `w` is the writer of the request or of its XML.
pub(super) fn limits(w: &TokenStream, api: &Api, field: &Field) -> TokenStream {
    let lines = field.limits.iter().map(|limit| {
        let (name, local) = (ty::field(&field.name), ty::local(&field.name));
        let is_option = ty::is_option(field, ty::Role::Input);
        let (label, target, optional) = match &limit.inner {
            Some(inner) => {
                let label = format!("{}.{inner}", field.name);
                let inner_field = super::sample::field_of(api, &field.ty, inner);
                let optional = inner_field.is_some_and(|field| ty::is_option(field, ty::Role::Output));
                let inner = ty::field(inner);
                (label, quote!(.#inner), optional)
            }
            None => (field.name.clone(), TokenStream::new(), false),
        };
        let value = if is_option { quote!(#local #target) } else { quote!(self.#name #target) };
        let value = if optional { quote!(#value.as_deref().unwrap_or_default()) } else { value };
        let line = match &limit.constraint {
            Constraint::Range(min, max) => {
                let (min, max) = (integer(*min), integer(*max));
                let value = if is_option { quote!(*#value) } else { value };
                let wide = field.ty == Type::Scalar(ScalarType::I64);
                let value = if wide { value } else { quote!(i64::from(#value)) };
                quote!(#w.limit_range(#label, #value, #min, #max);)
            }
            Constraint::Chars(min, max) => {
                let (min, max) = (integer(*min as i64), integer(*max as i64));
                let value = if is_option { value } else { quote!(&#value) };
                quote!(#w.limit_chars(#label, #value, #min, #max);)
            }
            Constraint::NotPrefix(prefix) => {
                let value = if is_option { value } else { quote!(&#value) };
                quote!(#w.refuse_prefix(#label, #value, #prefix);)
            }
            Constraint::Items(min, max) => {
                let (min, max) = (integer(*min as i64), integer(*max as i64));
                quote!(#w.limit_items(#label, #value.len(), #min, #max);)
            }
            Constraint::Unique(inner) => {
                let label = format!("{label}.{inner}");
                let inner = ty::field(inner);
                quote!(#w.refuse_twins(#label, #value.iter().map(|item| item.#inner.as_str()));)
            }
        };
        if is_option { quote!(if let Some(#local) = &self.#name { #line }) } else { line }
    });
    quote!(#(#lines)*)
}

/// An integer literal with its thousands separated, `10_000`.
fn integer(value: i64) -> TokenStream {
    let digits = super::docs::number(value).replace(',', "_");
    digits.parse().unwrap_or_else(|_| quote!(#value))
}
