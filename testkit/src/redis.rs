//! A `redis-server` of its own for each test.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::child::{Child, find_program};
use crate::client::Client;
use crate::port::Port;
use crate::{LIMIT, Reply, eventually};

mod cli;
mod monitor;
mod slow;
mod tls;

pub use monitor::Monitor;
pub use slow::Watch;
pub use tls::{Identity, Tls};

/// A running Redis on a port of its own, with a temporary folder for its files. Gone when dropped.
///
/// `REDISPATCH_TEST_REDIS` names another server program: the same tests run against Valkey.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    args: Vec<String>,
    folder: TempDir,
    port: Port,
    child: Child,
}

impl RedisServer {
    /// Starts one that keeps nothing on disk.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts one with more settings, as on its command line: `&["--appendonly", "yes"]`. What would lock the
    /// kit out, a password for instance, is set afterwards by `CONFIG SET`.
    ///
    /// # Panics
    ///
    /// When there is no such program (how to install it is in the message) or it does not start.
    pub async fn with(args: &[&str]) -> Self {
        Self::of(program(), args).await
    }

    async fn of(program: PathBuf, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        for _ in 0..20 {
            let port = Port::reserve();
            if let Some(child) = spawn(&program, &args, folder.path(), port.number).await {
                return Self { program, args, folder, port, child };
            }
        }
        panic!("no free port for {} after 20 tries", program.display())
    }

    /// `redis://127.0.0.1:PORT/0`
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.addr())
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// The port it listens on, the same after a restart.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// Its process id, a new one after a restart.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A connection of the caller's own.
    pub async fn connect(&self) -> Client {
        Client::connect(self.addr()).await.expect("Redis takes a connection")
    }

    /// One command on a new connection. An error reply is a value, not a panic.
    pub async fn command<A: AsRef<[u8]>>(&self, args: &[A]) -> Reply {
        self.try_command(args).await.unwrap_or_else(|error| panic!("{}: {error}", shown(args)))
    }

    /// Waits until the reply to a command is as wanted, and gives it. Redis may be away meanwhile.
    pub async fn wait_until<A: AsRef<[u8]>>(
        &self,
        args: &[A],
        wanted: impl Fn(&Reply) -> bool,
        limit: Duration,
    ) -> Reply {
        let state = async || self.try_command(args).await;
        let reply = eventually(&shown(args), limit, state, |reply| reply.as_ref().is_ok_and(&wanted)).await;
        reply.expect("only an answer is as wanted")
    }

    /// SIGKILL: what was not yet on disk is lost.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Starts it again on the same port and folder; kills it first where it still runs. What its append-only
    /// file holds is loaded when this returns.
    pub async fn restart(&mut self) {
        self.kill();
        let started = spawn(&self.program, &self.args, self.folder.path(), self.port.number).await;
        self.child = started.unwrap_or_else(|| panic!("port {} was taken meanwhile", self.port.number));
    }

    /// SIGSTOP: connections stay open, nothing answers.
    pub fn freeze(&self) {
        self.child.freeze();
    }

    /// SIGCONT: it goes on with what had reached it.
    pub fn thaw(&self) {
        self.child.thaw();
    }

    async fn try_command<A: AsRef<[u8]>>(&self, args: &[A]) -> io::Result<Reply> {
        let ask = async { Client::connect(self.addr()).await?.command(args).await };
        timeout(LIMIT, ask).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// The server program to test on.
///
/// # Panics
///
/// When there is none.
pub(crate) fn program() -> PathBuf {
    let name = std::env::var("REDISPATCH_TEST_REDIS").unwrap_or_else(|_| "redis-server".into());
    find_program(&name).unwrap_or_else(|| {
        panic!(
            "no `{name}` here: `scripts/test` installs it, or run `apt-get install redis-server`, or set \
             REDISPATCH_TEST_REDIS to a redis-server or valkey-server"
        )
    })
}

/// A server that answers, or `None` where the port was taken. Panics on every other failure.
async fn spawn(program: &Path, args: &[String], folder: &Path, port: u16) -> Option<Child> {
    let port_text = port.to_string();
    let log = folder.join("redis.log");
    // options given twice: the last one counts
    let own = ["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--logfile", "redis.log"];
    let own: Vec<String> = own.into_iter().chain(["--enable-debug-command", "yes"]).map(Into::into).collect();
    let (all, home) = ([own, args.to_vec()].concat(), folder.to_path_buf());
    let _ = std::fs::remove_file(&log);
    let started = Child::spawn(program, move |command| {
        command.args(all).current_dir(home);
    });
    let (child, mut stderr) = started.unwrap_or_else(|error| panic!("{}: {error}", program.display()));

    let ready = timeout(LIMIT, async {
        while child.exit_status().is_none() {
            if answers(port, child.id()).await.unwrap_or(false) {
                return true;
            }
            sleep(Duration::from_millis(1)).await;
        }
        false
    });
    if ready.await.expect("the server answers in time") {
        return Some(child);
    }
    let mut said = std::fs::read_to_string(&log).unwrap_or_default();
    let _ = stderr.read_to_string(&mut said);
    assert!(said.contains("Address already in use"), "{} did not start:\n{said}", program.display());
    None
}

/// Whether it is this very process that answers on the port, with its data loaded.
async fn answers(port: u16, pid: u32) -> io::Result<bool> {
    let mut client = Client::connect(("127.0.0.1", port)).await?;
    let info = client.command(&["INFO", "server"]).await?;
    let ours = matches!(&info, Reply::Bulk(_)) && info.text().contains(&format!("process_id:{pid}\r\n"));
    Ok(ours && client.command(&["PING"]).await? == Reply::Simple("PONG".into()))
}

fn shown<A: AsRef<[u8]>>(args: &[A]) -> String {
    args.iter().map(|arg| arg.as_ref().escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}
