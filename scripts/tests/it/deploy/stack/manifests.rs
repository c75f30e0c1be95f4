//! The programs as the Kubernetes manifests start them.

use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Port, eventually, http};

use super::super::kubernetes::{deployments, environment, value};
use super::super::{port, words};
use super::programs;

#[tokio::test]
#[ignore = "needs the workers' programs: scripts/test deploy"]
async fn they_start_and_their_probes_are_answered() {
    let mut redis = RedisServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    programs(&bin);
    for (name, _, container) in deployments() {
        let mut environment = environment(&container);
        let listens = if name == "api" { "API_ADDR" } else { "HTTP_ADDR" };
        let (free, there) = (Port::reserve(), value(&environment, listens));
        for (name, text) in &mut environment {
            match &**name {
                "REDIS_URL" => *text = redis.url(),
                known if known == listens => {
                    *text = there.replace(&port(&there).to_string(), &free.addr().port().to_string())
                }
                "API_TOKEN" => *text = "token".to_owned(),
                known if known.ends_with("ACCOUNT_SID") => *text = format!("AC{}", "0".repeat(32)),
                known if known.ends_with("FROM_NUMBER") => *text = "+15005550006".to_owned(),
                _ => {}
            }
        }
        let environment: Vec<_> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
        let command = words(&container["command"]);
        let arguments: Vec<_> = command[1..].iter().map(String::as_str).collect();
        let program = Worker::start(bin.join(&command[0]), &arguments, &environment);
        let ask = async |probe: &str| {
            let path =
                container[probe]["httpGet"]["path"].as_str().unwrap_or_else(|| panic!("{name}: no {probe}"));
            http::get(free.addr(), path).await.map_or(0, |answer| answer.status)
        };
        eventually("it is alive", LIMIT, async || ask("livenessProbe").await, |status| *status == 200).await;
        if name != "api" {
            assert_eq!(ask("startupProbe").await, 200, "{name}");
        }
        // with Redis away: alive, and not ready; with it, that depends on providers that nobody asks here. The API says
        // itself what is away.
        redis.kill();
        let unready = if name == "api" { 200 } else { 503 };
        eventually("it is not ready", LIMIT, async || ask("readinessProbe").await, |now| *now == unready)
            .await;
        assert_eq!(ask("livenessProbe").await, 200, "{name}");
        redis.restart().await;
        program.sigterm();
        assert_eq!(program.wait_exit(LIMIT).await.code(), Some(0), "{name}");
    }
}

#[tokio::test]
#[ignore = "needs the workers' programs: scripts/test deploy"]
async fn the_example_of_secrets_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    programs(&bin);
    for (name, _, container) in deployments() {
        let environment = environment(&container);
        let environment: Vec<_> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
        let command = words(&container["command"]);
        let arguments: Vec<_> = command[1..].iter().map(String::as_str).collect();
        let program = Worker::start(bin.join(&command[0]), &arguments, &environment);
        assert_eq!(program.wait_exit(LIMIT).await.code(), Some(78), "{name}");
    }
}
