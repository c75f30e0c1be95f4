//! Providers that fail, and what they do to a queue: sms-worker and a server that plays Twilio.

mod down;
mod killed_probe;
mod rate_limited;
mod refused_sender;
mod wrong_login;

use redispatch_testkit::process::{LogLine, Worker};
use redispatch_testkit::{LIMIT, eventually};

use crate::site::{Sms, Twilio};

type Site = crate::site::Site<Twilio<Sms>>;

impl Site {
    /// Ends the breaker's pause, and waits for the probe and for what the worker says to its failure.
    async fn failed_probe(&self, worker: &Worker) -> LogLine {
        self.open().await;
        let (before, sends) = (worker.events("breaker_opened").len(), self.channel.server.count());
        self.end_pause().await;
        let told = worker.wait_for_events("breaker_opened", before + 1).await.remove(before);
        assert_eq!(self.channel.server.count(), sends + 1, "one probe: {}", told.raw);
        told
    }

    /// Lets the next probe go at once.
    async fn end_pause(&self) {
        self.open().await;
        self.redis.command(&["HSET", &self.queue().key("control"), "breaker_until", "1"]).await.int();
    }

    /// Waits until the breaker is open and nothing is in hand.
    async fn open(&self) {
        let state = async || (self.queue().control("breaker").await, self.queue().left().await);
        eventually("the breaker is open, nothing in hand", LIMIT, state, |(breaker, left)| {
            breaker.as_deref() == Some("open") && left.processing == 0
        })
        .await;
    }
}
