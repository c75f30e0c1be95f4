//! Stopping in two steps: the first signal stops claiming and lets sends end, a second one stops at once.

use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;

use crate::clock;
use crate::telemetry::event;

/// A second signal within this time is taken for the first one, sent twice.
const SECOND_SIGNAL_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    Running,
    Draining,
    Now,
}

/// Tells a worker when to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown {
    phase: watch::Receiver<Phase>,
}

/// Stops the workers that hold the [`Shutdown`] it came with.
#[derive(Debug, Clone)]
pub struct Trigger {
    phase: watch::Sender<Phase>,
}

impl Trigger {
    /// Stop claiming; let sends end within the shutdown limit.
    pub fn drain(&self) {
        self.phase.send_if_modified(|phase| std::mem::replace(phase, Phase::Draining) == Phase::Running);
    }

    /// Stop sends too.
    pub fn stop_now(&self) {
        self.phase.send_replace(Phase::Now);
    }
}

impl Shutdown {
    /// A shutdown for a program to trigger itself.
    pub fn manual() -> (Trigger, Self) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (Trigger { phase: sender }, Self { phase: receiver })
    }

    /// A shutdown that follows SIGTERM and SIGINT: the first drains, one more than a second later stops at once.
    ///
    /// # Errors
    ///
    /// The host lets no signal handler be installed.
    pub fn on_signals() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (trigger, shutdown) = Self::manual();
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(async move {
            let mut first = None;
            loop {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
                let now = clock::boot_ms();
                match first {
                    None => {
                        first = Some(now);
                        trigger.drain();
                    }
                    Some(at) if now - at > SECOND_SIGNAL_AFTER.as_millis() as u64 => {
                        warn!(event = event::WORKER_DRAINING, "second signal: stopping at once");
                        trigger.stop_now();
                    }
                    Some(_) => {}
                }
            }
        });
        Ok(shutdown)
    }

    /// Whether the worker was told to stop.
    pub fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// Waits until the worker is told to stop.
    pub async fn draining(&mut self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until the worker is told to stop at once.
    pub async fn stopped(&mut self) {
        self.reached(Phase::Now).await;
    }

    /// Waits for `event`. True when told to stop before it.
    pub(crate) async fn or(&mut self, event: impl Future<Output = ()>) -> bool {
        tokio::select! {
            () = event => false,
            () = self.draining() => true,
        }
    }

    async fn reached(&mut self, phase: Phase) {
        if self.phase.wait_for(|now| *now >= phase).await.is_err() {
            // Whoever could have stopped us is gone.
            std::future::pending::<()>().await;
        }
    }
}
