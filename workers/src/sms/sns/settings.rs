//! The settings of `SMS_PROVIDER=aws-sns`.

use aws_config::meta::region::RegionProviderChain;
use aws_config::{Region, environment, profile};
use redispatch::config::{Fault, Kind, Otherwise::*, Reader, Setting, Table};
use secrecy::SecretString;
use url::Url;

use super::shape;

/// The settings of [`SnsSettings`].
pub const SNS: Table = Table {
    heading: "AWS SNS",
    settings: &[
        Setting::new(
            "AWS_REGION",
            Kind::Text,
            Derived("AWS_DEFAULT_REGION, else the region of the AWS profile"),
            "Region to publish in, such as eu-central-1",
        ),
        Setting::new(
            "AWS_ACCESS_KEY_ID",
            Kind::Text,
            Nothing,
            "Access key; without it profile, web identity, container and instance roles are tried",
        ),
        Setting::new("AWS_SECRET_ACCESS_KEY", Kind::Secret, Nothing, "Its secret"),
        Setting::new("AWS_SESSION_TOKEN", Kind::Secret, Nothing, "Its session token, if it is temporary"),
        Setting::new("AWS_ENDPOINT_URL_SNS", Kind::Text, Nothing, "Where SNS is, instead of AWS"),
        Setting::new(
            "SNS_TOPIC_ARN",
            Kind::Text,
            Nothing,
            "Topic of messages with \"topic\": true; nothing else is published to it",
        ),
        Setting::new(
            "SNS_SENDER_ID",
            Kind::Text,
            Nothing,
            "Sender of messages that name none: up to 11 letters and digits",
        ),
        Setting::new(
            "SNS_SMS_TYPE",
            Kind::Choice(&["Transactional", "Promotional"]),
            Value("Transactional"),
            "What SNS optimizes for: delivery or cost",
        ),
    ],
};

const TYPES: [(&str, &str); 2] = [("Transactional", "Transactional"), ("Promotional", "Promotional")];

/// How to publish with SNS.
#[derive(Debug, Clone)]
pub struct SnsSettings {
    /// Where to publish: `eu-central-1`.
    pub region: String,
    /// `None`: what the SDK finds (profile, web identity, container or instance role).
    pub keys: Option<Keys>,
    /// Where SNS is, instead of AWS.
    pub endpoint: Option<String>,
    /// The topic of messages that name none.
    pub topic: Option<String>,
    /// Sender of messages that name none.
    pub sender_id: Option<String>,
    /// `Transactional` or `Promotional`.
    pub sms_type: &'static str,
}

/// Credentials out of the settings.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The access key.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
    /// The session token of temporary keys.
    pub token: Option<SecretString>,
}

impl SnsSettings {
    /// Reads the table [`SNS`]. What cannot be used is a fault of `reader`; a missing region is one only where SNS is
    /// `wanted`. Must not be called inside of an async runtime.
    pub fn read(reader: &mut Reader<'_>, wanted: bool) -> Option<Self> {
        let given = reader.parsed("AWS_REGION", shape::region);
        let region = match given {
            None if wanted && !reader.is_set("AWS_REGION") => {
                let found = region_elsewhere();
                if found.is_none() {
                    let problem = "is needed for SMS_PROVIDER=aws-sns, and no AWS profile has one";
                    reader.fault(Fault::new(
                        "AWS_REGION",
                        problem,
                        "set it, such as AWS_REGION=eu-central-1",
                    ));
                }
                found
            }
            given => given,
        };
        let keys = keys(reader);
        let endpoint = reader.parsed("AWS_ENDPOINT_URL_SNS", endpoint);
        let topic = reader.parsed("SNS_TOPIC_ARN", shape::topic);
        let sender_id = reader.parsed("SNS_SENDER_ID", shape::sender_id);
        let sms_type = reader.choice("SNS_SMS_TYPE", &TYPES)?;
        if let (Some(region), Some(topic)) = (&region, &topic)
            && shape::region_of(topic) != Some(region)
        {
            let cure = format!("name a topic of {region}, or set AWS_REGION to the topic's");
            reader.fault(Fault::new("SNS_TOPIC_ARN", format!("`{topic}` is in another region"), cure));
        }
        Some(Self { region: region?, keys, endpoint, topic, sender_id, sms_type })
    }
}

fn keys(reader: &mut Reader<'_>) -> Option<Keys> {
    let id = reader.text("AWS_ACCESS_KEY_ID");
    let secret = reader.secret("AWS_SECRET_ACCESS_KEY");
    let token = reader.secret("AWS_SESSION_TOKEN");
    for (name, other) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        ("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"),
    ] {
        if reader.is_set(name) && !reader.is_set(other) {
            let cure = format!("set {other} too, or neither to use a profile or role");
            reader.fault(Fault::new(name, format!("is set without {other}"), cure));
        }
    }
    Some(Keys { id: id?, secret: secret?, token })
}

/// What the SDK would take, without asking the instance's metadata.
fn region_elsewhere() -> Option<String> {
    let chain = RegionProviderChain::first_try(environment::EnvironmentVariableRegionProvider::new())
        .or_else(profile::ProfileFileRegionProvider::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let region: Region = runtime.block_on(chain.region())?;
    shape::region(region.as_ref()).ok()
}

fn endpoint(text: &str) -> Result<String, String> {
    let cure = "write a URL such as https://sns.eu-central-1.amazonaws.com or http://localhost:4566";
    let url = Url::parse(text).map_err(|_| cure)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let usable =
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.fragment().is_none();
    if usable { Ok(text.trim_end_matches('/').to_owned()) } else { Err(cure.to_owned()) }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
