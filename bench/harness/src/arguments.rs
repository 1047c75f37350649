//! The command line of a contestant.

use crate::Result;

/// The store a client is made for, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub endpoint: String,
    /// The bucket all keys are in.
    pub bucket: String,
    /// Which way of using the client, by a word the contestant knows; empty: as it comes.
    pub variant: String,
    /// How many requests are in flight at once.
    pub in_flight: usize,
}

#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) target: Target,
    pub(crate) case: String,
    /// How often the operation is done: requests; listings for `list`, uploads for `parts`.
    pub(crate) n: u64,
    /// How often before the clock starts, on a client of its own.
    pub(crate) warm_up: u64,
    /// Bytes of the object, or of one part.
    pub(crate) size: u64,
    /// Pages of one listing, parts of one upload.
    pub(crate) pieces: u64,
}

pub(crate) fn parse() -> Result<Arguments> {
    let target = Target {
        endpoint: "http://127.0.0.1:9400".to_owned(),
        bucket: "bench-bucket".to_owned(),
        variant: String::new(),
        in_flight: 8,
    };
    let mut it = Arguments { target, case: String::new(), n: 1000, warm_up: 0, size: 1024, pieces: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--case" => it.case = value,
            "--endpoint" => it.target.endpoint = value,
            "--variant" => it.target.variant = value,
            "--in-flight" => it.target.in_flight = value.parse()?,
            "--n" => it.n = value.parse()?,
            "--warm-up" => it.warm_up = value.parse()?,
            "--size" => it.size = value.parse()?,
            "--pieces" => it.pieces = value.parse()?,
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }
    Ok(it)
}
