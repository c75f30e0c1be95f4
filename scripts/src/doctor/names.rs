//! Names of settings: those there are, and which one was meant.

use std::collections::BTreeSet;
use std::path::Path;

use redispatch::config::Table;

/// What others call a setting of ours, or need and we do not.
const FOREIGN: [(&str, &str); 7] = [
    ("BULLMQ_PREFIX", "it is called QUEUE_PREFIX here"),
    ("API_PORT", "write API_ADDR=127.0.0.1:PORT"),
    ("DATABASE_URL", "take it out: there is no database but Redis"),
    ("NODE_ENV", "take it out: it means nothing here"),
    ("SMTP_PASSWORD", "it is called SMTP_PASS here"),
    ("SMTP_USERNAME", "it is called SMTP_USER here"),
    ("SMTP_SECURE", "it is called SMTP_TLS here: implicit, starttls, opportunistic or none"),
];

/// Names alike by less are others, from 0 to 1.
const ALIKE: f64 = 0.85;

/// All names that a setting may have: those of `tables`, and those of `.env.example` in `folder`.
pub(super) fn known(tables: &[Table], folder: &Path) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        tables.iter().flat_map(|table| table.settings).flat_map(|setting| setting.names()).collect();
    let example = std::fs::read_to_string(folder.join(".env.example")).unwrap_or_default();
    names.extend(example.lines().filter_map(name_of).map(str::to_owned));
    names
}

/// The name in `NAME=value` or `#NAME=value`.
fn name_of(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().trim_start_matches('#').split_once('=')?;
    let name = name.trim();
    let shape = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    shape.then_some(name)
}

/// What to do about a name that is not among `known`.
pub(super) fn advice(name: &str, known: &BTreeSet<String>) -> String {
    if let Some((_, advice)) = FOREIGN.iter().find(|(foreign, _)| *foreign == name) {
        return (*advice).to_owned();
    }
    let upper = name.to_ascii_uppercase();
    let alike = known.iter().map(|known| (strsim::jaro_winkler(known, &upper), known));
    match alike.max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(score, _)| *score >= ALIKE) {
        Some((_, meant)) => format!("did you mean {meant}?"),
        None => "take it out, unless another program reads it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        let known = known(&redispatch_workers::settings_tables(), Path::new("/nowhere"));
        for (name, expected) in [
            ("SMPT_HOST", "did you mean SMTP_HOST?"),
            ("MAX_RETRY", "did you mean MAX_RETRIES?"),
            ("smtp_host", "did you mean SMTP_HOST?"),
            ("TWILIO_TOKEN", "did you mean TWILIO_AUTH_TOKEN?"),
            ("WHATSAPP_AUTH_TOKN_FILE", "did you mean WHATSAPP_AUTH_TOKEN_FILE?"),
            ("QUEUE_CONCURENCY", "did you mean QUEUE_CONCURRENCY?"),
            ("SMTP_PASSWORD", "it is called SMTP_PASS here"),
            ("BULLMQ_PREFIX", "it is called QUEUE_PREFIX here"),
            ("XDG_SESSION", "take it out, unless another program reads it"),
        ] {
            assert_eq!(advice(name, &known), expected, "{name}");
        }
        for (foreign, _) in FOREIGN {
            assert!(!known.contains(foreign), "{foreign} is ours by now");
        }
    }

    #[test]
    fn an_example_beside_us_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env.example"), "# Help: a=b\n#OURS=1\n OTHER = x\nno name\n")
            .unwrap();
        let known = known(&[], folder.path());
        assert_eq!(known.iter().map(String::as_str).collect::<Vec<_>>(), ["OTHER", "OURS"]);
    }
}
