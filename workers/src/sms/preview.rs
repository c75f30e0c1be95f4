//! What would be sent, for the operator's eyes.

use redispatch::Failure;
use redispatch::queue::Waiting;
use redispatch::telemetry::mask;

use super::check::check;
use super::message::{Sms, Target};
use super::parts::{Encoding, Parts};
use super::settings::{ProviderSettings, SmsSettings};
use super::{failover, twilio};
use crate::content::{shown, shown_media};
use crate::twilio::Sender;

/// The SMS a message would become, as (name, value) lines.
///
/// # Errors
///
/// Why it would be dead-lettered.
pub(super) fn preview(
    settings: &SmsSettings,
    message: &Waiting,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let sms = check(&message.bytes, settings.phones)?;
    let from = match failover::first(&settings.providers, |provider| provider.takes(&sms))? {
        ProviderSettings::Twilio { sender, .. } => match twilio::from(&sms, sender).0 {
            Sender::From(from) | Sender::Service(from) => from.to_owned(),
        },
        #[cfg(feature = "sns")]
        ProviderSettings::AwsSns(sns) => {
            sms.from.clone().or_else(|| sns.sender_id.clone()).unwrap_or_default()
        }
        ProviderSettings::Null => sms.from.clone().unwrap_or_default(),
    };
    let to = match &sms.to {
        Target::Number(number) => mask::recipient(number),
        Target::Topic(Some(arn)) => arn.clone(),
        Target::Topic(None) => "the topic SNS_TOPIC_ARN".to_owned(),
    };
    let mut lines = vec![("from", from), ("to", to), ("body", shown(&sms.body)), ("size", size(&sms))];
    lines.extend(shown_media(&sms.media_urls));
    Ok(lines)
}

/// `81 characters, 2 parts of UCS-2`
fn size(sms: &Sms) -> String {
    let parts = Parts::of(&sms.body);
    let alphabet = match parts.encoding {
        Encoding::Gsm7 => "GSM-7",
        Encoding::Ucs2 => "UCS-2",
    };
    let plural = if parts.count == 1 { "part" } else { "parts" };
    format!("{} characters, {} {plural} of {alphabet}", sms.body.chars().count(), parts.count)
}
