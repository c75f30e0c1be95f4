//! sms-worker and whatsapp-worker, and a scripted server that plays Twilio.

use std::marker::PhantomData;

use redispatch_testkit::twilio::{Answer, Request, Rule, TwilioServer};
use serde_json::json;

use super::{Channel, Fault, Taken, text};

pub(crate) const ACCOUNT: &str = "AC00112233445566778899aabbccddeeff";
pub(crate) const TOKEN: &str = "secret-word";
/// The sender of messages that name none.
pub(crate) const FROM: &str = "+15005550006";

/// A program that sends through Twilio.
pub(crate) struct Twilio<P> {
    pub(crate) server: TwilioServer,
    program: PhantomData<P>,
}

/// `whatsapp:+…` or `+…`, and the names of the settings.
pub(crate) trait Program {
    const PROGRAM: &'static str;
    const QUEUE: &'static str;
    const PREFIX: &'static str;
    /// Account, token, sender, URL.
    const SETTINGS: [&'static str; 4];
}

/// sms-worker.
pub(crate) struct Sms;

impl Program for Sms {
    const PROGRAM: &'static str = env!("CARGO_BIN_EXE_sms-worker");
    const QUEUE: &'static str = "sms";
    const PREFIX: &'static str = "";
    const SETTINGS: [&'static str; 4] =
        ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM_NUMBER", "TWILIO_API_URL"];
}

/// whatsapp-worker.
pub(crate) struct WhatsApp;

impl Program for WhatsApp {
    const PROGRAM: &'static str = env!("CARGO_BIN_EXE_whatsapp-worker");
    const QUEUE: &'static str = "whatsapp";
    const PREFIX: &'static str = "whatsapp:";
    const SETTINGS: [&'static str; 4] =
        ["WHATSAPP_ACCOUNT_SID", "WHATSAPP_AUTH_TOKEN", "WHATSAPP_FROM_NUMBER", "WHATSAPP_API_URL"];
}

/// The number of recipient `n`.
pub(crate) fn number(n: usize) -> String {
    format!("+4915100{n:06}")
}

impl<P: Program> Channel for Twilio<P> {
    const PROGRAM: &'static str = P::PROGRAM;
    const QUEUE: &'static str = P::QUEUE;
    const CONCURRENCY: usize = 5;
    const PROVIDER: &'static str = "twilio";
    const CODES: [&'static str; 3] = ["20500", "21211", "20003"];

    async fn start() -> Self {
        Self { server: TwilioServer::start().await, program: PhantomData }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let values = [ACCOUNT, TOKEN, FROM, &self.server.url()].map(str::to_owned);
        P::SETTINGS.into_iter().zip(values).collect()
    }

    fn message(n: usize) -> String {
        json!({"to": number(n), "body": text(n)}).to_string()
    }

    fn sent(n: usize) -> Taken {
        let prefix = P::PREFIX;
        Taken { to: format!("{prefix}{}", number(n)), from: format!("{prefix}{FROM}"), text: text(n) }
    }

    fn script(&self, fault: Fault, times: usize) {
        let answer = match fault {
            Fault::Later => Answer::error(500, 20500),
            Fault::Throttle => Answer::Throttled { retry_after: Some(1) },
            Fault::Refuse => Answer::error(400, 21211),
            Fault::Login => Answer::error(401, 20003),
            Fault::NoAnswer => Answer::Drop,
            Fault::Hold => Answer::Stall,
        };
        self.server.script(Rule::answer(answer).times(times));
    }

    fn behave(&self) {
        self.server.behave();
    }

    async fn taken(&self, count: usize) -> Vec<Taken> {
        let took = |one: &&Request| matches!(one.answer, Answer::Created | Answer::Drop | Answer::Stall);
        let taken = self.server.requests_like(count, |one| took(&one)).await;
        taken.iter().map(read).collect()
    }

    async fn held(&self, count: usize) {
        self.server.stalled(count).await;
    }

    fn attempts(&self) -> usize {
        self.server.count()
    }
}

fn read(request: &Request) -> Taken {
    let field = |name: &str| request.field(name).unwrap_or_default().to_owned();
    Taken { to: field("To"), from: field("From"), text: field("Body") }
}
