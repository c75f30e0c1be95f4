//! `EMAIL_TRANSPORT=file` and `null`.

use std::collections::BTreeSet;
use std::path::Path;

use redispatch::telemetry::mask;
use redispatch_testkit::smtp::{Offers, Tls};

use super::{NOTHING, Site, header, message_to, stop, text};

const FILE: (&str, &str) = ("EMAIL_TRANSPORT", "file");

/// Name and text of every file in the outbox of a worker, sorted.
fn outbox(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder.join("outbox")).expect("an outbox");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        (name, std::fs::read_to_string(entry.path()).expect("a file"))
    };
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}

#[tokio::test]
async fn file_writes_one_eml_a_message_and_warns_at_every_start() {
    let site = Site::start().await;
    let worker = site.worker(&[FILE]).await;
    let warning = worker.wait_for_event("transport_warning").await;
    assert_eq!((&warning.json["level"], &warning.json["transport"]), (&"WARN".into(), &"file".into()));
    site.push(
        r#"{"id":"order-1","to":"a@example.com","bcc":"b@example.com","subject":"Ünï","body":"Hello"}"#,
    )
    .await;
    for _ in 0..50 {
        site.push_to("same").await;
    }
    let sent = worker.wait_for_events("message_sent", 51).await;
    assert!(sent.iter().all(|line| line.json["provider"] == "file"));
    site.settled().await;
    let files = outbox(worker.folder());
    assert_eq!(files.len(), 51);
    assert!(files.iter().all(|(name, _)| name.ends_with(".eml") && !name.starts_with('.')), "{files:?}");
    let names: BTreeSet<_> =
        sent.iter().map(|line| line.json["provider_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        names,
        files.iter().map(|(name, _)| mask::text(name).into_owned()).collect(),
        "masked as all else"
    );
    let (name, eml) = files.iter().find(|(name, _)| name.starts_with("order-1@example.com-")).unwrap();
    let envelope = "X-Envelope-From: sender@example.com\r\nX-Envelope-To: a@example.com\r\n\
                    X-Envelope-To: b@example.com\r\nDate: ";
    assert!(eml.starts_with(envelope), "{name}: {eml}");
    assert!(
        eml.contains("\r\nSubject: =?utf-8?") && eml.ends_with("Hello\r\n") && !eml.contains("\r\nBcc"),
        "{eml}"
    );
    stop(&worker).await;
    assert_eq!((site.left().await, site.smtp.connections()), (NOTHING, 0));
}

/// Nothing is lost while the folder cannot be written: it is no message's fault.
#[tokio::test]
async fn file_waits_for_its_folder() {
    let site = Site::start().await;
    let worker = site.worker(&[FILE, ("MAX_RETRIES", "1")]).await;
    std::fs::remove_dir_all(worker.folder().join("outbox")).unwrap();
    site.push_to("a").await;
    let refused = worker.wait_for_event("breaker_opened").await;
    assert!(refused.json["error"].as_str().unwrap().contains("EMAIL_OUTBOX_DIR"), "{}", refused.raw);
    std::fs::create_dir(worker.folder().join("outbox")).unwrap();
    worker.wait_for_event("message_sent").await;
    assert_eq!((site.settled().await, outbox(worker.folder()).len()), (0, 1));
    stop(&worker).await;
    assert_eq!(site.left().await, NOTHING);
}

#[tokio::test]
async fn null_discards_and_warns() {
    let site = Site::start().await;
    let worker = site.worker(&[("EMAIL_TRANSPORT", "null")]).await;
    assert_eq!(worker.wait_for_event("transport_warning").await.json["transport"], "null");
    for n in 0..20 {
        site.push_to(&format!("a{n}")).await;
    }
    let sent = worker.wait_for_events("message_sent", 20).await;
    assert!(sent.iter().all(|line| line.json["provider"] == "null"));
    assert_eq!(site.settled().await, 0);
    stop(&worker).await;
    assert_eq!((site.left().await, site.smtp.connections(), site.counter("sent").await), (NOTHING, 0, 20));
}

/// A mail of several megabytes goes out whole, and small ones overtake it.
#[tokio::test]
async fn a_large_mail_is_composed_apart() {
    let site = Site::start().await;
    let worker = site.worker(&[]).await;
    let line = "0123456789 abcdefghijklmnopqrstuvwxyz\\r\\n".repeat(150_000);
    site.push(format!(r#"{{"id":"large","to":"large@example.com","subject":"L","body":"{line}"}}"#)).await;
    for n in 0..10 {
        site.push(message_to(&format!("small{n}"))).await;
    }
    let mails = site.mails(11).await;
    let large = mails.iter().find(|mail| mail.recipients == ["large@example.com"]).unwrap();
    assert_eq!(header(large, "Subject"), "L");
    assert_eq!(text(&large.data).matches("\r\n0123456789 abcdefghijklmnopqrstuvwxyz\r\n").count(), 75_000);
    assert_eq!(text(&large.data).matches("0123456789 abcdefghijklmnopqrstuvwxyz\r\n").count(), 150_000);
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 11));
}

#[tokio::test]
async fn smtp_over_tls_with_a_login() {
    for (mode, tls) in [("implicit", Tls::Implicit), ("starttls", Tls::StartTls)] {
        let credentials = Some(("me".to_owned(), "p$ss # word".to_owned()));
        let site = Site::offering(Offers { credentials, tls, ..Offers::default() }).await;
        let trusted = site.smtp.ca_file().to_str().unwrap();
        let worker = site
            .worker(&[
                ("SMTP_HOST", site.smtp.host()),
                ("SMTP_TLS", mode),
                ("SSL_CERT_FILE", trusted),
                ("SMTP_USER", "me"),
                ("SMTP_PASS", "p$ss # word"),
            ])
            .await;
        site.push_to("a").await;
        let mails = site.mails(1).await;
        assert!(mails[0].encrypted, "{mode}");
        stop(&worker).await;
        assert_eq!((site.left().await, site.counter("retried").await), (NOTHING, 0), "{mode}");
    }
}

/// Without that certificate nothing is sent, nothing is lost, and no password leaves.
#[tokio::test]
async fn a_certificate_that_nobody_vouches_for() {
    let credentials = Some(("me".to_owned(), "secret-word".to_owned()));
    let site = Site::offering(Offers { credentials, tls: Tls::StartTls, ..Offers::default() }).await;
    let login = [("SMTP_HOST", "localhost"), ("SMTP_USER", "me"), ("SMTP_PASS", "secret-word")];
    let worker = site.worker(&[&login[..], &[("SMTP_TLS", "starttls"), ("MAX_RETRIES", "1")]].concat()).await;
    site.push_to("a").await;
    let refused = worker.wait_for_event("breaker_opened").await;
    assert!(refused.json["error"].as_str().unwrap().contains("STARTTLS"), "{}", refused.raw);
    stop(&worker).await;
    assert_eq!(site.left().await, super::Left { waiting: 1, ..NOTHING });
    assert_eq!((site.smtp.count("AUTH"), site.smtp.count("MAIL")), (0, 0));
}
