//! A connection on which anything at all can be said.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// An open connection.
pub struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Heard {
    /// 200 and so on.
    pub status: u16,
    /// The status line and headers.
    pub head: String,
    /// As sent.
    pub body: String,
}

impl Raw {
    /// Connects.
    pub async fn to(server: SocketAddr) -> Self {
        Self::from(Ipv4Addr::LOCALHOST, server).await.unwrap()
    }

    /// Connects from one of this machine's 16 million loopback addresses.
    pub async fn from(address: Ipv4Addr, server: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((address, 0).into())?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// Says it.
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Says it, and what is answered.
    pub async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Heard {
        self.say(bytes).await.unwrap();
        self.answer().await.expect("an answer")
    }

    /// The next answer; `None` where the server ended the connection instead.
    pub async fn answer(&mut self) -> Option<Heard> {
        let mut head = self.head().await.ok()?;
        let length = |line: &str| line.strip_prefix("content-length: ")?.parse::<usize>().ok();
        let lower = head.to_ascii_lowercase();
        let body = match lower.lines().find_map(length) {
            Some(length) => self.exactly(length).await.ok()?,
            None if lower.contains("transfer-encoding: chunked") => self.chunks().await.ok()?,
            None => String::new(),
        };
        let status = head.get(9..12)?.parse().ok()?;
        head.truncate(head.trim_end().len());
        Some(Heard { status, head, body })
    }

    /// The status line and headers of the next answer.
    pub async fn head(&mut self) -> Result<String> {
        self.until(b"\r\n\r\n").await
    }

    /// Waits until the server has ended it; what came before that.
    pub async fn ended(&mut self, within: Duration) -> Result<String> {
        let all = async {
            while self.more().await.is_ok() {}
            Ok(String::from_utf8_lossy(&self.unread).into_owned())
        };
        timeout(within, all)
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, "it is still open")))
    }

    async fn chunks(&mut self) -> Result<String> {
        let mut body = String::new();
        loop {
            let line = self.until(b"\r\n").await?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(Error::other)?;
            body += &self.exactly(size).await?;
            self.until(b"\r\n").await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn until(&mut self, end: &[u8]) -> Result<String> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|part| part == end) {
                return Ok(self.take(at + end.len()));
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<String> {
        while self.unread.len() < length {
            self.more().await?;
        }
        Ok(self.take(length))
    }

    fn take(&mut self, length: usize) -> String {
        let taken: Vec<u8> = self.unread.drain(..length).collect();
        String::from_utf8_lossy(&taken).into_owned()
    }

    async fn more(&mut self) -> Result<()> {
        let mut buffer = [0; 4096];
        match timeout(Duration::from_secs(30), self.stream.read(&mut buffer)).await {
            Ok(Ok(0)) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read.map(|read| self.unread.extend_from_slice(&buffer[..read])),
            Err(_) => Err(Error::new(ErrorKind::TimedOut, "nothing came for 30 s")),
        }
    }
}
