//! The kit itself, on a real Redis.

mod process;
mod proxy;
mod redis;
mod twilio;

type Reply = redispatch_testkit::Reply;
