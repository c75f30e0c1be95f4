//! `--check`, settings, and what the log shows.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn check_logs_in_everywhere() {
    let site = Site::start().await;
    let checked = site.check(&[]).await;
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{said}");
    assert!(
        said.contains("sms       ok: twilio: ") && said.contains("aws-sns: credentials accepted"),
        "{said}"
    );
    site.twilio.require_login("somebody", "else");
    let checked = site.check(&[]).await;
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("twilio FAILED: ") && said.contains("aws-sns: credentials accepted"), "{said}");
    assert!(site.by_twilio().is_empty() && site.moto.published(0).await.is_empty());
}

/// Long enough for a busy machine, short enough not to look like a hang.
const SECONDS: Duration = Duration::from_secs(6);

/// A host without any credentials: said within seconds, also where nobody answers for the instance's metadata.
#[tokio::test]
async fn no_credentials_at_all() {
    let site = Site::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let metadata = format!("http://{}", silent.local_addr().unwrap());
    let own = [
        ("SMS_PROVIDER", "aws-sns"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*metadata),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
    ];
    let since = Instant::now();
    let checked = site.check(&own).await;
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("sms       FAILED: no AWS credentials (set AWS_ACCESS_KEY_ID"), "{said}");
    assert!(since.elapsed() < SECONDS, "{:?}", since.elapsed());

    let worker = site.worker(&own).await;
    site.push([0]).await;
    let since = Instant::now();
    let told = worker.wait_for_event("breaker_opened").await;
    assert!(since.elapsed() < SECONDS, "{:?}", since.elapsed());
    assert!(
        told.json["error"].as_str().is_some_and(|error| error.starts_with("no AWS credentials")),
        "{}",
        told.raw
    );
    stop(&worker).await;
    assert_eq!(site.queue().left().await.waiting, 1);
}

/// Keys and region out of a profile, as the SDK finds them.
#[tokio::test]
async fn a_profile_will_do() {
    let site = Site::start().await;
    let profile = tempfile::NamedTempFile::new().unwrap();
    let keys = "aws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret-word\nregion = us-east-1\n";
    std::fs::write(&profile, format!("[mine]\n{keys}")).unwrap();
    let path = profile.path().to_str().unwrap();
    let own = [
        ("SMS_PROVIDER", "aws-sns"),
        ("AWS_REGION", ""),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_SHARED_CREDENTIALS_FILE", path),
        ("AWS_PROFILE", "mine"),
    ];
    let checked = site.check(&own).await;
    let said = text(&checked.stdout);
    assert!(said.contains("sms       ok: aws-sns: credentials accepted in us-east-1"), "{said}");
    let worker = site.worker(&own).await;
    site.push([0]).await;
    assert_eq!(site.by_sns(1).await, numbers([0]));
    stop(&worker).await;
}

#[tokio::test]
async fn no_region() {
    let site = Site::start().await;
    let refused = site.check(&[("AWS_REGION", "")]).await;
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(78), "{said}");
    assert!(said.contains("AWS_REGION: is needed for SMS_PROVIDER=aws-sns"), "{said}");
    let elsewhere = site.check(&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "us-east-1")]).await;
    assert!(elsewhere.status.success(), "{}", text(&elsewhere.stderr));
}

/// Not even at the most talkative level does AWS's SDK show what is sent, or with which secret.
#[tokio::test]
async fn a_log_shows_no_message_and_no_secret() {
    let site = Site::start().await;
    let worker = site.worker(&[("SMS_PROVIDER", "aws-sns"), ("RUST_LOG", "trace")]).await;
    site.push([0]).await;
    worker.wait_for_event("message_sent").await;
    stop(&worker).await;
    for line in worker.log() {
        for secret in ["Hello", "secret-word", &number(0)[1..]] {
            assert!(!line.raw.contains(secret), "{secret} in {}", line.raw);
        }
    }
}
