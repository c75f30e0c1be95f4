//! Each queue: its keys, what nobody takes, who serves it, what holds it up.

use std::collections::BTreeMap;
use std::time::Duration;

use redispatch::keys::{LAYOUT, is_newer};
use redispatch::queue::{Beat, Client, Footprint, Gates, Intake, Lapsed, Queue, QueueError, Stats};
use redispatch::{clock, telemetry::mask};
use redispatch_workers::Channel as _;
use redispatch_workers::{email::Email, sms::SmsChannel, whatsapp::WhatsAppChannel};

use super::{Finding, Way, orphans, redis};
use crate::time;

/// What was found out about all queues.
#[derive(Default)]
pub(super) struct Queues {
    pub(super) findings: Vec<Finding>,
    /// What all their messages take.
    pub(super) footprint: Footprint,
}

/// Looks at every queue there is.
pub(super) async fn check(client: &Client, way: Way) -> Queues {
    let mut all = Queues::default();
    let names = match client.queues().await {
        Ok(names) => names.into_iter().collect(),
        Err(error) => {
            all.findings.push(unknown("queues", &error));
            client.named()
        }
    };
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        let Ok(queue) = client.queue(&name) else { continue };
        let beats = look(&queue, way, &mut all).await;
        beats.into_iter().for_each(|beat| *versions.entry(beat.version).or_default() += 1);
    }
    all.findings.extend(versions_of(&versions));
    all
}

/// Looks at one queue, and gives its workers.
async fn look(queue: &Queue, way: Way, all: &mut Queues) -> Vec<Beat> {
    let name = queue.name();
    let mut found = Vec::new();
    match queue.wrong_types().await {
        Ok(wrong) if wrong.is_empty() => found.push(Finding::ok("key types", "as they must be")),
        Ok(wrong) => {
            for key in wrong {
                let text = format!("{} is a {}, and must be a {}", key.key, key.holds, key.must);
                let todo = format!("RENAME {0} {0}:aside, and find out who wrote it", key.key);
                found.push(Finding::fault("key types", text, todo));
            }
            found.push(Finding::skipped("queue", "not looked at while a key is of a wrong type"));
            all.findings.extend(found.into_iter().map(|finding| finding.of(name)));
            return Vec::new();
        }
        Err(error) => found.push(unknown("key types", &error)),
    }
    let beats = queue.workers().await.unwrap_or_else(|error| {
        found.push(unknown("workers", &error));
        Vec::new()
    });
    match queue.stats().await {
        Ok(stats) => {
            found.push(layout(&stats));
            found.push(work(name, &stats, &beats));
            found.extend(gates(name, &stats, clock::unix_ms() as i64));
        }
        Err(error) => found.push(unknown("queue", &error)),
    }
    match queue.lapsed(way.lease).await {
        Ok(lapsed) => found.push(leases(name, &lapsed, &beats, way.lease, clock::unix_ms() as i64)),
        Err(error) => found.push(unknown("leases", &error)),
    }
    found.push(orphans::check(queue, way).await.unwrap_or_else(|error| unknown("orphans", &error)));
    if let Ok(Some(footprint)) = queue.footprint().await {
        all.footprint.messages += footprint.messages;
        all.footprint.bytes += footprint.bytes;
    }
    all.findings.extend(found.into_iter().map(|finding| finding.of(name)));
    beats
}

fn unknown(check: &str, error: &QueueError) -> Finding {
    let todo = redis::cure(error, "mend what Redis complains about");
    Finding::fault(check, format!("cannot be looked at: {error}"), todo)
}

fn layout(stats: &Stats) -> Finding {
    match &stats.layout {
        Some(layout) if is_newer(layout) => {
            let found =
                format!("layout {layout} of the keys is newer than the {LAYOUT} that this version knows");
            Finding::fault("layout", found, "run the version of redispatch that wrote it, or a newer one")
        }
        _ => Finding::ok("layout", format!("{LAYOUT}, which this version knows")),
    }
}

