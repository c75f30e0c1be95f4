//! The only place that runs Lua: one file a step under `shared/lua/`, embedded, run by hash.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, LuaInterface};
use fred::types::config::Options;
use fred::types::{ClusterHash, CustomCommand, Key, Value};
use tracing::{error, warn};

use crate::clock;
use crate::link::{COMMAND_LIMIT, Connected, Link};
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

        /// All of them.
        #[cfg(test)]
        pub(crate) static ALL: &[&Script] = &[$(&$name),*];
    };
}

scripts! {
    BEGIN = "begin" include_str!("../lua/begin.lua");
    BREAKER = "breaker" include_str!("../lua/breaker.lua");
    CANCEL = "cancel" include_str!("../lua/cancel.lua");
    CLAIM = "claim" concat!(
        include_str!("../lua/claim/contract.lua"),
        include_str!("../lua/claim/fence.lua"),
        include_str!("../lua/claim/gates.lua"),
        include_str!("../lua/claim/read.lua"),
        include_str!("../lua/claim/takeover.lua"),
        include_str!("../lua/claim/due.lua"),
        include_str!("../lua/claim/lanes.lua"),
        include_str!("../lua/claim/write.lua"),
    );
    CLEAN = "clean" include_str!("../lua/clean.lua");
    COMPLETE = "complete" concat!(
        include_str!("../lua/complete/contract.lua"),
        include_str!("../lua/complete/leave.lua"),
        include_str!("../lua/complete/tell.lua"),
    );
    DEAD_LETTER = "dead_letter" include_str!("../lua/dead_letter.lua");
    DEAD_TAKE = "dead_take" include_str!("../lua/dead_take.lua");
    DEAD_TURN = "dead_turn" concat!(
        include_str!("../lua/dead_turn/contract.lua"),
        include_str!("../lua/dead_turn/move.lua"),
    );
    ENQUEUE = "enqueue" include_str!("../lua/enqueue.lua");
    EXTEND = "extend" include_str!("../lua/extend.lua");
    FIRE = "fire" include_str!("../lua/fire.lua");
    HEARTBEAT = "heartbeat" include_str!("../lua/heartbeat.lua");
    IMPORT = "import" include_str!("../lua/import.lua");
    INTAKE = "intake" include_str!("../lua/intake.lua");
    NOTE = "note" include_str!("../lua/note.lua");
    ORPHANS = "orphans" include_str!("../lua/orphans.lua");
    PAUSE = "pause" include_str!("../lua/pause.lua");
    RELEASE = "release" include_str!("../lua/release.lua");
    RESCHEDULE = "reschedule" include_str!("../lua/reschedule.lua");
    RESUME = "resume" include_str!("../lua/resume.lua");
    RETRY = "retry" include_str!("../lua/retry.lua");
    SCHEDULE_ADD = "schedule_add" include_str!("../lua/schedule_add.lua");
    SEEK = "seek" include_str!("../lua/seek.lua");
    SPLIT = "split" include_str!("../lua/split.lua");
    STATS = "stats" include_str!("../lua/stats.lua");
    SWEEP = "sweep" include_str!("../lua/sweep.lua");
    TAKE_OUT = "take_out" include_str!("../lua/take_out.lua");
}

/// Longest wait for an answer that is large, or for a call that is.
const LONGEST_LIMIT: Duration = Duration::from_secs(120);

/// An error that lasts is told again this often.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

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
    run_on(link, &live, script, keys, args, COMMAND_LIMIT).await
}

/// How often a call is tried whose answer was lost, a quarter of a second apart.
const TRIES: u32 = 20;

/// Runs `script`, which knows a call that it has done before, and repeats it while the answer is lost: for about five
/// seconds where Redis refuses connections, a minute where it is silent.
///
/// # Errors
///
/// As [`run`].
pub(crate) async fn run_some_times(
    link: &Link,
    script: &Script,
    keys: Vec<Key>,
    args: Vec<Value>,
) -> Result<Value, Error> {
    some_times(|| run(link, script, keys.clone(), args.clone())).await
}

