//! Held against another parser: the same documents, the same events.

use super::*;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;

/// A document of what S3 could send, with all the ways XML has to write it.
pub(super) fn document() -> impl Strategy<Value = String> {
    let space = || prop::sample::select(vec!["", "", " ", "\n  ", "\r\n"]);
    let text = prop_oneof![
        "[ -%'-;=?-~]{0,20}".prop_map(|t| t.replace("]]>", "")),
        prop::sample::select(vec![
            "&quot;d41d8cd9&quot;",
            "&amp;&lt;&gt;&apos;",
            "&#x20AC;&#10;",
            "ä€😀",
            "<![CDATA[<a>&b;]]>",
            "x<!-- <y> -->z",
            ""
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = ("[a-z][a-zA-Z0-9_.-]{0,5}", text, space(), any::<bool>()).prop_map(|(name, text, space, short)| {
        if short && text.is_empty() {
            format!("<{name}{space}/>")
        } else {
            format!("<{name} a=\"1>2\">{text}</{name}{space}>")
        }
    });
    let element = leaf.prop_recursive(4, 24, 5, move |inner| {
        ("[A-Z][a-zA-Z0-9]{0,5}", prop::collection::vec((inner, space()), 0..5), prop::sample::select(vec!["", "s3:"]))
            .prop_map(|(name, children, prefix)| {
                let children: String = children.into_iter().map(|(child, space)| format!("{child}{space}")).collect();
                format!("<{prefix}{name}>{children}</{prefix}{name}>")
            })
    });
    (
        prop::collection::vec(element, 0..6),
        prop::sample::select(vec!["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", " \n", "<!-- x -->"]),
    )
        .prop_map(|(children, prolog)| format!("{prolog}<Root xmlns=\"http://s3\">{}</Root>\n", children.concat()))
}

fn theirs(document: &str) -> Vec<Tree> {
    let mut reader = Reader::from_str(document);
    let mut open = vec![Tree { name: String::new(), text: String::new(), children: Vec::new() }];
    let push_text = |open: &mut Vec<Tree>, text: &str| {
        let top = open.last_mut().unwrap();
        if by_case(&top.name) {
            top.text.push_str(text);
        }
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let name = String::from_utf8(start.local_name().as_ref().to_vec()).unwrap();
                open.push(Tree { name, text: String::new(), children: Vec::new() });
            }
            Event::Empty(start) => {
                let name = String::from_utf8(start.local_name().as_ref().to_vec()).unwrap();
                open.last_mut().unwrap().children.push(Tree { name, text: String::new(), children: Vec::new() });
            }
            Event::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().children.push(done);
            }
            Event::Text(text) => push_text(&mut open, &text.xml_content().unwrap()),
            Event::CData(data) => push_text(&mut open, &data.decode().unwrap()),
            Event::GeneralRef(reference) => {
                let c = match reference.resolve_char_ref().unwrap() {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_xml_entity(&reference.decode().unwrap()).unwrap().to_owned(),
                };
                push_text(&mut open, &c);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    open.remove(0).children.remove(0).children
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn agrees_with_quick_xml_on_what_is_no_document_too(
        soup in "(<R>|</R>|<a>|</a>|<a/>|<B>|</B>|</a >|<s:B>|</s:B>|<c a='1'>|</c>|<!--|-->|<!|<\\?|\\?>|<!\\[CDATA\\[|\\]\\]>|&amp;|&x;|&#65;|&|;|a='b'|<a a=\"| |é|\n|\r|<|>|x){0,16}",
        closed in any::<bool>(),
        piece in 1..40usize,
    ) {
        let end = if closed { "</R>" } else { "" };
        super::oracle::compare(format!("<R>{soup}{end}").as_bytes(), piece);
    }

    #[test]
    fn agrees_with_quick_xml_on_one_byte_changed(document in document(), at in any::<prop::sample::Index>(), byte in any::<u8>(), piece in 1..200usize) {
        let mut bytes = document.replace("Root", "R").into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        super::oracle::compare(&bytes, piece);
    }

    #[test]
    fn agrees_with_quick_xml(document in document()) {
        prop_assert_eq!(arrive("Root", [document.as_bytes()]).unwrap(), theirs(&document));
    }
}
