//! What lies in `deploy/`, and the compose file above it: it agrees with the programs, and with itself.

use std::path::{Path, PathBuf};

use redispatch::config::{Otherwise, Setting};
use redispatch_workers::settings_tables;
use serde_json::Value;

mod agreement;
mod compose;
mod kubernetes;
mod monitoring;
mod stack;

/// A file of the project.
fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join(path)
}

/// What it holds.
fn text(path: &str) -> String {
    std::fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML text.
fn yaml(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The setting that the variable `name` sets, be it by an alias or a file.
fn setting(name: &str) -> Option<Setting> {
    let mut all = settings_tables().into_iter().flat_map(|table| table.settings);
    all.find(|setting| setting.names().any(|known| known == name)).copied()
}

/// What holds where `name` is not set.
fn default(name: &str) -> &'static str {
    match setting(name).unwrap_or_else(|| panic!("no setting {name}")).default {
        Otherwise::Value(value) => value,
        _ => panic!("{name} has no default"),
    }
}

/// The limit of a worker that was asked to stop, ms.
fn shutdown_limit() -> u64 {
    default("SHUTDOWN_TIMEOUT_MS").parse().expect("milliseconds")
}

/// The port of `0.0.0.0:9401`.
fn port(addr: &str) -> u16 {
    let parsed = addr.parse::<std::net::SocketAddr>();
    parsed.unwrap_or_else(|error| panic!("{addr}: {error}")).port()
}

/// Names and values of a mapping of texts.
fn pairs(mapping: &Value) -> Vec<(String, String)> {
    let entries = mapping.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.clone(), word(value))).collect()
}

/// The words of a list.
fn words(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(word).collect()
}

/// A text, or what stands for one: Compose takes `no` and `8000` as they are written.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
