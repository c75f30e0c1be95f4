//! Operating the queue with nothing but `redis-cli`.

use redispatch_testkit::LIMIT;
use redispatch_testkit::smtp::{Act, Rule, Step};

use super::{DEAD, Left, NOTHING, PENDING, Site, header, served, stop};

const PUSH: &str =
    r#"redis-cli lpush queue:email:pending '{"to":"user@example.com","subject":"Test","body":"..."}'"#;
const LENGTH: &str = "redis-cli llen queue:email:pending";
const LOOK: &str = "redis-cli lrange queue:email:dead_letter 0 -1";
const REQUEUE: &str =
    "redis-cli rpoplpush queue:email:dead_letter queue:email:pending        # requeue one by hand";
const SENDING: &str = "redis-cli zcard queue:email:processing";

#[tokio::test]
async fn every_line_of_the_contract_without_a_worker() {
    let site = Site::start().await;
    assert_eq!(site.redis.shell(PUSH).await, "1");
    assert_eq!(site.redis.shell(PUSH).await, "2");
    assert_eq!(site.redis.shell(LENGTH).await, "2");
    assert_eq!(site.redis.shell(LOOK).await, "");
    assert_eq!(site.redis.shell(REQUEUE).await, "");
    assert_eq!(site.redis.shell(SENDING).await, "0");
    assert_eq!(site.left().await, Left { waiting: 2, ..NOTHING });

    let worker = site.worker(&[]).await;
    assert_eq!(served(&site.mails(2).await), ["user@example.com"; 2]);
    stop(&worker).await;
    assert_eq!(site.left().await, NOTHING);
    site.smtp.open(0).await;
    assert_eq!(site.smtp.count("QUIT"), site.smtp.connections(), "it said goodbye");
}

#[tokio::test]
async fn every_line_of_the_contract_with_a_worker() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).times(1).act(Act::reply("550 5.1.1 no such user")));
    site.smtp.script(Rule::at(Step::Data).times(1).act(Act::Stall));
    let worker = site.worker(&[]).await;
    assert_eq!(site.redis.shell(PUSH).await, "1");
    worker.wait_for_event("message_dead_lettered").await;
    site.settled().await;
    assert_eq!(site.redis.shell(LENGTH).await, "0");
    let letter = site.redis.shell(LOOK).await;
    let start = r#"{"to":"user@example.com","subject":"Test","body":"...","_delivery":{"reason":"reject","#;
    assert!(letter.starts_with(start), "{letter}");

    assert_eq!(site.redis.shell(REQUEUE).await, letter);
    site.smtp.stalled(1).await;
    assert_eq!(site.redis.shell(SENDING).await, "1");
    site.smtp.release();
    assert_eq!(served(&site.mails(1).await), ["user@example.com"]);
    assert_eq!(site.redis.shell(SENDING).await, "0");
    assert_eq!(site.redis.shell(LOOK).await, "");
    stop(&worker).await;
    assert_eq!(site.left().await, NOTHING);
}

#[tokio::test]
async fn two_hundred_identical_messages_are_two_hundred_mails() {
    let site = Site::start().await;
    let payload = r#"{"to":"user@example.com","subject":"Test","body":"..."}"#;
    let mut command = vec!["LPUSH", PENDING];
    command.extend([payload; 200]);
    let worker = site.worker(&[]).await;
    assert_eq!(site.redis.command(&command).await.int(), 200);
    let mails = site.mails(200).await;
    let mut ids: Vec<_> = mails.iter().map(|mail| header(mail, "Message-ID")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 200, "each has a Message-ID of its own");
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 200));
}

/// `MAX_RETRIES` = 3 means three sends; a requeue by hand gives three more, and the six are all remembered.
#[tokio::test]
async fn requeued_by_hand_it_gets_its_full_retries_once_and_keeps_its_history() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).act(Act::reply("450 4.2.0 not now")));
    let worker = site.worker(&[]).await;
    let message = r#"{"to":"a@example.com","body":"x","n":1.50e+01,"more":[],"z":{"b":1,"a":2}}"#;
    site.push(message).await;
    for round in 1..=2 {
        site.redis.wait_until(&["LLEN", DEAD], |reply| reply.int() == 1, LIMIT).await;
        let raw = site.redis.command(&["LINDEX", DEAD, "0"]).await;
        assert!(raw.text().starts_with(message.trim_end_matches('}')), "{}", raw.text());
        let letters = site.dead_letters().await;
        let record = &letters[0]["_delivery"];
        assert_eq!(record["reason"], "retries_exhausted");
        assert_eq!(letters[0]["retries"], 3);
        assert_eq!(record["attempts"].as_array().unwrap().len(), 3 * round);
        assert_eq!(site.smtp.count("RCPT"), 3 * round);
        if round == 1 {
            site.redis.shell(REQUEUE).await;
            worker.wait_for_events("message_retry", 3).await;
        }
    }
    site.smtp.behave();
    site.redis.shell(REQUEUE).await;
    assert_eq!(site.mails(1).await.len(), 1);
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 1));
}
