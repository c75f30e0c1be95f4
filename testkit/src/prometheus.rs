//! A `prometheus` of its own for each test.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::form_urlencoded;

use crate::port::Port;
use crate::process::Worker;
use crate::{LIMIT, eventually, promtool, tool};

/// A running `prometheus` with its data in a temporary folder. Killed when dropped.
#[derive(Debug)]
pub struct Prometheus {
    port: Port,
    server: Worker,
}

impl Prometheus {
    /// Starts one with the text of its `prometheus.yml`, on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// When there is no such program (how to install it is in the message) or it does not start.
    pub async fn start(config: &str) -> Self {
        let program = tool("REDISPATCH_PROMETHEUS", "prometheus/bin/prometheus");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("prometheus.yml"), config).expect("a file");
        let port = Port::reserve();
        let listen = format!("--web.listen-address={}", port.addr());
        let args = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn", &listen];
        let server = Worker::start_in(folder, program, &args, &[]);
        let this = Self { port, server };
        let up = async || this.get("/-/ready").await.is_ok_and(|answer| answer.starts_with("HTTP/1.0 200"));
        tokio::select! {
            _ = eventually("prometheus is ready", LIMIT, up, |up| *up) => {}
            status = this.server.wait_exit(2 * LIMIT) => {
                panic!("prometheus ended with {status}: {:?}", this.server.log());
            }
        }
        this
    }

    /// What a PromQL query gives now: the samples, each with `metric` and `value`.
    ///
    /// # Panics
    ///
    /// When the query is none.
    pub async fn query(&self, query: &str) -> Vec<Value> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        let answer = self.get(&format!("/api/v1/query?{query}")).await.expect("prometheus answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let mut body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        match body["data"]["result"].take() {
            Value::Array(samples) => samples,
            _ => panic!("{answer}"),
        }
    }

    async fn get(&self, path: &str) -> std::io::Result<String> {
        let ask = async {
            let mut stream = TcpStream::connect(self.port.addr()).await?;
            stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok(answer)
        };
        timeout(LIMIT, ask).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
    }
}

/// Fails unless `promtool check metrics` takes this page of metrics without a word.
///
/// # Panics
///
/// With all that it says.
pub async fn assert_good_metrics(page: &str) {
    let said = promtool(&["check", "metrics"], page).await;
    assert!(said.is_empty(), "promtool: {said}\n{page}");
}
