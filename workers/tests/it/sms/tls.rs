use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{Site, posted};
use crate::run::told;
use crate::site::{TOKEN, stop};

/// TLS before the server of `site`: its URL, and the file with its certificate.
async fn front(site: &Site) -> (String, tempfile::NamedTempFile) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let port = site.channel.server.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut inner = acceptor.accept(stream).await?;
                let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
                tokio::io::copy_bidirectional(&mut inner, &mut server).await
            });
        }
    });
    (url, file)
}

#[tokio::test]
async fn with_a_certificate_that_is_trusted() {
    let site = Site::start().await;
    let (url, certificate) = front(&site).await;
    let trusted = ("SSL_CERT_FILE", certificate.path().to_str().unwrap());
    let worker = site.worker(&[("TWILIO_API_URL", &url), trusted, ("CONCURRENCY", "1")]).await;
    posted(&site, &[r#"{"to":"+491701234567","body":"x"}"#; 3]).await;
    assert_eq!(site.channel.server.connections(), 1);
    stop(&worker).await;
    let (code, said, _) = told(&site, &["--check"], &[("TWILIO_API_URL", &url), trusted]).await;
    assert_eq!(code, Some(0), "{said}");
}

/// Nothing is sent, nothing is lost, and no token leaves.
#[tokio::test]
async fn with_a_certificate_that_nobody_vouches_for() {
    let site = Site::start().await;
    let (url, _) = front(&site).await;
    let worker = site.worker(&[("TWILIO_API_URL", &url), ("MAX_RETRIES", "1")]).await;
    site.push([0]).await;
    let opened = worker.wait_for_event("breaker_opened").await;
    assert!(opened.json["error"].as_str().unwrap().contains("invalid peer certificate"), "{}", opened.raw);
    stop(&worker).await;
    assert_eq!((site.queue().left().await.waiting, site.channel.server.count()), (1, 0));
    let (code, said, _) = told(&site, &["--check"], &[("TWILIO_API_URL", &url)]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("sms       FAILED: cannot reach https://localhost:") && !said.contains(TOKEN),
        "{said}"
    );
}
