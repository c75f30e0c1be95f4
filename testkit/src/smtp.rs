//! A real SMTP server that does what a test tells it to: refuse, stall, hang up, talk nonsense.
//!
//! ```no_run
//! # use redispatch_testkit::smtp::{Act, Rule, SmtpServer, Step};
//! # async fn test() {
//! let server = SmtpServer::start().await;
//! server.script(Rule::at(Step::Rcpt).matching("greylisted@").times(1).act(Act::reply("450 4.7.1 later")));
//! // … send to server.host(), server.port() …
//! let mails = server.received(1).await;
//! assert_eq!(mails[0].recipients, ["someone@example.com"]);
//! # }
//! ```

mod script;
mod session;
mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub use script::{Act, Rule, Step};
use tls::Certificate;

use crate::LIMIT;
use crate::listener::{Connections, Listener};
use crate::watched;

/// What the server offers. The default: plain text, no login, `8BITMIME` and `SMTPUTF8`.
#[derive(Debug, Clone)]
pub struct Offers {
    /// Lines of the EHLO answer; AUTH and STARTTLS come on top where they are set up below.
    pub extensions: Vec<String>,
    /// User and password that are accepted. Mail is only taken after a login.
    pub credentials: Option<(String, String)>,
    /// Login mechanisms offered when there are credentials: `PLAIN LOGIN`.
    pub mechanisms: String,
    /// How the server speaks TLS.
    pub tls: Tls,
}

/// How the server speaks TLS, with a certificate of its own for `localhost` and `127.0.0.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    None,
    /// Offers STARTTLS.
    StartTls,
    /// From the first byte.
    Implicit,
}

impl Default for Offers {
    fn default() -> Self {
        Self {
            extensions: vec!["8BITMIME".into(), "SMTPUTF8".into()],
            credentials: None,
            mechanisms: "PLAIN LOGIN".into(),
            tls: Tls::None,
        }
    }
}

/// One mail as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The connection it came over, counted from 1.
    pub connection: usize,
    /// Envelope sender, without brackets.
    pub from: String,
    /// What followed the sender in MAIL: `SIZE=…`, `BODY=8BITMIME`, `SMTPUTF8`.
    pub parameters: Vec<String>,
    /// Envelope recipients that were accepted.
    pub recipients: Vec<String>,
    /// The data, escaping dots removed.
    pub data: Vec<u8>,
    /// The connection was encrypted.
    pub encrypted: bool,
}

/// The server. It stops when it is dropped.
pub struct SmtpServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    listener: Listener,
}

struct Shared {
    offers: Offers,
    certificate: Option<Certificate>,
    rules: Mutex<Vec<Rule>>,
    commands: Mutex<Vec<(usize, String)>>,
    received: watch::Sender<Vec<Received>>,
    connections: Connections,
    /// Connections that stall now.
    stalled: watch::Sender<usize>,
    /// Goes up with every release.
    released: watch::Sender<usize>,
}

impl SmtpServer {
    /// Listens on a free port of 127.0.0.1 with the default [`Offers`].
    pub async fn start() -> Self {
        Self::start_with(Offers::default()).await
    }

    /// Listens on a free port of 127.0.0.1.
    pub async fn start_with(offers: Offers) -> Self {
        let certificate = (offers.tls != Tls::None).then(Certificate::new);
        let shared = Shared {
            offers,
            certificate,
            rules: Mutex::default(),
            commands: Mutex::default(),
            received: watch::Sender::default(),
            connections: Connections::default(),
            stalled: watch::Sender::default(),
            released: watch::Sender::default(),
        };
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut server = Self { shared: Arc::new(shared), address: any_port, listener: Listener::default() };
        server.restart().await;
        server
    }

    /// `localhost`: the name its certificate carries.
    pub fn host(&self) -> &'static str {
        "localhost"
    }

    /// The port, the same after a restart.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A PEM file with the certificate to trust.
    ///
    /// # Panics
    ///
    /// When the server speaks no TLS.
    pub fn ca_file(&self) -> &Path {
        self.shared.certificate.as_ref().expect("this server speaks no TLS").path()
    }

    /// Adds a rule. The rule that was added first and still fits acts.
    pub fn script(&self, rule: Rule) {
        lock(&self.shared.rules).push(rule);
    }

    /// Forgets all rules.
    pub fn behave(&self) {
        lock(&self.shared.rules).clear();
    }

    /// Every mail taken so far, once there are at least `count`.
    pub async fn received(&self, count: usize) -> Vec<Received> {
        self.until(&self.shared.received, "received mails", |mails| mails.len() >= count).await
    }

    /// Waits until at least `count` connections stall at the same time.
    pub async fn stalled(&self, count: usize) {
        self.until(&self.shared.stalled, "stalled connections", |stalled| *stalled >= count).await;
    }

    /// Lets every connection that stalls go on as if nothing had been.
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

    /// Every command so far with its connection's number, AUTH without what followed it.
    pub fn commands(&self) -> Vec<(usize, String)> {
        lock(&self.shared.commands).clone()
    }

    /// How many commands so far began with `verb`.
    pub fn count(&self, verb: &str) -> usize {
        self.commands().iter().filter(|(_, command)| command.starts_with(verb)).count()
    }

    /// Refuses connections from now on and hangs up on all there are.
    pub async fn stop(&mut self) {
        self.listener.stop().await;
        self.open(0).await;
    }

    /// Listens again on the same port.
    pub async fn restart(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await.expect("a port to listen on");
        self.address = listener.local_addr().expect("a bound address");
        let shared = Arc::clone(&self.shared);
        let serve = move |stream, number| serve(stream, number, Arc::clone(&shared));
        self.listener = Listener::start(listener, self.shared.connections.clone(), serve);
    }

    async fn until<T: Clone>(
        &self,
        watched: &watch::Sender<T>,
        what: &str,
        fits: impl FnMut(&T) -> bool,
    ) -> T {
        let found = watched::until(watched, fits).await;
        found
            .unwrap_or_else(|| panic!("waited {LIMIT:?} for {what} in vain; commands: {:?}", self.commands()))
    }
}

/// The client hanging up is what many tests are about.
async fn serve(stream: TcpStream, number: usize, shared: Arc<Shared>) {
    if stream.set_nodelay(true).is_ok() {
        let _ = session::Session::new(stream, number, shared).run().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds this")
}
