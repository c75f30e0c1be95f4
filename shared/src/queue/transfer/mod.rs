//! Messages out of a queue into lines of JSON, and back: byte-true, in order, every state.

mod export;
mod import;
mod line;

pub use export::{Export, Exported};
pub use import::{Import, ImportError, Imported};
