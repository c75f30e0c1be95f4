//! The least rights that a Redis user needs.

use fred::types::Key;

use crate::config::QueueSettings;
use crate::keys::Keys;

/// What a Redis user is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Workers, and operators with `queuectl`: all that this crate does.
    Worker,
    /// Programs that only push plain messages, and can read nothing.
    Producer,
    /// Whoever asks the sentinels, which have users of their own, where Redis is.
    Sentinel,
}

/// What scripts call: Redis holds each call against the rights of the user who runs the script.
const IN_SCRIPTS: &[&str] = &[
    "copy",
    "del",
    "exists",
    "hdel",
    "hexists",
    "hget",
    "hgetall",
    "hincrby",
    "hlen",
    "hmget",
    "hscan",
    "hset",
    "hsetnx",
    "lindex",
    "llen",
    "lpos",
    "lpush",
    "lrange",
    "lrem",
    "lset",
    "ltrim",
    "persist",
    "pexpire",
    "rpop",
    "rpoplpush",
    "rpush",
    "time",
    "zadd",
    "zcard",
    "zmscore",
    "zrange",
    "zrem",
    "zscan",
    "zscore",
];

/// What the client sends beside that. `CONFIG GET` is left out: it shows passwords.
const BY_CLIENT: &[&str] = &[
    "brpoplpush",
    "client|id",
    "client|unblock",
    "eval",
    "evalsha",
    "info",
    "memory|usage",
    "ping",
    "sadd",
    "smembers",
    "type",
    "zcount",
];

/// The rule of a user with the least rights for `role`, as `ACL SETUSER` and the server's `aclfile` take it, without
/// name, `on` and password: `resetkeys ~queue:* resetchannels -@all +…`. It takes back whatever keys, channels and
/// commands the user had before.
pub fn rule(settings: &QueueSettings, role: Role) -> String {
    let redis = &settings.redis;
    let is_cluster = redis.is_cluster();
    let any = Keys::new(&settings.prefix, "*", is_cluster);
    let (keys, mut commands) = match role {
        Role::Worker => (
            vec![format!("~{}", any.all()), format!("~{}", text(any.queues()))],
            [IN_SCRIPTS, BY_CLIENT].concat(),
        ),
        Role::Producer => {
            let lanes = [any.pending, any.high, any.low];
            (lanes.map(|lane| format!("%W~{}", text(lane))).into(), vec!["lpush", "ping"])
        }
        Role::Sentinel => (
            vec![],
            vec![
                "client|id",
                "info",
                "sentinel|get-master-addr-by-name",
                "sentinel|master",
                "sentinel|sentinels",
            ],
        ),
    };
    commands.extend_from_slice(match role {
        Role::Worker if is_cluster => &["cluster|slots"],
        Role::Worker if redis.is_sentinel() => &["role", "select"],
        // Which of the two a client asks for is its own affair.
        Role::Producer if is_cluster => &["cluster|shards", "cluster|slots"],
        Role::Worker | Role::Producer => &["select"],
        Role::Sentinel => &[],
    });
    commands.sort_unstable();
    let words = ["resetkeys".to_owned()].into_iter().chain(keys);
    let words = words.chain(["resetchannels".to_owned(), "-@all".to_owned()]);
    words.chain(commands.into_iter().map(|command| format!("+{command}"))).collect::<Vec<_>>().join(" ")
}

fn text(key: Key) -> String {
    key.into_string().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::script;

    /// The words in single quotes behind each `redis.call(` and `redis.pcall(`, up to its first argument.
    fn called(body: &str) -> BTreeSet<String> {
        let calls = body.split("redis.call(").skip(1).chain(body.split("redis.pcall(").skip(1));
        let mut names = BTreeSet::new();
        for call in calls {
            // One name, or a table of them: ({'ZCARD', 'HLEN'})[i]
            let end = if call.starts_with('(') { call.find('}') } else { call.find([',', ')']) };
            let said = &call[..end.expect("the end of a call's name")];
            let found: Vec<_> = said.split('\'').skip(1).step_by(2).map(str::to_lowercase).collect();
            assert!(!found.is_empty(), "name the command in the call itself: redis.call({said}");
            names.extend(found);
        }
        names
    }

    #[test]
    fn the_commands_of_all_scripts_and_no_other() {
        let called: BTreeSet<_> = script::ALL.iter().flat_map(|script| called(script.body)).collect();
        let listed: BTreeSet<_> = IN_SCRIPTS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(listed, called);
    }

    #[test]
    fn rules() {
        let rule = |url: &str, role| {
            let mut settings = QueueSettings::new(url.parse().unwrap());
            settings.prefix = "shop:q".to_owned();
            super::rule(&settings, role)
        };
        let producer = "resetkeys %W~shop:q:*:pending %W~shop:q:*:pending:high %W~shop:q:*:pending:low resetchannels -@all +lpush +ping +select";
        assert_eq!(rule("redis://h:1", Role::Producer), producer);
        let on_cluster = "resetkeys %W~{shop:q:*}:pending %W~{shop:q:*}:pending:high %W~{shop:q:*}:pending:low resetchannels -@all +cluster|shards +cluster|slots +lpush +ping";
        assert_eq!(rule("redis-cluster://h:1", Role::Producer), on_cluster);
        let sentinel = "redis-sentinel://h:1?sentinelServiceName=m";
        let asks = "resetkeys resetchannels -@all +client|id +info +sentinel|get-master-addr-by-name +sentinel|master +sentinel|sentinels";
        assert_eq!(rule(sentinel, Role::Sentinel), asks);
        let plain = rule("redis://h:1", Role::Worker);
        assert!(
            plain.starts_with("resetkeys ~shop:q:*:* ~shop:q:queues resetchannels -@all +brpoplpush "),
            "{plain}"
        );
        assert_eq!(rule(sentinel, Role::Worker), plain.replace(" +rpop ", " +role +rpop "));
        let cluster = rule("redis-cluster://h:1", Role::Worker);
        assert!(
            cluster.starts_with("resetkeys ~{shop:q:*}:* ~shop:q:queues resetchannels -@all "),
            "{cluster}"
        );
        assert_eq!(
            cluster.split(" -@all ").nth(1).unwrap().replace(" +cluster|slots", ""),
            plain.split(" -@all ").nth(1).unwrap().replace(" +select", "")
        );
    }
}
