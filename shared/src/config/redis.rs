//! How to reach Redis.

use std::{path::PathBuf, sync::Arc};

use fred::types::config::{Config, ServerConfig, TlsConfig, TlsConnector};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Fault, Kind, Otherwise::*, Reader, RedisUrl, Setting, Table, check};

pub(super) const DEFAULT_URL: &str = "redis://127.0.0.1:6379/0";

/// The settings of [`RedisSettings`].
pub const REDIS: Table = Table {
    heading: "Redis",
    settings: &[
        Setting::new(
            "REDIS_URL",
            Kind::Secret,
            Value(DEFAULT_URL),
            "Where Redis or Valkey is: redis, rediss, redis+unix, redis-sentinel, redis-cluster and their TLS forms",
        ),
        Setting::new("REDIS_HOST", Kind::Text, Derived("127.0.0.1"), "Host, used when REDIS_URL is unset"),
        Setting::new(
            "REDIS_PORT",
            Kind::Number(1, 65_535),
            Derived("6379"),
            "Port, used when REDIS_URL is unset",
        ),
        Setting::new("REDIS_USERNAME", Kind::Text, Nothing, "User, used when REDIS_URL is unset"),
        Setting::new("REDIS_PASSWORD", Kind::Secret, Nothing, "Password, used when REDIS_URL is unset"),
        Setting::new(
            "REDIS_DB",
            Kind::Number(0, 255),
            Derived("0"),
            "Database, used when REDIS_URL is unset",
        ),
        Setting::new("REDIS_TLS", Kind::YesNo, Value("no"), "Speak TLS, used when REDIS_URL is unset"),
        Setting::new(
            "REDIS_TLS_CA_FILE",
            Kind::Path,
            Derived("the system's CAs"),
            "PEM file of the only CAs to trust",
        ),
        Setting::new("REDIS_TLS_CERT_FILE", Kind::Path, Nothing, "PEM file of the client certificate"),
        Setting::new("REDIS_TLS_KEY_FILE", Kind::Path, Nothing, "PEM file of the client certificate's key"),
    ],
};

/// How to reach Redis.
#[derive(Debug, Clone, Default)]
pub struct RedisSettings {
    /// Where it is; `redis://127.0.0.1:6379/0` by default.
    pub url: RedisUrl,
    /// PEM file of the CAs to trust instead of the system's. TLS only.
    pub tls_ca_file: Option<PathBuf>,
    /// PEM file of the client certificate, with its chain. TLS only.
    pub tls_cert_file: Option<PathBuf>,
    /// PEM file of its key.
    pub tls_key_file: Option<PathBuf>,
}

impl RedisSettings {
    /// The Redis at `url`.
    pub fn new(url: RedisUrl) -> Self {
        Self { url, ..Self::default() }
    }

