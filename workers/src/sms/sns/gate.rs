//! The last moment before a request leaves: the lease is confirmed there, once the SDK has found its credentials and
//! signed, and from there on it is known whether a connection carried the request.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use aws_sdk_sns::config::http::HttpRequest;
use aws_sdk_sns::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_sdk_sns::error::ConnectorError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};

/// How far the request of one gate got.
#[derive(Clone, Default)]
pub(super) struct Passage(Arc<OnceLock<Option<CaptureSmithyConnection>>>);

impl Passage {
    /// The lease was confirmed; without that nothing left.
    pub(super) fn is_open(&self) -> bool {
        self.0.get().is_some()
    }

    /// A connection was there to carry the request. Where that cannot be told it counts as there.
    pub(super) fn may_have_left(&self) -> bool {
        match self.0.get() {
            None => false,
            Some(None) => true,
            Some(Some(connection)) => connection.get().is_some(),
        }
    }

    fn open(&self, request: &HttpRequest) {
        let connection = request.extension::<CaptureSmithyConnection>().cloned();
        if let Some(connection) = &connection {
            // Replaced by a client that can tell.
            connection.set_connection_retriever(|| {
                Some(ConnectionMetadata::builder().proxied(false).poison_fn(|| ()).build())
            });
        }
        let _ = self.0.set(connection);
    }
}

/// An HTTP client, or one of its connectors, that asks `confirm` before each request.
#[derive(Clone)]
pub(super) struct Gate<W, F> {
    wire: W,
    confirm: F,
    passage: Passage,
}

impl<F> Gate<SharedHttpClient, F> {
    pub(super) fn new(wire: SharedHttpClient, confirm: F, passage: Passage) -> Self {
        Self { wire, confirm, passage }
    }
}

impl<W, F> fmt::Debug for Gate<W, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

/// What `confirm` of a [`Gate`] has to be.
pub(super) trait Confirm: Fn() -> Self::Answer + Clone + Send + Sync + 'static {
    type Answer: Future<Output = Result<(), Self::No>> + Send + 'static;
    type No: std::error::Error + Send + Sync + 'static;
}

impl<F, A, E> Confirm for F
where
    F: Fn() -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    type Answer = A;
    type No = E;
}

impl<F: Confirm> HttpClient for Gate<SharedHttpClient, F> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let wire = self.wire.http_connector(settings, components);
        let (confirm, passage) = (self.confirm.clone(), self.passage.clone());
        SharedHttpConnector::new(Gate { wire, confirm, passage })
    }
}

impl<F: Confirm> HttpConnector for Gate<SharedHttpConnector, F> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let gate = self.clone();
        HttpConnectorFuture::new(async move {
            (gate.confirm)().await.map_err(|no| ConnectorError::user(no.into()))?;
            gate.passage.open(&request);
            gate.wire.call(request).await
        })
    }
}
