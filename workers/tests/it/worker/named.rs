//! A channel that is split into several queues.

use redispatch_testkit::{LIMIT, Port};

use super::{Site, header, message_to, output, stop, text};
use crate::queue::{NOTHING, Queue};

#[tokio::test]
async fn a_named_queue_is_served_and_the_one_of_the_channel_is_not() {
    let site = Site::start().await;
    let (http, smtp, redis) = (Port::reserve(), site.smtp.port().to_string(), site.redis.url());
    let http = http.addr().to_string();
    let named = [("WORKER_QUEUE", "email-2"), ("HTTP_ADDR", &http)];
    let other = Queue { redis: &site.redis, name: "email-2" };
    other.push(&[message_to("a")]).await;
    site.push(message_to("b")).await;

    let env = [("REDIS_URL", redis.as_str()), ("SMTP_HOST", "127.0.0.1"), ("SMTP_PORT", &smtp)];
    let env = [&env[..], &[("SMTP_TLS", "none"), ("SMTP_FROM", "s@example.com")], &named].concat();
    let dry = output(&["--dry-run"], &env).await;
    assert!(text(&dry.stderr).contains("1 of the messages waiting in email-2"), "{}", text(&dry.stderr));
    assert_eq!(output(&["--check"], &env).await.status.code(), Some(0));

    let worker = site.worker(&named).await;
    let mails = site.smtp.received(1).await;
    assert_eq!(header(&mails[0], "To"), "a@example.com");
    other.wait_for(NOTHING).await;
    assert_eq!(site.left().await.waiting, 1, "that of another queue");
    let health = output(&["--healthcheck"], &named).await;
    assert_eq!(health.status.code(), Some(0), "{}", text(&health.stdout));
    let known =
        site.redis.wait_until(&["SMEMBERS", "queue:queues"], |all| !all.array().is_empty(), LIMIT).await;
    assert_eq!(known.array()[0].text(), "email-2");
    stop(&worker).await;

    let wrong = output(&[], &[&env[..], &[("WORKER_QUEUE", "E Mail")]].concat()).await;
    assert_eq!(wrong.status.code(), Some(78));
    assert!(text(&wrong.stderr).contains("WORKER_QUEUE: "), "{}", text(&wrong.stderr));
}
