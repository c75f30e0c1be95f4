use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

/// A fresh self-signed certificate for `localhost`.
pub(super) struct Certificate {
    file: NamedTempFile,
    pub(super) acceptor: TlsAcceptor,
}

impl Certificate {
    pub(super) fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let file = NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), made.cert.pem()).expect("a writable temporary file");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a usable key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows the usual versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate and its key");
        Self { file, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }
}
