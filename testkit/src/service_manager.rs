//! The other end of systemd's protocol: a socket for `NOTIFY_SOCKET`.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdUnixDatagram};
use std::path::Path;

use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{LIMIT, watched};

/// Takes what services tell. It stops when it is dropped.
#[derive(Debug)]
pub struct ServiceManager {
    /// What to set `NOTIFY_SOCKET` to.
    pub name: String,
    told: watch::Sender<Vec<String>>,
    taking: JoinHandle<()>,
    folder: TempDir,
}

impl ServiceManager {
    /// With a socket in a temporary folder.
    pub fn at_path() -> Self {
        Self::start(|folder| {
            let name = folder.join("notify").to_str().expect("UTF-8").to_owned();
            (StdUnixDatagram::bind(&name), name)
        })
    }

    /// With a socket that has a name outside of the file system.
    pub fn abstract_name() -> Self {
        Self::start(|folder| {
            let name = format!("redispatch{}", folder.display());
            let addr = SocketAddr::from_abstract_name(&name);
            (addr.and_then(|addr| StdUnixDatagram::bind_addr(&addr)), format!("@{name}"))
        })
    }

    fn start(bind: impl FnOnce(&Path) -> (std::io::Result<StdUnixDatagram>, String)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (socket, name) = bind(folder.path());
        let socket = socket.unwrap_or_else(|error| panic!("cannot listen at {name}: {error}"));
        socket.set_nonblocking(true).expect("a socket that waits for nothing");
        let socket = UnixDatagram::from_std(socket).expect("called in a runtime");
        let told = watch::Sender::new(Vec::new());
        let lines = told.clone();
        let taking = tokio::spawn(async move {
            let mut datagram = [0; 4096];
            while let Ok(length) = socket.recv(&mut datagram).await {
                let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
                lines.send_modify(|told| told.extend(text.lines().map(str::to_owned)));
            }
        });
        Self { name, told, taking, folder }
    }

    /// Every line so far, such as `READY=1`.
    pub fn told(&self) -> Vec<String> {
        self.told.borrow().clone()
    }

    /// How often this line came so far.
    pub fn count(&self, line: &str) -> usize {
        self.told.borrow().iter().filter(|told| *told == line).count()
    }

    /// Waits until a line that begins so has come `count` times, and gives every line so far.
    ///
    /// # Panics
    ///
    /// With the lines that came, when it does not come within [`LIMIT`].
    pub async fn wait_for(&self, begin: &str, count: usize) -> Vec<String> {
        let fits = |told: &Vec<String>| told.iter().filter(|line| line.starts_with(begin)).count() >= count;
        let found = watched::until(&self.told, fits).await;
        found.unwrap_or_else(|| {
            let folder = self.folder.path().display();
            panic!("`{begin}` did not come {count} times within {LIMIT:?} ({folder}): {:?}", self.told())
        })
    }
}

impl Drop for ServiceManager {
    fn drop(&mut self) {
        self.taking.abort();
    }
}
