//! `docker-compose.yml`, as it is written.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{default, pairs, port, root, setting, shutdown_limit, text, word, words, yaml};

/// Variables of the compose file itself: how many of each, and where on this machine.
const OWN: [&str; 7] = [
    "EMAIL_WORKERS",
    "SMS_WORKERS",
    "WHATSAPP_WORKERS",
    "API_PORT",
    "MAIL_CATCHER_PORT",
    "PROMETHEUS_PORT",
    "GRAFANA_PORT",
];

/// The compose file.
pub(super) fn compose() -> Value {
    yaml(&text("docker-compose.yml")).remove(0)
}

/// Its services with their names.
fn services() -> Vec<(String, Value)> {
    let compose = compose();
    let services = compose["services"].as_object().expect("services");
    assert!(services.len() > 8, "this test sees nothing");
    services.iter().map(|(name, service)| (name.clone(), service.clone())).collect()
}

/// Those that run programs of ours.
pub(super) fn programs() -> Vec<(String, Value)> {
    services().into_iter().filter(|(_, service)| service["image"] == "redispatch").collect()
}

/// Every `NAME` of `${NAME…}` and its `:-default`, nested ones too; `$$` is a dollar.
fn variables(text: &str) -> Vec<(String, Option<String>)> {
    let text = text.replace("$$", "");
    let starts = text.match_indices("${").map(|(at, _)| &text[at + 2..]);
    let variables = starts.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').expect("an end");
        let default = rest[end..].strip_prefix(":-").and_then(|rest| rest.split(['}', '$']).next());
        (rest[..end].to_owned(), default.map(str::to_owned))
    });
    variables.collect()
}

#[test]
fn variables_are_settings_or_the_files_own() {
    let found = variables(&text("docker-compose.yml"));
    let mut seen = BTreeSet::new();
    for (name, default) in found {
        seen.insert(name.clone());
        assert!(OWN.contains(&&*name) || setting(&name).is_some(), "${{{name}}}: nobody knows it");
        if let (Some(setting), Some(default)) = (setting(&name), default)
            && !default.is_empty()
        {
            assert_eq!(default, super::default(setting.name), "{name}");
        }
    }
    assert!(OWN.iter().all(|name| seen.contains(*name)), "{seen:?}");
    let help = text("deploy/compose/README.md");
    for name in OWN {
        assert!(help.contains(name), "deploy/compose/README.md does not tell of {name}");
    }
}

#[test]
fn what_is_set_is_a_setting_and_no_secret() {
    for (name, service) in programs() {
        for (variable, value) in pairs(&service["environment"]) {
            let setting = setting(&variable).unwrap_or_else(|| panic!("{name}: no setting {variable}"));
            let in_clear = setting.is_secret() && variable == setting.name && !value.is_empty();
            assert!(!in_clear, "{name}: {variable} is written down");
        }
    }
    for (name, service) in services() {
        for (variable, value) in pairs(&service["environment"]) {
            let secret = setting(&variable).is_some_and(|setting| setting.is_secret());
            let file = variable.ends_with("_FILE");
            assert!(!secret || file || value.is_empty() || value.starts_with("${"), "{name}: {variable}");
        }
    }
}

#[test]
fn every_service_is_hardened_and_its_log_ends() {
    for (name, service) in services() {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(words(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service["logging"]["options"]["max-size"].is_string(), "{name}");
        assert!(service["image"].as_str().is_some_and(|image| !image.ends_with(":latest")), "{name}");
        assert!(service.get("privileged").is_none(), "{name}");
        let once = service["profiles"] == serde_json::json!(["dev"]) || name == "make-secrets";
        let restart = word(&service["restart"]);
        assert!(restart == "unless-stopped" || once && restart == "no", "{name}: {restart}");
        for published in words(&service["ports"]) {
            assert!(published.starts_with("127.0.0.1:"), "{name}: {published}");
        }
    }
    let redis = &compose()["services"]["redis"];
    assert!(redis.get("ports").is_none() && redis.get("expose").is_none(), "Redis is published");
}

#[test]
fn programs_stop_in_time_and_have_the_resources_of_the_manifests() {
    let programs = programs();
    let names: Vec<_> = programs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["api", "email-worker", "sms-worker", "whatsapp-worker"]);
    for (name, service) in &programs {
        let grace = word(&service["stop_grace_period"]);
        let seconds: u64 = grace.strip_suffix('s').and_then(|text| text.parse().ok()).expect("seconds");
        assert!(seconds * 1000 > shutdown_limit() + 5000, "{name}: {grace}");
        let resources = &service["deploy"]["resources"];
        let of = |kind: &str| (word(&resources[kind]["memory"]), word(&resources[kind]["cpus"]));
        assert_eq!(of("reservations"), ("256M".to_owned(), "0.25".to_owned()), "{name}");
        assert_eq!(of("limits"), ("512M".to_owned(), "0.5".to_owned()), "{name}");
        assert_eq!(service["depends_on"]["redis"]["condition"], "service_healthy", "{name}");
        assert_eq!(service["pull_policy"], "never", "{name}: a stranger may own that name on the registry");
    }
    // two that build one name for the first time fail
    let building: Vec<_> = programs.iter().filter(|(_, service)| service.get("build").is_some()).collect();
    assert_eq!(building.len(), 1);
}

