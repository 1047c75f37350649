//! What a server says when it refuses. Lenient to the last: a proxy's HTML page, a body cut in the middle or no body at
//! all give as much as can be understood, never an error about the error.

use super::xml::{XmlError, XmlReader};
use crate::error::{CodeLookup, ErrorKind, RetryClass, S3Error};

/// Elements beside the known ones that are kept.
const MAX_DETAILS: usize = 16;
/// Bytes of one of them, and of each other text.
const MAX_FIELD: usize = 1024;
/// Characters of a body that is no error document.
const MAX_EXCERPT: usize = 200;

/// An error body, as far as it was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorDocument {
    /// `NoSuchKey`.
    pub code: Option<String>,
    /// The server's words on one line, or an excerpt of a body that is no error document. May be empty.
    pub message: String,
    /// The server's name for the request.
    pub request_id: Option<String>,
    /// The server's second name for it.
    pub host_id: Option<String>,
    /// The path the server thinks it was asked for, without its query.
    pub resource: Option<String>,
    /// Other elements by name: at most 16, of at most 1 KiB. What was signed, and tokens, are left out.
    pub details: Vec<(String, String)>,
}

impl ErrorDocument {
    /// The error it tells of. The code decides what it is; one that nobody knows leaves it to `kind` and `class`. The ids are left to
    /// the caller: those of the answer's headers count more.
    pub fn into_error(self, kind: ErrorKind, class: RetryClass, codes: CodeLookup) -> S3Error {
        let facts = self.code.as_deref().and_then(codes);
        let mut error = S3Error::new(facts.map_or(kind, |f| f.kind), self.message)
            .with_retry_class(facts.map_or(class, |f| f.retry));
        if let Some(code) = &self.code {
            error = error.with_code(code);
        }
        if let Some(facts) = facts.filter(|f| !f.advice.is_empty()) {
            error = error.with_suggestion(facts.advice);
        }
        for (name, value) in &self.details {
            if facts.is_none_or(|f| f.fields.is_empty() || f.fields.contains(&name.as_str())) {
                error = error.with_detail(name, value);
            }
        }
        error
    }
}

/// Whether a body is an `<Error>` document, whatever its status says.
pub fn is_error_document(body: &[u8]) -> bool {
    XmlReader::new(body).root() == Ok("Error")
}

/// Understands the body of a refusal as well as it can.
pub fn error_document(body: &[u8]) -> ErrorDocument {
    let mut found = ErrorDocument::default();
    let mut xml = XmlReader::new(body);
    if let Ok("Error" | "ErrorResponse" | "Response") = xml.root() {
        // What was read before the first mistake stays.
        let _ = read(&mut xml, &mut found, 0);
    }
    if found.code.is_none() && found.message.is_empty() {
        found.message = excerpt(body);
    }
    found
}

fn read(xml: &mut XmlReader<'_>, found: &mut ErrorDocument, depth: usize) -> Result<(), XmlError> {
    while let Some(name) = xml.child()? {
        if matches!(name, "Error" | "Errors") && depth < 3 {
            // Some stores wrap the document as other services of the same vendor do.
            read(xml, found, depth + 1)?;
            continue;
        }
        let mut text = line(&xml.text()?, MAX_FIELD);
        let slot = match name {
            "Code" => &mut found.code,
            "RequestId" | "RequestID" => &mut found.request_id,
            "HostId" => &mut found.host_id,
            "Resource" => {
                text.truncate(text.find('?').unwrap_or(text.len()));
                &mut found.resource
            }
            "Message" => {
                if found.message.is_empty() {
                    found.message = text;
                }
                continue;
            }
            _ => {
                if found.details.len() < MAX_DETAILS && !text.is_empty() && may_be_shown(name) {
                    found.details.push((name.to_owned(), text));
                }
                continue;
            }
        };
        if slot.is_none() && !text.is_empty() {
            *slot = Some(text);
        }
    }
    Ok(())
}

/// Servers repeat what was signed, and expired tokens, for debugging. Neither belongs into a log.
fn may_be_shown(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !["signature", "stringtosign", "canonicalrequest", "token", "secret", "password", "authorization"]
        .iter()
        .any(|word| name.contains(word))
}

/// Text from outside as one line: blanks run together, control characters gone, queries and signatures cut out.
fn line(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        let word = if is_token(word) { "***" } else { without_query(word) };
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        let room = max.saturating_sub(out.len());
        if word.len() > room {
            let mut cut = room;
            while !word.is_char_boundary(cut) {
                cut -= 1;
            }
            out.push_str(word.get(..cut).unwrap_or_default());
            break;
        }
        out.push_str(word);
    }
    out.truncate(out.trim_end().len());
    out
}

/// A session token is a long run of base64 or a JWT. No name, id or number that helps anybody is as long.
fn is_token(word: &str) -> bool {
    const LONGEST_ID: usize = 160;
    word.len() > LONGEST_ID
        && word.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=_-.%".contains(c))).any(|run| run.len() > LONGEST_ID)
}

/// The part of a word that is no query string and no signature.
fn without_query(word: &str) -> &str {
    let query = word.find('?').filter(|&at| word.get(at..).is_some_and(|q| q.contains('='))).unwrap_or(word.len());
    let marks = ["x-amz-signature", "signature=", "signature:", "x-amz-security-token", "x-amz-credential"];
    let lower = word.to_ascii_lowercase();
    let mark = marks.iter().filter_map(|m| lower.find(m)).min().unwrap_or(word.len());
    word.get(..query.min(mark)).unwrap_or_default()
}

