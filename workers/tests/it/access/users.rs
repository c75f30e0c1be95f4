use redispatch::acl::{Role, rule};
use redispatch::config::QueueSettings;

use crate::run::told;
use crate::site::{Channel, Email, Fault, Site, Sms, Twilio, WhatsApp, stop};

/// Sends, retries, gives up, waits and stops, as a user with just the rights that `queuectl doctor --acl` prints.
async fn all_a_worker_does<C: Channel>() {
    let site = Site::<C>::start().await;
    let url = site.redis.url().replace("://", "://redispatch:secret@");
    let rights = rule(&QueueSettings::new(url.parse().unwrap()), Role::Worker);
    let user = ["ACL", "SETUSER", "redispatch", "on", ">secret"].into_iter().chain(rights.split(' '));
    assert_eq!(site.redis.command(&user.collect::<Vec<_>>()).await.text(), "OK");
    let settings = [("REDIS_URL", url.as_str()), ("ON_IN_DOUBT", "dead_letter"), ("RATE_LIMIT_MAX", "1000")];
    let (code, said, _) = told(&site, &["--check"], &settings).await;
    assert_eq!(code, Some(0), "{said}");
    let worker = site.worker(&settings).await;
    for (n, fault) in [Fault::Later, Fault::Throttle, Fault::Refuse, Fault::NoAnswer].into_iter().enumerate()
    {
        site.channel.script(fault, 1);
        site.push([n]).await;
        site.queue().settled().await;
    }
    site.channel.behave();
    let with_id = C::message(4).replacen('{', r#"{"id":"once","#, 1);
    site.queue().push(&[with_id.clone(), with_id]).await;
    assert_eq!(site.queue().settled().await, 2);
    stop(&worker).await;
    let (code, said, _) = told(&site, &["--dry-run"], &settings).await;
    assert_eq!(code, Some(0), "{said}");
    let denied = site.redis.command(&["ACL", "LOG"]).await;
    assert!(denied.array().is_empty(), "{denied:?}");
}

#[tokio::test]
async fn email() {
    all_a_worker_does::<Email>().await;
}

#[tokio::test]
async fn sms() {
    all_a_worker_does::<Twilio<Sms>>().await;
}

#[tokio::test]
async fn whatsapp() {
    all_a_worker_does::<Twilio<WhatsApp>>().await;
}
