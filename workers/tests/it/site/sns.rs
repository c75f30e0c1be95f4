//! sms-worker with `SMS_PROVIDER=aws-sns`, and a scripted server that plays SNS: moto fails on nobody's command.

use redispatch_testkit::twilio::{Answer, Request, Rule, TwilioServer};
use serde_json::json;

use super::twilio::number;
use super::{Channel, Fault, Taken, text};

pub(crate) struct Sns(TwilioServer);

const ACCEPTED: &str = r#"<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>
<MessageId>0a1b2c3d-0000-4000-8000-000000000001</MessageId></PublishResult>
<ResponseMetadata><RequestId>0a1b2c3d-0000-4000-8000-000000000002</RequestId></ResponseMetadata></PublishResponse>"#;

fn accepted() -> Answer {
    xml(200, ACCEPTED)
}

fn xml(status: u16, body: &str) -> Answer {
    let headers = vec![("content-type".to_owned(), "text/xml".to_owned())];
    Answer::Status { status, headers, body: body.into() }
}

fn refused(status: u16, code: &str) -> Answer {
    let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>Scripted error</Message>");
    let id = "<RequestId>0a1b2c3d-0000-4000-8000-000000000003</RequestId>";
    let space = "http://sns.amazonaws.com/doc/2010-03-31/";
    xml(status, &format!(r#"<ErrorResponse xmlns="{space}"><Error>{error}</Error>{id}</ErrorResponse>"#))
}

impl Channel for Sns {
    const PROGRAM: &'static str = env!("CARGO_BIN_EXE_sms-worker");
    const QUEUE: &'static str = "sms";
    const CONCURRENCY: usize = 5;
    const PROVIDER: &'static str = "aws-sns";
    const CODES: [&'static str; 3] = ["InternalError", "InvalidParameter", "InvalidClientTokenId"];

    async fn start() -> Self {
        let this = Self(TwilioServer::start().await);
        this.behave();
        this
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let fixed = [
            ("SMS_PROVIDER", "aws-sns"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "secret-word"),
        ];
        let url = ("AWS_ENDPOINT_URL_SNS", self.0.url());
        fixed.map(|(name, value)| (name, value.to_owned())).into_iter().chain([url]).collect()
    }

    fn message(n: usize) -> String {
        json!({"to": number(n), "body": text(n)}).to_string()
    }

    fn sent(n: usize) -> Taken {
        Taken { to: number(n), from: String::new(), text: text(n) }
    }

    fn script(&self, fault: Fault, times: usize) {
        let answer = match fault {
            Fault::Later => refused(500, "InternalError"),
            Fault::Throttle => refused(400, "Throttling"),
            Fault::Refuse => refused(400, "InvalidParameter"),
            Fault::Login => refused(403, "InvalidClientTokenId"),
            Fault::NoAnswer => Answer::Drop,
            Fault::Hold => Answer::Stall,
        };
        self.0.behave();
        self.0.script(Rule::answer(answer).times(times));
        self.0.script(Rule::answer(accepted()));
    }

    fn behave(&self) {
        self.0.behave();
        self.0.script(Rule::answer(accepted()));
    }

    async fn taken(&self, count: usize) -> Vec<Taken> {
        let took = |one: &Request| {
            matches!(one.answer, Answer::Status { status: 200, .. } | Answer::Drop | Answer::Stall)
        };
        self.0.requests_like(count, took).await.iter().map(read).collect()
    }

    async fn held(&self, count: usize) {
        self.0.stalled(count).await;
    }

    fn attempts(&self) -> usize {
        self.0.count()
    }
}

fn read(request: &Request) -> Taken {
    let field = |name: &str| request.field(name).unwrap_or_default().to_owned();
    Taken { to: field("PhoneNumber"), from: String::new(), text: field("Message") }
}
