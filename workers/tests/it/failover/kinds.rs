//! Messages that only one of the providers can send, and those that none can.

use redispatch_testkit::{LIMIT, eventually};

use super::*;

#[tokio::test]
async fn media_to_twilio_topics_to_sns() {
    let site = Site::start().await;
    let topic = site.moto.create_topic("news").await;
    let worker = site.worker(&[("SNS_TOPIC_ARN", &topic)]).await;
    let media = json!({"to": number(0), "body": "Look", "media_urls": ["https://example.com/a.png"]});
    let news = json!({"topic": true, "body": "News"});
    site.queue().push(&[media.to_string(), news.to_string(), message(1)]).await;
    assert_eq!(site.queue().settled().await, 0);
    assert_eq!(site.by_twilio(), numbers([0, 1]));
    let [published] = site.moto.published(1).await.try_into().expect("one");
    assert_eq!((&*published["TopicArn"], &*published["Message"]), (&*topic, "News"));
    assert!(!published.contains_key("PhoneNumber"));
    stop(&worker).await;
}

/// Media wait for Twilio at no cost, hardly asking it; the others go on, and no breaker opens for them.
#[tokio::test]
async fn media_wait_while_twilio_refuses_everybody() {
    let site = Site::start().await;
    site.twilio.require_login("somebody", "else");
    let worker = site.worker(&[("MAX_RETRIES", "1")]).await;
    let media = |n| json!({"to": number(n), "media_urls": ["https://example.com/a.png"]}).to_string();
    site.queue().push(&(0..20).map(media).collect::<Vec<_>>()).await;
    site.push(20..120).await;
    assert_eq!(site.by_sns(100).await, numbers(20..120));
    let left = async || {
        let left = site.queue().left().await;
        (left.waiting + left.delayed + left.processing, left.dead)
    };
    eventually("the others are settled", LIMIT, left, |left| *left == (20, 0)).await;
    let asked = site.twilio.count();
    assert!(asked <= 10, "asked {asked} times");
    assert!(worker.events("breaker_opened").is_empty());

    site.twilio.require_login(ACCOUNT, TOKEN);
    assert_eq!(site.queue().settled().await, 0);
    assert_eq!(site.by_twilio(), numbers(0..20));
    assert_eq!((site.by_sns(100).await.len(), site.queue().counter("retried").await), (100, 0));
    stop(&worker).await;
}

#[tokio::test]
async fn what_nobody_can_send_says_why() {
    let site = Site::start().await;
    let worker = site.worker(&[]).await;
    let news = json!({"topic": true, "body": "News"});
    let other = json!({"topic": "arn:aws:sns:eu-central-1:123456789012:news", "body": "News"});
    let media = json!({"to": number(0), "from": "My Shop", "media_urls": ["https://example.com/a.png"]});
    site.queue().push(&[news.to_string(), other.to_string()]).await;
    assert_eq!(site.queue().settled().await, 2);
    let errors = site.queue().dead_letters().await.into_iter().map(|letter| {
        assert_eq!(letter["_delivery"]["reason"], "malformed", "{letter}");
        letter["_delivery"]["error"].as_str().expect("an error").to_owned()
    });
    let errors: Vec<_> = errors.collect();
    assert!(
        errors.iter().all(|error| error.starts_with("no provider can send this: twilio: ")),
        "{errors:?}"
    );
    assert!(errors.iter().any(|error| error.contains("SNS_TOPIC_ARN is not set")), "{errors:?}");
    assert!(errors.iter().any(|error| error.contains("not in us-east-1")), "{errors:?}");
    site.queue().push(&[media.to_string()]).await;
    site.queue().settled().await;
    assert_eq!((site.twilio.count(), site.moto.published(0).await.len()), (1, 0));
    stop(&worker).await;
}