/// Asks again as [`run_some_times`] does.
///
/// # Errors
///
/// As `ask`.
pub(crate) async fn some_times<T, F>(ask: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for _ in 1..TRIES {
        match ask().await {
            Err(error) if crate::link::breaks_connection(&error) || is_starting(&error) => {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            answer => return answer,
        }
    }
    ask().await
}

async fn run_on(
    link: &Link,
    live: &Connected,
    script: &Script,
    keys: Vec<Key>,
    args: Vec<Value>,
    limit: Duration,
) -> Result<Value, Error> {
    let first = if limit == COMMAND_LIMIT {
        live.client.evalsha(script.hash.as_str(), keys.clone(), args.clone()).await
    } else {
        patiently(live, script, keys.clone(), args.clone(), limit).await
    };
    let result = match first {
        Err(error) if error.details().starts_with("NOSCRIPT") => {
            live.client.eval(script.body, keys, args).await
        }
        other => other,
    };
    link.checked(live, result)
}

/// The client's own `EVALSHA` knows no other limit than that of all commands.
async fn patiently(
    live: &Connected,
    script: &Script,
    keys: Vec<Key>,
    args: Vec<Value>,
    limit: Duration,
) -> Result<Value, Error> {
    let options = Options { timeout: Some(limit), ..Options::default() };
    // The node is that of the first key, which stands behind the hash and the count.
    let command = CustomCommand::new_static("EVALSHA", ClusterHash::Offset(2), false);
    let mut all: Vec<Value> = vec![script.hash.as_str().into(), (keys.len() as i64).into()];
    all.extend(keys.into_iter().map(Value::from));
    all.extend(args);
    live.client.with_options(&options).custom(command, all).await
}

/// Runs `script` until it is answered, however long Redis is away. `args` is given `true` once an earlier call may
/// have run, so that the script can tell its own work from somebody else's. Where Redis can be reached and the
/// answer is late all the same, the call is large for this connection, and is given twice the time.
pub(crate) async fn run_until_answered(
    link: &Link,
    script: &Script,
    keys: Vec<Key>,
    mut args: impl FnMut(bool) -> Vec<Value>,
) -> Value {
    let (mut pause, mut limit) = (Duration::from_millis(20), COMMAND_LIMIT);
    let mut told = Told::default();
    let mut again = false;
    loop {
        let answer = match link.client().await {
            Ok(live) => {
                let answer = run_on(link, &live, script, keys.clone(), args(again), limit).await;
                again = true;
                if answer.as_ref().is_err_and(|error| *error.kind() == ErrorKind::Timeout) {
                    limit = (2 * limit).min(LONGEST_LIMIT);
                }
                answer
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(value) => {
                if told.at > 0 {
                    link.answered(script.name);
                }
                return value;
            }
            Err(error) => {
                link.refused(script.name, describe(&error));
                told.tell(script, &error);
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// What was said of a call that is not answered, and when (boot clock, ms).
#[derive(Default)]
struct Told {
    text: String,
    at: u64,
}

impl Told {
    fn tell(&mut self, script: &Script, error: &Error) {
        let (text, now) = (describe(error), clock::boot_ms());
        if text == self.text && now < self.at + TOLD_AGAIN.as_millis() as u64 {
            return;
        }
        if is_passing(error) {
            warn!(event = event::REDIS_ERROR, script = script.name, error = %text,
                "Redis cannot answer now; trying again");
        } else {
            error!(event = event::REDIS_ERROR, script = script.name, error = %text,
                "Redis refuses; nothing is lost, trying again until it is mended");
        }
        *self = Self { text, at: now };
    }
}

/// What Redis said and of what kind it is.
pub(crate) fn describe(error: &Error) -> String {
    match crate::handshake::explained(error.details()) {
        Some(_) => said(error),
        None => format!("{:?}: {}", error.kind(), said(error)),
    }
}

/// What Redis said, without the client's decoration.
pub(crate) fn said(error: &Error) -> String {
    let details = error.details();
    if let Some(why) = crate::handshake::explained(details) {
        return format!("TLS: {why}");
    }
    let quoted = details.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map(|(text, _)| text);
    quoted.filter(|_| *error.kind() == ErrorKind::IO).unwrap_or(details).to_owned()
}

/// Errors of a server that is about to be there.
fn is_starting(error: &Error) -> bool {
    ["LOADING", "TRYAGAIN", "ASK"].iter().any(|word| error.details().contains(word))
}

/// Errors that end by themselves: a failover, a restart, an outage, memory that is full just now.
fn is_passing(error: &Error) -> bool {
    let said = error.details();
    matches!(error.kind(), ErrorKind::IO | ErrorKind::Timeout | ErrorKind::Canceled | ErrorKind::Backpressure)
        || [
            "LOADING",
            "READONLY",
            "MASTERDOWN",
            "OOM",
            "BUSY",
            "TRYAGAIN",
            "CLUSTERDOWN",
            "UNBLOCKED",
            "MOVED",
            "ASK",
            "NOREPLICAS",
        ]
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

/// A value as text.
pub(crate) fn into_text(value: Value) -> String {
    String::from_utf8_lossy(&into_bytes(value)).into_owned()
}

/// A list of texts, as most scripts answer.
pub(crate) fn into_texts(value: Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.into_iter().map(into_text).collect(),
        _ => Vec::new(),
    }
}
