use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use redispatch_testkit::process::Worker;
use redispatch_testkit::{LIMIT, eventually};

const SOON: Duration = Duration::from_millis(100);

/// A worker as a shell script: says it is ready, ticks while it runs, ends with 3 when asked to.
const TICKING: &str = r#"
    trap 'echo "{\"event\":\"worker_stopped\"}" >&2; exit 3' TERM
    echo '{"event":"worker_ready","name":"'"$NAME"'"}' >&2
    n=0
    while :; do n=$((n + 1)); echo '{"event":"tick","n":'$n'}' >&2; sleep 0.01; done
"#;

fn shell(script: &str) -> Worker {
    Worker::start("sh", &["-c", script], &[("NAME", "Ümläut 1")])
}

#[tokio::test]
async fn events_are_awaited_and_the_end_is_seen() {
    let worker = shell(TICKING);
    assert_eq!(worker.wait_for_event("worker_ready").await.json["name"], "Ümläut 1");
    let ticks = worker.wait_for_events("tick", 5).await;
    assert_eq!(
        ticks.iter().map(|tick| tick.json["n"].as_u64().unwrap()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(worker.wait_for(|line| line.json["n"] == 7).await.event(), Some("tick"));
    assert!(worker.events("tick").len() >= 7);
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(3));
    worker.wait_for_event("worker_stopped").await;
}

#[tokio::test]
async fn a_stopped_worker_says_nothing_until_it_goes_on() {
    let worker = shell(TICKING);
    worker.wait_for_event("tick").await;
    worker.sigstop();
    // what it wrote before it stood still has been read when two looks agree
    let mut before = 0;
    let still = async || (std::mem::replace(&mut before, worker.log().len()), worker.log().len());
    let (_, lines) = eventually("the log stands still", LIMIT, still, |(was, is)| was == is).await;
    assert!(timeout_passes(worker.wait_for_events("tick", lines + 1)).await);
    worker.sigcont();
    worker.wait_for_events("tick", lines + 1).await;
}

#[tokio::test]
async fn a_killed_worker_is_gone() {
    let mut worker = shell(TICKING);
    worker.wait_for_event("worker_ready").await;
    worker.sigkill();
    assert_eq!(worker.wait_exit(LIMIT).await.signal(), Some(9));
    let pid = worker.pid();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn nothing_of_the_environment_leaks_in() {
    let worker = Worker::start("sh", &["-c", "env >&2; pwd >&2"], &[("REDIS_URL", "redis://x")]);
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
    worker.wait_for(|line| line.raw == "REDIS_URL=redis://x").await;
    worker.wait_for(|line| line.raw == worker.folder().to_str().unwrap()).await;
    assert!(worker.log().iter().all(|line| !line.raw.starts_with("CARGO")), "{:?}", worker.log());
}

#[tokio::test]
#[should_panic(expected = "before the worker ended; its log ended:\n  thread 'main' panicked")]
async fn a_worker_that_ends_early_shows_its_last_words() {
    shell("echo \"thread 'main' panicked\" >&2; exit 101").wait_for_event("worker_ready").await;
}

#[tokio::test]
#[should_panic(expected = "the worker still runs after 100ms")]
async fn a_worker_that_does_not_stop_stops_the_test() {
    shell(TICKING).wait_exit(SOON).await;
}

async fn timeout_passes(waiting: impl Future) -> bool {
    tokio::time::timeout(SOON, waiting).await.is_err()
}
