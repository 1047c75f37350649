//! What the XML of this module promises, held against documents by hand, by chance and by malice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrival;
mod hostile;
mod oracle;
mod page;
mod peers;
mod reading;
mod writing;

use super::*;

/// A document as nested names and texts: simple enough to compare, complete enough to notice a slip.
#[derive(Clone, Debug, PartialEq)]
struct Tree {
    name: String,
    text: String,
    children: Vec<Tree>,
}

/// Reads the element last opened; elements with children lose their own text, as in all S3 shapes.
fn tree(name: &str, xml: &mut XmlReader<'_>, leaf: fn(&str) -> bool) -> Result<Tree, XmlError> {
    let mut found = Tree { name: name.to_owned(), text: String::new(), children: Vec::new() };
    if leaf(name) {
        found.text = xml.text()?;
        return Ok(found);
    }
    while let Some(child) = xml.child()? {
        found.children.push(tree(child, xml, leaf)?);
    }
    Ok(found)
}

/// Names in lower case hold text, the others elements.
fn by_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// All pieces of a body through the driver.
fn arrive<'p>(root: &'static str, pieces: impl IntoIterator<Item = &'p [u8]>) -> Result<Vec<Tree>, DocumentError> {
    let mut found = Vec::new();
    let mut each = |name: &str, xml: &mut XmlReader<'_>| {
        found.push(tree(name, xml, by_case)?);
        Ok(())
    };
    let mut document = Document::new(root);
    for piece in pieces {
        document.push(piece, &mut each)?;
    }
    document.end(&mut each)?;
    Ok(found)
}

/// The text of `<a>{inner}</a>`.
fn text_of(inner: &str) -> Result<String, XmlError> {
    let document = format!("<a>{inner}</a>");
    let mut xml = XmlReader::new(document.as_bytes());
    xml.root()?;
    let text = xml.text()?;
    xml.epilog()?;
    Ok(text)
}

/// Reads a whole document by skipping its root.
fn skim(bytes: &[u8]) -> Result<(), XmlError> {
    let mut xml = XmlReader::new(bytes);
    xml.root()?;
    xml.skip()?;
    xml.epilog()
}
