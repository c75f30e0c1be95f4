//! A real HTTP server with Twilio's Messages API that does what a test tells it to: accept, refuse, stall, hang up.
//!
//! ```no_run
//! # use redispatch_testkit::twilio::{Answer, Rule, TwilioServer};
//! # async fn test() {
//! let server = TwilioServer::start().await;
//! server.script(Rule::answer(Answer::error(400, 21211)).with("To", "+15005550001").times(1));
//! // … POST to server.url() + "/2010-04-01/Accounts/AC…/Messages.json" …
//! let requests = server.requests(1).await;
//! assert_eq!(requests[0].field("Body"), Some("Hello"));
//! # }
//! ```

mod api;
mod content;
mod request;
mod script;
mod serve;

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use request::Request;
pub use script::{Answer, Rule};

use crate::LIMIT;
use crate::listener::{Connections, Listener};
use crate::port::Port;
use crate::watched;

/// The server. It stops when it is dropped.
///
/// A request meets, in this order: the login, where one is required; the rules; what Twilio itself refuses at once: no
/// basic authentication, an account SID that is not `AC` and 32 hexadecimal digits, another path, no `To`, no sender,
/// nothing to say, more than 1,600 characters.
pub struct TwilioServer {
    shared: Arc<Shared>,
    port: Port,
    listener: Listener,
}

#[derive(Default)]
struct Shared {
    login: Mutex<Option<(String, String)>>,
    rules: Mutex<Vec<Rule>>,
    requests: watch::Sender<Vec<Request>>,
    connections: Connections,
    /// Requests that stall now.
    stalled: watch::Sender<usize>,
    /// Goes up with every release.
    released: watch::Sender<usize>,
}

impl TwilioServer {
    /// Listens on a free port of 127.0.0.1 and accepts every message.
    pub async fn start() -> Self {
        let mut server =
            Self { shared: Arc::default(), port: Port::reserve(), listener: Listener::default() };
        server.restart().await;
        server
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.port.addr())
    }

    /// The port, the same after a restart.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// From now on every other user or password is answered by 401 and code 20003, before any rule.
    pub fn require_login(&self, user: &str, password: &str) {
        *lock(&self.shared.login) = Some((user.to_owned(), password.to_owned()));
    }

    /// Adds a rule. The rule that was added first and still fits acts.
    pub fn script(&self, rule: Rule) {
        lock(&self.shared.rules).push(rule);
    }

    /// Forgets all rules.
    pub fn behave(&self) {
        lock(&self.shared.rules).clear();
    }

    /// Every request so far, once there are at least `count`. Those that stall or were dropped are among them.
    pub async fn requests(&self, count: usize) -> Vec<Request> {
        self.until(&self.shared.requests, "requests", |requests| requests.len() >= count).await
    }

    /// Those of the requests so far that are as `wanted`, once there are at least `count` of them.
    pub async fn requests_like(&self, count: usize, wanted: impl Fn(&Request) -> bool) -> Vec<Request> {
        let enough = |requests: &Vec<Request>| requests.iter().filter(|one| wanted(one)).count() >= count;
        let mut requests = self.until(&self.shared.requests, "such requests", enough).await;
        requests.retain(wanted);
        requests
    }

    /// How many requests there were so far.
    pub fn count(&self) -> usize {
        self.shared.requests.borrow().len()
    }

    /// The messages accepted so far: every `POST` answered by [`Answer::Created`].
    pub fn accepted(&self) -> Vec<Request> {
        let requests = self.shared.requests.borrow();
        let accepted = requests.iter().filter(|one| one.method == "POST" && one.answer == Answer::Created);
        accepted.cloned().collect()
    }

    /// Waits until at least `count` requests stall at the same time.
    pub async fn stalled(&self, count: usize) {
        self.until(&self.shared.stalled, "stalled requests", |stalled| *stalled >= count).await;
    }

    /// Answers every request that stalls.
    pub fn release(&self) {
        self.shared.released.send_modify(|count| *count += 1);
    }

    /// Connections made so far.
    pub fn connections(&self) -> usize {
        *self.shared.connections.made.borrow()
    }

    /// Waits until exactly `count` connections are open.
    pub async fn open(&self, count: usize) {
        self.until(&self.shared.connections.open, "open connections", |open| *open == count).await;
    }

    /// Refuses connections from now on and hangs up on all there are.
    pub async fn stop(&mut self) {
        self.listener.stop().await;
        self.open(0).await;
    }

    /// Listens again on the same port.
    pub async fn restart(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.port.addr()).await.expect("a port to listen on");
        let shared = Arc::clone(&self.shared);
        let serve = move |stream, number| serve::serve(stream, number, Arc::clone(&shared));
        self.listener = Listener::start(listener, self.shared.connections.clone(), serve);
    }

    async fn until<T: Clone>(
        &self,
        watched: &watch::Sender<T>,
        what: &str,
        fits: impl FnMut(&T) -> bool,
    ) -> T {
        let found = watched::until(watched, fits).await;
        found.unwrap_or_else(|| {
            let requests = self.shared.requests.borrow();
            let last = &requests[requests.len().saturating_sub(5)..];
            panic!("waited {LIMIT:?} for {what} in vain; {} requests, the last: {last:#?}", requests.len())
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds this")
}
