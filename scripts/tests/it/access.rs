//! The ways to a Redis that is guarded: TLS, and a socket.

use redispatch_testkit::redis::{RedisServer, Tls};
use redispatch_testkit::{LIMIT, Reply};

use crate::api::server::Server;
use crate::run::{Ran, command, finish};

const MAIL: &str = r#"{"to":"a@example.com","body":"x"}"#;

async fn queuectl(url: &str, env: &[(&str, &str)], args: &[&str]) -> Ran {
    let home = tempfile::tempdir().unwrap();
    let mut command = command(url, home.path(), args);
    command.envs(env.iter().copied());
    finish(command, b"").await
}

/// What goes in by one verb is counted by another.
async fn works(url: &str, env: &[(&str, &str)]) {
    queuectl(url, env, &["enqueue", "--queue", "email", MAIL]).await.with_code(0);
    let stats = queuectl(url, env, &["stats", "--json"]).await.with_code(0).json();
    assert_eq!(stats["queues"]["email"]["waiting"], 1, "{stats}");
    queuectl(url, env, &["doctor", "--no-provider"]).await.with_code(0);
    let server = Server::at(url, env).await;
    server.get("/api/v1/health/redis").await.with_status(200);
}

#[tokio::test]
async fn over_tls_with_the_ca_of_the_server_and_a_client_certificate() {
    let tls = Tls::local();
    let redis = RedisServer::with_tls(&tls, &["--appendonly", "yes", "--tls-auth-clients", "yes"]).await;
    let (ca, client) = (tls.ca(), tls.client());
    let trusted = ("REDIS_TLS_CA_FILE", ca.to_str().unwrap());
    let cert = ("REDIS_TLS_CERT_FILE", client.cert.to_str().unwrap());
    let key = ("REDIS_TLS_KEY_FILE", client.key.to_str().unwrap());
    works(&tls.url(), &[trusted, cert, key]).await;

    for (env, why) in [
        (&[trusted][..], "TLS: Redis wants a client certificate: set REDIS_TLS_CERT_FILE"),
        (&[cert, key], "TLS: the server's certificate is of a CA that is not trusted: set REDIS_TLS_CA_FILE"),
    ] {
        let ran = queuectl(&tls.url(), env, &["stats"]).await.with_code(2);
        assert!(ran.stderr.contains(why), "{ran:?}");
        let report = queuectl(&tls.url(), env, &["doctor", "--no-provider", "--json"]).await.with_code(1);
        assert!(report.stdout.contains(why), "{report:?}");
        let server = Server::at(&tls.url(), env).await;
        server.get("/api/v1/health/redis").await.with_status(503);
    }
    let unusable = queuectl(&tls.url(), &[trusted, cert], &["stats"]).await.with_code(78);
    assert!(
        unusable.stderr.contains("REDIS_TLS_CERT_FILE: is set without REDIS_TLS_KEY_FILE"),
        "{unusable:?}"
    );
    drop(redis);
}

/// Every server of a cluster speaks TLS; each is found under the name that it announces.
#[tokio::test]
async fn a_cluster_over_tls() {
    let tls = Tls::local();
    let args = [
        ["--cluster-enabled", "yes"],
        ["--tls-cluster", "yes"],
        ["--cluster-announce-ip", "127.0.0.1"],
        ["--appendonly", "yes"],
    ]
    .concat();
    let redis = RedisServer::with_tls(&tls, &args).await;
    redis.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    let is_whole = |reply: &Reply| reply.text().contains("cluster_state:ok");
    redis.wait_until(&["CLUSTER", "INFO"], is_whole, LIMIT).await;
    let url = format!("rediss-cluster://localhost:{}", tls.port());
    works(&url, &[("REDIS_TLS_CA_FILE", tls.ca().to_str().unwrap())]).await;
}

#[tokio::test]
async fn by_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock");
    let args = ["--unixsocket", socket.to_str().unwrap(), "--appendonly", "yes"];
    let mut redis = RedisServer::with(&args).await;
    let url = format!("redis+unix://{}", socket.display());
    works(&url, &[]).await;
    works(&format!("valkey+unix://{}?db=3", socket.display()), &[]).await;
    redis.kill();
    let ran = queuectl(&url, &[], &["stats"]).await.with_code(2);
    assert!(ran.stderr.contains("Connection refused"), "{ran:?}");
}
