//! What the figures were taken on.

use std::fs::read_to_string;

use crate::server::Server;

pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) redis: String,
    pub(crate) settings: &'static str,
}

pub(crate) async fn describe(aof: bool) -> Machine {
    let cpus = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let mut server = Server::start(aof).await;
    let version = |name: &str, shown: &str, info: &str| {
        let field = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        field.map(|version| format!("{shown} {}", version.trim()))
    };
    let info = server.info("server").await;
    let redis =
        version("valkey_version", "Valkey", &info).or_else(|| version("redis_version", "Redis", &info));
    Machine {
        cpu: model.map_or("unknown CPU".into(), |(_, model)| model.trim().to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        kernel: read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        redis: redis.unwrap_or_default(),
        settings: if aof {
            "appendonly yes, appendfsync everysec, no snapshots"
        } else {
            "appendonly no, no snapshots"
        },
    }
}
