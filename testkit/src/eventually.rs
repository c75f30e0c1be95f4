use std::fmt::Debug;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long the kit waits for anything before it gives up: 30 s, far beyond what a healthy run needs.
pub const LIMIT: Duration = Duration::from_secs(30);

const INTERVAL: Duration = Duration::from_millis(5);

/// Asks for a state every 5 ms until it is as wanted, and gives it back. Only for what sends no event.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut n = 0;
/// let reached = redispatch_testkit::eventually("n is 3", redispatch_testkit::LIMIT, async || { n += 1; n }, |n| *n == 3);
/// assert_eq!(reached.await, 3);
/// # }
/// ```
///
/// # Panics
///
/// After `limit`, with `what` and the last state.
pub async fn eventually<T: Debug>(
    what: &str,
    limit: Duration,
    mut state: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + limit;
    loop {
        let now = state().await;
        if wanted(&now) {
            return now;
        }
        assert!(Instant::now() < end, "not within {limit:?}: {what}; last state: {now:?}");
        sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "not within 20ms: never true; last state: 7")]
    async fn the_last_state_is_in_the_message() {
        eventually("never true", Duration::from_millis(20), async || 7, |_| false).await;
    }
}
