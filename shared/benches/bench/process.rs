//! The worker program, and what the system says about it.

use std::fs::read_to_string;

use redispatch_testkit::process::Worker;

pub(crate) fn email_worker() -> String {
    std::env::var("REDISPATCH_EMAIL_WORKER").expect("scripts/bench names email-worker")
}

pub(crate) fn sms_worker() -> String {
    std::env::var("REDISPATCH_SMS_WORKER").expect("scripts/bench names sms-worker")
}

/// Starts a worker on that Redis. Ended when dropped.
pub(crate) fn start(program: String, url: &str, env: &[(&str, &str)]) -> Worker {
    let all = [&[("REDIS_URL", url), ("RUST_LOG", "warn")], env].concat();
    Worker::start(program, &[], &all)
}

/// CPU time of all threads of a process so far, seconds.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the worker runs");
    let spent = threads.flatten().filter_map(|thread| {
        let stat = read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<f64>().ok()
    });
    spent.sum::<f64>() / 1e9
}

/// Memory of a process that is resident, MiB.
pub(crate) fn resident_mib(pid: u32) -> f64 {
    let status = read_to_string(format!("/proc/{pid}/status")).expect("the worker runs");
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<f64>().ok()).expect("VmRSS in KiB") / 1024.0
}
