//! From a message in hand to its outcome.

use std::sync::Arc;

use redispatch::config::{Fault, Reader, Table};
use redispatch::queue::Waiting;
use redispatch::{Delivery, Failure, Outcome};

use super::check::check;
use super::parts::Parts;
use super::preview::preview;
use super::provider::Provider;
use super::settings::{SMS, SmsSettings, TWILIO};
use crate::Channel;
use crate::phone::{PHONES, Validation};

/// The channel `sms`.
pub struct SmsChannel {
    phones: Validation,
    provider: Provider,
}

impl Channel for SmsChannel {
    const QUEUE: &'static str = "sms";
    const CONCURRENCY: usize = 5;
    const TABLES: &'static [Table] = &[SMS, TWILIO, PHONES];
    type Settings = SmsSettings;

    fn read(reader: &mut Reader<'_>, _: usize) -> SmsSettings {
        SmsSettings::read(reader)
    }

    fn open(settings: SmsSettings) -> Result<Self, Fault> {
        let mut providers = settings.providers.into_iter();
        let (Some(provider), None) = (providers.next(), providers.next()) else {
            return Err(Fault::new("SMS_PROVIDER", "failover is not in this build", "name one provider"));
        };
        Ok(Self { phones: settings.phones, provider: Provider::open(provider)? })
    }

    async fn send(self: Arc<Self>, delivery: Delivery) -> Outcome {
        match check(delivery.bytes(), self.phones) {
            Ok(sms) => {
                delivery.charge(Parts::of(&sms.body).count);
                self.provider.send(&sms, &delivery).await
            }
            Err(failure) => Outcome::Reject(failure),
        }
    }

    fn preview(settings: &SmsSettings, message: &Waiting) -> Result<Vec<(&'static str, String)>, Failure> {
        preview(settings, message)
    }

    async fn check(&self) -> Result<String, Failure> {
        self.provider.check().await
    }

    async fn close(&self) {}
}
