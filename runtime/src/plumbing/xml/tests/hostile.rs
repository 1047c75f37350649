//! Bodies nobody should send.

use super::*;
use proptest::prelude::*;
use std::cell::Cell;
use std::time::Instant;

thread_local! {
    static READ: Cell<usize> = const { Cell::new(0) };
}

#[test]
fn entities_are_never_expanded() {
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><R><a>&lol2;</a></R>";
    assert!(matches!(arrive("R", [laughs.as_bytes()]), Err(DocumentError::Xml(XmlError::Malformed { .. }))));
    assert!(matches!(
        arrive("R", [&b"<R><a>&lol2;</a></R>"[..]]),
        Err(DocumentError::Xml(XmlError::Malformed { offset: 6, .. }))
    ));
}

#[test]
fn depth_is_bounded() {
    let deep = |levels: usize| ["<A>".repeat(levels), "</A>".repeat(levels)].concat();
    assert_eq!(skim(deep(64).as_bytes()), Ok(()));
    assert_eq!(skim(deep(65).as_bytes()), Err(XmlError::TooDeep));
    assert_eq!(skim(deep(100_000).as_bytes()), Err(XmlError::TooDeep));
    assert_eq!(arrive("A", deep(64).as_bytes().chunks(7)).unwrap().len(), 1);
    assert_eq!(arrive("A", deep(100_000).as_bytes().chunks(7)), Err(DocumentError::Xml(XmlError::TooDeep)));
}

#[test]
fn names_and_texts_are_bounded() {
    let name = "a".repeat(2000);
    assert_eq!(skim(format!("<{name}></{name}>").as_bytes()), Err(XmlError::TooLarge));
    let text = "x".repeat(MAX_TEXT);
    assert_eq!(text_of(&text).unwrap().len(), MAX_TEXT);
    assert_eq!(text_of(&format!("{text}y")), Err(XmlError::TooLarge));
    assert_eq!(text_of(&format!("{text}<![CDATA[y]]>")), Err(XmlError::TooLarge));
}

#[test]
fn an_endless_text_ends_in_an_error_in_linear_time() {
    let piece = [b'x'; 1 << 14];
    let mut document = Document::new("R");
    let mut each = |_: &str, xml: &mut XmlReader<'_>| xml.text().map(|_| ());
    document.push(b"<R><a>", &mut each).unwrap();
    let started = Instant::now();
    let error = (0..).find_map(|_| document.push(&piece, &mut each).err()).unwrap();
    assert_eq!(error, DocumentError::Xml(XmlError::TooLarge));
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn an_endless_comment_ends_in_an_error() {
    let piece = [b'-'; 1 << 16].map(|_| b'y');
    let mut document = Document::new("R");
    let mut each = |_: &str, xml: &mut XmlReader<'_>| xml.skip();
    document.push(b"<!--", &mut each).unwrap();
    let error = (0..).find_map(|_| document.push(&piece, &mut each).err()).unwrap();
    assert_eq!(error, DocumentError::Xml(XmlError::TooLarge));
}

#[test]
fn endless_siblings_are_handed_over_one_at_a_time_in_constant_memory() {
    let piece = "<Contents><key>some/key</key><size>1</size></Contents>".repeat(20);
    let mut document = Document::new("R");
    let mut count = 0;
    let mut each = |_: &str, xml: &mut XmlReader<'_>| {
        xml.skip()?;
        count += 1;
        Ok(())
    };
    document.push(b"<R>", &mut each).unwrap();
    for _ in 0..200 {
        // Cut at another place each time.
        for part in piece.as_bytes().chunks(331) {
            document.push(part, &mut each).unwrap();
            assert!(document.unread() < 1000);
        }
    }
    document.push(b"</R>", &mut each).unwrap();
    document.end(&mut each).unwrap();
    assert_eq!(count, 4000);
}

#[test]
fn a_huge_list_in_one_child_costs_a_bounded_number_of_reads_per_byte() {
    let item = "<b>1</b>";
    let items = 20_000;
    let body = format!("<R><List>{}</List></R>", item.repeat(items));
    READ.set(0);
    let mut each = |_: &str, xml: &mut XmlReader<'_>| {
        while xml.child()?.is_some() {
            READ.set(READ.get() + 1);
            xml.skip()?;
        }
        Ok(())
    };
    let mut document = Document::new("R");
    for byte in body.as_bytes().chunks(1) {
        document.push(byte, &mut each).unwrap();
    }
    document.end(&mut each).unwrap();
    assert!(READ.get() < 4 * items, "{} reads of {items} items", READ.get());
}

#[test]
fn bytes_that_are_not_utf8_are_an_error_wherever_they_stand() {
    for bad in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88"] {
        for (before, after) in [
            ("", "<R/>"),
            ("<R><a>", "</a></R>"),
            ("<R", "></R>"),
            ("<R a='", "'/>"),
            ("<R><!--", "--></R>"),
            ("<R/>", ""),
        ] {
            let body = [before.as_bytes(), bad, after.as_bytes()].concat();
            let at = before.len();
            for size in [1, 1000] {
                match arrive("R", body.chunks(size)) {
                    Err(DocumentError::Xml(XmlError::Malformed { offset, .. })) => {
                        assert!(offset <= at + 1, "{before}: {offset}")
                    }
                    other => panic!("{before}{bad:?}{after}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn nul_bytes_are_text_or_an_error_but_never_a_panic() {
    assert_eq!(text_of("a\0b").unwrap(), "a\0b");
    assert!(text_of("&#0;").is_err());
    assert!(arrive("R", [&b"\0<R/>"[..]]).is_err());
    assert!(arrive("R", [&b"<\0/>"[..]]).is_err());
}

#[test]
fn references_and_quotes_without_an_end_take_linear_time() {
    for unit in ["&", "&#", "<a b='", "<!--", "<![CDATA[", "]]", "<?", "</", "&amp"] {
        let body = format!("<R><a>{}", unit.repeat(300_000));
        let started = Instant::now();
        assert!(arrive("R", [body.as_bytes()]).is_err());
        assert!(arrive("R", body.as_bytes().chunks(1000)).is_err());
        assert!(started.elapsed().as_secs() < 20, "{unit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_give_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = arrive("R", [bytes.as_slice()]);
        let _ = arrive("R", bytes.chunks(3));
    }

    #[test]
    fn any_soup_of_markup_gives_the_same_whole_and_in_pieces(soup in "(<R>|</R>|<a>|</a>|<a/>|<B>|</B>|<!--|-->|<!|<\\?|\\?>|<!\\[CDATA\\[|\\]\\]>|&amp;|&x;|&#1;|a='b'|<a b=\"|é| |<|>|x){0,24}") {
        let document = format!("<R>{soup}");
        let whole = arrive("R", [document.as_bytes()]);
        for size in [1, 2, 5] {
            let pieces = arrive("R", document.as_bytes().chunks(size));
            // Both agree on success and its value; of several mistakes either may meet another first.
            match (&whole, &pieces) {
                (Ok(a), Ok(b)) => prop_assert_eq!(a, b),
                (a, b) => prop_assert!(a.is_err() && b.is_err(), "{:?} {:?}", a, b),
            }
        }
    }
}
