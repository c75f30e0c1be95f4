//! What sentinels and clusters answer.

use std::ops::RangeInclusive;

use fred::types::Value;
use fred::types::config::Server;

use crate::script::into_text;

/// A range of slots, and who holds it: the primary first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) slots: RangeInclusive<u16>,
    pub(super) servers: Vec<Server>,
}

/// An answer to `CLUSTER SLOTS`. A server that does not know its own address is the one that was `asked`.
pub(super) fn ranges(slots: Value, asked: &Server) -> Vec<Range> {
    let range = |entry: Value| {
        let mut parts = list(entry).into_iter();
        let mut number = || u16::try_from(parts.next()?.as_u64()?).ok();
        let slots = number()?..=number()?;
        Some(Range { slots, servers: parts.filter_map(|server| address(server, asked)).collect() })
    };
    list(slots).into_iter().filter_map(range).collect()
}

/// `[host, port, …]`
pub(super) fn address(server: Value, asked: &Server) -> Option<Server> {
    let mut parts = list(server).into_iter();
    let host = into_text(parts.next()?);
    let port = into_text(parts.next()?).parse().ok()?;
    let unknown = host.is_empty() || host == "?";
    Some(Server::new(if unknown { asked.host.to_string() } else { host }, port))
}

/// A sentinel's answer about a primary or another sentinel: names and values in turn.
pub(super) struct Told(Vec<String>);

impl Told {
    pub(super) fn new(fields: Value) -> Self {
        Self(list(fields).into_iter().map(into_text).collect())
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.0.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_str())
    }

    /// Of another sentinel: where it is, unless it is down.
    pub(super) fn sentinel(&self) -> Option<Server> {
        let is_down =
            self.field("flags").is_some_and(|flags| flags.contains("down") || flags.contains("disconnected"));
        let port = self.field("port")?.parse().ok()?;
        (!is_down).then(|| Server::new(self.field("ip").unwrap_or_default().to_owned(), port))
    }
}

pub(super) fn list(value: Value) -> Vec<Value> {
    if let Value::Array(values) = value { values } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots() -> Value {
        let server = |host: &str, port: i64| Value::Array(vec![host.into(), port.into(), "id".into()]);
        let range = |start: i64, end: i64, servers: Vec<Value>| {
            Value::Array([vec![start.into(), end.into()], servers].concat())
        };
        Value::Array(vec![
            range(0, 99, vec![server("10.0.0.1", 7000), server("10.0.0.2", 7001)]),
            range(100, 16383, vec![server("", 7002), server("?", 7003)]),
            Value::Null,
        ])
    }

    #[test]
    fn slots_and_who_holds_them() {
        let asked = Server::new("seed", 7002);
        let ranges = ranges(slots(), &asked);
        let shown: Vec<_> = ranges.iter().map(|range| (range.slots.clone(), range.servers.clone())).collect();
        let server = |host: &str, port| Server::new(host, port);
        assert_eq!(
            shown,
            [
                (0..=99, vec![server("10.0.0.1", 7000), server("10.0.0.2", 7001)]),
                (100..=16383, vec![server("seed", 7002), server("seed", 7003)]),
            ]
        );
    }

    #[test]
    fn sentinels_tell_of_others() {
        let told = |fields: &[&str]| {
            Told::new(Value::Array(fields.iter().map(|text| Value::from(*text)).collect())).sentinel()
        };
        let other = ["name", "ip", "ip", "10.0.0.3", "port", "26379", "flags", "sentinel"];
        assert_eq!(told(&other), Some(Server::new("10.0.0.3", 26379)));
        assert_eq!(told(&[&other[..7], &["s_down,sentinel,disconnected"]].concat()), None);
        assert_eq!(told(&["ip", "10.0.0.3", "port", "x"]), None);
        assert_eq!(told(&[]), None);
    }
}
