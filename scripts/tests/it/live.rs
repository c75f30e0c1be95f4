//! A `queuectl` that goes on, read line by line.

use std::process::ExitStatus;

use redispatch_testkit::LIMIT;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A `queuectl` that goes on. Killed when dropped.
pub(crate) struct Live {
    child: Child,
    stdout: mpsc::UnboundedReceiver<String>,
    stderr: mpsc::UnboundedReceiver<String>,
}

impl Live {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("queuectl starts");
        let stdout = lines(child.stdout.take().expect("a pipe"));
        let stderr = lines(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// Its next line on stdout.
    pub(crate) async fn line(&mut self) -> String {
        let line = timeout(LIMIT, self.stdout.recv()).await.expect("a line in time");
        line.unwrap_or_else(|| panic!("it ended; stderr: {:?}", drained(&mut self.stderr)))
    }

    /// Its next line on stderr that has `text` in it.
    pub(crate) async fn said(&mut self, text: &str) -> String {
        let found = timeout(LIMIT, async {
            while let Some(line) = self.stderr.recv().await {
                if line.contains(text) {
                    return line;
                }
            }
            panic!("it ended without saying {text:?}");
        });
        found.await.unwrap_or_else(|_| panic!("{text:?} was not said in time"))
    }

    /// Nobody reads its stdout any more.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout.close();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it still runs");
        kill_process(pid, signal).expect("it can be sent a signal");
    }

    /// Its exit, and what was left on stdout.
    pub(crate) async fn end(mut self) -> (ExitStatus, Vec<String>) {
        let status =
            timeout(LIMIT, self.child.wait()).await.expect("it ends in time").expect("it is waited for");
        let mut rest = Vec::new();
        while let Some(line) = self.stdout.recv().await {
            rest.push(line);
        }
        (status, rest)
    }
}

fn drained(lines: &mut mpsc::UnboundedReceiver<String>) -> Vec<String> {
    std::iter::from_fn(|| lines.try_recv().ok()).collect()
}

fn lines(pipe: impl AsyncRead + Unpin + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        loop {
            tokio::select! {
                // The pipe is closed with this task.
                () = sender.closed() => return,
                line = lines.next_line() => match line {
                    Ok(Some(line)) => drop(sender.send(line)),
                    _ => return,
                },
            }
        }
    });
    receiver
}
