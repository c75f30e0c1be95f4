//! Every verb answers `--help` in the same way, and its text is kept.

use std::collections::BTreeSet;
use std::fs;

use redispatch_testkit::redis::RedisServer;

use crate::run::queuectl;
use crate::snapshot;

/// The verbs that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let commands = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let commands = commands.split("\n\n").next().unwrap_or_default();
    let verbs = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    verbs.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_verb_has_a_help_with_examples_that_fits_80_columns() {
    let redis = RedisServer::start().await;
    let (mut open, mut seen) = (vec![Vec::new()], BTreeSet::new());
    while let Some(verb) = open.pop() {
        let args: Vec<&str> = verb.iter().map(String::as_str).chain(["--help"]).collect();
        let help = queuectl(&redis, &args).await.with_code(0).stdout;
        snapshot::fits(&help);
        assert!(help.contains("\nExamples:\n  queuectl"), "no example: {help}");
        assert!(help.contains("--json"), "{help}");
        let name = format!("queuectl {}", verb.join(" ")).trim_end().replace(' ', "-");
        snapshot::matches(&format!("help/{name}"), &help);
        seen.insert(format!("{name}.txt"));
        open.extend(listed(&help).into_iter().map(|below| [verb.clone(), vec![below]].concat()));
    }
    assert!(seen.len() > 10, "{seen:?}");
    let kept = fs::read_dir(snapshot::path("help/x").parent().unwrap()).unwrap();
    let kept: BTreeSet<_> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(kept, seen, "a snapshot of a verb that is gone");
}

#[tokio::test]
async fn a_slip_of_the_pen_gets_a_hint() {
    let redis = RedisServer::start().await;
    for (args, hint) in [
        (&["stats", "--jsn"][..], "'--json'"),
        (&["stat"], "'stats'"),
        (&["drain", "--queue", "email", "--timout", "3"], "'--timeout'"),
    ] {
        let ran = queuectl(&redis, args).await.with_code(2);
        assert!(ran.stderr.contains("similar") && ran.stderr.contains(hint), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[tokio::test]
async fn completions_need_neither_redis_nor_settings() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let home = tempfile::tempdir().unwrap();
        let mut command = crate::run::command("nonsense://", home.path(), &["completions", shell]);
        command.env("RUST_LOG", "===");
        let ran = crate::run::finish(command, b"").await.with_code(0);
        assert!(
            ran.stdout.contains("rollback-check") && ran.stdout.contains("watch"),
            "{shell}: {}",
            ran.stdout
        );
    }
}
