//! `GET /api/openapi.json`: this API, described by the code that answers.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, ResponseBuilder};

static JSON: LazyLock<String> = LazyLock::new(|| {
    let mut document = super::routes().into_openapi();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(add_default);
    }
    document.to_json().unwrap_or_default()
});

/// Whatever an operation does not name: no token, another host, no JSON, too slow, a bug.
fn add_default(operation: &mut Operation) {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
    let response = ResponseBuilder::new().description("No success").content("application/json", body);
    operation.responses.responses.insert("default".to_owned(), response.build().into());
}

/// What the routes are added to.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "redispatch", description = "The queues of redispatch: their numbers, and ways to put messages in, move and cancel them."),
    modifiers(&Token),
    security(("token" = [])),
)]
pub(super) struct Document;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, document: &mut OpenApi) {
        let description = "API_TOKEN, where it is set";
        let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(http));
    }
}

/// This description
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "monitoring",
    responses((status = OK, description = "OpenAPI 3.1", content_type = "application/json")),
)]
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], JSON.as_str())
}
