//! `note.lua` and `clean.lua`: what is kept of a job, and what is forgotten.

use super::call;
use super::queue::{Queue, key, status};
use super::worker::two;

fn line(n: usize) -> String {
    format!(r#"{{"at":1700000000000,"line":"line {n}"}}"#)
}

/// A queue with the message `a` in hand, begun, and its token.
async fn begun() -> (Queue, String) {
    let (mut queue, (mut worker, _)) = (Queue::start().await, two());
    queue.push("pending", &[r#"{"id":"a","n":1}"#.to_owned()]).await;
    let token = worker.claim(&mut queue, 1).await.token().to_owned();
    assert_eq!(queue.texts(&call::begin(&[(&token, "a")])).await, ["go"]);
    (queue, token)
}

#[tokio::test]
async fn the_newest_hundred_lines_are_kept() {
    let (mut queue, token) = begun().await;
    for n in 0..130 {
        assert_eq!(queue.run(&call::note(&token, "a", "", &line(n))).await.int(), 0);
    }
    let kept = queue.state("a", "lines").await;
    assert_eq!(kept.lines().map(str::to_owned).collect::<Vec<_>>(), (30..130).map(line).collect::<Vec<_>>());
    assert_eq!(queue.ttl("a").await, -1, "in hand as before");
}

#[tokio::test]
async fn no_more_than_16_kib_are_kept() {
    let (mut queue, token) = begun().await;
    let long = |n: usize| format!(r#"{{"at":1700000000000,"line":"{n} {}"}}"#, "x".repeat(3_000));
    for n in 0..20 {
        queue.run(&call::note(&token, "a", "", &long(n))).await.int();
    }
    let kept = queue.state("a", "lines").await;
    assert!(kept.len() <= 16_384, "{}", kept.len());
    assert_eq!(kept.lines().map(str::to_owned).collect::<Vec<_>>(), (15..20).map(long).collect::<Vec<_>>());
    // A single one that is longer is kept alone.
    let longest = format!(r#"{{"at":1700000000000,"line":"{}"}}"#, "y".repeat(20_000));
    queue.run(&call::note(&token, "a", "", &longest)).await.int();
    assert_eq!(queue.state("a", "lines").await, longest);
}

#[tokio::test]
async fn a_lost_job_says_nothing_and_brings_no_status_back() {
    let (mut queue, token) = begun().await;
    queue.command(&["DEL", &status("a")]).await;
    assert_eq!(queue.run(&call::note(&token, "a", "5", &line(1))).await.int(), 1);
    assert_eq!(queue.command(&["EXISTS", &status("a")]).await.int(), 0);
    // Of the same id, but another's.
    queue.command(&["HSET", &status("a"), "state", "sending", "token", "other"]).await;
    assert_eq!(queue.run(&call::note(&token, "a", "5", &line(1))).await.int(), 1);
    assert_eq!(queue.state("a", "lines").await + &queue.state("a", "progress").await, "");
    // It is no hash.
    queue.command(&["DEL", &status("a")]).await;
    queue.command(&["SET", &status("a"), "x"]).await;
    assert_eq!(queue.run(&call::note(&token, "a", "5", &line(1))).await.int(), 1);
    assert_eq!(queue.command(&["GET", &status("a")]).await.text(), "x");
    // Settled: nothing lies under its token.
    queue.command(&["DEL", &status("a")]).await;
    queue.texts(&call::begin(&[(&token, "a")])).await;
    queue.settle(&call::complete(&[(&token, "a")])).await;
    assert_eq!(queue.run(&call::note(&token, "a", "5", &line(1))).await.int(), 1);
    assert_eq!(queue.state("a", "progress").await, "");
}

#[tokio::test]
async fn an_id_that_goes_on_keeps_its_status_when_its_old_line_is_forgotten() {
    let mut queue = Queue::start().await;
    let (old, new) = (r#"{"id":"a","state":"sent","at":5}"#, r#"{"id":"b","state":"sent","at":6}"#);
    for (id, state, at) in [("a", "sending", "7"), ("b", "sent", "6"), ("c", "sent", "90")] {
        queue.command(&["HSET", &status(id), "state", state, "at", at]).await;
    }
    let sent_again = r#"{"id":"c","state":"sent","at":4}"#;
    queue.command(&["RPUSH", &key("recent"), "unknown", new, old, sent_again]).await;
    let call = call::clean("sent", 50, &[(sent_again, "c"), (old, "a"), (new, "b"), ("not there", "c")]);
    assert_eq!(queue.run(&call).await.int(), 3);
    assert_eq!(queue.list("recent").await, ["unknown"]);
    assert_eq!(queue.state("a", "state").await, "sending");
    assert_eq!(queue.state("b", "state").await, "");
    assert_eq!(queue.state("c", "at").await, "90", "it was sent anew, later");
    assert_eq!(queue.run(&call).await.int(), 0);
}
