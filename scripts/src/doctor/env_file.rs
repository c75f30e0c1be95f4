//! `.env` and the environment: names nobody knows, what is said twice, what others would read differently.

use std::collections::{BTreeMap, BTreeSet};

use redispatch::config::dotenv::Line;
use redispatch::config::{Kind, Setting, Table};

use super::{Finding, names};

/// Most of a value that is shown, in characters.
const SHOWN: usize = 40;

/// What the two places say. Never shows what a secret is set to.
pub(super) struct Env<'a> {
    pub(super) tables: &'a [Table],
    /// Every name that a setting may have.
    pub(super) known: &'a BTreeSet<String>,
    pub(super) lines: &'a [Line],
    pub(super) environment: &'a BTreeMap<String, String>,
}

impl Env<'_> {
    /// Everything that is odd about them; what a program refuses is not told again.
    pub(super) fn check(&self) -> Vec<Finding> {
        let mut findings = self.unknown();
        findings.extend(self.twice());
        findings.extend(self.comments());
        findings.extend(self.raw_comments());
        findings.extend(self.drift());
        findings
    }

    fn unknown(&self) -> Vec<Finding> {
        let unknown = self.lines.iter().filter(|line| !self.known.contains(&line.name));
        let warning = |line: &Line| {
            let found = format!(".env line {}: {} is no setting", line.number, line.name);
            Finding::warning("unknown names", found, names::advice(&line.name, self.known))
        };
        unknown.map(warning).collect()
    }

    /// Names that two lines set. Where they differ, and a program reads the name, it refuses that itself.
    fn twice(&self) -> Vec<Finding> {
        let mut first: BTreeMap<&str, &Line> = BTreeMap::new();
        let mut findings = Vec::new();
        for line in self.lines {
            match first.get(line.name.as_str()) {
                None => drop(first.insert(&line.name, line)),
                Some(other) if other.value == line.value || self.setting(&line.name).is_none() => {
                    let found =
                        format!(".env lines {} and {} both set {}", other.number, line.number, line.name);
                    findings.push(Finding::warning("duplicates", found, "keep one of them"));
                }
                Some(_) => {}
            }
        }
        findings
    }

    fn comments(&self) -> Option<Finding> {
        let lines: Vec<_> = self.lines.iter().filter(|line| line.has_comment).collect();
        let names: Vec<_> =
            lines.iter().map(|line| format!("{} (line {})", line.name, line.number)).collect();
        (!lines.is_empty()).then(|| {
            let found = format!(
                "behind a value in .env: {}; systemd and Docker would make it part of the value",
                names.join(", ")
            );
            Finding::warning("inline comments", found, "put each comment on a line of its own")
        })
    }

    /// What systemd or Docker has done already.
    fn raw_comments(&self) -> Vec<Finding> {
        let suspicious = |(name, value): &(&String, &String)| {
            let is_text = |setting: &Setting| matches!(setting.kind, Kind::Text | Kind::Secret | Kind::Path);
            value.trim_start().starts_with("# ")
                || (value.contains(" # ") && self.setting(name).is_some_and(is_text))
        };
        let warning = |(name, _): (&String, &String)| {
            let found = format!("the environment's {name} holds what looks like a comment");
            Finding::warning("inline comments", found, "take it out where the environment is set up")
        };
        let ours = self.environment.iter().filter(|(name, _)| self.setting(name).is_some());
        ours.filter(suspicious).map(warning).collect()
    }

    /// Settings that the environment and `.env` set differently.
    fn drift(&self) -> Vec<Finding> {
        let mut seen = BTreeSet::new();
        let mut findings = Vec::new();
        for line in self.lines.iter().filter(|line| seen.insert(&line.name)) {
            let (Some(setting), Some(value)) = (self.setting(&line.name), self.environment.get(&line.name))
            else {
                continue;
            };
            if value.trim() == line.value.trim() {
                continue;
            }
            // A text may be a token in the wrong place.
            let is_plain = !matches!(setting.kind, Kind::Text | Kind::Path | Kind::Secret);
            let values = match is_plain {
                true => format!(" ({}, and {} in .env)", shown(value), shown(&line.value)),
                false => String::new(),
            };
            let found = format!(
                "{} is set otherwise in the environment{values}, which wins over .env line {}",
                line.name, line.number
            );
            findings.push(Finding::warning("drift", found, "set it in one place"));
        }
        findings
    }

    fn setting(&self, name: &str) -> Option<&'static Setting> {
        let all = self.tables.iter().flat_map(|table| table.settings);
        all.into_iter().find(|setting| setting.names().any(|known| known == name))
    }
}

