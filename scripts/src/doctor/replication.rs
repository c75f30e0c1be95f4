//! Whether this is the server to write to, and whether its replicas follow.

use super::Finding;
use super::redis::Fields;

const CHECK: &str = "replication";

/// A replica that is silent for longer, in seconds, is behind.
const LARGEST_LAG: u64 = 10;

/// Whether this is one.
pub(super) fn is_replica(info: &Fields) -> bool {
    info.get("role").is_some_and(|role| role == "slave")
}

/// Judges the section `replication`.
pub(super) fn check(info: &Fields) -> Vec<Finding> {
    if info.is_empty() {
        return vec![Finding::skipped(CHECK, "not looked at: the server does not tell")];
    }
    if is_replica(info) {
        return replica(info);
    }
    let mut findings: Vec<Finding> =
        (0..).map_while(|n| info.get(&format!("slave{n}"))).filter_map(|line| behind(line)).collect();
    if findings.is_empty() {
        let found = match info.get("connected_slaves").map(String::as_str) {
            None | Some("0") => "primary, without replicas".to_owned(),
            Some("1") => "primary, one replica follows".to_owned(),
            Some(count) => format!("primary, {count} replicas follow"),
        };
        findings.push(Finding::ok(CHECK, found));
    }
    findings
}

fn replica(info: &Fields) -> Vec<Finding> {
    let text = |name: &str| info.get(name).map_or("?", String::as_str);
    let primary = format!("{}:{}", text("master_host"), text("master_port"));
    let found = match text("slave_read_only") {
        "1" => format!("a read-only replica of {primary}: nobody can enqueue or claim here"),
        _ => format!("a replica of {primary}: what is written here is gone with its next copy"),
    };
    let todo = "let REDIS_URL lead to the primary, or to the sentinels";
    let mut findings = vec![Finding::fault(CHECK, found, todo)];
    if text("master_link_status") == "down" {
        let found = format!("the link to the primary {primary} is down");
        findings.push(Finding::fault(CHECK, found, "look at the log of this replica"));
    }
    findings
}

/// What is wrong with a replica: `ip=…,port=…,state=online,offset=…,lag=1`.
fn behind(line: &str) -> Option<Finding> {
    let part = |name: &str| line.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let replica = format!("the replica {}:{}", part("ip").unwrap_or("?"), part("port").unwrap_or("?"));
    let lag = part("lag").and_then(|lag| lag.parse::<u64>().ok()).unwrap_or(0);
    let todo = "look at its log: what it has not got is lost in a failover";
    match part("state") {
        Some("online") | None if lag <= LARGEST_LAG => None,
        Some("online") | None => Some(Finding::warning(CHECK, format!("{replica} is {lag} s behind"), todo)),
        Some(state) => Some(Finding::warning(CHECK, format!("{replica} is in the state {state}"), todo)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level::{self, Fault, Ok, Warning};
    use super::super::redis::{Pairs, fields};
    use super::*;

    #[test]
    fn judgements() {
        let online = "ip=10.0.0.2,port=6379,state=online,offset=1,lag=0";
        let late = "ip=10.0.0.3,port=6379,state=online,offset=1,lag=42";
        let syncing = "ip=10.0.0.4,port=6379,state=wait_bgsave,offset=0,lag=0";
        let cases: [(Pairs<'_>, &[(Level, &str)]); 5] = [
            (&[("role", "master"), ("connected_slaves", "0")], &[(Ok, "primary, without replicas")]),
            (
                &[("role", "master"), ("connected_slaves", "1"), ("slave0", online)],
                &[(Ok, "primary, one replica follows")],
            ),
            (
                &[("role", "master"), ("slave0", online), ("slave1", late), ("slave2", syncing)],
                &[
                    (Warning, "the replica 10.0.0.3:6379 is 42 s behind"),
                    (Warning, "the replica 10.0.0.4:6379 is in the state wait_bgsave"),
                ],
            ),
            (
                &[
                    ("role", "slave"),
                    ("master_host", "a"),
                    ("master_port", "1"),
                    ("slave_read_only", "1"),
                    ("master_link_status", "down"),
                ],
                &[(Fault, "a read-only replica of a:1"), (Fault, "the link to the primary a:1 is down")],
            ),
            (&[("role", "slave"), ("slave_read_only", "0")], &[(Fault, "a replica of ?:?")]),
        ];
        for (info, expected) in cases {
            let found = check(&fields(info));
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (finding, (level, start)) in found.iter().zip(expected) {
                assert!(finding.level == *level && finding.found.starts_with(start), "{finding:?}");
            }
        }
    }
}
