//! SMTP servers that refuse, stall, hang up and talk nonsense.

use redispatch_testkit::smtp::{Act, Offers, Rule, Step};

use super::{LIMIT, Left, NOTHING, Site, header, served, stop};

/// Where a send is surely not delivered.
const BEFORE_THE_DOT: [Step; 5] = [Step::Greeting, Step::Ehlo, Step::Mail, Step::Rcpt, Step::Data];

/// One message meets `rule`, fails as `class` and arrives at the next attempt.
async fn fails_once(rule: Rule, settings: &[(&str, &str)]) {
    // Before it was named no mail can be at fault, and none pays.
    let named = !matches!(rule.step(), Step::Greeting | Step::Ehlo);
    let retries = u64::from(named);
    let site = Site::start().await;
    site.smtp.script(rule.clone());
    let worker = site.worker(settings).await;
    site.push_to("a").await;
    let failed = worker.wait_for_event("message_retry").await;
    assert_eq!(failed.json["retries"].as_u64().unwrap_or(0), retries, "{rule:?}: {}", failed.raw);
    assert_eq!(served(&site.mails(1).await), ["a@example.com"], "{rule:?}");
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("retried").await), (NOTHING, retries), "{rule:?}");
}

#[tokio::test]
async fn refusing_every_connection_until_it_is_back() {
    let mut site = Site::start().await;
    site.smtp.stop().await;
    let worker = site.worker(&[("MAX_RETRIES", "1")]).await;
    site.push_to("a").await;
    worker.wait_for_event("breaker_opened").await;
    site.smtp.restart().await;
    assert_eq!(served(&site.mails(1).await), ["a@example.com"]);
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("retried").await), (NOTHING, 0));
}

#[tokio::test]
async fn stalling_at_each_phase() {
    for step in BEFORE_THE_DOT.into_iter().chain([Step::Dot]) {
        fails_once(
            Rule::at(step).times(1).act(Act::Stall),
            &[("SEND_TIMEOUT_MS", "300"), ("MAX_RETRIES", "20")],
        )
        .await;
    }
}

#[tokio::test]
async fn hanging_up_at_each_phase() {
    for step in BEFORE_THE_DOT.into_iter().chain([Step::Dot]) {
        fails_once(Rule::at(step).times(1).act(Act::Drop), &[]).await;
    }
}

#[tokio::test]
async fn answering_nonsense() {
    for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Dot] {
        fails_once(Rule::at(step).times(1).act(Act::Write(b"\xff\x00 what?\r\n".to_vec())), &[]).await;
    }
}

/// Servers say what they like when they accept, the recipient's address too.
#[tokio::test]
async fn naming_the_recipient_when_it_accepts() {
    let site = Site::start().await;
    for words in ["message 7 for bob@example.com accepted", "Ok: queued as +4915112345678"] {
        site.smtp.script(Rule::at(Step::Dot).times(1).act(Act::reply(&format!("250 {words}"))));
    }
    site.smtp.script(Rule::at(Step::Dot).times(1).act(Act::reply("250 2.0.0 Ok: queued as 4915112345678")));
    let worker = site.worker(&[]).await;
    for name in ["a", "b", "c"] {
        site.push_to(name).await;
    }
    let sent = worker.wait_for_events("message_sent", 3).await;
    let mut ids: Vec<_> = sent.iter().map(|line| line.json["provider_id"].as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [None, None, Some("4915•••••••78")]);
    assert!(
        worker.log().iter().all(|line| !line.raw.contains("bob@") && !line.raw.contains("4915112345678"))
    );
    stop(&worker).await;
    assert_eq!(site.left().await, NOTHING);
}

/// The mail was taken and the answer never came: sent once more by default, and recognisable as the same.
#[tokio::test]
async fn dropping_after_the_dot_is_in_doubt_and_retried() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Dot).times(1).act(Act::AcceptAndDrop));
    let worker = site.worker(&[]).await;
    site.push_to("a").await;
    let mails = site.mails(2).await;
    assert_eq!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 1));
}

#[tokio::test]
async fn dropping_after_the_dot_is_kept_for_the_operator() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Dot).times(1).act(Act::AcceptAndDrop));
    let worker = site.worker(&[("ON_IN_DOUBT", "dead_letter")]).await;
    site.push_to("a").await;
    worker.wait_for_event("message_dead_lettered").await;
    assert_eq!(site.mails(1).await.len(), 1);
    let letters = site.dead_letters().await;
    assert_eq!(letters[0]["_delivery"]["reason"], "in_doubt");
    assert!(letters[0]["_delivery"]["error"].as_str().unwrap().contains("end of data"), "{letters:?}");
    stop(&worker).await;
    assert_eq!(site.left().await, Left { dead: 1, ..NOTHING });
}

