//! The URL of Redis: which ones are taken, and how one is shown without its secrets.

use std::borrow::Cow;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// The URL of a Redis or Valkey, checked. `Debug` and `Display` show it without user, password and query.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

/// What kind of installation a URL leads to, by the end of its scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Single,
    Unix,
    Sentinel,
    Cluster,
}

/// The schemes as written and what they mean: shape, and whether TLS is spoken. `valkey` stands for `redis`.
const SCHEMES: [(&str, Shape, bool); 7] = [
    ("redis", Shape::Single, false),
    ("rediss", Shape::Single, true),
    ("redis+unix", Shape::Unix, false),
    ("redis-sentinel", Shape::Sentinel, false),
    ("rediss-sentinel", Shape::Sentinel, true),
    ("redis-cluster", Shape::Cluster, false),
    ("rediss-cluster", Shape::Cluster, true),
];

impl RedisUrl {
    /// Checks and keeps `text`.
    ///
    /// # Errors
    ///
    /// Problem and cure, in words that quote nothing secret.
    pub fn new(text: impl Into<SecretString>) -> Result<Self, (String, String)> {
        let text = text.into();
        let text = with_host(text.expose_secret().trim());
        check(&text)?;
        Ok(Self(text.into_owned().into()))
    }

    /// The whole URL, secrets included.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether it leads to a cluster (then keys carry a hash tag).
    pub fn is_cluster(&self) -> bool {
        self.scheme().1 == Shape::Cluster
    }

    /// Whether it leads to sentinels.
    pub fn is_sentinel(&self) -> bool {
        self.scheme().1 == Shape::Sentinel
    }

    /// Whether TLS is spoken.
    pub fn is_tls(&self) -> bool {
        self.scheme().2
    }

    /// The database that the URL of a socket names; that of others is in their path.
    pub(super) fn socket_db(&self) -> Option<u8> {
        let url = Url::parse(self.expose()).ok().filter(|_| self.scheme().1 == Shape::Unix)?;
        url.query_pairs().find(|(name, _)| name == "db")?.1.parse().ok()
    }

    /// The same place for fred: `redis` for `valkey`, and no TLS, which is set up apart.
    pub(super) fn for_fred(&self) -> String {
        let rest = self.expose().split_once(':').map_or("", |(_, rest)| rest);
        format!("{}:{rest}", self.scheme().0.replacen("rediss", "redis", 1))
    }

    fn scheme(&self) -> (&'static str, Shape, bool) {
        // Checked by `new`.
        self.expose().split_once(':').and_then(|(s, _)| known(s)).unwrap_or(SCHEMES[0])
    }
}

impl std::str::FromStr for RedisUrl {
    type Err = super::Fault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text).map_err(|(problem, cure)| super::Fault::new("REDIS_URL", problem, cure))
    }
}

impl Default for RedisUrl {
    fn default() -> Self {
        Self(super::redis::DEFAULT_URL.into())
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(url) = Url::parse(self.expose()) else { return f.write_str("redis") };
        let host = url.host_str().filter(|_| self.scheme().1 != Shape::Unix);
        write!(f, "{}://{}", url.scheme(), host.unwrap_or_default())?;
        url.port().map_or(Ok(()), |port| write!(f, ":{port}"))?;
        f.write_str(url.path())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `redis+unix://user:password@/path` has no host, which no URL with a user may be without.
fn with_host(text: &str) -> Cow<'_, str> {
    let login = text
        .split_once("://")
        .filter(|(scheme, _)| known(scheme).is_some_and(|(_, shape, _)| shape == Shape::Unix));
    match login.and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?))) {
        Some((scheme, (login, path))) if login.ends_with('@') => {
            Cow::Owned(format!("{scheme}://{login}localhost/{path}"))
        }
        _ => Cow::Borrowed(text),
    }
}

fn known(scheme: &str) -> Option<(&'static str, Shape, bool)> {
    let scheme = scheme.to_ascii_lowercase().replacen("valkey", "redis", 1);
    SCHEMES.into_iter().find(|(name, ..)| *name == scheme)
}

fn check(text: &str) -> Result<(), (String, String)> {
    let refused = |problem: &str, cure: &str| Err((problem.to_owned(), cure.to_owned()));
    let Some((scheme, _)) = text.split_once("://") else {
        return refused("is no URL", "write redis://host:6379/0");
    };
    let Some((_, shape, _)) = known(scheme) else {
        // A long or odd "scheme" may be a piece of a password.
        let shown = if scheme.len() <= 20
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-')
        {
            format!("has the scheme `{scheme}`")
        } else {
            "has no known scheme".to_owned()
        };
        let names: Vec<_> = SCHEMES.iter().map(|(name, ..)| *name).collect();
        return Err((shown, format!("use one of {} (or the same with valkey)", names.join(", "))));
    };
    if text.contains('#') {
        return refused("has a `#`, which ends a URL", "write %23 for a # in a password");
    }
    let Ok(url) = Url::parse(text) else {
        return refused(
            "is no valid URL",
            "write %40 %2F %3A %23 for @ / : # in a password, a port up to 65535",
        );
    };
    if shape == Shape::Unix && matches!(url.path(), "" | "/") {
        return refused("names no socket", "write redis+unix:///path/to/redis.sock");
    }
    if shape == Shape::Unix && !matches!(url.host_str(), None | Some("" | "localhost")) {
        return refused("names a host, but a socket has none", "write redis+unix:///path with three slashes");
    }
    if shape != Shape::Unix && url.host_str().unwrap_or_default().is_empty() {
        return refused("names no host", "write redis://host:6379/0");
    }
    if shape == Shape::Unix && url.path().contains('%') {
        return refused("has a percent-encoded path", "use a socket whose path needs no encoding");
    }
    let db = url.path().trim_start_matches('/');
    match shape {
        Shape::Single | Shape::Sentinel if !db.is_empty() && db.parse::<u8>().is_err() => {
            return refused(
                "has a database that is no number from 0 to 255",
                "write it as redis://host:6379/0",
            );
        }
        Shape::Cluster if !matches!(db, "" | "0") => {
            return refused("names a database, but a cluster has only 0", "take the path out");
        }
        _ => {}
    }
    query(&url, shape)
}

