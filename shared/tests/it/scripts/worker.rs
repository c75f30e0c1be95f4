use super::call::{Ask, heartbeat};
use super::queue::{Claimed, Queue};

/// A pretend worker: the numbers a real one keeps.
pub(crate) struct Worker {
    pub(crate) start: &'static str,
    pub(crate) seq: u64,
    next: u64,
}

impl Worker {
    pub(crate) fn new(start: &'static str) -> Self {
        Self { start, seq: 0, next: 1 }
    }

    /// A new call under fresh numbers: nothing in hand, takeovers allowed.
    pub(crate) fn ask(&mut self, room: u64) -> Ask {
        self.seq += 1;
        let first = self.next;
        self.next += room;
        Ask {
            start: self.start.to_owned(),
            seq: self.seq,
            first,
            room,
            cap: 8 << 20,
            lease: 30_000,
            alone: true,
            takeover: true,
            again: false,
            woken: "p",
            interval: 0,
            used: 0,
            fresh: false,
        }
    }

    pub(crate) async fn claim(&mut self, queue: &mut Queue, room: u64) -> Claimed {
        let ask = self.ask(room);
        queue.claim(&ask).await
    }

    /// Claims while it holds other messages.
    pub(crate) async fn claim_more(&mut self, queue: &mut Queue, room: u64) -> Claimed {
        let ask = Ask { alone: false, ..self.ask(room) };
        queue.claim(&ask).await
    }

    pub(crate) async fn beat(&self, queue: &mut Queue, lease: u64) {
        let beat = format!(r#"{{"start":"{}","lease_ms":{lease}"#, self.start);
        queue.run(&heartbeat(&format!("host.{}", self.start), self.start, &beat)).await.int();
    }
}

pub(crate) fn two() -> (Worker, Worker) {
    (Worker::new("AAAAAAAAAAA"), Worker::new("BBBBBBBBBBB"))
}
