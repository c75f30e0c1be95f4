//! What lies in `deploy/` for Prometheus and Grafana.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use redispatch::telemetry::metric;
use redispatch_testkit::promtool;
use serde_json::Value;

/// The metrics of `queuectl serve`.
const API: [&str; 20] = [
    "redispatch_queue_messages",
    "redispatch_queue_oldest_waiting_seconds",
    "redispatch_queue_enqueued_total",
    "redispatch_queue_sent_total",
    "redispatch_queue_retried_total",
    "redispatch_queue_dead_lettered_total",
    "redispatch_queue_taken_over_total",
    "redispatch_queue_duplicates_total",
    "redispatch_queue_stale_settles_total",
    "redispatch_queue_expired_total",
    "redispatch_queue_orphans_total",
    "redispatch_queue_paused",
    "redispatch_queue_throttled",
    "redispatch_queue_breaker_open",
    "redispatch_queue_workers",
    "redispatch_redis_up",
    "redispatch_redis_memory_used_bytes",
    "redispatch_redis_memory_limit_bytes",
    "redispatch_build_info",
    "process_start_time_seconds",
];

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("deploy").join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(deploy(path)).unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
}

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/redispatch.json")).expect("JSON")
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
    promtool(&[Path::new("check"), Path::new("config"), &deploy("prometheus/prometheus.yml")], "").await;
    promtool(&[Path::new("check"), Path::new("rules"), &deploy("prometheus/alerts.yml")], "").await;
    promtool(&[Path::new("test"), Path::new("rules"), &deploy("prometheus/alerts_test.yml")], "").await;
}

#[test]
fn every_alert_is_tested_firing_and_not_firing_and_says_what_to_run() {
    let (rules, tests) = (text("prometheus/alerts.yml"), text("prometheus/alerts_test.yml"));
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert_eq!(alerts.len(), 9, "this test reads all of them");
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

#[test]
fn rules_and_dashboard_name_only_metrics_that_there_are() {
    let known: BTreeSet<_> = metric::ALL.iter().map(|metric| metric.name).chain(API).collect();
    let dashboard = dashboard();
    let named = metrics(&[text("prometheus/alerts.yml"), queries(&dashboard).join("\n")].join("\n"));
    assert!(named.len() > 20, "this test sees nothing: {named:?}");
    let unknown: Vec<_> = named.iter().filter(|name| !known.contains(base(name))).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
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

/// As rules of their own: promtool reads them as Prometheus would.
#[tokio::test]
async fn every_query_of_the_dashboard_is_promql() {
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (n, query) in queries(&dashboard()).iter().enumerate() {
        let query = query.replace("$__rate_interval", "5m").replace("$queue", ".*");
        assert!(!query.contains(['$', '\'', '\n']), "{query}");
        rules.push_str(&format!("      - record: query_{n}\n        expr: '{query}'\n"));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, rules).unwrap();
    promtool(&[Path::new("check"), Path::new("rules"), &file], "").await;
}
