//! Documents in pieces.

use super::peers::document;
use super::*;
use proptest::prelude::*;

const PAGE: &str = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns='http://s3'><Name>b</Name><!-- - --><Contents><key>a&amp;\u{20ac}</key>\
    <size>1</size></Contents> <Contents><key><![CDATA[x]]></key></Contents><Empty/><s:Last>\u{1F600}</s:Last></ListBucketResult>\n";

#[test]
fn each_child_is_handed_over_once_as_soon_as_it_is_complete() {
    let mut seen = Vec::new();
    let mut document = Document::new("R");
    for (piece, after) in [("<R><a>1</a><b>", 1), ("2</b><c>3</c><d", 3), ("/>", 4), ("</R>", 4)] {
        document
            .push(piece.as_bytes(), &mut |name, xml| {
                let text = xml.text()?;
                seen.push((name.to_owned(), text));
                Ok(())
            })
            .unwrap();
        // A cut child waits until as many bytes again are there, or the end.
        assert!(seen.len() <= after, "{seen:?}");
    }
    document
        .end(&mut |name, xml| {
            let text = xml.text()?;
            seen.push((name.to_owned(), text));
            Ok(())
        })
        .unwrap();
    let names: Vec<_> = seen.iter().map(|(name, text)| format!("{name}{text}")).collect();
    assert_eq!(names, ["a1", "b2", "c3", "d"]);
}

#[test]
fn one_byte_at_a_time_is_the_same_as_all_at_once() {
    let whole = arrive("ListBucketResult", [PAGE.as_bytes()]).unwrap();
    assert_eq!(whole.len(), 5);
    assert_eq!(arrive("ListBucketResult", PAGE.as_bytes().chunks(1)).unwrap(), whole);
}

#[test]
fn a_document_cut_at_any_byte_is_an_error() {
    let end = PAGE.trim_end().len();
    for cut in 1..end {
        let part = &PAGE.as_bytes()[..cut];
        assert_eq!(arrive("ListBucketResult", [part]), Err(DocumentError::Truncated), "at {cut}");
        assert_eq!(arrive("ListBucketResult", part.chunks(3)), Err(DocumentError::Truncated), "at {cut}");
        // A cut inside a character is no invalid UTF-8 but the same missing end.
        assert_eq!(skim(part), Err(XmlError::Incomplete), "at {cut}");
    }
    assert!(arrive("ListBucketResult", [&PAGE.as_bytes()[..end]]).is_ok());
}

#[test]
fn an_empty_root_has_no_children_and_nothing_or_blanks_alone_are_a_cut_answer() {
    assert_eq!(arrive("R", []), Err(DocumentError::Truncated));
    assert_eq!(arrive("R", [&b""[..]]), Err(DocumentError::Truncated));
    assert_eq!(arrive("R", [&b" \n"[..], b" "]), Err(DocumentError::Truncated));
    assert_eq!(arrive("R", [&b"<R/>"[..]]), Ok(Vec::new()));
    assert_eq!(arrive("R", [&b"<R"[..], b"/", b">", b" "]), Ok(Vec::new()));
}

#[test]
fn white_space_for_minutes_is_not_kept() {
    let mut document = Document::new("R");
    let mut each = |_: &str, xml: &mut XmlReader<'_>| xml.skip();
    document.push(b"<?xml version='1.0'?>", &mut each).unwrap();
    for _ in 0..10_000 {
        document.push(b" ", &mut each).unwrap();
        assert!(document.unread() == 0);
    }
    document.push(b"<R><a/></R>", &mut each).unwrap();
    assert_eq!(document.end(&mut each), Ok(()));
}

#[test]
fn another_root_is_named() {
    assert_eq!(arrive("R", [&b"<html><p>hi"[..]]), Err(DocumentError::Root("html".into())));
}

