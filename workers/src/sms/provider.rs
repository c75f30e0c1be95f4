//! The ways out.

use redispatch::config::Fault;
use redispatch::telemetry::event;
use redispatch::{Delivery, Failure, Outcome, Receipt};
use tracing::warn;

use super::message::Sms;
use super::settings::ProviderSettings;
#[cfg(feature = "sns")]
use super::sns::{self, Sns};
use super::twilio::{self, Twilio};
use crate::twilio::{Client, NAME};

pub(super) enum Provider {
    Twilio(Box<Twilio>),
    #[cfg(feature = "sns")]
    AwsSns(Box<Sns>),
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
            #[cfg(feature = "sns")]
            ProviderSettings::AwsSns(settings) => Sns::open(settings).map(|sns| Self::AwsSns(Box::new(sns))),
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

    /// What it is called in logs and dead letters.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Twilio(_) => NAME,
            #[cfg(feature = "sns")]
            Self::AwsSns(_) => sns::NAME,
            Self::Null => "null",
        }
    }

    /// Whether it can send such a message at all.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn takes(&self, sms: &Sms) -> Result<(), Failure> {
        match self {
            Self::Twilio(_) => twilio::number(sms).map(drop),
            #[cfg(feature = "sns")]
            Self::AwsSns(sns) => sns.takes(sms),
            Self::Null => Ok(()),
        }
    }

    pub(super) async fn send(&self, sms: &Sms, delivery: &Delivery) -> Outcome {
        match self {
            Self::Twilio(twilio) => twilio.send(sms, delivery).await,
            #[cfg(feature = "sns")]
            Self::AwsSns(sns) => sns.send(sms, delivery).await,
            Self::Null => {
                Outcome::Sent(Receipt { provider_id: None, provider: Some("null"), ..Default::default() })
            }
        }
    }

    /// Logs in; what was tried, in a few words.
    pub(super) async fn check(&self) -> Result<String, Failure> {
        match self {
            Self::Twilio(twilio) => twilio.client.check().await.map(|said| format!("twilio: {said}")),
            #[cfg(feature = "sns")]
            Self::AwsSns(sns) => sns.check().await.map(|said| format!("aws-sns: {said}")),
            Self::Null => Ok("thrown away; sent to nobody".to_owned()),
        }
    }
}
