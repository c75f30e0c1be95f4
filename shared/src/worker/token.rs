//! Names that are never used twice: a worker's start id, a message's reference, the token of a claim.

use std::ops::Range;

use rand::Rng;

use crate::keys::Lane;

/// 64 random bits, new at every start: `[0-9A-Za-z]{11}`.
pub(crate) fn start_id() -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut random: u64 = rand::rng().random();
    let mut id = String::with_capacity(11);
    for _ in 0..11 {
        id.push(DIGITS[(random % 62) as usize] as char);
        random /= 62;
    }
    id
}

/// The token of one claim: `<ref>:<lane>:<crashes>:<taker's start id>.<k>`, where `<ref>` is
/// `<first taker's start id>.<n>`. `<crashes>!` says that it was taken over from a worker that may have told the
/// provider to accept. The whole text is the fence; only this file takes it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    text: String,
    reference: Range<usize>,
    /// The lane the message came from and returns to.
    pub(crate) lane: Lane,
    /// Takeovers since the message was last written.
    pub(crate) crashes: u32,
    /// It must not be sent again.
    pub(crate) in_doubt: bool,
    /// The taker's own number for this claim.
    pub(crate) number: u64,
}

impl Token {
    /// Takes a token apart; `None` where it has another shape.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let reference = parts.next()?;
        let lane = Lane::from_letter(parts.next()?);
        let crashes = parts.next()?;
        let in_doubt = crashes.ends_with('!');
        let crashes = saturating(crashes.strip_suffix('!').unwrap_or(crashes))?;
        let number = parts.next()?.rsplit_once('.')?.1.parse().ok()?;
        if parts.next().is_some() {
            return None;
        }
        Some(Self { reference: 0..reference.len(), lane, crashes, in_doubt, number, text: text.to_owned() })
    }

    /// The whole token.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The message's reference, the same through takeovers and delays.
    pub(crate) fn reference(&self) -> &str {
        &self.text[self.reference.clone()]
    }

    /// Start id of the worker that made it.
    pub(crate) fn taker(&self) -> &str {
        let made = self.text.rsplit(':').next().unwrap_or_default();
        made.split('.').next().unwrap_or_default()
    }

    /// The member of `delayed` for this message, which carries its lane and its crashes.
    pub(crate) fn member(&self, crashes: u32) -> String {
        member(self.reference(), self.lane, crashes)
    }
}

/// A count of any length, put there by hand for all we know: too many are as many as there can be.
fn saturating(digits: &str) -> Option<u32> {
    let is_count = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_count.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// `<ref>:<lane>:<crashes>`
pub(crate) fn member(reference: &str, lane: Lane, crashes: u32) -> String {
    format!("{reference}:{}:{crashes}", lane.letter())
}
