//! Queues by the names in requests.

use axum::extract::Path;
use axum::extract::Query;
use axum::extract::rejection::{PathRejection, QueryRejection};
use redispatch::queue::Queue;

use super::Api;
use super::error::ApiError;

/// Parts of the path; what cannot be read is a 400 as JSON.
pub(super) type InPath<T> = Result<Path<T>, PathRejection>;

/// Parameters behind the `?`; what cannot be read is a 400 as JSON.
pub(super) type InQuery<T> = Result<Query<T>, QueryRejection>;

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl Api {
    /// A queue that exists: one to be asked about, where a misspelt name must not look like an empty queue.
    pub(super) async fn known(&self, name: &str) -> Result<Queue, ApiError> {
        let queue = self.client.queue(name);
        if let Ok(queue) = queue
            && (self.client.named().contains(name)
                || self.client.queues().await?.iter().any(|known| known == name))
        {
            return Ok(queue);
        }
        let message = "no such queue: start its worker, or name it in QUEUES of queuectl serve";
        Err(ApiError::not_found("unknown_queue", message))
    }
}
