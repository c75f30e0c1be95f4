//! The ways out.

use redispatch::config::Fault;
use redispatch::telemetry::event;
use redispatch::{Delivery, Failure, Outcome, Receipt};
use tracing::warn;

use super::message::Sms;
use super::settings::ProviderSettings;
use super::twilio::Twilio;
use crate::twilio::Client;

pub(super) enum Provider {
    Twilio(Box<Twilio>),
    Null,
}

impl Provider {
    /// Makes it ready, connects to nobody, and warns where SMS go nowhere.
    ///
    /// # Errors
    ///
    /// This host or this build cannot use it.
    pub(super) fn open(settings: ProviderSettings) -> Result<Self, Fault> {
        match settings {
            ProviderSettings::Twilio { account, sender } => {
                let cure = "mend it, or choose another SMS_PROVIDER";
                let client = Client::new(account).map_err(|why| Fault::new("TWILIO_API_URL", why, cure))?;
                Ok(Self::Twilio(Box::new(Twilio { client, sender })))
            }
            ProviderSettings::AwsSns => {
                Err(Fault::new("SMS_PROVIDER", "aws-sns is not in this build", "choose twilio or null"))
            }
            ProviderSettings::Null => {
                warn!(
                    event = event::TRANSPORT_WARNING,
                    transport = "null",
                    "SMS_PROVIDER=null: SMS are thrown away and sent to nobody"
                );
                Ok(Self::Null)
            }
        }
    }

    pub(super) async fn send(&self, sms: &Sms, delivery: &Delivery) -> Outcome {
        match self {
            Self::Twilio(twilio) => twilio.send(sms, delivery).await,
            Self::Null => Outcome::Sent(Receipt { provider_id: None, provider: Some("null") }),
        }
    }

    /// Logs in; what was tried, in a few words.
    pub(super) async fn check(&self) -> Result<String, Failure> {
        match self {
            Self::Twilio(twilio) => twilio.client.check().await.map(|said| format!("twilio: {said}")),
            Self::Null => Ok("thrown away; sent to nobody".to_owned()),
        }
    }
}
