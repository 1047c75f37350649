//! Any bytes through the document driver, whole and in pieces: a value or an error, and the same value.
#![no_main]

use integration_s3_runtime::plumbing::xml::{Document, DocumentError};
use integration_s3_runtime::plumbing::{DateFormat, XmlError, XmlReader};
use libfuzzer_sys::fuzz_target;

/// Reads with every verb of the reader, chosen by the element's name.
fn read(name: &str, xml: &mut XmlReader<'_>, out: &mut String) -> Result<(), XmlError> {
    out.push_str(name);
    out.push_str(xml.attribute("a").as_deref().unwrap_or_default());
    match name.as_bytes().first() {
        Some(b'a'..=b'g') => out.push_str(&xml.text()?),
        Some(b'h'..=b'm') => out.push_str(&format!("{:?}", xml.value::<i64>()?)),
        Some(b'n'..=b's') => out.push_str(&format!("{:?}", xml.date(DateFormat::DateTime)?)),
        Some(b't'..=b'z') => xml.skip()?,
        _ => {
            while let Some(child) = xml.child()? {
                read(child, xml, out)?;
            }
        }
    }
    Ok(())
}

fn arrive<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Result<String, DocumentError> {
    let mut found = String::new();
    let mut each = |name: &str, xml: &mut XmlReader<'_>| {
        let mut one = String::new();
        read(name, xml, &mut one)?;
        found.push_str(&one);
        Ok(())
    };
    let mut document = Document::new("R");
    for piece in pieces {
        document.push(piece, &mut each)?;
    }
    document.end(&mut each)?;
    Ok(found)
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (size, bytes) = input;
    let whole = arrive(std::iter::once(bytes.as_slice()));
    let pieces = arrive(bytes.chunks(usize::from(size).max(1)));
    // Of two mistakes either may be met first; on success there is one truth.
    if whole.is_ok() || pieces.is_ok() {
        assert_eq!(whole, pieces);
    }
});
