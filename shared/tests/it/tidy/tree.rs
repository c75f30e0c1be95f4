//! What only one file may do.

use super::{files, none};

/// Rust files of the product, tests aside: name, and text without comments.
fn product() -> Vec<(String, String)> {
    let all = ["scripts/src", "shared/src", "workers/src"].map(|folder| files(folder, "rs")).concat();
    let product = all.into_iter().filter(|(name, _)| !name.ends_with("tests.rs"));
    product.map(|(name, text)| (name, code(&text))).collect()
}

/// The text without comments and without `mod tests` at its end.
fn code(text: &str) -> String {
    let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = own.lines().map(|line| {
        if line.trim_start().starts_with("//") {
            return "";
        }
        line.split(" // ").next().unwrap_or_default()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The string literals of a line of code.
fn literals(line: &str) -> Vec<&str> {
    line.split('"').skip(1).step_by(2).collect()
}

/// One fault for each line outside of `home` that `is_wrong`.
fn only_in(home: &str, is_wrong: impl Fn(&str) -> bool, what_to_do: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, text) in product().into_iter().filter(|(name, _)| name != home) {
        for (n, line) in (1..).zip(text.lines()).filter(|(_, line)| is_wrong(line)) {
            faults.push(format!("{name}:{n}: {what_to_do}: {}", line.trim()));
        }
    }
    faults
}

const PLACES: [&str; 13] = [
    "pending",
    "pending:high",
    "pending:low",
    "claimed",
    "processing",
    "delayed",
    "messages",
    "dead_letter",
    "status:",
    "recent",
    "counters",
    "claims",
    "queues",
];

fn spells_a_key(line: &str) -> bool {
    // a text with a space in it is for people
    literals(line).iter().filter(|text| !text.contains(' ')).any(|text| {
        PLACES.iter().any(|place| text.contains(&format!(":{place}"))) || text.starts_with("queue:")
    })
}

#[test]
fn only_keys_rs_spells_a_key() {
    assert!(spells_a_key(r#"let key = format!("{prefix}:{queue}:pending");"#), "this test sees nothing");
    none(only_in("shared/src/keys.rs", spells_a_key, "take the key from shared/src/keys.rs"));
}

#[test]
fn only_script_rs_runs_lua() {
    let runs =
        |line: &str| [".evalsha", ".eval(", ".fcall", "LuaInterface"].iter().any(|call| line.contains(call));
    none(only_in("shared/src/script.rs", runs, "let shared/src/script.rs run it"));
}

#[test]
fn only_clock_rs_reads_the_time() {
    let words = ["SystemTime::now", "std::time::Instant", "Timestamp::now", "Zoned::now", "clock_gettime"];
    let reads = |line: &str| words.iter().any(|word| line.contains(word));
    none(only_in("shared/src/clock.rs", reads, "ask shared/src/clock.rs for the time"));
}

#[test]
fn workers_know_no_redis() {
    let mut faults = Vec::new();
    for (name, text) in product().into_iter().filter(|(name, _)| name.starts_with("workers/")) {
        for (n, line) in (1..).zip(text.lines()) {
            let command = ["LPUSH", "RPUSH", "BRPOPLPUSH", "EVAL", "HSET", "HGET", "ZADD", "SADD", "LRANGE"]
                .iter()
                .any(|word| literals(line).iter().any(|text| text.split(' ').any(|part| part == *word)));
            if line.contains("fred::") || line.contains("use redis::") || command {
                faults.push(format!("{name}:{n}: leave Redis to the library in shared/: {}", line.trim()));
            }
        }
    }
    let manifest = std::fs::read_to_string(super::root().join("workers/Cargo.toml")).expect("a manifest");
    if manifest
        .lines()
        .any(|line| line.starts_with("fred") || line.starts_with("redis.") || line.starts_with("redis "))
    {
        faults.push(
            "workers/Cargo.toml: take the Redis client out; the library in shared/ speaks to Redis".into(),
        );
    }
    none(faults);
}

#[test]
fn rust_files_are_short() {
    let folders = [
        "scripts/src",
        "scripts/tests",
        "shared/src",
        "shared/tests",
        "workers/src",
        "testkit/src",
        "testkit/tests",
    ];
    let all = folders.into_iter().flat_map(|folder| files(folder, "rs"));
    let long = all.filter(|(_, text)| text.lines().count() > 400);
    none(
        long.map(|(name, text)| format!("{name}: {} lines; split it below 400", text.lines().count()))
            .collect(),
    );
}
