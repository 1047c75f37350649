//! An open connection as bytes: TCP, TLS, or TLS within TLS where a proxy wants it so.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
#[cfg(feature = "_tls")]
use tokio_rustls::client::TlsStream;

pub(super) enum Wire {
    Plain(TokioIo<TcpStream>),
    #[cfg(feature = "_tls")]
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
    /// To the target inside of what goes to the proxy.
    #[cfg(feature = "_tls")]
    Nested(Box<TokioIo<TlsStream<TlsStream<TcpStream>>>>),
}

impl Wire {
    /// What has not been sent when the connection is closed is thrown away.
    pub(super) fn reset_on_close(&self) {
        let tcp = match self {
            Self::Plain(io) => io.inner(),
            #[cfg(feature = "_tls")]
            Self::Tls(io) => io.inner().get_ref().0,
            #[cfg(feature = "_tls")]
            Self::Nested(io) => io.inner().get_ref().0.get_ref().0,
        };
        // A socket that is gone has nothing to throw away.
        let _ = tcp.set_zero_linger();
    }
}

/// Calls the method of whichever it is.
macro_rules! each {
    ($io:expr, $wire:ident => $call:expr) => {
        match $io {
            Wire::Plain($wire) => $call,
            #[cfg(feature = "_tls")]
            Wire::Tls($wire) => $call,
            #[cfg(feature = "_tls")]
            Wire::Nested($wire) => $call,
        }
    };
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        each!(&mut *self, wire => Pin::new(wire).poll_read(cx, buf))
    }
}

impl Write for Wire {
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
