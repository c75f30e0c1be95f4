//! A small HTTP/1.1 client of our own: it sends what a test wants sent, right or wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use redispatch_testkit::LIMIT;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// Its body as JSON, which its content type has to say.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json", "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Itself, where it has this status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Its `error.code`; there has to be a message for people too.
    pub(crate) fn error(&self) -> String {
        let error = &self.json()["error"];
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        error["code"].as_str().unwrap_or_else(|| panic!("no code: {self:?}")).to_owned()
    }
}

/// Sends one request on a connection of its own. `headers` stand in place of the usual ones of the same name.
pub(crate) async fn request(
    addr: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Answer {
    let (host, length) = (addr.to_string(), body.as_ref().len().to_string());
    let usual = [("host", host.as_str()), ("content-length", length.as_str()), ("connection", "close")];
    let usual = usual.iter().filter(|(name, _)| headers.iter().all(|(given, _)| given != name));
    let head = usual.chain(headers).filter(|(_, value)| !value.is_empty());
    let head: String = head.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = TcpStream::connect(addr).await.expect("the API takes a connection");
    let text = [format!("{line} HTTP/1.1\r\n{head}\r\n").as_bytes(), body.as_ref()].concat();
    // It may answer, and close, before all is read.
    let _ = stream.write_all(&text).await;
    answer(&mut stream).await
}

/// Reads the answer to the end of the connection.
pub(crate) async fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = timeout(2 * LIMIT, stream.read_to_end(&mut bytes)).await.expect("the API answers in time");
    let text = String::from_utf8(bytes).expect("an answer in UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {read:?} {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let header = |line: &str| {
        line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Answer { status, headers: lines.filter_map(header).collect(), body: body.to_owned() }
}
