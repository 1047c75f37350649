//! Documents by hand.

use super::*;
use crate::plumbing::DateFormat;
use crate::timestamp::Timestamp;

#[test]
fn reads_all_that_a_document_may_hold() {
    let document = "\u{feff}<?xml version=\"1.0\" encoding='UTF-8'?>\n<!-- a <b> --> <?php x > y ?>\n\
        <s3:Root xmlns:s3=\"http://s3\" a='1'>\n  <One  >1</One\n>\n<s3:two/><Three x = \"&lt;\" y='>' />\
        <!-- <No>not</No> --><four>a<![CDATA[<&amp;]]]>b<!-- c -->d<?e f?>\u{20ac}</four>text<Five><six>6</six></Five>\n</s3:Root >\n<!-- end -->\n";
    let found = arrive("Root", [document.as_bytes()]);
    // `One` holds no elements, so its text is no child.
    let names: Vec<_> = found.unwrap().into_iter().map(|t| (t.name, t.text, t.children.len())).collect();
    let of = |name: &str, text: &str, children| (name.to_owned(), text.to_owned(), children);
    assert_eq!(
        names,
        [
            of("One", "", 0),
            of("two", "", 0),
            of("Three", "", 0),
            of("four", "a<&amp;]bd\u{20ac}", 0),
            of("Five", "", 1)
        ]
    );
}

#[test]
fn finds_attributes_by_local_name() {
    let mut xml = XmlReader::new(
        b"<Grantee xmlns:type='no' xmlns:xsi=\"http://x\" xsi:type = \"Canonical&#x55;ser\" b='\"' c=\"it's = fine\"><ID>1</ID></Grantee>",
    );
    xml.root().unwrap();
    assert_eq!(xml.attribute("type").as_deref(), Some("CanonicalUser"));
    assert_eq!(xml.attribute("xsi:type").as_deref(), Some("CanonicalUser"));
    assert_eq!(xml.attribute("b").as_deref(), Some("\""));
    assert_eq!(xml.attribute("c").as_deref(), Some("it's = fine"));
    assert_eq!(xml.attribute("xsi"), None);
    assert_eq!(xml.attribute("ID"), None);
    xml.child().unwrap();
    assert_eq!(xml.attribute("type"), None);
}

#[test]
fn reads_values_leniently() {
    let mut xml = XmlReader::new(
        b"<r><a> 12 </a><b>many</b><c>TRUE</c><d/><e>2013-05-24T00:00:00.000Z</e><f>&#49;2</f><g>never</g></r>",
    );
    xml.root().unwrap();
    xml.child().unwrap();
    assert_eq!(xml.value::<i32>().unwrap(), Some(12));
    xml.child().unwrap();
    assert_eq!(xml.value::<i32>().unwrap(), None);
    xml.child().unwrap();
    assert_eq!(xml.value::<bool>().unwrap(), Some(true));
    xml.child().unwrap();
    assert_eq!(xml.value::<i64>().unwrap(), None);
    xml.child().unwrap();
    assert_eq!(xml.date(DateFormat::DateTime).unwrap(), Some(Timestamp::from_unix(1_369_353_600)));
    xml.child().unwrap();
    assert_eq!(xml.value::<i64>().unwrap(), Some(12));
    xml.child().unwrap();
    assert_eq!(xml.date(DateFormat::DateTime).unwrap(), None);
    assert_eq!(xml.child(), Ok(None));
    assert_eq!(xml.child(), Ok(None));
}

#[test]
fn reads_wrapped_lists() {
    let mut xml = XmlReader::new(b"<TagSet><Tag>a</Tag><!-- --><Other><Tag>x</Tag></Other><Tag>b</Tag><Tag/></TagSet>");
    xml.root().unwrap();
    assert_eq!(xml.list("Tag", XmlReader::text).unwrap(), ["a", "b", ""]);
    assert_eq!(xml.epilog(), Ok(()));
}

#[test]
fn passes_over_elements_inside_a_text() {
    assert_eq!(text_of("a<b>x<c/>y</b>d<e/>f").unwrap(), "adf");
}

#[test]
fn keeps_white_space_and_makes_line_ends_one_character() {
    assert_eq!(text_of("  a \r\n b\t<![CDATA[\r\nc\r]]> ").unwrap(), "  a \n b\t\nc\n ");
}

#[test]
fn refuses_what_is_no_xml_and_says_why() {
    for (document, why) in [
        ("<!DOCTYPE a><a/>", "document type"),
        ("<a><!DOCTYPE b></a>", "document type"),
        ("<a><!ENTITY b 'c'></a>", "declaration"),
        ("<a></b>", "does not match"),
        ("<a></ab>", "does not match"),
        ("<ab></a>", "does not match"),
        ("<a><b></a></b>", "does not match"),
        ("</a>", "without a start"),
        ("text<a/>", "outside of the root"),
        ("<![CDATA[x]]><a/>", "outside of the root"),
        ("<a/>text", "outside of the root"),
        ("<a/><b/>", "a second root"),
        ("<a b></a>", "without a value"),
        ("<a b=c></a>", "without quotes"),
        ("<a b='c'd='e'></a>", "not well formed"),
        ("<a b='<'></a>", "inside an attribute"),
        ("<a b='&c;'></a>", "entity"),
        ("<a / b></a>", "slash"),
        ("<></>", "not well formed"),
        ("<a>1 < 2</a>", "not well formed"),
        ("<a>I <3> S3</a>", "without a name"),
        ("<s3:></s3:>", "without a name"),
        ("<a>&b;<c/></a>", "entity"),
        ("<?><a/>", "instruction"),
        ("<a><? b?></a>", "instruction"),
        ("<a\0></a\0>", "not well formed"),
    ] {
        match skim(document.as_bytes()) {
            Err(XmlError::Malformed { what, .. }) => assert!(what.contains(why), "{document}: {what}"),
            other => panic!("{document}: {other:?}"),
        }
    }
    assert_eq!(
        text_of("ab&nbsp;c"),
        Err(XmlError::Malformed { offset: 5, what: "an unknown entity or a bad character reference" })
    );
}

#[test]
fn a_reader_used_wrongly_stays_calm() {
    let mut xml = XmlReader::new(b"<a/>");
    assert_eq!(xml.text().unwrap(), "");
    assert_eq!(xml.skip(), Ok(()));
    assert_eq!(xml.child(), Ok(None));
    assert_eq!(xml.attribute("a"), None);
    xml.root().unwrap();
    xml.skip().unwrap();
    assert_eq!(xml.skip(), Ok(()));
    assert_eq!(xml.value::<i32>(), Ok(None));
    assert!(format!("{xml:?}").contains("at: 4"));
}

#[test]
fn errors_read_as_phrases() {
    let text = |e: XmlError| e.to_string();
    assert_eq!(text(XmlError::Incomplete), "the document ends too early");
    assert_eq!(text(XmlError::Malformed { offset: 7, what: "a slash inside a tag" }), "a slash inside a tag at byte 7");
    assert_eq!(text(XmlError::TooDeep), "more than 64 elements inside each other");
    assert!(text(XmlError::TooLarge).contains("larger"));
}
