//! Calls that held a server for too long.

use std::time::Duration;

use super::RedisServer;

/// What a server did since it was made, see [`RedisServer::watch`].
pub struct Watch<'a> {
    server: &'a RedisServer,
    longest: Duration,
    waited: Duration,
}

impl RedisServer {
    /// From now on notes every call that takes longer than `longest`.
    pub async fn watch(&self, longest: Duration) -> Watch<'_> {
        let micros = longest.as_micros().to_string();
        self.command(&["CONFIG", "SET", "slowlog-max-len", "10000"]).await;
        self.command(&["CONFIG", "SET", "slowlog-log-slower-than", &micros]).await;
        self.command(&["SLOWLOG", "RESET"]).await;
        Watch { server: self, longest, waited: self.waited() }
    }

    /// How long its main thread was ready to run and had no processor; nothing where the host does not tell.
    fn waited(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/schedstat", self.pid())).unwrap_or_default();
        let nanos = stat.split_whitespace().nth(1).and_then(|text| text.parse().ok());
        Duration::from_nanos(nanos.unwrap_or(0))
    }
}

impl Watch<'_> {
    /// The calls that took too long, each with its time. Redis measures by the clock on the wall: an excess that is
    /// covered by the time it waited for a processor, which others had, is no call's doing.
    pub async fn slow_calls(self) -> Vec<String> {
        let reply = self.server.command(&["SLOWLOG", "GET", "-1"]).await;
        let mut waited = self.server.waited().saturating_sub(self.waited);
        let mut calls: Vec<(Duration, String)> = Vec::new();
        for entry in reply.array() {
            let fields = entry.array();
            let micros = fields[2].int().unsigned_abs();
            let words: Vec<_> =
                fields[3].array().iter().map(|word| word.bytes().escape_ascii().to_string()).collect();
            // What a script calls is in the time of the script.
            if fields[4].text() != "?:0" {
                calls.push((Duration::from_micros(micros), words.join(" ")));
            }
        }
        calls.sort();
        let unexplained = |(took, _): &(Duration, String)| {
            let excess = took.saturating_sub(self.longest);
            let is_covered = excess <= waited;
            waited = waited.saturating_sub(excess);
            !is_covered
        };
        calls.into_iter().filter(unexplained).map(|(took, call)| format!("{took:?}: {call}")).collect()
    }
}
