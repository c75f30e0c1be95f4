//! Which messages SNS can send at all.

use redispatch::Failure;

use super::settings::SnsSettings;
use super::{NAME, shape};
use crate::sms::message::{Sms, Target};

impl SnsSettings {
    /// Whether SNS can send this message at all. It has no use for `status_callback`.
    ///
    /// # Errors
    ///
    /// Why not: media, a sender it cannot have, no topic to publish to.
    pub fn takes(&self, sms: &Sms) -> Result<(), Failure> {
        let no = |why: String| Err(Failure::malformed(why).by(NAME));
        if !sms.media_urls.is_empty() {
            return no("aws-sns sends text only: leave `media_urls` out".to_owned());
        }
        if let Some(from) = &sms.from
            && !shape::is_number(from)
            && let Err(cure) = shape::sender_id(from)
        {
            return no(format!("`from` is no sender for aws-sns: give a number, or {cure}"));
        }
        let Target::Topic(named) = &sms.to else { return Ok(()) };
        match (named, &self.topic) {
            (None, None) => no("`topic` is true, and SNS_TOPIC_ARN is not set".to_owned()),
            (None, Some(_)) => Ok(()),
            (Some(arn), _) => match shape::topic(arn) {
                Err(cure) => no(format!("`topic` cannot be used: {cure}")),
                Ok(arn) if shape::region_of(&arn) != Some(&self.region) => {
                    no(format!("`topic` is not in {}", self.region))
                }
                Ok(_) => Ok(()),
            },
        }
    }
}
