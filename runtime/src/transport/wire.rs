//! An open connection as bytes: TCP, or TLS over another connection: TCP, or the TLS that leads to a proxy.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(feature = "_tls")]
use tokio_rustls::client::TlsStream;

pub(super) enum Wire {
    Plain(TcpStream),
    /// One type for TLS in TLS too: all of it is compiled once.
    #[cfg(feature = "_tls")]
    Tls(Box<TlsStream<Wire>>),
}

impl Wire {
    /// What has not been sent when the connection is closed is thrown away.
    pub(super) fn reset_on_close(&self) {
        match self {
            // A socket that is gone has nothing to throw away.
            Self::Plain(tcp) => drop(tcp.set_zero_linger()),
            #[cfg(feature = "_tls")]
            Self::Tls(tls) => tls.get_ref().0.reset_on_close(),
        }
    }
}

/// Calls the method of whichever it is.
macro_rules! each {
    ($io:expr, $wire:ident => $call:expr) => {
        match $io {
            Wire::Plain($wire) => $call,
            #[cfg(feature = "_tls")]
            Wire::Tls($wire) => $call,
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(&mut *self, wire => Pin::new(wire).poll_read(cx, buf))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(&mut *self, wire => Pin::new(wire).poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut *self, wire => Pin::new(wire).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        each!(&mut *self, wire => Pin::new(wire).poll_write_vectored(cx, bufs))
    }
}
