//! The only place that reads the time.

use std::time::Duration;

/// Milliseconds since 1970, by this host's clock. Good for logs and history; every decision about a message is
/// made by Redis's clock.
pub fn unix_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Milliseconds since the host started, counting the time it was suspended: a lease goes on ending while a
/// laptop sleeps or a virtual machine is paused.
pub fn boot_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32).as_millis() as u64
}

/// `ms` since 1970 as RFC 3339 in UTC with milliseconds, as it is written into messages and logs.
pub fn rfc3339(ms: u64) -> String {
    jiff::Timestamp::from_millisecond(ms as i64).map_or_else(|_| ms.to_string(), |at| format!("{at:.3}"))
}
