//! Whether messages outlive a restart of Redis.

use super::Finding;
use super::redis::{Facts, Fields};

const CHECK: &str = "persistence";

/// Judges the section `persistence` and what the configuration says.
pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let info = &facts.persistence;
    if info.is_empty() {
        return vec![Finding::skipped(CHECK, "not looked at: the server does not tell")];
    }
    if info.get("loading").is_some_and(|loading| loading == "1") {
        let todo = "wait until it has: nobody can enqueue or claim before";
        return vec![Finding::fault(CHECK, "Redis is still loading what it has on disk", todo)];
    }
    let mut findings: Vec<Finding> = failures(info).collect();
    if findings.is_empty() {
        findings.push(kept(info, facts.config.as_ref()));
    }
    findings
}

/// What went wrong with writing to disk last.
fn failures(info: &Fields) -> impl Iterator<Item = Finding> + '_ {
    let lasts = [
        ("rdb_last_bgsave_status", "the last snapshot failed"),
        ("aof_last_bgrewrite_status", "the last rewrite of the append-only file failed"),
        ("aof_last_write_status", "the last write to the append-only file failed"),
    ];
    lasts.into_iter().filter(|(name, _)| info.get(*name).is_some_and(|status| status == "err")).map(
        |(_, found)| {
            Finding::fault(CHECK, found, "look at the log of Redis: is the disk full, or not writable?")
        },
    )
}

fn kept(info: &Fields, config: Option<&Fields>) -> Finding {
    let setting = |name| config.and_then(|config| config.get(name)).map(String::as_str);
    let todo = "CONFIG SET appendonly yes, and the same in redis.conf";
    if info.get("aof_enabled").is_some_and(|enabled| enabled == "1") {
        return match setting("appendfsync") {
            Some("no") => Finding::warning(
                CHECK,
                "append-only file, appendfsync no: a crash of the host loses what it had not written yet",
                "CONFIG SET appendfsync everysec, and the same in redis.conf",
            ),
            Some(often) => Finding::ok(CHECK, format!("append-only file, appendfsync {often}")),
            None => Finding::ok(CHECK, "append-only file"),
        };
    }
    match setting("save") {
        Some("") => Finding::warning(CHECK, "none: a restart of Redis loses every message", todo),
        Some(_) => {
            Finding::warning(CHECK, "snapshots only: a crash loses what came after the last one", todo)
        }
        None => Finding::warning(CHECK, "no append-only file: a crash may lose messages", todo),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level::{self, Fault, Ok, Skipped, Warning};
    use super::super::redis::{Pairs, fields};
    use super::*;

    type Judged<'a> = &'a [(Level, &'a str)];

    #[test]
    #[rustfmt::skip]
    fn judgements() {
        let cases: [(Pairs<'_>, Pairs<'_>, Judged<'_>); 10] = [
            (&[("aof_enabled", "1")], &[("appendfsync", "everysec")], &[(Ok, "append-only file, appendfsync everysec")]),
            (&[("aof_enabled", "1")], &[("appendfsync", "no")], &[(Warning, "append-only file, appendfsync no")]),
            (&[("aof_enabled", "1")], &[], &[(Ok, "append-only file")]),
            (&[("aof_enabled", "0")], &[("save", "3600 1")], &[(Warning, "snapshots only")]),
            (&[("aof_enabled", "0")], &[("save", "")], &[(Warning, "none: ")]),
            (&[("aof_enabled", "0")], &[], &[(Warning, "no append-only file")]),
            (&[("aof_enabled", "1"), ("rdb_last_bgsave_status", "err")], &[], &[(Fault, "the last snapshot failed")]),
            (&[("aof_last_bgrewrite_status", "err"), ("aof_last_write_status", "err")], &[],
                &[(Fault, "the last rewrite"), (Fault, "the last write")]),
            (&[("loading", "1"), ("aof_enabled", "1")], &[], &[(Fault, "Redis is still loading")]),
            (&[], &[], &[(Skipped, "not looked at")]),
        ];
        for (info, config, expected) in cases {
            let facts = Facts { persistence: fields(info), config: Some(fields(config)), ..Facts::default() };
            let found = check(&facts);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (finding, (level, start)) in found.iter().zip(expected) {
                assert!(finding.level == *level && finding.found.starts_with(start), "{finding:?}");
            }
        }
    }
}
