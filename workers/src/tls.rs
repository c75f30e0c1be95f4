//! TLS as a client: whose certificates are trusted.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The root certificates of this system, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
pub(crate) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Trusts `roots` and nobody else.
///
/// # Errors
///
/// A sentence for the operator: there are none.
pub(crate) fn client_config(roots: RootCertStore) -> Result<ClientConfig, String> {
    if roots.is_empty() {
        return Err(
            "there are no root certificates to check the server's by: install `ca-certificates`, or mend SSL_CERT_FILE"
                .into(),
        );
    }
    Ok(config(roots))
}

/// Trusts nobody: for a client that only speaks plain text.
pub(crate) fn no_tls() -> ClientConfig {
    config(RootCertStore::empty())
}

fn config(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
