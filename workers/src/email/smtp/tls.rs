use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

use super::fault::Cause;
use super::settings::SmtpSettings;
use super::wire::Io;
use crate::tls;

/// What is needed to encrypt connections to one host.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Reads the certificates to trust: the system's and those of `extra_root_ca`.
    ///
    /// # Errors
    ///
    /// A sentence for the operator: no usable host name, no certificates, an unreadable file.
    pub(super) fn new(settings: &SmtpSettings) -> Result<Self, String> {
        let name = ServerName::try_from(settings.host.clone())
            .map_err(|_| format!("`{}` is no host name that a certificate could carry", settings.host))?;
        let mut roots = tls::system_roots();
        if let Some(path) = &settings.extra_root_ca {
            let unusable = |error: &dyn std::fmt::Display| {
                format!("no usable certificate in `{}`: {error}", path.display())
            };
            let mut certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))?.peekable();
            if certificates.peek().is_none() {
                return Err(unusable(&"there is none"));
            }
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unusable(&error))?;
                roots.add(certificate).map_err(|error| unusable(&error))?;
            }
        }
        let config = tls::client_config(roots)?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// The handshake.
    pub(super) async fn encrypt(&self, io: Box<dyn Io>) -> Result<Box<dyn Io>, Cause> {
        match self.connector.connect(self.name.clone(), io).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(read(error)),
        }
    }
}

/// Tells a server that cannot do TLS with us from a connection that broke.
fn read(error: io::Error) -> Cause {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            Cause::Nonsense(format!("a certificate that is not to be trusted ({error})"))
        }
        Some(_) => Cause::Nonsense(format!("something else than a TLS handshake we understand ({error})")),
        None => Cause::io(error),
    }
}
