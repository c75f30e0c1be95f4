//! The only place that spells a key. `C` is the queue; a cluster needs the hash tag `{queue:C}`.

use fred::types::Key;

/// Where a message waits, and where it returns to: its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// `queue:C:pending:high`, urgent messages.
    High,
    /// `queue:C:pending`.
    Pending,
    /// `queue:C:pending:low`, bulk messages.
    Low,
}

impl Lane {
    /// The letter that stands for the lane in tokens and in the arguments of scripts.
    pub fn letter(self) -> &'static str {
        match self {
            Lane::High => "h",
            Lane::Pending => "p",
            Lane::Low => "l",
        }
    }

    /// The lane of a letter; anything unknown is [`Lane::Pending`].
    pub fn from_letter(letter: &str) -> Self {
        match letter {
            "h" => Lane::High,
            "l" => Lane::Low,
            _ => Lane::Pending,
        }
    }

    /// The lane's name as written into `_delivery.lane`.
    pub fn name(self) -> &'static str {
        match self {
            Lane::High => "high",
            Lane::Pending => "pending",
            Lane::Low => "low",
        }
    }
}

/// The keys of one queue, with their types and lifetimes as the key table of `ARCHITECTURE.md` has them.
#[derive(Debug, Clone)]
pub struct Keys {
    base: String,
    prefix: String,
    pub(crate) pending: Key,
    pub(crate) high: Key,
    pub(crate) low: Key,
    pub(crate) claimed: Key,
    pub(crate) processing: Key,
    pub(crate) delayed: Key,
    pub(crate) messages: Key,
    pub(crate) dead_letter: Key,
    pub(crate) recent: Key,
    pub(crate) counters: Key,
    pub(crate) control: Key,
    pub(crate) claims: Key,
    pub(crate) workers: Key,
    pub(crate) schedules: Key,
}

impl Keys {
    /// The keys of queue `queue` under `prefix` (`QUEUE_PREFIX`); `cluster` puts both into a hash tag.
    pub fn new(prefix: &str, queue: &str, cluster: bool) -> Self {
        let base = if cluster { format!("{{{prefix}:{queue}}}") } else { format!("{prefix}:{queue}") };
        let key = |name: &str| Key::from(format!("{base}:{name}"));
        Self {
            pending: key("pending"),
            high: key("pending:high"),
            low: key("pending:low"),
            claimed: key("claimed"),
            processing: key("processing"),
            delayed: key("delayed"),
            messages: key("messages"),
            dead_letter: key("dead_letter"),
            recent: key("recent"),
            counters: key("counters"),
            control: key("control"),
            claims: key("claims"),
            workers: key("workers"),
            schedules: key("schedules"),
            prefix: prefix.to_owned(),
            base,
        }
    }

    /// `queue:C:status:<id>`: the life of a message with an id, a hash with a TTL. A hint, never proof.
    pub(crate) fn status(&self, id: &str) -> Key {
        Key::from(format!("{}:status:{id}", self.base))
    }

    /// A pattern that all keys of the queue match, and no other queue's.
    pub(crate) fn all(&self) -> String {
        format!("{}:*", self.base)
    }

    /// `queue:queues`: the set of the queues that exist.
    pub(crate) fn queues(&self) -> Key {
        queues(&self.prefix)
    }

    /// All keys that are always the same ones, with the types they must have: those that hold messages first.
    pub(crate) fn with_types(&self) -> [(Key, &'static str); 15] {
        [
            (self.pending.clone(), "list"),
            (self.high.clone(), "list"),
            (self.low.clone(), "list"),
            (self.claimed.clone(), "list"),
            (self.dead_letter.clone(), "list"),
            (self.processing.clone(), "zset"),
            (self.delayed.clone(), "zset"),
            (self.messages.clone(), "hash"),
            (self.recent.clone(), "list"),
            (self.counters.clone(), "hash"),
            (self.control.clone(), "hash"),
            (self.claims.clone(), "hash"),
            (self.workers.clone(), "hash"),
            (self.schedules.clone(), "hash"),
            (self.queues(), "set"),
        ]
    }

    /// Where messages are that are not given up, in the order in which `claim.lua`, `cancel.lua` and `import.lua` name
    /// them.
    pub(crate) fn of_messages(&self) -> Vec<Key> {
        let keys = [
            &self.processing,
            &self.messages,
            &self.delayed,
            &self.claimed,
            &self.high,
            &self.pending,
            &self.low,
        ];
        keys.into_iter().cloned().collect()
    }

    /// The list of a lane.
    pub(crate) fn lane(&self, lane: Lane) -> &Key {
        match lane {
            Lane::High => &self.high,
            Lane::Pending => &self.pending,
            Lane::Low => &self.low,
        }
    }
}

/// The layout of these keys, as `control.layout` has it. A worker refuses a newer one.
pub const LAYOUT: u32 = 1;

/// Whether `control.layout` names a layout that this version does not know.
pub fn is_newer(layout: &str) -> bool {
    layout.parse::<u32>().map_or(true, |layout| layout > LAYOUT)
}

/// `queue:queues` under `prefix`.
pub(crate) fn queues(prefix: &str) -> Key {
    Key::from(format!("{prefix}:queues"))
}

/// Whether `name` may be a queue's name: `[a-z0-9_-]{1,64}`.
pub fn is_queue_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}
