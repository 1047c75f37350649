//! Places: what `header`, `query`, `payload` and `xml` may say, and which types can travel there.

use super::names::Owner;
use super::route;
use super::types::{Refusal, written};
use crate::ir::names::pascal_of_snake;
use crate::ir::{Place, ScalarType, Type, XmlPath};
use crate::model::{RawField, Text};
use crate::spelling;
use std::ops::Range;

/// How a place is named in a message; `None` for those that cannot be taken twice.
pub(super) fn wire_name(place: &Place) -> Option<String> {
    Some(match place {
        Place::Query(name) => format!("query parameter `{name}`"),
        Place::Header(name) => format!("header `{name}`"),
        Place::HeaderPrefix(prefix) => format!("header prefix `{prefix}*`"),
        Place::PayloadStream | Place::PayloadText | Place::PayloadXml(_) => "body".to_owned(),
        Place::Xml(path) => match path {
            XmlPath::Element(name) | XmlPath::Flattened(name) | XmlPath::Wrapped { outer: name, .. } => {
                format!("element `{name}`")
            }
            XmlPath::Attribute(name) => format!("attribute `{name}`"),
            XmlPath::Text => "text of the element".to_owned(),
        },
        Place::Bucket | Place::Key => return None,
    })
}

pub(super) type Placed = Result<Place, (Range<usize>, Refusal)>;

pub(super) fn unplaced(name: &str, raw: &RawField, owner: Owner) -> Result<Place, Refusal> {
    if owner == Owner::Input {
        return Err((
            format!("`{name}` has no place"),
            "say where it travels: `header`, `query` or `payload`; only labels of the path have none".into(),
        ));
    }
    let element = pascal_of_snake(name);
    if raw.ty.as_ref().is_some_and(|ty| ty.get_ref().trim_start().starts_with("List")) {
        let help = format!(
            "write `xml = \"{element}[]\"` if the items follow each other, `xml = \"{element}/Item[]\"` if an element holds them"
        );
        return Err((format!("the list `{name}` has no place"), help));
    }
    Ok(Place::Xml(XmlPath::Element(element)))
}

pub(super) fn placed(key: &str, text: &Text, raw: &RawField, owner: Owner) -> Placed {
    let allowed: &[&str] = match owner {
        Owner::Input => &["header", "query", "payload"],
        Owner::Output => &["header", "xml", "payload"],
        Owner::Struct | Owner::Union => &["xml"],
    };
    let result = if !allowed.contains(&key) {
        let (message, help) = match (owner, key) {
            (Owner::Input, _) => (
                "a request has no loose XML elements",
                "make the document a shape of model/types and give its field `payload = \"xml\"`",
            ),
            (Owner::Output, _) => ("an answer has no query", "use `header`, `xml` or `payload`"),
            _ => ("a shape lives inside an XML document", "use `xml`, or leave the place out"),
        };
        Err((message.to_owned(), help.to_owned()))
    } else {
        match key {
            "header" => header(text.get_ref(), owner),
            "query" => query(text.get_ref()),
            "payload" => payload(text.get_ref(), raw),
            _ => xml_path(text.get_ref()).map(Place::Xml),
        }
    };
    result.map_err(|refusal| (text.span(), refusal))
}

/// Headers the runtime writes: a field for one of them would fight with it.
const OWN_HEADERS: [&str; 7] =
    ["authorization", "connection", "host", "transfer-encoding", "x-amz-date", "x-amz-security-token", "user-agent"];

fn header(text: &str, owner: Owner) -> Result<Place, Refusal> {
    let name = text.strip_suffix('*').unwrap_or(text);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err((
            format!("`{text}` is not the name of a header"),
            "use letters, digits and `-`, with `*` at the end for a prefix".into(),
        ));
    }
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        return Err((
            "names of headers are written in lower case".into(),
            format!("write `{}`", text.to_ascii_lowercase()),
        ));
    }
    if owner == Owner::Input && OWN_HEADERS.contains(&name) {
        return Err((format!("the header `{name}` is written by the runtime"), "delete the field".into()));
    }
    let name = name.to_owned();
    Ok(if text.ends_with('*') { Place::HeaderPrefix(name) } else { Place::Header(name) })
}

fn query(text: &str) -> Result<Place, Refusal> {
    if text.is_empty() || !text.chars().all(route::is_plain) {
        return Err((
            format!("`{text}` is not the name of a query parameter"),
            "use letters, digits, `-`, `.`, `_` and `~`".into(),
        ));
    }
    Ok(Place::Query(text.to_owned()))
}

fn payload(text: &str, raw: &RawField) -> Result<Place, Refusal> {
    match text {
        "stream" => Ok(Place::PayloadStream),
        "text" => Ok(Place::PayloadText),
        "xml" => {
            let root = raw.root.as_ref().or(raw.ty.as_ref()).map(|text| text.get_ref().trim().to_owned());
            let root = root.filter(|root| is_xml_name(root));
            root.map(Place::PayloadXml).ok_or_else(|| {
                (
                    "the document has no root".into(),
                    "give the struct it is with `type`, and `root` if its element has another name".into(),
                )
            })
        }
        other => {
            let help = spelling::suggestion(other, ["stream", "text", "xml"], "write `stream`, `text` or `xml`");
            Err((format!("unknown payload `{other}`"), help))
        }
    }
}

