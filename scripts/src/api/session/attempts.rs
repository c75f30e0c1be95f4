//! How often an address may try to log in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redispatch::clock;

/// Tries of one address within [`WINDOW`].
const TRIES: u32 = 5;

/// Ms.
const WINDOW: u64 = 60_000;

/// Addresses that are remembered; when there are more, nobody new gets in until some are forgotten.
const ADDRESSES: usize = 10_000;

/// Who tried to log in lately: since when (boot clock, ms), and how often.
#[derive(Default)]
pub(crate) struct Attempts(Mutex<HashMap<IpAddr, (u64, u32)>>);

impl Attempts {
    /// Counts a try of `peer`.
    ///
    /// # Errors
    ///
    /// How long it has to wait, where there were too many.
    pub(crate) fn begin(&self, peer: IpAddr) -> Result<(), Duration> {
        self.begin_at(peer, clock::boot_ms()).map_err(Duration::from_millis)
    }

    fn begin_at(&self, peer: IpAddr, now: u64) -> Result<(), u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = network(peer);
        if !known.contains_key(&peer) && known.len() >= ADDRESSES {
            known.retain(|_, (first, _)| now < *first + WINDOW);
            if known.len() >= ADDRESSES {
                return Err(WINDOW);
            }
        }
        let (first, count) = known.entry(peer).or_insert((now, 0));
        if now >= *first + WINDOW {
            (*first, *count) = (now, 0);
        }
        if *count >= TRIES {
            return Err(*first + WINDOW - now);
        }
        *count += 1;
        Ok(())
    }

    /// `peer` knows the token.
    pub(crate) fn forget(&self, peer: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&network(peer));
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_a_minute_each() {
        let attempts = Attempts::default();
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..TRIES {
            attempts.begin_at(one, 1_000).unwrap();
        }
        assert_eq!(attempts.begin_at(one, 21_000), Err(40_000));
        attempts.begin_at(other, 21_000).unwrap();
        attempts.begin_at(one, 61_000).unwrap();
    }

    #[test]
    fn whoever_knows_the_token_begins_anew() {
        let attempts = Attempts::default();
        let peer = "10.0.0.1".parse().unwrap();
        for _ in 0..3 {
            for _ in 0..TRIES {
                attempts.begin_at(peer, 1_000).unwrap();
            }
            attempts.forget(peer);
        }
    }

    #[test]
    fn one_network_of_many_addresses_is_one() {
        let attempts = Attempts::default();
        for n in 0..TRIES {
            attempts.begin_at(format!("2001:db8::{n}").parse().unwrap(), 1_000).unwrap();
        }
        assert!(attempts.begin_at("2001:db8::ffff".parse().unwrap(), 1_000).is_err());
        attempts.begin_at("2001:db8:0:1::1".parse().unwrap(), 1_000).unwrap();
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::default();
        let peer = |n: usize| IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
        for n in 0..ADDRESSES {
            attempts.begin_at(peer(n), 1_000).unwrap();
        }
        assert!(attempts.begin_at(peer(ADDRESSES), 2_000).is_err());
        attempts.begin_at(peer(ADDRESSES), 61_000).unwrap();
        assert_eq!(attempts.0.lock().unwrap().len(), 1);
    }
}
