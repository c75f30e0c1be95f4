//! What the units of `deploy/systemd` say that systemd does not check.

use std::path::Path;

use redispatch::config::{EXIT_UNUSABLE_SETTINGS, Otherwise, Setting};
use redispatch_workers::settings_tables;

const UNITS: [&str; 4] =
    ["email-worker@.service", "sms-worker@.service", "whatsapp-worker@.service", "redispatch-api.service"];

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let path = root.join("deploy").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the file gives a key.
fn values<'a>(file: &'a str, key: &str) -> Vec<&'a str> {
    let value = |line: &'a str| line.strip_prefix(key)?.strip_prefix('=');
    file.lines().filter_map(value).collect()
}

fn settings() -> Vec<Setting> {
    settings_tables().iter().flat_map(|table| table.settings.iter().copied()).collect()
}

#[test]
fn a_service_has_the_time_to_drain_and_78_ends_it() {
    let limit = settings().into_iter().find(|setting| setting.name == "SHUTDOWN_TIMEOUT_MS").unwrap();
    let Otherwise::Value(limit) = limit.default else { panic!("{limit:?}") };
    for name in &UNITS[..3] {
        let unit = read(&format!("systemd/{name}"));
        let time: u64 = values(&unit, "TimeoutStopSec")[0].parse().unwrap();
        assert!(time * 1000 >= limit.parse::<u64>().unwrap() + 10_000, "{name}");
    }
    for name in UNITS {
        let unit = read(&format!("systemd/{name}"));
        assert_eq!(values(&unit, "RestartPreventExitStatus"), [EXIT_UNUSABLE_SETTINGS.to_string()], "{name}");
        assert_eq!(
            (values(&unit, "Type"), values(&unit, "Restart")),
            (vec!["notify"], vec!["always"]),
            "{name}"
        );
        assert_eq!(
            values(&unit, "StartLimitIntervalSec"),
            ["0"],
            "{name}: an outage must not make it give up"
        );
    }
    let pm2 = read("pm2/ecosystem.config.cjs");
    assert!(pm2.contains(&format!("SHUTDOWN_TIMEOUT_MS = '{limit}'")), "the default of PM2's file");
    assert!(pm2.contains(&format!("stop_exit_codes: [{EXIT_UNUSABLE_SETTINGS}]")));
}

#[test]
fn all_services_are_hardened_alike() {
    let hardening = |name: &&str| {
        let unit = read(&format!("systemd/{name}"));
        let (_, rest) = unit.split_once("\n\nAmbientCapabilities=").expect("the paragraph");
        rest.split("\n\n").next().expect("its text").to_owned()
    };
    let all: Vec<_> = UNITS.iter().map(hardening).collect();
    assert!(all[0].lines().count() > 25, "{}", all[0]);
    assert!(all.iter().all(|one| *one == all[0]));
}

#[test]
fn what_is_set_there_are_settings() {
    let settings = settings();
    let secret = |name: &str| settings.iter().any(|setting| setting.is_secret() && setting.name == name);
    for name in UNITS {
        let unit = read(&format!("systemd/{name}"));
        for set in values(&unit, "Environment").into_iter().flat_map(|line| line.split(' ')) {
            let (set, _) = set.split_once('=').expect("a value");
            assert!(settings.iter().any(|setting| setting.name == set), "{name}: {set}");
        }
        let secrets = read(&format!("systemd/secrets/{}.conf", name.split(['@', '.']).next().unwrap()));
        let loaded = values(&secrets, "LoadCredential");
        let named = values(&secrets, "Environment");
        assert!(loaded.len() >= 2 && loaded.len() == named.len(), "{secrets}");
        for (loaded, named) in loaded.iter().zip(named) {
            let (id, _) = loaded.split_once(':').expect("a path");
            assert!(secret(id), "{id} is no secret");
            assert_eq!(named, format!("{id}_FILE=%d/{id}"));
        }
    }
}
