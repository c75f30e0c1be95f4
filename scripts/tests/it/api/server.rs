//! A running `queuectl serve`.

use std::net::SocketAddr;

use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;

use super::http::{Answer, request};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A running `queuectl serve` on a free port.
pub(crate) struct Server {
    pub(crate) process: Worker,
    pub(crate) addr: SocketAddr,
}

impl Server {
    /// Starts one for `redis`, with more settings.
    pub(crate) async fn start(redis: &RedisServer, env: &[(&str, &str)]) -> Self {
        Self::at(&redis.url(), env).await
    }

    /// The same for the Redis at `url`.
    pub(crate) async fn at(url: &str, env: &[(&str, &str)]) -> Self {
        let own = [("REDIS_URL", url), ("API_ADDR", "127.0.0.1:0"), ("LOG_FORMAT", "json")];
        // Of two of one name the last one counts.
        let env = [&own, env].concat();
        let process = Worker::start(env!("CARGO_BIN_EXE_queuectl"), &["serve"], &env);
        let started = process.wait_for_event("api_started").await;
        let addr = started.json["addr"].as_str().and_then(|addr| addr.parse().ok());
        Self { process, addr: addr.unwrap_or_else(|| panic!("no address: {}", started.raw)) }
    }

    /// `GET path`
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// The same with more headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        request(self.addr, &format!("GET {path}"), headers, "").await
    }

    /// `POST path` of JSON.
    pub(crate) async fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        request(self.addr, &format!("POST {path}"), &[JSON], body).await
    }

    /// The same with more headers.
    pub(crate) async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        request(self.addr, &format!("POST {path}"), &[&[JSON], headers].concat(), body).await
    }

    /// Everything it logged.
    pub(crate) fn log(&self) -> String {
        self.process.log().iter().map(|line| format!("{}\n", line.raw)).collect()
    }
}
