//! Commands out, replies in.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::fault::Cause;
use super::reply::Reply;

/// A TCP connection, encrypted or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Io for T {}

pub(super) struct Wire {
    io: Box<dyn Io>,
    /// What was read and is no complete reply yet.
    input: Vec<u8>,
    /// The command being written.
    output: String,
}

/// How the sending of a message's data failed.
pub(super) enum DataFault {
    /// The final dot was never handed over: the server cannot have accepted.
    BeforeDot(Cause),
    AfterDot(Cause),
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>) -> Self {
        Self { io, input: Vec::with_capacity(1024), output: String::with_capacity(256) }
    }

    /// The connection itself, for a TLS handshake.
    ///
    /// # Errors
    ///
    /// Something came in that nobody asked for. It must not be read as if it had come encrypted.
    pub(super) fn into_io(self) -> Result<Box<dyn Io>, Cause> {
        self.nothing_unread()?;
        Ok(self.io)
    }

    /// Writes one line, given in `pieces`, and reads the reply to it, both within `limit`.
    pub(super) async fn command(&mut self, limit: Duration, pieces: &[&str]) -> Result<Reply, Cause> {
        self.nothing_unread()?;
        self.output.clear();
        self.output.extend(pieces.iter().chain(&["\r\n"]).copied());
        let exchange = async {
            self.io.write_all(self.output.as_bytes()).await.map_err(Cause::io)?;
            self.io.flush().await.map_err(Cause::io)?;
            read_reply(&mut self.io, &mut self.input).await
        };
        timeout(limit, exchange).await.map_err(|_| Cause::Silent(limit))?
    }

    pub(super) async fn reply(&mut self, limit: Duration) -> Result<Reply, Cause> {
        let reply = read_reply(&mut self.io, &mut self.input);
        timeout(limit, reply).await.map_err(|_| Cause::Silent(limit))?
    }

    /// Writes `message`, which needs no more escaping (see `escape`), with the final dot, calls `dot_written`, and
    /// reads the reply. `piece` limits each step of the writing, `answer` the wait after it. Dropped before that
    /// call, the server cannot have accepted.
    pub(super) async fn data(
        &mut self,
        message: &[u8],
        piece: Duration,
        answer: Duration,
        dot_written: impl FnOnce(),
    ) -> Result<Reply, DataFault> {
        self.nothing_unread().map_err(DataFault::BeforeDot)?;
        let dot: &[u8] =
            if message.is_empty() || message.ends_with(b"\r\n") { b".\r\n" } else { b"\r\n.\r\n" };
        let mut rest = Buf::chain(message, dot);
        while rest.has_remaining() {
            let problem = match timeout(piece, self.io.write_buf(&mut rest)).await {
                Ok(Ok(1..)) => continue,
                Ok(Ok(0)) => Cause::Closed,
                Ok(Err(error)) => Cause::io(error),
                Err(_) => return Err(DataFault::BeforeDot(Cause::Silent(piece))),
            };
            // A server that had enough may have said so before it hung up.
            return match self.reply(piece).await {
                Ok(reply) if reply.is_negative() => Ok(reply),
                _ => Err(DataFault::BeforeDot(problem)),
            };
        }
        dot_written();
        match timeout(piece, self.io.flush()).await {
            Ok(Ok(())) => self.reply(answer).await.map_err(DataFault::AfterDot),
            Ok(Err(error)) => Err(DataFault::AfterDot(Cause::io(error))),
            Err(_) => Err(DataFault::AfterDot(Cause::Silent(piece))),
        }
    }

    /// Whether the server is still there and has said nothing since its last reply. Does not wait.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        self.input.is_empty() && Pin::new(&mut self.io).poll_read(&mut context, &mut buffer).is_pending()
    }

    /// Replies to questions that were not asked would be taken for the answers to the next ones.
    fn nothing_unread(&self) -> Result<(), Cause> {
        match Reply::parse(&self.input) {
            Ok(None) if self.input.is_empty() => Ok(()),
            Ok(Some((reply, _))) if reply.code == 421 => Err(Cause::Refused(reply)),
            _ => Err(Cause::Nonsense("more than it was asked for".into())),
        }
    }
}

async fn read_reply(io: &mut Box<dyn Io>, input: &mut Vec<u8>) -> Result<Reply, Cause> {
    loop {
        if let Some((reply, length)) = Reply::parse(input).map_err(Cause::Nonsense)? {
            input.drain(..length);
            return Ok(reply);
        }
        input.reserve(1024);
        if io.read_buf(input).await.map_err(Cause::io)? == 0 {
            return Err(Cause::Closed);
        }
    }
}
