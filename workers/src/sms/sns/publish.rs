//! One message to a number, or to a topic where the message says so.

use std::future::{Future, ready};
use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::config::SharedHttpClient;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use redispatch::config::Fault;
use redispatch::worker::{TimeUp, Unconfirmed};
use redispatch::{Delivery, Failure, Outcome, Receipt};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::gate::{Gate, Passage};
use super::settings::SnsSettings;
use super::{NAME, client, failure, shape};
use crate::sms::message::{Sms, Target};

/// How long `--check` waits for everything.
const CHECK: Duration = Duration::from_secs(15);

/// Amazon SNS.
pub struct Sns {
    settings: SnsSettings,
    http: SharedHttpClient,
    client: OnceCell<Client>,
}

impl Sns {
    /// Makes it ready to publish. Connects to nobody.
    ///
    /// # Errors
    ///
    /// This system has no certificates to trust.
    pub fn open(settings: SnsSettings) -> Result<Self, Fault> {
        Ok(Self { settings, http: client::http()?, client: OnceCell::new() })
    }

    /// Whether SNS can send such a message at all: [`SnsSettings::takes`].
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn takes(&self, sms: &Sms) -> Result<(), Failure> {
        self.settings.takes(sms)
    }

    /// Publishes a message that [`takes`](Self::takes) lets through, within the time of its delivery.
    pub async fn send(&self, sms: &Sms, delivery: &Delivery) -> Outcome {
        let held = delivery.clone();
        self.publish(sms, async move { held.confirm().await }, delivery.time_is_up()).await
    }

    /// As [`send`](Self::send). `confirm` is asked once a connection stands, before the request leaves; `time_is_up`
    /// ends it.
    pub async fn publish(
        &self,
        sms: &Sms,
        confirm: impl Future<Output = Result<(), Unconfirmed>> + Send + 'static,
        time_is_up: impl Future<Output = TimeUp>,
    ) -> Outcome {
        if let Err(failure) = self.takes(sms) {
            return Outcome::Reject(failure);
        }
        let gate = Gate::new(self.http.clone(), confirm);
        let answer = async {
            let request = self.request(self.client().await, sms);
            request.customize().config_override(gate.config()).send().await
        };
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            why = time_is_up => return out_of_time(why, gate.passage()),
        };
        let to_topic = matches!(sms.to, Target::Topic(_));
        match answer {
            Ok(receipt) if receipt.message_id().is_some() => Outcome::Sent(Receipt {
                provider_id: receipt.message_id,
                provider: Some(NAME),
                ..Default::default()
            }),
            Ok(_) => Outcome::InDoubt(Failure::new("SNS gave no MessageId").by(NAME)),
            Err(_) if gate.passage() == Passage::Refused => Outcome::Unconfirmed,
            Err(error) => {
                let topic_is_ours = matches!(sms.to, Target::Topic(None));
                failure::Fault::new(&error, gate.passage()).outcome(to_topic, topic_is_ours)
            }
        }
    }

    /// Asks for the account's SMS attributes, which needs working credentials and costs nothing.
    ///
    /// # Errors
    ///
    /// What AWS said, or why it could not be asked.
    pub async fn check(&self) -> Result<String, Failure> {
        let region = &self.settings.region;
        let gate = Gate::new(self.http.clone(), ready(Ok(())));
        let asked = async {
            self.client().await.get_sms_attributes().customize().config_override(gate.config()).send().await
        };
        let Ok(answer) = timeout(CHECK, asked).await else {
            return Err(Failure::new(format!("no answer within {} s", CHECK.as_secs())).by(NAME));
        };
        match answer {
            Ok(_) => Ok(format!("credentials accepted in {region}; nothing sent")),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_authorization_error_exception()) => {
                Ok(format!(
                    "credentials accepted in {region}, which may not read SMS attributes \
                     (sns:GetSMSAttributes); nothing sent"
                ))
            }
            Err(error) => Err(failure::Fault::new(&error, gate.passage()).failure()),
        }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| client::client(&self.settings, self.http.clone())).await
    }

    fn request(&self, client: &Client, sms: &Sms) -> PublishFluentBuilder {
        let settings = &self.settings;
        let request = client.publish().message(&sms.body);
        let request = match &sms.to {
            Target::Number(number) => request.phone_number(number),
            Target::Topic(arn) => request.set_topic_arn(arn.clone().or_else(|| settings.topic.clone())),
        };
        let request = request.message_attributes("AWS.SNS.SMS.SMSType", text(settings.sms_type));
        match sms.from.as_ref().or(settings.sender_id.as_ref()) {
            None => request,
            Some(from) if shape::is_number(from) => {
                request.message_attributes("AWS.MM.SMS.OriginationNumber", text(from))
            }
            Some(from) => request.message_attributes("AWS.SNS.SMS.SenderID", text(from)),
        }
    }
}

fn text(value: &str) -> MessageAttributeValue {
    let value = MessageAttributeValue::builder().data_type("String").string_value(value);
    value.build().expect("a data type is set")
}

fn out_of_time(why: TimeUp, passage: Passage) -> Outcome {
    let failure = Failure::new(why.to_string()).by(NAME);
    match (passage, why) {
        (Passage::Left, _) => Outcome::InDoubt(failure),
        (Passage::Refused, _) | (_, TimeUp::Shutdown) => Outcome::Unconfirmed,
        (Passage::Nowhere | Passage::Waiting, TimeUp::SendTimeout(_)) => Outcome::Unreachable(failure),
    }
}
