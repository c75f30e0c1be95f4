//! Finds one dead letter among however many.

use std::fmt::Write as _;
use std::time::Duration;

use redispatch::queue::{DeadLetter, DeadScan, Order, Queue, QueueError, Selector};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// How far from the place where it was a letter is looked for first.
const NEAR: u64 = 250;

/// What came of a search.
pub(crate) enum Sought {
    Found(Box<DeadLetter>),
    /// There is none.
    Nowhere,
    /// Time was up after so many.
    NotAmong(u64),
}

/// What tells a letter from all others of other bytes: the first 32 hex digits of their SHA-256.
pub(crate) fn key(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).fold(String::new(), |mut key, byte| {
        let _ = write!(key, "{byte:02x}");
        key
    })
}

/// The letter of these very bytes: looked for around the place `near`, then everywhere as far as `limit` allows.
pub(crate) async fn by_key(
    queue: &Queue,
    wanted: &str,
    near: Option<u64>,
    limit: Duration,
) -> Result<Sought, QueueError> {
    let until = Instant::now() + limit;
    let is_wanted = |bytes: &[u8]| key(bytes) == wanted;
    if let Some(near) = near {
        // Mostly it is where it was, and its neighbours may be large.
        for reach in [0, NEAR] {
            let around = queue.dead_letters(Order::Oldest).await?.skip(near.saturating_sub(reach));
            let end = near.saturating_add(reach + 1);
            if let Sought::Found(letter) = seek(around, end, until, is_wanted).await? {
                return Ok(Sought::Found(letter));
            }
        }
    }
    seek(queue.dead_letters(Order::Newest).await?, u64::MAX, until, is_wanted).await
}

async fn seek(
    mut scan: DeadScan<'_>,
    end: u64,
    until: Instant,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> Result<Sought, QueueError> {
    while scan.looked_at() < end {
        let letters = scan.next_bytes().await?;
        if letters.is_empty() {
            return Ok(Sought::Nowhere);
        }
        if let Some((place, bytes)) = letters.into_iter().find(|(_, bytes)| is_wanted(bytes)) {
            return Ok(Sought::Found(Box::new(DeadLetter::read(bytes).at(Some(place)))));
        }
        if Instant::now() >= until {
            break;
        }
    }
    Ok(Sought::NotAmong(scan.looked_at()))
}

/// The newest letter of this id or reference, as far as `limit` allows.
pub(crate) async fn by_id(queue: &Queue, id: &str, limit: Duration) -> Result<Sought, QueueError> {
    let until = Instant::now() + limit;
    let selector = Selector { id: Some(id.to_owned()), ..Selector::default() };
    let mut scan = queue.dead_letters(Order::Newest).await?;
    loop {
        let letters = scan.next().await?;
        if letters.is_empty() {
            return Ok(Sought::Nowhere);
        }
        if let Some(letter) = letters.into_iter().find(|letter| selector.matches(letter)) {
            return Ok(Sought::Found(Box::new(letter)));
        }
        if Instant::now() >= until {
            return Ok(Sought::NotAmong(scan.looked_at()));
        }
    }
}