/// The readable beginning of any body, tags left out.
fn excerpt(body: &[u8]) -> String {
    let start = body.get(..body.len().min(4096)).unwrap_or_default();
    let text = String::from_utf8_lossy(start);
    let mut plain = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        plain.push(' ');
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let plain: String = plain.chars().filter(|&c| c != '\u{fffd}').collect();
    line(&plain, MAX_EXCERPT * 4).chars().take(MAX_EXCERPT).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FULL: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidObjectState</Code><Message>The operation is\n not valid</Message>\
        <StorageClass>GLACIER</StorageClass><Resource>/b/k?X-Amz-Signature=1</Resource><RequestId>R1</RequestId><HostId>H1</HostId></Error>";

    #[test]
    fn reads_code_message_ids_and_details() {
        let found = error_document(FULL.as_bytes());
        assert_eq!(found.code.as_deref(), Some("InvalidObjectState"));
        assert_eq!(found.message, "The operation is not valid");
        assert_eq!(found.request_id.as_deref(), Some("R1"));
        assert_eq!(found.host_id.as_deref(), Some("H1"));
        assert_eq!(found.resource.as_deref(), Some("/b/k"));
        assert_eq!(found.details, [("StorageClass".to_owned(), "GLACIER".to_owned())]);
        assert!(is_error_document(FULL.as_bytes()));
    }

    #[test]
    fn keeps_what_came_before_a_cut() {
        let cut = FULL.find("<Resource>").unwrap() + 12;
        let found = error_document(&FULL.as_bytes()[..cut]);
        assert_eq!(found.code.as_deref(), Some("InvalidObjectState"));
        assert_eq!(found.details.len(), 1);
        assert_eq!(found.request_id, None);
    }

    #[test]
    fn looks_into_wrapped_documents() {
        let found = error_document(
            b"<ErrorResponse xmlns='x'><Error><Type>Sender</Type><Code>Throttling</Code><Message>slow</Message></Error><RequestId>7</RequestId></ErrorResponse>",
        );
        assert_eq!(
            (found.code.as_deref(), found.message.as_str(), found.request_id.as_deref()),
            (Some("Throttling"), "slow", Some("7"))
        );
    }

    #[test]
    fn makes_one_readable_line_of_a_page_for_people() {
        let found = error_document(
            b"<html>\r\n<head><title>502 Bad Gateway</title></head>\n<body><h1>nginx</h1></body></html>",
        );
        assert_eq!(found.message, "502 Bad Gateway nginx");
        assert_eq!(found.code, None);
        assert_eq!(error_document(b"  upstream\0 timed\x1b[31m out ").message, "upstream timed [31m out");
        assert_eq!(error_document(b"").message, "");
        assert_eq!(error_document(b"\xff\xfe").message, "");
        assert_eq!(error_document(&b"x:".repeat(2500)).message.len(), 200);
        assert_eq!(error_document("ä ".repeat(500).as_bytes()).message.chars().count(), 199);
    }

    #[test]
    fn what_was_signed_and_tokens_are_left_out() {
        let found = error_document(
            b"<Error><Code>SignatureDoesNotMatch</Code><Message>bad http://h/k?X-Amz-Signature=abc&amp;x=y see Signature=abc</Message><AWSAccessKeyId>AKID</AWSAccessKeyId>\
            <StringToSign>AWS4</StringToSign><SignatureProvided>abc</SignatureProvided><CanonicalRequest>GET</CanonicalRequest><Token-0>tok</Token-0></Error>",
        );
        assert_eq!(found.details, [("AWSAccessKeyId".to_owned(), "AKID".to_owned())]);
        assert_eq!(found.message, "bad http://h/k see");
        let token = "FwoGZXIvYXdzEJr//".repeat(20);
        let found = error_document(
            format!(
                "<Error><Code>InvalidToken</Code><Message>not {token} valid</Message><HostId>{}</HostId></Error>",
                "h".repeat(108)
            )
            .as_bytes(),
        );
        assert_eq!((found.message.as_str(), found.host_id.map(|id| id.len())), ("not *** valid", Some(108)));
        let page = error_document(b"GET /k?X-Amz-Credential=AKID&X-Amz-Signature=abc failed, why?");
        assert_eq!(page.message, "GET /k failed, why?");
    }

    #[test]
    fn details_are_bounded() {
        let many: String = (0..100).map(|i| format!("<D{i}>{}</D{i}>", "v:".repeat(2500))).collect();
        let found = error_document(format!("<Error><Code>A</Code>{many}</Error>").as_bytes());
        assert_eq!(found.details.len(), 16);
        assert!(found.details.iter().all(|(_, value)| value.len() == 1024));
    }

    #[test]
    fn another_document_is_no_error_document() {
        for body in [&b""[..], b"<Errors/>", b"<Err", b"Error", b"<a><Error/></a>"] {
            assert!(!is_error_document(body));
        }
        assert!(is_error_document(b" \n <?xml version='1.0'?><s3:Error xmlns:s3='x'>"));
    }

    proptest! {
        #[test]
        fn any_body_gives_a_bounded_printable_line(body in prop::collection::vec(any::<u8>(), 0..600), xml in any::<bool>()) {
            let body = if xml { [b"<Error><Message>".as_slice(), &body, b"</Message></Error>"].concat() } else { body };
            let message = error_document(&body).message;
            prop_assert!(message.chars().count() <= 1024);
            prop_assert!(!message.chars().any(char::is_control));
        }
    }
}
