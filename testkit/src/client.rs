//! A small Redis client of our own, so that the tests do not trust the one they test.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};

use crate::resp::{Reply, decode, encode, value_len};

/// One connection to a Redis (RESP2). No time limit, no reconnect.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    unread: BytesMut,
}

impl Client {
    /// Connects to `127.0.0.1:6379` or the like.
    ///
    /// # Errors
    ///
    /// When nobody listens there.
    pub async fn connect(addr: impl ToSocketAddrs) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: BytesMut::new() })
    }

    /// Sends one command and waits for its reply. An error reply is `Ok(Reply::Error)`.
    ///
    /// # Errors
    ///
    /// When the connection broke; the command may have run.
    pub async fn command<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Reply> {
        let mut request = Vec::new();
        encode(args, &mut request);
        self.send(&request).await?;
        self.reply().await
    }

    /// Sends many commands at once and gives their replies in order.
    ///
    /// # Errors
    ///
    /// When the connection broke; any of the commands may have run.
    pub async fn pipeline<A: AsRef<[u8]>>(&mut self, commands: &[Vec<A>]) -> io::Result<Vec<Reply>> {
        let mut request = Vec::new();
        commands.iter().for_each(|args| encode(args, &mut request));
        self.send(&request).await?;
        let mut replies = Vec::with_capacity(commands.len());
        for _ in commands {
            replies.push(self.reply().await?);
        }
        Ok(replies)
    }

    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await
    }

    pub(crate) async fn reply(&mut self) -> io::Result<Reply> {
        loop {
            if let Some(len) = value_len(&self.unread)? {
                return decode(&mut &self.unread.split_to(len)[..]);
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
