//! The settings of sms-worker, beside those of the library.

use redispatch::Failure;
use redispatch::config::{Fault, Kind, Otherwise::*, Reader, Setting, Table};

use super::message::Sms;
#[cfg(feature = "sns")]
use super::sns::SnsSettings;
use super::{sender, twilio as sms_twilio};
use crate::phone::Validation;
use crate::twilio::{self, Names, TwilioSettings};

/// The settings of [`SmsSettings`].
pub const SMS: Table = Table {
    heading: "SMS",
    settings: &[Setting::new(
        "SMS_PROVIDER",
        Kind::Text,
        Value("twilio"),
        "Who sends: twilio, aws-sns, or null, which discards; a comma list is a failover order",
    )],
};

/// The settings of [`ProviderSettings::Twilio`].
pub const TWILIO: Table = Table {
    heading: "Twilio",
    settings: &[
        Setting::new(
            "TWILIO_ACCOUNT_SID",
            Kind::Text,
            Nothing,
            "Account SID (AC…), needed for SMS_PROVIDER=twilio",
        ),
        Setting::new("TWILIO_AUTH_TOKEN", Kind::Secret, Nothing, "Auth token to log in with"),
        Setting::new(
            "TWILIO_API_KEY_SID",
            Kind::Text,
            Nothing,
            "API key (SK…) to log in with instead of the token",
        ),
        Setting::new("TWILIO_API_KEY_SECRET", Kind::Secret, Nothing, "Secret of the API key"),
        Setting::new(
            "TWILIO_FROM_NUMBER",
            Kind::Text,
            Nothing,
            "Sender of messages that name none: number, short code or sender ID",
        ),
        Setting::new(
            "TWILIO_MESSAGING_SERVICE_SID",
            Kind::Text,
            Nothing,
            "Messaging service (MG…) that chooses the sender; wins over TWILIO_FROM_NUMBER",
        ),
        Setting::new(
            "TWILIO_API_URL",
            Kind::Text,
            Value("https://api.twilio.com"),
            "Another region or edge of Twilio",
        ),
    ],
};

const NAMES: Names = Names {
    account_sid: "TWILIO_ACCOUNT_SID",
    auth_token: "TWILIO_AUTH_TOKEN",
    api_key: Some(("TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET")),
    api_url: "TWILIO_API_URL",
};

/// How sms-worker sends.
#[derive(Debug, Clone)]
pub struct SmsSettings {
    /// How closely numbers are looked at.
    pub phones: Validation,
    /// Who sends, in the order in which they are tried; at least one.
    pub providers: Vec<ProviderSettings>,
}

/// How one provider is reached.
#[derive(Debug, Clone)]
pub enum ProviderSettings {
    /// Twilio's Messages API.
    Twilio {
        /// The account.
        account: TwilioSettings,
        /// Who sends where the message names nobody.
        sender: DefaultSender,
    },
    /// Amazon SNS.
    #[cfg(feature = "sns")]
    AwsSns(SnsSettings),
    /// Nowhere (load tests).
    Null,
}

/// The sender of messages that name none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultSender {
    /// `TWILIO_FROM_NUMBER`: a number, short code or sender ID.
    Number(String),
    /// `TWILIO_MESSAGING_SERVICE_SID`.
    Service(String),
}

#[derive(Clone, Copy, PartialEq)]
enum Name {
    Twilio,
    AwsSns,
    Null,
}

const PROVIDERS: [(&str, Name); 3] =
    [("twilio", Name::Twilio), ("aws-sns", Name::AwsSns), ("null", Name::Null)];

