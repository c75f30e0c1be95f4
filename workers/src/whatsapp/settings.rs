//! The settings of whatsapp-worker, beside those of the library.

use redispatch::config::{Fault, Kind, Otherwise::*, Reader, Setting, Table};

use super::check::{PREFIX, bare};
use crate::phone::{self, Validation};
use crate::twilio::{Names, TwilioSettings};

/// The settings of [`WhatsAppSettings`].
pub const WHATSAPP: Table = Table {
    heading: "WhatsApp",
    settings: &[
        Setting::new("WHATSAPP_ACCOUNT_SID", Kind::Text, Nothing, "Account SID (AC…) at Twilio"),
        Setting::new("WHATSAPP_AUTH_TOKEN", Kind::Secret, Nothing, "Auth token to log in with"),
        Setting::new(
            "WHATSAPP_FROM_NUMBER",
            Kind::Text,
            Nothing,
            "Sender of messages that name none: a number with WhatsApp, such as +14155238886",
        ),
        Setting::new(
            "WHATSAPP_API_URL",
            Kind::Text,
            Value("https://api.twilio.com"),
            "Another region or edge of Twilio",
        ),
    ],
};

/// The sender's setting.
pub(super) const FROM: &str = "WHATSAPP_FROM_NUMBER";

const NAMES: Names = Names {
    account_sid: "WHATSAPP_ACCOUNT_SID",
    auth_token: "WHATSAPP_AUTH_TOKEN",
    api_key: None,
    api_url: "WHATSAPP_API_URL",
};

/// How whatsapp-worker sends.
#[derive(Debug, Clone)]
pub struct WhatsAppSettings {
    /// How closely numbers are looked at.
    pub phones: Validation,
    /// `None` only beside a fault.
    pub account: Option<TwilioSettings>,
    /// Sender of messages that name none, with `whatsapp:`.
    pub from: String,
}

impl WhatsAppSettings {
    /// Reads the tables [`WHATSAPP`] and [`PHONES`](crate::phone::PHONES). What cannot be used is a placeholder, and a
    /// fault of `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let account = TwilioSettings::read(reader, &NAMES, Some("whatsapp-worker"));
        let from = reader.parsed(FROM, |text| {
            let cure = "write a number such as +14155238886, with or without whatsapp:";
            phone::shape(bare(text)).map(|()| format!("{PREFIX}{}", bare(text))).map_err(|_| cure.to_owned())
        });
        if !reader.is_set(FROM) {
            let problem = "is needed: messages that name no `from` would have no sender";
            reader.fault(Fault::new(
                FROM,
                problem,
                "set it to your number with WhatsApp, such as +14155238886",
            ));
        }
        Self { phones: Validation::read(reader), account, from: from.unwrap_or_default() }
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
