//! The last moment before a request leaves: the SDK has found its credentials and signed, and a connection stands.
//! There the lease is confirmed, and from there on it is known that something may have left.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_sdk_sns::config::http::HttpRequest;
use aws_sdk_sns::config::{Builder, Config, HttpClient, RuntimeComponents, SharedHttpClient};
use aws_sdk_sns::error::ConnectorError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use redispatch::worker::Unconfirmed;

use crate::confirmed::{Confirm, Confirmed, Leave};

/// How far a request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It was not signed yet.
    Nowhere,
    /// It waited for a connection.
    Waiting,
    /// It was not allowed to leave.
    Refused,
    /// It left, perhaps in part.
    Left,
}

/// An HTTP client for one request, which leaves once it is confirmed.
#[derive(Clone)]
pub(super) struct Gate {
    wire: SharedHttpClient,
    confirm: Arc<Mutex<Option<Confirm>>>,
    leave: Arc<OnceLock<Leave>>,
}

impl Gate {
    pub(super) fn new(
        wire: SharedHttpClient,
        confirm: impl Future<Output = Result<(), Unconfirmed>> + Send + 'static,
    ) -> Self {
        Self { wire, confirm: Arc::new(Mutex::new(Some(Box::pin(confirm)))), leave: Arc::default() }
    }

    /// For the SDK to send one request through it.
    pub(super) fn config(&self) -> Builder {
        Config::builder().http_client(self.clone())
    }

    pub(super) fn passage(&self) -> Passage {
        match self.leave.get().map(|leave| leave.get()) {
            None => Passage::Nowhere,
            Some(None) => Passage::Waiting,
            Some(Some(Err(Unconfirmed))) => Passage::Refused,
            Some(Some(Ok(()))) => Passage::Left,
        }
    }

    /// The body behind the gate; `None` where there was a request before, or the body is no bytes.
    fn behind(&self, body: &SdkBody) -> Option<SdkBody> {
        let bytes = Bytes::copy_from_slice(body.bytes()?);
        let confirm = self.confirm.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (body, leave) = Confirmed::new(bytes, confirm);
        let _ = self.leave.set(leave);
        Some(SdkBody::from_body_1_x(body))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.passage()).finish()
    }
}

impl HttpClient for Gate {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let wire = self.wire.http_connector(settings, components);
        SharedHttpConnector::new(Through { gate: self.clone(), wire })
    }
}

#[derive(Debug)]
struct Through {
    gate: Gate,
    wire: SharedHttpConnector,
}

impl HttpConnector for Through {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        match self.gate.behind(request.body()) {
            Some(body) => {
                *request.body_mut() = body;
                self.wire.call(request)
            }
            None => {
                let error = "one gate lets one request through";
                HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())))
            }
        }
    }
}
