use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::rule::{Fault, Rule, Then};
use super::{Network, Shared};
use crate::resp::value_len;

/// Whether the reply to each request under way is to be thrown away, in order.
type Replies = Mutex<VecDeque<Option<(Rule, Then)>>>;

/// Passes bytes on until one side closes or a fault strikes.
pub(super) async fn serve(mut client: TcpStream, mut redis: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    redis.set_nodelay(true)?;
    let replies = Replies::default();
    let (from_client, to_client) = client.split();
    let (from_redis, to_redis) = redis.split();
    let end = tokio::select! {
        end = pass_requests(from_client, to_redis, &replies, shared) => end?,
        end = pass_replies(from_redis, to_client, &replies, shared) => end?,
    };
    if end == Then::Hang {
        let mut ignored = [0; 4096];
        while client.read(&mut ignored).await? > 0 {}
    }
    Ok(())
}

async fn pass_requests(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    replies: &Replies,
    shared: &Shared,
) -> io::Result<Then> {
    let mut unread = BytesMut::new();
    loop {
        let mut passed = Vec::new();
        let mut held = None;
        while let Some(len) = request_len(&unread)? {
            let request = unread.split_to(len).freeze();
            let lost = match meet(&request, shared) {
                Some((rule, Fault::HoldRequest(then))) => {
                    held = Some((rule, request, then));
                    break;
                }
                Some((rule, Fault::LoseReply(then))) => Some((rule, then)),
                _ => None,
            };
            replies.lock().unwrap_or_else(PoisonError::into_inner).push_back(lost);
            passed.extend_from_slice(&request);
        }
        forward(&mut to, &passed, shared).await?;
        if let Some((rule, request, then)) = held {
            rule.hold(request);
            return Ok(then);
        }
        if from.read_buf(&mut unread).await? == 0 {
            return Ok(Then::Close);
        }
    }
}

async fn pass_replies(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    replies: &Replies,
    shared: &Shared,
) -> io::Result<Then> {
    let mut unread = BytesMut::new();
    loop {
        let mut passed = Vec::new();
        while let Some(len) = value_len(&unread)? {
            let reply = unread.split_to(len);
            // pushed by the server: no reply to anything
            if reply[0] != b'>' {
                let lost = replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front().flatten();
                match lost {
                    Some((rule, _)) if reply.starts_with(b"-NOSCRIPT") => rule.rearm(),
                    Some((rule, then)) => {
                        forward(&mut to, &passed, shared).await?;
                        rule.strike();
                        return Ok(then);
                    }
                    None => {}
                }
            }
            passed.extend_from_slice(&reply);
        }
        forward(&mut to, &passed, shared).await?;
        if from.read_buf(&mut unread).await? == 0 {
            return Ok(Then::Close);
        }
    }
}

async fn forward(to: &mut WriteHalf<'_>, bytes: &[u8], shared: &Shared) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut network = shared.network.subscribe();
    // the sender lives as long as `shared`
    let _ = network.wait_for(|network| *network != Network::BlackHole).await;
    to.write_all(bytes).await
}

/// Every rule sees the request; the first one that is armed for it decides.
fn meet(request: &[u8], shared: &Shared) -> Option<(Rule, Fault)> {
    let word = first_word(request);
    if word.eq_ignore_ascii_case(b"SCRIPT") {
        return None;
    }
    let mut decision = None;
    for rule in shared.rules.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        if let Some(fault) = rule.meet(request, decision.is_some()) {
            decision = Some((rule.clone(), fault));
        }
    }
    decision
}

fn request_len(buf: &[u8]) -> io::Result<Option<usize>> {
    match buf.first() {
        Some(b'*') => value_len(buf),
        _ => Ok(buf.iter().position(|byte| *byte == b'\n').map(|end| end + 1)),
    }
}

/// The command's name: the first bulk string of `*2\r\n$4\r\nLLEN\r\n…`, or of a line the start.
fn first_word(request: &[u8]) -> &[u8] {
    let mut lines = request.split(|byte| *byte == b'\n');
    let line = if request.starts_with(b"*") { lines.nth(2) } else { lines.next() };
    line.unwrap_or_default().trim_ascii().split(|byte| *byte == b' ').next().unwrap_or_default()
}
