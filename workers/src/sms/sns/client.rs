//! A client of the SDK: no retries of its own, connections that are used again, credentials out of the settings or
//! the SDK's own chain.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::imds;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::timeout::TimeoutConfig;
use aws_sdk_sns::config::{Config, Credentials, Region, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::{Builder, tls};
use redispatch::config::Fault;
use secrecy::ExposeSecret as _;

use super::settings::{Keys, SnsSettings};
use crate::names::Names;

/// Name lookup, TCP and TLS handshake.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection idle for longer than this is closed, before the other side does so under our hands.
const IDLE: Duration = Duration::from_secs(20);

/// For the instance's metadata, which are next door where there are any. A host without would wait for all of it.
const METADATA: Duration = Duration::from_secs(1);

/// The HTTP client, connected to nobody yet.
///
/// # Errors
///
/// This system has no certificates to trust.
pub(super) fn http() -> Result<SharedHttpClient, Fault> {
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        let problem = "cannot be reached: there are no root certificates to check the server's by";
        return Err(Fault::new(
            "SMS_PROVIDER=aws-sns",
            problem,
            "install `ca-certificates`, or mend SSL_CERT_FILE",
        ));
    }
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    Ok(Builder::new().pool_idle_timeout(IDLE).tls_provider(ring).build_with_resolver(Names))
}

/// Connected to nobody yet; reads profiles.
pub(super) async fn client(settings: &SnsSettings, http: SharedHttpClient) -> Client {
    let region = Region::new(settings.region.clone());
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).build();
    let mut config = Config::builder()
        .region(region.clone())
        .http_client(http.clone())
        .credentials_provider(credentials(settings.keys.as_ref(), region, http).await)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    config.set_endpoint_url(settings.endpoint.clone());
    Client::from_conf(config.build())
}

async fn credentials(
    keys: Option<&Keys>,
    region: Region,
    http: SharedHttpClient,
) -> SharedCredentialsProvider {
    if let Some(Keys { id, secret, token }) = keys {
        let token = token.as_ref().map(|token| token.expose_secret().to_owned());
        return SharedCredentialsProvider::new(Credentials::new(
            id,
            secret.expose_secret(),
            token,
            None,
            "settings",
        ));
    }
    let config = ProviderConfig::without_region().with_region(Some(region.clone())).with_http_client(http);
    let metadata = imds::Client::builder()
        .configure(&config)
        .connect_timeout(METADATA)
        .read_timeout(METADATA)
        .max_attempts(1)
        .build();
    let chain = DefaultCredentialsChain::builder().configure(config).region(region).imds_client(metadata);
    SharedCredentialsProvider::new(chain.build().await)
}
