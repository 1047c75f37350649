//! The canonical request: never a text, always hashed on the way.
//!
//! Headers are selected and sorted without copying one; a list of ordinary length stays on the stack.

use http::HeaderMap;
use memchr::memchr;
use sha2::{Digest, Sha256};

use super::{Hex, Target};

/// Whether a header of that name (in lower case) takes part in the signature of a request that is sent at once.
///
/// A presigned one signs [all that it has](super::is_presigned_header).
pub fn is_signed_header(name: &str) -> bool {
    name.starts_with("x-amz-") || matches!(name, "host" | "content-type" | "content-md5" | "range")
}

/// One signed header.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
}

/// Requests with more headers than this are signed as well, with an allocation.
const ON_STACK: usize = 16;

/// Selects what is signed out of `headers`, adds `own`, sorts by name and hands the list over.
///
/// A name of `own` replaces what the headers say about it; own values of `None` only remove.
pub(super) fn with_fields<R>(
    headers: &HeaderMap,
    own: &[(&'static str, Option<&[u8]>)],
    signed: fn(&str) -> bool,
    then: impl FnOnce(&[Field<'_>]) -> R,
) -> R {
    const NONE: Field<'_> = Field { name: "", value: b"" };
    let most = headers.len() + own.len();
    let mut on_stack = [NONE; ON_STACK];
    let mut on_heap = Vec::new();
    let slots = if most <= ON_STACK {
        &mut on_stack[..]
    } else {
        on_heap.resize(most, NONE);
        &mut on_heap[..]
    };
    let count = sorted(headers, own, signed, slots);
    then(slots.get_mut(..count).unwrap_or_default())
}

/// Fills the slots; answers how many fields there are.
fn sorted<'a>(
    headers: &'a HeaderMap,
    own: &[(&'static str, Option<&'a [u8]>)],
    signed: fn(&str) -> bool,
    slots: &mut [Field<'a>],
) -> usize {
    let own_fields = own.iter().filter_map(|(name, value)| Some(Field { name, value: (*value)? }));
    let given = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let taken = signed(name) && own.iter().all(|(own, _)| *own != name);
        taken.then(|| Field { name, value: value.as_bytes() })
    });
    let mut count = 0_usize;
    for field in own_fields.chain(given) {
        // Into its place: there are few, and most come in order. Several values of one header keep theirs.
        let mut at: usize = count;
        while let Some(before) = at.checked_sub(1).filter(|before| field.name < slots[*before].name) {
            slots[at] = slots[before];
            at = before;
        }
        slots[at] = field;
        count += 1;
    }
    count
}

/// The names of sorted fields, each once.
pub(super) fn names<'a>(fields: &[Field<'a>]) -> impl Iterator<Item = &'a str> {
    let mut last = "";
    fields.iter().map(|field| field.name).filter(move |name| {
        let new = *name != last;
        last = name;
        new
    })
}

/// The hash that is signed.
pub(super) fn hash(target: &Target<'_>, query: &str, fields: &[Field<'_>], payload: &[u8]) -> Hex {
    let mut out = Sink::new();
    begin(&mut out, target, query, fields);
    for (at, name) in names(fields).enumerate() {
        if at > 0 {
            out.byte(b';');
        }
        out.push(name.as_bytes());
    }
    out.end(payload)
}

/// The same, where the names of the fields have been written already, with `;` between them.
pub(super) fn hash_named(target: &Target<'_>, fields: &[Field<'_>], names: &[u8], payload: &[u8]) -> Hex {
    let mut out = Sink::new();
    begin(&mut out, target, target.query, fields);
    out.push(names);
    out.end(payload)
}

