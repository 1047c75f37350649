//! Bodies in signed chunks (`aws-chunked`): what stands between the data.
//!
//! Only the frame is made here. Data passes by and is hashed; it is neither kept nor copied.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::header::Signature;
use super::key::SigningKey;
use super::{EMPTY_SHA256, Hex};

/// The size of the chunks this crate sends, in bytes: 256 KiB. A chunk is hashed and on its way while it is in the processor's
/// second cache, and its signature is a hundredth of the work. Servers refuse signed chunks under 8 KiB, other than the last
/// one, and some those above 16 MiB.
pub const CHUNK_SIZE: usize = 256 * 1024;

const CHUNK_SIGNATURE: &str = ";chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature:";
const HEX_LEN: usize = 64;

/// Makes the frame around the chunks of one body.
///
/// The body on the wire is: for every chunk its [`header`](Self::header) and then its data, and at the
/// end what [`finish`](Self::finish) gives. Headers hold the line ends of the chunk before, so nothing else is needed.
///
/// Every chunk but the last must be full ([`room`](Self::room) is 0), or [`encoded_len`] will not be the
/// length of the body.
///
/// ```
/// use integration_s3_runtime::sign::{ChunkFramer, encoded_len};
///
/// let mut framer = ChunkFramer::unsigned(4);
/// let mut body = Vec::new();
/// for chunk in b"abcdef".chunks(framer.room()) {
///     framer.feed(chunk);
///     body.extend(framer.header().unwrap());
///     body.extend(chunk);
/// }
/// body.extend(framer.finish(&[("x-amz-checksum-crc32", "S49A7w==")]));
/// assert_eq!(body, b"4\r\nabcd\r\n2\r\nef\r\n0\r\nx-amz-checksum-crc32:S49A7w==\r\n\r\n");
/// assert_eq!(encoded_len(false, 6, 4, &[("x-amz-checksum-crc32", 8)]), Some(body.len() as u64));
/// ```
pub struct ChunkFramer {
    signer: Option<Signer>,
    chunk_size: usize,
    filled: usize,
    any: bool,
}

/// Each signature covers the one before it.
struct Signer {
    key: Arc<SigningKey>,
    date: [u8; 16],
    previous: Hex,
    data: Sha256,
}

impl ChunkFramer {
    /// Chunks that are signed, beginning with the signature of the request, whose payload was
    /// [`StreamingSigned`](super::Payload::StreamingSigned) or
    /// [`StreamingSignedTrailer`](super::Payload::StreamingSignedTrailer).
    pub fn signed(request: Signature, chunk_size: usize) -> Self {
        let Signature { hex, date, key } = request;
        Self::new(Some(Signer { key, date, previous: hex, data: Sha256::new() }), chunk_size)
    }

    /// Chunks without signatures, for [`StreamingUnsignedTrailer`](super::Payload::StreamingUnsignedTrailer).
    pub fn unsigned(chunk_size: usize) -> Self {
        Self::new(None, chunk_size)
    }

    fn new(signer: Option<Signer>, chunk_size: usize) -> Self {
        Self { signer, chunk_size: chunk_size.max(1), filled: 0, any: false }
    }

    /// How many bytes the present chunk can still take.
    pub fn room(&self) -> usize {
        self.chunk_size.saturating_sub(self.filled)
    }

    /// Adds data to the present chunk: at most [`room`](Self::room) bytes, in any number of pieces.
    pub fn feed(&mut self, data: &[u8]) {
        self.filled += data.len();
        if let Some(signer) = &mut self.signer {
            signer.data.update(data);
        }
    }

    /// Ends the present chunk; its data follows this header. `None` if it is empty.
    pub fn header(&mut self) -> Option<Bytes> {
        if self.filled == 0 {
            return None;
        }
        let mut out = Vec::with_capacity(2 + 16 + CHUNK_SIGNATURE.len() + HEX_LEN + 2);
        self.write_header(&mut out);
        self.any = true;
        self.filled = 0;
        Some(out.into())
    }

