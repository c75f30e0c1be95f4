//! SMS through Twilio.

use redispatch::{Delivery, Failure, Outcome};

use super::message::{Sms, Target};
use super::sender;
use super::settings::DefaultSender;
use crate::twilio::{Client, NAME, Origin, Post, Sender};

pub(super) struct Twilio {
    pub(super) client: Client,
    pub(super) sender: DefaultSender,
}

impl Twilio {
    pub(super) async fn send(&self, sms: &Sms, delivery: &Delivery) -> Outcome {
        let to = match number(sms) {
            Ok(to) => to,
            Err(failure) => return Outcome::Reject(failure),
        };
        let (from, origin) = from(sms, &self.sender);
        let post = Post {
            to,
            from,
            body: Some(&*sms.body).filter(|body| !body.is_empty()),
            content: None,
            media_urls: &sms.media_urls,
            status_callback: sms.status_callback.as_deref(),
        };
        let confirm = {
            let delivery = delivery.clone();
            async move { delivery.confirm().await }
        };
        self.client.send(&post, origin, confirm, delivery.time_is_up()).await
    }
}

/// The number of a message that Twilio can send.
///
/// # Errors
///
/// It goes to a topic.
pub(super) fn number(sms: &Sms) -> Result<&str, Failure> {
    match &sms.to {
        Target::Number(number) => Ok(number),
        Target::Topic(_) => {
            Err(Failure::new("`topic` needs SNS: Twilio has none (SMS_PROVIDER=aws-sns)").by(NAME))
        }
    }
}

/// The message's sender, else that of the settings, and which of the two it is.
pub(super) fn from<'a>(sms: &'a Sms, default: &'a DefaultSender) -> (Sender<'a>, Origin) {
    match (&sms.from, default) {
        (Some(sid), _) if sender::is_service(sid) => (Sender::Service(sid), Origin::Message),
        (Some(from), _) => (Sender::From(from), Origin::Message),
        (None, DefaultSender::Service(sid)) => {
            (Sender::Service(sid), Origin::Setting("TWILIO_MESSAGING_SERVICE_SID"))
        }
        (None, DefaultSender::Number(from)) => (Sender::From(from), Origin::Setting("TWILIO_FROM_NUMBER")),
    }
}