#[test]
fn each_worker_is_asked_by_itself() {
    for (name, service) in programs().iter().filter(|(name, _)| name != "api") {
        assert_eq!(words(&service["command"]), [name.as_str()]);
        let check = &service["healthcheck"];
        assert_eq!(words(&check["test"]), ["CMD", name, "--healthcheck"]);
        let times = ["interval", "timeout", "start_period", "retries"].map(|time| word(&check[time]));
        assert_eq!(times, ["30s", "3s", "5s", "3"], "{name}");
    }
    let compose = compose();
    assert_eq!(words(&compose["services"]["api"]["command"]), ["queuectl", "serve"]);
}

#[test]
fn what_is_mounted_is_there() {
    let mut seen = 0;
    for (name, service) in services() {
        for volume in words(&service["volumes"]) {
            let parts: Vec<_> = volume.split(':').collect();
            match parts[0].strip_prefix("./") {
                Some(path) => {
                    seen += 1;
                    assert!(root(path).exists(), "{name}: {path}");
                    assert_eq!(parts[2..], ["ro"], "{name}: {volume}");
                }
                None => assert!(compose()["volumes"].get(parts[0]).is_some(), "{name}: {volume}"),
            }
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn prometheus_scrapes_where_they_listen() {
    let compose = compose();
    let addr = |service: &str, name: &str| word(&compose["services"][service]["environment"][name]);
    let here = yaml(&text("deploy/compose/prometheus.yml")).remove(0);
    let jobs = here["scrape_configs"].as_array().expect("jobs");
    let api = format!("api:{}", port(&addr("api", "API_ADDR")));
    assert_eq!(words(&jobs[0]["static_configs"][0]["targets"]), [api]);
    let workers = jobs[1]["dns_sd_configs"].as_array().expect("workers");
    assert_eq!(workers.len(), 3);
    let mut ports = Vec::new();
    for worker in workers {
        let names = words(&worker["names"]);
        let listens = port(&addr(&names[0], "HTTP_ADDR"));
        assert_eq!(worker["port"], listens, "{names:?}");
        ports.push(format!("localhost:{listens}"));
    }
    assert_eq!(port(default("API_ADDR")), port(&addr("api", "API_ADDR")));
    // the one for a host has the same ports
    let host = yaml(&text("deploy/prometheus/prometheus.yml")).remove(0);
    let jobs = host["scrape_configs"].as_array().expect("jobs");
    assert_eq!(words(&jobs[1]["static_configs"][0]["targets"]), ports);
    for file in [&here, &host] {
        assert_eq!(words(&file["rule_files"]), ["alerts.yml"]);
    }
}

#[test]
fn grafana_finds_prometheus_and_the_dashboard() {
    let compose = compose();
    let source = &yaml(&text("deploy/grafana/provisioning/datasources/prometheus.yml"))[0]["datasources"][0];
    assert_eq!((&source["type"], &source["isDefault"]), (&"prometheus".into(), &true.into()));
    let service = word(&source["url"]);
    let service = service.strip_prefix("http://").and_then(|url| url.strip_suffix(":9090")).expect("a URL");
    assert!(compose["services"].get(service).is_some(), "{service}");
    let provider = &yaml(&text("deploy/grafana/provisioning/dashboards/redispatch.yml"))[0]["providers"][0];
    let folder = word(&provider["options"]["path"]);
    let mount = format!("./deploy/grafana/redispatch.json:{folder}/redispatch.json:ro");
    assert!(words(&compose["services"]["grafana"]["volumes"]).contains(&mount), "{mount}");
}
