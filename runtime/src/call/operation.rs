//! What every request value can do.

use crate::error::S3Error;
use crate::plumbing::{OperationFacts, Reply, RequestWriter};

/// A request that can be sent: it writes itself and reads its answer. Generated for each operation; the methods are not for
/// applications, which give the value to a client.
pub trait Operation: Send + Sync + 'static {
    /// What a successful call answers with.
    type Output: Send + 'static;

    #[doc(hidden)]
    const FACTS: &'static OperationFacts;

    /// The bucket it is about.
    fn bucket(&self) -> Option<&str> {
        None
    }

    /// The key it is about.
    fn key(&self) -> Option<&str> {
        None
    }

    /// Writes the request. Takes a streaming body out; the rest stays, for the answer and for errors.
    #[doc(hidden)]
    fn encode(&mut self, w: &mut RequestWriter);

    /// Reads the answer. Boxed: an output is large, and each layer around would move it to the next.
    #[doc(hidden)]
    fn decode(&self, reply: &mut Reply) -> impl Future<Output = Result<Box<Self::Output>, S3Error>> + Send;
}