#[test]
fn an_error_document_is_kept_whole_and_bounded() {
    let refusal = b" <?xml version='1.0'?> <Error><Code>InternalError</Code></Error>";
    for size in [1, 7, 1000] {
        match arrive("R", refusal.chunks(size)) {
            Err(DocumentError::Refused(body)) => {
                assert!(body.ends_with(b"<Error><Code>InternalError</Code></Error>"), "{body:?}")
            }
            other => panic!("{other:?}"),
        }
    }
    // A root that is called so is no refusal.
    assert_eq!(arrive("Error", [&b"<Error><code>1</code></Error>"[..]]).unwrap().len(), 1);
    let long = [b"<Error>".as_slice(), &[b'x'; 100_000]].concat();
    match arrive("R", long.chunks(1000)) {
        Err(DocumentError::Refused(body)) => assert!(body.len() <= MAX_REFUSAL_SEEN),
        other => panic!("{other:?}"),
    }
}

/// The bound, and the piece that was there before it was known to be a refusal.
const MAX_REFUSAL_SEEN: usize = (64 << 10) + 1000;

#[test]
fn offsets_count_from_the_start_of_the_body() {
    let document = "<R><a>1</a><a>2</a><a></b></R>";
    for size in [1, 5, 100] {
        match arrive("R", document.as_bytes().chunks(size)) {
            Err(DocumentError::Xml(XmlError::Malformed { offset, .. })) => {
                assert_eq!(offset, document.find("</b>").unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_child_left_unread_is_passed_over_and_one_overread_is_refused() {
    let mut document = Document::new("R");
    let mut count = 0;
    document
        .push(b"<R><a><b/>1</a><c/><d>2</d></R>", &mut |_, _| {
            count += 1;
            Ok(())
        })
        .unwrap();
    document.end(&mut |_, _| Ok(())).unwrap();
    assert_eq!(count, 3);
    let mut document = Document::new("R");
    let over = document.push(b"<R><a/></R>", &mut |_, xml| {
        while xml.child()?.is_none() && xml.depth() > 0 {}
        Ok(())
    });
    assert!(
        matches!(over, Err(DocumentError::Xml(XmlError::Malformed { what, .. })) if what.contains("beyond its end")),
        "{over:?}"
    );
}

proptest! {
    #[test]
    fn cuts_at_any_points_change_nothing(document in document(), mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let bytes = document.as_bytes();
        let mut at: Vec<_> = cuts.drain(..).map(|c| c.index(bytes.len())).collect();
        at.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in at.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        prop_assert_eq!(arrive("Root", pieces), arrive("Root", [bytes]));
    }

    #[test]
    fn a_generated_document_cut_short_is_an_error(document in document(), cut in any::<prop::sample::Index>()) {
        let end = document.trim_end().len();
        let cut = cut.index(end);
        prop_assert_eq!(arrive("Root", [&document.as_bytes()[..cut.max(1)]]), Err(DocumentError::Truncated));
    }
}

#[test]
fn a_root_may_be_named_as_other_stores_do_but_another_document_is_refused() {
    let reads = |expected, operation, found: &str| {
        let mut document = Document::new(expected).answering(operation);
        let each: &mut Each<'_> = &mut |_, xml| xml.skip();
        let body = format!("<{found}><A/></{found}>");
        document.push(body.as_bytes(), each).and_then(|()| document.end(each)).is_ok()
    };
    for found in ["ListPartsResult", "ListPartsResponse", "ListPartsOutput", "ListParts", "listPartsResponse"] {
        assert!(reads("ListPartsResult", "ListParts", found), "{found}");
    }
    assert!(reads("VersioningConfiguration", "GetBucketVersioning", "GetBucketVersioningResponse"));
    for found in ["ListBucketResult", "Versioning", "html", "Error", "Result"] {
        assert!(!reads("VersioningConfiguration", "GetBucketVersioning", found), "{found}");
        assert!(!reads("ListPartsResult", "", found), "{found}");
    }
}