pub(super) fn is_xml_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn xml_path(text: &str) -> Result<XmlPath, Refusal> {
    let refuse = || {
        let help = "write `Name`, `Name[]` for items that follow each other, `Outer/Name[]` for items in an element, `@name` or `.`";
        (format!("`{text}` is not a place in an XML document"), help.to_owned())
    };
    if text == "." {
        return Ok(XmlPath::Text);
    }
    if let Some(name) = text.strip_prefix('@') {
        let (prefix, local) = name.split_once(':').map_or((None, name), |(prefix, local)| (Some(prefix), local));
        let fine = is_xml_name(local) && prefix.is_none_or(is_xml_name);
        return if fine { Ok(XmlPath::Attribute(name.to_owned())) } else { Err(refuse()) };
    }
    let path = match (text.strip_suffix("[]"), text.split_once('/')) {
        (Some(list), Some((outer, _))) => {
            let item = list.split_once('/').map(|(_, item)| item).ok_or_else(refuse)?;
            XmlPath::Wrapped { outer: outer.to_owned(), item: item.to_owned() }
        }
        (Some(list), None) => XmlPath::Flattened(list.to_owned()),
        (None, None) => XmlPath::Element(text.to_owned()),
        (None, Some(_)) => return Err(refuse()),
    };
    let fine = match &path {
        XmlPath::Wrapped { outer, item } => is_xml_name(outer) && is_xml_name(item),
        XmlPath::Flattened(name) | XmlPath::Element(name) => is_xml_name(name),
        XmlPath::Attribute(_) | XmlPath::Text => true,
    };
    if fine { Ok(path) } else { Err(refuse()) }
}

pub(super) fn innermost(ty: &Type) -> &Type {
    match ty {
        Type::List(item) => item,
        other => other,
    }
}

/// Why this type cannot travel in this place.
pub(super) fn misfit(place: &Place, ty: &Type, owner: Owner) -> Option<Refusal> {
    let one_word = |ty: &Type| matches!(ty, Type::Scalar(_) | Type::Enum(_));
    let refuse = |message: String, help: &str| Some((message, help.to_owned()));
    let name = written(ty);
    if matches!(innermost(ty), Type::Scalar(ScalarType::Range | ScalarType::CopySource))
        && !(owner == Owner::Input && matches!(place, Place::Header(_)) && !matches!(ty, Type::List(_)))
    {
        return refuse(format!("`{name}` is for headers of requests"), "use `String` here");
    }
    match place {
        Place::Bucket | Place::Key if *ty != Type::Scalar(ScalarType::String) => {
            refuse(format!("a part of the path is a text, not `{name}`"), "delete `type`")
        }
        Place::Query(_) if !one_word(ty) => {
            refuse(format!("`{name}` does not fit into a query parameter"), "only single values do")
        }
        Place::Header(_) if !one_word(innermost(ty)) => refuse(
            format!("`{name}` does not fit into a header"),
            "single values and lists of them do; a map needs a prefix such as `x-amz-meta-*`",
        ),
        Place::HeaderPrefix(_) if *ty != Type::Map => {
            refuse(format!("a header prefix holds a map, not `{name}`"), "write `type = \"Map<String>\"`")
        }
        Place::PayloadText if *ty != Type::Scalar(ScalarType::String) => {
            refuse(format!("a text body is a text, not `{name}`"), "delete `type`")
        }
        Place::PayloadXml(_) if !matches!(ty, Type::Struct(_)) => {
            refuse(format!("an XML body is a struct, not `{name}`"), "make a struct of model/types out of it")
        }
        Place::Xml(path) => xml_misfit(path, ty, &name),
        _ => None,
    }
}

fn xml_misfit(path: &XmlPath, ty: &Type, name: &str) -> Option<Refusal> {
    let list = matches!(ty, Type::List(_));
    match path {
        _ if *ty == Type::Map => Some((
            "a map does not fit into an XML document".into(),
            "maps are for header prefixes; use a list of structs".into(),
        )),
        XmlPath::Element(element) if list => Some((
            format!("the list `{name}` stands in a single element"),
            format!(
                "write `xml = \"{element}[]\"` if the items follow each other, `xml = \"{element}/Item[]\"` if an element holds them"
            ),
        )),
        XmlPath::Flattened(_) | XmlPath::Wrapped { .. } if !list => Some((
            format!("the place is one of many items, and `{name}` is one"),
            format!("make the type `List<{name}>`, or delete `[]`"),
        )),
        XmlPath::Attribute(_) | XmlPath::Text if !matches!(ty, Type::Scalar(_) | Type::Enum(_)) => {
            Some((format!("`{name}` does not fit into a text"), "only single values do; use an element".into()))
        }
        _ => None,
    }
}
