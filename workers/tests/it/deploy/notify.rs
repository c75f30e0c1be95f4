//! What the workers tell systemd: that they are ready, how they are, that they live, that they stop.

use std::time::Duration;

use redispatch_testkit::process::Worker;
use redispatch_testkit::service_manager::ServiceManager;
use redispatch_testkit::{LIMIT, eventually};

use crate::site::{Channel, Email, Site, Sms, Twilio, WhatsApp, stop};

/// A ping is due every 200 ms.
const WATCHDOG: (&str, &str) = ("WATCHDOG_USEC", "400000");

/// The names of a process's threads.
fn threads(worker: &Worker) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", worker.pid())).unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    };
    tasks.filter_map(name).map(|name| name.trim().to_owned()).collect()
}

async fn ready_serving_stopping<C: Channel>(manager: ServiceManager) {
    let site = Site::<C>::start().await;
    let worker = site.worker(&[("NOTIFY_SOCKET", &manager.name), ("SHUTDOWN_TIMEOUT_MS", "7000")]).await;
    let serving = format!("STATUS=serving {}", C::QUEUE);
    manager.wait_for(&serving, 1).await;
    site.push([0]).await;
    site.all_sent_once(1).await;
    stop(&worker).await;
    // 7 s, and 10 for what comes after the limit
    let told = manager.wait_for("EXTEND_TIMEOUT_USEC=17000000", 1).await;
    assert_eq!(told[0], "READY=1");
    assert_eq!((manager.count("READY=1"), manager.count("STOPPING=1")), (1, 1), "{told:?}");
    let place = |line: &str| told.iter().position(|told| told == line);
    assert!(place(&serving) < place("STOPPING=1"), "{told:?}");
    assert_eq!(manager.count("WATCHDOG=1"), 0, "nobody asked for it");
}

#[tokio::test]
async fn email_tells_when_it_is_ready_serves_and_stops() {
    ready_serving_stopping::<Email>(ServiceManager::at_path()).await;
}

#[tokio::test]
async fn sms_tells_a_manager_with_an_abstract_name() {
    ready_serving_stopping::<Twilio<Sms>>(ServiceManager::abstract_name()).await;
}

#[tokio::test]
async fn whatsapp_tells_it_too() {
    ready_serving_stopping::<Twilio<WhatsApp>>(ServiceManager::abstract_name()).await;
}

/// An outage at boot, and one later: a restart would mend neither.
#[tokio::test]
async fn without_redis_it_is_ready_and_its_watchdog_is_pinged() {
    let mut site = Site::<Email>::start().await;
    let manager = ServiceManager::at_path();
    site.redis.kill();
    let worker = site.begin(&[("NOTIFY_SOCKET", &manager.name), WATCHDOG]);
    let told = manager.wait_for("WATCHDOG=1", 5).await;
    assert_eq!(told[..2], ["READY=1", "STATUS=email: waiting for Redis to begin"]);
    site.redis.restart().await;
    manager.wait_for("STATUS=serving email", 1).await;
    site.redis.kill();
    manager.wait_for("STATUS=email: Redis is away", 1).await;
    let pings = manager.count("WATCHDOG=1");
    manager.wait_for("WATCHDOG=1", pings + 5).await;
    site.redis.restart().await;
    manager.wait_for("STATUS=serving email", 2).await;
    stop(&worker).await;
    manager.wait_for("STOPPING=1", 1).await;
    assert_eq!(manager.count("READY=1"), 1);
}

#[tokio::test]
async fn the_watchdog_of_another_process_is_not_pinged() {
    let site = Site::<Email>::start().await;
    let manager = ServiceManager::at_path();
    let settings = [("NOTIFY_SOCKET", manager.name.as_str()), WATCHDOG, ("WATCHDOG_PID", "1")];
    let worker = site.worker(&settings).await;
    manager.wait_for("STATUS=serving email", 1).await;
    stop(&worker).await;
    manager.wait_for("STOPPING=1", 1).await;
    assert_eq!(manager.count("WATCHDOG=1"), 0);
}

#[tokio::test]
async fn unusable_settings_are_not_ready() {
    let site = Site::<Email>::start().await;
    let manager = ServiceManager::at_path();
    let worker = site.begin(&[("NOTIFY_SOCKET", &manager.name), ("MAX_RETRIES", "few")]);
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(78));
    // An address of another host.
    let worker = site.begin(&[("NOTIFY_SOCKET", &manager.name), ("HTTP_ADDR", "192.0.2.1:9401")]);
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(1));
    // What was told before would have come before this.
    let worker = site.worker(&[("NOTIFY_SOCKET", &manager.name)]).await;
    manager.wait_for("READY=1", 1).await;
    stop(&worker).await;
    manager.wait_for("STOPPING=1", 1).await;
    assert_eq!(manager.count("READY=1"), 1);
}

#[tokio::test]
async fn without_a_manager_nothing_is_done() {
    let site = Site::<Email>::start().await;
    let manager = ServiceManager::at_path();
    let told = site.worker(&[("NOTIFY_SOCKET", &manager.name)]).await;
    assert!(threads(&told).iter().any(|name| name == "service"), "{:?}", threads(&told));
    for socket in [&[][..], &[("NOTIFY_SOCKET", "")]] {
        let alone = site.worker(&[socket, &[WATCHDOG]].concat()).await;
        assert!(!threads(&alone).iter().any(|name| name == "service"), "{:?}", threads(&alone));
        stop(&alone).await;
        assert!(alone.events("service_untold").is_empty());
    }
    stop(&told).await;
}

/// Set by something that started this process's ancestors, perhaps: no reason not to work.
#[tokio::test]
async fn a_manager_that_cannot_be_reached_is_said_once() {
    let site = Site::<Email>::start().await;
    for name in ["/does/not/exist", "vsock:2:1", "relative"] {
        let worker = site.worker(&[("NOTIFY_SOCKET", name), WATCHDOG]).await;
        worker.wait_for_event("service_untold").await;
        let seen = worker.log().len();
        site.push([0]).await;
        let more = async || worker.log().len();
        eventually("it works on", LIMIT, more, |lines| *lines > seen).await;
        // Five pings, had there been anybody to take them.
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop(&worker).await;
        assert_eq!(worker.events("service_untold").len(), 1, "{name}");
        assert_eq!(worker.events("message_sent").len(), 1, "{name}");
    }
}

#[tokio::test]
async fn only_the_worker_that_stays_tells_anything() {
    let site = Site::<Email>::start().await;
    let manager = ServiceManager::at_path();
    for mode in ["--check", "--dry-run", "--healthcheck", "--help"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = tokio::process::Command::new(Email::PROGRAM);
        command.arg(mode).env_clear().envs(site.environment()).current_dir(folder.path());
        let ended = command.env("NOTIFY_SOCKET", &manager.name).kill_on_drop(true).output();
        tokio::time::timeout(LIMIT, ended).await.expect("it ends").expect("it starts");
    }
    let worker = site.worker(&[("NOTIFY_SOCKET", &manager.name)]).await;
    let told = manager.wait_for("STATUS=serving", 1).await;
    assert_eq!(told[0], "READY=1", "nothing came before");
    stop(&worker).await;
}