    /// Reads the table [`REDIS`]. Certificates are loaded once to see that they can be.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let url = read_url(reader);
        let files = ["REDIS_TLS_CA_FILE", "REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"];
        let [tls_ca_file, tls_cert_file, tls_key_file] = files.map(|name| reader.path(name));
        let Some(url) = url else { return Self::default() };
        let settings = Self { url, tls_ca_file, tls_cert_file, tls_key_file };
        if let Err(fault) = settings.to_fred() {
            reader.fault(fault);
        }
        settings
    }

    /// Whether the URL leads to a cluster (then keys carry a hash tag).
    pub fn is_cluster(&self) -> bool {
        self.url.is_cluster()
    }

    /// Whether the URL leads to sentinels.
    pub fn is_sentinel(&self) -> bool {
        self.url.is_sentinel()
    }

    /// The configuration of a fred client, its certificates loaded.
    ///
    /// # Errors
    ///
    /// A certificate or key cannot be read, or TLS files are given where no TLS is spoken.
    pub fn to_fred(&self) -> Result<Config, Fault> {
        let mut config = Config::from_url(&self.url.for_fred())
            .map_err(|_| Fault::new("REDIS_URL", "cannot be used", "write redis://host:6379/0"))?;
        config.tls = self.tls()?;
        config.database = self.url.socket_db().or(config.database);
        if let ServerConfig::Centralized { server } = &mut config.server {
            // fred would look for `[::1]`, brackets included, in the server's certificate.
            let address = server.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            server.tls_server_name = address.map(Into::into);
        }
        Ok(config)
    }

    fn tls(&self) -> Result<Option<TlsConfig>, Fault> {
        let files = [
            ("REDIS_TLS_CA_FILE", &self.tls_ca_file),
            ("REDIS_TLS_CERT_FILE", &self.tls_cert_file),
            ("REDIS_TLS_KEY_FILE", &self.tls_key_file),
        ];
        if !self.url.is_tls() {
            return match files.iter().find(|(_, file)| file.is_some()) {
                Some((name, _)) => Err(Fault::new(
                    *name,
                    "is set, but no TLS is spoken",
                    "use rediss:// or REDIS_TLS=yes, or unset it",
                )),
                None => Ok(None),
            };
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder =
            builder.map_err(|e| Fault::new("REDIS_URL", format!("TLS: {e}"), "report this as a bug"))?;
        let builder = builder.with_root_certificates(self.roots()?);
        let config = match (&self.tls_cert_file, &self.tls_key_file) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => {
                let key_der = PrivateKeyDer::from_pem_file(key)
                    .map_err(|e| unreadable("REDIS_TLS_KEY_FILE", key, &e))?;
                builder.with_client_auth_cert(certificates("REDIS_TLS_CERT_FILE", cert)?, key_der).map_err(
                    |e| {
                        let problem = format!("`{}` does not fit its key: {e}", cert.display());
                        Fault::new(
                            "REDIS_TLS_CERT_FILE",
                            problem,
                            "give the certificate and the key made for it",
                        )
                    },
                )?
            }
            (Some(_), None) => return Err(alone("REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE")),
            (None, Some(_)) => return Err(alone("REDIS_TLS_KEY_FILE", "REDIS_TLS_CERT_FILE")),
        };
        Ok(Some(TlsConnector::from(config).into()))
    }

    fn roots(&self) -> Result<RootCertStore, Fault> {
        let mut roots = RootCertStore::empty();
        let Some(file) = &self.tls_ca_file else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                let cure = "install ca-certificates, or set REDIS_TLS_CA_FILE";
                return Err(Fault::new("REDIS_TLS_CA_FILE", "is unset and the system has no CAs", cure));
            }
            return Ok(roots);
        };
        for certificate in certificates("REDIS_TLS_CA_FILE", file)? {
            roots.add(certificate).map_err(|e| unreadable("REDIS_TLS_CA_FILE", file, &e))?;
        }
        Ok(roots)
    }
}

fn certificates(name: &str, file: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let read = CertificateDer::pem_file_iter(file)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>());
    let certificates = read.map_err(|e| unreadable(name, file, &e))?;
    match certificates.is_empty() {
        true => Err(unreadable(name, file, &"no certificate in it")),
        false => Ok(certificates),
    }
}

fn unreadable(name: &str, file: &std::path::Path, cause: &dyn std::fmt::Display) -> Fault {
    Fault::new(name, format!("cannot use `{}`: {cause}", file.display()), "name a readable PEM file")
}

fn alone(name: &str, other: &str) -> Fault {
    Fault::new(name, format!("is set without {other}"), format!("set {other} too, or neither"))
}

/// `REDIS_URL`, or else a URL made of the single parts; nothing where that failed.
fn read_url(reader: &mut Reader<'_>) -> Option<RedisUrl> {
    let host = reader.parsed("REDIS_HOST", check::host);
    let port: Option<u16> = reader.number_if_set("REDIS_PORT");
    let user = reader.text("REDIS_USERNAME");
    let password = reader.secret("REDIS_PASSWORD");
    let db: Option<u8> = reader.number_if_set("REDIS_DB");
    let tls = reader.yes_no("REDIS_TLS");
    let parts = ["REDIS_HOST", "REDIS_PORT", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_DB", "REDIS_TLS"];
    if reader.is_set("REDIS_URL") || !parts.iter().any(|name| reader.is_set(name)) {
        let outdone = parts.iter().find(|name| !reader.is_flag("REDIS_URL") && reader.is_flag(name));
        if let Some(name) = outdone {
            let flag = format!("--{}", super::setting::flag(name));
            let cure = "unset REDIS_URL or give --redis-url";
            reader.fault(Fault::new(flag, "means nothing beside REDIS_URL", cure));
        }
        let text = reader.secret("REDIS_URL")?;
        return RedisUrl::new(text)
            .map_err(|(problem, cure)| reader.fault(Fault::new("REDIS_URL", problem, cure)))
            .ok();
    }
    let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let login = match (user, password) {
        (None, None) => String::new(),
        (user, password) => {
            let password = password.unwrap_or_default();
            format!("{}:{}@", encoded(&user.unwrap_or_default()), encoded(password.expose_secret()))
        }
    };
    let scheme = if tls { "rediss" } else { "redis" };
    let url = format!("{scheme}://{login}{host}:{}/{}", port.unwrap_or(6379), db.unwrap_or(0));
    RedisUrl::new(SecretString::from(url))
        .map_err(|(p, cure)| reader.fault(Fault::new("REDIS_HOST", p, cure)))
        .ok()
}

/// Percent-encodes all but letters, digits and `-._~`.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
#[path = "redis_tests.rs"]
mod tests;
