//! Messages with an `id`: one mail each.

use redispatch_testkit::smtp::{Act, Rule, Step};

use super::{NOTHING, PENDING, Site, header, stop};

fn message(id: &str, body: &str) -> String {
    format!(r#"{{"id":"{id}","to":"a@example.com","subject":"s","body":"{body}"}}"#)
}

#[tokio::test]
async fn three_pushes_with_one_id_are_one_mail() {
    let site = Site::start().await;
    let worker = site.worker(&[]).await;
    let same = message("order-1", "hello");
    site.redis.command(&["LPUSH", PENDING, &same, &same]).await;
    assert_eq!(site.mails(1).await.len(), 1);
    site.push(&same).await;
    worker.wait_for_events("message_duplicate", 2).await;
    let mails = site.mails(1).await;
    assert_eq!(header(&mails[0], "Message-ID"), "<order-1@example.com>");
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("duplicates").await), (NOTHING, 2));
}

/// The second comes while the first waits for its retry: it is a duplicate, whatever its body.
#[tokio::test]
async fn one_id_twice_while_the_first_waits_for_its_retry() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).times(1).act(Act::reply("451 4.3.0 not now")));
    let worker = site.worker(&[("RETRY_DELAY_MS", "1000")]).await;
    site.push(message("order-2", "first")).await;
    worker.wait_for_event("message_retry").await;
    site.redis.wait_until(&["ZCARD", "queue:email:delayed"], |n| n.int() == 1, super::LIMIT).await;
    site.push(message("order-2", "second")).await;
    worker.wait_for_event("message_duplicate").await;
    let mails = site.mails(1).await;
    assert!(super::text(&mails[0].data).contains("first"));
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("duplicates").await), (NOTHING, 1));
}

/// Both were put into `delayed` before either was sent: by an older producer, a restored backup, another version.
#[tokio::test]
async fn one_id_twice_in_retry_never_overwrites_the_other() {
    let site = Site::start().await;
    for (member, body) in [("aaaaaaaaaaa.1:p:0", "first"), ("bbbbbbbbbbb.1:p:0", "second")] {
        site.redis.command(&["HSET", "queue:email:messages", member, &message("order-3", body)]).await;
        site.redis.command(&["ZADD", "queue:email:delayed", "1", member]).await;
    }
    assert_eq!(site.left().await, super::Left { delayed: 2, messages: 2, ..NOTHING });
    let worker = site.worker(&[]).await;
    assert_eq!(site.mails(1).await.len(), 1);
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("duplicates").await), (NOTHING, 1));
}
