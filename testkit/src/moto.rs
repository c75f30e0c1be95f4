//! A `moto_server` of its own for each test: Amazon's SNS as the Python project moto plays it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::form_urlencoded;

use crate::port::Port;
use crate::process::Worker;
use crate::tool::tool;
use crate::{LIMIT, eventually};

/// moto keeps every request in this file of its folder.
const RECORDING: &str = "moto_recording";

/// A running `moto_server`. Takes any credentials. Killed when dropped.
#[derive(Debug)]
pub struct MotoServer {
    port: Port,
    server: Worker,
}

/// The form of one `Publish`: `PhoneNumber` or `TopicArn`, `Message`, `MessageAttributes.entry.1.Name`, …
pub type Publish = BTreeMap<String, String>;

impl MotoServer {
    /// Starts one on a free port of 127.0.0.1, in about half a second.
    ///
    /// # Panics
    ///
    /// When there is no such program (how to install it is in the message) or it does not start.
    pub async fn start() -> Self {
        let program = tool("REDISPATCH_MOTO_SERVER", "moto/bin/moto_server");
        let port = Port::reserve();
        let args = ["-H", "127.0.0.1", "-p", &port.number.to_string()];
        let server = Worker::start(program, &args, &[("MOTO_ENABLE_RECORDING", "1")]);
        let this = Self { port, server };
        let up = async || this.try_ask("GET /moto-api/ HTTP/1.1", "").await.is_ok();
        tokio::select! {
            _ = eventually("moto_server answers", LIMIT, up, |up| *up) => {}
            status = this.server.wait_exit(2 * LIMIT) => {
                panic!("moto_server ended with {status}: {:?}", this.server.log());
            }
        }
        this
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.port.addr())
    }

    /// Makes a topic in `us-east-1` and gives its ARN.
    pub async fn create_topic(&self, name: &str) -> String {
        let answer = self.sns(&[("Action", "CreateTopic"), ("Name", name)]).await;
        let arn = answer.split("<TopicArn>").nth(1).and_then(|rest| rest.split('<').next());
        arn.unwrap_or_else(|| panic!("no ARN in {answer}")).to_owned()
    }

    /// Every `Publish` that came in, whether it was accepted or not, once there are at least `count`.
    pub async fn published(&self, count: usize) -> Vec<Publish> {
        let what = format!("{count} calls of Publish");
        eventually(&what, LIMIT, async || self.recorded(), |all| all.len() >= count).await
    }

    fn recorded(&self) -> Vec<Publish> {
        let recording = std::fs::read_to_string(self.server.folder().join(RECORDING)).unwrap_or_default();
        let forms = recording.split_inclusive('\n').filter(|line| line.ends_with('\n')).filter_map(|line| {
            let request: Value = serde_json::from_str(line).expect("moto writes JSON");
            let body = BASE64_STANDARD.decode(request["body"].as_str()?).ok()?;
            Some(form_urlencoded::parse(&body).into_owned().collect::<Publish>())
        });
        forms.filter(|form| form.get("Action").is_some_and(|action| action == "Publish")).collect()
    }

    /// One request of SNS's query protocol; gives the XML of the answer.
    async fn sns(&self, fields: &[(&str, &str)]) -> String {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.try_ask("POST / HTTP/1.1", &form).await.expect("moto_server answers")
    }

    async fn try_ask(&self, line: &str, form: &str) -> std::io::Result<String> {
        // moto takes the service from here
        let scope = "authorization: AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/sns/aws4_request";
        let kind = "content-type: application/x-www-form-urlencoded";
        let head = format!(
            "{line}\r\nhost: 127.0.0.1\r\nconnection: close\r\n{scope}\r\n{kind}\r\ncontent-length: {}",
            form.len()
        );
        let ask = async {
            let mut stream = TcpStream::connect(self.port.addr()).await?;
            stream.write_all(format!("{head}\r\n\r\n{form}").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok(answer)
        };
        timeout(LIMIT, ask).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
    }
}
