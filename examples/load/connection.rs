//! One connection to the server, kept alive. Written by hand because a whole HTTP client costs about as much CPU per
//! request as the server that is to be measured, and both share the machine: this one costs the system calls
//! and little more. It reads what servers here send: a status line, headers with Content-Length, a body.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than this is no answer to a PBX.
const LARGEST_ANSWER: usize = 16 * 1024;

/// An open connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
pub struct Answer<'a> {
    /// 200 and so on.
    pub status: u16,
    /// As sent.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; LARGEST_ANSWER] })
    }

    /// Sends `request` and waits for its answer.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, "the server hung up"));
            }
            filled += read;
            let Some(head) = Head::read(&self.buffer[..filled])? else { continue };
            if filled >= head.end + head.body {
                let body = &self.buffer[head.end..head.end + head.body];
                return Ok(Answer { status: head.status, body });
            }
        }
    }
}

struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    /// How long it is.
    body: usize,
}

impl Head {
    /// `None` while it is not complete.
    fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let status = bytes.get(9..12).and_then(number).ok_or_else(|| malformed("no status"))?;
        let status = u16::try_from(status).map_err(|_| malformed("no status"))?;
        let body = bytes[..end].split(|byte| *byte == b'\n').find_map(length);
        let body = body.ok_or_else(|| malformed("no Content-Length"))?;
        Ok(Some(Self { status, end: end + 4, body }))
    }
}

/// The value of a Content-Length line.
fn length(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    if name.eq_ignore_ascii_case(NAME) { number(value.trim_ascii()) } else { None }
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        let head = Head::read(whole).unwrap().unwrap();
        assert_eq!((head.status, &whole[head.end..], head.body), (200, &b"{}"[..], 2));
        assert!(Head::read(b"HTTP/1.1 200 OK\r\ncontent-len").unwrap().is_none());
        assert!(Head::read(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n").is_err());
    }
}
