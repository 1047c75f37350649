//! What attempts carry so that the server's log can tell them apart: an id per call, a count per attempt.

use http::HeaderValue;

use crate::resilience::Jitter;
use crate::sign::write_hex;

/// Random, so that the server's log tells calls apart: a version 4 UUID.
pub(super) struct InvocationId([u64; 2]);

impl InvocationId {
    pub(super) fn new(jitter: &mut Jitter) -> Self {
        Self([jitter.bits() & !(0xF << 12) | 0x4 << 12, jitter.bits() & !(0x3 << 62) | 0x2 << 62])
    }

    /// Made for each attempt: a value to share would cost the first one twice.
    pub(super) fn to_header(&self) -> HeaderValue {
        let [high, low] = self.0;
        let mut hex = [0; 32];
        write_hex(&(u128::from(high) << 64 | u128::from(low)).to_be_bytes(), &mut hex);
        let mut text = [b'-'; 36];
        for (at, from, to) in [(0, 0, 8), (9, 8, 12), (14, 12, 16), (19, 16, 20), (24, 20, 32)] {
            text[at..at + to - from].copy_from_slice(&hex[from..to]);
        }
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

pub(super) fn attempt_header(attempt: u32, max: u32) -> HeaderValue {
    // The common cases cost no allocation.
    match (attempt, max) {
        (1, 3) => HeaderValue::from_static("attempt=1; max=3"),
        (1, 1) => HeaderValue::from_static("attempt=1; max=1"),
        _ => HeaderValue::try_from(format!("attempt={attempt}; max={max}"))
            .unwrap_or_else(|_| HeaderValue::from_static("attempt=1")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn invocation_ids_are_version_4_uuids_and_differ() {
        let mut jitter = Jitter::seeded(3);
        let [a, b] = [(); 2].map(|()| InvocationId::new(&mut jitter).to_header());
        assert_ne!(a, b);
        let a = a.to_str().unwrap();
        assert_eq!(a.len(), 36);
        assert_eq!(&a[14..15], "4");
        assert!(matches!(&a[19..20], "8" | "9" | "a" | "b"), "{a}");
        assert!(a.match_indices('-').map(|(at, _)| at).eq([8, 13, 18, 23]));
    }
}