/// Refuses what fred would silently ignore or stumble over.
fn query(url: &Url, shape: Shape) -> Result<(), (String, String)> {
    let allowed: &[&str] = match shape {
        Shape::Single => &[],
        Shape::Unix => &["db"],
        Shape::Cluster => &["node"],
        Shape::Sentinel => &["sentinelServiceName", "node", "sentinelUsername", "sentinelPassword"],
    };
    for (key, value) in url.query_pairs() {
        if !allowed.contains(&&*key) {
            let key: String = key.escape_debug().take(40).collect();
            return Err((
                format!("has the parameter `{key}`, which means nothing here"),
                "take it out".to_owned(),
            ));
        }
        if key == "db" && value.parse::<u8>().is_err() {
            return Err((
                "has a database that is no number from 0 to 255".to_owned(),
                "write it as redis+unix:///path?db=0".to_owned(),
            ));
        }
        let node_is_fine =
            value.split_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if key == "node" && !node_is_fine {
            return Err(("has a node that is not host:port".to_owned(), "write node=host:port".to_owned()));
        }
    }
    let service = url.query_pairs().any(|(key, value)| key == "sentinelServiceName" && !value.is_empty());
    if shape == Shape::Sentinel && !service {
        return Err(("names no service".to_owned(), "add ?sentinelServiceName=NAME".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemes_of_the_contract_and_no_other() {
        for scheme in SCHEMES.iter().flat_map(|(s, ..)| [s.to_string(), s.replacen("redis", "valkey", 1)]) {
            let tail = match &*scheme {
                s if s.ends_with("unix") => "/run/redis.sock",
                s if s.ends_with("sentinel") => {
                    "u:p@h:26379/1?sentinelServiceName=m&node=g:26380&sentinelPassword=q"
                }
                s if s.ends_with("cluster") => "h:6379?node=g:6380",
                _ => "u:p@h:6379/3",
            };
            let url = RedisUrl::new(format!("{scheme}://{tail}")).unwrap();
            assert_eq!(url.is_cluster(), scheme.ends_with("cluster"));
            assert_eq!(url.is_tls(), scheme.contains("rediss") || scheme.contains("valkeys"));
            assert!(url.for_fred().starts_with("redis") && !url.for_fred().starts_with("rediss"), "{scheme}");
            assert!(url.for_fred().ends_with(tail));
        }
        for scheme in ["http", "unix", "redis-socket", "redis+tls", "redisss", "rediss+unix", "memcached", ""]
        {
            let (problem, _) = RedisUrl::new(format!("{scheme}://h:1/0")).unwrap_err();
            assert!(problem.contains(&format!("`{scheme}`")), "{problem}");
        }
    }

    #[test]
    fn what_would_be_read_wrongly_is_refused_without_showing_it() {
        for url in [
            "localhost:6379",
            "hunter2",
            "redis://:hunter2#x@h:6379",
            "redis://:hunter2/x@h:6379",
            "redis://h:hunter2",
            "redis://:hunter2@",
            "redis://:hunter2@h/x",
            "redis://:hunter2@h/256",
            "redis://:hunter2@h/0?protocol=3",
            "redis-sentinel://:hunter2@h:26379",
            "redis-cluster://:hunter2@h:1/2",
            "redis-cluster://:hunter2@h:1?node=g",
            "redis+unix://",
            "redis+unix://:hunter2@/",
            "redis+unix://run/redis.sock",
            "redis+unix://:hunter2@run/redis.sock",
            "redis+unix://:hunter2/x@/run/redis.sock",
            "redis+unix:///run/redis.sock?db=x",
            "hunter2 and more than that://h",
        ] {
            let (problem, cure) = RedisUrl::new(url).unwrap_err();
            assert!(!format!("{problem}{cure}").contains("hunter2"), "{url}: {problem}; {cure}");
        }
    }

    #[test]
    fn shown_without_secrets() {
        let url =
            RedisUrl::new("redis-sentinel://me:pw1@h:26379/1?sentinelServiceName=m&sentinelPassword=pw2")
                .unwrap();
        assert_eq!(format!("{url} {url:?}"), "redis-sentinel://h:26379/1 redis-sentinel://h:26379/1");
        for text in ["redis+unix://me:pw@/run/r.sock?db=2", "redis+unix:///run/r.sock?db=2"] {
            let url = RedisUrl::new(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.socket_db()), ("redis+unix:///run/r.sock", Some(2)));
        }
        assert_eq!(RedisUrl::default().to_string(), "redis://127.0.0.1:6379/0");
    }
}
