use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::form_urlencoded;

/// What is done with every request.
#[derive(Debug, Clone)]
pub(super) enum Say {
    /// Status, headers as lines, body.
    Answer(u16, &'static str, String),
    /// As [`Say::Answer`] with 200, then hangs up although the connection could be kept.
    Last(String),
    /// Nothing, for ever.
    Nothing,
    /// Hangs up once the request is read.
    HangUp,
    /// This head, half of this body, and hangs up.
    Half(u16, String),
}

/// Says always the same to requests of the SDK: for answers that no emulator gives.
pub(super) struct Stub {
    port: u16,
    state: Arc<State>,
    listener: JoinHandle<()>,
}

struct State {
    say: Mutex<Say>,
    connections: AtomicUsize,
    /// Connections the client has let go of, once the stub had.
    closed: AtomicUsize,
    /// The forms that came.
    requests: Mutex<Vec<Vec<(String, String)>>>,
}

impl Stub {
    pub(super) async fn start(say: Say) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            say: Mutex::new(say),
            connections: 0.into(),
            closed: 0.into(),
            requests: Mutex::default(),
        });
        let shared = state.clone();
        let listener = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { port, state, listener }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn say(&self, say: Say) {
        *self.state.say.lock().unwrap() = say;
    }

    pub(super) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub(super) fn closed(&self) -> usize {
        self.state.closed.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> Vec<Vec<(String, String)>> {
        self.state.requests.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    while let Some(body) = request(&mut stream).await {
        state.requests.lock().unwrap().push(form_urlencoded::parse(&body).into_owned().collect());
        let say = state.say.lock().unwrap().clone();
        match say {
            Say::Answer(status, headers, body) => {
                stream.write_all(answer(status, headers, &body).as_bytes()).await.unwrap();
            }
            Say::Last(body) => {
                stream.write_all(answer(200, "", &body).as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                while stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
                state.closed.fetch_add(1, Ordering::SeqCst);
                return;
            }
            Say::Nothing => std::future::pending().await,
            Say::HangUp => return,
            Say::Half(status, body) => {
                let whole = answer(status, "", &body);
                let part = &whole.as_bytes()[..whole.len() - body.len() / 2];
                stream.write_all(part).await.unwrap();
                return;
            }
        }
    }
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\n");
    headers.lines().for_each(|line| write!(text, "{line}\r\n").unwrap());
    write!(text, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    text
}

/// The body of the next request.
async fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(bytes[end + 4..end + 4 + length].to_vec());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
