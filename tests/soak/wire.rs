//! Just enough HTTP/1.1 to tell where a message ends. It reads whole messages and changes nothing.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;

/// How long a stalled exchange is kept up at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing at all is taken from a peer that does not go away: longer than the client waits.
const STALLS: Duration = Duration::from_secs(4);

/// A socket and the bytes that were read ahead.
pub struct Wire {
    pub socket: TcpStream,
    ahead: Vec<u8>,
}

/// How a body tells its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(usize),
    Chunked,
}

impl Wire {
    pub fn new(socket: TcpStream) -> Self {
        let _ = socket.set_nodelay(true);
        Self { socket, ahead: Vec::new() }
    }

    async fn more(&mut self) -> Result<usize> {
        self.socket.read_buf(&mut self.ahead).await
    }

    /// The next head, blank line included; `None` if the peer has nothing more to say.
    pub async fn head(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = self.ahead.windows(4).position(|w| w == b"\r\n\r\n") {
                let rest = self.ahead.split_off(at + 4);
                return Ok(Some(std::mem::replace(&mut self.ahead, rest)));
            }
            if self.more().await? == 0 {
                return if self.ahead.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// The whole body; or its first `limit` bytes, if it is longer.
    pub async fn body(&mut self, framing: Framing, limit: usize, pause: Option<Duration>) -> Result<Vec<u8>> {
        loop {
            let end = match framing {
                Framing::Length(len) => (self.ahead.len() >= len).then_some(len),
                Framing::Chunked => end_of_chunks(&self.ahead)?,
            };
            if let Some(end) = end.map(|end| end.min(limit)).or((self.ahead.len() >= limit).then_some(limit)) {
                let rest = self.ahead.split_off(end);
                return Ok(std::mem::replace(&mut self.ahead, rest));
            }
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            if self.more().await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.socket.write_all(bytes).await?;
        self.socket.flush().await
    }

    /// Takes and gives nothing until the peer goes away.
    pub async fn stall(&mut self) {
        let gone = async {
            while !self.socket.ready(Interest::READABLE).await.is_ok_and(|ready| ready.is_read_closed()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // Not read: the window stays closed.
        if tokio::time::timeout(STALLS, gone).await.is_ok() {
            return;
        }
        // The end of a peer that closed in order stands behind the bytes nobody took.
        let gone = async { while self.more().await.is_ok_and(|n| n > 0) {} };
        let _ = tokio::time::timeout(PATIENCE, gone).await;
    }

    /// Whether the peer has closed, as far as can be seen without waiting.
    pub fn is_gone(&mut self) -> bool {
        let mut some = [0; 16 << 10];
        match self.socket.try_read(&mut some) {
            Ok(0) => true,
            Ok(n) => {
                self.ahead.extend_from_slice(&some[..n]);
                false
            }
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    pub fn reset(self) {
        let _ = self.socket.set_zero_linger();
    }

    /// A polite end: what was sent arrives, then the end does.
    pub async fn close(mut self) {
        let _ = self.socket.shutdown().await;
    }
}

/// A header's value, trimmed.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// How the body behind this head ends. `None`: with the connection.
pub fn framing(head: &str) -> Option<Framing> {
    if header(head, "transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        return Some(Framing::Chunked);
    }
    Some(Framing::Length(header(head, "content-length")?.parse().ok()?))
}

fn end_of_chunks(bytes: &[u8]) -> Result<Option<usize>> {
    let mut at = 0;
    loop {
        let Some(line) = bytes[at..].windows(2).position(|w| w == b"\r\n") else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes[at..at + line]);
        let size = usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| Error::new(ErrorKind::InvalidData, "a chunk without a size"))?;
        at += line + 2;
        if size == 0 {
            // No trailers are sent by anybody here beyond what ends in a blank line.
            let rest = &bytes[at..];
            if rest.starts_with(b"\r\n") {
                return Ok(Some(at + 2));
            }
            return Ok(rest.windows(4).position(|w| w == b"\r\n\r\n").map(|end| at + end + 4));
        }
        at += size + 2;
        if at > bytes.len() {
            return Ok(None);
        }
    }
}
