//! The kit itself, on a real Redis.

mod process;
mod proxy;
mod redis;

type Reply = redispatch_testkit::Reply;
