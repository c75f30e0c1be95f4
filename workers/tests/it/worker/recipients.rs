//! Several recipients, some refused: nobody is forgotten and nobody gets it twice.

use redispatch_testkit::smtp::{Act, Rule, Step};
use serde_json::{Value, json};

use super::{LIMIT, Left, NOTHING, Site, header, served, stop};

const REQUEUE: &str = "redis-cli rpoplpush queue:email:dead_letter queue:email:pending";

/// One is accepted, one refused for now, one for good.
async fn one_of_each(id: &str) {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).matching("now@").times(1).act(Act::reply("450 4.2.0 busy")));
    site.smtp.script(Rule::at(Step::Rcpt).matching("never@").times(1).act(Act::reply("550 5.1.1 unknown")));
    let worker = site.worker(&[("RETRY_DELAY_MS", "1500")]).await;
    let message = format!(
        r#"{{{id}"to":"ok@example.com","cc":["now@example.com"],"bcc":"never@example.com","subject":"s","body":"b"}}"#
    );
    site.push(&message).await;
    worker.wait_for_event("message_split").await;
    site.redis.wait_until(&["ZCARD", "queue:email:delayed"], |n| n.int() == 1, LIMIT).await;
    assert_eq!(served(&site.smtp.received(1).await), ["ok@example.com"]);
    assert_eq!(site.left().await, Left { delayed: 1, messages: 1, dead: 1, ..NOTHING });
    let delayed = site.redis.command(&["HVALS", "queue:email:messages"]).await;
    let delayed: Value = serde_json::from_slice(delayed.array()[0].bytes()).expect("JSON");
    assert_eq!(delayed["_delivery"]["recipients"], json!(["now@example.com"]));
    assert_eq!((&delayed["retries"], &delayed["cc"]), (&json!(1), &json!(["now@example.com"])));
    let letters = site.dead_letters().await;
    assert_eq!(letters[0]["_delivery"]["recipients"], json!(["never@example.com"]));
    assert_eq!(letters[0]["_delivery"]["reason"], "reject");
    assert_eq!(letters[0]["to"], "ok@example.com", "the message is whole, only its envelope is smaller");

    site.smtp.received(2).await;
    assert_eq!(site.settled().await, 1);
    site.redis.shell(REQUEUE).await;
    let mails = site.mails(3).await;
    assert_eq!(served(&mails), ["never@example.com", "now@example.com", "ok@example.com"], "each once");
    for mail in &mails {
        for name in ["Message-ID", "To", "Cc", "Subject"] {
            assert_eq!(header(mail, name), header(&mails[0], name), "headers do not change");
        }
    }
    stop(&worker).await;
    assert_eq!(site.left().await, NOTHING);
}

#[tokio::test]
async fn one_refused_for_now_and_one_for_good() {
    one_of_each("").await;
}

#[tokio::test]
async fn the_same_with_an_id() {
    one_of_each(r#""id":"order-1","#).await;
}

/// The rest of a message is refused for good too, and its history tells both.
#[tokio::test]
async fn refused_for_now_until_its_retries_are_used_up() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).matching("now@").act(Act::reply("450 4.2.0 busy")));
    let worker = site.worker(&[]).await;
    site.push(r#"{"to":["ok@example.com","now@example.com"],"body":"b"}"#).await;
    worker.wait_for_event("message_dead_lettered").await;
    assert_eq!(site.settled().await, 1);
    assert_eq!(served(&site.mails(1).await), ["ok@example.com"]);
    let letters = site.dead_letters().await;
    let record = &letters[0]["_delivery"];
    assert_eq!(
        (&record["reason"], &record["recipients"]),
        (&json!("retries_exhausted"), &json!(["now@example.com"]))
    );
    assert_eq!(record["attempts"].as_array().unwrap().len(), 3);
    assert_eq!(site.smtp.count("RCPT TO:<now@"), 3);
    stop(&worker).await;
    assert_eq!(site.left().await, Left { dead: 1, ..NOTHING });
}

/// One copy of the message, not 150.
#[tokio::test]
async fn many_refused_with_differing_texts_are_one_dead_letter() {
    let site = Site::start().await;
    let mut names: Vec<_> = (0..150).map(|n| format!("r{n}@example.com")).collect();
    for name in &names {
        let unknown = Act::reply(&format!("550 5.1.1 <{name}>: user unknown"));
        site.smtp.script(Rule::at(Step::Rcpt).matching(&format!("<{name}>")).act(unknown));
    }
    names.push("ok@example.com".to_owned());
    let worker = site.worker(&[]).await;
    site.push(json!({ "to": names, "body": "b" }).to_string()).await;
    assert_eq!(served(&site.mails(1).await), ["ok@example.com"]);
    let letters = site.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["_delivery"]["recipients"], json!(names[..150]));
    assert_eq!(letters[0]["_delivery"]["code"], "550");
    stop(&worker).await;
    assert_eq!(site.left().await, Left { dead: 1, ..NOTHING });
}

/// A server that takes two recipients a transaction gets as many transactions as it needs.
#[tokio::test]
async fn a_server_that_takes_few_recipients_at_a_time() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).after(2).times(1).act(Act::reply("452 4.5.3 too many recipients")));
    let worker = site.worker(&[]).await;
    let names: Vec<_> = (0..4).map(|n| format!("r{n}@example.com")).collect();
    site.push(json!({ "to": names, "body": "b" }).to_string()).await;
    assert_eq!(served(&site.mails(2).await), names);
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 1));
}

/// The first of two has the mail when the server falls silent in the second transaction, before or after its dot.
async fn silent_in_the_second_transaction(step: Step) -> Site {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).after(1).times(1).act(Act::reply("452 4.5.3 too many recipients")));
    site.smtp.script(Rule::at(step).after(1).times(1).act(Act::Stall));
    site
}

const TO_TWO: &str = r#"{"to":["a@example.com","b@example.com"],"body":"b"}"#;

#[tokio::test]
async fn out_of_time_in_the_second_transaction_and_the_first_one_is_not_sent_again() {
    for step in [Step::Mail, Step::Data, Step::Dot] {
        let site = silent_in_the_second_transaction(step).await;
        let worker = site.worker(&[("SEND_TIMEOUT_MS", "1000")]).await;
        site.push(TO_TWO).await;
        worker.wait_for_event("message_split").await;
        assert_eq!(served(&site.mails(2).await), ["a@example.com", "b@example.com"], "{step:?}");
        stop(&worker).await;
        assert_eq!(site.left().await, NOTHING);
    }
}

#[tokio::test]
async fn stopped_in_the_second_transaction_and_the_first_one_is_not_sent_again() {
    for step in [Step::Mail, Step::Data, Step::Dot] {
        let site = silent_in_the_second_transaction(step).await;
        let worker = site.worker(&[("SHUTDOWN_TIMEOUT_MS", "500")]).await;
        site.push(TO_TWO).await;
        site.smtp.stalled(1).await;
        stop(&worker).await;
        assert_eq!(worker.events("message_split").len(), 1, "{step:?}");
        assert_eq!(site.left().await, Left { delayed: 1, messages: 1, ..NOTHING });
        let next = site.worker(&[]).await;
        assert_eq!(served(&site.mails(2).await), ["a@example.com", "b@example.com"], "{step:?}");
        stop(&next).await;
        assert_eq!(site.left().await, NOTHING);
    }
}