fn shown(value: &str) -> String {
    match value.trim() {
        "" => "nothing".to_owned(),
        value => format!("`{}`", value.escape_debug().take(SHOWN).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use redispatch::config::dotenv;

    use super::*;

    fn found(file: &str, environment: &[(&str, &str)]) -> Vec<String> {
        let tables = redispatch_workers::settings_tables();
        let known = names::known(&tables, Path::new("/nowhere"));
        let lines = dotenv::parse(file.as_bytes()).0;
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let env = Env { tables: &tables, known: &known, lines: &lines, environment: &environment };
        env.check().into_iter().map(|f| format!("{}: {} -> {}", f.check, f.found, f.todo.unwrap())).collect()
    }

    #[test]
    fn nothing_odd() {
        let file = "# SMPT_HOST=x\nSMTP_HOST=a\nSMTP_PASS_FILE=/x\nQUEUE_CONCURRENCY=5\nSMTP_PASS='a # b'\n";
        let environment =
            [("SMTP_HOST", "a"), ("HOME", "x # y"), ("MAX_RETRIES", "3"), ("SMTP_PASS", "a # b")];
        assert_eq!(found(file, &environment[..3]), [""; 0]);
        assert_eq!(found("", &[]), [""; 0]);
    }

    #[test]
    fn each_oddity() {
        for (file, environment, expected) in [
            (
                "SMPT_HOST=a",
                &[][..],
                "unknown names: .env line 1: SMPT_HOST is no setting -> did you mean SMTP_HOST?",
            ),
            (
                "MAX_RETRIES=3\n\nMAX_RETRIES=3",
                &[],
                "duplicates: .env lines 1 and 3 both set MAX_RETRIES -> keep one of them",
            ),
            (
                "SMS_PROVIDER=twilio  # or 'aws-sns'\nREDIS_PASSWORD=  # Optional",
                &[],
                "inline comments: behind a value in .env: SMS_PROVIDER (line 1), REDIS_PASSWORD (line 2); systemd and \
                 Docker would make it part of the value -> put each comment on a line of its own",
            ),
            (
                "",
                &[("SMTP_USER", "joe # the new one")],
                "inline comments: the environment's SMTP_USER holds what looks like a comment -> take it out where the \
                 environment is set up",
            ),
            (
                "",
                &[("REDIS_PASSWORD", "# Optional")],
                "inline comments: the environment's REDIS_PASSWORD holds what looks like a comment -> take it out where \
                 the environment is set up",
            ),
            (
                "MAX_RETRIES=3",
                &[("MAX_RETRIES", "5")],
                "drift: MAX_RETRIES is set otherwise in the environment (`5`, and `3` in .env), which wins over .env \
                 line 1 -> set it in one place",
            ),
            (
                "MAX_RETRIES=3",
                &[("MAX_RETRIES", "")],
                "drift: MAX_RETRIES is set otherwise in the environment (nothing, and `3` in .env), which wins over .env \
                 line 1 -> set it in one place",
            ),
            (
                "SMTP_PASS=hunter2",
                &[("SMTP_PASS", "hunter3")],
                "drift: SMTP_PASS is set otherwise in the environment, which wins over .env line 1 -> set it in one place",
            ),
            (
                "REDIS_URL=redis://:hunter2@a",
                &[("REDIS_URL", "redis://b")],
                "drift: REDIS_URL is set otherwise in the environment, which wins over .env line 1 -> set it in one place",
            ),
        ] {
            assert_eq!(found(file, environment), [expected], "{file}");
        }
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let file = "SMTP_PASS=hunter2  # x\nSMTP_PASS=hunter2\nTWILIO_API_URL=https://u:hunter2@x\n\
                    TWILIO_AUTH_TOKEN='hunter2 # x'\nTWILIO_ACCOUNT_SID=hunter2\nREDIS_TLS_KEY_FILE=hunter2";
        let environment = [
            ("SMTP_PASS", "hunter2 # x"),
            ("TWILIO_API_URL", "https://u:hunter2@y"),
            ("TWILIO_AUTH_TOKEN", "# hunter2"),
            ("TWILIO_ACCOUNT_SID", "hunter3"),
            ("REDIS_TLS_KEY_FILE", "hunter3"),
        ];
        let found = found(file, &environment);
        assert!(found.len() >= 8 && !found.concat().contains("hunter"), "{found:#?}");
    }
}
