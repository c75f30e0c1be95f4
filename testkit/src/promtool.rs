//! Prometheus's own checks.

use std::ffi::OsStr;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::{LIMIT, tool};

/// Runs `promtool ARGS` with `input` on its stdin, and gives what it said on stdout.
///
/// # Panics
///
/// When it finds a fault, or something to complain about; when there is no promtool (REDISPATCH_PROMTOOL names one).
pub async fn promtool<A: AsRef<OsStr>>(args: &[A], input: &str) -> String {
    let mut command = Command::new(tool("REDISPATCH_PROMTOOL", "prometheus/bin/promtool"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("promtool starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let feeding = async move {
        // One that does not read its input has said why on stderr.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
    };
    let ended = timeout(LIMIT, async { tokio::join!(feeding, child.wait_with_output()).1 });
    let output = ended.await.expect("promtool ends in time").expect("promtool can be waited for");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (told, complaints) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && complaints.is_empty(), "{told}{complaints}\n{input}");
    told
}