/// The greylisted message waits; nobody else does.
#[tokio::test]
async fn greylisting() {
    let site = Site::start().await;
    let grey = Rule::at(Step::Rcpt).matching("grey@").times(2);
    site.smtp.script(grey.act(Act::reply("450 4.7.1 greylisted, come back later")));
    let worker = site.worker(&[("RETRY_DELAY_MS", "300")]).await;
    site.push_to("grey").await;
    worker.wait_for_event("message_retry").await;
    for n in 0..20 {
        site.push_to(&format!("other{n}")).await;
    }
    let mails = site.mails(21).await;
    assert_eq!(mails[20].recipients, ["grey@example.com"], "the others did not wait for it");
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("retried").await), (NOTHING, 2));
    assert!(worker.events("queue_throttled").is_empty());
}

#[tokio::test]
async fn refused_for_good() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).act(Act::reply("550 5.1.1 <a@example.com>: no such user")));
    let worker = site.worker(&[]).await;
    site.push_to("a").await;
    let said = worker.wait_for_event("message_dead_lettered").await;
    assert!(!said.raw.contains("a@example.com") && said.raw.contains("550"), "masked: {}", said.raw);
    assert_eq!(site.settled().await, 1);
    let letters = site.dead_letters().await;
    let record = &letters[0]["_delivery"];
    assert_eq!(
        (&record["reason"], &record["code"], &record["provider"]),
        (&"reject".into(), &"550".into(), &"smtp".into())
    );
    assert_eq!(site.smtp.count("RCPT"), 1, "not tried again");
    stop(&worker).await;
    assert_eq!(site.left().await, Left { dead: 1, ..NOTHING });
}

/// Nothing is dead-lettered and no retry spent, even where one failure would be the last; the pause grows.
#[tokio::test]
async fn a_wrong_password_until_it_is_accepted() {
    let credentials = Some(("me".to_owned(), "secret-word".to_owned()));
    let site = Site::offering(Offers { credentials, ..Offers::default() }).await;
    let wrong = Act::reply("535 5.7.8 wrong credentials for me@example.com");
    site.smtp.script(Rule::at(Step::Auth).times(2).act(wrong));
    let settings =
        [("SMTP_USER", "me"), ("SMTP_PASS", "secret-word"), ("MAX_RETRIES", "1"), ("CONCURRENCY", "1")];
    let worker = site.worker(&settings).await;
    for n in 0..5 {
        site.push_to(&format!("a{n}")).await;
    }
    let refusals = worker.wait_for_events("breaker_opened", 2).await;
    let pauses: Vec<_> = refusals.iter().map(|line| line.json["pause_ms"].as_u64().unwrap()).collect();
    assert_eq!(pauses, [1000, 2000]);
    let waits = |left: &Left| left.waiting == 5 && left.processing == 0;
    let left =
        redispatch_testkit::eventually("all five wait", LIMIT, async || site.left().await, waits).await;
    assert_eq!(left, Left { waiting: 5, ..NOTHING });
    let first = site.redis.command(&["LINDEX", super::PENDING, "-1"]).await;
    let others = [1, 2, 3, 4].map(|n| super::message_to(&format!("a{n}")));
    assert!(others.iter().any(|other| other == first.text()), "unchanged, and at the front again: {first:?}");
    assert_eq!(served(&site.mails(5).await).len(), 5);
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("retried").await), (NOTHING, 0));
    let log: Vec<_> = worker.log().into_iter().map(|line| line.raw).collect();
    assert!(!log.concat().contains("secret-word") && !log.concat().contains("me@example.com"), "{log:#?}");
}

/// 421 before any recipient is named: everybody waits, nobody pays.
#[tokio::test]
async fn asked_to_wait() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Mail).times(1).act(Act::reply_and_drop("421 4.3.2 too busy")));
    let worker = site.worker(&[("MAX_RETRIES", "1"), ("RETRY_DELAY_MS", "200"), ("CONCURRENCY", "1")]).await;
    site.push_to("a").await;
    site.push_to("b").await;
    assert_eq!(served(&site.mails(2).await), ["a@example.com", "b@example.com"]);
    worker.wait_for_event("queue_throttled").await;
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("retried").await), (NOTHING, 0));
}

/// Waiting for a connection is no part of the attempt: it must not run into the time limit without a try.
#[tokio::test]
async fn a_pool_smaller_than_the_concurrency_costs_nobody_a_retry() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Data).times(1).act(Act::Stall));
    let limits = [("SMTP_POOL_SIZE", "1"), ("SEND_TIMEOUT_MS", "500"), ("MAX_RETRIES", "1")];
    let worker = site.worker(&limits).await;
    for n in 0..5 {
        site.push_to(&format!("a{n}")).await;
    }
    worker.wait_for_event("message_dead_lettered").await;
    assert_eq!(site.mails(4).await.len(), 4);
    assert_eq!(site.dead_letters().await[0]["to"], "a0@example.com", "the one that stalled");
    stop(&worker).await;
    assert_eq!((site.left().await, site.smtp.connections()), (Left { dead: 1, ..NOTHING }, 2));
}