/// A canonical request up to the names of its headers.
fn begin(out: &mut Sink, target: &Target<'_>, query: &str, fields: &[Field<'_>]) {
    out.push(target.method.as_bytes());
    out.byte(b'\n');
    out.push(if target.path.is_empty() { b"/" } else { target.path.as_bytes() });
    out.byte(b'\n');
    out.push(query.as_bytes());
    let mut last = "";
    for field in fields {
        if field.name == last {
            out.byte(b',');
        } else {
            out.byte(b'\n');
            out.push(field.name.as_bytes());
            out.byte(b':');
        }
        push_value(out, field.value);
        last = field.name;
    }
    out.push(b"\n\n");
}

/// A header value without blanks at its ends and with one blank where there were several.
fn push_value(out: &mut Sink, value: &[u8]) {
    let mut rest = trim(value);
    while let Some(blank) = memchr(b' ', rest) {
        let (head, tail) = rest.split_at(blank + 1);
        out.push(head);
        let run = tail.iter().take_while(|byte| **byte == b' ').count();
        rest = tail.get(run..).unwrap_or_default();
    }
    out.push(rest);
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Collects small pieces before they are hashed: the hash is several times faster on long ones.
struct Sink {
    hash: Sha256,
    buffer: [u8; 512],
    len: usize,
}

impl Sink {
    fn new() -> Self {
        Self { hash: Sha256::new(), buffer: [0; 512], len: 0 }
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        match self.buffer.get_mut(self.len) {
            Some(room) => {
                *room = byte;
                self.len += 1;
            }
            None => self.push(&[byte]),
        }
    }

    fn push(&mut self, piece: &[u8]) {
        let end = self.len + piece.len();
        if let Some(room) = self.buffer.get_mut(self.len..end) {
            room.copy_from_slice(piece);
            self.len = end;
        } else {
            self.flush();
            self.hash.update(piece);
        }
    }

    fn end(&mut self, payload: &[u8]) -> Hex {
        self.byte(b'\n');
        self.push(payload);
        self.finish()
    }

    fn flush(&mut self) {
        self.hash.update(&self.buffer[..self.len]);
        self.len = 0;
    }

    /// By reference: what is taken by value is copied first, buffer and all.
    fn finish(&mut self) -> Hex {
        self.flush();
        Hex::of(&self.hash.finalize_reset().into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::super::sha256_hex;
    use super::*;

    fn hashed(value: &[u8]) -> String {
        let mut sink = Sink::new();
        push_value(&mut sink, value);
        sink.finish().to_text()
    }

    #[test]
    fn values_lose_their_spare_blanks() {
        for (given, signed) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"  a  b   c ", b"a b c"),
            (b"\t a \t b\t", b"a \t b"),
            (b"\"a   b\"", b"\"a b\""),
            (b"   ", b""),
            (b"", b""),
            (b"\xff  \xfe", b"\xff \xfe"),
        ] {
            assert_eq!(hashed(given), sha256_hex(signed), "{given:?}");
        }
    }

    #[test]
    fn pieces_of_any_size_are_hashed_in_order() {
        let piece: Vec<u8> = (0..=255).cycle().take(1500).collect();
        for sizes in [[1, 511, 1, 5], [512, 1, 1500, 2], [0, 513, 0, 512], [300, 300, 300, 300]] {
            let mut sink = Sink::new();
            let mut all = Vec::new();
            for size in sizes {
                sink.push(&piece[..size]);
                all.extend_from_slice(&piece[..size]);
            }
            assert_eq!(sink.finish().to_text(), sha256_hex(&all));
        }
    }

    #[test]
    fn signs_what_proxies_leave_alone() {
        for name in ["host", "content-type", "content-md5", "range", "x-amz-acl", "x-amz-meta-a"] {
            assert!(is_signed_header(name), "{name}");
        }
        for name in ["user-agent", "expect", "accept-encoding", "connection", "content-length", "transfer-encoding"]
            .into_iter()
            .chain(["amz-sdk-request", "amz-sdk-invocation-id", "x-amzn-trace-id", "authorization", "date", "if-match"])
        {
            assert!(!is_signed_header(name), "{name}");
        }
    }
}
