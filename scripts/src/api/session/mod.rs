//! `/api/v1/session`: logging in with the token, for people.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use super::Api;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
}
