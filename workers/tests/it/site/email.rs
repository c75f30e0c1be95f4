//! email-worker and a scripted SMTP server.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use redispatch_testkit::smtp::{Act, Offers, Received, Rule, SmtpServer, Step};
use serde_json::json;

use super::{Channel, Fault, Taken, text};

pub(crate) struct Email(SmtpServer);

impl Email {
    /// Lets everything go on that is held.
    pub(crate) fn release(&self) {
        self.0.release();
    }
}

impl Channel for Email {
    const PROGRAM: &'static str = env!("CARGO_BIN_EXE_email-worker");
    const QUEUE: &'static str = "email";
    const CONCURRENCY: usize = 10;
    const PROVIDER: &'static str = "smtp";
    const CODES: [&'static str; 3] = ["450", "550", "535"];

    async fn start() -> Self {
        let credentials = Some(("me".to_owned(), "secret-word".to_owned()));
        Self(SmtpServer::start_with(Offers { credentials, ..Offers::default() }).await)
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let port = self.0.port().to_string();
        let fixed = [
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_TLS", "none"),
            ("SMTP_FROM", "sender@example.com"),
            ("SMTP_USER", "me"),
            ("SMTP_PASS", "secret-word"),
        ];
        fixed.map(|(name, value)| (name, value.to_owned())).into_iter().chain([("SMTP_PORT", port)]).collect()
    }

    fn message(n: usize) -> String {
        json!({"to": format!("r{n}@example.com"), "subject": "Test", "body": text(n)}).to_string()
    }

    fn sent(n: usize) -> Taken {
        Taken { to: format!("r{n}@example.com"), from: "sender@example.com".to_owned(), text: text(n) }
    }

    fn script(&self, fault: Fault, times: usize) {
        let (step, act) = match fault {
            Fault::Later => (Step::Rcpt, Act::reply("450 4.2.0 come back later")),
            Fault::Throttle => (Step::Mail, Act::reply_and_drop("421 4.3.2 too busy")),
            Fault::Refuse => (Step::Rcpt, Act::reply("550 5.1.1 no such user")),
            Fault::Login => (Step::Auth, Act::reply("535 5.7.8 wrong credentials")),
            Fault::NoAnswer => (Step::Dot, Act::AcceptAndDrop),
            Fault::Hold => (Step::Dot, Act::Stall),
        };
        self.0.script(Rule::at(step).times(times).act(act));
    }

    fn behave(&self) {
        self.0.behave();
    }

    async fn taken(&self, count: usize) -> Vec<Taken> {
        self.0.received(count).await.iter().map(read).collect()
    }

    async fn held(&self, count: usize) {
        self.0.stalled(count).await;
    }

    fn attempts(&self) -> usize {
        // one login serves many
        self.0.count("MAIL").max(self.0.count("AUTH"))
    }
}

fn read(mail: &Received) -> Taken {
    let data = std::str::from_utf8(&mail.data).expect("UTF-8");
    let (head, body) = data.split_once("\r\n\r\n").expect("a head and a body");
    let head = head.to_ascii_lowercase();
    let body = if head.contains("content-transfer-encoding: base64") {
        BASE64_STANDARD.decode(body.replace("\r\n", "")).expect("base64")
    } else if head.contains("content-transfer-encoding: quoted-printable") {
        quoted_printable::decode(body, quoted_printable::ParseMode::Strict).expect("quoted-printable")
    } else {
        body.into()
    };
    let text = String::from_utf8(body).expect("UTF-8");
    Taken { to: mail.recipients.join(","), from: mail.from.clone(), text: text.trim_end().to_owned() }
}
