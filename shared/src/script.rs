//! The only place that runs Lua: one file a step under `shared/lua/`, embedded, run by hash.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::interfaces::LuaInterface;
use fred::types::{Key, Value};
use tracing::{error, warn};

use crate::link::Link;
use crate::telemetry::event;

/// A script: its name is that of its file and of the function that runs it.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) body: &'static str,
    hash: LazyLock<String>,
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $file:literal $body:expr;)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: Script = Script {
                name: $file,
                body: $body,
                hash: LazyLock::new(|| fred::util::sha1_hash($body)),
            };
        )*
    };
}

scripts! {
    BEGIN = "begin" include_str!("../lua/begin.lua");
    CLAIM = "claim" concat!(
        include_str!("../lua/claim/contract.lua"),
        include_str!("../lua/claim/fence.lua"),
        include_str!("../lua/claim/read.lua"),
        include_str!("../lua/claim/takeover.lua"),
        include_str!("../lua/claim/due.lua"),
        include_str!("../lua/claim/lanes.lua"),
        include_str!("../lua/claim/write.lua"),
    );
    COMPLETE = "complete" include_str!("../lua/complete.lua");
    DEAD_LETTER = "dead_letter" include_str!("../lua/dead_letter.lua");
    ENQUEUE = "enqueue" include_str!("../lua/enqueue.lua");
    EXTEND = "extend" include_str!("../lua/extend.lua");
    HEARTBEAT = "heartbeat" include_str!("../lua/heartbeat.lua");
    RELEASE = "release" include_str!("../lua/release.lua");
    RETRY = "retry" include_str!("../lua/retry.lua");
    SPLIT = "split" include_str!("../lua/split.lua");
    STATS = "stats" include_str!("../lua/stats.lua");
    SWEEP = "sweep" include_str!("../lua/sweep.lua");
}

/// Runs `script` once. A lost or late answer drops the connection, since nothing on it can be trusted any more.
///
/// # Errors
///
/// Whatever Redis or the connection said. The script may have run all the same.
pub(crate) async fn run(
    link: &Link,
    script: &Script,
    keys: Vec<Key>,
    args: Vec<Value>,
) -> Result<Value, Error> {
    let live = link.client().await?;
    let first = live.client.evalsha(script.hash.as_str(), keys.clone(), args.clone()).await;
    let result = match first {
        Err(error) if error.details().starts_with("NOSCRIPT") => {
            live.client.eval(script.body, keys, args).await
        }
        other => other,
    };
    link.checked(&live, result)
}

/// Runs `script` until it is answered, however long Redis is away. `args` is given `true` once an earlier call may
/// have run, so that the script can tell its own work from somebody else's.
pub(crate) async fn run_until_answered(
    link: &Link,
    script: &Script,
    keys: Vec<Key>,
    mut args: impl FnMut(bool) -> Vec<Value>,
) -> Value {
    let mut pause = Duration::from_millis(20);
    let mut said = String::new();
    let mut again = false;
    loop {
        match run(link, script, keys.clone(), args(again)).await {
            Ok(value) => return value,
            Err(error) => {
                let text = describe(&error);
                if text != said {
                    if is_passing(&error) {
                        warn!(event = event::REDIS_ERROR, script = script.name, error = %text, "Redis cannot answer now; trying again");
                    } else {
                        error!(event = event::REDIS_ERROR, script = script.name, error = %text, "Redis refuses; nothing is lost, trying again until it is mended");
                    }
                    said = text;
                }
            }
        }
        again = true;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// What Redis said, without the client's decoration.
pub(crate) fn describe(error: &Error) -> String {
    let details = error.details();
    let quoted = details.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map(|(text, _)| text);
    let said = quoted.filter(|_| *error.kind() == ErrorKind::IO).unwrap_or(details);
    format!("{:?}: {said}", error.kind())
}

/// Errors that end by themselves: a failover, a restart, an outage, memory that is full just now.
fn is_passing(error: &Error) -> bool {
    let said = error.details();
    matches!(error.kind(), ErrorKind::IO | ErrorKind::Timeout | ErrorKind::Canceled | ErrorKind::Backpressure)
        || ["LOADING", "READONLY", "MASTERDOWN", "OOM", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "UNBLOCKED"]
            .iter()
            .any(|word| said.starts_with(word))
}

/// A value's bytes, without a copy.
pub(crate) fn into_bytes(value: Value) -> Bytes {
    match value {
        Value::Bytes(bytes) => bytes,
        Value::String(text) => text.into_inner(),
        Value::Integer(number) => Bytes::from(number.to_string()),
        _ => Bytes::new(),
    }
}

/// A list of texts, as most scripts answer.
pub(crate) fn into_texts(value: Value) -> Vec<String> {
    match value {
        Value::Array(values) => {
            values.into_iter().map(|v| String::from_utf8_lossy(&into_bytes(v)).into_owned()).collect()
        }
        _ => Vec::new(),
    }
}
