//! `/api/v1/queues/{queue}/dead`: dead letters, to look at and to change.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use super::Api;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
}
