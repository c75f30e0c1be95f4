use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::{RedisServer, program};
use crate::child::find_program;
use crate::port::Port;

/// A port that speaks TLS, and certificates of a CA of its own.
#[derive(Debug)]
pub struct Tls {
    port: Port,
    folder: TempDir,
}

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl RedisServer {
    /// Starts one that speaks TLS beside its usual port, which is for the test, with more settings. It asks its clients
    /// for no certificate unless `--tls-auth-clients yes` is among them.
    ///
    /// Valkey as the tests get it knows no TLS: where `REDISPATCH_TEST_REDIS` names a server without it, the
    /// `redis-server` or `valkey-server` of the machine is taken.
    ///
    /// # Panics
    ///
    /// When there is no server program that speaks TLS.
    pub async fn with_tls(tls: &Tls, args: &[&str]) -> Self {
        let text = |path: PathBuf| path.to_str().expect("a path in UTF-8").to_owned();
        let server = tls.identity("server");
        let (port, cert, key, ca) =
            (tls.port().to_string(), text(server.cert), text(server.key), text(tls.ca()));
        let own = [
            ["--tls-port", &port],
            ["--tls-cert-file", &cert],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &ca],
            ["--tls-auth-clients", "no"],
        ];
        Self::of(tls_program(), &[&own.concat(), args].concat()).await
    }
}

impl Tls {
    /// A server's certificate for `localhost` and 127.0.0.1.
    pub fn local() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// A server's certificate for other names.
    pub fn for_names(names: &[&str]) -> Self {
        let tls = Self { port: Port::reserve(), folder: tempfile::tempdir().expect("a temporary folder") };
        let ca = tls.new_ca("ca");
        tls.new_ca("stranger");
        tls.sign(&ca, "server", names);
        tls.sign(&ca, "client", &["client"]);
        tls
    }

    /// `rediss://localhost:PORT/0`
    pub fn url(&self) -> String {
        format!("rediss://localhost:{}/0", self.port())
    }

    /// The port that speaks TLS.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The CA that vouches for the server and its clients.
    pub fn ca(&self) -> PathBuf {
        self.identity("ca").cert
    }

    /// A CA that vouches for neither.
    pub fn stranger(&self) -> PathBuf {
        self.identity("stranger").cert
    }

    /// A client that the CA vouches for.
    pub fn client(&self) -> Identity {
        self.identity("client")
    }

    /// A client that nobody vouches for.
    pub fn strange_client(&self) -> Identity {
        self.identity("stranger")
    }

    fn identity(&self, name: &str) -> Identity {
        let file = |ending| self.folder.path().join(format!("{name}.{ending}"));
        Identity { cert: file("pem"), key: file("key") }
    }

    fn new_ca(&self, name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let files = self.identity(name);
        write(&files.key, &key.serialize_pem());
        let ca = CertifiedIssuer::self_signed(params, key).expect("a CA");
        write(&files.cert, &ca.pem());
        ca
    }

    fn sign(&self, ca: &CertifiedIssuer<'static, KeyPair>, name: &str, names: &[&str]) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let params = CertificateParams::new(names).expect("usable names");
        let files = self.identity(name);
        write(&files.cert, &params.signed_by(&key, ca).expect("a certificate").pem());
        write(&files.key, &key.serialize_pem());
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a writable folder");
}

/// A server program that speaks TLS: one built without it names nothing of OpenSSL.
fn tls_program() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let speaks = |path: &PathBuf| {
        String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).contains("SSL_CTX_new")
    };
    let found = FOUND.get_or_init(|| {
        let others = ["redis-server", "valkey-server"].iter().filter_map(|name| find_program(name));
        std::iter::once(program()).chain(others).find(speaks).expect(
            "no redis-server here that speaks TLS: run `apt-get install redis-server`, or set \
             REDISPATCH_TEST_REDIS to one",
        )
    });
    found.clone()
}
