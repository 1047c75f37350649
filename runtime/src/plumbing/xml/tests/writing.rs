//! The writer, and what it writes read back.

use super::*;
use crate::error::{ErrorKind, RequestError, S3Error};
use crate::plumbing::{DateFormat, WireValue};
use crate::timestamp::Timestamp;
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut XmlWriter)) -> Result<String, S3Error> {
    let mut xml = XmlWriter::new("R", "");
    write(&mut xml);
    xml.finish()
}

fn one(value: &(impl WireValue + ?Sized)) -> Result<String, S3Error> {
    written(|xml| xml.element("a", value))
}

#[test]
fn writes_elements_in_the_order_told() {
    let mut xml = XmlWriter::new("Tagging", "http://s3.amazonaws.com/doc/2006-03-01/");
    xml.open("TagSet");
    xml.element("Key", "a & b");
    xml.element("Size", &Some(12i64));
    xml.element("Nothing", &None::<bool>);
    xml.date("When", &Some(Timestamp::from_unix(0)), DateFormat::DateTime);
    xml.date("Never", &None, DateFormat::DateTime);
    xml.close("TagSet");
    xml.open_with("Grantee", &[("xmlns:xsi", "http://x"), ("xsi:type", "a\"<\n\t&'")]);
    xml.text("]]>\r");
    xml.text(&None::<String>);
    xml.close("Grantee");
    assert_eq!(
        xml.finish().unwrap(),
        "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Key>a &amp; b</Key><Size>12</Size>\
         <When>1970-01-01T00:00:00Z</When></TagSet><Grantee xmlns:xsi=\"http://x\" xsi:type=\"a&quot;&lt;&#xA;&#x9;&amp;'\">\
         ]]&gt;&#xD;</Grantee></Tagging>"
    );
}

#[test]
fn refuses_characters_xml_cannot_carry() {
    for c in ['\0', '\u{1}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
        let error = one(&format!("key{c}")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Request(RequestError::Validation));
        assert!(error.message().contains(&format!("a holds the character U+{:04X}", u32::from(c))), "{error}");
    }
    for c in ['\t', '\n', '\r', '\u{7f}', '\u{85}', '\u{2028}', '\u{fffd}', '\u{feff}', '\u{10ffff}'] {
        assert!(one(&format!("key{c}")).is_ok(), "{c:?}");
    }
}

#[test]
fn the_first_mistake_is_the_one_reported() {
    let error = written(|xml| {
        xml.limit_chars("key", "abc", 1, 3);
        xml.limit_range("days", 0, 0, 1);
        xml.limit_items("tags", 10, 10, 10);
        xml.refuse_prefix("key", "aw", "aws:");
        xml.limit_chars("key", "", 1, 128);
        xml.limit_items("tags", 11, 0, 10);
    })
    .unwrap_err();
    assert_eq!(error.message(), "key must have 1 to 128 characters, it has 0");
    let first = |write: fn(&mut XmlWriter)| written(write).unwrap_err().message().to_owned();
    assert_eq!(first(|x| x.limit_chars("key", "äöü", 1, 2)), "key must have 1 to 2 characters, it has 3");
    assert_eq!(first(|x| x.limit_range("days", 2, 0, 1)), "days must be 0 to 1, it is 2");
    assert_eq!(first(|x| x.limit_items("tags", 11, 0, 10)), "tags may have at most 10 items, it has 11");
    assert_eq!(first(|x| x.limit_items("objects", 0, 1, 10)), "objects must have 1 to 10 items, it has 0");
    assert_eq!(
        first(|x| x.refuse_twins("tags.key", ["b", "a", "b"].into_iter())),
        "tags.key is the same in items 1 and 3; leave one out"
    );
    assert_eq!(first(|x| x.refuse_prefix("key", "AWS:x", "aws:")), "key must not begin with `aws:`, which is reserved");
}

/// Text of characters XML 1.0 permits, with those that need care more often than chance would bring them.
fn permitted() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        4 => any::<char>(),
        2 => prop::sample::select(vec!['<', '>', '&', '"', '\'', '\r', '\n', '\t', ' ', ']', ';', '#', '\u{fffd}', '\u{85}']),
        2 => prop::char::range('a', 'z'),
    ];
    prop::collection::vec(c, 0..40).prop_map(|chars| {
        chars
            .into_iter()
            .filter(|&c| (c >= ' ' || "\t\r\n".contains(c)) && c != '\u{fffe}' && c != '\u{ffff}')
            .collect()
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(text in permitted(), attribute in permitted()) {
        let document = written(|xml| {
            xml.open_with("b", &[("c", &attribute)]);
            xml.text(&text);
            xml.close("b");
        }).unwrap();
        let mut xml = XmlReader::new(document.as_bytes());
        xml.root().unwrap();
        xml.child().unwrap();
        prop_assert_eq!(xml.attribute("c").unwrap(), attribute.as_str());
        prop_assert_eq!(xml.text().unwrap(), text.as_str());
        prop_assert_eq!(xml.child().unwrap(), None);
    }

    #[test]
    fn any_text_is_written_or_refused(text in any::<String>()) {
        match one(&text) {
            Ok(document) => prop_assert_eq!(text_of(&document[6..document.len() - 8]).unwrap(), text),
            Err(error) => prop_assert!(error.message().contains("which XML cannot carry")),
        }
    }
}
