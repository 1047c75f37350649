//! The cases: what is asked of the contestants, how often, and what the SDK is to reach.

/// A case of the comparison.
pub struct Case {
    /// How tables call it.
    pub name: &'static str,
    /// One sentence: what one operation is.
    pub what: &'static str,
    /// Whether TLS lies between.
    pub tls: bool,
    /// What the contestants are told.
    pub arguments: &'static [&'static str],
    /// Which figure counts.
    pub unit: Unit,
    /// What integration-s3, in a variant, is to stay below.
    pub goals: &'static [Goal],
}

/// The figure that is compared.
#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    /// CPU time of one operation, in microseconds.
    Micros,
    /// CPU time of the whole, in seconds.
    Seconds,
    /// CPU time of the first request of a process, in microseconds.
    First,
}

/// `factor` times the figure of a reference, plus the time of SHA-256 over so many bytes.
pub struct Goal {
    pub variant: &'static str,
    pub factor: f64,
    pub of: Reference,
    pub hashed_bytes: f64,
}

/// What a goal is measured by.
#[derive(Clone, Copy, PartialEq)]
pub enum Reference {
    Floor,
    BestPeer,
}

const fn goal(variant: &'static str, factor: f64, of: Reference) -> Goal {
    Goal { variant, factor, of, hashed_bytes: 0.0 }
}

const OWN: &str = "integration-s3";
const CHECKED: &str = "integration-s3:checked";
const GIB: &str = "1073741824";
const GIB_BYTES: f64 = 1_073_741_824.0;
const GET_1K: &[&str] = &["--case", "get", "--size", "1024", "--n", "5000", "--warm-up", "500"];
const STREAM_1G: &[&str] = &["--case", "stream", "--size", GIB, "--n", "1", "--in-flight", "1"];

/// In the order of the tables.
pub const CASES: &[Case] = &[
    Case {
        name: "get-1k",
        what: "GET of 1 KiB into memory, 8 in flight",
        tls: false,
        arguments: GET_1K,
        unit: Unit::Micros,
        goals: &[goal(OWN, 1.5, Reference::Floor), goal(CHECKED, 1.5, Reference::Floor)],
    },
    Case {
        name: "get-1k-tls",
        what: "GET of 1 KiB into memory over TLS, 8 in flight",
        tls: true,
        arguments: GET_1K,
        unit: Unit::Micros,
        goals: &[],
    },
    Case {
        name: "get-16k",
        what: "GET of 16 KiB into memory, 8 in flight",
        tls: false,
        arguments: &["--case", "get", "--size", "16384", "--n", "5000", "--warm-up", "500"],
        unit: Unit::Micros,
        goals: &[goal(OWN, 1.5, Reference::Floor), goal(CHECKED, 1.5, Reference::Floor)],
    },
    Case {
        name: "get-1k-alone",
        what: "GET of 1 KiB into memory, one at a time",
        tls: false,
        arguments: &["--case", "get", "--size", "1024", "--n", "3000", "--warm-up", "300", "--in-flight", "1"],
        unit: Unit::Micros,
        goals: &[],
    },
    Case {
        name: "put-16k",
        what: "PUT of 16 KiB from memory, 8 in flight",
        tls: false,
        arguments: &["--case", "put", "--size", "16384", "--n", "5000", "--warm-up", "500"],
        unit: Unit::Micros,
        goals: &[
            goal(CHECKED, 1.6, Reference::Floor),
            Goal { variant: OWN, factor: 1.6, of: Reference::Floor, hashed_bytes: 16384.0 },
        ],
    },
    Case {
        name: "head",
        what: "HEAD, 8 in flight",
        tls: false,
        arguments: &["--case", "head", "--size", "16384", "--n", "5000", "--warm-up", "500"],
        unit: Unit::Micros,
        goals: &[goal(OWN, 1.45, Reference::Floor)],
    },
    Case {
        name: "list",
        what: "one page of 1,000 keys (366 kB of XML) as typed objects",
        tls: false,
        arguments: &["--case", "list", "--pieces", "20", "--n", "2", "--warm-up", "1"],
        unit: Unit::Micros,
        goals: &[goal(OWN, 0.4, Reference::BestPeer)],
    },
    Case {
        name: "presign",
        what: "the URL of one GET, signed",
        tls: false,
        arguments: &["--case", "presign", "--n", "20000", "--warm-up", "1000", "--in-flight", "1"],
        unit: Unit::Micros,
        goals: &[goal(OWN, 0.4, Reference::BestPeer)],
    },
    Case {
        name: "stream-1g",
        what: "1 GiB read as a stream",
        tls: false,
        arguments: STREAM_1G,
        unit: Unit::Seconds,
        goals: &[goal(OWN, 1.05, Reference::Floor), goal(CHECKED, 1.15, Reference::Floor)],
    },
    Case {
        name: "stream-1g-tls",
        what: "1 GiB read as a stream over TLS",
        tls: true,
        arguments: STREAM_1G,
        unit: Unit::Seconds,
        goals: &[],
    },
    Case {
        name: "ranges-1g",
        what: "1 GiB in ranges of 8 MiB, 8 in flight",
        tls: false,
        arguments: &["--case", "ranges", "--size", GIB, "--n", "1"],
        unit: Unit::Seconds,
        goals: &[goal(OWN, 1.1, Reference::Floor)],
    },
    Case {
        name: "parts-1g",
        what: "1 GiB uploaded in parts of 8 MiB, 8 in flight",
        tls: false,
        arguments: &["--case", "parts", "--size", "8388608", "--pieces", "128", "--n", "1"],
        unit: Unit::Seconds,
        goals: &[
            goal(CHECKED, 1.1, Reference::Floor),
            Goal { variant: OWN, factor: 1.1, of: Reference::Floor, hashed_bytes: GIB_BYTES },
        ],
    },
    Case {
        name: "cold",
        what: "a client and its first HEAD in a new process",
        tls: false,
        arguments: &["--case", "cold", "--size", "16384", "--n", "9"],
        unit: Unit::First,
        goals: &[goal(OWN, 1.5, Reference::Floor)],
    },
];

/// A case that is counted, not timed.
pub struct Counted<'a> {
    pub name: &'a str,
    pub arguments: &'a [&'a str],
    /// How often, in the short and in the long run.
    pub runs: [u64; 2],
}

/// One call at a time; the loop does the same work however the server's bytes arrive.
pub const COUNTED: &[Counted<'_>] = &[
    Counted { name: "get", arguments: &["--case", "get", "--size", "1024"], runs: [100, 400] },
    Counted { name: "put", arguments: &["--case", "put", "--size", "16384"], runs: [100, 400] },
    Counted { name: "head", arguments: &["--case", "head", "--size", "1024"], runs: [100, 400] },
    Counted { name: "list", arguments: &["--case", "list"], runs: [2, 8] },
    Counted { name: "presign", arguments: &["--case", "presign"], runs: [100, 400] },
];
