use std::ffi::OsString;

use redispatch::config::Sources;

use super::*;
use crate::phone::PHONES;

const GOOD: [(&str, &str); 3] = [
    ("WHATSAPP_ACCOUNT_SID", "AC00000000000000000000000000000abc"),
    ("WHATSAPP_AUTH_TOKEN", "hunter2"),
    ("WHATSAPP_FROM_NUMBER", "+14155238886"),
];

fn read(env: &[(&str, &str)]) -> (WhatsAppSettings, String) {
    let env = env.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)));
    let sources = Sources::new(&[WHATSAPP, PHONES], env, (vec![], vec![]));
    let mut reader = Reader::new(&sources);
    let settings = WhatsAppSettings::read(&mut reader);
    (settings, reader.finish().err().map(|f| f.to_string()).unwrap_or_default())
}

#[test]
fn its_own_account() {
    for from in ["+14155238886", "whatsapp:+14155238886"] {
        let (settings, faults) = read(&[GOOD[0], GOOD[1], ("WHATSAPP_FROM_NUMBER", from)]);
        assert_eq!((&*settings.from, &*faults), ("whatsapp:+14155238886", ""));
        let account = settings.account.unwrap();
        assert_eq!((&*account.user, &*account.api_url), (GOOD[0].1, "https://api.twilio.com"));
    }
}

#[test]
fn all_faults_at_once() {
    let (_, faults) = read(&[]);
    for (name, _) in GOOD {
        assert!(faults.contains(&format!("\n  {name}: is needed")), "{name}: {faults}");
    }
    assert!(!faults.contains("API key"), "{faults}");
    let (_, faults) = read(&[
        GOOD[1],
        ("WHATSAPP_ACCOUNT_SID", "x"),
        ("WHATSAPP_FROM_NUMBER", "ACME"),
        ("WHATSAPP_API_URL", "x"),
    ]);
    assert!(faults.starts_with("error: 3 settings"), "{faults}");
}

#[test]
fn the_credentials_go_to_no_other_company() {
    for url in ["https://api.whatsapp.com", "https://API.whatsapp.com.", "http://whatsapp.com:8080/"] {
        let (_, faults) = read(&[&GOOD[..], &[("WHATSAPP_API_URL", url)]].concat());
        assert!(
            faults.contains("WHATSAPP_API_URL: is not Twilio's: it would hand your Twilio credentials"),
            "{faults}"
        );
    }
    assert_eq!(read(&[&GOOD[..], &[("WHATSAPP_API_URL", "http://127.0.0.1:1")]].concat()).1, "");
}
