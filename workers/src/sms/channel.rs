//! From a message in hand to its outcome.

use std::sync::Arc;

use redispatch::config::{Fault, Reader, Table};
use redispatch::queue::Waiting;
use redispatch::{Delivery, Failure, Outcome};

use super::check::check;
use super::failover::Failover;
use super::parts::Parts;
use super::preview::preview;
use super::provider::Provider;
use super::settings::{SMS, SmsSettings, TWILIO};
#[cfg(feature = "sns")]
use super::sns::SNS;
use crate::Channel;
use crate::phone::{PHONES, Validation};

/// The channel `sms`.
pub struct SmsChannel {
    phones: Validation,
    providers: Failover,
}

impl Channel for SmsChannel {
    const QUEUE: &'static str = "sms";
    const CONCURRENCY: usize = 5;
    const TABLES: &'static [Table] = &[
        SMS,
        TWILIO,
        #[cfg(feature = "sns")]
        SNS,
        PHONES,
    ];
    type Settings = SmsSettings;

    fn read(reader: &mut Reader<'_>, _: usize) -> SmsSettings {
        SmsSettings::read(reader)
    }

    fn open(settings: SmsSettings) -> Result<Self, Fault> {
        let providers = settings.providers.into_iter().map(Provider::open).collect::<Result<_, _>>()?;
        Ok(Self { phones: settings.phones, providers: Failover::new(providers) })
    }

    async fn send(self: Arc<Self>, delivery: Delivery) -> Outcome {
        match check(delivery.bytes(), self.phones) {
            Ok(sms) => {
                delivery.charge(Parts::of(&sms.body).count);
                self.providers.send(&sms, &delivery).await
            }
            Err(failure) => Outcome::Reject(failure),
        }
    }

    fn validate(message: &Waiting) -> Result<(), Failure> {
        check(&message.bytes, Validation::Shape).map(drop)
    }

    fn preview(settings: &SmsSettings, message: &Waiting) -> Result<Vec<(&'static str, String)>, Failure> {
        preview(settings, message)
    }

    async fn check(&self) -> Result<String, Failure> {
        self.providers.check().await
    }

    async fn close(&self) {}
}
