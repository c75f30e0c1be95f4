//! What lies in `deploy/` for Prometheus and Grafana.

use std::collections::BTreeSet;
use std::path::Path;

use redispatch::config::WorkerSettings;
use redispatch::telemetry::metric;
use redispatch::{Failure, Outcome, Receipt, Shutdown, Worker};
use redispatch_testkit::prometheus::Prometheus;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Port, eventually, promtool};
use serde_json::Value;

use super::{root, text};
use crate::api::server::Server;

fn dashboard() -> Value {
    serde_json::from_str(&text("deploy/grafana/redispatch.json")).expect("JSON")
}

/// Every metric of ours that a PromQL expression, or a text with some in it, names.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("redispatch_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

/// The metric itself, where the name is one of a histogram's series.
fn base(name: &str) -> &str {
    let parts = ["_bucket", "_sum", "_count"];
    parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name)
}

/// Every query of the dashboard, its panels' and its variables'.
fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().expect("a query").to_owned()).collect()
}

#[tokio::test]
async fn promtool_accepts_configuration_rules_and_their_tests() {
    promtool(&[Path::new("check"), Path::new("config"), &root("deploy/prometheus/prometheus.yml")], "").await;
    promtool(&[Path::new("check"), Path::new("rules"), &root("deploy/prometheus/alerts.yml")], "").await;
    promtool(&[Path::new("test"), Path::new("rules"), &root("deploy/prometheus/alerts_test.yml")], "").await;
    // as the compose file mounts them
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(root("deploy/compose/prometheus.yml"), at("prometheus.yml")).unwrap();
    std::fs::copy(root("deploy/prometheus/alerts.yml"), at("alerts.yml")).unwrap();
    promtool(&[Path::new("check"), Path::new("config"), &at("prometheus.yml")], "").await;
}

#[test]
fn every_alert_is_tested_firing_and_not_firing_and_says_what_to_run() {
    let (rules, tests) = (text("deploy/prometheus/alerts.yml"), text("deploy/prometheus/alerts_test.yml"));
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert_eq!(alerts.len(), 10, "this test reads all of them");
    for alert in alerts {
        let name = alert.lines().next().expect("a name");
        for part in ["severity: ", "summary: ", "description: ", "for: "] {
            assert!(alert.contains(part), "{name}: no {part}");
        }
        let description = alert.split("description: ").nth(1).expect("a description");
        assert!(description.contains("`queuectl "), "{name}: which command is to be run?");
        let begin = format!("alertname: {name}\n");
        let cases = tests.split(&begin).skip(1);
        let cases: Vec<_> = cases.map(|case| case.split("alertname: ").next().expect("a case")).collect();
        assert!(
            cases.iter().any(|case| case.contains("exp_alerts: []")),
            "{name}: no test in which it is silent"
        );
        assert!(
            cases.iter().any(|case| case.contains("exp_labels: {severity: ")),
            "{name}: no test in which it fires"
        );
    }
}

/// With messages in three states, and a limit to its memory.
async fn redis() -> RedisServer {
    let redis = RedisServer::with(&["--maxmemory", "100mb"]).await;
    let waiting = r#"{"to":"a","created_at":"2026-01-01T00:00:00Z"}"#;
    for (list, message) in [
        ("queue:sms:pending", waiting),
        ("queue:email:dead_letter", r#"{"_delivery":{"class":"reject"}}"#),
        ("queue:email:pending", r#"{"n":1,"created_at":"2026-01-01T00:00:00Z"}"#),
        ("queue:email:pending", r#"{"n":2}"#),
    ] {
        redis.command(&["LPUSH", list, message]).await.int();
    }
    redis
}

#[tokio::test]
async fn rules_and_dashboard_name_only_metrics_that_there_are() {
    let redis = redis().await;
    let api = Server::start(&redis, &[]).await.get("/metrics").await.body;
    let api = api.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let known: BTreeSet<_> = metric::ALL.iter().map(|metric| metric.name).chain(api).collect();
    let dashboard = dashboard();
    let named = metrics(&[text("deploy/prometheus/alerts.yml"), queries(&dashboard).join("\n")].join("\n"));
    assert!(named.len() > 20, "this test sees nothing: {named:?}");
    let unknown: Vec<_> = named.iter().filter(|name| !known.contains(base(name))).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// A real Prometheus with the files as they are, but for addresses and times.
#[tokio::test]
async fn every_query_of_the_dashboard_finds_something_and_alerts_fire() {
    let (redis, port) = (redis().await, Port::reserve());
    let api = Server::start(&redis, &[]).await;
    let settings = WorkerSettings {
        http_addr: Some(port.addr()),
        ..WorkerSettings::new(redis.url().parse().expect("an address"))
    };
    let (trigger, shutdown) = Shutdown::manual();
    let send = |delivery: redispatch::Delivery| async move {
        match delivery.bytes().starts_with(br#"{"n":1,"#) {
            true => Outcome::Sent(Receipt::default()),
            false => Outcome::Reject(Failure::new("no")),
        }
    };
    let worker = tokio::spawn(Worker::new("email", settings).expect("usable settings").run(send, shutdown));

    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("alerts.yml");
    let at_once: Vec<_> = text("deploy/prometheus/alerts.yml")
        .lines()
        .filter(|line| !line.trim().starts_with("for: "))
        .map(str::to_owned)
        .collect();
    std::fs::write(&rules, at_once.join("\n")).unwrap();
    let workers = "'localhost:9401', 'localhost:9402', 'localhost:9403'";
    let mut config = text("deploy/prometheus/prometheus.yml");
    for (there, here) in [
        ("15s", "1s"),
        ("- alerts.yml", &format!("- {}", rules.display())),
        ("localhost:8000", &api.addr.to_string()),
        (workers, &format!("'{}'", port.addr())),
    ] {
        assert!(config.contains(there), "{there}");
        config = config.replace(there, here);
    }
    let prometheus = Prometheus::start(&config).await;

    for query in queries(&dashboard()) {
        let query = query.replace("$__rate_interval", "1m").replace("$queue", ".*");
        let found = async || prometheus.query(&query).await.len();
        eventually(&query, LIMIT, found, |found| *found > 0).await;
    }
    for alert in [
        r#"ALERTS{alertname="RedispatchDeadLetters",alertstate="firing",queue="email"}"#,
        r#"ALERTS{alertname="RedispatchNoProgress",alertstate="firing",queue="sms"}"#,
    ] {
        let firing = async || prometheus.query(alert).await.len();
        eventually(alert, LIMIT, firing, |firing| *firing == 1).await;
    }
    for silent in
        ["RedispatchApiAbsent", "RedispatchRedisDown", "RedispatchRedisMemory", "RedispatchRestarts"]
    {
        assert_eq!(prometheus.query(&format!("ALERTS{{alertname=\"{silent}\"}}")).await.len(), 0, "{silent}");
    }
    trigger.drain();
    tokio::time::timeout(LIMIT, worker).await.expect("it ends").unwrap().expect("it ends well");
}

#[test]
fn the_dashboard_asks_the_chosen_data_source_only() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["datasource", "queue"]);
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(ids.insert(panel["id"].as_i64().expect("an id")), "{panel}: its id is taken");
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{panel}");
        for asks in targets.iter().chain([panel]) {
            assert_eq!(asks["datasource"]["uid"], "${datasource}", "{asks}");
        }
    }
}
