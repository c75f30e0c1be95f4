//! SNS against `moto_server`, and against a server that gives the answers `moto_server` has not.

mod answers;
mod checking;
mod moto;
mod requests;
mod stub;
mod timing;

use std::future::{Ready, pending, ready};

use redispatch::worker::Unconfirmed;
use redispatch::{Failure, Outcome};
use redispatch_workers::sms::message::{Sms, Target};
use redispatch_workers::sms::sns::{Keys, Sns, SnsSettings};

use stub::{Say, Stub};

const REGION: &str = "eu-central-1";
const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:news";

fn settings(endpoint: &str) -> SnsSettings {
    SnsSettings {
        region: REGION.to_owned(),
        keys: Some(Keys { id: "AKIDEXAMPLE".to_owned(), secret: "secret".into(), token: None }),
        endpoint: Some(endpoint.to_owned()),
        topic: None,
        sender_id: None,
        sms_type: "Transactional",
    }
}

fn sns(endpoint: &str) -> Sns {
    Sns::open(settings(endpoint)).expect("certificates")
}

fn to(number: &str) -> Sms {
    Sms {
        to: Target::Number(number.to_owned()),
        body: "Hello".to_owned(),
        from: None,
        media_urls: Vec::new(),
        status_callback: None,
    }
}

fn to_topic(arn: Option<&str>) -> Sms {
    Sms { to: Target::Topic(arn.map(str::to_owned)), ..to("") }
}

fn yes() -> Ready<Result<(), Unconfirmed>> {
    ready(Ok(()))
}

async fn send(sns: &Sns, sms: &Sms) -> Outcome {
    sns.publish(sms, yes(), pending()).await
}

/// The outcome's name and its failure; panics at what has none.
#[track_caller]
fn failed(outcome: &Outcome) -> (&'static str, &Failure) {
    match outcome {
        Outcome::Retry(failure) => ("retry", failure),
        Outcome::Unavailable(failure) => ("unavailable", failure),
        Outcome::Unreachable(failure) => ("unreachable", failure),
        Outcome::Throttle { failure, .. } => ("throttle", failure),
        Outcome::Reject(failure) => ("reject", failure),
        Outcome::Config(failure) => ("config", failure),
        Outcome::DefaultSender(failure) => ("default sender", failure),
        Outcome::InDoubt(failure) => ("in doubt", failure),
        other => panic!("{other:?}"),
    }
}

/// A receipt of SNS.
fn receipt() -> String {
    "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
     <MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult>\
     <ResponseMetadata><RequestId>f187a3c1-376f-11df-8963-01868b7c937a</RequestId></ResponseMetadata>\
     </PublishResponse>"
        .to_owned()
}

/// An error document of SNS.
fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>9dd01905-5012-5f99-8663-4b3ecd0dfaef</RequestId></ErrorResponse>"
    )
}
