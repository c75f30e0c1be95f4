//! `/api/v1/queues/{queue}/dead`: dead letters, to look at and to change.

mod change;
mod groups;
mod groups_route;
mod html;
mod letter;
mod list;
mod one;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;

pub(super) use groups::Groupings;
pub(super) use html::page as html_page;
pub(super) use letter::Letter;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(groups_route::groups))
        .routes(routes!(one::show, change::edit))
        .routes(routes!(change::requeue))
        .routes(routes!(change::purge))
        .routes(routes!(html::html))
}
