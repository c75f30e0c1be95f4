//! A worker that is stuck is left to the watchdog.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use redispatch_testkit::LIMIT;
use redispatch_testkit::service_manager::ServiceManager;
use rustix::process::{Pid, Signal, kill_process};

use crate::site::{Channel, Email, Site};

/// Nobody reads its log, so that one day a line of it blocks the worker's thread.
#[tokio::test]
async fn a_blocked_worker_does_not_ping_until_it_goes_on() {
    let site = Site::<Email>::start().await;
    let manager = ServiceManager::at_path();
    let (mut log, mut full) = std::io::pipe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(Email::PROGRAM);
    command.env_clear().envs(site.environment()).current_dir(folder.path()).kill_on_drop(true);
    command.env("NOTIFY_SOCKET", &manager.name).env("WATCHDOG_USEC", "400000").env("SEND_TIMEOUT_MS", "1000");
    let mut worker = command.stderr(Stdio::from(full.try_clone().unwrap())).spawn().unwrap();
    drop(command);
    manager.wait_for("STATUS=serving email", 1).await;
    manager.wait_for("WATCHDOG=1", 3).await;

    let filling = std::thread::spawn(move || full.write_all(&[b'\n'; 1 << 20]));
    site.push([0]).await;
    manager.wait_for("STATUS=email: something has blocked the worker's thread", 1).await;
    let pings = manager.count("WATCHDOG=1");
    // Time for five.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(manager.count("WATCHDOG=1"), pings);

    let reading = std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
    filling.join().unwrap().unwrap();
    manager.wait_for("WATCHDOG=1", pings + 3).await;
    site.all_sent_once(1).await;
    let pid = worker.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let ended = tokio::time::timeout(LIMIT, worker.wait()).await.expect("it ends").unwrap();
    assert_eq!(ended.code(), Some(0));
    manager.wait_for("STOPPING=1", 1).await;
    reading.join().unwrap().unwrap();
}
