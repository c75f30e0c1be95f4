use std::ffi::OsString;

use redispatch::config::Sources;
use secrecy::ExposeSecret as _;

use super::*;
use crate::Channel as _;
use crate::sms::SmsChannel;

const SID: &str = "AC00000000000000000000000000000abc";
const KEY: &str = "SK00000000000000000000000000000abc";
const SERVICE: &str = "MG00000000000000000000000000000abc";
const GOOD: [(&str, &str); 3] =
    [("TWILIO_ACCOUNT_SID", SID), ("TWILIO_AUTH_TOKEN", "hunter2"), ("TWILIO_FROM_NUMBER", "+14155550100")];

fn read(env: &[(&str, &str)]) -> (SmsSettings, String) {
    let env = env.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)));
    let sources = Sources::new(SmsChannel::TABLES, env, (vec![], vec![]));
    let mut reader = Reader::new(&sources);
    let settings = SmsSettings::read(&mut reader);
    (settings, reader.finish().err().map(|f| f.to_string()).unwrap_or_default())
}

/// [`GOOD`] and these, which have to do.
fn twilio_of(more: &[(&str, &str)]) -> (TwilioSettings, DefaultSender) {
    let (settings, faults) = read(&[&GOOD[..], more].concat());
    assert_eq!(faults, "");
    match settings.providers.into_iter().next() {
        Some(ProviderSettings::Twilio { account, sender }) => (account, sender),
        other => panic!("{other:?}"),
    }
}

#[test]
fn twilio_with_its_token() {
    let (account, sender) = twilio_of(&[]);
    assert_eq!(
        (&*account.account_sid, &*account.user, &*account.api_url),
        (SID, SID, "https://api.twilio.com")
    );
    assert_eq!(account.password.expose_secret(), "hunter2");
    assert_eq!(sender, DefaultSender::Number("+14155550100".into()));
    assert!(!format!("{account:?}").contains("hunter2"));
}

#[test]
fn an_api_key_wins_over_the_token_and_can_replace_it() {
    let key = [("TWILIO_API_KEY_SID", KEY), ("TWILIO_API_KEY_SECRET", "geheim")];
    let (account, _) = twilio_of(&key);
    assert_eq!((&*account.user, account.password.expose_secret()), (KEY, "geheim"));
    assert_eq!(read(&[&[GOOD[0], GOOD[2]], &key[..]].concat()).1, "");
    for alone in key {
        let (_, faults) = read(&[&GOOD[..], &[alone]].concat());
        assert!(faults.contains(&format!("{}: is set without TWILIO_API_KEY_S", alone.0)), "{faults}");
        assert!(!faults.contains("geheim"), "{faults}");
    }
}

#[test]
fn the_service_wins_over_the_number() {
    let service = [("TWILIO_MESSAGING_SERVICE_SID", SERVICE)];
    assert_eq!(twilio_of(&service).1, DefaultSender::Service(SERVICE.into()));
    assert_eq!(read(&[&GOOD[..2], &service].concat()).1, "");
    for number in ["ACME & Co", "12345"] {
        let (settings, faults) = read(&[GOOD[0], GOOD[1], ("TWILIO_FROM_NUMBER", number)]);
        assert_eq!(faults, "");
        assert!(
            matches!(&settings.providers[..], [ProviderSettings::Twilio { sender: DefaultSender::Number(n), .. }] if n == number)
        );
    }
}

#[test]
fn everything_missing_is_told_at_once() {
    let (_, faults) = read(&[]);
    for name in ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM_NUMBER"] {
        assert!(faults.contains(&format!("\n  {name}: is needed for SMS_PROVIDER with twilio")), "{faults}");
    }
    assert!(faults.contains("or an API key as TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET"), "{faults}");
    assert!(faults.starts_with("error: 3 settings"), "{faults}");
}

