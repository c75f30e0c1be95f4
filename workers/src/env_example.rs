//! `.env.example` names every setting of every program.

use std::{fmt::Write as _, path::Path};

use redispatch::config::{Kind, Otherwise, dotenv};

use crate::settings_tables as tables;

/// `.env.example` as the tables have it.
fn example() -> String {
    let mut text =
        "# Copy to .env and take the # off what you change. The environment and flags win over it.\n\
        # Values with spaces, $ or quotes go in single quotes. NAME_FILE=/path works for every secret.\n"
            .to_owned();
    for table in tables() {
        writeln!(text, "\n# --- {} ---", table.heading).expect("a String takes everything");
        for setting in table.settings {
            let (value, otherwise) = match setting.default {
                Otherwise::Value(value) => (value, String::new()),
                Otherwise::Derived(text) => ("", format!(" (default: {text})")),
                Otherwise::Nothing => ("", String::new()),
            };
            let words = match setting.kind {
                Kind::Choice(words) => format!(": {}", words.join(", ")),
                Kind::YesNo => ": yes, no".to_owned(),
                _ => String::new(),
            };
            writeln!(text, "\n# {}{words}{otherwise}\n#{}={value}", setting.help, setting.name)
                .expect("a String takes everything");
        }
    }
    text
}

#[test]
fn env_example_has_every_setting_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env.example");
    if std::env::var_os("UPDATE_ENV_EXAMPLE").is_some() {
        std::fs::write(&path, example()).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text == example(), "run `UPDATE_ENV_EXAMPLE=1 cargo test -p redispatch-workers env_example`");
}

#[test]
fn env_example_loads_with_every_line_taken_in() {
    let settings = || tables().into_iter().flat_map(|t| t.settings);
    let text = example();
    let set: String = text
        .lines()
        .map(|line| {
            let assigns = settings().any(|s| line.starts_with(&format!("#{}=", s.name)));
            format!("{}\n", if assigns { &line[1..] } else { line })
        })
        .collect();
    let (lines, faults) = dotenv::parse(set.as_bytes());
    assert_eq!(faults, []);
    let loaded: Vec<_> = lines.into_iter().map(|l| (l.name, l.value)).collect();
    let declared: Vec<_> = settings()
        .map(|s| match s.default {
            Otherwise::Value(value) => (s.name.to_owned(), value.to_owned()),
            _ => (s.name.to_owned(), String::new()),
        })
        .collect();
    assert_eq!(loaded, declared);
}
