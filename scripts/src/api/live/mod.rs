//! What the dashboard shows as it happens: looked at once, told to all who listen.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use super::Api;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
}