impl SmsSettings {
    /// Reads the tables [`SMS`], [`TWILIO`], SNS's and [`PHONES`](crate::phone::PHONES). What cannot be used is a
    /// placeholder, and a fault of `reader`. Must not be called inside of an async runtime.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let names = reader.parsed("SMS_PROVIDER", providers).unwrap_or_else(|| vec![Name::Null]);
        let twilio = twilio(reader, names.contains(&Name::Twilio));
        let sns = sns(reader, names.contains(&Name::AwsSns));
        let providers = names.into_iter().map(|name| match name {
            Name::Twilio => twilio.clone().unwrap_or(ProviderSettings::Null),
            Name::AwsSns => sns.clone().unwrap_or(ProviderSettings::Null),
            Name::Null => ProviderSettings::Null,
        });
        Self { providers: providers.collect(), phones: Validation::read(reader) }
    }
}

/// A comma list of providers, each once; a comment behind it does not count.
fn providers(text: &str) -> Result<Vec<Name>, String> {
    let text = text.split('#').next().unwrap_or_default();
    let named: Option<Vec<Name>> = text
        .split(',')
        .map(|word| {
            PROVIDERS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.trim())).map(|(_, name)| *name)
        })
        .collect();
    let Some(named) = named else {
        return Err("choose of twilio, aws-sns and null; a comma list is a failover order".to_owned());
    };
    if named.iter().enumerate().any(|(at, name)| named[..at].contains(name)) {
        return Err("name each provider once".to_owned());
    }
    if named.len() > 1 && named.contains(&Name::Null) {
        return Err("take null out: it would discard what the others cannot send".to_owned());
    }
    Ok(named)
}

/// All of it is checked, also where SNS is not used.
#[cfg(feature = "sns")]
fn sns(reader: &mut Reader<'_>, used: bool) -> Option<ProviderSettings> {
    SnsSettings::read(reader, used).map(ProviderSettings::AwsSns)
}

#[cfg(not(feature = "sns"))]
fn sns(reader: &mut Reader<'_>, used: bool) -> Option<ProviderSettings> {
    if used {
        let cure = "build with the feature sns, or choose another provider";
        reader.fault(Fault::new("SMS_PROVIDER", "names aws-sns, which this build has not", cure));
    }
    None
}

impl ProviderSettings {
    /// Whether this provider can send such a message at all.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn takes(&self, sms: &Sms) -> Result<(), Failure> {
        match self {
            Self::Twilio { .. } => sms_twilio::number(sms).map(drop),
            #[cfg(feature = "sns")]
            Self::AwsSns(settings) => settings.takes(sms),
            Self::Null => Ok(()),
        }
    }
}

/// All of it is checked, also where Twilio is not used.
fn twilio(reader: &mut Reader<'_>, used: bool) -> Option<ProviderSettings> {
    const NEEDED_FOR: &str = "SMS_PROVIDER with twilio";
    let account = TwilioSettings::read(reader, &NAMES, used.then_some(NEEDED_FOR));
    let number = reader.parsed("TWILIO_FROM_NUMBER", |text| {
        if sender::is_service(text) {
            return Err("give it as TWILIO_MESSAGING_SERVICE_SID".to_owned());
        }
        match sender::is_number(text) || sender::is_sender_id(text) {
            true => Ok(text.to_owned()),
            false => {
                Err("write a number such as +14155552671, a short code, or a sender ID of up to 11 letters"
                    .to_owned())
            }
        }
    });
    let service = twilio::sid(reader, "TWILIO_MESSAGING_SERVICE_SID", "MG", "the SID of a messaging service");
    let is_set = ["TWILIO_FROM_NUMBER", "TWILIO_MESSAGING_SERVICE_SID"].map(|name| reader.is_set(name));
    if used && is_set == [false, false] {
        let cure = "set it to a number of yours, or TWILIO_MESSAGING_SERVICE_SID";
        let problem =
            format!("is needed for {NEEDED_FOR}: messages that name no `from` would have no sender");
        reader.fault(Fault::new("TWILIO_FROM_NUMBER", problem, cure));
    }
    let sender = service.map(DefaultSender::Service).or(number.map(DefaultSender::Number))?;
    Some(ProviderSettings::Twilio { account: account?, sender })
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
