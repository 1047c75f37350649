//! Sending one HTTP request and receiving its answer's head; the body follows as a stream.
//!
//! [`HttpTransport`] is the port at which an application can put its own HTTP client or, in tests, the
//! scripted one (feature `test-util`). [`HyperTransport`] is the default. Retries, signing and the
//! meaning of statuses are not here: any answer is a success to a transport.

mod classify;
mod dial;
mod error;
mod exchange;
mod hyper;
mod line;
mod pool;
#[cfg(test)]
mod pool_tests;
mod proxy;
mod relay;
#[cfg(feature = "test-util")]
pub mod scripted;
#[cfg(feature = "test-util")]
mod scripted_answer;
#[cfg(all(test, feature = "test-util"))]
mod scripted_tests;
#[cfg(all(test, feature = "rustls-ring"))]
mod secure_tests;
mod tcp;
#[cfg(test)]
mod tests;
#[cfg(feature = "_tls")]
mod tls;
mod tunnel;
mod upload;
mod wire;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) use error::HOW_TO_FREE;
pub use error::{TransportError, TransportErrorKind};
pub use hyper::{HyperTransport, HyperTransportBuilder};
pub use proxy::{NoProxy, Proxies, Proxy};

use crate::body::ByteStream;

/// A boxed future, as object-safe traits need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The name of the operation a request belongs to, such as `GetObject`.
///
/// Put into the extensions of a request for transports that
/// [want it](HttpTransport::wants_operation_name): for tests, logs and accounting. It is never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationName(pub &'static str);

/// Put into the extensions of requests whose answer holds its verdict in the body, which may take minutes to come: blanks,
/// many seconds apart, say that the server lives. They are no stream that could stall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unhurried;

/// A place among the connections of a transport, which [`HttpTransport::reserve`] hands out. Dropped, it is given back.
///
/// The default is the place in a transport that has room for all. A transport that wraps another hands on what that one
/// gave.
#[derive(Debug, Default)]
pub struct Reservation(Option<pool::Permit>);

/// Sends HTTP requests.
///
/// An implementation sends the request as it is: headers complete and signed, the target in absolute form
/// (`http://host:port/path?query`), whose path and query must reach the server byte for byte. If the body's
/// [`len`](ByteStream::len) is known it must arrive as `Content-Length`, also when it is 0 and the
/// method is POST or PUT. It follows no redirects and does not decompress.
///
/// The body of the answer must end with an error if the server declared more bytes than it sent:
/// [`ByteStream::from_stream`] with the declared length does that.
///
/// Dropping the future, or the body of the answer, must cancel the exchange and free what it holds.
pub trait HttpTransport: Debug + Send + Sync + 'static {
    /// Sends one request, once, and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// A [`TransportError`] if no answer came. An answer of any status is no error.
    fn send(
        &self,
        request: http::Request<ByteStream>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>>;

    /// A place for one request, in transports that have so many connections and no more. The client asks for it before each
    /// attempt, right before it signs: a request that waits has not been tried yet, and carries a fresh date when it goes.
    ///
    /// `Ok`: there is one, at once. `Err`: all are taken, and this waits for one. Default: there always is one; so whoever
    /// wraps another transport hands on this and [`send_reserved`](Self::send_reserved), or what waits for a place in that
    /// one counts as an attempt under way.
    ///
    /// ```
    /// # use integration_s3_runtime::facade as integration_s3;
    /// use integration_s3::transport::{HttpTransport, HyperTransport};
    ///
    /// let transport = HyperTransport::builder().pool_max(1).build();
    /// let place = transport.reserve();
    /// assert!(place.is_ok());
    /// assert!(transport.reserve().is_err());
    /// drop(place);
    /// assert!(transport.reserve().is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// No error, but the wait for a place. It ends with a [`TransportError`] if it was in vain.
    fn reserve(&self) -> Result<Reservation, BoxFuture<'_, Result<Reservation, TransportError>>> {
        Ok(Reservation::default())
    }

    /// Sends one request over the place that was [reserved](Self::reserve) for it. A transport that reserves must have
    /// this as well. Default: [`send`](Self::send), without a look at the place.
    fn send_reserved(
        &self,
        place: Reservation,
        request: http::Request<ByteStream>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
        drop(place);
        self.send(request)
    }

    /// Whether requests should carry an [`OperationName`]. It costs a few allocations, so transports
    /// that do not look at it may say no. Default: yes.
    fn wants_operation_name(&self) -> bool {
        true
    }

    /// How many connections the transport may have and how many are in use, for metrics. Default: not known.
    fn pool(&self) -> Option<(usize, usize)> {
        None
    }
}

macro_rules! forward {
    ($($pointer:ident),*) => { $(
        impl<T: HttpTransport + ?Sized> HttpTransport for $pointer<T> {
            fn send(
                &self,
                request: http::Request<ByteStream>,
            ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
                (**self).send(request)
            }

            fn reserve(&self) -> Result<Reservation, BoxFuture<'_, Result<Reservation, TransportError>>> {
                (**self).reserve()
            }

            fn send_reserved(
                &self,
                place: Reservation,
                request: http::Request<ByteStream>,
            ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>> {
                (**self).send_reserved(place, request)
            }

            fn wants_operation_name(&self) -> bool {
                (**self).wants_operation_name()
            }

            fn pool(&self) -> Option<(usize, usize)> {
                (**self).pool()
            }
        }
    )* };
}
forward!(Arc, Box);
