//! Where Twilio is and who we are there.

use redispatch::config::{Fault, Reader};
use secrecy::SecretString;
use url::Url;

/// What the settings of one account are called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) account_sid: &'static str,
    pub(crate) auth_token: &'static str,
    /// SID and secret of an API key, where the program has them.
    pub(crate) api_key: Option<(&'static str, &'static str)>,
    pub(crate) api_url: &'static str,
}

/// An account at Twilio.
#[derive(Debug, Clone)]
pub struct TwilioSettings {
    pub(crate) names: &'static Names,
    /// `AC` and 32 hex digits.
    pub account_sid: String,
    /// The account's SID or that of an API key, to log in with.
    pub user: String,
    /// The account's token or the API key's secret.
    pub password: SecretString,
    /// Scheme, host and port: `https://api.twilio.com`.
    pub api_url: String,
}

impl TwilioSettings {
    /// Reads them by their `names`. `needed_for` (`SMS_PROVIDER=twilio`) says that they must be there, and why. `None`
    /// where they are not all there, or a fault of `reader` says so.
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        names: &'static Names,
        needed_for: Option<&str>,
    ) -> Option<Self> {
        let api_url = api_url(reader, names.api_url);
        let account_sid = sid(reader, names.account_sid, "AC", "the Account SID of the Twilio console");
        let token = reader.secret(names.auth_token);
        let api_key = names.api_key.and_then(|names| api_key(reader, names));
        if let Some(what) = needed_for {
            let key_set =
                names.api_key.is_some_and(|(sid, secret)| reader.is_set(sid) || reader.is_set(secret));
            let mut needed = |name: &str, cure: String| {
                if !reader.is_set(name) {
                    reader.fault(Fault::new(name, format!("is needed for {what}"), cure));
                }
            };
            needed(names.account_sid, "copy the Account SID (AC…) from the Twilio console".to_owned());
            if !key_set {
                let or = names.api_key.map(|(sid, secret)| format!(", or an API key as {sid} and {secret}"));
                let cure = format!("copy the Auth Token from the Twilio console{}", or.unwrap_or_default());
                needed(names.auth_token, cure);
            }
        }
        let account_sid = account_sid?;
        let (user, password) = api_key.or_else(|| Some((account_sid.clone(), token?)))?;
        Some(Self { names, account_sid, user, password, api_url: api_url? })
    }

    /// The settings to look at when the login is refused.
    pub(super) fn login_names(&self) -> String {
        match self.names.api_key {
            Some((sid, secret)) if self.user != self.account_sid => {
                format!("{}, {sid} and {secret}", self.names.account_sid)
            }
            _ => format!("{} and {}", self.names.account_sid, self.names.auth_token),
        }
    }
}

/// The API key, which has both or nothing.
fn api_key(reader: &mut Reader<'_>, (sid_name, secret_name): (&str, &str)) -> Option<(String, SecretString)> {
    let key = sid(reader, sid_name, "SK", "the SID of an API key");
    let secret = reader.secret(secret_name);
    for (name, other) in [(sid_name, secret_name), (secret_name, sid_name)] {
        if reader.is_set(name) && !reader.is_set(other) {
            let cure = format!("set {other} too, or neither");
            reader.fault(Fault::new(name, format!("is set without {other}"), cure));
        }
    }
    key.zip(secret)
}

/// A SID that begins with `prefix`. Its value is not shown: it may be a token in the wrong place.
pub(crate) fn sid(reader: &mut Reader<'_>, name: &str, prefix: &str, what: &str) -> Option<String> {
    let text = reader.text(name)?;
    if is_sid(&text, prefix) {
        return Some(text);
    }
    let cure = format!("copy {what}: {prefix} and 32 of 0-9 and a-f");
    reader.fault(Fault::new(name, format!("is no SID that begins with {prefix}"), cure));
    None
}

/// Whether `text` is `prefix` and 32 hex digits.
pub(crate) fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn api_url(reader: &mut Reader<'_>, name: &str) -> Option<String> {
    let text = reader.text(name)?;
    let parsed = Url::parse(&text);
    let problem = match &parsed {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => "holds a user or password",
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host().is_none() => {
            "is no http:// or https:// URL"
        }
        Ok(url) if url.path() != "/" || url.query().is_some() || url.fragment().is_some() => {
            "has more than a host and a port"
        }
        Ok(url) if url.host_str().is_some_and(|host| belongs_to(host, "whatsapp.com")) => {
            "is not Twilio's: it would hand your Twilio credentials to another company's host"
        }
        Ok(url)
            if url.scheme() == "http"
                && url.host_str().is_some_and(|host| belongs_to(host, "twilio.com")) =>
        {
            "would send your credentials unencrypted"
        }
        Ok(url) => return Some(url.origin().ascii_serialization()),
        Err(_) => "is no http:// or https:// URL",
    };
    reader.fault(Fault::new(name, problem, "write it as https://api.twilio.com, or leave it out"));
    None
}

/// Whether `host` is `domain` or lies below it.
fn belongs_to(host: &str, domain: &str) -> bool {
    let above = host.trim_end_matches('.').strip_suffix(domain);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}
