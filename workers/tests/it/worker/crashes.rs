//! Workers killed with SIGKILL. A duplicate only where the server accepted and the settle could not follow.

use std::collections::BTreeSet;

use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::smtp::{Act, Rule, Step};

use super::{Left, NOTHING, PENDING, SHORT_LEASE, Site, header, message_to, served, stop};

/// Kills a worker that stalls at `step`; another one takes over. Gives the counts of mails and of crashes noted.
async fn killed_at(step: Step) -> usize {
    let site = Site::start().await;
    site.smtp.script(Rule::at(step).times(1).act(Act::Stall));
    let mut first = site.worker(&[SHORT_LEASE]).await;
    site.push_to("a").await;
    site.smtp.stalled(1).await;
    first.sigkill();
    assert_eq!(site.left().await, Left { processing: 1, messages: 1, ..NOTHING });

    let second = site.worker(&[SHORT_LEASE]).await;
    second.wait_for_event("message_taken_over").await;
    site.smtp.received(1).await;
    assert_eq!(site.settled().await, 0);
    stop(&second).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 1));
    assert_eq!(site.counter("taken_over").await, 1);
    site.smtp.received(1).await.len()
}

#[tokio::test]
async fn killed_before_the_send() {
    assert_eq!(killed_at(Step::Greeting).await, 1);
    assert_eq!(killed_at(Step::Mail).await, 1);
}

#[tokio::test]
async fn killed_in_mid_send() {
    assert_eq!(killed_at(Step::Data).await, 1);
}

/// The server has taken the mail, and Redis never heard of it: the one case of two mails.
#[tokio::test]
async fn killed_after_the_send_before_the_settle() {
    let site = Site::start().await;
    let proxy = Proxy::start(site.redis.addr());
    let settle = proxy.hold_request(r#""state":"sent""#, Then::Hang);
    let mut first = site.worker_at(&proxy.url(), &[SHORT_LEASE]);
    first.wait_for_event("worker_ready").await;
    site.push_to("a").await;
    settle.struck().await;
    assert_eq!(site.smtp.received(1).await.len(), 1);
    first.sigkill();
    assert_eq!(site.left().await, Left { processing: 1, messages: 1, ..NOTHING });

    let second = site.worker(&[SHORT_LEASE]).await;
    let mails = site.mails(2).await;
    assert_eq!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"), "recognisable as one");
    stop(&second).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 1));
}

/// The late settle of a worker that is long dead arrives after the takeover: it changes nothing.
#[tokio::test]
async fn a_settle_that_arrives_after_its_worker_died_and_was_replaced() {
    let site = Site::start().await;
    let proxy = Proxy::start(site.redis.addr());
    let settle = proxy.hold_request(r#""state":"sent""#, Then::Hang);
    let mut first = site.worker_at(&proxy.url(), &[SHORT_LEASE]);
    first.wait_for_event("worker_ready").await;
    site.push_to("a").await;
    settle.struck().await;
    first.sigkill();
    let second = site.worker(&[SHORT_LEASE]).await;
    site.mails(2).await;
    settle.release().await;
    assert_eq!((site.counter("sent").await, site.counter("stale_settles").await), (1, 1));
    stop(&second).await;
    assert_eq!(site.left().await, NOTHING);
}

/// One message kills every worker that sends it. It alone is given up; its neighbours, who crashed along with it
/// the first time, all arrive.
#[tokio::test]
async fn one_poison_message_among_five_hundred_good_ones() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).matching("poison@").act(Act::Stall));
    let messages: Vec<_> = (0..500).map(|n| message_to(&format!("good{n}"))).collect();
    for (index, chunk) in messages.chunks(100).enumerate() {
        let mut command = vec!["LPUSH".to_owned(), PENDING.to_owned()];
        command.extend(chunk.iter().cloned());
        site.redis.command(&command).await;
        if index == 1 {
            site.push_to("poison").await;
        }
    }
    for crash in 1..=3 {
        let mut worker = site.worker(&[SHORT_LEASE, ("MAX_CRASHES", "3")]).await;
        site.smtp.stalled(1).await;
        worker.sigkill();
        site.smtp.open(0).await;
        assert_eq!(site.left().await.dead, 0, "not given up after {crash} crashes");
    }
    let last = site.worker(&[SHORT_LEASE, ("MAX_CRASHES", "3")]).await;
    last.wait_for_event("message_dead_lettered").await;
    assert_eq!(site.settled().await, 1);

    let letters = site.dead_letters().await;
    assert_eq!((letters.len(), &letters[0]["to"]), (1, &"poison@example.com".into()));
    assert_eq!(letters[0]["_delivery"]["reason"], "poison");
    assert_eq!(letters[0]["_delivery"]["crashes"], 3);
    let served = served(&site.smtp.received(500).await);
    let everybody: BTreeSet<_> = served.iter().cloned().collect();
    assert_eq!(everybody.len(), 500, "nobody is missing");
    assert!(!everybody.contains("poison@example.com"));
    // Neighbours whose mail was accepted at the moment of the first kill: at most those that were in hand.
    assert!(served.len() - 500 < 20, "{} mails", served.len());
    assert_eq!(site.counter("sent").await, 500);
    stop(&last).await;
    assert_eq!(site.left().await, Left { dead: 1, ..NOTHING });
}

/// One of two workers is killed at full speed: nobody is missing, and only what the dead one held may come twice.
#[tokio::test]
async fn killed_at_full_speed_beside_another_worker() {
    let site = Site::start().await;
    let (mut doomed, other) = tokio::join!(site.worker(&[SHORT_LEASE]), site.worker(&[SHORT_LEASE]));
    let mut command = vec!["LPUSH".to_owned(), PENDING.to_owned()];
    command.extend((0..1000).map(|n| message_to(&format!("a{n}"))));
    site.redis.command(&command).await;
    doomed.wait_for_events("message_sent", 50).await;
    doomed.sigkill();
    site.smtp.received(1000).await;
    assert_eq!(site.settled().await, 0);
    let served = served(&site.smtp.received(1000).await);
    let taken_over = usize::try_from(site.counter("taken_over").await).expect("few");
    assert_eq!(served.iter().collect::<BTreeSet<_>>().len(), 1000);
    assert!(served.len() <= 1000 + taken_over && taken_over <= 20, "{} mails, {taken_over}", served.len());
    stop(&other).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 1000));
}
