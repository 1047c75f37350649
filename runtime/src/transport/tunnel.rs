//! Asking a proxy for a tunnel: `CONNECT`, as RFC 9110, section 9.3.6 has it.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use http::Uri;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::proxy::Proxy;
use crate::error::BoxError;

/// No proxy says more than this before the tunnel stands.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Makes a connection to the proxy into one to the target.
pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    target: &Uri,
) -> Result<(), BoxError> {
    let target = format!("{}:{}", target.host().unwrap_or_default(), target.port_u16().unwrap_or(443));
    let mut question = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n").into_bytes());
    if let Some(value) = proxy.authorization() {
        question.extend_from_slice(b"proxy-authorization: ");
        question.extend_from_slice(value.as_bytes());
        question.extend_from_slice(b"\r\n");
    }
    question.extend_from_slice(b"\r\n");
    let refused = |why| Refused { proxy: proxy.authority().to_owned(), target: target.clone(), why };
    stream.write_all(&question).await?;
    stream.flush().await?;
    let status = answer(stream).await?.ok_or_else(|| refused(Why::NotHttp))?;
    match status {
        200..=299 => Ok(()),
        407 if proxy.authorization().is_some() => Err(refused(Why::WrongPassword).into()),
        407 => Err(refused(Why::NeedsPassword).into()),
        status => Err(refused(Why::Status(status)).into()),
    }
}

/// The status of the answer, once its head is complete. `None`: that was no answer in HTTP.
async fn answer<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<u16>> {
    let mut head = Vec::with_capacity(256);
    // A server that speaks first would be read beyond the head: one byte at a time is slow and right, and happens once.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_ANSWER {
            return Ok(None);
        }
        let Ok(byte) = stream.read_u8().await else { return Ok(None) };
        head.push(byte);
    }
    let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap_or_default();
    let status =
        line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)).and_then(|status| status.parse().ok());
    Ok(status)
}

/// The proxy gave no tunnel.
#[derive(Debug)]
pub(super) struct Refused {
    proxy: String,
    target: String,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    NeedsPassword,
    WrongPassword,
    Status(u16),
    NotHttp,
}

impl Refused {
    /// A plain request through the proxy was answered 407.
    pub(super) fn unauthorized(proxy: &Proxy, target: String) -> Self {
        let why = if proxy.authorization().is_some() { Why::WrongPassword } else { Why::NeedsPassword };
        Self { proxy: proxy.authority().to_owned(), target, why }
    }

    /// Whether trying again soon may help.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self.why, Why::Status(502..=504))
    }

    /// What a person can do.
    pub(super) fn advice(&self) -> &'static str {
        match self.why {
            Why::NeedsPassword => {
                "put them into the proxy's URL, as http://user:password@host:port in HTTPS_PROXY or proxy(..)"
            }
            Why::WrongPassword => {
                "check user name and password in the proxy's URL; characters such as @ and : must be percent-encoded"
            }
            Why::Status(502..=504) => "check that the proxy can reach the endpoint",
            Why::Status(_) => {
                "ask for the endpoint to be allowed, or list it in NO_PROXY if it can be reached directly"
            }
            Why::NotHttp => "check host and port of the proxy",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proxy, target, why } = self;
        match why {
            Why::NeedsPassword => write!(f, "the proxy {proxy} asks for a user name and a password (407)"),
            Why::WrongPassword => write!(f, "the proxy {proxy} does not accept the user name and password given (407)"),
            Why::Status(status) => write!(f, "the proxy {proxy} refused a connection to {target} ({status})"),
            Why::NotHttp => write!(f, "the proxy {proxy} did not answer in HTTP"),
        }
    }
}

impl StdError for Refused {}
