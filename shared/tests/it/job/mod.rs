//! Queues of one's own: typed jobs, several queues in one process, and what operators do with them by the library.

mod cleaning;
mod kit;
mod running;
mod several;
