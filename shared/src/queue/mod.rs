//! What producers and operators do with a queue, one file a verb.

mod enqueue;
mod stats;
