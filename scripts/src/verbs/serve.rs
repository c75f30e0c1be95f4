//! `serve`.

use std::sync::Arc;

use axum::Router;
use clap::Args;
use redispatch::Shutdown;
use redispatch::service::{Manager, State};
use redispatch::telemetry::event;
use tokio::net::TcpListener;
use tracing::info;

use crate::api::{self, Api};
use crate::context::Context;
use crate::error::{Error, Exit};

const SERVE: &str = "\
A page in the browser that shows and operates every queue, and the HTTP API it
stands on: / is the dashboard, /api/openapi.json describes the rest.

Settings, as flags or in the environment:
  API_ADDR       where to listen (default 127.0.0.1:8000)
  API_TOKEN      what people log in with, and programs send as
                 `Authorization: Bearer TOKEN`; any address but loopback needs
                 one (API_TOKEN_FILE names a file that holds it)
  API_READ_ONLY  yes: show everything, change nothing for anybody

Health (/api/v1/health/redis) and metrics (/metrics) need no token. SIGTERM
lets requests end, then exit code 0.

Examples:
  queuectl serve
  API_TOKEN=$(openssl rand -hex 32) queuectl serve --api-addr 0.0.0.0:8000
  curl http://127.0.0.1:8000/api/queue/stats?queue=email";

/// `serve`
#[derive(Debug, Args)]
#[command(after_help = SERVE)]
pub(crate) struct Serve {}

pub(crate) async fn serve(_args: Serve, context: &Context) -> Result<Exit, Error> {
    let Some(settings) = &context.api else {
        return Err(Error::new("the settings of `serve` were not read"));
    };
    let cannot_listen = |error| {
        let error = Error::new(format!("cannot listen on {}", settings.addr)).cause(error);
        error.hint("API_ADDR says where to listen")
    };
    let shutdown =
        Shutdown::on_signals().map_err(|error| Error::new("cannot wait for signals").cause(error))?;
    let listener = TcpListener::bind(settings.addr).await.map_err(cannot_listen)?;
    let addr = listener.local_addr().map_err(cannot_listen)?;
    let token = if settings.token.is_some() { "needed" } else { "not needed: only this host can ask" };
    info!(event = event::API_STARTED, %addr, token, "listening on http://{addr}");
    let api = Arc::new(Api::new(context.client.clone(), settings));
    let looking = tokio::spawn(api::watch(api.clone(), shutdown.clone()));
    let (ending, told) = (api.clone(), shutdown.clone());
    let ending = tokio::spawn(async move { ending.operations.end(told).await });
    serve_attended(listener, api::router(api), shutdown, format!("listening on http://{addr}")).await?;
    looking.await.map_err(|error| Error::new("the dashboard broke").cause(error))?;
    ending.await.map_err(|error| Error::new("the operations broke").cause(error))?;
    info!(event = event::API_STOPPED, "asked to stop");
    Ok(Exit::Done)
}

/// Serves, on the threads that answer requests, and tells the service manager that those turn, if one started this process.
async fn serve_attended(
    listener: TcpListener,
    router: Router,
    shutdown: Shutdown,
    status: String,
) -> Result<(), Error> {
    let serving = api::serve(listener, router, shutdown.clone());
    let running = tokio::spawn(async move {
        let Some(manager) = Manager::from_env() else { return serving.await };
        let draining = shutdown.clone();
        let look = move || {
            let status = if draining.is_draining() { "requests under way end" } else { &status };
            State { alive: true, status: status.to_owned() }
        };
        manager.attend(serving, look, shutdown, api::ENDING_LIMIT).await;
    });
    running.await.map_err(|error| Error::new("the server broke").cause(error))
}