    /// Ends the body: the empty chunk, then the trailers in the given order, then their signature if chunks are signed.
    ///
    /// Names are in lower case and sorted; there must be some if and only if the payload of the request
    /// promised trailers. The data of the last chunk must have had its [`header`](Self::header).
    pub fn finish(mut self, trailers: &[(&str, &str)]) -> Bytes {
        self.filled = 0;
        let lines: usize = trailers.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
        let mut out = Vec::with_capacity(2 + 1 + 2 * (CHUNK_SIGNATURE.len() + HEX_LEN + 12) + lines);
        self.write_header(&mut out);
        for (name, value) in trailers {
            for part in [name, ":", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        if let (Some(signer), false) = (&mut self.signer, trailers.is_empty()) {
            out.extend_from_slice(TRAILER_SIGNATURE.as_bytes());
            out.extend_from_slice(&signer.sign_trailers(trailers).0);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.into()
    }

    fn write_header(&mut self, out: &mut Vec<u8>) {
        if self.any {
            out.extend_from_slice(b"\r\n");
        }
        let digits = hex_digits(self.filled as u64);
        out.extend((0..digits).rev().map(|at| b"0123456789abcdef"[(self.filled >> (4 * at)) & 15]));
        if let Some(signer) = &mut self.signer {
            out.extend_from_slice(CHUNK_SIGNATURE.as_bytes());
            out.extend_from_slice(&signer.sign_chunk().0);
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl fmt::Debug for ChunkFramer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkFramer")
            .field("signed", &self.signer.is_some())
            .field("chunk_size", &self.chunk_size)
            .field("filled", &self.filled)
            .finish_non_exhaustive()
    }
}

impl Signer {
    fn sign_chunk(&mut self) -> Hex {
        let data = Hex::of(&self.data.finalize_reset().into());
        self.sign(b"AWS4-HMAC-SHA256-PAYLOAD\n", &[EMPTY_SHA256.as_bytes(), b"\n", &data.0])
    }

    fn sign_trailers(&mut self, trailers: &[(&str, &str)]) -> Hex {
        let mut lines = Sha256::new();
        for (name, value) in trailers {
            for part in [name, ":", value, "\n"] {
                lines.update(part.as_bytes());
            }
        }
        let lines = Hex::of(&lines.finalize().into());
        self.sign(b"AWS4-HMAC-SHA256-TRAILER\n", &[&lines.0, b"", b""])
    }

    fn sign(&mut self, kind: &[u8], [a, b, c]: &[&[u8]; 3]) -> Hex {
        let scope = self.key.scope().as_bytes();
        self.previous = self.key.sign(&[kind, &self.date, b"\n", scope, b"\n", &self.previous.0, b"\n", a, b, c]);
        self.previous
    }
}

/// How long a body of `len` bytes is in chunks of `chunk_size`, with trailers given as names and lengths of values.
///
/// This is the `content-length` to send; `len` goes into `x-amz-decoded-content-length`. `None` if it does not fit.
pub fn encoded_len(signed: bool, len: u64, chunk_size: usize, trailers: &[(&str, usize)]) -> Option<u64> {
    let chunk_size = chunk_size.max(1) as u64;
    let signature = if signed { (CHUNK_SIGNATURE.len() + HEX_LEN) as u64 } else { 0 };
    // Size, signature, and two line ends.
    let frame = |size: u64| hex_digits(size) as u64 + signature + 4;
    let rest = len % chunk_size;
    let mut total = len.checked_add((len / chunk_size).checked_mul(frame(chunk_size))?)?;
    if rest > 0 {
        total = total.checked_add(frame(rest))?;
    }
    total = total.checked_add(frame(0))?;
    for (name, value) in trailers {
        total = total.checked_add(name.len() as u64)?.checked_add(*value as u64)?.checked_add(3)?;
    }
    if signed && !trailers.is_empty() {
        total = total.checked_add((TRAILER_SIGNATURE.len() + HEX_LEN + 2) as u64)?;
    }
    Some(total)
}

fn hex_digits(size: u64) -> u32 {
    (u64::BITS - size.leading_zeros()).div_ceil(4).max(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::super::header::tests::{SCOPE, example, headers, sign_all};
    use super::super::{KeyCache, Payload, Target, sign_request};
    use super::*;

    const TARGET: Target<'static> =
        Target { method: "PUT", host: Some("s3.amazonaws.com"), path: "/examplebucket/chunkObject.txt", query: "" };

    /// The chunks of the published examples.
    const PUBLISHED: usize = 64 * 1024;

    fn encode(mut framer: ChunkFramer, data: &[u8], pieces: &[usize], trailers: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        let chunk_size = framer.room();
        let mut sizes = pieces.iter().copied().cycle();
        for chunk in data.chunks(chunk_size) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let (piece, tail) = rest.split_at(sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
                framer.feed(piece);
                rest = tail;
            }
            out.extend(framer.header().unwrap());
            out.extend_from_slice(chunk);
        }
        assert_eq!(framer.header(), None);
        out.extend(framer.finish(trailers));
        out
    }

    fn signatures(body: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(body);
        let after = text.split("signature").skip(1);
        after.map(|rest| rest[1..].chars().take(64).collect()).collect()
    }

    #[test]
    fn published_chunked_upload() {
        let mut sent = headers(&[
            ("content-encoding", "aws-chunked"),
            ("content-length", "66824"),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ]);
        let request = sign_all(TARGET, &mut sent, Payload::StreamingSigned);
        assert_eq!(request.hex(), "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
        let body = encode(ChunkFramer::signed(request, PUBLISHED), &[b'a'; 66_560], &[1000], &[]);
        assert_eq!(body.len(), 66_824);
        assert_eq!(encoded_len(true, 66_560, PUBLISHED, &[]), Some(66_824));
        assert_eq!(
            signatures(&body),
            [
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ]
        );
        assert!(body.starts_with(b"10000;chunk-signature=ad80"));
        let second = &body[5 + 81 + 2 + 65_536..];
        assert!(second.starts_with(b"\r\n400;chunk-signature=0055"));
        assert!(body.ends_with(b"279d449df9\r\n\r\n"));
    }

    #[test]
    fn published_chunked_upload_with_trailer() {
        let mut sent = headers(&[
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ]);
        let request = sign_all(TARGET, &mut sent, Payload::StreamingSignedTrailer);
        assert_eq!(request.hex(), "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
        let trailers = [("x-amz-checksum-crc32c", "sOO8/Q==")];
        let body = encode(ChunkFramer::signed(request, PUBLISHED), &[b'a'; 66_560], &[], &trailers);
        assert_eq!(
            signatures(&body),
            [
                "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
                "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
            ]
        );
        let end = b"\r\nx-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc";
        assert!(body.windows(end.len()).any(|it| it == end) && body.ends_with(b"17fe2e435\r\n\r\n"));
        assert_eq!(encoded_len(true, 66_560, PUBLISHED, &[("x-amz-checksum-crc32c", 8)]), Some(body.len() as u64));
    }

    #[test]
    fn an_empty_body_is_one_empty_chunk() {
        assert_eq!(encode(ChunkFramer::unsigned(8), b"", &[], &[("a", "b")]), b"0\r\na:b\r\n\r\n");
        assert_eq!(encoded_len(false, 0, 8, &[("a", 1)]), Some(10));
        let request = sign_all(TARGET, &mut headers(&[]), Payload::StreamingSigned);
        let body = encode(ChunkFramer::signed(request, 8), b"", &[], &[]);
        assert!(body.starts_with(b"0;chunk-signature=") && body.len() == 86);
    }

    #[test]
    fn lengths_that_do_not_fit_are_none() {
        assert_eq!(encoded_len(true, u64::MAX, 8192, &[]), None);
        assert_eq!(encoded_len(false, u64::MAX, 0, &[]), None);
        // The largest object there is: 5 TiB.
        assert_eq!(encoded_len(false, 5 << 40, PUBLISHED, &[]), Some((5 << 40) + 9 * (5 << 24) + 5));
    }

    proptest! {
        #[test]
        fn the_length_is_known_beforehand(
            data in prop::collection::vec(any::<u8>(), 0..2000),
            chunk_size in 1usize..700,
            pieces in prop::collection::vec(1usize..300, 1..5),
            trailers in prop::collection::vec(("[a-z-]{1,20}", "[!-~]{0,20}"), 0..3),
            signed in any::<bool>(),
        ) {
            let given: Vec<(&str, &str)> = trailers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let lens: Vec<(&str, usize)> = given.iter().map(|(n, v)| (*n, v.len())).collect();
            let framer = || match signed {
                true => {
                    let mut sent = headers(&[]);
                    let payload = Payload::StreamingSigned;
                    let request = sign_request(&TARGET, &mut sent, &payload, &example(), &SCOPE, &KeyCache::new());
                    ChunkFramer::signed(request.unwrap(), chunk_size)
                }
                false => ChunkFramer::unsigned(chunk_size),
            };
            let body = encode(framer(), &data, &pieces, &given);
            prop_assert_eq!(encoded_len(signed, data.len() as u64, chunk_size, &lens), Some(body.len() as u64));
            prop_assert_eq!(&encode(framer(), &data, &[], &given), &body);
            prop_assert_eq!(decode(&body, &given), data);
        }
    }

    /// Takes the frame off again, as a server would.
    fn decode(mut body: &[u8], trailers: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            let end = body.windows(2).position(|it| it == b"\r\n").unwrap();
            let line = std::str::from_utf8(&body[..end]).unwrap();
            let size = usize::from_str_radix(line.split(';').next().unwrap(), 16).unwrap();
            body = &body[end + 2..];
            if size == 0 {
                break;
            }
            out.extend_from_slice(&body[..size]);
            assert_eq!(&body[size..size + 2], b"\r\n");
            body = &body[size + 2..];
        }
        let lines = std::str::from_utf8(body).unwrap().strip_suffix("\r\n").unwrap();
        let mut lines = lines.split_terminator("\r\n");
        for (name, value) in trailers {
            assert_eq!(lines.next().unwrap(), format!("{name}:{value}"));
        }
        assert!(lines.next().is_none_or(|line| line.starts_with(TRAILER_SIGNATURE)));
        out
    }
}
