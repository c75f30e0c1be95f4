//! `healthcheck`: of whichever program runs.

use redispatch::config::WorkerSettings;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Port, eventually};
use tokio::net::TcpListener;

use crate::api::server::Server;
use crate::run::{Ran, command, finish};
use crate::serving::{Serving, sent};

/// Both spellings, which say the same; needs neither Redis nor other settings.
async fn healthcheck(env: &[(&str, &str)]) -> Ran {
    let home = tempfile::tempdir().unwrap();
    let mut ran = Vec::new();
    for spelling in ["healthcheck", "--healthcheck"] {
        let mut command = command("nonsense://", home.path(), &[spelling]);
        command.env("RUST_LOG", "===").envs(env.iter().copied());
        ran.push(finish(command, b"").await);
    }
    let (second, first) = (ran.pop().unwrap(), ran.pop().unwrap());
    assert_eq!((first.code, &first.stdout), (second.code, &second.stdout));
    first
}

#[tokio::test]
async fn a_worker_of_any_queue_is_asked_first() {
    let redis = RedisServer::start().await;
    let (port, nobody) = (Port::reserve(), Port::reserve());
    let everywhere = format!("0.0.0.0:{}", port.addr().port());
    let env = [("HTTP_ADDR", everywhere.as_str()), ("API_ADDR", &nobody.addr().to_string())];
    let settings = WorkerSettings::new(redis.url().parse().unwrap());
    let settings = WorkerSettings { http_addr: Some(port.addr()), ..settings };
    let worker = Serving::with("reminders", settings, sent);
    let ran = eventually("alive", LIMIT, async || healthcheck(&env).await, |ran| ran.code == 0).await;
    assert_eq!(ran.stdout, "ok: idle: nothing is ready to be sent\n");
    worker.stop().await;
    let ran = healthcheck(&env).await.with_code(1);
    let nowhere = format!("no worker answers at {}, nor queuectl serve at {}", port.addr(), nobody.addr());
    assert_eq!(ran.stdout, format!("unhealthy: {nowhere}\n"));
}

#[tokio::test]
async fn serve_is_asked_where_no_worker_is_and_is_alive_without_redis() {
    let mut redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("API_TOKEN", "secret")]).await;
    let free = Port::reserve();
    let (nobody, api) = (free.addr().to_string(), server.addr.to_string());
    redis.kill();
    for env in [&[("API_ADDR", api.as_str())][..], &[("API_ADDR", &api), ("HTTP_ADDR", &nobody)]] {
        let ran = healthcheck(env).await.with_code(0);
        assert_eq!(ran.stdout, format!("ok: queuectl serve answers at {api}\n"));
    }
}

#[tokio::test]
async fn one_who_never_answers_or_is_somebody_else_or_an_unusable_address_is_told() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    for env in [[("HTTP_ADDR", addr.as_str())], [("API_ADDR", &addr)]] {
        let mut env = env.to_vec();
        if env[0].0 == "API_ADDR" {
            env.push(("HTTP_ADDR", "127.0.0.1:1"));
        }
        let ran = healthcheck(&env).await.with_code(1);
        assert_eq!(ran.stdout, format!("unhealthy: no answer from {addr} within 2500 ms\n"));
    }
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let ran = healthcheck(&[("HTTP_ADDR", &server.addr.to_string())]).await.with_code(1);
    assert_eq!(ran.stdout, format!("unhealthy: what answers at {} is no worker (HTTP 404)\n", server.addr));
    let ran = healthcheck(&[("HTTP_ADDR", "here"), ("API_ADDR", "there")]).await.with_code(78);
    assert!(ran.stderr.contains("HTTP_ADDR") && ran.stderr.contains("API_ADDR"), "{}", ran.stderr);
}
