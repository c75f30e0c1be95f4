//! The manifests in `deploy/kubernetes`.

use serde_json::{Value, json};

use super::compose::programs;
use super::{pairs, port, setting, shutdown_limit, text, word, words, yaml};

/// All documents, those of the example of secrets too.
pub(super) fn documents() -> Vec<Value> {
    let kustomization = yaml(&text("deploy/kubernetes/kustomization.yaml")).remove(0);
    let files = words(&kustomization["resources"]).into_iter().chain(["secret.example.yaml".to_owned()]);
    files.flat_map(|file| yaml(&text(&format!("deploy/kubernetes/{file}")))).collect()
}

/// Those of one kind.
fn of_kind(kind: &str) -> Vec<Value> {
    documents().into_iter().filter(|document| document["kind"] == kind).collect()
}

/// The deployments, each with its only container.
pub(super) fn deployments() -> Vec<(String, Value, Value)> {
    let deployments = of_kind("Deployment").into_iter().map(|deployment| {
        let pod = deployment["spec"]["template"]["spec"].clone();
        let containers = pod["containers"].as_array().expect("containers").clone();
        assert_eq!(containers.len(), 1);
        (word(&deployment["metadata"]["name"]), deployment, containers[0].clone())
    });
    deployments.collect()
}

/// The environment of a container, with its maps and secrets.
pub(super) fn environment(container: &Value) -> Vec<(String, String)> {
    let documents = documents();
    let named = |kind: &str, name: &Value| {
        let found = documents.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == *name);
        found.unwrap_or_else(|| panic!("no {kind} {name}")).clone()
    };
    let from = container["envFrom"].as_array().into_iter().flatten().flat_map(|source| {
        match source["configMapRef"]["name"].is_string() {
            true => pairs(&named("ConfigMap", &source["configMapRef"]["name"])["data"]),
            false => pairs(&named("Secret", &source["secretRef"]["name"])["stringData"]),
        }
    });
    let own = container["env"].as_array().into_iter().flatten();
    let own = own.filter_map(|one| Some((word(&one["name"]), one["value"].as_str()?.to_owned())));
    from.chain(own).collect()
}

/// The value of `name` there.
pub(super) fn value(environment: &[(String, String)], name: &str) -> String {
    let found = environment.iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("{name} is not set")).1.clone()
}

#[test]
fn the_programs_of_the_compose_file_with_their_ports() {
    let mut here: Vec<_> =
        deployments().into_iter().map(|(name, _, it)| (name, words(&it["command"]))).collect();
    here.sort();
    let there: Vec<_> = programs().into_iter().map(|(name, it)| (name, words(&it["command"]))).collect();
    assert_eq!(here, there);
    for (name, service) in programs() {
        let (_, deployment, container) =
            deployments().into_iter().find(|(known, ..)| *known == name).expect("it is there");
        assert_eq!(container["image"], service["image"], "{name}");
        let listens = if name == "api" { "API_ADDR" } else { "HTTP_ADDR" };
        let addr = value(&environment(&container), listens);
        assert_eq!(addr, word(&service["environment"][listens]), "{name}");
        let ports = container["ports"].as_array().expect("ports");
        assert_eq!(*ports, [json!({"name": "http", "containerPort": port(&addr)})], "{name}");
        let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(word(&annotations["prometheus.io/port"]), port(&addr).to_string(), "{name}");
    }
}

#[test]
fn the_image_is_the_one_of_this_version() {
    let kustomization = yaml(&text("deploy/kubernetes/kustomization.yaml")).remove(0);
    assert_eq!(kustomization["images"], json!([{"name": "redispatch", "newTag": env!("CARGO_PKG_VERSION")}]));
}

#[test]
fn what_is_set_is_a_setting_and_secrets_are_in_secrets() {
    let check = |place: &str, name: &str, secret: bool| {
        let setting = setting(name).unwrap_or_else(|| panic!("{place}: no setting {name}"));
        assert!(secret || !setting.is_secret(), "{place}: {name} is a secret");
    };
    for map in of_kind("ConfigMap") {
        pairs(&map["data"]).iter().for_each(|(name, _)| check("ConfigMap", name, false));
    }
    for (name, _, container) in deployments() {
        for one in container["env"].as_array().expect("variables") {
            check(&name, &word(&one["name"]), false);
        }
    }
    for secret in of_kind("Secret") {
        for (name, value) in pairs(&secret["stringData"]) {
            check("Secret", &name, true);
            assert!(value.contains("REPLACE ME"), "{name}");
        }
    }
    let limit = value(&pairs(&of_kind("ConfigMap")[0]["data"]), "SHUTDOWN_TIMEOUT_MS");
    assert_eq!(limit, shutdown_limit().to_string());
}

#[test]
fn every_pod_is_restricted_and_stops_in_time() {
    for (name, deployment, container) in deployments() {
        let pod = &deployment["spec"]["template"]["spec"];
        assert!(pod["terminationGracePeriodSeconds"].as_u64() > Some(shutdown_limit() / 1000 + 5), "{name}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        assert_eq!(pod["enableServiceLinks"], false, "{name}: a Service called redis would set REDIS_PORT");
        assert_eq!(
            pod["securityContext"],
            json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}),
            "{name}"
        );
        let context = json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        });
        assert_eq!(container["securityContext"], context, "{name}");
        let resources = json!({
            "requests": {"memory": "256Mi", "cpu": "250m"}, "limits": {"memory": "512Mi", "cpu": "500m"},
        });
        assert_eq!(container["resources"], resources, "{name}");
    }
}

#[test]
fn what_selects_selects_something() {
    let labels = |deployment: &Value| deployment["spec"]["template"]["metadata"]["labels"].clone();
    let budgets = of_kind("PodDisruptionBudget");
    for (name, deployment, _) in deployments() {
        let labels = labels(&deployment);
        assert_eq!(labels, json!({"app.kubernetes.io/name": name}));
        assert_eq!(deployment["spec"]["selector"]["matchLabels"], labels, "{name}");
        let budget = budgets.iter().find(|budget| budget["spec"]["selector"]["matchLabels"] == labels);
        assert!(budget.is_some(), "{name}: no PodDisruptionBudget");
    }
    let names: Vec<_> = deployments().into_iter().map(|(name, ..)| name).collect();
    assert!(names.contains(&word(&of_kind("Service")[0]["spec"]["selector"]["app.kubernetes.io/name"])));
    for policy in of_kind("NetworkPolicy") {
        let selector = &policy["spec"]["podSelector"];
        let one = selector["matchLabels"]["app.kubernetes.io/name"].as_str().map(str::to_owned);
        let several = words(&selector["matchExpressions"][0]["values"]);
        for name in one.into_iter().chain(several) {
            assert!(names.contains(&name), "{policy}");
        }
    }
}
