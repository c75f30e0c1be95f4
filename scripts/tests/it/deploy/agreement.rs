//! `scripts/quickstart`, `.env.example`, the compose file and the manifests name the same things.

use redispatch::config::dotenv;

use super::kubernetes::documents;
use super::{default, pairs, setting, text};

/// `NAME=value` pairs of settings' names in a text.
fn assignments(text: &str) -> Vec<(String, String)> {
    let words = text.split_whitespace().filter_map(|word| word.split_once('='));
    let named = words.filter(|(name, _)| {
        name.contains('_') && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    });
    named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn quickstart_knows_its_settings_and_its_keys() {
    let script = text("scripts/quickstart");
    let found = assignments(&script);
    assert!(found.len() >= 6, "this test sees nothing: {found:?}");
    for (name, _) in &found {
        assert!(setting(name).is_some() || name == "CARGO_TARGET_DIR", "{name}");
    }
    let prefix = default("QUEUE_PREFIX");
    for key in ["pending", "processing", "delayed", "dead_letter"] {
        assert!(script.contains(&format!("{prefix}:email:{key}")), "{key}");
    }
    for part in ["${prefix}:email:pending", "${prefix}:email:status:"] {
        let part = part.replace("${prefix}", "$QUEUE_PREFIX");
        assert!(text("deploy/compose/first-mail.sh").contains(&part), "{part}");
    }
}

#[test]
fn the_catchers_file_is_read_alike_by_everybody() {
    let (lines, faults) = dotenv::parse(text("deploy/compose/mail-catcher.env").as_bytes());
    assert_eq!(faults, []);
    let names: Vec<_> = lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["SMTP_HOST", "SMTP_PORT", "SMTP_TLS", "SMTP_USER", "SMTP_PASS", "SMTP_FROM"]);
    let services = &super::compose::compose()["services"];
    assert!(services.get(&lines[0].value).is_some(), "no service {}", lines[0].value);
}

#[test]
fn the_example_has_every_setting_that_deployments_set() {
    let example = text(".env.example");
    let mut names: Vec<String> = Vec::new();
    for (_, service) in super::compose::programs() {
        names.extend(pairs(&service["environment"]).into_iter().map(|(name, _)| name));
    }
    for document in documents() {
        for data in ["data", "stringData"] {
            names.extend(pairs(&document[data]).into_iter().map(|(name, _)| name));
        }
    }
    assert!(names.len() > 20, "this test sees nothing: {names:?}");
    for name in names {
        let name = setting(&name).unwrap_or_else(|| panic!("no setting {name}")).name;
        assert!(example.contains(&format!("\n#{name}=")), "{name}");
    }
}
