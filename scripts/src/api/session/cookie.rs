//! A session in a cookie that says itself until when it lasts, sealed with the token: any server of the same token knows
//! it, after a restart too, and another token ends it.

use axum::http::{HeaderMap, header};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use redispatch::clock;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

const NAME: &str = "redispatch_session";

/// How long a session lasts that is not used, s.
const LASTS: u64 = 12 * 3600;

/// Takes the cookie away.
pub(super) const GONE: &str = "redispatch_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";

/// Makes cookies, and knows its own again.
pub(crate) struct Sealer(Hmac<Sha256>);

/// A session that is valid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cookie {
    value: String,
    /// When it ends, s since 1970.
    ends: u64,
    /// What a change in its name has to bring along: no page of another host can read it.
    pub(crate) csrf: String,
}

impl Sealer {
    pub(crate) fn new(token: &SecretString) -> Option<Self> {
        Hmac::new_from_slice(token.expose_secret().as_bytes()).ok().map(Self)
    }

    /// A session that begins now.
    pub(crate) fn open(&self) -> Cookie {
        self.until(clock::unix_ms() / 1000 + LASTS)
    }

    fn until(&self, ends: u64) -> Cookie {
        let random: u128 = rand::random();
        let text = format!("{ends}.{random:032x}");
        let value = format!("{text}.{}", HEXLOWER.encode(&self.seal("session", &text)));
        Cookie { csrf: HEXLOWER.encode(&self.seal("csrf", &value)), value, ends }
    }

    /// The session that a request brings, while it lasts.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Option<Cookie> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut given = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        given.find_map(|(name, value)| if name == NAME { self.check(value) } else { None })
    }

    fn check(&self, value: &str) -> Option<Cookie> {
        let (text, sealed) = value.rsplit_once('.')?;
        let ends = text.split_once('.')?.0.parse().ok()?;
        self.mac("session", text).verify_slice(&HEXLOWER.decode(sealed.as_bytes()).ok()?).ok()?;
        let csrf = HEXLOWER.encode(&self.seal("csrf", value));
        (ends > clock::unix_ms() / 1000).then(|| Cookie { value: value.to_owned(), ends, csrf })
    }

    fn mac(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(purpose).chain_update(":").chain_update(text)
    }

    fn seal(&self, purpose: &str, text: &str) -> [u8; 32] {
        self.mac(purpose, text).finalize().into_bytes().into()
    }
}

impl Cookie {
    /// Half of its time is over.
    pub(crate) fn is_ageing(&self) -> bool {
        self.ends < clock::unix_ms() / 1000 + LASTS / 2
    }

    /// What `Set-Cookie` says.
    pub(crate) fn header(&self, is_https: bool) -> String {
        let secure = if is_https { "; Secure" } else { "" };
        format!("{NAME}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={LASTS}{secure}", self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(token: &str) -> Sealer {
        Sealer::new(&token.to_owned().into()).unwrap()
    }

    fn read(sealer: &Sealer, cookie: &str) -> Option<Cookie> {
        let headers = HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())]);
        sealer.read(&headers)
    }

    #[test]
    fn it_is_known_again_by_whoever_has_the_token_and_by_nobody_else() {
        let cookie = sealer("a token").open();
        let given = format!("theme=dark; {NAME}={}; x=y", cookie.value);
        assert_eq!(read(&sealer("a token"), &given).unwrap(), cookie);
        assert_eq!(read(&sealer("another"), &given), None);
        assert_ne!(cookie.csrf, sealer("a token").open().csrf, "each session has its own");
    }

    #[test]
    fn nothing_of_it_can_be_changed() {
        let sealer = sealer("a token");
        let value = sealer.open().value;
        for (at, char) in value.char_indices() {
            let other = if char == '0' { '1' } else { '0' };
            let changed = format!("{}{other}{}", &value[..at], &value[at + 1..]);
            assert_eq!(read(&sealer, &format!("{NAME}={changed}")), None, "{changed}");
        }
        for bad in ["", ".", "..", "1.2", "x.y.z", &value[..value.len() - 1], &format!("{value}0")] {
            assert_eq!(read(&sealer, &format!("{NAME}={bad}")), None, "{bad}");
        }
    }

    #[test]
    fn it_ends() {
        let sealer = sealer("a token");
        let now = clock::unix_ms() / 1000;
        let read = |ends| read(&sealer, &format!("{NAME}={}", sealer.until(ends).value));
        assert!(read(now).is_none() && read(now - 1).is_none());
        assert!(read(now + 60).unwrap().is_ageing());
        assert!(!read(now + LASTS).unwrap().is_ageing());
    }
}
