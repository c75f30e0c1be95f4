//! What the documents tell operators to type is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::snapshot;

const DOCUMENTS: [&str; 6] = [
    "README.md",
    "docs/runbook.md",
    "deploy/compose/README.md",
    "deploy/kubernetes/README.md",
    "deploy/prometheus/README.md",
    "shared/examples/README.md",
];

/// The commands in a document that begin with `queuectl`, up to where something else begins.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            block = !block;
        }
        let pieces: Vec<&str> = if block { vec![line] } else { line.split('`').skip(1).step_by(2).collect() };
        for piece in pieces {
            let piece = piece.trim_start().trim_start_matches("$ ");
            let starts = piece.match_indices("queuectl ").map(|(at, _)| at);
            for at in starts.filter(|at| *at == 0 || piece[..*at].ends_with([' ', '('])) {
                let rest = &piece[at + "queuectl ".len()..];
                let end = rest.find([';', '`', '>', ')']).unwrap_or(rest.len());
                let rest = rest[..end].split(" # ").next().unwrap_or_default();
                found.push(rest.split(" | ").next().unwrap_or_default().trim().to_owned());
            }
        }
    }
    found
}

/// What is wrong with a command: no such verb, or no such flag of it.
fn fault(command: &str, helps: &BTreeMap<String, String>) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let verb = words.first()?;
    // `dead ls\|show\|…`
    let below = words.get(1).map(|word| word.split(['\\', '|']).next().unwrap_or_default());
    let deep = below.map(|below| format!("queuectl-{verb}-{below}")).filter(|name| helps.contains_key(name));
    let name = deep.unwrap_or_else(|| format!("queuectl-{verb}"));
    let Some(help) = helps.get(&name) else { return Some(format!("`queuectl {command}`: no such verb")) };
    let flags = words.iter().map(|word| word.trim_matches(['[', ']'])).filter(|word| word.starts_with("--"));
    let unknown =
        flags.map(|flag| flag.split('=').next().unwrap_or_default()).find(|flag| !help.contains(flag));
    unknown.map(|flag| format!("`queuectl {command}`: {name} --help knows no {flag}"))
}

#[test]
fn every_command_in_the_documents_is_one() {
    let folder = snapshot::path("help/x");
    let helps: BTreeMap<String, String> = fs::read_dir(folder.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    assert!(
        fault("stats --wach", &helps).is_some() && fault("stat", &helps).is_some(),
        "this test sees nothing"
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut seen, mut faults) = (0, Vec::new());
    for document in DOCUMENTS {
        for command in commands(&fs::read_to_string(root.join(document)).unwrap()) {
            seen += 1;
            faults.extend(fault(&command, &helps).map(|fault| format!("{document}: {fault}")));
        }
    }
    assert!(seen > 50, "{seen} commands seen");
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