/// Whether somebody serves what waits.
fn work(name: &str, stats: &Stats, beats: &[Beat]) -> Finding {
    let late: Vec<_> = beats.iter().filter(|beat| beat.is_late()).collect();
    let living = beats.len() - late.len();
    if living == 0 && stats.waiting() > 0 {
        let found = format!("{} waiting, and no worker to send them", count(stats.waiting(), "message"));
        return Finding::warning("workers", found, start(name));
    }
    if let Some(beat) = late.iter().max_by_key(|beat| beat.age_ms) {
        let ago = time::shown(beat.age_ms.unsigned_abs());
        let found = match late.len() {
            1 => format!("{} was last heard of {ago} ago", beat.id),
            others => format!("{others} workers are late; {} was last heard of {ago} ago", beat.id),
        };
        let todo = "look at its log: it is gone, hangs, or cannot reach Redis";
        return Finding::warning("workers", found, todo);
    }
    let found = match living {
        0 => "none, and nothing waits".to_owned(),
        living => {
            format!("{}; {} waiting", count(living as u64, "worker"), count(stats.waiting(), "message"))
        }
    };
    Finding::ok("workers", found)
}

/// Leases that are over, and that nobody takes.
fn leases(name: &str, lapsed: &Lapsed, beats: &[Beat], lease: Duration, now: i64) -> Finding {
    let Some(since) = lapsed.since else { return Finding::ok("leases", "none is over for long") };
    let age = (now - since).max(0).unsigned_abs();
    let found = format!(
        "{} in the hands of workers that are gone, for {}",
        count(lapsed.count, "message"),
        time::shown(age)
    );
    if beats.iter().all(Beat::is_late) {
        return Finding::fault("leases", format!("{found}; nobody takes them over"), start(name));
    }
    // Those that a worker died with are sent one at a time, so the last of many waits for long.
    match Duration::from_millis(age) > 10 * lease {
        true => Finding::warning("leases", found, "look at the log of the workers that live"),
        false => Finding::ok("leases", format!("{found}; workers take them over, one at a time")),
    }
}

/// What keeps workers from claiming.
fn gates(name: &str, stats: &Stats, now: i64) -> Vec<Finding> {
    let Gates { paused_until, paused_note, throttled_until, breaker, intake } = &stats.gates;
    let mut found = Vec::new();
    match *paused_until {
        Some(until) if until < 0 => {
            let note = if paused_note.is_empty() { "no reason given" } else { paused_note };
            let found_so = format!("paused without an end ({note})");
            found.push(Finding::warning("gates", found_so, format!("queuectl resume --queue {name}")));
        }
        Some(until) if until > now => {
            found.push(Finding::ok("gates", format!("paused for {} more", left(until, now))));
        }
        _ => {}
    }
    if let Some(Intake { since, note }) = intake {
        let note = if note.is_empty() { "no reason given" } else { note };
        let text = format!("intake paused for {} ({note}): nobody may enqueue", left(now, *since));
        found.push(Finding::warning("gates", text, format!("queuectl resume --intake --queue {name}")));
    }
    if let Some(breaker) = breaker {
        let why = mask::text(&breaker.why);
        let todo = "mend what the provider says; the first message that is sent closes it";
        found.push(Finding::fault("gates", format!("the breaker is open: {why}"), todo));
    }
    if let Some(until) = throttled_until.filter(|until| *until > now) {
        let text = format!("the provider asked everybody to wait for {} more", left(until, now));
        found.push(Finding::ok("gates", text));
    }
    if let Some(import) = &stats.import {
        let done = import.split(':').next().and_then(|done| done.parse().ok()).unwrap_or(0);
        let text = format!("an import has not ended; it has put in {}", count(done, "message"));
        let todo = "run the same `queuectl import` once more: it goes on where it stopped";
        found.push(Finding::warning("gates", text, todo));
    }
    if found.is_empty() {
        found.push(Finding::ok("gates", "open"));
    }
    found
}

/// Whether all workers are of one version.
fn versions_of(versions: &BTreeMap<String, usize>) -> Option<Finding> {
    const CHECK: &str = "worker versions";
    let text = |(version, count): (&String, &usize)| {
        format!("{} ({count})", if version.is_empty() { "unknown" } else { version })
    };
    let all: Vec<_> = versions.iter().map(text).collect();
    match all.len() {
        0 => None,
        1 => Some(Finding::ok(CHECK, all.concat())),
        _ => {
            let todo = "restart the older ones, unless an update is under way";
            Some(Finding::warning(CHECK, format!("several at once: {}", all.join(", ")), todo))
        }
    }
}

fn start(queue: &str) -> String {
    match [Email::QUEUE, SmsChannel::QUEUE, WhatsAppChannel::QUEUE].contains(&queue) {
        true => format!("start {queue}-worker"),
        false => "start a worker of this queue".to_owned(),
    }
}

fn left(until: i64, now: i64) -> String {
    time::shown((until - now).max(0).unsigned_abs())
}

/// `1 message`, `2 messages`
fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
