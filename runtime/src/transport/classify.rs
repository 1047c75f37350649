//! What an error of hyper, rustls or the operating system means, in words a person can act on.

use std::error::Error as StdError;
use std::io;

use super::dial::{NotSetUp, ProxyUnreachable, TookTooLong};
use super::tcp::NoAddress;
use super::tunnel::Refused;
use super::{TransportError, TransportErrorKind as Kind};
use crate::error::BoxError;

/// Why a request to `host` (`name:port`) got no answer.
pub(super) fn classify(error: BoxError, connecting: bool, host: &str) -> TransportError {
    let (kind, message, suggestion) = explain(&*error, connecting, host);
    let made = TransportError::new(kind, message).with_source(error);
    match suggestion {
        Some(suggestion) => made.with_suggestion(suggestion),
        None => made,
    }
}

type Explained = (Kind, String, Option<&'static str>);

fn explain(error: &(dyn StdError + 'static), connecting: bool, host: &str) -> Explained {
    let mut last = None;
    for cause in chain(error) {
        if let Some(TookTooLong(limit)) = cause.downcast_ref() {
            return (
                Kind::ConnectTimeout,
                format!("no connection to {host} within {limit:?}"),
                Some("check that the host is reachable from here"),
            );
        }
        if let Some(tls) = cause.downcast_ref::<NotSetUp>() {
            return (Kind::Unsupported, tls.to_string(), tls.advice);
        }
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            let kind = if refused.is_transient() { Kind::Connect } else { Kind::Proxy };
            return (kind, refused.to_string(), Some(refused.advice()));
        }
        if let Some(proxy) = cause.downcast_ref::<ProxyUnreachable>() {
            let (kind, message, _) = explain(&*proxy.source, true, &proxy.proxy);
            return (
                kind,
                format!("no way to the proxy: {message}"),
                Some("check the proxy in HTTPS_PROXY, HTTP_PROXY or proxy(..)"),
            );
        }
        #[cfg(feature = "_tls")]
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return tls_error(tls, host);
        }
        if cause.is::<NoAddress>() {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            return (
                Kind::Dns,
                format!("the host name {name} has no address"),
                Some("check the endpoint, the region and the bucket's name"),
            );
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>() {
            if http.is_parse() {
                return (
                    Kind::InvalidResponse,
                    format!("what {host} answered is not HTTP: {http}"),
                    Some("check the endpoint's scheme and port"),
                );
            }
            if http.is_incomplete_message() {
                return (Kind::Reset, format!("{host} closed the connection before it answered"), None);
            }
            if http.is_timeout() {
                return (Kind::IdleTimeout, format!("{host} did not answer in time"), None);
            }
            if http.is_canceled() || http.is_closed() {
                last = Some((Kind::Reset, format!("the connection to {host} was closed"), None));
            }
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            last = Some(io_error(io, connecting, host));
        }
    }
    last.unwrap_or_else(|| {
        let verb = if connecting { "connecting to" } else { "the exchange with" };
        let kind = if connecting { Kind::Connect } else { Kind::Other };
        (kind, format!("{verb} {host} failed: {}", root(error)), None)
    })
}

fn io_error(error: &io::Error, connecting: bool, host: &str) -> Explained {
    use io::ErrorKind as Io;
    let (kind, message) = match error.kind() {
        Io::ConnectionRefused => {
            let message = format!("connection refused by {host}");
            return (Kind::Connect, message, Some("check that the server runs and that the endpoint's port is right"));
        }
        Io::TimedOut if connecting => (Kind::ConnectTimeout, format!("no connection to {host} in time")),
        Io::TimedOut => (Kind::IdleTimeout, format!("the connection to {host} timed out")),
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe => {
            (Kind::Reset, format!("{host} reset the connection"))
        }
        Io::UnexpectedEof => (Kind::Reset, format!("{host} closed the connection before it answered")),
        // Also hosts that cannot be reached: an open connection can learn of that when the request is there already.
        _ if connecting => (Kind::Connect, format!("no connection to {host}: {error}")),
        _ => (Kind::Reset, format!("the connection to {host} failed: {error}")),
    };
    (kind, message, None)
}

#[cfg(feature = "_tls")]
fn tls_error(error: &rustls::Error, host: &str) -> Explained {
    use rustls::{AlertDescription as Alert, CertificateError as Certificate, Error, PeerIncompatible};
    let message = match error {
        Error::InvalidCertificate(why) => match why {
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                let message = format!("the certificate of {host} has expired");
                return (
                    Kind::Tls,
                    message,
                    Some("renew it on the server; if it is still valid, check this machine's clock"),
                );
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                let message = format!("the certificate of {host} is not valid yet");
                return (Kind::Tls, message, Some("check this machine's clock"));
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                let message = format!("the certificate of {host} is for another name");
                return (
                    Kind::Tls,
                    message,
                    Some(
                        "check the endpoint's host; path_style(true) helps if it is the bucket's name that does not fit",
                    ),
                );
            }
            Certificate::Revoked => format!("the certificate of {host} has been revoked"),
            // A bad signature: the issuer has the name of one we know, and another key.
            Certificate::UnknownIssuer | Certificate::BadSignature => {
                let message = format!("the certificate of {host} is from an issuer that is not trusted here");
                return (
                    Kind::Tls,
                    message,
                    Some(
                        "if the store or a proxy has a certificate authority of its own, name its PEM file in AWS_CA_BUNDLE or ca_bundle(..)",
                    ),
                );
            }
            why => format!("the certificate of {host} is not accepted: {why}"),
        },
        Error::InvalidMessage(_) => {
            let message = format!("{host} does not speak TLS");
            return (Kind::Tls, message, Some("check the endpoint's scheme and port: is it http?"));
        }
        Error::AlertReceived(Alert::ProtocolVersion)
        | Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => {
            let message = format!("{host} speaks no TLS version that is safe: TLS 1.2 or 1.3 is needed");
            return (Kind::Tls, message, Some("enable TLS 1.2 or 1.3 on the server"));
        }
        Error::AlertReceived(Alert::CertificateRequired) => {
            let message = format!("{host} asks for a client certificate");
            return (Kind::Tls, message, Some("give one with client_certificate(..)"));
        }
        Error::AlertReceived(Alert::HandshakeFailure) => {
            let message = format!(
                "{host} broke the TLS handshake off: no version or cipher in common, or it asks for a client certificate"
            );
            return (Kind::Tls, message, None);
        }
        error => format!("no TLS connection to {host}: {error}"),
    };
    (Kind::Tls, message, None)
}

/// The error and its causes, looking inside `io::Error`, whose `source` leaves out what it wraps.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| {
        let error: &'a (dyn StdError + 'static) = *error;
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            return Some(inner as _);
        }
        error.source()
    })
    .take(16)
}

fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    chain(error).last().unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fails_while_connecting_says_that_nothing_was_sent() {
        for kind in [io::ErrorKind::HostUnreachable, io::ErrorKind::NetworkUnreachable, io::ErrorKind::NetworkDown] {
            for (connecting, expected) in [(true, Kind::Connect), (false, Kind::Reset)] {
                let found = classify(io::Error::from(kind).into(), connecting, "store.example:443");
                assert_eq!((found.kind(), found.is_retryable()), (expected, true), "{found}");
                assert_eq!(found.kind().is_unsent(), connecting);
            }
        }
    }
}
