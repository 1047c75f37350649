//! TCP to a host: its addresses, one after the other, and the other family too if the first is slow to answer.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::BoxFuture;
use crate::error::BoxError;

/// RFC 8305, section 8, names 250 ms; most of what is slower than this never comes.
const HEAD_START: Duration = Duration::from_millis(300);

/// What every connection is set to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) nodelay: bool,
    pub(super) keep_alive: Option<Duration>,
    /// For all addresses together: each gets its share.
    pub(super) limit: Duration,
}

/// A connection to `host`, a name or an address with or without brackets.
/// Boxed: hosts and proxies share the code, and futures around it stay small.
pub(super) fn connect(host: &str, port: u16, options: Options) -> BoxFuture<'_, Result<TcpStream, BoxError>> {
    Box::pin(open(host, port, options))
}

async fn open(host: &str, port: u16, options: Options) -> Result<TcpStream, BoxError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = match host.parse::<IpAddr>() {
        Ok(address) => TcpStream::connect(SocketAddr::new(address, port)).await?,
        Err(_) => {
            let found = tokio::net::lookup_host((host, port)).await.map_err(|error| NoAddress(Some(error)))?;
            first_to_answer(found.collect(), options.limit).await?
        }
    };
    // A socket that does not take an option still carries bytes.
    if options.nodelay {
        let _ = stream.set_nodelay(true);
    }
    if let Some(after) = options.keep_alive {
        let _ = SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(after));
    }
    Ok(stream)
}

/// The family the system prefers has a head start; then both try.
async fn first_to_answer(all: Vec<SocketAddr>, limit: Duration) -> Result<TcpStream, BoxError> {
    let share = limit / u32::try_from(all.len()).unwrap_or(u32::MAX).max(1);
    let Some(ipv6_first) = all.first().map(SocketAddr::is_ipv6) else { return Err(NoAddress(None).into()) };
    let (preferred, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|address| address.is_ipv6() == ipv6_first);
    let mut first = pin!(in_turn(preferred, share));
    if others.is_empty() {
        return Ok(first.await?);
    }
    let failed = match timeout(HEAD_START, first.as_mut()).await {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => Some(error),
        Err(_) => None,
    };
    let mut second = pin!(in_turn(others, share));
    if let Some(error) = failed {
        return second.await.map_err(|_| error.into());
    }
    let (mut one, mut two) = (None, None);
    poll_fn(|cx| {
        if one.is_none()
            && let Poll::Ready(result) = first.as_mut().poll(cx)
        {
            match result {
                Ok(stream) => return Poll::Ready(Ok(stream)),
                Err(error) => one = Some(error),
            }
        }
        if two.is_none()
            && let Poll::Ready(result) = second.as_mut().poll(cx)
        {
            match result {
                Ok(stream) => return Poll::Ready(Ok(stream)),
                Err(error) => two = Some(error),
            }
        }
        match (&one, &two) {
            (Some(_), Some(_)) => Poll::Ready(Err(one.take().unwrap_or_else(|| io::ErrorKind::TimedOut.into()).into())),
            _ => Poll::Pending,
        }
    })
    .await
}

async fn in_turn(addresses: Vec<SocketAddr>, share: Duration) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// The name stands for no address.
#[derive(Debug)]
pub(super) struct NoAddress(Option<io::Error>);

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host name has no address")
    }
}

impl std::error::Error for NoAddress {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_ref().map(|error| error as _)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use tokio::net::TcpListener;

    use super::*;

    async fn listening() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Nobody listens there.
    async fn closed() -> SocketAddr {
        listening().await.1
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hide_the_next() {
        let (_listener, good) = listening().await;
        let stream = first_to_answer(vec![closed().await, good], Duration::from_secs(5)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn the_other_family_is_tried_when_the_first_fails() {
        let (_listener, good) = listening().await;
        let bad = SocketAddr::new("::1".parse().unwrap(), closed().await.port());
        let stream = first_to_answer(vec![bad, good], Duration::from_secs(5)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn the_first_error_is_the_one_that_is_told() {
        let all = vec![closed().await, closed().await];
        let error = first_to_answer(all, Duration::from_secs(5)).await.unwrap_err();
        let error = error.downcast_ref::<io::Error>().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = first_to_answer(Vec::new(), Duration::from_secs(5)).await.unwrap_err();
        assert!(error.is::<NoAddress>());
    }

    #[tokio::test]
    async fn options_reach_the_socket() {
        let (_listener, address) = listening().await;
        let options = |nodelay, keep_alive| Options { nodelay, keep_alive, limit: Duration::from_secs(5) };
        let set = connect("127.0.0.1", address.port(), options(true, Some(Duration::from_secs(77)))).await.unwrap();
        assert!(set.nodelay().unwrap());
        assert!(SockRef::from(&set).keepalive().unwrap());
        let unset = connect("localhost", address.port(), options(false, None)).await.unwrap();
        assert!(!unset.nodelay().unwrap());
        assert!(!SockRef::from(&unset).keepalive().unwrap());
    }
}
