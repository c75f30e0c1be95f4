use redispatch_testkit::twilio::{Answer, Rule};
use serde_json::json;

use super::{Site, form, posted};
use crate::queue::NOTHING;
use crate::site::{ACCOUNT, Channel as _, FROM, TOKEN, stop};

const SERVICE: &str = "MG00112233445566778899aabbccddeeff";
const OTHER_SERVICE: &str = "MG0000000000000000000000000000beef";

#[tokio::test]
async fn a_post_as_it_arrives() {
    let site = Site::start().await;
    let worker = site.worker(&[]).await;
    let body = "Grüße 😀👩‍👩‍👧 a=b&c+d%20e ; \"x\" 'y' \\ / <>\n\tTab €[]{}~^| ñ漢字\u{202e} end ";
    let message =
        json!({"to": "+491701234567", "body": body, "id": "order-1", "metadata": {"a": 1}, "x": "y"});
    let requests = posted(&site, &[&message.to_string()]).await;
    let request = &requests[0];
    assert_eq!(
        (&*request.method, &*request.path),
        ("POST", &*format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"))
    );
    assert_eq!(request.login, Some((ACCOUNT.to_owned(), TOKEN.to_owned())));
    assert_eq!(form(request), [("To", "+491701234567"), ("From", FROM), ("Body", body)]);
    assert_eq!(request.header("user-agent"), Some(concat!("redispatch/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    let sent = worker.wait_for_event("message_sent").await;
    assert_eq!(sent.json["provider"], "twilio");
    assert!(sent.json["provider_id"].as_str().unwrap().starts_with("SM"), "{}", sent.raw);
    stop(&worker).await;
    let log: String = worker.log().into_iter().map(|line| line.raw).collect();
    assert!(!log.contains("1701234567") && !log.contains("Grüße") && !log.contains(TOKEN), "{log}");
}

#[tokio::test]
async fn every_field() {
    let site = Site::start().await;
    let worker = site.worker(&[]).await;
    let message = json!({
        "to": "+491701234567", "message": "x", "from": "ACME & Co",
        "media_urls": ["https://a.example/ü.png?x=1&y=2", "https://b.example/%20"],
        "status_callback": "https://c.example/status?id=1&z=+",
    });
    let media = json!({"to": "+491701234567", "media_urls": "https://a.example/1.png"});
    let requests = posted(&site, &[&message.to_string(), &media.to_string()]).await;
    let expected = [
        ("To", "+491701234567"),
        ("From", "ACME & Co"),
        ("Body", "x"),
        ("StatusCallback", "https://c.example/status?id=1&z=+"),
        ("MediaUrl", "https://a.example/ü.png?x=1&y=2"),
        ("MediaUrl", "https://b.example/%20"),
    ];
    assert_eq!(form(&requests[0]), expected);
    assert_eq!(
        form(&requests[1]),
        [("To", "+491701234567"), ("From", FROM), ("MediaUrl", "https://a.example/1.png")]
    );
    stop(&worker).await;
    assert_eq!(site.queue().left().await, NOTHING);
}

/// The message's own sender, then the messaging service, then the number.
#[tokio::test]
async fn the_sender_by_precedence() {
    let site = Site::start().await;
    let worker = site.worker(&[("TWILIO_MESSAGING_SERVICE_SID", SERVICE)]).await;
    let to = "+491701234567";
    let from = |from: &str| json!({"to": to, "body": "x", "from": from}).to_string();
    let requests = posted(
        &site,
        &[
            &format!(r#"{{"to":"{to}","body":"x"}}"#),
            &from("+14155550100"),
            &from("12345"),
            &from(OTHER_SERVICE),
        ],
    )
    .await;
    let sender = |n: usize| form(&requests[n])[1];
    assert_eq!(sender(0), ("MessagingServiceSid", SERVICE));
    assert_eq!(sender(1), ("From", "+14155550100"));
    assert_eq!(sender(2), ("From", "12345"));
    assert_eq!(sender(3), ("MessagingServiceSid", OTHER_SERVICE));
    assert!(requests.iter().all(|request| request.form.len() == 3), "one sender each");
    stop(&worker).await;
}

#[tokio::test]
async fn an_api_key_in_place_of_the_token() {
    let site = Site::start().await;
    let key = "SK00112233445566778899aabbccddeeff";
    site.channel.server.require_login(key, "key-secret");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "key-secret\n").unwrap();
    let settings = [("TWILIO_API_KEY_SID", key), ("TWILIO_API_KEY_SECRET_FILE", file.to_str().unwrap())];
    let worker = site.worker(&settings).await;
    let requests = posted(&site, &[r#"{"to":"+491701234567","body":"x"}"#]).await;
    assert!(requests[0].path.contains(ACCOUNT), "still this account's messages: {}", requests[0].path);
    stop(&worker).await;
    assert_eq!(site.queue().counter("sent").await, 1);
}

/// As many connections as sends at a time, whatever the number of messages; and so after refusals.
#[tokio::test]
async fn connections_are_kept() {
    let site = Site::start().await;
    site.channel.server.script(Rule::answer(Answer::error(400, 21610)).with("To", "+49151000000013"));
    site.channel.server.script(Rule::answer(Answer::error(500, 20500)).after(50).times(2));
    let worker = site.worker(&[("CONCURRENCY", "4")]).await;
    let message = |n: usize| json!({"to": format!("+491510000000{n:02}"), "body": "x"}).to_string();
    site.queue().push(&(0..100).flat_map(|_| (10..14).map(message)).collect::<Vec<_>>()).await;
    assert_eq!(site.queue().settled().await, 100, "one recipient of four has opted out");
    assert!(site.channel.server.connections() <= 4, "{} connections", site.channel.server.connections());
    assert_eq!((site.channel.server.count(), site.channel.server.accepted().len()), (402, 300));
    stop(&worker).await;
    assert_eq!(site.queue().counter("sent").await, 300);
}

#[tokio::test]
async fn null_discards_and_warns() {
    let site = Site::start().await;
    let worker = site.worker(&[("SMS_PROVIDER", "null")]).await;
    assert_eq!(worker.wait_for_event("transport_warning").await.json["transport"], "null");
    site.push(0..20).await;
    let sent = worker.wait_for_events("message_sent", 20).await;
    assert!(sent.iter().all(|line| line.json["provider"] == "null"));
    stop(&worker).await;
    assert_eq!((site.queue().left().await, site.channel.attempts()), (NOTHING, 0));
}
