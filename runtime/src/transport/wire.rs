//! An open connection as bytes: TCP, or TLS over another connection: TCP, or the TLS that leads to a proxy.

use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(feature = "_tls")]
use tokio_rustls::client::TlsStream;

pub(super) enum Wire {
    Plain(TcpStream, Arc<Taken>, Cut),
    /// One type for TLS in TLS too: all of it is compiled once.
    #[cfg(feature = "_tls")]
    Tls(Box<TlsStream<Wire>>),
}

/// How many bytes the system has taken over one connection. Whether the other side lives shows there, however large the pieces
/// are that it is given.
#[derive(Debug, Default)]
pub(super) struct Taken {
    bytes: AtomicU64,
    /// The system itself is asked what has come.
    asking: AtomicBool,
}

impl Taken {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// A runtime knows of what has come since it last looked, and a busy one has not looked: from now on the system is asked
    /// when the runtime knows of nothing, or no longer.
    pub(super) fn ask(&self, on: bool) {
        self.asking.store(on, Relaxed);
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            // Nobody else adds.
            self.bytes.store(self.bytes() + *bytes as u64, Relaxed);
        }
        written
    }
}

/// A peer that refuses a body it has not read closes the connection, and what is sent then fails. Why it refused has come before:
/// so a write that fails that way says nothing until all has been read.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// Whoever writes reads as well.
    heard: bool,
    why: Option<io::Error>,
}

impl Cut {
    fn put_off(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        match written {
            Poll::Ready(Err(error))
                if self.heard && matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset) =>
            {
                self.why = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            written => written,
        }
    }

    /// What reading brought; at the end of it, why writing failed.
    fn or_why(&mut self, read: Poll<io::Result<()>>, nothing: bool) -> Poll<io::Result<()>> {
        match read {
            Poll::Ready(Ok(())) if nothing => Poll::Ready(self.why.take().map_or(Ok(()), Err)),
            read => read,
        }
    }
}

/// What the system has for us, without a look at what the runtime believes. Only the beginning of it: the buffer may be
/// large, and is cleared as far as it is lent.
#[cold]
fn ask(tcp: &TcpStream, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    let room = buf.remaining().min(1024);
    match (&*SockRef::from(tcp)).read(buf.initialize_unfilled_to(room)) {
        Ok(came) => {
            buf.advance(came);
            Poll::Ready(Ok(()))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    }
}

impl Wire {
    pub(super) fn plain(tcp: TcpStream) -> Self {
        Self::Plain(tcp, Arc::default(), Cut::default())
    }

    pub(super) fn taken(&self) -> Arc<Taken> {
        match self {
            Self::Plain(_, taken, _) => taken.clone(),
            #[cfg(feature = "_tls")]
            Self::Tls(tls) => tls.get_ref().0.taken(),
        }
    }

    /// Writes that fail may be put off while what comes is read whether or not anything can be written. Those who ask for a
    /// tunnel, shake hands or take their leave only write, and would wait for ever.
    pub(super) fn put_off_writes(&mut self, may: bool) {
        match self {
            Self::Plain(_, _, cut) => cut.heard = may,
            #[cfg(feature = "_tls")]
            Self::Tls(tls) => tls.get_mut().0.put_off_writes(may),
        }
    }

    /// What has not been sent when the connection is closed is thrown away.
    pub(super) fn reset_on_close(&self) {
        match self {
            // A socket that is gone has nothing to throw away.
            Self::Plain(tcp, ..) => drop(tcp.set_zero_linger()),
            #[cfg(feature = "_tls")]
            Self::Tls(tls) => tls.get_ref().0.reset_on_close(),
        }
    }
}

/// Calls the method of whichever it is.
macro_rules! each {
    ($io:expr, $wire:ident => $call:expr) => {
        match $io {
            Wire::Plain($wire, ..) => $call,
            #[cfg(feature = "_tls")]
            Wire::Tls($wire) => $call,
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp, taken, cut) => {
                let before = buf.filled().len();
                let mut read = Pin::new(&mut *tcp).poll_read(cx, buf);
                if read.is_pending() && taken.asking.load(Relaxed) {
                    read = ask(tcp, buf);
                }
                cut.or_why(read, buf.filled().len() == before && buf.remaining() > 0)
            }
            #[cfg(feature = "_tls")]
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(_, _, Cut { why: Some(_), heard: true }) => Poll::Pending,
            Self::Plain(tcp, taken, cut) => cut.put_off(taken.count(Pin::new(tcp).poll_write(cx, buf)), cx),
            #[cfg(feature = "_tls")]
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut *self, wire => Pin::new(wire).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.put_off_writes(false);
        each!(&mut *self, wire => Pin::new(wire).poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        each!(self, wire => wire.is_write_vectored())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A request without a body is one piece, and sending one is cheaper than sending a list of one.
        if let [only] = bufs {
            return self.poll_write(cx, only);
        }
        match &mut *self {
            Self::Plain(_, _, Cut { why: Some(_), heard: true }) => Poll::Pending,
            Self::Plain(tcp, taken, cut) => cut.put_off(taken.count(Pin::new(tcp).poll_write_vectored(cx, bufs)), cx),
            #[cfg(feature = "_tls")]
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;
    use crate::transport::{Proxy, tunnel};

    /// Connected to a peer that has thrown the connection away already.
    async fn reset() -> Wire {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        peer.set_zero_linger().unwrap();
        drop(peer);
        poll_fn(|cx| tcp.poll_read_ready(cx)).await.unwrap();
        Wire::plain(tcp)
    }

    async fn ends<T>(what: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), what).await.expect("it waits for ever")
    }

    #[tokio::test]
    async fn a_tunnel_or_a_handshake_over_a_connection_that_is_gone_fails_at_once() {
        let proxy: Proxy = "http://127.0.0.1:3128".parse().unwrap();
        let target = "https://s3.example.com/b/k".parse().unwrap();
        ends(tunnel::open(&mut reset().await, &proxy, &target)).await.unwrap_err();
        #[cfg(feature = "_tls")]
        {
            let options = super::super::tls::TlsOptions { accept_invalid: true, ..Default::default() };
            let tls = super::super::tls::Tls::new(&options);
            assert!(ends(tls.connect("localhost", reset().await)).await.is_err());
        }
    }
}
