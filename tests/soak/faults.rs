//! What can go wrong between a client and a server, and where each of it applies. Sends nothing.

/// SplitMix64: one seed, one sequence, no dependency.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that depend on all of these and on nothing else.
    pub fn of(seed: u64, subject: &str, number: u64) -> Self {
        let mut dice = Self(seed ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        for byte in subject.bytes() {
            dice.0 = dice.0.rotate_left(7) ^ u64::from(byte);
            dice.next();
        }
        dice.next();
        dice
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]));
        bytes
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The proxy takes some bytes of the request and closes.
    RequestCut,
    /// The same with a reset.
    RequestReset,
    /// The server gets the beginning of the request, then its connection closes; so does the client's.
    RequestCutAtServer,
    /// The proxy takes some bytes of the request and then no more.
    RequestStalled,
    /// The request is taken in small pieces.
    RequestTrickles,
    /// One byte of the request's body is another one when it reaches the server.
    RequestCorrupt,
    /// Some bytes of the request's body reach the server twice.
    RequestDuplicate,
    /// The request waits before it goes on.
    Delayed,
    /// The server did it, and the client gets the beginning of the answer, or nothing.
    AnswerCut,
    AnswerReset,
    AnswerStalled,
    AnswerTrickles,
    /// One byte of an object is another one.
    AnswerCorrupt,
    /// Some bytes of an object come twice; the length stays as announced, the rest follows as rubbish.
    AnswerDuplicate,
    /// The proxy answers itself; with a document or without, with `Retry-After` or without.
    Status500,
    Status503,
    Status503RetryAfter,
    Status429,
    Status429RetryAfter,
    Status408,
    Status408RetryAfter,
    /// 200 with an error document, where S3 does that.
    ErrorIn200,
    /// After the answer the connection closes without a word.
    IdleClosed,
}

use Fault::*;

pub const ALL: [Fault; 23] = [
    RequestCut,
    RequestReset,
    RequestCutAtServer,
    RequestStalled,
    RequestTrickles,
    RequestCorrupt,
    RequestDuplicate,
    Delayed,
    AnswerCut,
    AnswerReset,
    AnswerStalled,
    AnswerTrickles,
    AnswerCorrupt,
    AnswerDuplicate,
    Status500,
    Status503,
    Status503RetryAfter,
    Status429,
    Status429RetryAfter,
    Status408,
    Status408RetryAfter,
    ErrorIn200,
    IdleClosed,
];

/// What the proxy knows of a request once it has read its head.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    /// The first segment of the path: what is asked of one bucket is one sequence.
    pub bucket: String,
    /// Bytes of the body as they travel.
    pub body: usize,
    pub ranged: bool,
}

impl Asked {
    fn of_an_object(&self) -> bool {
        self.path.trim_start_matches('/').contains('/')
    }

    /// A whole object: what can be checked against its checksum.
    fn reads_object(&self) -> bool {
        self.method == "GET" && self.of_an_object() && !self.ranged && !self.query.contains("upload")
    }

    pub fn creates_upload(&self) -> bool {
        self.method == "POST" && self.query.split('&').any(|p| p == "uploads" || p == "uploads=")
    }

    fn may_err_in_200(&self, copy: bool) -> bool {
        copy || (self.method == "POST" && self.query.contains("uploadId"))
    }

    /// Whether the fault can be done to such a request, and shows.
    pub fn allows(&self, fault: Fault, copy: bool) -> bool {
        match fault {
            RequestCorrupt | RequestDuplicate | RequestTrickles | RequestStalled => self.body > 0,
            // Nothing protects a range or a listing: TLS is for that.
            AnswerCorrupt | AnswerDuplicate => self.reads_object(),
            ErrorIn200 => self.may_err_in_200(copy),
            _ => true,
        }
    }
}

/// Status line, headers and body of an answer the proxy gives itself.
pub fn answer(fault: Fault, dice: &mut Dice) -> Option<Vec<u8>> {
    let (status, code, retry_after) = match fault {
        Status500 => ("500 Internal Server Error", "InternalError", false),
        Status503 => ("503 Service Unavailable", "SlowDown", false),
        Status503RetryAfter => ("503 Service Unavailable", "ServiceUnavailable", true),
        Status429 => ("429 Too Many Requests", "TooManyRequests", false),
        Status429RetryAfter => ("429 Too Many Requests", "TooManyRequests", true),
        Status408 => ("408 Request Timeout", "RequestTimeout", false),
        Status408RetryAfter => ("408 Request Timeout", "RequestTimeout", true),
        ErrorIn200 => ("200 OK", "InternalError", false),
        _ => return None,
    };
    // A balancer in front of a store answers without a document.
    let document = fault == ErrorIn200 || !dice.one_in(3);
    let body = if document {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>injected</Message><RequestId>PROXY</RequestId></Error>"
        )
    } else {
        String::new()
    };
    let wait = if retry_after { "Retry-After: 1\r\n" } else { "" };
    Some(
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n{wait}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes(),
    )
}
