//! Fields as XML: the line that writes one, and the arm that reads one.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Api, Field, Place, ScalarType, ShapeKind, Type, XmlPath};

use super::ty::{self, Role};
use super::{encode, sample};

/// Writes a field of `self` with the writer `xml`, its limits before it.
pub(super) fn write(api: &Api, field: &Field, path: &XmlPath) -> TokenStream {
    let name = ty::field(&field.name);
    let limits = encode::limits(&quote!(xml), api, field);
    let line = match path {
        XmlPath::Attribute(_) => return TokenStream::new(),
        XmlPath::Text => quote!(xml.text(&self.#name);),
        XmlPath::Element(wire) => element_line(api, field, wire),
        XmlPath::Flattened(wire) => items(api, field, wire),
        XmlPath::Wrapped { outer, item } => {
            let items = items(api, field, item);
            let wrapped = quote!(xml.open(#outer); #items xml.close(#outer););
            if field.required { wrapped } else { quote!(if !self.#name.is_empty() { #wrapped }) }
        }
    };
    quote!(#limits #line)
}

fn element_line(api: &Api, field: &Field, wire: &str) -> TokenStream {
    let name = ty::field(&field.name);
    let is_option = ty::is_option(field, Role::Input);
    match &field.ty {
        Type::Struct(_) | Type::Union(_) if is_option => {
            let local = ty::local(&field.name);
            let nest = nest(api, &field.ty, wire, &quote!(#local));
            quote!(if let Some(#local) = &self.#name { #nest })
        }
        Type::Struct(_) | Type::Union(_) => nest(api, &field.ty, wire, &quote!(self.#name)),
        Type::Scalar(ScalarType::Timestamp(format)) => {
            let format = ty::date_format(*format);
            let moment = if is_option { quote!(&self.#name) } else { quote!(&Some(self.#name)) };
            quote!(xml.date(#wire, #moment, #format);)
        }
        _ => quote!(xml.element(#wire, &self.#name);),
    }
}

fn items(api: &Api, field: &Field, wire: &str) -> TokenStream {
    let name = ty::field(&field.name);
    let Type::List(of) = &field.ty else { return TokenStream::new() };
    let line = match of.as_ref() {
        Type::Struct(_) | Type::Union(_) => nest(api, of, wire, &quote!(item)),
        Type::Scalar(ScalarType::Timestamp(format)) => {
            let format = ty::date_format(*format);
            quote!(xml.date(#wire, &Some(*item), #format);)
        }
        _ => quote!(xml.element(#wire, item);),
    };
    quote!(for item in &self.#name { #line })
}

/// A struct or union as a child element.
fn nest(api: &Api, ty: &Type, wire: &str, value: &TokenStream) -> TokenStream {
    if sample::shape_of(api, ty).is_some_and(|shape| has_attributes(&shape.kind)) {
        quote!(xml.nest_with(#wire, &#value.attributes(), |xml| #value.write(xml));)
    } else {
        quote!(xml.nest(#wire, |xml| #value.write(xml));)
    }
}

/// Whether some field of the struct is an attribute of its element.
pub(super) fn has_attributes(kind: &ShapeKind) -> bool {
    matches!(kind, ShapeKind::Struct(fields) if fields.iter().any(|field| attribute(field).is_some()))
}

/// The field's attribute name, with its prefix.
pub(super) fn attribute(field: &Field) -> Option<&str> {
    match &field.place {
        Place::Xml(XmlPath::Attribute(name)) => Some(name),
        _ => None,
    }
}

/// The name of the child element that holds the field, for messages.
pub(super) fn element(field: &Field) -> &str {
    match &field.place {
        Place::Xml(XmlPath::Element(name) | XmlPath::Flattened(name) | XmlPath::Attribute(name)) => name,
        Place::Xml(XmlPath::Wrapped { outer, .. }) => outer,
        _ => &field.name,
    }
}

/// The arm that reads a field into `target`, after the read succeeded. What must be there goes into a local first.
pub(super) fn arm(target: &TokenStream, field: &Field) -> Option<TokenStream> {
    let name = ty::field(&field.name);
    let wire = match &field.place {
        Place::Xml(XmlPath::Attribute(_) | XmlPath::Text) => return None,
        Place::Xml(_) => element(field),
        _ => return None,
    };
    let action = match (&field.place, &field.ty) {
        (Place::Xml(XmlPath::Wrapped { item, .. }), Type::List(of)) => {
            let read = reader(of);
            let list = quote!(xml.list(#item, #read)?);
            if ty::is_few(&field.ty) { quote!(#target.#name = #list.into()) } else { quote!(#target.#name = #list) }
        }
        (_, Type::List(of)) => match of.as_ref() {
            Type::Struct(_) | Type::Union(_) => {
                let shape = ty::plain(of, false);
                quote!(#target.#name.push(#shape::read(xml)?))
            }
            Type::Scalar(ScalarType::String) if !field.secret => quote!(#target.#name.push(xml.text()?)),
            Type::Scalar(ScalarType::Timestamp(format)) => {
                let format = ty::date_format(*format);
                quote!(#target.#name.extend(xml.date(#format)?))
            }
            // Numbers could be extended by references to numbers, so their type has to be said.
            of if ty::is_copy(of) => {
                let of = ty::plain(of, false);
                quote!(#target.#name.extend(xml.value::<#of>()?))
            }
            _ => quote!(#target.#name.extend(xml.value()?)),
        },
        _ if field.required => {
            let (local, value) = (ty::local(&field.name), optional(field));
            quote!(#local = #value)
        }
        _ => {
            let value = if field.default.is_some() { or_default(field, read(field)) } else { optional(field) };
            quote!(#target.#name = #value)
        }
    };
    Some(quote!(#wire => #action,))
}

/// Reads a value as an `Option`, where a text or struct that is there is always some.
fn optional(field: &Field) -> TokenStream {
    let value = read(field);
    let certain = field.aliases.is_empty() && is_certain(field);
    if certain { quote!(Some(#value)) } else { value }
}

/// Whether the reading of an element that is there always gives a value.
fn is_certain(field: &Field) -> bool {
    match &field.ty {
        Type::Scalar(ScalarType::String) => !field.secret,
        Type::Struct(_) | Type::Union(_) => true,
        _ => false,
    }
}

/// Reads one element: the value itself if [`is_certain`], else an `Option`.
fn read(field: &Field) -> TokenStream {
    match &field.ty {
        _ if !field.aliases.is_empty() => {
            let meaning = meaning(field, &quote!(xml.text()?.as_str()));
            quote!(Some(#meaning))
        }
        Type::Scalar(ScalarType::String) if !field.secret => quote!(xml.text()?),
        Type::Struct(_) | Type::Union(_) => {
            let shape = ty::plain(&field.ty, false);
            quote!(#shape::read(xml)?)
        }
        Type::Scalar(ScalarType::Timestamp(format)) => {
            let format = ty::date_format(*format);
            quote!(xml.date(#format)?)
        }
        _ => quote!(xml.value()?),
    }
}

/// A function that reads one item of a wrapped list.
fn reader(of: &Type) -> TokenStream {
    match of {
        Type::Struct(_) | Type::Union(_) => {
            let shape = ty::plain(of, false);
            quote!(#shape::read)
        }
        Type::Scalar(ScalarType::String) => quote!(|xml| xml.text()),
        Type::Enum(_) => quote!(|xml| Ok(xml.text()?.into())),
        Type::Scalar(ScalarType::Timestamp(format)) => {
            let format = ty::date_format(*format);
            quote!(|xml| Ok(xml.date(#format)?.unwrap_or_default()))
        }
        _ => quote!(|xml| Ok(xml.value()?.unwrap_or_default())),
    }
}

/// What a text means: itself, or another one if the model says so.
pub(super) fn meaning(field: &Field, text: &TokenStream) -> TokenStream {
    if field.aliases.is_empty() {
        return quote!(#text.into());
    }
    let arms = field.aliases.iter().map(|(wire, meaning)| quote!(#wire => #meaning,));
    quote!(match #text { #(#arms)* other => other }.into())
}

/// The statement that replaces the variable `text` by what it means.
pub(super) fn alias(field: &Field) -> TokenStream {
    let arms = field.aliases.iter().map(|(wire, meaning)| quote!(#wire => #meaning,));
    quote!(let text = match text.as_str() { #(#arms)* other => other };)
}

/// The plain value, with the model's default where there is none.
pub(super) fn or_default(field: &Field, value: TokenStream) -> TokenStream {
    let Some(default) = &field.default else { return value };
    if is_certain(field) && matches!(field.place, Place::Xml(_)) {
        return value;
    }
    match (&field.ty, default.as_str()) {
        (_, "" | "0" | "false") => quote!(#value.unwrap_or_default()),
        (Type::Scalar(ScalarType::Bool), _) => quote!(#value.unwrap_or(true)),
        (Type::Scalar(ScalarType::I32 | ScalarType::I64), number) => {
            let number: TokenStream = number.parse().unwrap_or_default();
            quote!(#value.unwrap_or(#number))
        }
        (_, text) => quote!(#value.unwrap_or_else(|| #text.into())),
    }
}

/// The body of `read` of a struct: attributes, then children, or the element's own text.
pub(super) fn read_fields(fields: &[Field]) -> TokenStream {
    let attributes: Vec<_> = fields.iter().filter_map(read_attribute).collect();
    if let Some(field) = fields.iter().find(|field| field.place == Place::Xml(XmlPath::Text)) {
        let name = ty::field(&field.name);
        let value = if ty::is_option(field, Role::Output) { optional(field) } else { read(field) };
        return quote!(Ok(Self { #(#attributes,)* #name: #value }));
    }
    if attributes.len() == fields.len() {
        return quote!(let it = Self { #(#attributes),* }; xml.skip()?; Ok(it));
    }
    let must = |field: &&Field| {
        field.required && ty::is_single(&field.ty) && matches!(field.place, Place::Xml(XmlPath::Element(_)))
    };
    let locals = fields.iter().filter(must).map(|field| {
        let local = ty::local(&field.name);
        quote!(let mut #local = None;)
    });
    let filled = fields.iter().filter(must).map(|field| {
        let (name, local, what) = (ty::field(&field.name), ty::local(&field.name), element(field));
        quote!(it.#name = xml.require(#what, #local)?;)
    });
    let arms = fields.iter().filter_map(|field| arm(&quote!(it), field));
    let start = if attributes.is_empty() {
        quote!(Self::default())
    } else {
        quote!(Self { #(#attributes,)* ..Self::default() })
    };
    quote! {
        let mut it = #start;
        #(#locals)*
        while let Some(name) = xml.child()? {
            match name {
                #(#arms)*
                _ => xml.skip()?,
            }
        }
        #(#filled)*
        Ok(it)
    }
}

/// `name: value` for a field that is an attribute.
fn read_attribute(field: &Field) -> Option<TokenStream> {
    let (name, wire) = (ty::field(&field.name), attribute(field)?);
    let local = wire.rsplit(':').next().unwrap_or(wire);
    let text = quote!(xml.attribute(#local));
    let value = match (&field.ty, ty::is_option(field, Role::Output)) {
        (Type::Enum(_), true) => quote!(#text.map(|text| text.as_ref().into())),
        (Type::Enum(_), false) => quote!(#text.unwrap_or_default().as_ref().into()),
        (Type::Scalar(ScalarType::String), true) => quote!(#text.map(Into::into)),
        (Type::Scalar(ScalarType::String), false) => quote!(#text.unwrap_or_default().into()),
        (_, true) => quote!(#text.and_then(|text| FromWire::from_wire(&text))),
        (_, false) => quote!(#text.and_then(|text| FromWire::from_wire(&text)).unwrap_or_default()),
    };
    Some(quote!(#name: #value))
}

/// The expression that reads one member of a union, and makes `it` of it.
pub(super) fn union_arm(field: &Field, variant: &proc_macro2::Ident) -> TokenStream {
    let wire = element(field);
    match (&field.ty, &field.place) {
        (Type::List(of), Place::Xml(XmlPath::Wrapped { item, .. })) => {
            let read = reader(of);
            let list = quote!(xml.list(#item, #read)?);
            let list = if ty::is_few(&field.ty) { quote!(#list.into()) } else { list };
            quote!(#wire => it = Self::#variant(#list),)
        }
        (Type::List(of), _) => {
            let item = match of.as_ref() {
                Type::Struct(_) | Type::Union(_) => {
                    let shape = ty::plain(of, false);
                    quote!(#shape::read(xml)?)
                }
                Type::Scalar(ScalarType::String) => quote!(xml.text()?),
                Type::Enum(_) => quote!(xml.text()?.into()),
                Type::Scalar(ScalarType::Timestamp(format)) => {
                    let format = ty::date_format(*format);
                    quote!(xml.date(#format)?.unwrap_or_default())
                }
                _ => quote!(xml.value()?.unwrap_or_default()),
            };
            let first = if ty::is_few(&field.ty) { quote!([item].into()) } else { quote!(vec![item]) };
            quote!(#wire => {
                let item = #item;
                match &mut it {
                    Self::#variant(items) => items.push(item),
                    _ => it = Self::#variant(#first),
                }
            })
        }
        _ if is_certain(field) => {
            let value = read(field);
            quote!(#wire => it = Self::#variant(#value),)
        }
        _ => {
            let value = read(field);
            quote!(#wire => it = #value.map_or(it, Self::#variant),)
        }
    }
}

/// The line that writes `value`, the content of one member of a union.
pub(super) fn union_line(api: &Api, field: &Field) -> TokenStream {
    let wire = element(field);
    match &field.ty {
        Type::Struct(_) | Type::Union(_) => {
            let line = nest(api, &field.ty, wire, &quote!(value));
            quote!(#line)
        }
        Type::List(of) => {
            let wire = match &field.place {
                Place::Xml(XmlPath::Wrapped { item, .. }) => item,
                _ => wire,
            };
            let line = match of.as_ref() {
                Type::Struct(_) | Type::Union(_) => nest(api, of, wire, &quote!(item)),
                _ => quote!(xml.element(#wire, item);),
            };
            match &field.place {
                Place::Xml(XmlPath::Wrapped { outer, .. }) => {
                    quote!(xml.open(#outer); for item in value { #line } xml.close(#outer);)
                }
                _ => quote!(for item in value { #line }),
            }
        }
        Type::Scalar(ScalarType::Timestamp(format)) => {
            let format = ty::date_format(*format);
            quote!(xml.date(#wire, &Some(*value), #format);)
        }
        _ => quote!(xml.element(#wire, value);),
    }
}
