//! What a test can wait for: values behind a watch channel.

use tokio::sync::watch;
use tokio::time::timeout;

use crate::LIMIT;

/// Counts itself for as long as it lives.
pub(crate) struct Counted(watch::Sender<usize>);

impl Counted {
    pub(crate) fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// The value once it fits; `None` when it does not within [`LIMIT`].
pub(crate) async fn until<T: Clone>(watched: &watch::Sender<T>, fits: impl FnMut(&T) -> bool) -> Option<T> {
    let mut seen = watched.subscribe();
    let value = timeout(LIMIT, seen.wait_for(fits)).await.ok()?;
    Some(value.expect("the sender lives").clone())
}
