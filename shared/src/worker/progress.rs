//! Signs of life of one worker, for whoever asks about its health.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::claim::{Claim, Why};

/// How often the worker's runtime shows that it turns.
const TICK: Duration = Duration::from_millis(250);

/// What a worker was last seen doing. Its clock stands still while the host sleeps.
pub(crate) struct Progress {
    start: Instant,
    /// When the runtime last turned, ms after the start.
    ticked: AtomicU64,
    /// When it had turned before that.
    before: AtomicU64,
    state: Mutex<State>,
}

/// Where the parts of the engine are.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) stage: Stage,
    /// The claim loop.
    pub(crate) doing: Doing,
    /// Since when it does that.
    pub(crate) since: Instant,
    /// Since when the settler works on a batch, or on the next call of it; `None` while it waits for one.
    pub(crate) settling: Option<Instant>,
    /// What the last claim was answered.
    pub(crate) gate: Gate,
}

/// Which part of its life a worker is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Redis was not reached yet.
    Starting,
    Running,
    /// Told to stop.
    Draining,
    /// It has ended, for whatever reason, while others of its process go on.
    Stopped,
}

/// What the claim loop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Claims, or looks at what it claimed.
    Claiming,
    /// Waits until there is room for more.
    Full,
    /// Waits for messages, or for a gate to open, until then at most.
    Asleep(Instant),
}

/// What the last claim said.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) why: Why,
    /// The breaker is open; half open is open. A pause or a throttle, which are answered first, say nothing of it.
    pub(crate) breaker: bool,
    /// Why the breaker is open, masked.
    pub(crate) text: String,
    /// Boot clock, ms, at which that claim was sent.
    pub(crate) asked: u64,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let start = Instant::now();
        let gate = Gate { why: Why::More, breaker: false, text: String::new(), asked: 0 };
        let state =
            State { stage: Stage::Starting, doing: Doing::Claiming, since: start, settling: None, gate };
        Self { start, ticked: AtomicU64::new(0), before: AtomicU64::new(0), state: Mutex::new(state) }
    }

    /// Shows again and again that the runtime this runs on turns.
    pub(crate) async fn tick(&self) {
        loop {
            let now = self.start.elapsed().as_millis() as u64;
            self.before.store(self.ticked.swap(now, Relaxed), Relaxed);
            tokio::time::sleep(TICK).await;
        }
    }

    /// How long ago the worker's runtime last turned.
    pub(crate) fn silence(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(self.ticked.load(Relaxed)))
    }

    /// A moment since which everything that could go on has gone on: the runtime has turned after it.
    pub(crate) fn seen(&self) -> Instant {
        self.start + Duration::from_millis(self.before.load(Relaxed))
    }

    pub(crate) fn enter(&self, stage: Stage) {
        let mut state = self.lock();
        state.stage = stage;
        state.since = Instant::now();
    }

    /// The claim loop turns to something else, or once more to the same.
    pub(crate) fn turn(&self, doing: Doing) {
        let mut state = self.lock();
        state.doing = doing;
        state.since = Instant::now();
    }

    /// A claim was answered.
    pub(crate) fn claimed(&self, claim: &Claim) {
        let mut state = self.lock();
        state.gate.why = claim.why;
        state.gate.asked = claim.sent;
        match claim.why {
            Why::Open => {
                state.gate.breaker = true;
                state.gate.text.clone_from(&claim.text);
            }
            Why::Probing => state.gate.breaker = true,
            Why::Paused | Why::Throttled | Why::Newer => {}
            Why::More | Why::Empty | Why::Limited => {
                state.gate.breaker = false;
                state.gate.text.clear();
            }
        }
    }

    /// The settler has messages to settle, or has settled some of them.
    pub(crate) fn settles(&self) {
        self.lock().settling = Some(Instant::now());
    }

    /// The settler has settled all it had.
    pub(crate) fn settled(&self) {
        self.lock().settling = None;
    }

    pub(crate) fn state(&self) -> State {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
