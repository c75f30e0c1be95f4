//! A stream of server-sent events.

use std::net::SocketAddr;

use redispatch_testkit::LIMIT;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// One who listens to `/api/v1/events`.
pub(super) struct Stream {
    pub(super) head: Vec<String>,
    lines: Lines<BufReader<TcpStream>>,
}

impl Stream {
    pub(super) async fn open(addr: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        // HTTP/1.0: the body comes as it is.
        let request = format!("GET /api/v1/events HTTP/1.0\r\nhost: {addr}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        let mut head = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap().filter(|line| !line.is_empty()) {
            head.push(line);
        }
        Self { head, lines }
    }

    /// The next line; none at its end.
    pub(super) async fn line(&mut self) -> Option<String> {
        timeout(2 * LIMIT, self.lines.next_line()).await.expect("the stream goes on or ends").ok().flatten()
    }

    /// The next overview.
    pub(super) async fn overview(&mut self) -> Value {
        loop {
            let line = self.line().await.expect("the stream goes on");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// The first overview that is as wanted.
    pub(super) async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = timeout(3 * LIMIT, async {
            loop {
                last = self.overview().await;
                if wanted(&last) {
                    return;
                }
            }
        });
        assert!(found.await.is_ok(), "no such overview; the last one: {last:#}");
        last
    }
}