#[test]
fn all_faults_at_once() {
    let (_, faults) = read(&[
        ("SMS_PROVIDER", "twilio, null"),
        ("TWILIO_ACCOUNT_SID", "geheimes-token"),
        ("TWILIO_API_KEY_SID", SID),
        ("TWILIO_FROM_NUMBER", "0170 1234567"),
        ("TWILIO_MESSAGING_SERVICE_SID", "MG1"),
        ("TWILIO_API_URL", "https://user:geheim@api.example"),
        ("PHONE_VALIDATION", "lax"),
    ]);
    for name in [
        "SMS_PROVIDER",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_API_KEY_SID",
        "TWILIO_FROM_NUMBER",
        "TWILIO_MESSAGING_SERVICE_SID",
        "TWILIO_API_URL",
        "PHONE_VALIDATION",
    ] {
        assert!(faults.contains(&format!("\n  {name}: ")), "{name}: {faults}");
    }
    assert!(!faults.contains("geheim"), "a token in the wrong place is not shown: {faults}");
}

#[test]
fn a_service_in_the_place_of_a_number_is_told_where_to_go() {
    let (_, faults) = read(&[GOOD[0], GOOD[1], ("TWILIO_FROM_NUMBER", SERVICE)]);
    assert!(faults.contains("give it as TWILIO_MESSAGING_SERVICE_SID"), "{faults}");
}

#[test]
fn api_urls() {
    for (given, used) in [
        ("https://api.dublin.ie1.twilio.com", "https://api.dublin.ie1.twilio.com"),
        ("https://api.twilio.com/", "https://api.twilio.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://nottwilio.com", "http://nottwilio.com"),
        ("HTTPS://API.Twilio.com:443", "https://api.twilio.com"),
    ] {
        assert_eq!(twilio_of(&[("TWILIO_API_URL", given)]).0.api_url, used);
    }
    for bad in [
        "api.twilio.com",
        "ftp://api.twilio.com",
        "https://",
        "https://api.twilio.com/2010-04-01",
        "https://api.twilio.com?x=1",
        "https://api.twilio.com#x",
        "https://me@api.twilio.com",
        "https://api.whatsapp.com",
        "http://api.twilio.com",
        "twilio",
    ] {
        let (_, faults) = read(&[&GOOD[..], &[("TWILIO_API_URL", bad)]].concat());
        assert!(
            faults.contains("TWILIO_API_URL: ") && faults.contains("write it as https://api.twilio.com"),
            "{bad}: {faults}"
        );
    }
}

#[test]
fn providers_are_a_list_without_doubles() {
    let names = |text: &str| {
        let own = [("SMS_PROVIDER", text), ("AWS_REGION", "eu-central-1")];
        let (settings, faults) = read(&[&GOOD[..], &own].concat());
        assert_eq!(faults, "", "{text}");
        settings
            .providers
            .iter()
            .map(|provider| match provider {
                ProviderSettings::Twilio { .. } => 't',
                #[cfg(feature = "sns")]
                ProviderSettings::AwsSns(_) => 's',
                ProviderSettings::Null => 'n',
            })
            .collect::<String>()
    };
    for (text, expected) in [("twilio", "t"), ("null", "n"), ("twilio  # or 'aws-sns'", "t")] {
        assert_eq!(names(text), expected);
    }
    #[cfg(feature = "sns")]
    for (text, expected) in [("aws-sns, Twilio", "st"), ("twilio,aws-sns", "ts")] {
        assert_eq!(names(text), expected);
    }
    #[cfg(not(feature = "sns"))]
    assert!(read(&[("SMS_PROVIDER", "aws-sns")]).1.contains("build with the feature sns"));
    for bad in ["twillio", "twilio,twilio", "twilio,", ",", "null,twilio", "twilio aws-sns"] {
        let (_, faults) = read(&[&GOOD[..], &[("SMS_PROVIDER", bad)]].concat());
        assert!(faults.contains("SMS_PROVIDER: "), "{bad}: {faults}");
    }
}

/// Others need nothing of Twilio, but what is there is looked at.
#[test]
fn null_needs_nothing() {
    let (settings, faults) = read(&[("SMS_PROVIDER", "null")]);
    assert!(matches!(settings.providers[..], [ProviderSettings::Null]) && faults.is_empty(), "{faults}");
    let (_, faults) = read(&[("SMS_PROVIDER", "null"), ("TWILIO_ACCOUNT_SID", "x")]);
    assert!(faults.contains("TWILIO_ACCOUNT_SID"), "{faults}");
}
