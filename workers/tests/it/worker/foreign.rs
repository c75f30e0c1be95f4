//! Servers that are not ours: aiosmtpd, whose mail Python's own parser reads, and Postfix's smtp-sink.

use redispatch_testkit::process::Worker;
use redispatch_testkit::{LIMIT, eventually, tool};
use serde_json::{Value, json};

use super::{NOTHING, Site, stop};

const AIOSMTPD: &str = r#"
import json, sys, time
from email import policy
from email.parser import BytesParser
from aiosmtpd.controller import Controller

def tell(**line):
    print(json.dumps(line), file=sys.stderr, flush=True)

class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = BytesParser(policy=policy.default).parsebytes(envelope.original_content)
        tell(event="mail", sender=envelope.mail_from, recipients=sorted(envelope.rcpt_tos),
             subject=str(mail["subject"]), to=str(mail["to"]), bcc=mail["bcc"], text=mail.get_body(("plain",)).get_content(),
             html=mail.get_body(("html",)).get_content(), defects=[str(d) for part in mail.walk() for d in part.defects],
             files=[[a.get_filename(), a.get_content()] for a in mail.iter_attachments()])
        return "250 kept"

controller = Controller(Handler(), hostname="127.0.0.1", port=int(sys.argv[1]))
controller.start()
tell(event="listening")
time.sleep(3600)
"#;

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("its address").port()
}

#[tokio::test]
async fn python_reads_what_was_written() {
    let site = Site::start().await;
    let port = free_port().to_string();
    let python = tool("REDISPATCH_AIOSMTPD_PYTHON", "python/bin/python");
    let server = Worker::start(python.to_str().expect("UTF-8"), &["-c", AIOSMTPD, &port], &[]);
    server.wait_for_event("listening").await;
    let message = json!({
        "to": ["Zoë Ünal <zoe@example.com>", "b@example.com"], "bcc": "hidden@example.com",
        "subject": "Grüße, 世界", "body": ".dot\nund Text €\n", "html": "<p>Grüße</p>\n",
        "attachments": [{"filename": "naïve.txt", "content_type": "text/plain; charset=utf-8", "content": "SGVsbG8="}],
    });
    site.push(message.to_string()).await;
    let worker = site.worker(&[("SMTP_PORT", &port)]).await;
    let mail = server.wait_for_event("mail").await.json;
    let expected = json!({
        "event": "mail", "sender": "sender@example.com",
        "recipients": ["b@example.com", "hidden@example.com", "zoe@example.com"],
        "subject": "Grüße, 世界", "to": "Zoë Ünal <zoe@example.com>, b@example.com", "bcc": null,
        "text": ".dot\nund Text €\n", "html": "<p>Grüße</p>\n", "defects": [], "files": [["naïve.txt", "Hello"]],
    });
    assert_eq!(normal(mail), expected);
    assert_eq!(site.settled().await, 0);
    assert_eq!(site.counter("sent").await, 1);
    assert_eq!(server.events("mail").len(), 1);
    stop(&worker).await;
}

/// Python gives texts their CRLF back.
fn normal(mut mail: Value) -> Value {
    for field in ["text", "html"] {
        mail[field] = mail[field].as_str().unwrap_or_default().replace("\r\n", "\n").into();
    }
    mail
}

#[tokio::test]
async fn postfix_takes_two_thousand() {
    let site = Site::start().await;
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let sink = tool("REDISPATCH_SMTP_SINK", "postfix/bin/smtp-sink");
    let user: &[&str] = if rustix::process::geteuid().is_root() { &["-u", "nobody"] } else { &[] };
    let _sink = Worker::start(sink.to_str().expect("UTF-8"), &[user, &[&address, "200"]].concat(), &[]);
    let connect = async || tokio::net::TcpStream::connect(&address).await.is_ok();
    eventually("smtp-sink listens", LIMIT, connect, |listens| *listens).await;
    for n in 0..2_000 {
        site.push_to(&format!("user{n}")).await;
    }
    let port = port.to_string();
    let worker = site.worker(&[("SMTP_PORT", &port), ("CONCURRENCY", "100"), ("SMTP_POOL_SIZE", "10")]).await;
    assert_eq!(site.settled().await, 0);
    assert_eq!(site.counter("sent").await, 2_000);
    assert_eq!(site.left().await, NOTHING);
    stop(&worker).await;
}
