//! One document, two readers: ours, and quick-xml under the rules that S3's XML is held to here. Used by a property test and by
//! the fuzz target `xml_peer`, so it leans on nothing but the names its parent imports.

use super::{Document, DocumentError, XmlError, XmlReader};
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};

/// An element: its name without prefix, its attribute `a`, its text if it is a leaf, else its children.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Element {
    name: String,
    attribute: Option<String>,
    text: String,
    children: Vec<Element>,
}

/// Elements in lower case hold text, the others elements; what a leaf holds beside its text is passed over.
fn is_leaf(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// What our reader makes of a document that arrives in pieces: the children of its root.
pub(super) fn ours<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Result<Vec<Element>, DocumentError> {
    fn read(name: &str, xml: &mut XmlReader<'_>) -> Result<Element, XmlError> {
        let attribute = xml.attribute("a").map(|value| value.into_owned());
        let mut found = Element { name: name.to_owned(), attribute, ..Element::default() };
        if is_leaf(name) {
            found.text = xml.text()?;
            return Ok(found);
        }
        while let Some(child) = xml.child()? {
            found.children.push(read(child, xml)?);
        }
        Ok(found)
    }
    let mut found = Vec::new();
    let mut each = |name: &str, xml: &mut XmlReader<'_>| {
        found.push(read(name, xml)?);
        Ok(())
    };
    let mut document = Document::new("R");
    for piece in pieces {
        document.push(piece, &mut each)?;
    }
    document.end(&mut each)?;
    Ok(found)
}

/// What quick-xml makes of it, under our rules: one root called `R`, no document type, nothing but the five entities.
/// `Err` says why not.
pub(super) fn theirs(document: &str) -> Result<Vec<Element>, String> {
    let mut reader = Reader::from_str(document.strip_prefix('\u{feff}').unwrap_or(document));
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let event = reader.read_event().map_err(|e| e.to_string())?;
        if let Event::Start(start) | Event::Empty(start) = &event {
            if root.is_some() {
                return Err("a second root".into());
            }
            open.push(started(start)?);
        }
        let text = match &event {
            Event::PI(instruction) if !instruction.first().is_some_and(|b| is_name(&[*b])) => {
                return Err("an instruction without a name".into());
            }
            Event::Start(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) => continue,
            Event::End(_) | Event::Empty(_) => {
                let done = open.pop().ok_or("an end without a start")?;
                match open.last_mut() {
                    Some(parent) if is_leaf(&parent.name) => {}
                    Some(parent) => parent.children.push(done),
                    None => root = Some(done),
                }
                continue;
            }
            Event::Text(text) => text.xml_content().map_err(|e| e.to_string())?.into_owned(),
            Event::CData(data) if !open.is_empty() => {
                data.decode().map_err(|e| e.to_string())?.replace("\r\n", "\n").replace('\r', "\n")
            }
            Event::GeneralRef(reference) if !open.is_empty() => {
                match reference.resolve_char_ref().map_err(|e| e.to_string())? {
                    Some(c) => c.to_string(),
                    None => {
                        let name = reference.decode().map_err(|e| e.to_string())?;
                        resolve_xml_entity(&name).ok_or("an unknown entity")?.to_owned()
                    }
                }
            }
            Event::CData(_) | Event::GeneralRef(_) => return Err("text outside of the root".into()),
            Event::DocType(_) => return Err("a document type".into()),
            Event::Eof => break,
        };
        match open.last_mut() {
            Some(top) if is_leaf(&top.name) => top.text.push_str(&text),
            Some(_) => {}
            None if text.bytes().all(|b| b" \t\r\n".contains(&b)) => {}
            None => return Err("text outside of the root".into()),
        }
    }
    match root {
        Some(root) if open.is_empty() && root.name == "R" => Ok(root.children),
        _ => Err("no whole document with the root R".into()),
    }
}

/// quick-xml takes nearly everything for a name.
fn is_name(name: &[u8]) -> bool {
    let special = |b: &u8| *b <= b' ' || *b == 0x7f || b"<>/=&\"'!?;#()[]{},*+|~^`$%@\\".contains(b);
    !name.is_empty() && name.len() <= 1024 && !name.iter().any(special)
}

/// Nor does it mind `a="1"b="2"`.
fn is_spaced(raw: &[u8]) -> bool {
    let mut quote = None;
    let mut closed = false;
    for &byte in raw {
        match quote {
            Some(open) if byte == open => (quote, closed) = (None, true),
            Some(_) => {}
            None if closed && !b" \t\r\n".contains(&byte) => return false,
            None => {
                closed = false;
                quote = b"\"'".contains(&byte).then_some(byte);
            }
        }
    }
    true
}

fn started(start: &BytesStart<'_>) -> Result<Element, String> {
    let local = start.local_name();
    let first = start.name().as_ref().first().copied().unwrap_or_default();
    if !is_name(start.name().as_ref()) || local.as_ref().is_empty() || b"0123456789-.:".contains(&first) {
        return Err("no name for an element".into());
    }
    let name = std::str::from_utf8(local.as_ref()).map_err(|e| e.to_string())?.to_owned();
    let mut found = Element { name, ..Element::default() };
    if !is_spaced(start.attributes_raw()) {
        return Err("attributes without a blank between them".into());
    }
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let raw = std::str::from_utf8(&attribute.value).map_err(|e| e.to_string())?;
        let raw = raw.replace("\r\n", "\n").replace('\r', "\n");
        let value = quick_xml::escape::unescape(&raw).map_err(|e| e.to_string())?;
        let key = attribute.key;
        if !is_name(key.as_ref()) || attribute.value.contains(&b'<') {
            return Err("no name or value for an attribute".into());
        }
        let declares = key.prefix().is_some_and(|prefix| prefix.as_ref() == b"xmlns");
        if key.local_name().as_ref() == b"a" && !declares && found.attribute.is_none() {
            found.attribute = Some(value.into_owned());
        }
    }
    Ok(found)
}

/// Reasons for which ours may refuse what quick-xml, which does not look at them, lets through.
const STRICTER: [&str; 1] = ["a declaration that is not well formed"];

/// Compares the two.
///
/// # Panics
/// Where they disagree for no reason that is known.
pub(super) fn compare(document: &[u8], piece: usize) {
    let mine = ours(document.chunks(piece.max(1)));
    let Ok(text) = std::str::from_utf8(document) else {
        assert!(mine.is_err(), "bytes that are not UTF-8 were read: {mine:?}");
        return;
    };
    match (mine, theirs(text)) {
        (Ok(mine), Ok(theirs)) => assert_eq!(mine, theirs, "{text:?}"),
        (Ok(mine), Err(why)) => panic!("only ours reads {text:?}: {mine:?}; quick-xml says {why}"),
        (Err(DocumentError::Xml(XmlError::Malformed { what, .. })), Ok(_)) if STRICTER.contains(&what) => {}
        (Err(DocumentError::Xml(XmlError::TooDeep | XmlError::TooLarge)), Ok(_)) => {}
        (Err(why), Ok(theirs)) => panic!("only quick-xml reads {text:?}: {theirs:?}; ours says {why:?}"),
        (Err(_), Err(_)) => {}
    }
}
