//! What all contestants of the comparison have in common: one command line, one measuring loop, one line of JSON.
//!
//! A contestant implements [`Contestant`] and calls [`run`] from `main`. Whatever is timed goes through here, so contestants
//! differ in nothing but the client they wrap.

mod arguments;
mod cases;
mod meter;

use std::fmt;
use std::process::ExitCode;

pub use arguments::Target;
pub use bytes::Bytes;
pub use futures_util;
pub use meter::cpu;

/// Whatever a client fails with.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// The result of one call.
pub type Result<T> = std::result::Result<T, Error>;

/// The access key all contestants use; the null server checks nothing.
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// The secret all contestants sign with.
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The region all contestants sign for.
pub const REGION: &str = "us-east-1";
/// Bytes of a range that is read.
pub const RANGE: u64 = 8 << 20;

/// One S3 client. Every method does the whole job a user wants done: the body is read to its end, a page becomes typed objects.
pub trait Contestant: Send + Sync + Sized + 'static {
    /// How it is called in tables.
    const NAME: &'static str;

    /// A client for this target, with the client's own defaults wherever the target does not say otherwise.
    fn new(target: &Target) -> impl Future<Output = Result<Self>> + Send;

    /// Reads an object into memory by the call users would take; gives its length.
    fn get(&self, key: &str) -> impl Future<Output = Result<u64>> + Send;

    /// Reads an object as a stream and drops the chunks; gives its length.
    fn stream(&self, key: &str) -> impl Future<Output = Result<u64>> + Send;

    /// Reads `len` bytes from `offset` as a stream; gives the number that came.
    fn range(&self, key: &str, offset: u64, len: u64) -> impl Future<Output = Result<u64>> + Send;

    /// Stores a body that is in memory.
    fn put(&self, key: &str, body: Bytes) -> impl Future<Output = Result<()>> + Send;

    /// Asks for the length of an object.
    fn head(&self, key: &str) -> impl Future<Output = Result<u64>> + Send;

    /// Uploads `count` times `part`, `in_flight` at a time, as one object.
    fn parts(&self, key: &str, count: usize, part: Bytes, in_flight: usize) -> impl Future<Output = Result<()>> + Send;

    /// Lists the whole bucket of the target; gives the number of keys and the sum of the sizes.
    fn list(&self) -> impl Future<Output = Result<(u64, u64)>> + Send;

    /// Signs the URL of a GET for an hour; gives its length.
    fn presign(&self, key: &str) -> impl Future<Output = Result<usize>> + Send;
}

/// What an operation answers that the wrapped client does not have.
#[derive(Debug)]
pub struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unsupported")
    }
}

impl std::error::Error for Unsupported {}

/// Runs the case the command line asks for and prints its figures as one line of JSON.
pub fn run<C: Contestant>() -> ExitCode {
    let figures = arguments::parse().and_then(|arguments| {
        // One worker: the client has one core, like the server.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(cases::measure::<C>(arguments))
    });
    let (outcome, code) = match figures {
        Ok(figures) => (figures, ExitCode::SUCCESS),
        Err(error) if error.is::<Unsupported>() => ("\"unsupported\":true".to_owned(), ExitCode::SUCCESS),
        Err(error) => (format!("\"error\":{:?}", whole(error.as_ref())), ExitCode::FAILURE),
    };
    println!("{{\"name\":\"{}\",{outcome}}}", C::NAME);
    code
}

/// An error with all its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
