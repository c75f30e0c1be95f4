use std::io;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;

/// A running program. Dropped, it is killed; it dies with the test process too where the system has `setpriv`.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
    waiter: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts `program`, an absolute path, once `set_up` has given it arguments and environment. The second
    /// value is its stderr.
    pub(crate) fn spawn(
        program: &Path,
        set_up: impl FnOnce(&mut Command) + Send + 'static,
    ) -> io::Result<(Self, ChildStderr)> {
        let mut command = dying_with_us(program);
        let (started, start) = mpsc::channel();
        let (exited, exit) = watch::channel(None);
        // The system ends the child with the thread that made it: hence here, where that thread waits for it.
        let waiter = thread::spawn(move || {
            set_up(&mut command);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            match command.spawn() {
                Err(error) => drop(started.send(Err(error))),
                Ok(mut child) => {
                    let stderr = child.stderr.take().expect("stderr is piped");
                    let pid = Pid::from_child(&child);
                    drop(started.send(Ok((pid, stderr))));
                    exited.send_replace(child.wait().ok());
                }
            }
        });
        let (pid, stderr) = start.recv().expect("the thread answers")?;
        Ok((Self { pid, exit, waiter: Some(waiter) }, stderr))
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    pub(crate) async fn wait(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        let status = *exit.wait_for(Option::is_some).await.expect("its waiter reports the end");
        status.expect("waited for")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if self.exit_status().is_none() {
            // it may have ended just now
            let _ = kill_process(self.pid, signal);
        }
    }

    /// SIGSTOP, and back only when it stands still.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let until = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = waitid(WaitId::Pid(self.pid), until);
        assert!(self.exit_status().is_none(), "process {} has ended: it cannot be frozen", self.id());
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGKILL, and back only when it is gone.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(waiter) = self.waiter.take() {
            let _ = waiter.join();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where a program lies: a path made absolute, a bare name looked up in `PATH`. Links stay as they are: Redis's
/// programs go by the name they are called by.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return std::path::absolute(name).ok().filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

fn dying_with_us(program: &Path) -> Command {
    static SETPRIV: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let setpriv = find_program("setpriv")?;
        let probe = Command::new(&setpriv).args(["--pdeathsig", "KILL", "true"]).output().ok()?;
        probe.status.success().then_some(setpriv)
    });
    match &*SETPRIV {
        None => Command::new(program),
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
    }
}
